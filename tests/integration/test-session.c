/*
 * A session that begins afresh leaves its readers no trade of the one before
 *
 * They see it wherever they look: in the place of the instrument, in every tick, in what changed. What
 * the session has traded stands through a restart of the daemon all the same.
 */

#include <string.h>

#include "exchange.h"
#include "harness.h"

#define TRADED   0 /* instruments in the order in which the exchange first names them */
#define ALSO     1
#define UNTRADED 2

static struct rig rig;
static struct exchange exchange;
static struct md_client *client;

/* Sends the packet and waits until its messages are read: a daemon that has just come looks for what may
 * have been before them. */
static void send_packet(void) {
        uint64_t messages = feed_of(client).messages + exchange.count;

        exchange_send(&exchange);
        AWAIT(feed_of(client).messages == messages);
}

static void begin_session(void) {
        exchange.session++;
        exchange.sequence = 1;
}

static struct md_tick read_tick(uint32_t instrument, unsigned kind) {
        struct md_tick tick;

        assert_int_equal(md_read(client, instrument, kind, &tick), 1);
        return tick;
}

static void expect_trade(uint32_t instrument, int64_t px_e4, int64_t sz, int64_t volume) {
        struct md_tick tick = read_tick(instrument, MD_TRADE);

        assert_int_equal(tick.u.trade.px, px_e4 * (MD_PX_ONE / 10000));
        assert_int_equal(tick.u.trade.sz, sz);
        assert_int_equal(tick.u.trade.volume, volume);
}

static bool says_no_trade(const struct md_tick *tick) {
        return tick->kind == MD_TRADE && tick->u.trade.px == MD_PX_NONE && !tick->u.trade.sz &&
               !tick->u.trade.volume && !tick->u.trade.trade_id;
}

static void expect_no_trade(uint32_t instrument) {
        struct md_tick tick = read_tick(instrument, MD_TRADE);

        assert_true(says_no_trade(&tick));
        assert_int_equal(tick.flags, MD_FLAG_LAST | MD_FLAG_SNAPSHOT);
        assert_int_equal(read_tick(instrument, MD_TOTALS).u.totals.trades, 0);
}

static void restart_daemon(void) {
        md_free(client);
        rig_kill(&rig);
        rig_start(&rig);
        client = rig_connect(&rig, "reader");
}

static int setup(void **state) {
        uint16_t port = exchange_free_port();

        (void)state;
        rig_init(&rig);
        rig_configure(&rig, "instruments = 8\njournal = 1024\n",
                      "[feed own]\n" EXCHANGE_KEYS "[feed demo]\nsource = publisher\n", port);
        rig_start(&rig);
        client = rig_connect(&rig, "reader");
        exchange_to_port(&exchange, port);
        exchange_quote(&exchange, "TRADED", 1000000, 100, 1010000, 100);
        exchange_trade(&exchange, "ALSO", 300000, 70, 1);
        exchange_quote(&exchange, "UNTRADED", 1000000, 100, 1010000, 100);
        exchange_trade(&exchange, "TRADED", 1000000, 30, 2);
        exchange_trade(&exchange, "ALSO", 300000, 5, 3);
        send_packet();
        expect_trade(TRADED, 1000000, 30, 30);
        expect_trade(ALSO, 300000, 5, 75);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        md_free(client);
        exchange_deinit(&exchange);
        rig_deinit(&rig);
        return 0;
}

static void whoever_reads_sees_no_trade(void **state) {
        struct md_tick tick;

        (void)state;
        begin_session();
        exchange_quote(&exchange, "TRADED", 1000000, 200, 1010000, 100);
        send_packet();
        expect_no_trade(TRADED);
        expect_no_trade(ALSO);
        assert_int_equal(md_read(client, UNTRADED, MD_TRADE, &tick), 0);

        exchange_trade(&exchange, "TRADED", 1100000, 7, 1);
        send_packet();
        expect_trade(TRADED, 1100000, 7, 7);
        expect_no_trade(ALSO);
}

/* The trades that both kinds of walk are to give over a new session: of two instruments that there was none,
 * and then one. */
static const struct {
        uint32_t instrument;
        bool none;
} expected[] = { { TRADED, true }, { ALSO, true }, { TRADED, false } };

