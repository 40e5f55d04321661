/* Events become ticks: sums, ranges and merged status of a session. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "book/book.h"

#define CAPACITY 4
#define TIME     INT64_C(1471980632572715948)
#define PX(e4)   (INT64_C(e4) * (MD_PX_ONE / 10000))

static int setup(void **state) {
        struct book *book;

        if (book_new(&book, CAPACITY) < 0)
                return -1;
        *state = book;
        return 0;
}

static int teardown(void **state) {
        *state = book_free(*state);
        return 0;
}

/* The ticks of one event; unset bytes of them are noise, as they are on the stack of the caller. */
struct ticks {
        struct md_tick tick[BOOK_TICKS];
        unsigned n;
};

static struct ticks apply(struct book *book, uint32_t instrument, const struct event *event) {
        struct ticks ticks;

        memset(&ticks, 0x5a, sizeof(ticks));
        ticks.n = book_apply(book, instrument, event, ticks.tick);
        assert_true(ticks.n <= BOOK_TICKS);
        for (unsigned i = 0; i < ticks.n; i++) {
                bool last = i == ticks.n - 1;

                assert_int_equal(ticks.tick[i].instrument, instrument);
                assert_int_equal(ticks.tick[i].ts_event, event->ts_event);
                assert_int_equal(ticks.tick[i].flags, event->flags | (last ? MD_FLAG_LAST : 0));
        }
        return ticks;
}

static struct ticks trade(struct book *book, uint32_t instrument, int64_t px, int64_t sz) {
        const struct event event = {
                .type = EVENT_TRADE,
                .ts_event = TIME,
                .u.trade = { .px = px, .sz = sz, .trade_id = 7, true, true },
        };

        return apply(book, instrument, &event);
}

static struct ticks trade_break(struct book *book, uint32_t instrument, int64_t px, int64_t sz) {
        const struct event event = {
                .type = EVENT_BREAK,
                .ts_event = TIME,
                .u.broken = { .px = px, .sz = sz, .trade_id = 7 },
        };

        return apply(book, instrument, &event);
}

static void expect_kinds(const struct ticks *ticks, unsigned n, const uint16_t *kinds) {
        assert_int_equal(ticks->n, n);
        for (unsigned i = 0; i < n; i++)
                assert_int_equal(ticks->tick[i].kind, kinds[i]);
}

