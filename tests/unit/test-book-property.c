/*
 * A book of random levels and orders is the one that a simple model says
 *
 * The model keeps an array of orders and, for each price there can be, what stands at it; its top is
 * found by looking at all of them. After every event the quote that the book makes, or does not make, is
 * compared; after each thousand, all levels and figures are. With MDSHMD_LONG=1 in the environment there
 * are a hundred million events instead of four million.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "book/book.h"

#define INSTRUMENTS 3
#define PRICES      448 /* the first and the last FAR of them far from the others */
#define FAR         64
#define NEAR        24   /* most things happen so near to where the market is */
#define ORDERS_MAX  8000 /* enough to have the store grow and shrink */

struct model_level {
        int64_t sz;
        uint32_t orders;
};

struct model_order {
        uint64_t ref;
        uint32_t instrument, sz;
        unsigned price;
        bool ask;
};

struct model {
        struct model_level level[INSTRUMENTS][2][PRICES];
        struct md_quote top[INSTRUMENTS]; /* shown last */
        bool shown[INSTRUMENTS], suspect[INSTRUMENTS];
        int64_t volume[INSTRUMENTS], trades[INSTRUMENTS];
        struct model_order order[ORDERS_MAX];
        uint32_t n;
        struct book_stats stats;
};

struct trial {
        struct book *book;
        struct model model;
        uint64_t noise, next_ref;
        bool growing;                     /* most orders come now; else most go */
        unsigned market;                  /* the price around which things happen */
        struct md_tick ticks[BOOK_TICKS]; /* of the newest event, */
        unsigned n_ticks;
        uint32_t touched; /* and its instrument */
};

static uint64_t any(struct trial *trial, uint64_t below) {
        trial->noise ^= trial->noise << 13;
        trial->noise ^= trial->noise >> 7;
        trial->noise ^= trial->noise << 17;
        return (trial->noise >> 11) % below;
}

/* The market wanders, over all prices. */
static unsigned any_price(struct trial *trial) {
        if (!any(trial, 500))
                trial->market = (unsigned)any(trial, PRICES);
        if (!any(trial, 30))
                return (unsigned)any(trial, PRICES);
        return (trial->market + PRICES + (unsigned)any(trial, NEAR) + (unsigned)any(trial, NEAR) -
                NEAR) %
               PRICES;
}

/* Cents, with half a cent here and there; far away, whole dollars. */
static int64_t px_of(unsigned price) {
        if (price < FAR)
                return (int64_t)(1 + price * 5) * MD_PX_ONE;
        if (price >= PRICES - FAR)
                return (int64_t)(1000 + price * 7) * MD_PX_ONE;
        return (int64_t)(100000 + price * 2 + (price % 16 == 0)) * (MD_PX_ONE / 200);
}

static uint64_t trials(void) {
        const char *is_long = getenv("MDSHMD_LONG");

        return is_long && !strcmp(is_long, "1") ? 100000000 : 4000000;
}

/* ---- the model ---- */

static struct md_quote model_top(const struct model *model, uint32_t instrument) {
        struct md_quote top = { MD_PX_NONE, MD_PX_NONE, 0, 0 };

        for (unsigned price = 0; price < PRICES; price++) {
                const struct model_level *bid = &model->level[instrument][0][price];
                const struct model_level *ask = &model->level[instrument][1][PRICES - 1 - price];

                if (bid->sz) {
                        top.bid_px = px_of(price);
                        top.bid_sz = bid->sz;
                }
                if (ask->sz) {
                        top.ask_px = px_of(PRICES - 1 - price);
                        top.ask_sz = ask->sz;
                }
        }
        return top;
}

static void model_add(struct model *model, const struct model_order *order) {
        struct model_level *level = &model->level[order->instrument][order->ask][order->price];

        level->sz += order->sz;
        level->orders++;
        model->order[model->n++] = *order;
}

static void model_take(struct model *model, uint32_t i, uint32_t sz) {
        struct model_order *order = &model->order[i];
        struct model_level *level = &model->level[order->instrument][order->ask][order->price];

        if (sz > order->sz) {
                model->stats.overruns++;
                model->suspect[order->instrument] = true;
                sz = order->sz;
        }
        level->sz -= sz;
        order->sz -= sz;
        if (order->sz)
                return;
        level->orders--;
        *order = model->order[--model->n];
}

/* ---- events ---- */

static void apply(struct trial *trial, uint32_t instrument, const struct event *event) {
        trial->touched = instrument;
        trial->n_ticks = book_apply(trial->book, instrument, event, trial->ticks);
}

static void add_new(struct trial *trial) {
        const struct model_order order = {
                .ref = trial->next_ref++,
                .instrument = (uint32_t)any(trial, INSTRUMENTS),
                .sz = 1 + (uint32_t)any(trial, 5),
                .price = any_price(trial),
                .ask = any(trial, 2),
        };
        const struct event event = {
                .type = EVENT_ORDER_ADD,
                .u.order = { .ref = order.ref,
                             .px = px_of(order.price),
                             .sz = order.sz,
                             .ask = order.ask },
        };

        model_add(&trial->model, &order);
        apply(trial, order.instrument, &event);
}

