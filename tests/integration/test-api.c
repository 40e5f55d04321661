/*
 * Every function that the library exports, called through the shared object
 *
 * Each once without a connection and once with one, in a table whose names are compared with the version
 * script: an export that nobody calls here is a failure.
 */

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>

#include "api.h"
#include "base/cleanup.h"
#include "exchange.h"
#include "harness.h"

struct rig rig;
static struct exchange exchange;

/* A call that fails as it should, and says why. */
static void refused(struct md_client *client, int r, int expected) {
        assert_int_equal(r, expected);
        assert_true(strlen(md_error(client)) > 10);
}

/* `expected` with a connection, -ENOTCONN without. */
static void result(struct md_client *client, int r, int expected, bool connected) {
        if (connected)
                assert_int_equal(r, expected);
        else
                refused(client, r, -ENOTCONN);
}

/* ---- one function each ---- */

static void call_new(struct md_client *client, bool connected) {
        struct md_client *other;

        (void)client;
        (void)connected;
        assert_int_equal(md_new(&other), 0);
        assert_string_equal(md_error(other), "");
        md_free(other);
}

static void call_free(struct md_client *client, bool connected) {
        struct md_client *other;

        (void)client;
        assert_null(md_free(NULL));
        assert_int_equal(md_new(&other), 0);
        if (connected)
                assert_int_equal(md_connect(other, rig.socket), 0);
        assert_null(md_free(other));
}

static void call_set_name(struct md_client *client, bool connected) {
        (void)connected;
        md_set_name(client, "a name with spaces, \n, and more of them than there is room for");
}

static void call_set_timeout(struct md_client *client, bool connected) {
        (void)connected;
        md_set_timeout(client, -1);
        md_set_timeout(client, 5000);
}

static void call_connect(struct md_client *client, bool connected) {
        char path[300];

        if (connected) {
                refused(client, md_connect(client, rig.socket), -EISCONN);
                return;
        }
        snprintf(path, sizeof(path), "%s/none", rig.folder);
        refused(client, md_connect(client, path), -ENOENT);
        assert_non_null(strstr(md_error(client), path));
        assert_non_null(strstr(md_error(client), strerror(ENOENT)));

        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        refused(client, md_connect(client, path), -ENAMETOOLONG);
        refused(client, md_connect(client, rig.config), -ECONNREFUSED);
}

static void call_error(struct md_client *client, bool connected) {
        (void)connected;
        assert_non_null(md_error(client));
}

static void call_instruments(struct md_client *client, bool connected) {
        assert_int_equal(md_instruments(client), connected ? 2 : 0);
}

static void call_instrument(struct md_client *client, bool connected) {
        struct md_instrument instrument;

        refused(client, md_instrument(client, 2, &instrument), -EINVAL);
        if (!connected)
                return;
        assert_int_equal(md_instrument(client, 0, &instrument), 0);
        assert_string_equal(instrument.symbol, "AAPL");
        assert_string_equal(instrument.venue, "IEXG");
        assert_int_equal(instrument.instrument, 0);
        assert_int_equal(instrument.feed, 0);
        assert_int_equal(instrument.size_exp, 0);
        assert_true(instrument.close_px == MD_PX_NONE);
}

static void call_lookup(struct md_client *client, bool connected) {
        uint32_t instrument = 9;

        result(client, md_lookup(client, "MSFT", NULL, &instrument), 0, connected);
        assert_int_equal(instrument, connected ? 1 : 9);
        result(client, md_lookup(client, "MSFT", "IEXG", &instrument), 0, connected);
        result(client, md_lookup(client, "MSFT", "XNAS", &instrument), -ENOENT, connected);
        result(client, md_lookup(client, "", NULL, &instrument), -EINVAL, connected);
        result(client, md_lookup(client, "MSFT", "a long venue", &instrument), -EINVAL, connected);
}