#define EXPECT_KINDS(ticks, ...)                                                                   \
        expect_kinds(ticks, sizeof((uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t),                \
                     (uint16_t[]){ __VA_ARGS__ })

static void expect_bar(const struct md_tick *tick, int64_t open, int64_t high, int64_t low,
                       int64_t close) {
        assert_int_equal(tick->kind, MD_BAR);
        assert_int_equal(tick->u.bar.open, open);
        assert_int_equal(tick->u.bar.high, high);
        assert_int_equal(tick->u.bar.low, low);
        assert_int_equal(tick->u.bar.close, close);
}

static void expect_totals(const struct md_tick *tick, int64_t notional, int64_t trades,
                          int64_t breaks, int64_t broken_volume) {
        assert_int_equal(tick->kind, MD_TOTALS);
        assert_int_equal(tick->u.totals.notional, notional);
        assert_int_equal(tick->u.totals.trades, trades);
        assert_int_equal(tick->u.totals.breaks, breaks);
        assert_int_equal(tick->u.totals.broken_volume, broken_volume);
}

static void test_quote(void **state) {
        const struct event event = {
                .type = EVENT_QUOTE,
                .flags = MD_FLAG_PRE_POST,
                .ts_event = TIME,
                .u.quote = { PX(990500), MD_PX_NONE, 9700, 0 },
        };
        struct ticks ticks = apply(*state, 3, &event);

        EXPECT_KINDS(&ticks, MD_QUOTE);
        assert_memory_equal(&ticks.tick[0].u.quote, &event.u.quote, sizeof(event.u.quote));
}

static void test_first_trade(void **state) {
        struct ticks ticks = trade(*state, 0, PX(990500), 300);

        EXPECT_KINDS(&ticks, MD_TRADE, MD_BAR, MD_TOTALS);
        assert_int_equal(ticks.tick[0].u.trade.px, PX(990500));
        assert_int_equal(ticks.tick[0].u.trade.sz, 300);
        assert_int_equal(ticks.tick[0].u.trade.volume, 300);
        assert_int_equal(ticks.tick[0].u.trade.trade_id, 7);
        expect_bar(&ticks.tick[1], PX(990500), PX(990500), PX(990500), PX(990500));
        expect_totals(&ticks.tick[2], INT64_C(990500) * 300, 1, 0, 0);
}

static void test_range(void **state) {
        struct ticks ticks;

        trade(*state, 0, PX(1000000), 100);
        ticks = trade(*state, 0, PX(1010000), 100);
        expect_bar(&ticks.tick[1], PX(1000000), PX(1010000), PX(1000000), PX(1010000));
        ticks = trade(*state, 0, PX(990000), 100);
        expect_bar(&ticks.tick[1], PX(1000000), PX(1010000), PX(990000), PX(990000));
        ticks = trade(*state, 0, PX(1000000), 100);
        expect_bar(&ticks.tick[1], PX(1000000), PX(1010000), PX(990000), PX(1000000));
        assert_int_equal(ticks.tick[0].u.trade.volume, 400);
        expect_totals(&ticks.tick[2], INT64_C(4000000) * 100, 4, 0, 0);
}

static void test_same_bar_is_no_tick(void **state) {
        struct ticks ticks;

        trade(*state, 0, PX(1000000), 100);
        ticks = trade(*state, 0, PX(1000000), 200);
        EXPECT_KINDS(&ticks, MD_TRADE, MD_TOTALS);
        assert_int_equal(ticks.tick[0].u.trade.volume, 300);
}

static void test_eligibility(void **state) {
        struct event event = {
                .type = EVENT_TRADE,
                .flags = MD_FLAG_ODD_LOT,
                .ts_event = TIME,
                .u.trade = { .px = PX(500000), .sz = 3 },
        };
        struct ticks ticks;

        ticks = apply(*state, 0, &event);
        EXPECT_KINDS(&ticks, MD_TRADE, MD_TOTALS);
        expect_totals(&ticks.tick[1], 1500000, 1, 0, 0);

        event.u.trade.sets_last = true;
        ticks = apply(*state, 0, &event);
        expect_bar(&ticks.tick[1], MD_PX_NONE, MD_PX_NONE, MD_PX_NONE, PX(500000));

        event.u.trade.sets_last = false;
        event.u.trade.sets_range = true;
        event.u.trade.px = PX(510000);
        ticks = apply(*state, 0, &event);
        expect_bar(&ticks.tick[1], PX(510000), PX(510000), PX(510000), PX(500000));
}

static void test_instruments_are_apart(void **state) {
        struct ticks ticks;

        trade(*state, 1, PX(1000000), 100);
        trade(*state, 3, PX(2000000), 100);
        ticks = trade(*state, 2, PX(3000000), 100);
        assert_int_equal(ticks.tick[0].u.trade.volume, 100);
        expect_bar(&ticks.tick[1], PX(3000000), PX(3000000), PX(3000000), PX(3000000));
        ticks = trade(*state, 1, PX(1500000), 100);
        expect_bar(&ticks.tick[1], PX(1000000), PX(1500000), PX(1000000), PX(1500000));
}

static void test_break(void **state) {
        struct ticks ticks;

        trade(*state, 0, PX(1000000), 100);
        ticks = trade_break(*state, 0, PX(1000000), 100);
        EXPECT_KINDS(&ticks, MD_BREAK, MD_TOTALS);
        assert_int_equal(ticks.tick[0].u.broken.px, PX(1000000));
        assert_int_equal(ticks.tick[0].u.broken.sz, 100);
        assert_int_equal(ticks.tick[0].u.broken.volume, 100);
        assert_int_equal(ticks.tick[0].u.broken.trade_id, 7);
        expect_totals(&ticks.tick[1], 100000000, 1, 1, 100);

        ticks = trade_break(*state, 0, PX(1000000), 20);
        assert_int_equal(ticks.tick[0].u.broken.volume, 120);
        expect_totals(&ticks.tick[1], 100000000, 1, 2, 120);

        /* gross: the volume goes on as if nothing had been broken */
        ticks = trade(*state, 0, PX(1000000), 1);
        assert_int_equal(ticks.tick[0].u.trade.volume, 101);
        expect_totals(&ticks.tick[1], 101000000, 2, 2, 120);
}

static void test_saturation(void **state) {
        struct ticks ticks;

        ticks = trade(*state, 0, INT64_MAX - 1, INT64_MAX);
        assert_int_equal(ticks.tick[0].u.trade.volume, INT64_MAX);
        expect_totals(&ticks.tick[2], INT64_MAX, 1, 0, 0);
        ticks = trade(*state, 0, INT64_MAX - 1, INT64_MAX);
        assert_int_equal(ticks.tick[0].u.trade.volume, INT64_MAX);
        expect_totals(&ticks.tick[1], INT64_MAX, 2, 0, 0);
        trade_break(*state, 0, 1, INT64_MAX);
        ticks = trade_break(*state, 0, 1, INT64_MAX);
        assert_int_equal(ticks.tick[0].u.broken.volume, INT64_MAX);

        /* just below, where one more does it */
        trade(*state, 1, MD_PX_ONE / MD_MONEY_ONE, INT64_MAX - 1);
        ticks = trade(*state, 1, MD_PX_ONE / MD_MONEY_ONE, 1);
        assert_int_equal(ticks.tick[0].u.trade.volume, INT64_MAX);
        expect_totals(&ticks.tick[1], INT64_MAX, 2, 0, 0);
}

static struct md_status status(struct book *book, unsigned fields, struct md_status from) {
        const struct event event = {
                .type = EVENT_STATUS,
                .ts_event = TIME,
                .u.status = { .fields = fields, .status = from },
        };
        struct ticks ticks = apply(book, 2, &event);

        EXPECT_KINDS(&ticks, MD_STATUS);
        return ticks.tick[0].u.status;
}

static void test_status_merges(void **state) {
        /* every field is filled, only the named ones may be taken */
        const struct md_status all = { 'H', "T1", 'O', '1', 'A', 'C', 'O', "unused" };
        struct md_status expected = { 0 }, seen;

        seen = status(*state, STATUS_TRADING, all);
        expected.trading = 'H';
        memcpy(expected.reason, "T1\0\0", 4);
        assert_memory_equal(&seen, &expected, sizeof(seen));

        seen = status(*state, STATUS_OPERATIONAL, all);
        expected.operational = 'O';
        assert_memory_equal(&seen, &expected, sizeof(seen));

        seen = status(*state, STATUS_SHORT_SALE, all);
        expected.short_sale = '1';
        expected.short_detail = 'A';
        assert_memory_equal(&seen, &expected, sizeof(seen));

        seen = status(*state, STATUS_RETAIL, all);
        expected.retail = 'C';
        assert_memory_equal(&seen, &expected, sizeof(seen));

        seen = status(*state, STATUS_SECURITY, all);
        expected.security = 'O';
        assert_memory_equal(&seen, &expected, sizeof(seen));

        seen = status(*state, STATUS_TRADING, (struct md_status){ .trading = 'T' });
        expected.trading = 'T';
        memset(expected.reason, 0, sizeof(expected.reason));
        assert_memory_equal(&seen, &expected, sizeof(seen));
}

static void test_auction(void **state) {
        const struct event event = {
                .type = EVENT_AUCTION,
                .ts_event = TIME,
                .u.auction = { .fields = AUCTION_ALL,
                               .auction = { PX(990500), 100, 50, 1492444800, 'C', 'B', 2, 0 },
                               .clearing = { PX(1), PX(2), PX(3), PX(4) } },
        };
        struct ticks ticks = apply(*state, 0, &event);

        EXPECT_KINDS(&ticks, MD_AUCTION, MD_CLEARING);
        assert_memory_equal(&ticks.tick[0].u, &event.u.auction.auction, 32);
        assert_memory_equal(&ticks.tick[1].u, &event.u.auction.clearing, 32);
}

static struct md_official official(struct book *book, bool closing, int64_t px, int64_t time) {
        const struct event event = {
                .type = EVENT_OFFICIAL,
                .ts_event = time,
                .u.official = { .closing = closing, .px = px },
        };
        struct ticks ticks = apply(book, 1, &event);

        EXPECT_KINDS(&ticks, MD_OFFICIAL);
        return ticks.tick[0].u.official;
}

static void test_official(void **state) {
        struct md_official seen, opened = { PX(10), MD_PX_NONE, TIME, 0 },
                                 closed = { PX(10), PX(20), TIME, TIME + 1 };

        seen = official(*state, false, PX(10), TIME);
        assert_memory_equal(&seen, &opened, sizeof(seen));
        seen = official(*state, true, PX(20), TIME + 1);
        assert_memory_equal(&seen, &closed, sizeof(seen));
}

static void test_events_of_others(void **state) {
        static const enum event_type types[] = { EVENT_NONE, EVENT_INSTRUMENT, EVENT_SYSTEM };

        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                const struct event event = { .type = types[i], .ts_event = TIME };

                assert_int_equal(apply(*state, 0, &event).n, 0);
        }
}

