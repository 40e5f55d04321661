/*
 * Invented books hold what their messages say
 *
 * A listener that decodes every message keeps orders, levels and trades in the plainest way there is. What
 * it hears has to make sense (executions are of live orders, nothing crosses, what is halted does not
 * trade), and in the end it has to know what the market says of itself.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/decoder.h"
#include "sim/market.h"

#define STOCKS      20
#define MESSAGES    200000
#define LEVELS_MAX  512
#define ORDERS_MAX_ (1 << 18)
#define TIME        INT64_C(1764167400000000000) /* 2025-11-26 09:30 in New York */
#define MIDNIGHT    INT64_C(1764133200000000000)
#define UNIT        (MD_PX_ONE / 10000)

struct heard_level {
        int64_t px; /* 0: a free place */
        int64_t sz;
        unsigned orders;
};

struct heard {
        uint64_t symbol;
        uint16_t locate;
        struct heard_level side[2][LEVELS_MAX];
        bool in_event; /* of DEEP */
        char trading;
        int64_t trades, volume, breaks, broken, last_px, last_sz, last_id;
};

struct heard_order {
        uint16_t stock; /* and 1; 0: it is not live */
        bool ask;
        int64_t px, sz;
};

struct listener {
        const struct decoder *decoder;
        struct heard stocks[STOCKS];
        unsigned n;
        struct heard_order *orders; /* by reference */
        uint64_t counts[256];
        char system[16];
        unsigned system_n;
};

static struct heard *heard_of(struct listener *listener, const struct event *event) {
        for (unsigned i = 0; i < listener->n; i++)
                if (event->locate ? listener->stocks[i].locate == event->locate
                                  : listener->stocks[i].symbol == event->symbol)
                        return &listener->stocks[i];
        assert_true(event->symbol && listener->n < STOCKS);
        assert_int_equal(event->type, EVENT_INSTRUMENT); /* it comes first */
        listener->stocks[listener->n].symbol = event->symbol;
        listener->stocks[listener->n].locate = event->locate;
        return &listener->stocks[listener->n++];
}

/* ---- levels ---- */

static struct heard_level *level_of(struct heard *heard, bool ask, int64_t px) {
        struct heard_level *free_one = NULL;

        for (unsigned i = 0; i < LEVELS_MAX; i++) {
                struct heard_level *level = &heard->side[ask][i];

                if (level->px == px)
                        return level;
                if (!level->px && !free_one)
                        free_one = level;
        }
        assert_non_null(free_one);
        return free_one;
}

static void change_level(struct heard *heard, bool ask, int64_t px, int64_t by, int orders) {
        struct heard_level *level = level_of(heard, ask, px);

        level->px = px;
        level->sz += by;
        level->orders += (unsigned)orders;
        assert_true(level->sz >= 0);
        assert_int_equal(!level->sz, !level->orders);
        if (!level->sz)
                *level = (struct heard_level){ 0 };
}

/* The best level of a side, and how many there are; NULL: none. */
static const struct heard_level *best_of(const struct heard *heard, bool ask, unsigned *n) {
        const struct heard_level *best = NULL;

        *n = 0;
        for (unsigned i = 0; i < LEVELS_MAX; i++) {
                const struct heard_level *level = &heard->side[ask][i];

                if (!level->px)
                        continue;
                ++*n;
                if (!best || (ask ? level->px < best->px : level->px > best->px))
                        best = level;
        }
        return best;
}

static void check_order_of(const struct heard *heard) {
        unsigned n;
        const struct heard_level *bid = best_of(heard, false, &n), *ask = best_of(heard, true, &n);

        if (bid && ask)
                assert_true(bid->px < ask->px);
}

static void hear_level(struct heard *heard, const struct event *event) {
        struct heard_level *level = level_of(heard, event->u.level.ask, event->u.level.px);

        *level = (struct heard_level){ 0 };
        if (event->u.level.sz)
                *level = (struct heard_level){ event->u.level.px, event->u.level.sz, 1 };
        heard->in_event = !event->u.level.complete;
        if (event->u.level.complete)
                check_order_of(heard);
}

/* ---- orders and trades ---- */

static void trade(struct heard *heard, int64_t px, int64_t sz, int64_t id) {
        assert_true(sz > 0 && px > 0 && id > heard->last_id);
        heard->trades++;
        heard->volume += sz;
        heard->last_px = px;
        heard->last_sz = sz;
        heard->last_id = id;
}