static void expect_next(const struct md_tick *tick, unsigned *n) {
        if (tick->kind != MD_TRADE)
                return;
        assert_true(*n < sizeof(expected) / sizeof(*expected));
        assert_int_equal(tick->instrument, expected[*n].instrument);
        assert_int_equal(says_no_trade(tick), expected[*n].none);
        ++*n;
}

static void whoever_follows_is_told(void **state) {
        struct md_client *follower = rig_connect(&rig, "follower");
        unsigned followed = 0, changed = 0;
        struct md_change change;
        struct md_tick tick;

        (void)state;
        assert_int_equal(md_subscribe_all(follower), 0);
        assert_int_equal(md_subscribe_all(client), 0);
        assert_int_equal(md_seek(client, md_cursor(follower)), 0);
        begin_session();
        exchange_quote(&exchange, "TRADED", 1000000, 200, 1010000, 100);
        send_packet();
        exchange_trade(&exchange, "TRADED", 1100000, 7, 1);
        send_packet();

        assert_int_equal(md_follow(follower, &tick, NULL), 1);
        assert_int_equal(tick.kind, MD_SYSTEM);
        assert_int_equal(tick.u.system.event, 'Z');
        while (md_follow(follower, &tick, NULL) > 0)
                expect_next(&tick, &followed);
        while (md_next(client, &change) > 0)
                expect_next(&change.tick, &changed);
        assert_int_equal(followed, sizeof(expected) / sizeof(*expected));
        assert_int_equal(changed, sizeof(expected) / sizeof(*expected));
        md_free(follower);
}

/* The next daemon goes on in the session that it finds. */
static void a_trade_outlives_the_daemon(void **state) {
        struct md_tick before = read_tick(ALSO, MD_TRADE), after;

        (void)state;
        restart_daemon();
        exchange_trade(&exchange, "TRADED", 1200000, 4, 4);
        send_packet();
        after = read_tick(ALSO, MD_TRADE);
        assert_memory_equal(&after, &before, sizeof(after));
        expect_trade(TRADED, 1200000, 4, 34);

        begin_session();
        exchange_quote(&exchange, "ALSO", 1000000, 200, 1010000, 100);
        send_packet();
        restart_daemon();
        exchange_trade(&exchange, "TRADED", 1200000, 9, 1);
        send_packet();
        expect_trade(TRADED, 1200000, 9, 9);
        expect_no_trade(ALSO);
}

/* The session is another one when the next daemon comes. */
static void a_session_that_ends_unseen(void **state) {
        (void)state;
        restart_daemon();
        expect_trade(TRADED, 1000000, 30, 30);
        begin_session();
        exchange_trade(&exchange, "TRADED", 1300000, 6, 1);
        send_packet();
        expect_trade(TRADED, 1300000, 6, 6);
        expect_no_trade(ALSO);
}

/* Nobody but the publisher knows where its sessions begin. */
static void a_publisher_says_it_himself(void **state) {
        const struct md_instrument own = { .symbol = "OWN", .close_px = MD_PX_NONE };
        struct md_publisher *publisher;
        uint32_t handle, instrument;
        struct md_tick tick;

        (void)state;
        assert_int_equal(md_publisher_new(&publisher), 0);
        assert_int_equal(md_publisher_connect(publisher, rig.socket, "demo"), 0);
        assert_int_equal(md_publisher_define(publisher, &own, &handle), 0);
        assert_int_equal(md_publisher_trade(publisher, handle, 0, MD_PX_ONE, 5, 5, 1), 0);
        assert_int_equal(md_publisher_trade(publisher, handle, 0, MD_PX_NONE, 0, 0, 0), 0);
        assert_int_equal(md_publisher_drain(publisher, PATIENCE_MS), 1);
        assert_int_equal(md_lookup(client, "OWN", NULL, &instrument), 0);
        tick = read_tick(instrument, MD_TRADE);
        assert_true(says_no_trade(&tick));
        md_publisher_free(publisher);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(whoever_reads_sees_no_trade, setup, teardown),
                cmocka_unit_test_setup_teardown(whoever_follows_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(a_trade_outlives_the_daemon, setup, teardown),
                cmocka_unit_test_setup_teardown(a_session_that_ends_unseen, setup, teardown),
                cmocka_unit_test_setup_teardown(a_publisher_says_it_himself, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
