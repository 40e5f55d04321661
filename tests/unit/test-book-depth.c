/* Levels and orders become quotes: when an event is complete, and when there is something new. */

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
#define PX(n)    ((n)*MD_PX_ONE)

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
                assert_int_equal(ticks.tick[i].instrument, instrument);
                assert_int_equal(ticks.tick[i].ts_event, event->ts_event);
                assert_int_equal(!!(ticks.tick[i].flags & MD_FLAG_LAST), i == ticks.n - 1);
        }
        return ticks;
}

static struct ticks level(struct book *book, bool ask, int64_t px, int64_t sz, bool complete) {
        const struct event event = {
                .type = EVENT_LEVEL,
                .ts_event = TIME,
                .u.level = { .px = px, .sz = sz, .ask = ask, .complete = complete },
        };

        return apply(book, 1, &event);
}

static struct ticks add(struct book *book, uint64_t ref, bool ask, int64_t px, uint32_t sz) {
        const struct event event = {
                .type = EVENT_ORDER_ADD,
                .ts_event = TIME,
                .u.order = { .ref = ref, .px = px, .sz = sz, .ask = ask },
        };

        return apply(book, 1, &event);
}

static struct ticks order(struct book *book, enum event_type type, uint64_t ref, uint32_t sz) {
        const struct event event = {
                .type = type,
                .ts_event = TIME,
                .u.order = { .ref = ref, .px = MD_PX_NONE, .sz = sz, .printable = true },
        };

        return apply(book, 1, &event);
}

/* The last of the ticks is this quote; before it there are `before` others. */
static void expect_quote(struct ticks ticks, unsigned before, int64_t bid_px, int64_t bid_sz,
                         int64_t ask_px, int64_t ask_sz) {
        const struct md_quote *quote = &ticks.tick[before].u.quote;

        assert_int_equal(ticks.n, before + 1);
        assert_int_equal(ticks.tick[before].kind, MD_QUOTE);
        assert_int_equal(quote->bid_px, bid_px);
        assert_int_equal(quote->bid_sz, bid_sz);
        assert_int_equal(quote->ask_px, ask_px);
        assert_int_equal(quote->ask_sz, ask_sz);
}

static void expect_nothing(struct ticks ticks) {
        assert_int_equal(ticks.n, 0);
}

static struct book_sides sides_of(struct book *book, uint32_t instrument) {
        struct book_sides sides;

        book_look(book, instrument, 0, NULL, NULL, &sides);
        return sides;
}

/* ---- levels ---- */

static void test_shown_when_complete(void **state) {
        expect_quote(level(*state, false, PX(10), 100, true), 0, PX(10), 100, MD_PX_NONE, 0);
        expect_quote(level(*state, true, PX(12), 50, true), 0, PX(10), 100, PX(12), 50);

        /* one event on both sides */
        expect_nothing(level(*state, false, PX(10), 0, false));
        expect_nothing(level(*state, false, PX(9), 30, false));
        expect_quote(level(*state, true, PX(11), 20, true), 0, PX(9), 30, PX(11), 20);
}

static void test_shown_when_new(void **state) {
        expect_quote(level(*state, false, PX(10), 100, true), 0, PX(10), 100, MD_PX_NONE, 0);
        /* behind the best, or the same again */
        expect_nothing(level(*state, false, PX(9), 100, true));
        expect_nothing(level(*state, false, PX(10), 100, true));
        /* there and back within one event */
        expect_nothing(level(*state, false, PX(11), 1, false));
        expect_nothing(level(*state, false, PX(10), 7, false));
        expect_nothing(level(*state, false, PX(11), 0, false));
        expect_nothing(level(*state, false, PX(10), 100, true));
        /* a side becomes empty */
        expect_nothing(level(*state, false, PX(9), 0, true));
        expect_quote(level(*state, false, PX(10), 0, true), 0, MD_PX_NONE, 0, MD_PX_NONE, 0);
}

