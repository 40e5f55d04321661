/* What an instance may be called, and what is then called after it. */

#include "config-try.h"

#include "base/config-keys.h"
#include "base/instance.h"

/* Each is refused with a sentence that names it. */
static void test_names_refused(void **state) {
        static const char *const names[] = { "",     ".",          "..",     ".hidden",
                                             "a/b",  "with blank", "mdshmd", "\xc3\xa4",
                                             "a\nb", "../mdshmd",  "@" };
        char longest[64] = "";
        struct attempt attempt;
        int saved;

        (void)state;
        log_init(LOG_INFO);
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
                saved = listen_begin();
                assert_false(instance_check(names[i]));
                listen_end(&attempt, saved);
                assert_int_equal(attempt.lines, 1);
                assert_non_null(strstr(attempt.said, "an instance cannot be called \""));
        }

        memset(longest, 'x', CONFIG_SEGMENT_MAX - strlen("/mdshmd."));
        assert_true(instance_check(longest));
        strcat(longest, "x");
        saved = listen_begin();
        assert_false(instance_check(longest));
        listen_end(&attempt, saved);
        assert_non_null(strstr(attempt.said, longest));
}

static void test_names(void **state) {
        static const char *const names[] = { "a", "iex-2", "NASDAQ_itch.5", "mdshmd2" };

        (void)state;
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                assert_true(instance_check(names[i]));
}

static void test_paths(void **state) {
        char *text;

        (void)state;
        unsetenv("XDG_RUNTIME_DIR");
        text = instance_config(NULL);
        assert_non_null(strstr(text, "/mdshmd/mdshmd.conf"));
        free(text);
        text = instance_config("iex");
        assert_non_null(strstr(text, "/mdshmd/iex.conf"));
        free(text);
        text = instance_socket("iex");
        assert_string_equal(text, "/run/mdshmd/iex.sock");
        free(text);
}

/* The config of an instance: its own defaults, where the file is silent, and only there. */
static void test_config(void **state) {
        char path[] = "/tmp/mdshmd-test.XXXXXX";
        struct config *config;
        FILE *file;
        int fd;

        (void)state;
        unsetenv("XDG_RUNTIME_DIR");
        fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(config_new_instance(&config, path, "iex"), 0);
        assert_string_equal(config->instance, "iex");
        assert_string_equal(config->segment.name, "/mdshmd.iex");
        assert_string_equal(config->listen.socket, "/run/mdshmd/iex.sock");
        config_free(config);

        assert_int_equal(config_new_instance(&config, path, NULL), 0);
        assert_null(config->instance);
        assert_string_equal(config->segment.name, "/mdshmd");
        assert_string_equal(config->listen.socket, "/run/mdshmd/mdshmd.sock");
        config_free(config);

        file = fdopen(fd, "w");
        assert_non_null(file);
        fputs("[segment]\nname = other\n", file);
        fclose(file);
        assert_int_equal(config_new_instance(&config, path, "iex"), 0);
        assert_string_equal(config->segment.name, "/other");
        config_free(config);
        unlink(path);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_refused),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_config),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