/* A reference that a live order has. */
static void add_again(struct trial *trial, const struct model_order *old) {
        const struct event event = {
                .type = EVENT_ORDER_ADD,
                .u.order = { .ref = old->ref, .px = px_of(3), .sz = 7, .ask = true },
        };

        trial->model.stats.duplicate_refs++;
        trial->model.suspect[old->instrument] = true;
        apply(trial, old->instrument, &event);
        assert_int_equal(trial->n_ticks, 0);
}

/* Takes from order number i, which may be the last that is heard of it. */
static void take(struct trial *trial, uint32_t i, enum event_type type) {
        struct model *model = &trial->model;
        const struct model_order order = model->order[i];
        const struct event event = {
                .type = type,
                .u.order = { .ref = order.ref,
                             .px = any(trial, 2) ? MD_PX_NONE : px_of(1),
                             .sz = (uint32_t)any(trial, 7),
                             .printable = any(trial, 8) },
        };

        if (type == EVENT_ORDER_EXECUTE && event.u.order.printable) {
                model->volume[order.instrument] += event.u.order.sz;
                model->trades[order.instrument]++;
        } else if (type == EVENT_ORDER_EXECUTE) {
                model->stats.nonprintable++;
        }
        model_take(model, i, type == EVENT_ORDER_DELETE ? order.sz : event.u.order.sz);
        apply(trial, order.instrument, &event);

        if (type == EVENT_ORDER_EXECUTE && event.u.order.printable) {
                const struct md_trade *trade = &trial->ticks[0].u.trade;

                assert_true(trial->n_ticks >= 2);
                assert_int_equal(trial->ticks[0].kind, MD_TRADE);
                assert_int_equal(trade->px,
                                 event.u.order.px == MD_PX_NONE ? px_of(order.price) : px_of(1));
                assert_int_equal(trade->sz, event.u.order.sz);
                assert_int_equal(trade->volume, model->volume[order.instrument]);
        }
}

static void replace(struct trial *trial, uint32_t i) {
        struct model *model = &trial->model;
        struct model_order order = model->order[i], next = order;
        const struct event event = {
                .type = EVENT_ORDER_REPLACE,
                .u.order = { .ref = order.ref,
                             .new_ref = any(trial, 8) ? trial->next_ref++ : order.ref,
                             .px = px_of(next.price = any_price(trial)),
                             .sz = next.sz = 1 + (uint32_t)any(trial, 5) },
        };

        next.ref = event.u.order.new_ref;
        model_take(model, i, order.sz);
        model_add(model, &next);
        apply(trial, order.instrument, &event);
}

/* A message on an order that never was, or one that belongs to another instrument. */
static void stray(struct trial *trial) {
        static const enum event_type types[] = { EVENT_ORDER_EXECUTE, EVENT_ORDER_CANCEL,
                                                 EVENT_ORDER_DELETE, EVENT_ORDER_REPLACE };
        struct model *model = &trial->model;
        uint32_t i = model->n ? (uint32_t)any(trial, model->n) : 0, instrument = 0;
        struct event event = {
                .type = types[any(trial, 4)],
                .u.order = { .ref = trial->next_ref + 1000000,
                             .new_ref = trial->next_ref,
                             .sz = 3 },
        };

        if (model->n && any(trial, 2)) {
                event.u.order.ref = model->order[i].ref;
                instrument = (model->order[i].instrument + 1) % INSTRUMENTS;
        }
        model->stats.unknown_refs++;
        model->suspect[instrument] = true;
        if (event.type == EVENT_ORDER_EXECUTE) {
                model->stats.unknown_executions++;
                model->stats.unknown_shares += 3;
        }
        apply(trial, instrument, &event);
        assert_int_equal(trial->n_ticks, 0);
}

static void begin_afresh(struct trial *trial) {
        struct book_stats stats = trial->model.stats;

        memset(&trial->model, 0, sizeof(trial->model));
        trial->model.stats = stats;
        book_begin_afresh(trial->book);
        trial->n_ticks = 0;
}

/* Something happens to order number i. */
static void step_with(struct trial *trial, uint32_t i, uint64_t dice) {
        if (dice < 1)
                add_again(trial, &trial->model.order[i]);
        else if (dice < 25)
                take(trial, i, EVENT_ORDER_EXECUTE);
        else if (dice < 35)
                take(trial, i, EVENT_ORDER_CANCEL);
        else if (dice < 55)
                replace(trial, i);
        else
                take(trial, i, EVENT_ORDER_DELETE);
}

static void step(struct trial *trial) {
        struct model *model = &trial->model;
        uint64_t dice = any(trial, 1000);

        if (model->n >= ORDERS_MAX - 1000)
                trial->growing = false;
        else if (model->n < 10)
                trial->growing = true;

        if (dice < 3)
                stray(trial);
        else if (dice < (trial->growing ? 550u : 150u) || !model->n)
                add_new(trial);
        else
                step_with(trial, (uint32_t)any(trial, model->n), any(trial, 100));
}

