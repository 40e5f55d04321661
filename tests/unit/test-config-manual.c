/* Each key stands in manual and default file, with its default, and neither has one that is none. */

#include "config-try.h"

#include "base/config-keys.h"

static const char *manual_path, *default_path;

static char *text_new(const char *path) {
        FILE *file = fopen(path, "re");
        char *text = NULL;
        size_t n = 0;

        assert_non_null(file);
        assert_true(getdelim(&text, &n, '\0', file) > 0);
        fclose(file);
        return text;
}

/* Copies what lies between a line that begins with `begin` and the next that begins with `end`. */
static char *part_new(const char *text, const char *begin, const char *end) {
        char from[64], to[64];
        const char *p, *q;

        snprintf(from, sizeof(from), "\n%s", begin);
        snprintf(to, sizeof(to), "\n%s", end);
        p = strstr(text, from);
        if (!p)
                fail_msg("there is no line \"%s\"", begin);
        q = p ? strstr(p + strlen(from), to) : NULL;
        return q ? strndup(p, (size_t)(q + 1 - p)) : strdup(p);
}

static bool has_line(const char *part, const char *line) {
        char sought[512];

        snprintf(sought, sizeof(sought), "\n%s\n", line);
        return strstr(part, sought) != NULL;
}

/* ---- the manual ---- */

static void manual_has(const char *manual, const struct config_key *key) {
        bool feed = !strcmp(key->section, CONFIG_SECTION_FEED);
        char title[64], item[64], line[128], *part, *entry;

        snprintf(title, sizeof(title), ".Ss [%s%s]", key->section, feed ? " NAME" : "");
        snprintf(item, sizeof(item), ".It Ic %s No = Em ", key->name);
        part = part_new(manual, title, ".Ss");
        entry = part_new(part, item, ".It");

        if (key->required && !has_line(entry, "There is no default."))
                fail_msg("the manual does not say that %s is required", key->name);
        if (key->fallback && *key->fallback) {
                snprintf(line, sizeof(line), "Default:\n.Ql %s .", key->fallback);
                if (!has_line(entry, line))
                        fail_msg("the manual does not say that %s is %s by default", key->name,
                                 key->fallback);
        }
        free(entry);
        free(part);
}

static void test_manual_has_each_key(void **state) {
        char *manual = text_new(manual_path);

        (void)state;
        for (size_t i = 0; i < config_keys_n; i++)
                manual_has(manual, &config_keys[i]);
        free(manual);
}

static void test_manual_has_no_other(void **state) {
        char section[64] = "", name[64], *line, *rest;
        char *manual = text_new(manual_path);
        size_t keys = 0;

        (void)state;
        for (line = strtok_r(manual, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                if (sscanf(line, ".Ss [%63[a-z]", section) == 1)
                        continue;
                if (sscanf(line, ".It Ic %63s No = Em", name) != 1)
                        continue;
                if (!config_key_find(section, name))
                        fail_msg("the manual has %s in [%s]", name, section);
                keys++;
        }
        assert_int_equal(keys, config_keys_n);
        free(manual);
}

/* ---- the default file ---- */

/* What a feed on one line does not need. */
static bool is_of_lines(const struct config_key *key) {
        static const char *const starts[] = { "interface_", "source_", "recovery", "catch_up" };

        for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
                if (!strncmp(key->name, starts[i], strlen(starts[i])))
                        return true;
        return !strcmp(key->name, "a") || !strcmp(key->name, "b");
}

/* The section of the default file that shows it. */
static const char *example_of(const struct config_key *key) {
        switch (key->sources) {
        case 1u << CONFIG_SOURCE_UDP:
                return is_of_lines(key) ? "#[feed lines]" : "#[feed live]";
        case 1u << CONFIG_SOURCE_FILE:
                return "#[feed day]";
        case 1u << CONFIG_SOURCE_PUBLISHER:
                return "#[feed demo]";
        default:
                return "#[feed recorded]";
        }
}

static void test_default_file_has_each_key(void **state) {
        char line[256], head[64], *part;
        char *file = text_new(default_path);
        const struct config_key *key;

        (void)state;
        for (size_t i = 0; i < config_keys_n; i++) {
                key = &config_keys[i];
                snprintf(head, sizeof(head), "[%s]", key->section);
                if (!strcmp(key->section, CONFIG_SECTION_FEED))
                        strcpy(head, example_of(key));
                part = part_new(file, head, *head == '#' ? "#[" : "[");
                snprintf(line, sizeof(line), "\n#%s =%s%s", key->name,
                         key->fallback && *key->fallback ? " " : "",
                         key->fallback ? key->fallback : "");
                if (!strstr(part, line) || (key->fallback && !has_line(part, line + 1)))
                        fail_msg("%s has no \"%s\" below %s", default_path, line + 1, head);
                free(part);
        }
        free(file);
}

static void test_default_file_is_the_default(void **state) {
        struct attempt attempt, empty;
        int saved;

        (void)state;
        attempt_path(&attempt, default_path);
        assert_int_equal(attempt.r, 0);
        attempt_text(&empty, "");

        /* a reload names each key that differs */
        saved = listen_begin();
        config_reload(empty.config, attempt.config);
        listen_end(&attempt, saved);
        assert_string_equal(attempt.said, "");
        config_free(empty.config);
        config_free(attempt.config);
}

/* With each '#' before a key taken away it is still a config, feeds included. The groups of the
 * defaults need not be on this machine, so those lines stay as they are. */
static void test_default_file_without_hashes(void **state) {
        struct attempt attempt;
        char *p, *file = text_new(default_path);

        (void)state;
        for (p = file; (p = strstr(p, "\n#")); p++)
                if (p[2] != ' ' && p[2] != '\n' && strncmp(p, "\n#read", 6) &&
                    strncmp(p, "\n#publish", 9))
                        p[1] = ' ';
        attempt_text(&attempt, file);
        if (attempt.r)
                fail_msg("%s", attempt.said);
        assert_int_equal(attempt.config->n_feeds, 5);
        config_free(attempt.config);
        free(file);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_manual_has_each_key),
                cmocka_unit_test(test_manual_has_no_other),
                cmocka_unit_test(test_default_file_has_each_key),
                cmocka_unit_test(test_default_file_is_the_default),
                cmocka_unit_test(test_default_file_without_hashes),
        };

        if (argc != 3) {
                fprintf(stderr, "usage: test-config-manual MANUAL DEFAULT-FILE\n");
                return 2;
        }
        manual_path = argv[1];
        default_path = argv[2];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
