/*
 * Reading mdshmd.conf
 *
 * inih splits keys from values and knows comments. What it does not tell (the line, a section
 * without keys, a second complaint) and what it would do silently (cut a long line or name, take an
 * indented line for more of the value above) is dealt with here, in the reader that hands it the
 * lines: each comes without indentation, and the lines of sections do not reach it at all.
 */

#include "base/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/config-keys.h"
#include "base/error.h"

#define BOM             "\xef\xbb\xbf"
#define CONFIG_SIZE_MAX (1 << 20) /* bytes */

/* The section that the lines now belong to. */
struct scope {
        enum {
                SCOPE_NONE,    /* before the first section */
                SCOPE_SECTION, /* in one of the table */
                SCOPE_SKIP,    /* in one that was complained about */
        } state;
        const char *section;      /* of the table */
        struct config_feed *feed; /* NULL: no feed's */
        char where[CONFIG_WHERE_SIZE];
};

struct reader {
        struct config *config;
        struct config_complaints complaints;
        char *text; /* the whole file */
        FILE *file; /* the same, to be read by lines */
        char *line; /* as read */
        size_t allocated;
        unsigned number; /* of that line, from 1 */
        bool open;       /* inih has it, and has not come back with a key */
        struct scope scope;
        unsigned *begun; /* line of each section, at the place of its first key in the table */
        int r;           /* negative errno: stop reading */
};

#define complain(reader, ...) config_complain(&(reader)->complaints, (reader)->number, __VA_ARGS__)

static void reader_deinit(struct reader *reader) {
        fclosep(&reader->file);
        free(reader->text);
        free(reader->line);
        free(reader->begun);
}

/* ---- sections ---- */

static struct config_feed *feed_add(struct config *config, const char *name, unsigned line) {
        struct config_feed *feed = &config->feeds[config->n_feeds];

        feed->name = strdup(name);
        feed->settings = calloc(config_keys_n, sizeof(*feed->settings));
        feed->line = line;
        config->n_feeds++; /* from here on it is freed with the config */
        return feed->name && feed->settings ? feed : NULL;
}

static void feed_begin(struct reader *reader, const char *title, const char *name) {
        const struct config_feed *earlier = config_feed_find(reader->config, name);
        struct scope *scope = &reader->scope;

        if (!config_is_word(name) || strlen(name) > CONFIG_FEED_NAME_MAX) {
                complain(reader, title, NULL,
                         "\"%s\" cannot be a feed's name; write 1 to %d letters, digits, '-', '_' "
                         "and '.', as in [feed iex]",
                         name, CONFIG_FEED_NAME_MAX);
                return;
        }
        if (earlier) {
                complain(reader, title, NULL,
                         "this feed is at line %u already; make them one, or name them apart",
                         earlier->line);
                return;
        }
        if (reader->config->n_feeds == CONFIG_FEEDS_MAX) {
                complain(reader, title, NULL, "one too many, there can be %d feeds",
                         CONFIG_FEEDS_MAX);
                return;
        }

        scope->feed = feed_add(reader->config, name, reader->number);
        if (!scope->feed) {
                reader->r = error_origin(-ENOMEM);
                return;
        }
        scope->state = SCOPE_SECTION;
        scope->section = CONFIG_SECTION_FEED;
        config_where(scope->where, CONFIG_SECTION_FEED, scope->feed);
}

static void plain_begin(struct reader *reader, const char *title, const struct config_key *first) {
        unsigned *begun = &reader->begun[first - config_keys];
        struct scope *scope = &reader->scope;

        if (*begun) {
                complain(reader, title, NULL, "this section is at line %u already; make them one",
                         *begun);
                return;
        }
        *begun = reader->number;
        scope->state = SCOPE_SECTION;
        scope->section = first->section;
        config_where(scope->where, first->section, NULL);
}

/* `name` stood between the brackets. */
static void section_begin(struct reader *reader, char *name) {
        size_t word = strcspn(name, " \t");
        char title[128], *rest = name + word + strspn(name + word, " \t");
        const struct config_key *first;
        const char *nearest;

        reader->scope = (struct scope){ .state = SCOPE_SKIP };
        snprintf(title, sizeof(title), "[%.100s]", name);
        name[word] = '\0';

        first = config_section_first(name);
        if (!strcmp(name, CONFIG_SECTION_FEED)) {
                feed_begin(reader, title, rest);
        } else if (first && !*rest) {
                plain_begin(reader, title, first);
        } else {
                nearest = config_section_nearest(name);
                complain(reader, title, NULL, "there is no such section; the nearest is [%s%s]",
                         nearest, strcmp(nearest, CONFIG_SECTION_FEED) ? "" : " NAME");
        }
}

/* ---- keys ---- */