static void test_reset(void **state) {
        const struct md_official opened = { PX(30), MD_PX_NONE, TIME, 0 };
        struct md_official seen;
        struct md_status merged;
        struct ticks ticks;

        book_begin_afresh(*state); /* nothing known yet */

        trade(*state, 2, PX(1000000), 100);
        trade_break(*state, 2, PX(1000000), 100);
        status(*state, STATUS_TRADING, (struct md_status){ .trading = 'H' });
        book_begin_afresh(*state);
        ticks = trade(*state, 2, PX(500000), 10);
        assert_int_equal(ticks.tick[0].u.trade.volume, 10);
        expect_bar(&ticks.tick[1], PX(500000), PX(500000), PX(500000), PX(500000));
        expect_totals(&ticks.tick[2], 5000000, 1, 0, 0);

        /* a halt outlives the session */
        merged = status(*state, STATUS_RETAIL, (struct md_status){ .retail = 'A' });
        assert_int_equal(merged.trading, 'H');

        official(*state, true, PX(20), TIME);
        book_begin_afresh(*state);
        seen = official(*state, false, PX(30), TIME);
        assert_memory_equal(&seen, &opened, sizeof(seen));
}

/* A successor that takes the last tick of each kind goes on as its predecessor would have. */
static void test_restore(void **state) {
        struct md_tick last[MD_PLACES];
        unsigned seen = 0;
        struct ticks ticks, expected;
        struct book *successor;

        for (int64_t i = 0; i < 50; i++) {
                ticks = trade(*state, 2, PX(1000000) + i * i % 17 * MD_PX_ONE, 100 + i);
                for (unsigned k = 0; k < ticks.n; k++)
                        last[ticks.tick[k].kind] = ticks.tick[k];
        }
        ticks = trade_break(*state, 2, PX(1000000), 100);
        last[MD_TOTALS] = ticks.tick[1];
        status(*state, STATUS_TRADING, (struct md_status){ .trading = 'H', .reason = "T1" });
        last[MD_STATUS].kind = MD_STATUS;
        last[MD_STATUS].u.status =
                status(*state, STATUS_RETAIL, (struct md_status){ .retail = 'B' });
        last[MD_OFFICIAL].kind = MD_OFFICIAL;
        last[MD_OFFICIAL].u.official = official(*state, false, PX(30), TIME);

        assert_int_equal(book_new(&successor, CAPACITY), 0);
        for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                if (kind == MD_QUOTE || kind == MD_AUCTION || kind == MD_CLEARING)
                        continue;
                last[kind].instrument = kind == MD_OFFICIAL ? 1 : 2;
                book_restore(successor, &last[kind]);
                seen++;
        }
        assert_int_equal(seen, 5);

        ticks = trade(successor, 2, PX(3000000), 100);
        expected = trade(*state, 2, PX(3000000), 100);
        assert_int_equal(ticks.n, 3);
        assert_memory_equal(&ticks, &expected, sizeof(ticks));
        assert_int_equal(status(successor, STATUS_SECURITY, (struct md_status){ 0 }).retail, 'B');
        assert_memory_equal(status(successor, STATUS_SECURITY, (struct md_status){ 0 }).reason,
                            "T1\0\0", 4);
        assert_int_equal(official(successor, true, PX(40), TIME).open_px, PX(30));
        assert_null(book_free(successor));
}

