/* The table of keys, and how to find one; config-keys.h tells the idea. */

#include "base/config-keys.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/instance.h"
#include "base/log.h"

#define FIELD(type, field)                                                                         \
        .offset = offsetof(struct type, field), .size = sizeof(((struct type *)NULL)->field)

#define PCAP (1u << CONFIG_SOURCE_PCAP)
#define UDP  (1u << CONFIG_SOURCE_UDP)
#define PUB  (1u << CONFIG_SOURCE_PUBLISHER)
#define DAY  (1u << CONFIG_SOURCE_FILE)

#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define CLIENTS_MAX     4096
#define INTERFACE_MAX   15 /* IFNAMSIZ with its NUL */
#define PATH_LENGTH_MAX 4095
#define CPU_MAX         1023 /* CPU_SETSIZE less one */
#define KEY_LENGTH_MAX  32   /* of the names below */

static const char *const stampers[] = { "kernel", "nic", NULL };
static const char *const polls[] = { "wait", "spin", NULL };
static const char *const framings[] = { "iextp", "moldudp64", "file", NULL };

const struct config_key config_keys[] = {
        { "segment", "name", config_parse_segment, FIELD(config, segment.name),
          .max = CONFIG_SEGMENT_MAX, .text = true, .fallback = "mdshmd",
          .fallback_new = instance_segment },
        { "segment", "instruments", config_parse_size, FIELD(config, segment.instruments), .min = 1,
          .max = CONFIG_INSTRUMENTS_MAX, .fallback = "16384" },
        { "segment", "journal", config_parse_power, FIELD(config, segment.journal),
          .min = CONFIG_JOURNAL_MIN, .max = CONFIG_JOURNAL_MAX, .fallback = "1048576" },
        { "segment", "depth", config_parse_number, FIELD(config, segment.depth), .max = 64,
          .fallback = "0" },
        { "segment", "lock", config_parse_bool, FIELD(config, segment.lock), .fallback = "no" },
        { "segment", "huge_pages", config_parse_bool, FIELD(config, segment.huge_pages),
          .fallback = "no" },

        { "listen", "socket", config_parse_text, FIELD(config, listen.socket),
          .max = SOCKET_PATH_MAX, .text = true, .fallback_new = instance_socket },
        /* open to all: the daemon itself decides who may enter, and can tell the others why not */
        { "listen", "mode", config_parse_mode, FIELD(config, listen.mode), .max = 0777,
          .fallback = "0666" },

        { "access", "read", config_parse_access, FIELD(config, access.read), .live = true,
          .fallback = "@mdshm" },
        { "access", "publish", config_parse_access, FIELD(config, access.publish), .live = true,
          .fallback = "@mdpub" },
        { "access", "control", config_parse_access, FIELD(config, access.control), .live = true,
          .fallback = "" },

        { "limits", "clients", config_parse_number, FIELD(config, limits.clients), .min = 1,
          .max = CLIENTS_MAX, .live = true, .fallback = "256" },
        { "limits", "clients_per_user", config_parse_number, FIELD(config, limits.clients_per_user),
          .min = 1, .max = CLIENTS_MAX, .live = true, .fallback = "64" },
        { "limits", "hello_ms", config_parse_number, FIELD(config, limits.hello_ms), .min = 1,
          .max = 60000, .live = true, .fallback = "2000" },

        { "log", "level", config_parse_level, FIELD(config, log.level), .live = true,
          .fallback = "info" },

        { "daemon", "cpu", config_parse_cpu, FIELD(config, daemon.cpu), .max = CPU_MAX,
          .fallback = "any" },
        { "daemon", "priority", config_parse_number, FIELD(config, daemon.priority), .max = 99,
          .fallback = "0" },

        { "feed", "source", config_parse_source, FIELD(config_feed, source),
          .sources = PCAP | UDP | PUB | DAY, .required = true },
        { "feed", "protocol", config_parse_word, FIELD(config_feed, protocol),
          .max = CONFIG_PROTOCOL_MAX, .text = true, .sources = PCAP | UDP | DAY, .required = true },
        { "feed", "framing", config_parse_choice, FIELD(config_feed, framing), .choices = framings,
          .text = true, .sources = PCAP | UDP | DAY },
        { "feed", "hole_ms", config_parse_ms, FIELD(config_feed, hole), .max = 60000,
          .sources = PCAP | UDP, .fallback = "5" },
        { "feed", "hole_buffer", config_parse_size, FIELD(config_feed, hole_buffer),
          .min = CONFIG_HOLE_BUFFER_MIN, .max = CONFIG_HOLE_BUFFER_MAX, .sources = PCAP | UDP,
          .fallback = "32M" },
        { "feed", "file", config_parse_text, FIELD(config_feed, file), .max = PATH_LENGTH_MAX,
          .text = true, .sources = PCAP | DAY, .required = true },
        { "feed", "speed", config_parse_speed, FIELD(config_feed, speed), .sources = PCAP | DAY,
          .fallback = "recorded" },
        { "feed", "packets", config_parse_number, FIELD(config_feed, packets), .max = INT64_MAX,
          .sources = PCAP, .fallback = "0" },
        { "feed", "messages", config_parse_number, FIELD(config_feed, messages), .max = INT64_MAX,
          .sources = DAY, .fallback = "0" },
        { "feed", "loop", config_parse_bool, FIELD(config_feed, loop), .sources = PCAP | DAY,
          .fallback = "no" },
        { "feed", "date", config_parse_date, FIELD(config_feed, date), .sources = PCAP | DAY,
          .fallback = "1970-01-01" },
        { "feed", "address", config_parse_address, FIELD(config_feed, address), .text = true,
          .sources = UDP, .fallback = "0.0.0.0" },
        { "feed", "port", config_parse_number, FIELD(config_feed, port), .min = 1, .max = 65535,
          .sources = UDP },
        { "feed", "interface", config_parse_word, FIELD(config_feed, interface),
          .max = INTERFACE_MAX, .text = true, .sources = UDP },
        { "feed", "a", config_parse_endpoint, FIELD(config_feed, a), .text = true,
          .sources = PCAP | UDP },
        { "feed", "b", config_parse_endpoint, FIELD(config_feed, b), .text = true,
          .sources = PCAP | UDP },
        { "feed", "interface_a", config_parse_word, FIELD(config_feed, interface_a),
          .max = INTERFACE_MAX, .text = true, .sources = UDP },
        { "feed", "interface_b", config_parse_word, FIELD(config_feed, interface_b),
          .max = INTERFACE_MAX, .text = true, .sources = UDP },
        { "feed", "source_a", config_parse_address, FIELD(config_feed, source_a), .text = true,
          .sources = UDP },
        { "feed", "source_b", config_parse_address, FIELD(config_feed, source_b), .text = true,
          .sources = UDP },
        { "feed", "recovery", config_parse_endpoint, FIELD(config_feed, recovery), .text = true,
          .sources = UDP },
        { "feed", "recovery_ms", config_parse_ms, FIELD(config_feed, recovery_wait), .max = 60000,
          .sources = UDP, .fallback = "500" },
        { "feed", "recovery_rate", config_parse_number, FIELD(config_feed, recovery_rate), .min = 1,
          .max = 1000000, .sources = UDP, .fallback = "200" },
        { "feed", "catch_up_rate", config_parse_number, FIELD(config_feed, catch_up_rate),
          .max = 1000000, .sources = UDP, .fallback = "10000" },
        { "feed", "receive_buffer", config_parse_size, FIELD(config_feed, receive_buffer),
          .min = 1 << 16, .max = 1 << 30, .sources = UDP, .fallback = "32M" },
        { "feed", "stamps", config_parse_choice, FIELD(config_feed, stamps), .choices = stampers,
          .sources = UDP, .fallback = "kernel" },
        { "feed", "poll", config_parse_choice, FIELD(config_feed, poll), .choices = polls,
          .sources = UDP, .fallback = "wait" },
        { "feed", "stale_ms", config_parse_number, FIELD(config_feed, stale_ms), .max = 86400000,
          .sources = UDP, .fallback = "3000" },
        { "feed", "ring", config_parse_power, FIELD(config_feed, ring), .min = CONFIG_RING_MIN,
          .max = CONFIG_RING_MAX, .sources = PUB, .fallback = "65536" },
        { "feed", "instruments", config_parse_size, FIELD(config_feed, instruments),
          .max = CONFIG_INSTRUMENTS_MAX, .sources = PUB, .fallback = "0" },
};