static void test_missing_level(void **state) {
        struct ticks ticks = level(*state, false, PX(10), 100, true);

        assert_int_equal(ticks.tick[0].flags, MD_FLAG_LAST);
        assert_false(sides_of(*state, 1).suspect);
        expect_nothing(level(*state, false, PX(9), 0, true));
        assert_true(sides_of(*state, 1).suspect);
        assert_false(sides_of(*state, 2).suspect);
        ticks = level(*state, false, PX(11), 100, true);
        assert_int_equal(ticks.tick[0].flags, MD_FLAG_LAST | MD_FLAG_MAYBE_BAD_BOOK);
}

/* ---- orders ---- */

static void test_orders(void **state) {
        expect_quote(add(*state, 1, false, PX(10), 100), 0, PX(10), 100, MD_PX_NONE, 0);
        expect_quote(add(*state, 2, false, PX(10), 50), 0, PX(10), 150, MD_PX_NONE, 0);
        expect_nothing(add(*state, 3, false, PX(9), 10));
        expect_quote(add(*state, 4, true, PX(11), 70), 0, PX(10), 150, PX(11), 70);
        assert_int_equal(sides_of(*state, 1).orders, 4);
        assert_int_equal(sides_of(*state, 1).bid_levels, 2);
        assert_int_equal(sides_of(*state, 1).ask_levels, 1);

        expect_quote(order(*state, EVENT_ORDER_CANCEL, 1, 30), 0, PX(10), 120, PX(11), 70);
        expect_quote(order(*state, EVENT_ORDER_DELETE, 2, 0), 0, PX(10), 70, PX(11), 70);
        expect_nothing(order(*state, EVENT_ORDER_DELETE, 3, 0));
        expect_quote(order(*state, EVENT_ORDER_CANCEL, 1, 70), 0, MD_PX_NONE, 0, PX(11), 70);
        assert_int_equal(book_stats(*state)->live_orders, 1);
        assert_int_equal(book_stats(*state)->unknown_refs, 0);
}

static void test_execution(void **state) {
        struct ticks ticks;

        add(*state, 1, true, PX(10), 100);
        ticks = order(*state, EVENT_ORDER_EXECUTE, 1, 40);
        expect_quote(ticks, 3, MD_PX_NONE, 0, PX(10), 60);
        assert_int_equal(ticks.tick[0].kind, MD_TRADE);
        assert_int_equal(ticks.tick[0].u.trade.px, PX(10));
        assert_int_equal(ticks.tick[0].u.trade.sz, 40);
        assert_int_equal(ticks.tick[1].kind, MD_BAR);
        assert_int_equal(ticks.tick[2].kind, MD_TOTALS);
        assert_int_equal(ticks.tick[2].u.totals.trades, 1);
        /* the bar is the same, and the order gone */
        expect_quote(order(*state, EVENT_ORDER_EXECUTE, 1, 60), 2, MD_PX_NONE, 0, MD_PX_NONE, 0);
        assert_int_equal(book_stats(*state)->live_orders, 0);
}

/* Each tick has the flags that are for its kind. */
static void test_outside_hours(void **state) {
        struct event event = {
                .type = EVENT_ORDER_EXECUTE,
                .flags = MD_FLAG_PRE_POST | MD_FLAG_EXTENDED,
                .u.order = { .ref = 1, .px = PX(11), .sz = 1, .printable = true },
        };
        struct ticks ticks;

        add(*state, 1, true, PX(10), 100);
        ticks = apply(*state, 1, &event);
        expect_quote(ticks, 2, MD_PX_NONE, 0, PX(10), 99); /* and no bar */
        assert_int_equal(ticks.tick[0].kind, MD_TRADE);
        assert_int_equal(ticks.tick[0].flags, MD_FLAG_EXTENDED);
        assert_int_equal(ticks.tick[0].u.trade.px, PX(11));
        assert_int_equal(ticks.tick[2].flags, MD_FLAG_PRE_POST | MD_FLAG_LAST);

        event.u.order.printable = false;
        expect_quote(apply(*state, 1, &event), 0, MD_PX_NONE, 0, PX(10), 98);
        assert_int_equal(book_stats(*state)->nonprintable, 1);
}

