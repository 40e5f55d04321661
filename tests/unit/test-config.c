/* mdshmd.conf: what is taken, and what holds where the file is silent. */

#include "config-try.h"

#include <errno.h>
#include <grp.h>

#include "base/config-keys.h"
#include "base/instance.h"
#include "shm/feeds.h"
#include "shm/segment.h"

_Static_assert(CONFIG_FEEDS_MAX == FEEDS_MAX, "the segment's bounds");
_Static_assert(CONFIG_FEED_NAME_MAX == FEED_NAME_SIZE - 1, "the segment's bounds");
_Static_assert(CONFIG_PROTOCOL_MAX == sizeof(((struct shm_feed *)NULL)->protocol) - 1,
               "the segment's bounds");
_Static_assert(CONFIG_SEGMENT_MAX == SEGMENT_NAME_MAX - 1, "the segment's bounds");
_Static_assert(CONFIG_INSTRUMENTS_MAX == SEGMENT_INSTRUMENTS_MAX, "the segment's bounds");
_Static_assert(CONFIG_JOURNAL_MIN == SEGMENT_JOURNAL_MIN, "the segment's bounds");
_Static_assert(CONFIG_JOURNAL_MAX == SEGMENT_JOURNAL_MAX, "the segment's bounds");

#define ELEMENTS(array) (sizeof(array) / sizeof(*(array)))

static void assert_defaults(const struct config *config) {
        const struct group *group = getgrnam("mdshm");
        char *socket = instance_socket(NULL);

        assert_string_equal(config->segment.name, "/mdshmd");
        assert_int_equal(config->segment.instruments, 16384);
        assert_int_equal(config->segment.journal, 1048576);
        assert_int_equal(config->segment.depth, 0);
        assert_false(config->segment.lock);
        assert_false(config->segment.huge_pages);
        assert_string_equal(config->listen.socket, socket);
        assert_int_equal(config->listen.mode, 0666);
        assert_string_equal(config->access.read.text, "@mdshm");
        assert_false(config->access.read.all);
        assert_int_equal(config->access.read.n_uids, 0);
        assert_int_equal(config->access.read.n_gids, group ? 1 : 0);
        assert_string_equal(config->access.publish.text, "@mdpub");
        assert_string_equal(config->access.control.text, "");
        assert_false(config->access.control.all);
        assert_int_equal(config->access.control.n_uids + config->access.control.n_gids, 0);
        assert_int_equal(config->limits.clients, 256);
        assert_int_equal(config->limits.clients_per_user, 64);
        assert_int_equal(config->limits.hello_ms, 2000);
        assert_int_equal(config->log.level, LOG_INFO);
        assert_int_equal(config->n_feeds, 0);
        free(socket);
}

static void test_defaults(void **state) {
        static const char *const texts[] = { "", "\n\n# nothing\n", "[segment]\n[listen]\n" };
        struct attempt attempt;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                attempt_text(&attempt, texts[i]);
                assert_int_equal(attempt.r, 0);
                assert_int_equal(attempt.lines, 0);
                assert_string_equal(attempt.config->path, attempt.path);
                assert_defaults(attempt.config);
                config_free(attempt.config);
        }
}

static void test_values(void **state) {
        struct attempt attempt;
        const struct config *config;

        (void)state;
        attempt_text(&attempt, "\xef\xbb\xbf[segment] ; a comment\r\n"
                               "name = /mdshmd.test\r\n"
                               "  instruments = 100 ; a hundred\n"
                               "\tjournal: 64k\n"
                               "depth=10\n"
                               "lock = yes\n"
                               "huge_pages = yes\n"
                               "[ listen ]\n"
                               "socket = /run/a b;c#d\n"
                               "mode = 660\n"
                               "[limits]\n"
                               "clients = 9\n"
                               "hello_ms = 1\n"
                               "[log]\n"
                               "level = debug");
        assert_int_equal(attempt.r, 0);
        config = attempt.config;
        assert_string_equal(config->segment.name, "/mdshmd.test");
        assert_int_equal(config->segment.instruments, 100);
        assert_int_equal(config->segment.journal, 65536);
        assert_int_equal(config->segment.depth, 10);
        assert_true(config->segment.lock);
        assert_true(config->segment.huge_pages);
        assert_string_equal(config->listen.socket, "/run/a b;c#d");
        assert_int_equal(config->listen.mode, 0660);
        assert_int_equal(config->limits.clients, 9);
        assert_int_equal(config->limits.hello_ms, 1);
        assert_int_equal(config->log.level, LOG_DEBUG);
        config_free(attempt.config);
}