static int key_set(struct reader *reader, const struct config_key *key, const char *text) {
        struct config *config = reader->config;
        struct config_feed *feed = reader->scope.feed;
        struct config_setting *setting = config_setting(config, feed, key);
        struct config_value value = { .text = text };
        int r;

        if (setting->line) {
                complain(reader, reader->scope.where, key->name, "was set at line %u already",
                         setting->line);
                return 0;
        }
        setting->line = reader->number;
        setting->text = strdup(text);
        if (!setting->text)
                return error_origin(-ENOMEM);

        r = key->parse(key, &value, config_field(config, feed, key));
        if (r < 0)
                return error_trace(r);
        if (r > 0)
                complain(reader, reader->scope.where, key->name, "%s", value.why);
        setting->good = r == 0;
        return 0;
}

static void key_unknown(struct reader *reader, const char *name) {
        const struct config_key *elsewhere = config_key_find(NULL, name);
        const char *section = reader->scope.section;

        if (!*name)
                complain(reader, reader->scope.where, NULL, "there is no key before the '='");
        else if (elsewhere)
                complain(reader, reader->scope.where, name,
                         "there is no such key here; it belongs to [%s%s]", elsewhere->section,
                         strcmp(elsewhere->section, CONFIG_SECTION_FEED) ? "" : " NAME");
        else
                complain(reader, reader->scope.where, name,
                         "there is no such key; the nearest is %s",
                         config_key_nearest(section, name)->name);
}

/* For inih; its section is not ours. Nonzero: go on. */
static int reader_key(void *userdata, const char *section, const char *name, const char *text) {
        struct reader *reader = userdata;
        const struct config_key *key;

        (void)section;
        reader->open = false;
        switch (reader->scope.state) {
        case SCOPE_NONE:
                complain(reader, "the file", name, "stands before the first [section]");
                break;
        case SCOPE_SKIP:
                break;
        case SCOPE_SECTION:
                key = config_key_find(reader->scope.section, name);
                if (key)
                        reader->r = key_set(reader, key, text);
                else
                        key_unknown(reader, name);
                break;
        }
        return 1;
}

/* ---- lines ---- */

static bool is_comment(char c) {
        return c == '#' || c == ';';
}

static void section_line(struct reader *reader, char *line) {
        char *name, *end = strchr(line, ']'), *after, *last;

        if (!end) {
                reader->scope = (struct scope){ .state = SCOPE_SKIP };
                complain(reader, line, NULL, "a section's name ends with a ']'");
                return;
        }
        after = end + 1;
        after += strspn(after, " \t");
        if (*after && !is_comment(*after))
                complain(reader, line, NULL, "only a comment can follow on this line");

        *end = '\0';
        name = line + 1;
        name += strspn(name, " \t");
        for (last = end; last > name && isspace((unsigned char)last[-1]);)
                *--last = '\0';
        section_begin(reader, name);
}

/* The next line without indentation and line end, in reader->line; NULL at the end. */
static char *line_read(struct reader *reader) {
        char *start;
        ssize_t n;

        n = getline(&reader->line, &reader->allocated, reader->file);
        if (n < 0) {
                /* short of memory it stops just as it does at the end */
                if (!feof(reader->file))
                        reader->r = error_origin(-errno);
                return NULL;
        }
        reader->number++;
        if (strlen(reader->line) < (size_t)n)
                complain(reader, "the file", NULL, "this line has a NUL in it: is it a text file?");

        start = reader->line;
        if (reader->number == 1 && !strncmp(start, BOM, strlen(BOM)))
                start += strlen(BOM);
        start += strspn(start, " \t");
        n = (ssize_t)strlen(start);
        while (n > 0 && isspace((unsigned char)start[n - 1]))
                start[--n] = '\0';
        return start;
}

/* For inih, like fgets(): the next line that may be a key. */
static char *reader_line(char *buffer, int size, void *userdata) {
        struct reader *reader = userdata;
        char *line;

        for (;;) {
                if (reader->open)
                        complain(reader, "the file", NULL,
                                 "this line is neither a [section] nor key = value");
                reader->open = false;
                if (reader->r < 0)
                        return NULL;

                line = line_read(reader);
                if (!line)
                        return NULL;
                if (!*line || is_comment(*line))
                        continue;
                if (*line == '[') {
                        section_line(reader, line);
                        continue;
                }
                if (snprintf(buffer, (size_t)size, "%s\n", line) >= size) {
                        complain(reader, "the file", NULL, "this line has more than %d characters",
                                 size - 2);
                        continue;
                }
                reader->open = true;
                return buffer;
        }
}

/* Opens the file, or the pipe of a shell, whose text is then read as a whole: nothing that goes on without
 * end is read for a config. -EFBIG, -EINVAL: it is none. */