const size_t config_keys_n = sizeof(config_keys) / sizeof(*config_keys);

const struct config_key *config_section_first(const char *section) {
        for (size_t i = 0; i < config_keys_n; i++)
                if (!strcmp(config_keys[i].section, section))
                        return &config_keys[i];
        return NULL;
}

const struct config_key *config_key_find(const char *section, const char *name) {
        const struct config_key *key;

        for (size_t i = 0; i < config_keys_n; i++) {
                key = &config_keys[i];
                if ((!section || !strcmp(key->section, section)) && !strcmp(key->name, name))
                        return key;
        }
        return NULL;
}

/* Letters to put in, take out or change to make `b`, one of ours, of `a` (Levenshtein). What is
 * much longer than any of ours is compared by its beginning. */
static size_t distance(const char *a, const char *b) {
        size_t row[KEY_LENGTH_MAX + 1], above_left, above, best;
        size_t a_n = strnlen(a, 2 * KEY_LENGTH_MAX), b_n = strnlen(b, KEY_LENGTH_MAX);

        for (size_t j = 0; j <= b_n; j++)
                row[j] = j;
        for (size_t i = 1; i <= a_n; i++) {
                above_left = row[0];
                row[0] = i;
                for (size_t j = 1; j <= b_n; j++) {
                        above = row[j];
                        best = above_left + (tolower((unsigned char)a[i - 1]) != b[j - 1]);
                        if (best > above + 1)
                                best = above + 1;
                        if (best > row[j - 1] + 1)
                                best = row[j - 1] + 1;
                        row[j] = best;
                        above_left = above;
                }
        }
        return row[b_n];
}