/* What its predecessor left of a session in which there was no trade yet. */
static void test_restore_of_a_session_without_trades(void **state) {
        struct md_tick last[2] = { { .instrument = 2 }, { .instrument = 2 } };
        struct ticks ticks;

        book_empty(MD_TRADE, &last[0]);
        book_empty(MD_TOTALS, &last[1]);
        assert_int_equal(last[0].u.trade.px, MD_PX_NONE);
        book_restore(*state, &last[0]);
        book_restore(*state, &last[1]);
        ticks = trade(*state, 2, PX(1000000), 300);
        assert_int_equal(ticks.tick[0].kind, MD_TRADE);
        assert_int_equal(ticks.tick[0].u.trade.volume, 300);
        expect_totals(&ticks.tick[2], 300000000, 1, 0, 0);
}

static void test_restore_of_a_stranger(void **state) {
        const struct md_tick strangers[] = {
                { .instrument = CAPACITY, .kind = MD_TRADE, .u.trade.volume = 5 },
                { .instrument = MD_INSTRUMENT_NONE, .kind = MD_SYSTEM },
                { .instrument = 0, .kind = UINT16_MAX, .u.word = { 1, 2, 3, 4 } },
        };
        struct ticks ticks;

        for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
                book_restore(*state, &strangers[i]);
        ticks = trade(*state, 0, PX(1), 1);
        assert_int_equal(ticks.tick[0].u.trade.volume, 1);
        expect_bar(&ticks.tick[1], PX(1), PX(1), PX(1), PX(1));
}

static void test_free_of_nothing(void **state) {
        struct book *empty;

        (void)state;
        assert_null(book_free(NULL));
        assert_int_equal(book_new(&empty, 0), 0);
        assert_null(book_free(empty));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_quote),
                TEST(test_first_trade),
                TEST(test_range),
                TEST(test_same_bar_is_no_tick),
                TEST(test_eligibility),
                TEST(test_instruments_are_apart),
                TEST(test_break),
                TEST(test_saturation),
                TEST(test_status_merges),
                TEST(test_auction),
                TEST(test_official),
                TEST(test_events_of_others),
                TEST(test_reset),
                TEST(test_restore),
                TEST(test_restore_of_a_session_without_trades),
                TEST(test_restore_of_a_stranger),
                cmocka_unit_test(test_free_of_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