static int reader_open(struct reader *reader, const char *path) {
        _cleanup_(fclosep) FILE *file = NULL;
        struct stat st;
        size_t n;

        file = fopen(path, "re");
        if (!file || fstat(fileno(file), &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        reader->text = malloc(CONFIG_SIZE_MAX + 1);
        if (!reader->text)
                return -ENOMEM;
        n = fread(reader->text, 1, CONFIG_SIZE_MAX + 1, file);
        if (ferror(file))
                return -errno;
        if (n > CONFIG_SIZE_MAX)
                return -EFBIG;
        reader->file = fmemopen(reader->text, n, "r");
        return reader->file ? 0 : -errno;
}

static int reader_run(struct reader *reader, const char *path) {
        int r;

        reader->begun = calloc(config_keys_n, sizeof(*reader->begun));
        if (!reader->begun)
                return error_origin(-ENOMEM);

        reader->r = reader_open(reader, path);
        if (reader->r == 0)
                ini_parse_stream(reader_line, reader, reader_key, reader);

        r = reader->r;
        if (r == -EFBIG)
                log_error("cannot read %s: a config has at most %d KiB; is it the right file?",
                          path, CONFIG_SIZE_MAX >> 10);
        else if (r == -EINVAL)
                log_error("cannot read %s: it is neither a file nor a pipe; name one with -c",
                          path);
        else if (r < 0)
                log_error("cannot read %s: %s", path, strerror(-r));
        return r;
}

/* ---- the whole ---- */

static int fall_back(struct config *config, struct config_feed *feed,
                     const struct config_key *key) {
        struct config_setting *setting = config_setting(config, feed, key);
        struct config_value value = { .fallback = true };
        int r;

        if (setting->line || (!key->fallback && !key->fallback_new))
                return 0;
        setting->text =
                key->fallback_new ? key->fallback_new(config->instance) : strdup(key->fallback);
        if (!setting->text)
                return error_origin(-ENOMEM);

        value.text = setting->text;
        r = key->parse(key, &value, config_field(config, feed, key));
        if (r > 0) {
                log_error("the default of [%s] %s does not do here: %s", key->section, key->name,
                          value.why);
                return error_origin(-EINVAL);
        }
        setting->good = r == 0;
        return r;
}

/* The table's fallbacks, in the sections or in one feed. */
static int fall_back_all(struct config *config, struct config_feed *feed) {
        bool wanted, of_feed;
        int r;

        for (size_t i = 0; i < config_keys_n; i++) {
                of_feed = !strcmp(config_keys[i].section, CONFIG_SECTION_FEED);
                wanted = feed ? of_feed : !of_feed;
                r = wanted ? fall_back(config, feed, &config_keys[i]) : 0;
                if (r < 0)
                        return error_trace(r);
        }
        return 0;
}

static int config_read(struct config *config) {
        _cleanup_(reader_deinit) struct reader reader = {
                .config = config,
                .complaints = { .path = config->path },
        };
        int r;

        r = reader_run(&reader, config->path);
        if (!r)
                r = fall_back_all(config, NULL);
        for (size_t i = 0; i < config->n_feeds && !r; i++)
                r = fall_back_all(config, &config->feeds[i]);
        if (r < 0)
                return error_trace(r);

        config_check(config, &reader.complaints);
        return reader.complaints.n ? error_origin(-EINVAL) : 0;
}

int config_new(struct config **configp, const char *path) {
        return config_new_instance(configp, path, NULL);
}

int config_new_instance(struct config **configp, const char *path, const char *instance) {
        _cleanup_(config_freep) struct config *config = NULL;
        int r;

        config = calloc(1, sizeof(*config));
        if (!config)
                return error_origin(-ENOMEM);

        config->path = strdup(path);
        config->instance = instance ? strdup(instance) : NULL;
        config->feeds = calloc(CONFIG_FEEDS_MAX, sizeof(*config->feeds));
        config->settings = calloc(config_keys_n, sizeof(*config->settings));
        if (!config->path || (instance && !config->instance) || !config->feeds || !config->settings)
                return error_origin(-ENOMEM);

        r = config_read(config);
        if (r < 0)
                return error_trace(r);

        *configp = config;
        config = NULL;
        return 0;
}

static void settings_free(struct config_setting *settings) {
        for (size_t i = 0; settings && i < config_keys_n; i++)
                free(settings[i].text);
        free(settings);
}

static void feed_deinit(struct config_feed *feed) {
        free(feed->name);
        free(feed->protocol);
        free(feed->framing);
        free(feed->file);
        free(feed->address);
        free(feed->interface);
        free(feed->a);
        free(feed->b);
        free(feed->interface_a);
        free(feed->interface_b);
        free(feed->source_a);
        free(feed->source_b);
        free(feed->recovery);
        settings_free(feed->settings);
}

struct config *config_free(struct config *config) {
        if (!config)
                return NULL;

        for (size_t i = 0; i < config->n_feeds; i++)
                feed_deinit(&config->feeds[i]);
        free(config->feeds);
        free(config->segment.name);
        free(config->listen.socket);
        config_access_deinit(&config->access.read);
        config_access_deinit(&config->access.publish);
        config_access_deinit(&config->access.control);
        settings_free(config->settings);
        free(config->path);
        free(config->instance);
        free(config);
        return NULL;
}