/* ---- comparisons ---- */

/* The quotes among the ticks are what the top of the model says, and there is none without need. */
static void compare_quote(struct trial *trial) {
        struct model *model = &trial->model;
        struct md_quote top;
        unsigned quotes = 0;

        for (unsigned i = 0; i < trial->n_ticks; i++) {
                const struct md_tick *tick = &trial->ticks[i];

                if (tick->kind != MD_QUOTE)
                        continue;
                model->top[tick->instrument] = tick->u.quote;
                model->shown[tick->instrument] = true;
                assert_int_equal(!!(tick->flags & MD_FLAG_MAYBE_BAD_BOOK),
                                 model->suspect[tick->instrument]);
                quotes++;
        }
        assert_true(quotes <= 1);
        top = model_top(model, trial->touched);
        if (model->shown[trial->touched])
                assert_memory_equal(&top, &model->top[trial->touched], sizeof(top));
        else
                assert_int_equal(top.bid_sz + top.ask_sz, 0);
}

static void compare_side(const struct model *model, uint32_t instrument, bool ask,
                         const struct md_level *levels, uint32_t n) {
        uint32_t found = 0;

        for (unsigned i = 0; i < PRICES; i++) {
                unsigned price = ask ? i : PRICES - 1 - i;
                const struct model_level *level = &model->level[instrument][ask][price];

                if (!level->sz)
                        continue;
                assert_true(found < n);
                assert_int_equal(levels[found].px, px_of(price));
                assert_int_equal(levels[found].sz, level->sz);
                assert_int_equal(levels[found].orders, level->orders);
                found++;
        }
        assert_int_equal(found, n);
}

static void compare_levels(struct trial *trial) {
        struct md_level bids[PRICES], asks[PRICES];
        struct book_sides sides;

        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                book_look(trial->book, i, PRICES, bids, asks, &sides);
                compare_side(&trial->model, i, false, bids, sides.bid_levels);
                compare_side(&trial->model, i, true, asks, sides.ask_levels);
                assert_int_equal(sides.suspect, trial->model.suspect[i]);
        }
}

static void compare_figures(struct trial *trial) {
        struct book_sides sides;
        uint64_t orders = 0;

        trial->model.stats.live_orders = trial->model.n;
        assert_memory_equal(book_stats(trial->book), &trial->model.stats,
                            sizeof(trial->model.stats));
        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                book_look(trial->book, i, 0, NULL, NULL, &sides);
                orders += sides.orders;
        }
        assert_int_equal(orders, trial->model.n);
}

/* ---- trials ---- */

static struct trial *trial_new(void) {
        struct trial *trial = calloc(1, sizeof(*trial));

        assert_non_null(trial);
        assert_int_equal(book_new(&trial->book, INSTRUMENTS), 0);
        trial->noise = UINT64_C(88172645463325252);
        trial->growing = true;
        return trial;
}

static void trial_free(struct trial *trial) {
        book_free(trial->book);
        free(trial);
}

static void test_orders(void **state) {
        struct trial *trial = trial_new();
        uint64_t n = trials();

        (void)state;
        for (uint64_t i = 1; i <= n; i++) {
                if (i % 700001 == 0)
                        begin_afresh(trial);
                else
                        step(trial);
                compare_quote(trial);
                if (i % 1000)
                        continue;
                compare_levels(trial);
                compare_figures(trial);
        }
        trial_free(trial);
}

/* Levels of a venue that speaks of them: they are shown at the end of its events alone. */
static void test_levels(void **state) {
        struct trial *trial = trial_new();
        struct model *model = &trial->model;
        uint64_t n = trials();

        (void)state;
        for (uint64_t i = 1; i <= n; i++) {
                unsigned price = any_price(trial);
                const struct event event = {
                        .type = EVENT_LEVEL,
                        .u.level = { .px = px_of(price),
                                     .sz = any(trial, 3) ? (int64_t)any(trial, 4) : 0,
                                     .ask = any(trial, 2),
                                     .complete = any(trial, 4) },
                };
                struct model_level *level = &model->level[0][event.u.level.ask][price];
                struct md_quote top;

                if (!event.u.level.sz && !level->sz)
                        model->suspect[0] = true;
                level->sz = event.u.level.sz;
                apply(trial, 0, &event);
                if (!event.u.level.complete) {
                        assert_int_equal(trial->n_ticks, 0);
                        continue;
                }
                compare_quote(trial);
                top = model_top(model, 0);
                assert_true(!trial->n_ticks ||
                            !memcmp(&top, &trial->ticks[0].u.quote, sizeof(top)));
                if (i % 1000 == 0)
                        compare_levels(trial);
        }
        trial_free(trial);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_orders),
                cmocka_unit_test(test_levels),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
