/*
 * The config from any text, and a second one that it is reloaded with
 *
 * The two are divided by a NUL. A text that is taken has all its values in their ranges.
 */

#include "base/config.h"

#include "base/log.h"
#include "file.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        (void)argc;
        (void)argv;
        log_init(LOG_DEBUG);
        return 0;
}

static bool is_power(uint64_t n) {
        return n && !(n & (n - 1));
}

static void check_endpoint(const char *text) {
        char address[CONFIG_ADDRESS_SIZE];
        uint16_t port;

        if (!text)
                return;
        CHECK(config_endpoint(text, address, &port));
        CHECK(*address && port && port == strtoul(strrchr(text, ':') + 1, NULL, 10));
}

static void check_udp(const struct config_feed *feed) {
        CHECK(feed->a || (feed->address && feed->port));
        CHECK(!feed->a || !feed->interface);
        CHECK(feed->b || (!feed->interface_b && !feed->source_b));
        check_endpoint(feed->a);
        check_endpoint(feed->b);
        check_endpoint(feed->recovery);
        CHECK(feed->hole >= 0 && feed->recovery_wait >= 0);
}

static void check_feed(const struct config_feed *feed) {
        CHECK(feed->name && *feed->name && strlen(feed->name) <= 31);
        CHECK(feed->line > 0);
        switch (feed->source) {
        case CONFIG_SOURCE_PCAP:
        case CONFIG_SOURCE_FILE:
                CHECK(feed->file && feed->protocol && feed->speed >= 0);
                break;
        case CONFIG_SOURCE_UDP:
                CHECK(feed->protocol);
                check_udp(feed);
                break;
        case CONFIG_SOURCE_PUBLISHER:
                CHECK(is_power(feed->ring) && feed->ring >= 64);
                break;
        }
}

static void check(const struct config *config) {
        CHECK(config->segment.name && config->segment.name[0] == '/');
        CHECK(!strchr(config->segment.name + 1, '/') && strlen(config->segment.name) < 64);
        CHECK(config->segment.instruments >= 1 && config->segment.instruments <= 1u << 24);
        CHECK(is_power(config->segment.journal) && config->segment.journal >= 64);
        CHECK(config->segment.depth <= 64);
        CHECK(config->listen.socket && config->listen.mode <= 0777);
        CHECK(config->access.read.text && config->access.publish.text &&
              config->access.control.text);
        CHECK(config->limits.clients_per_user >= 1 && config->limits.clients >= 1);
        CHECK(config->n_feeds <= 64);
        for (size_t i = 0; i < config->n_feeds; i++) {
                check_feed(&config->feeds[i]);
                for (size_t k = 0; k < i; k++)
                        CHECK(strcmp(config->feeds[i].name, config->feeds[k].name));
        }
}

/* NULL: refused. */
static struct config *read_text(const void *text, size_t size) {
        struct memory_file file = memory_file_new(text, size);
        struct config *config = NULL;
        int r;

        r = config_new(&config, file.path);
        CHECK((r == 0) == (config != NULL));
        memory_file_free(&file);
        if (config)
                check(config);
        return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *end = size ? memchr(data, '\0', size) : NULL;
        size_t first = end ? (size_t)(end - data) : size;
        struct config *old, *new;

        old = read_text(data, first);
        new = end ? read_text(end + 1, size - first - 1) : NULL;
        if (old && new) {
                config_reload(old, new);
                check(old);
                check(new);
        }
        config_free(old);
        config_free(new);
        return 0;
}