static struct heard_order *order_of(struct listener *listener, const struct heard *heard,
                                    uint64_t ref) {
        assert_true(ref < ORDERS_MAX_);
        assert_int_equal(listener->orders[ref].stock, heard - listener->stocks + 1);
        return &listener->orders[ref];
}

static void add(struct listener *listener, struct heard *heard, uint64_t ref, bool ask, int64_t px,
                int64_t sz) {
        assert_true(ref < ORDERS_MAX_);
        assert_int_equal(listener->orders[ref].stock, 0);
        listener->orders[ref] =
                (struct heard_order){ (uint16_t)(heard - listener->stocks + 1), ask, px, sz };
        change_level(heard, ask, px, sz, 1);
}

static void take(struct heard *heard, struct heard_order *order, int64_t sz) {
        assert_true(sz > 0 && sz <= order->sz);
        order->sz -= sz;
        change_level(heard, order->ask, order->px, -sz, order->sz ? 0 : -1);
        if (!order->sz)
                order->stock = 0;
}

static void hear_order(struct listener *listener, struct heard *heard, const struct event *event) {
        struct heard_order *order;
        unsigned n;

        if (event->type == EVENT_ORDER_ADD) {
                assert_int_equal(heard->trading, 'T');
                add(listener, heard, event->u.order.ref, event->u.order.ask, event->u.order.px,
                    event->u.order.sz);
                check_order_of(heard);
                return;
        }
        order = order_of(listener, heard, event->u.order.ref);
        switch (event->type) {
        case EVENT_ORDER_EXECUTE:
                assert_int_equal(order->px, best_of(heard, order->ask, &n)->px);
                if (event->u.order.printable) {
                        assert_int_equal(heard->trading, 'T');
                        trade(heard,
                              event->u.order.px == MD_PX_NONE ? order->px : event->u.order.px,
                              event->u.order.sz, event->u.order.trade_id);
                }
                take(heard, order, event->u.order.sz);
                break;
        case EVENT_ORDER_CANCEL:
                assert_true(event->u.order.sz < order->sz);
                take(heard, order, event->u.order.sz);
                break;
        case EVENT_ORDER_DELETE:
                take(heard, order, order->sz);
                break;
        default:
                take(heard, order, order->sz);
                add(listener, heard, event->u.order.new_ref, order->ask, event->u.order.px,
                    event->u.order.sz);
                check_order_of(heard);
        }
}

static void hear_trade(struct heard *heard, const struct event *event) {
        bool cross = event->flags & MD_FLAG_CROSS;

        assert_int_equal(cross, heard->trading != 'T');
        trade(heard, event->u.trade.px, event->u.trade.sz, event->u.trade.trade_id);
}

static void hear(struct listener *listener, const uint8_t *message, size_t size) {
        struct heard *heard;
        struct event event;

        assert_in_range(size, 10, MARKET_MESSAGE_MAX);
        assert_int_equal(listener->decoder->decode(message, size, &event), DECODE_OK);
        assert_int_equal(listener->decoder->decode(message, size - 1, &event), DECODE_E_SHORT);
        assert_int_equal(listener->decoder->decode(message, size, &event), DECODE_OK);
        assert_int_equal(event.ts_event,
                         listener->decoder->since_midnight ? TIME - MIDNIGHT : TIME);
        listener->counts[message[0]]++;
        if (event.type == EVENT_SYSTEM && message[0] == 'S') {
                assert_true(listener->system_n < sizeof(listener->system));
                listener->system[listener->system_n++] = event.u.system;
        }
        if (event.type == EVENT_SYSTEM || event.type == EVENT_NONE)
                return;

        heard = heard_of(listener, &event);
        assert_true(!heard->in_event || event.type == EVENT_LEVEL);
        switch (event.type) {
        case EVENT_LEVEL:
                hear_level(heard, &event);
                break;
        case EVENT_TRADE:
                hear_trade(heard, &event);
                break;
        case EVENT_BREAK:
                assert_int_equal(event.u.broken.trade_id, heard->last_id);
                heard->breaks++;
                heard->broken += event.u.broken.sz;
                break;
        case EVENT_STATUS:
                if (event.u.status.fields & STATUS_TRADING)
                        heard->trading = event.u.status.status.trading;
                break;
        case EVENT_ORDER_ADD:
        case EVENT_ORDER_EXECUTE:
        case EVENT_ORDER_CANCEL:
        case EVENT_ORDER_DELETE:
        case EVENT_ORDER_REPLACE:
                hear_order(listener, heard, &event);
                break;
        default:
                break;
        }
}