static void test_unknown_orders(void **state) {
        static const enum event_type types[] = { EVENT_ORDER_EXECUTE, EVENT_ORDER_CANCEL,
                                                 EVENT_ORDER_DELETE, EVENT_ORDER_REPLACE };
        const struct event stray = { .type = EVENT_ORDER_EXECUTE, .u.order = { .sz = 5 } };

        add(*state, 1, false, PX(10), 100);
        for (unsigned i = 0; i < 4; i++)
                expect_nothing(order(*state, types[i], 2, 20));
        book_stray(*state, &stray);
        assert_int_equal(book_stats(*state)->unknown_refs, 5);
        assert_int_equal(book_stats(*state)->unknown_executions, 2);
        assert_int_equal(book_stats(*state)->unknown_shares, 25);
        assert_int_equal(book_stats(*state)->live_orders, 1);
        assert_true(sides_of(*state, 1).suspect);
}

/* ---- sessions ---- */

static void test_afresh(void **state) {
        uint32_t instrument;

        add(*state, 1, false, PX(10), 100);
        order(*state, EVENT_ORDER_DELETE, 7, 0);
        book_suspect(*state);
        book_begin_afresh(*state);
        assert_int_equal(sides_of(*state, 1).bid_levels, 0);
        assert_int_equal(sides_of(*state, 1).ts_event, 0);
        assert_false(sides_of(*state, 1).suspect);
        assert_int_equal(book_stats(*state)->live_orders, 0);
        assert_int_equal(book_stats(*state)->unknown_refs, 1);
        assert_true(book_take_changed(*state, &instrument));

        expect_quote(add(*state, 1, true, PX(10), 100), 0, MD_PX_NONE, 0, PX(10), 100);
}

static void test_suspect(void **state) {
        add(*state, 1, false, PX(10), 100);
        book_suspect(*state);
        assert_int_equal(add(*state, 2, false, PX(11), 1).tick[0].flags,
                         MD_FLAG_LAST | MD_FLAG_MAYBE_BAD_BOOK);
        /* one that comes later is as incomplete */
        assert_int_equal(apply(*state, 3,
                               &(struct event){ .type = EVENT_ORDER_ADD,
                                                .u.order = { .ref = 3, .px = PX(1), .sz = 1 } })
                                 .tick[0]
                                 .flags,
                         MD_FLAG_LAST | MD_FLAG_MAYBE_BAD_BOOK);
        assert_true(sides_of(*state, 3).suspect);
}

static void test_lost(void **state) {
        uint32_t instrument;

        book_lose(*state, 2);
        assert_true(book_take_changed(*state, &instrument));
        assert_int_equal(instrument, 2);
        assert_true(sides_of(*state, 2).suspect);
        assert_int_equal(sides_of(*state, 2).bid_levels, 0);
}

/* ---- what has changed ---- */

static void test_changed(void **state) {
        uint32_t instrument = 99;

        assert_false(book_take_changed(*state, &instrument));
        level(*state, false, PX(10), 100, true);
        level(*state, false, PX(9), 100, true);
        assert_true(book_take_changed(*state, &instrument));
        assert_int_equal(instrument, 1);
        assert_false(book_take_changed(*state, &instrument));

        /* nobody is to see the middle of an event */
        level(*state, false, PX(8), 100, false);
        assert_false(book_take_changed(*state, &instrument));
        apply(*state, 2,
              &(struct event){ .type = EVENT_LEVEL,
                               .u.level = { .px = PX(1), .sz = 1, .complete = true } });
        assert_true(book_take_changed(*state, &instrument));
        assert_int_equal(instrument, 2);
        level(*state, false, PX(7), 100, true);
        assert_true(book_take_changed(*state, &instrument));
        assert_int_equal(instrument, 1);
        assert_false(book_take_changed(*state, &instrument));
}

static void test_look(void **state) {
        struct md_level bids[3], asks[3];
        struct book_sides sides;

        for (int64_t i = 1; i <= 4; i++) {
                add(*state, (uint64_t)i, false, PX(i), (uint32_t)(10 * i));
                add(*state, (uint64_t)i + 10, false, PX(i), 1);
        }
        add(*state, 20, true, PX(7), 3);
        add(*state, 21, true, PX(6), 2);
        memset(asks, 0x5a, sizeof(asks));
        book_look(*state, 1, 3, bids, asks, &sides);
        assert_int_equal(sides.bid_levels, 4);
        assert_int_equal(sides.ask_levels, 2);
        assert_int_equal(sides.orders, 10);
        assert_int_equal(sides.ts_event, TIME);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(bids[i].px, PX(4 - (int64_t)i));
                assert_int_equal(bids[i].sz, 10 * (4 - i) + 1);
                assert_int_equal(bids[i].orders, 2);
        }
        assert_int_equal(asks[0].px, PX(6));
        assert_int_equal(asks[1].px, PX(7));
        assert_int_equal(asks[2].orders, UINT64_C(0x5a5a5a5a5a5a5a5a));
}