static void test_feeds(void **state) {
        char address[CONFIG_ADDRESS_SIZE];
        uint16_t port;
        struct attempt attempt;
        const struct config_feed *feed;

        (void)state;
        attempt_text(&attempt,
                     "[feed day]\nsource = pcap\nprotocol = iex-tops\nfile = a/b.pcap.gz\n"
                     "speed = 0.5x\npackets = 20000\nloop = yes\n"
                     "[feed  live.A-1_b]\nport = 10378\nprotocol = iex-deep\n"
                     "address = ff02::1\ninterface = eth0\nsource = udp\nframing = moldudp64\n"
                     "hole_ms = 0.25\nhole_buffer = 1M\nstale_ms = 500\n"
                     "[feed plain]\nsource = pcap\nprotocol = iex-tops\nfile = b\n"
                     "[feed max]\nsource = pcap\nprotocol = x\nfile = b\nspeed = max\n"
                     "[feed any]\nsource = udp\nprotocol = x\nport = 65535\n"
                     "[feed lines]\nsource = udp\nprotocol = itch50\na = 239.1.2.3:26477\n"
                     "b = [ff02::1]:26478\ninterface_b = eth1\nsource_b = fe80::1\n"
                     "recovery = 10.0.0.1:18300\nrecovery_ms = 12.5\nrecovery_rate = 7\n"
                     "catch_up_rate = 0\n"
                     "receive_buffer = 1M\nstamps = nic\npoll = spin\n"
                     "[daemon]\ncpu = 3\npriority = 42\n");
        assert_int_equal(attempt.r, 0);
        assert_int_equal(attempt.config->n_feeds, 6);
        assert_int_equal(attempt.config->daemon.cpu, 3);
        assert_int_equal(attempt.config->daemon.priority, 42);

        feed = &attempt.config->feeds[0];
        assert_string_equal(feed->name, "day");
        assert_int_equal(feed->line, 1);
        assert_int_equal(feed->source, CONFIG_SOURCE_PCAP);
        assert_string_equal(feed->protocol, "iex-tops");
        assert_string_equal(feed->file, "a/b.pcap.gz");
        assert_true(feed->speed == 0.5);
        assert_int_equal(feed->packets, 20000);
        assert_true(feed->loop);
        assert_int_equal(config_feed_line(feed, "protocol"), 3);
        assert_int_equal(config_feed_line(feed, "port"), 1);

        feed++;
        assert_string_equal(feed->name, "live.A-1_b");
        assert_int_equal(feed->source, CONFIG_SOURCE_UDP);
        assert_string_equal(feed->protocol, "iex-deep");
        assert_string_equal(feed->address, "ff02::1");
        assert_int_equal(feed->port, 10378);
        assert_string_equal(feed->interface, "eth0");
        assert_string_equal(feed->framing, "moldudp64");
        assert_int_equal(feed->hole, 250000);
        assert_int_equal(feed->hole_buffer, 1 << 20);
        assert_int_equal(feed->stale_ms, 500);

        feed++;
        assert_true(feed->speed == 1);
        assert_int_equal(feed->packets, 0);
        assert_false(feed->loop);

        feed++;
        assert_true(feed->speed == 0);

        feed++;
        assert_string_equal(feed->address, "0.0.0.0");
        assert_int_equal(feed->port, 65535);
        assert_null(feed->interface);
        assert_null(feed->framing);
        assert_int_equal(feed->hole, 5000000);
        assert_int_equal(feed->stale_ms, 3000);
        assert_null(feed->a);
        assert_null(feed->recovery);
        assert_int_equal(feed->recovery_wait, 500000000);
        assert_int_equal(feed->recovery_rate, 200);
        assert_int_equal(feed->catch_up_rate, 10000);
        assert_int_equal(feed->receive_buffer, 32 << 20);
        assert_int_equal(feed->stamps, CONFIG_STAMPS_KERNEL);
        assert_int_equal(feed->poll, CONFIG_POLL_WAIT);

        feed++;
        assert_true(config_endpoint(feed->a, address, &port));
        assert_string_equal(address, "239.1.2.3");
        assert_int_equal(port, 26477);
        assert_true(config_endpoint(feed->b, address, &port));
        assert_string_equal(address, "ff02::1");
        assert_int_equal(port, 26478);
        assert_string_equal(feed->interface_b, "eth1");
        assert_string_equal(feed->source_b, "fe80::1");
        assert_null(feed->source_a);
        assert_string_equal(feed->recovery, "10.0.0.1:18300");
        assert_int_equal(feed->recovery_wait, 12500000);
        assert_int_equal(feed->recovery_rate, 7);
        assert_int_equal(feed->catch_up_rate, 0);
        assert_int_equal(feed->receive_buffer, 1 << 20);
        assert_int_equal(feed->stamps, CONFIG_STAMPS_NIC);
        assert_int_equal(feed->poll, CONFIG_POLL_SPIN);
        config_free(attempt.config);
}

