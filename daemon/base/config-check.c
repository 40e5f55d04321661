/* Checks of the whole: what no value can say by itself. */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/config-keys.h"
#include "base/log.h"

#define ANY_SOURCE (~0u)

/* One key of a feed against its sources: the one that it has, or any while that is not known. */
static void check_feed_key(const struct config_feed *feed, const struct config_key *key,
                           unsigned sources, struct config_complaints *complaints) {
        const struct config_setting *setting = config_feed_setting(feed, key);
        const char *name = sources == ANY_SOURCE ? "" : config_source_name(feed->source);
        char where[CONFIG_WHERE_SIZE];

        config_where(where, CONFIG_SECTION_FEED, feed);
        if (key->required && !setting->line && !(sources & CONFIG_SOURCES & ~key->sources))
                config_complain(complaints, feed->line, where, key->name,
                                "is missing, and no %s%sfeed is complete without it", name,
                                *name ? " " : "");
        if (setting->line && !(key->sources & sources))
                config_complain(complaints, setting->line, where, key->name,
                                "does not belong to a feed with source = %s (line %u); take one of "
                                "the two out",
                                name, config_feed_line(feed, "source"));
}

/* The setting of a key of the feed, by name. */
static const struct config_setting *setting_of(const struct config_feed *feed, const char *name) {
        return config_feed_setting(feed, config_key_find(CONFIG_SECTION_FEED, name));
}

/* An address in numbers: its family, or AF_UNSPEC; and whether it is one of multicast. */
static int family_of(const char *text, bool *is_multicast) {
        struct in_addr in;
        struct in6_addr in6;

        if (inet_pton(AF_INET, text, &in) == 1) {
                *is_multicast = IN_MULTICAST(ntohl(in.s_addr));
                return AF_INET;
        }
        if (inet_pton(AF_INET6, text, &in6) != 1)
                return AF_UNSPEC;
        *is_multicast = IN6_IS_ADDR_MULTICAST(&in6);
        return AF_INET6;
}

/* The one sender to listen to, of a line: that is for multicast, and of the same kind as the group. */
static void check_source(const struct config_feed *feed, const char *line, const char *endpoint,
                         const char *name, const char *source,
                         struct config_complaints *complaints) {
        char where[CONFIG_WHERE_SIZE], address[CONFIG_ADDRESS_SIZE];
        bool is_multicast = false, ignored;
        int family;
        uint16_t port;

        if (!endpoint || !source)
                return;
        config_where(where, CONFIG_SECTION_FEED, feed);
        config_endpoint(endpoint, address, &port);
        family = family_of(address, &is_multicast);
        if (!is_multicast)
                config_complain(complaints, config_feed_line(feed, name), where, name,
                                "says whose multicast is taken, but %s (line %u) is no multicast "
                                "address; take one of the two out",
                                line, config_feed_line(feed, line));
        else if (family_of(source, &ignored) != family)
                config_complain(complaints, config_feed_line(feed, name), where, name,
                                "is an address of another kind than %s (line %u); write both as "
                                "IPv4, or both as IPv6",
                                line, config_feed_line(feed, line));
}

static bool same(const char *a, const char *b) {
        return a && b ? !strcmp(a, b) : a == b;
}

/* A second line is another one than the first. */
static void check_second(const struct config_feed *feed, struct config_complaints *complaints) {
        char where[CONFIG_WHERE_SIZE];

        config_where(where, CONFIG_SECTION_FEED, feed);
        if (feed->b && same(feed->a, feed->b) && same(feed->interface_a, feed->interface_b))
                config_complain(complaints, config_feed_line(feed, "b"), where, "b",
                                "is the same as a (line %u); say where line B comes in, or take it "
                                "out",
                                config_feed_line(feed, "a"));
        if (feed->b && !setting_of(feed, "a")->line && feed->source == CONFIG_SOURCE_PCAP)
                config_complain(complaints, config_feed_line(feed, "b"), where, "b",
                                "is the second line, and there is no a");
}