static void call_read(struct md_client *client, bool connected) {
        struct md_tick tick = { 0 };

        refused(client, md_read(client, 2, MD_QUOTE, &tick), -EINVAL);
        refused(client, md_read(client, 0, MD_BREAK, &tick), -EINVAL);
        if (!connected)
                return;
        assert_int_equal(md_read(client, 0, MD_AUCTION, &tick), 0);
        assert_int_equal(md_read(client, 0, MD_QUOTE, &tick), 1);
        assert_true(tick.u.quote.bid_px == 100 * MD_PX_ONE);
        assert_int_equal(tick.u.quote.ask_sz, 300);
}

static void call_read_depth(struct md_client *client, bool connected) {
        struct md_depth depth;

        refused(client, md_read_depth(client, 2, &depth), -EINVAL);
        if (connected) /* TOPS has no levels */
                refused(client, md_read_depth(client, 0, &depth), -ENODATA);
}

static void call_read_many(struct md_client *client, bool connected) {
        struct md_tick ticks[2] = { { .instrument = 0 }, { .instrument = 1 } };
        unsigned char moved[2] = { 9, 9 };

        if (!connected) {
                refused(client, md_read_many(client, ticks, 2, moved), -EINVAL);
                return;
        }
        assert_int_equal(md_read_many(client, ticks, 2, moved), 0);
        assert_true(ticks[0].u.quote.bid_px == 100 * MD_PX_ONE);
        assert_true(ticks[1].u.quote.bid_px == 50 * MD_PX_ONE);
        assert_int_equal(moved[0] + moved[1], 0);
}

static void call_subscribe(struct md_client *client, bool connected) {
        result(client, md_subscribe(client, 0), 0, connected);
        result(client, md_subscribe(client, 2), -EINVAL, connected);
}

static void call_unsubscribe(struct md_client *client, bool connected) {
        result(client, md_unsubscribe(client, 0), 0, connected);
        result(client, md_unsubscribe(client, 2), -EINVAL, connected);
}

static void call_subscribe_symbol(struct md_client *client, bool connected) {
        result(client, md_subscribe_symbol(client, "AAPL", NULL), 0, connected);
        result(client, md_subscribe_symbol(client, "NONE", NULL), -ENOENT, connected);
}

static void call_subscribe_kinds(struct md_client *client, bool connected) {
        result(client, md_subscribe_kinds(client, UINT32_MAX), 0, connected);
}

static void call_subscribe_all(struct md_client *client, bool connected) {
        result(client, md_subscribe_all(client), 0, connected);
}

static void call_seek(struct md_client *client, bool connected) {
        result(client, md_seek(client, 1000000), -EINVAL, connected);
        result(client, md_seek(client, 0), -EINVAL, connected);
        result(client, md_seek(client, 1), 0, connected);
}

static void call_cursor(struct md_client *client, bool connected) {
        assert_int_equal(md_cursor(client), connected ? 1 : 0);
}

static void call_follow(struct md_client *client, bool connected) {
        struct md_tick tick;
        uint64_t missed = 9;

        result(client, md_follow(client, &tick, &missed), 1, connected);
        if (!connected)
                return;
        assert_int_equal(missed, 0);
        assert_int_equal(tick.seq, 1);
        assert_int_equal(md_follow(client, &tick, NULL), 1);
        while (md_follow(client, &tick, NULL) > 0)
                ;
        assert_int_equal(md_seek(client, 1), 0);
}

static void call_next(struct md_client *client, bool connected) {
        struct md_change change;

        result(client, md_next(client, &change), 1, connected);
        while (connected && md_next(client, &change) > 0)
                ;
}

static void call_dispatch(struct md_client *client, bool connected) {
        result(client, md_dispatch(client, 0), 0, connected);
        result(client, md_dispatch(client, 1), 0, connected);
}

static void call_fd(struct md_client *client, bool connected) {
        struct pollfd poller = { .fd = md_fd(client), .events = POLLIN };

        if (connected)
                assert_int_equal(poll(&poller, 1, 0), 0);
        else
                assert_int_equal(md_fd(client), -1);
}

static void call_health(struct md_client *client, bool connected) {
        struct md_health health;

        result(client, md_health(client, &health), 0, connected);
        if (!connected)
                return;
        assert_int_equal(health.connected, 1);
        assert_int_equal(health.state, MD_STATE_RUNNING);
        assert_int_equal(health.pid, rig.pid);
        assert_int_equal(health.generation, 1);
        assert_int_equal(health.instruments, 2);
        assert_int_equal(health.capacity, 8);
        assert_int_equal(health.journal, 1024);
        assert_int_equal(health.cursor, health.newest + 1);
        assert_true(health.heartbeat_age >= 0);
        assert_true(strlen(health.version) > 0);
}