/* ---- auctions ---- */

static void test_crosses(void **state) {
        static const struct {
                char cross;
                unsigned n;
        } crosses[] = { { 'O', 4 }, { 'H', 2 }, { 'C', 3 } };
        struct event event = {
                .type = EVENT_TRADE,
                .flags = MD_FLAG_CROSS,
                .ts_event = TIME,
                .u.trade = { .px = PX(10), .sz = 100, .sets_range = true, .sets_last = true },
        };

        for (unsigned i = 0; i < 3; i++) {
                struct ticks ticks;

                event.u.trade.cross = crosses[i].cross;
                ticks = apply(*state, 1, &event);
                assert_int_equal(ticks.n, crosses[i].n);
                assert_int_equal(ticks.tick[0].kind, MD_TRADE);
                assert_true(ticks.tick[0].flags & MD_FLAG_CROSS);
                if (crosses[i].cross == 'H')
                        continue;
                assert_int_equal(ticks.tick[ticks.n - 1].kind, MD_OFFICIAL);
                assert_int_equal(ticks.tick[ticks.n - 1].u.official.open_px, PX(10));
                assert_int_equal(ticks.tick[ticks.n - 1].u.official.close_px,
                                 crosses[i].cross == 'C' ? PX(10) : MD_PX_NONE);
        }
}

/* What one message says of an auction stays when another speaks of something else. */
static void test_auction_in_pieces(void **state) {
        const struct event imbalance = {
                .type = EVENT_AUCTION,
                .u.auction = { .fields = AUCTION_REFERENCE | AUCTION_IMBALANCE | AUCTION_CLEARING,
                               .auction = { .ref_px = PX(1),
                                            .paired = 2,
                                            .imbalance = 3,
                                            .side = 'B',
                                            .type = 'O',
                                            .variation = 'L' },
                               .clearing = { .clearing_px = PX(4), .book_px = PX(5) } },
        };
        const struct event collar = {
                .type = EVENT_AUCTION,
                .u.auction = { .fields = AUCTION_COLLAR,
                               .auction = { .extension = 6, .ref_px = PX(99) },
                               .clearing = { .collar_lo = PX(7),
                                             .collar_hi = PX(8),
                                             .book_px = PX(99) } },
        };
        const struct event schedule = {
                .type = EVENT_AUCTION,
                .u.auction = { .fields = AUCTION_SCHEDULE, .auction = { .scheduled = 9 } },
        };
        const struct md_auction whole = { PX(1), 2, 3, 9, 'O', 'B', 6, 'L' };
        const struct md_clearing prices = { PX(4), PX(5), PX(7), PX(8) };
        struct ticks ticks = apply(*state, 1, &collar);

        assert_int_equal(ticks.n, 2);
        assert_int_equal(ticks.tick[0].u.auction.ref_px, MD_PX_NONE);
        assert_int_equal(ticks.tick[1].u.clearing.clearing_px, MD_PX_NONE);
        assert_int_equal(ticks.tick[1].u.clearing.collar_hi, PX(8));
        apply(*state, 1, &schedule);
        ticks = apply(*state, 1, &imbalance);
        assert_memory_equal(&ticks.tick[0].u.auction, &whole, sizeof(whole));
        assert_memory_equal(&ticks.tick[1].u.clearing, &prices, sizeof(prices));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_shown_when_complete),
                TEST(test_shown_when_new),
                TEST(test_missing_level),
                TEST(test_orders),
                TEST(test_execution),
                TEST(test_outside_hours),
                TEST(test_unknown_orders),
                TEST(test_afresh),
                TEST(test_suspect),
                TEST(test_lost),
                TEST(test_changed),
                TEST(test_look),
                TEST(test_crosses),
                TEST(test_auction_in_pieces),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
