#pragma once

/*
 * The keys: one table of all that can stand in mdshmd.conf
 *
 * A key says where it belongs, how its value is read, within which bounds, into which field, and
 * what holds where the file is silent. Reading, defaults, suggestions for misspelt names, the check of
 * each feed and the report of a reload walk this table, and a test compares manual and default file
 * with it. Private to base/config*.c and their test.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"

#define CONFIG_FEEDS_MAX       64         /* FEEDS_MAX of the segment */
#define CONFIG_FEED_NAME_MAX   31         /* FEED_NAME_SIZE with its NUL */
#define CONFIG_PROTOCOL_MAX    15         /* the segment's record of a feed holds 16 with its NUL */
#define CONFIG_SEGMENT_MAX     63         /* SEGMENT_NAME_MAX with its NUL */
#define CONFIG_INSTRUMENTS_MAX (1u << 24) /* SEGMENT_INSTRUMENTS_MAX */
#define CONFIG_JOURNAL_MIN     (1ull << 6)  /* SEGMENT_JOURNAL_MIN */
#define CONFIG_JOURNAL_MAX     (1ull << 32) /* SEGMENT_JOURNAL_MAX */
#define CONFIG_HOLE_BUFFER_MIN (1ull << 18) /* WINDOW_MIN of feed/window.h */
#define CONFIG_HOLE_BUFFER_MAX (1ull << 32)
#define CONFIG_RING_MIN        (1u << 6)  /* RING_SIZE_MIN of lib/shm/ring.h */
#define CONFIG_RING_MAX        (1u << 24) /* RING_SIZE_MAX */

/* One value on its way from the text to its field. */
struct config_value {
        const char *text;
        bool fallback; /* it is the table's, not the file's */
        char why[320]; /* CONFIG_E_VALUE: the sentence */
};

enum {
        CONFIG_E_VALUE = 1, /* the text is no good for this key */
};

struct config_key {
        const char *section; /* "feed": each [feed NAME] */
        const char *name;

        /* Returns 0, CONFIG_E_VALUE, or a negative errno. */
        int (*parse)(const struct config_key *key, struct config_value *value, void *field);
        size_t offset;              /* of the field, in struct config or struct config_feed */
        size_t size;                /* of the field */
        uint64_t min, max;          /* of a number; of a text, max is its length */
        bool text;                  /* the field is a char * of its own */
        const char *const *choices; /* what it can be, NULL at the end */
        bool live;                  /* can change while running */

        /* What holds where the file is silent, written as there; neither: nothing does. Both: the
         * first is what the second says of no instance. */
        const char *fallback;
        char *(*fallback_new)(const char *instance);

        /* Feeds only */
        unsigned sources; /* bits 1 << CONFIG_SOURCE_...: which feeds it belongs to */
        bool required;    /* in those */
};

extern const struct config_key config_keys[];
extern const size_t config_keys_n;

#define CONFIG_SECTION_FEED "feed"
#define CONFIG_SOURCES                                                                             \
        ((1u << CONFIG_SOURCE_PCAP) | (1u << CONFIG_SOURCE_UDP) |                                  \
         (1u << CONFIG_SOURCE_PUBLISHER) | (1u << CONFIG_SOURCE_FILE))

/* What the file says of one key. One per key of the table, in struct config and in each feed, where
 * the keys of the other stay unused. */
struct config_setting {
        unsigned line; /* 0: nothing */
        bool good;     /* its field is set, be it by the fallback */
        char *text;    /* as written, or the fallback */
};

/* The first key of that section, NULL if there is no such section. */
const struct config_key *config_section_first(const char *section);

/* The known name nearest to a misspelt one, never NULL. */
const char *config_section_nearest(const char *section);
const struct config_key *config_key_nearest(const char *section, const char *name);

/* The key of that name; section NULL: of any section. NULL if there is none. */
const struct config_key *config_key_find(const char *section, const char *name);

/* What is known of a key, and its field; `feed` is NULL but for the keys of feeds. */
struct config_setting *config_setting(const struct config *config, const struct config_feed *feed,
                                      const struct config_key *key);
struct config_setting *config_feed_setting(const struct config_feed *feed,
                                           const struct config_key *key);
void *config_field(struct config *config, struct config_feed *feed, const struct config_key *key);

struct config_feed *config_feed_find(const struct config *config, const char *name);

/* "pcap", "udp" */
const char *config_source_name(enum config_source source);

/* ---- values ---- */

/* Writes the sentence; returns CONFIG_E_VALUE. */
int config_refuse(struct config_value *value, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

int config_parse_number(const struct config_key *key, struct config_value *value, void *field);
int config_parse_size(const struct config_key *key, struct config_value *value, void *field);
int config_parse_power(const struct config_key *key, struct config_value *value, void *field);
int config_parse_mode(const struct config_key *key, struct config_value *value, void *field);
int config_parse_bool(const struct config_key *key, struct config_value *value, void *field);
int config_parse_level(const struct config_key *key, struct config_value *value, void *field);
int config_parse_source(const struct config_key *key, struct config_value *value, void *field);
int config_parse_choice(const struct config_key *key, struct config_value *value, void *field);
int config_parse_ms(const struct config_key *key, struct config_value *value, void *field);
int config_parse_speed(const struct config_key *key, struct config_value *value, void *field);
int config_parse_date(const struct config_key *key, struct config_value *value, void *field);
int config_parse_text(const struct config_key *key, struct config_value *value, void *field);
int config_parse_word(const struct config_key *key, struct config_value *value, void *field);
int config_parse_segment(const struct config_key *key, struct config_value *value, void *field);
int config_parse_address(const struct config_key *key, struct config_value *value, void *field);
int config_parse_endpoint(const struct config_key *key, struct config_value *value, void *field);
int config_parse_cpu(const struct config_key *key, struct config_value *value, void *field);
int config_parse_access(const struct config_key *key, struct config_value *value, void *field);

/* Letters, digits, '-', '_' and '.', at least one. */
bool config_is_word(const char *text);
bool config_is_lock(const char *text); /* what the lock beside another segment is called */

void config_access_deinit(struct config_access *access);

/* ---- complaints ---- */

struct config_complaints {
        const char *path;
        unsigned n; /* so far */
};

/* Logs one: "FILE:LINE: WHERE KEY: SENTENCE". No line where that is 0, no key where it is NULL. */
void config_complain(struct config_complaints *complaints, unsigned line, const char *where,
                     const char *key, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

/* The section's title, as it stands in the file. */
#define CONFIG_WHERE_SIZE (CONFIG_FEED_NAME_MAX + sizeof("[feed ]"))
const char *config_where(char where[CONFIG_WHERE_SIZE], const char *section,
                         const struct config_feed *feed);

/* What no value can say by itself: keys that are missing, or do not go together. */
void config_check(const struct config *config, struct config_complaints *complaints);