static void call_feeds(struct md_client *client, bool connected) {
        assert_int_equal(md_feeds(client), connected ? 1 : 0);
}

static void call_feed(struct md_client *client, bool connected) {
        struct md_feed feed;

        refused(client, md_feed(client, 1, &feed), -EINVAL);
        if (!connected)
                return;
        assert_int_equal(md_feed(client, 0, &feed), 0);
        assert_string_equal(feed.name, "own");
        assert_string_equal(feed.source, "udp");
        assert_string_equal(feed.protocol, "iex-tops");
        assert_int_equal(feed.state, MD_FEED_LIVE);
        assert_int_equal(feed.messages, 3);
        assert_int_equal(feed.lines, 1);
}

static void call_feed_line(struct md_client *client, bool connected) {
        struct md_feed_line line;

        refused(client, md_feed_line(client, 1, 0, &line), -EINVAL);
        refused(client, md_feed_line(client, 0, 2, &line), -EINVAL);
        refused(client, md_feed_line(client, 0, UINT32_MAX, &line), -EINVAL);
        if (!connected)
                return;
        assert_int_equal(md_feed_line(client, 0, 0, &line), 0);
        assert_int_equal(line.packets, exchange.packets);
        assert_int_equal(line.won, exchange.packets);
        assert_int_equal(line.lost, 0);
        assert_int_equal(line.both, 0);
        assert_int_equal(line.lead, 0);
        assert_true(line.last_recv > 0);
        refused(client, md_feed_line(client, 0, 1, &line), -EINVAL);
}

static void call_counters(struct md_client *client, bool connected) {
        assert_int_equal(md_counters(client) > 0, connected);
}

static void call_counter(struct md_client *client, bool connected) {
        struct md_counter counter;

        refused(client, md_counter(client, UINT32_MAX, &counter), -EINVAL);
        for (uint32_t i = 0; i < md_counters(client); i++) {
                assert_int_equal(md_counter(client, i, &counter), 0);
                assert_true(strlen(counter.label) > 0);
        }
        if (connected)
                assert_int_equal(counter_value(client, "messages Q"), 2);
}

static void call_kind_name(struct md_client *client, bool connected) {
        (void)client;
        (void)connected;
        assert_string_equal(md_kind_name(MD_QUOTE), "quote");
        assert_string_equal(md_kind_name(12345), "?");
}

static void call_feed_state_name(struct md_client *client, bool connected) {
        (void)client;
        (void)connected;
        assert_string_equal(md_feed_state_name(MD_FEED_LIVE), "live");
        assert_string_equal(md_feed_state_name(12345), "?");
}

static void call_format(struct md_client *client, bool connected) {
        char number[MD_NUMBER_SIZE];

        (void)client;
        (void)connected;
        assert_string_equal(md_format(number, 101500000000, -9), "101.5");
        assert_string_equal(md_format(number, MD_PX_NONE, -9), "");
}

static void call_parse(struct md_client *client, bool connected) {
        int64_t px;

        (void)client;
        (void)connected;
        assert_int_equal(md_parse("101.5", -9, &px), 0);
        assert_true(px == 101500000000);
        assert_int_equal(md_parse("ten", -9, &px), -EINVAL);
        assert_int_equal(md_parse("9223372036.854775806", -9, &px), 0);
        assert_true(px == INT64_MAX - 1);
        assert_int_equal(md_parse("9223372036.854775807", -9, &px), -ERANGE);
        assert_int_equal(md_parse("-9223372036.854775807", -9, &px), 0);
        assert_true(px == INT64_MIN + 1);
        assert_int_equal(md_parse("-9223372036.854775808", -9, &px), -ERANGE);
}

static void call_price(struct md_client *client, bool connected) {
        (void)client;
        (void)connected;
        assert_true(md_price(101500000000) == 101.5);
        assert_true(isnan(md_price(MD_PX_NONE)));
}