const char *config_section_nearest(const char *section) {
        const char *nearest = NULL;
        size_t d, least = SIZE_MAX;

        for (size_t i = 0; i < config_keys_n; i++) {
                d = distance(section, config_keys[i].section);
                if (d < least) {
                        least = d;
                        nearest = config_keys[i].section;
                }
        }
        return nearest;
}

const struct config_key *config_key_nearest(const char *section, const char *name) {
        const struct config_key *nearest = NULL;
        size_t d, least = SIZE_MAX;

        for (size_t i = 0; i < config_keys_n; i++) {
                if (strcmp(config_keys[i].section, section))
                        continue;
                d = distance(name, config_keys[i].name);
                if (d < least) {
                        least = d;
                        nearest = &config_keys[i];
                }
        }
        return nearest;
}

struct config_setting *config_feed_setting(const struct config_feed *feed,
                                           const struct config_key *key) {
        return &feed->settings[key - config_keys];
}

struct config_setting *config_setting(const struct config *config, const struct config_feed *feed,
                                      const struct config_key *key) {
        return feed ? config_feed_setting(feed, key) : &config->settings[key - config_keys];
}

void *config_field(struct config *config, struct config_feed *feed, const struct config_key *key) {
        return (feed ? (char *)feed : (char *)config) + key->offset;
}

struct config_feed *config_feed_find(const struct config *config, const char *name) {
        for (size_t i = 0; i < config->n_feeds; i++)
                if (!strcmp(config->feeds[i].name, name))
                        return &config->feeds[i];
        return NULL;
}

unsigned config_feed_line(const struct config_feed *feed, const char *key) {
        const struct config_key *found = config_key_find(CONFIG_SECTION_FEED, key);
        unsigned line = found ? config_feed_setting(feed, found)->line : 0;

        return line ? line : feed->line;
}

const char *config_where(char where[CONFIG_WHERE_SIZE], const char *section,
                         const struct config_feed *feed) {
        if (feed)
                snprintf(where, CONFIG_WHERE_SIZE, "[%s %s]", section, feed->name);
        else
                snprintf(where, CONFIG_WHERE_SIZE, "[%s]", section);
        return where;
}

void config_complain(struct config_complaints *complaints, unsigned line, const char *where,
                     const char *key, const char *format, ...) {
        char number[16] = "", text[512];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        if (line)
                snprintf(number, sizeof(number), ":%u", line);

        log_error("%s%s: %s%s%s: %s", complaints->path, number, where, key ? " " : "",
                  key ? key : "", text);
        complaints->n++;
}