/* Two keys say the same of a line, or one says something of a line that is not there. */
static void check_lines(const struct config_feed *feed, struct config_complaints *complaints) {
        static const char *const twice[][2] = { { "a", "address" },
                                                { "a", "port" },
                                                { "interface_a", "interface" } };
        static const char *const needs[][2] = { { "interface_a", "a" },
                                                { "source_a", "a" },
                                                { "interface_b", "b" },
                                                { "source_b", "b" } };
        const struct config_setting *first, *second;
        char where[CONFIG_WHERE_SIZE];

        config_where(where, CONFIG_SECTION_FEED, feed);
        if (!setting_of(feed, "port")->line && !setting_of(feed, "a")->line)
                config_complain(complaints, feed->line, where, "port",
                                "is missing, and no udp feed is complete without it, or without a");
        for (size_t i = 0; i < sizeof(twice) / sizeof(*twice); i++) {
                first = setting_of(feed, twice[i][0]);
                second = setting_of(feed, twice[i][1]);
                if (first->line && second->line)
                        config_complain(complaints, first->line, where, twice[i][0],
                                        "says the same as %s (line %u); take one of the two out",
                                        twice[i][1], second->line);
        }
        for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
                first = setting_of(feed, needs[i][0]);
                if (first->line && !setting_of(feed, needs[i][1])->line)
                        config_complain(complaints, first->line, where, needs[i][0],
                                        "says something of a line, and there is no %s",
                                        needs[i][1]);
        }
        check_source(feed, "a", feed->a, "source_a", feed->source_a, complaints);
        check_source(feed, "b", feed->b, "source_b", feed->source_b, complaints);
}

static void check_feed(const struct config_feed *feed, struct config_complaints *complaints) {
        const struct config_key *key = config_key_find(CONFIG_SECTION_FEED, "source");
        const struct config_setting *source = config_feed_setting(feed, key);
        unsigned sources = source->good ? 1u << feed->source : ANY_SOURCE;

        for (size_t i = 0; i < config_keys_n; i++)
                if (!strcmp(config_keys[i].section, CONFIG_SECTION_FEED))
                        check_feed_key(feed, &config_keys[i], sources, complaints);
        if (sources == 1u << CONFIG_SOURCE_UDP)
                check_lines(feed, complaints);
        if (sources & (1u << CONFIG_SOURCE_UDP | 1u << CONFIG_SOURCE_PCAP))
                check_second(feed, complaints);
}

/* A share that is larger than the whole was not meant. */
static void check_limits(const struct config *config, struct config_complaints *complaints) {
        const struct config_setting *share =
                config_setting(config, NULL, config_key_find("limits", "clients_per_user"));
        const struct config_setting *whole =
                config_setting(config, NULL, config_key_find("limits", "clients"));

        if (share->line && share->good && whole->good &&
            config->limits.clients_per_user > config->limits.clients)
                config_complain(complaints, share->line, "[limits]", "clients_per_user",
                                "%u for one user is more than the %u clients for all; make it "
                                "smaller, or clients larger",
                                config->limits.clients_per_user, config->limits.clients);
}

void config_check(const struct config *config, struct config_complaints *complaints) {
        check_limits(config, complaints);
        for (size_t i = 0; i < config->n_feeds; i++)
                check_feed(&config->feeds[i], complaints);
}

/* One sentence at each of the two keys that is written; one without a line where neither is. */
static void complain_room(const struct config *config, double bytes, double room) {
        static const char *const names[] = { "instruments", "journal" };
        struct config_complaints complaints = { .path = config->path };
        const struct config_key *key;
        unsigned line[2];

        for (size_t i = 0; i < 2; i++) {
                key = config_key_find("segment", names[i]);
                line[i] = config_setting(config, NULL, key)->line;
        }
        for (size_t i = 0; i < 2; i++)
                if (line[i] || (!line[0] && !line[1]))
                        config_complain(&complaints, line[i], "[segment]", names[i],
                                        "%u instruments and a journal of %" PRIu64
                                        " ticks need %.1f MiB, and /dev/shm has %.1f MiB in all; "
                                        "make one of the two smaller, or /dev/shm larger",
                                        config->segment.instruments, config->segment.journal,
                                        bytes / 1048576, room / 1048576);
}

int config_check_room(const struct config *config, uint64_t bytes) {
        struct statvfs vfs;
        double room;
        int r;

        if (statvfs("/dev/shm", &vfs) < 0) {
                r = -errno;
                log_error("cannot look at /dev/shm, where the segment would be: %s", strerror(-r));
                return r;
        }
        room = (double)vfs.f_blocks * (double)vfs.f_frsize;
        if ((double)bytes <= room)
                return 0;
        complain_room(config, (double)bytes, room);
        return -ENOSPC;
}