static void test_access(void **state) {
        struct attempt attempt;
        const struct config_access *access;

        (void)state;
        attempt_text(&attempt, "[access]\n"
                               "read = *\n"
                               "publish = root,1001 @root\t@7,, root\n"
                               "control =\n");
        assert_int_equal(attempt.r, 0);
        assert_true(attempt.config->access.read.all);

        access = &attempt.config->access.publish;
        assert_string_equal(access->text, "root,1001 @root\t@7,, root");
        assert_false(access->all);
        assert_int_equal(access->n_uids, 2);
        assert_int_equal(access->uids[0], 0);
        assert_int_equal(access->uids[1], 1001);
        assert_int_equal(access->n_gids, 2);
        assert_int_equal(access->gids[0], 0);
        assert_int_equal(access->gids[1], 7);

        access = &attempt.config->access.control;
        assert_false(access->all);
        assert_int_equal(access->n_uids + access->n_gids, 0);
        config_free(attempt.config);
}

static void test_room(void **state) {
        struct attempt attempt;
        int saved;

        (void)state;
        attempt_text(&attempt, "[segment]\njournal = 128\ninstruments = 7\n");
        assert_int_equal(attempt.r, 0);
        assert_int_equal(config_check_room(attempt.config, 4096), 0);

        saved = listen_begin();
        assert_int_equal(config_check_room(attempt.config, UINT64_MAX), -ENOSPC);
        listen_end(&attempt, saved);
        assert_true(
                attempt_said(&attempt, 3, "[segment] instruments: 7 instruments and a journal"));
        assert_true(
                attempt_said(&attempt, 2, "[segment] journal: 7 instruments and a journal of 128"));
        assert_int_equal(attempt.lines, 2);
        config_free(attempt.config);

        attempt_text(&attempt, "");
        saved = listen_begin();
        assert_int_equal(config_check_room(attempt.config, UINT64_MAX), -ENOSPC);
        listen_end(&attempt, saved);
        assert_non_null(strstr(attempt.said, "[segment] journal: 16384 instruments"));
        config_free(attempt.config);
}

static void test_default_socket(void **state) {
        const char *expected =
                geteuid() ? "/tmp/xdg/mdshmd/mdshmd.sock" : "/run/mdshmd/mdshmd.sock";
        char *path;

        (void)state;
        setenv("XDG_RUNTIME_DIR", "/tmp/xdg", 1);
        path = instance_socket(NULL);
        assert_string_equal(path, expected);
        free(path);

        setenv("XDG_RUNTIME_DIR", "not/absolute", 1);
        path = instance_socket(NULL);
        assert_string_equal(path, "/run/mdshmd/mdshmd.sock");
        free(path);

        unsetenv("XDG_RUNTIME_DIR");
        path = instance_socket(NULL);
        assert_string_equal(path, "/run/mdshmd/mdshmd.sock");
        free(path);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults), cmocka_unit_test(test_values),
                cmocka_unit_test(test_feeds),    cmocka_unit_test(test_access),
                cmocka_unit_test(test_room),     cmocka_unit_test(test_default_socket),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