/* ---- the table ---- */

static const struct api_call client_calls[] = {
        CALL(new),
        CALL(free),
        CALL(set_name),
        CALL(set_timeout),
        CALL(connect),
        CALL(error),
        CALL(instruments),
        CALL(instrument),
        CALL(lookup),
        CALL(read),
        CALL(read_depth),
        CALL(read_many),
        CALL(subscribe),
        CALL(unsubscribe),
        CALL(subscribe_symbol),
        CALL(subscribe_kinds),
        CALL(subscribe_all),
        CALL(seek),
        CALL(cursor),
        CALL(follow),
        CALL(next),
        CALL(dispatch),
        CALL(fd),
        CALL(health),
        CALL(feeds),
        CALL(feed),
        CALL(feed_line),
        CALL(counters),
        CALL(counter),
        CALL(kind_name),
        CALL(feed_state_name),
        CALL(format),
        CALL(parse),
        CALL(price),
};

#define N_CLIENT (sizeof(client_calls) / sizeof(*client_calls))

/* ---- the tests ---- */

static bool is_called(const char *name) {
        for (size_t i = 0; i < N_CLIENT; i++)
                if (!strcmp(client_calls[i].name, name))
                        return true;
        for (size_t i = 0; i < api_publisher_calls_n; i++)
                if (!strcmp(api_publisher_calls[i].name, name))
                        return true;
        for (size_t i = 0; i < api_settings_calls_n; i++)
                if (!strcmp(api_settings_calls[i].name, name))
                        return true;
        return false;
}

static void call_all(struct md_client *client, bool connected) {
        for (size_t i = 0; i < N_CLIENT; i++)
                client_calls[i].call(client, connected);
        for (size_t i = 0; i < api_publisher_calls_n; i++)
                api_publisher_calls[i].call(client, connected);
        for (size_t i = 0; i < api_settings_calls_n; i++)
                api_settings_calls[i].call(client, connected);
}

static void each_export_is_called(void **state) {
        _cleanup_(fclosep) FILE *map = fopen(MDCLIENT_MAP, "re");
        char line[256], name[256];
        size_t exports = 0;

        (void)state;
        assert_non_null(map);
        while (fgets(line, sizeof(line), map)) {
                if (sscanf(line, " md_%200[a-z_];", name) != 1)
                        continue;
                memmove(name + 3, name, strlen(name) + 1);
                memcpy(name, "md_", 3);
                if (!is_called(name))
                        fail_msg("%s is exported, and called nowhere in this test", name);
                exports++;
        }
        assert_int_equal(exports, N_CLIENT + api_publisher_calls_n + api_settings_calls_n);
}

static void calls_without_a_daemon(void **state) {
        struct md_client *client;

        (void)state;
        assert_int_equal(md_new(&client), 0);
        call_all(client, false);
        md_free(client);
}

static void calls_with_a_daemon(void **state) {
        uint16_t port = exchange_free_port();
        struct md_client *client;

        (void)state;
        rig_configure(&rig, "instruments = 8\njournal = 1024\n", "[feed own]\n" EXCHANGE_KEYS,
                      port);
        rig_start(&rig);
        client = rig_connect(&rig, "caller");

        exchange_to_port(&exchange, port);
        exchange_quote(&exchange, "AAPL", 1000000, 100, 1010000, 300);
        exchange_trade(&exchange, "AAPL", 1005000, 200, 77);
        exchange_quote(&exchange, "MSFT", 500000, 100, 510000, 100);
        exchange_send(&exchange);
        feed_await_packets(client, 1);

        call_all(client, true);
        md_free(client);
        rig_stop(&rig);
}

static int setup(void **state) {
        (void)state;
        exchange.fd = -1;
        rig_init(&rig);
        rig_configure(&rig, "", "%s", "");
        return 0;
}

static int teardown(void **state) {
        (void)state;
        exchange_deinit(&exchange);
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_export_is_called),
                cmocka_unit_test_setup_teardown(calls_without_a_daemon, setup, teardown),
                cmocka_unit_test_setup_teardown(calls_with_a_daemon, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