/* ---- in the end ---- */

static void check_side(const struct heard *heard, bool ask, int64_t px, uint64_t sz,
                       uint32_t levels) {
        const struct heard_level *best;
        unsigned n;

        best = best_of(heard, ask, &n);
        assert_int_equal(best ? best->px : 0, px * UNIT);
        assert_int_equal(best ? best->sz : 0, sz);
        assert_int_equal(n, levels);
}

static void check_state(const struct listener *listener, const struct market *market) {
        for (uint32_t i = 0; i < STOCKS; i++) {
                const struct heard *heard = &listener->stocks[i]; /* in the same order */
                struct state_row row;

                market_state(market, i, &row);
                assert_memory_equal(row.symbol, &heard->symbol, 8);
                check_side(heard, false, row.bid, row.bid_sz, row.bid_levels);
                check_side(heard, true, row.ask, row.ask_sz, row.ask_levels);
                assert_int_equal(row.trading, heard->trading);
                assert_int_equal(row.trades.n, heard->trades);
                assert_int_equal(row.trades.volume, heard->volume);
                assert_int_equal(row.trades.last_px * UNIT, heard->last_px);
                assert_int_equal(row.trades.last_sz, heard->last_sz);
                assert_int_equal(row.trades.last_id, heard->last_id);
                assert_int_equal(row.trades.breaks, heard->breaks);
                assert_int_equal(row.trades.broken_volume, heard->broken);
        }
}

static void listen_to(const struct market_type *type, const struct decoder *decoder,
                      const char *never, uint64_t seed) {
        struct listener *listener = calloc(1, sizeof(*listener));
        uint8_t message[MARKET_MESSAGE_MAX];
        struct market *market;
        size_t size;

        assert_non_null(listener);
        listener->decoder = decoder;
        listener->orders = calloc(ORDERS_MAX_, sizeof(*listener->orders));
        assert_non_null(listener->orders);
        assert_int_equal(market_new(&market, type, STOCKS, seed), 0);
        for (unsigned i = 0; i < MESSAGES; i++) {
                if (i == MESSAGES - MARKET_TURN_MAX)
                        market_wind_down(market);
                hear(listener, message, market_next(market, TIME, message));
        }
        check_state(listener, market);
        market_close(market);
        for (unsigned i = 0; i < 3; i++) {
                size = market_next(market, TIME, message);
                assert_true(size > 0);
                hear(listener, message, size);
        }
        assert_int_equal(market_next(market, TIME, message), 0);
        check_state(listener, market);

        assert_int_equal(listener->n, STOCKS);
        assert_int_equal(listener->system_n, 6);
        assert_memory_equal(listener->system, "OSRMEC", 6);
        for (const struct decoder_type *known = decoder->types; known->type; known++)
                assert_int_equal(listener->counts[(unsigned char)known->type] > 0,
                                 !strchr(never, known->type));
        assert_null(market_free(market));
        free(listener->orders);
        free(listener);
}

/* All messages that there are. */
static void test_itch(void **state) {
        (void)state;
        for (uint64_t seed = 0; seed < 5; seed++)
                listen_to(&itch50_market, &itch50_decoder, "", seed);
}

static void test_deep(void **state) {
        (void)state;
        for (uint64_t seed = 0; seed < 5; seed++)
                listen_to(&deep_market, &deep_decoder, "", seed);
}

/* A turn is told to its end before the day's. */
static void test_close_anywhere(void **state) {
        (void)state;
        for (unsigned n = 500; n < 700; n++) {
                uint8_t message[MARKET_MESSAGE_MAX];
                bool complete = true;
                struct market *market;
                size_t size;

                assert_int_equal(market_new(&market, &deep_market, STOCKS, 1), 0);
                for (unsigned i = 0; i < n; i++)
                        market_next(market, TIME, message);
                market_close(market);
                while ((size = market_next(market, TIME, message))) {
                        if (message[0] == '5' || message[0] == '8')
                                complete = message[1];
                        else if (message[0] == 'S')
                                assert_true(complete);
                }
                market_free(market);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_itch),
                cmocka_unit_test(test_deep),
                cmocka_unit_test(test_close_anywhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
