/*
 * The book of a feed; book.h tells the idea
 *
 * Tallies and ladders are arrays of zeroed memory that the kernel has not given yet: an instrument costs
 * nothing until its first event. The orders of all instruments are in one store, for a venue gives
 * each reference once.
 */

#include "book/book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "book/ladder.h"
#include "book/orders.h"
#include "book/tally.h"

#define CACHE_LINE 64

/* Flags of an event that are for quotes; the others are for trades. */
#define QUOTE_FLAGS (MD_FLAG_INACTIVE | MD_FLAG_PRE_POST)

struct book {
        uint32_t capacity;
        uint32_t tallied, laddered; /* instruments from there on have nothing of the kind yet */
        bool incomplete;            /* all levels and orders are */
        struct tally *tallies;
        struct ladder *ladders;
        uint32_t *changed; /* instruments marked LADDER_CHANGED */
        uint32_t n_changed;
        struct orders orders;
        struct book_stats stats;
        void *memory[2]; /* that holds tallies and ladders */
};

/* ---- a book ---- */

/* Zeroed memory, from a cache line's beginning on: calloc() leaves fresh pages alone, which
 * aligned_alloc() and memset() would not. */
static void *lines_new(void **memory, size_t n, size_t size) {
        uintptr_t start;

        *memory = calloc(n + 1, size);
        start = ((uintptr_t)*memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1);
        return *memory ? (void *)start : NULL;
}

int book_new(struct book **bookp, uint32_t capacity) {
        _cleanup_(book_freep) struct book *book = NULL;

        book = calloc(1, sizeof(*book));
        if (!book)
                return -ENOMEM;

        book->capacity = capacity;
        orders_init(&book->orders);
        book->tallies = lines_new(&book->memory[0], capacity, sizeof(struct tally));
        book->ladders = lines_new(&book->memory[1], capacity, sizeof(struct ladder));
        book->changed = calloc((size_t)capacity + 1, sizeof(*book->changed));
        if (!book->tallies || !book->ladders || !book->changed)
                return -ENOMEM;

        *bookp = book;
        book = NULL; /* now the caller's */
        return 0;
}

struct book *book_free(struct book *book) {
        if (book) {
                for (uint32_t i = 0; i < book->laddered; i++)
                        ladder_deinit(&book->ladders[i]);
                orders_deinit(&book->orders);
                free(book->changed);
                free(book->memory[0]);
                free(book->memory[1]);
                free(book);
        }
        return NULL;
}

static struct tally *tally_of(struct book *book, uint32_t instrument) {
        struct tally *tally = &book->tallies[instrument];

        tally_know(tally);
        if (instrument >= book->tallied)
                book->tallied = instrument + 1;
        return tally;
}

static struct ladder *ladder_of(struct book *book, uint32_t instrument) {
        if (instrument >= book->laddered)
                book->laddered = instrument + 1;
        return &book->ladders[instrument];
}

/* ---- levels ---- */

static inline void note_change(struct book *book, uint32_t instrument, struct ladder *ladder,
                               int64_t ts_event) {
        if (book->incomplete)
                ladder->marks |= LADDER_SUSPECT;
        ladder->ts_event = ts_event;
        if (!(ladder->marks & LADDER_CHANGED)) {
                ladder->marks |= LADDER_CHANGED;
                book->changed[book->n_changed++] = instrument;
        }
}

/* The quote, if there is a new one. */
static inline unsigned show(struct ladder *ladder, struct md_tick *tick) {
        if (!(ladder->marks & LADDER_TOUCHED) || !ladder_show(ladder))
                return 0;
        tick->kind = MD_QUOTE;
        tick->flags = ladder->marks & LADDER_SUSPECT ? MD_FLAG_MAYBE_BAD_BOOK : 0;
        tick->u.quote = ladder->top;
        return 1;
}

static void unkept(struct book *book, struct ladder *ladder) {
        book->stats.unkept++;
        ladder->marks |= LADDER_SUSPECT;
}

static unsigned apply_level(struct book *book, uint32_t instrument, const struct event *event,
                            struct md_tick *ticks) {
        struct ladder *ladder = ladder_of(book, instrument);
        int r;

        r = ladder_set(ladder, event->u.level.ask, event->u.level.px, event->u.level.sz);
        if (r == -ENOENT)
                ladder->marks |= LADDER_SUSPECT; /* we should have had it */
        else if (r < 0)
                unkept(book, ladder);
        note_change(book, instrument, ladder, event->ts_event);

        if (!event->u.level.complete) {
                ladder->marks |= LADDER_UNFINISHED;
                return 0;
        }
        ladder->marks &= ~(uint32_t)LADDER_UNFINISHED;
        return show(ladder, ticks);
}

/* ---- orders ---- */

static void unknown_ref(struct book *book, const struct event *event) {
        book->stats.unknown_refs++;
        if (event->type == EVENT_ORDER_EXECUTE) {
                book->stats.unknown_executions++;
                book->stats.unknown_shares += event->u.order.sz;
        }
}

/* The order that an event is about; NULL if there is no such one of that instrument. */
static struct order *known_order(struct book *book, uint32_t instrument,
                                 const struct event *event) {
        struct order *order = orders_find(&book->orders, event->u.order.ref);

        if (order && order->instrument == instrument)
                return order;
        unknown_ref(book, event);
        ladder_of(book, instrument)->marks |= LADDER_SUSPECT;
        return NULL;
}

static void add_order(struct book *book, struct ladder *ladder, const struct order *order) {
        struct order *slot;
        int r;

        r = orders_add(&book->orders, order->ref, &slot);
        if (r == ORDERS_E_EXISTS) {
                book->stats.duplicate_refs++;
                ladder->marks |= LADDER_SUSPECT;
                return;
        }
        if (r == 0) {
                *slot = *order;
                r = ladder_add(ladder, order->ask, order->px, order->sz);
                if (r < 0)
                        orders_remove(&book->orders, slot);
        }
        if (r < 0)
                unkept(book, ladder);
}

/* Takes up to `sz` from an order; what is more than it has, it cannot have lost. */
static void take_from_order(struct book *book, struct ladder *ladder, struct order *order,
                            uint32_t sz) {
        bool whole = sz >= order->sz;

        if (sz > order->sz) {
                book->stats.overruns++;
                ladder->marks |= LADDER_SUSPECT;
                sz = order->sz;
        }
        ladder_take(ladder, order->ask, order->px, sz, whole);
        if (whole)
                orders_remove(&book->orders, order);
        else
                order->sz -= sz;
}

static unsigned apply_add(struct book *book, uint32_t instrument, const struct event *event,
                          struct md_tick *ticks) {
        struct ladder *ladder = ladder_of(book, instrument);
        const struct order order = {
                .ref = event->u.order.ref,
                .px = event->u.order.px,
                .sz = event->u.order.sz,
                .instrument = instrument,
                .ask = event->u.order.ask,
        };

        add_order(book, ladder, &order);
        note_change(book, instrument, ladder, event->ts_event);
        return show(ladder, ticks);
}

static unsigned apply_cancel(struct book *book, uint32_t instrument, const struct event *event,
                             struct md_tick *ticks) {
        struct order *order = known_order(book, instrument, event);
        struct ladder *ladder = &book->ladders[instrument];

        if (!order)
                return 0;
        take_from_order(book, ladder, order,
                        event->type == EVENT_ORDER_DELETE ? order->sz : event->u.order.sz);
        note_change(book, instrument, ladder, event->ts_event);
        return show(ladder, ticks);
}

static unsigned apply_replace(struct book *book, uint32_t instrument, const struct event *event,
                              struct md_tick *ticks) {
        struct order *order = known_order(book, instrument, event);
        struct ladder *ladder = &book->ladders[instrument];
        struct order next;

        if (!order)
                return 0;
        next = *order;
        next.ref = event->u.order.new_ref;
        next.px = event->u.order.px;
        next.sz = event->u.order.sz;
        take_from_order(book, ladder, order, order->sz);
        add_order(book, ladder, &next);
        note_change(book, instrument, ladder, event->ts_event);
        return show(ladder, ticks);
}

static unsigned apply_execute(struct book *book, uint32_t instrument, const struct event *event,
                              struct md_tick *ticks) {
        struct order *order = known_order(book, instrument, event);
        struct ladder *ladder = &book->ladders[instrument];
        bool regular = !(event->flags & MD_FLAG_EXTENDED);
        struct tally_trade trade = {
                .px = event->u.order.px,
                .sz = event->u.order.sz,
                .trade_id = event->u.order.trade_id,
                .sets_range = regular,
                .sets_last = regular,
        };
        unsigned n = 0;

        if (!order)
                return 0;
        if (trade.px == MD_PX_NONE)
                trade.px = order->px;
        take_from_order(book, ladder, order, event->u.order.sz);
        note_change(book, instrument, ladder, event->ts_event);
        if (event->u.order.printable)
                n = tally_trade(tally_of(book, instrument), &trade, ticks);
        else
                book->stats.nonprintable++;
        return n + show(ladder, ticks + n);
}

/* ---- events ---- */

static unsigned apply_trade(struct book *book, uint32_t instrument, const struct event *event,
                            struct md_tick *ticks) {
        const struct tally_trade trade = {
                .px = event->u.trade.px,
                .sz = event->u.trade.sz,
                .trade_id = event->u.trade.trade_id,
                .sets_range = event->u.trade.sets_range,
                .sets_last = event->u.trade.sets_last,
        };
        struct tally *tally = tally_of(book, instrument);
        char cross = event->u.trade.cross;
        unsigned n;

        n = tally_trade(tally, &trade, ticks);
        if (cross == 'O' || cross == 'C')
                n += tally_official(tally, cross == 'C', trade.px, event->ts_event, ticks + n);
        return n;
}

static unsigned apply_quote(const struct event *event, struct md_tick *ticks) {
        ticks[0].kind = MD_QUOTE;
        ticks[0].flags = 0;
        ticks[0].u.quote = event->u.quote;
        return 1;
}

static unsigned apply(struct book *book, uint32_t instrument, const struct event *event,
                      struct md_tick *ticks) {
        switch (event->type) {
        case EVENT_QUOTE:
                return apply_quote(event, ticks);
        case EVENT_LEVEL:
                return apply_level(book, instrument, event, ticks);
        case EVENT_ORDER_ADD:
                return apply_add(book, instrument, event, ticks);
        case EVENT_ORDER_EXECUTE:
                return apply_execute(book, instrument, event, ticks);
        case EVENT_ORDER_CANCEL:
        case EVENT_ORDER_DELETE:
                return apply_cancel(book, instrument, event, ticks);
        case EVENT_ORDER_REPLACE:
                return apply_replace(book, instrument, event, ticks);
        case EVENT_TRADE:
                return apply_trade(book, instrument, event, ticks);
        case EVENT_BREAK:
                return tally_break(tally_of(book, instrument), event, ticks);
        case EVENT_STATUS:
                return tally_status(tally_of(book, instrument), event, ticks);
        case EVENT_AUCTION:
                return tally_auction(tally_of(book, instrument), event, ticks);
        case EVENT_OFFICIAL:
                return tally_official(tally_of(book, instrument), event->u.official.closing,
                                      event->u.official.px, event->ts_event, ticks);
        case EVENT_NONE:
        case EVENT_INSTRUMENT:
        case EVENT_SYSTEM:
                break;
        }
        return 0;
}

unsigned book_apply(struct book *book, uint32_t instrument, const struct event *event,
                    struct md_tick ticks[BOOK_TICKS]) {
        unsigned n = apply(book, instrument, event, ticks);

        for (unsigned i = 0; i < n; i++) {
                ticks[i].instrument = instrument;
                ticks[i].ts_event = event->ts_event;
                ticks[i].flags |=
                        event->flags & (ticks[i].kind == MD_QUOTE ? QUOTE_FLAGS : ~QUOTE_FLAGS);
        }
        if (n)
                ticks[n - 1].flags |= MD_FLAG_LAST;
        return n;
}

void book_stray(struct book *book, const struct event *event) {
        unknown_ref(book, event);
}

void book_prefetch(const struct book *book, uint32_t instrument, const struct event *event) {
        switch (event->type) {
        case EVENT_ORDER_ADD:
        case EVENT_ORDER_EXECUTE:
        case EVENT_ORDER_CANCEL:
        case EVENT_ORDER_DELETE:
        case EVENT_ORDER_REPLACE:
                orders_prefetch(&book->orders, event->u.order.ref);
                if (event->type == EVENT_ORDER_REPLACE)
                        orders_prefetch(&book->orders, event->u.order.new_ref);
                __builtin_prefetch(&book->ladders[instrument]);
                break;
        case EVENT_LEVEL:
                __builtin_prefetch(&book->ladders[instrument]);
                break;
        default:
                break;
        }
}

void book_suspect(struct book *book) {
        for (uint32_t i = 0; i < book->laddered; i++) {
                book->ladders[i].marks |= LADDER_SUSPECT;
                note_change(book, i, &book->ladders[i], book->ladders[i].ts_event);
        }
        book->incomplete = true;
}

void book_lose(struct book *book, uint32_t instrument) {
        struct ladder *ladder = ladder_of(book, instrument);

        ladder->marks |= LADDER_SUSPECT;
        note_change(book, instrument, ladder, ladder->ts_event);
}

void book_restore(struct book *book, const struct md_tick *tick) {
        if (tick->instrument < book->capacity)
                tally_restore(tally_of(book, tick->instrument), tick);
}

void book_begin_afresh(struct book *book) {
        for (uint32_t i = 0; i < book->tallied; i++)
                if (book->tallies[i].known)
                        tally_reset(&book->tallies[i]);
        for (uint32_t i = 0; i < book->laddered; i++)
                ladder_deinit(&book->ladders[i]);
        orders_deinit(&book->orders);
        book->incomplete = false;
        book->n_changed = 0;
        for (uint32_t i = 0; i < book->laddered; i++)
                note_change(book, i, &book->ladders[i], 0);
}

void book_empty(unsigned kind, struct md_tick *tick) {
        tick->kind = (uint16_t)kind;
        tick->flags = MD_FLAG_LAST | MD_FLAG_SNAPSHOT;
        memset(&tick->u, 0, sizeof(tick->u));
        switch (kind) {
        case MD_QUOTE:
                tick->u.quote.bid_px = tick->u.quote.ask_px = MD_PX_NONE;
                break;
        case MD_BAR:
                tick->u.bar = (struct md_bar){ MD_PX_NONE, MD_PX_NONE, MD_PX_NONE, MD_PX_NONE };
                break;
        case MD_AUCTION:
                tick->u.auction.ref_px = MD_PX_NONE;
                break;
        case MD_CLEARING:
                tick->u.clearing =
                        (struct md_clearing){ MD_PX_NONE, MD_PX_NONE, MD_PX_NONE, MD_PX_NONE };
                break;
        case MD_OFFICIAL:
                tick->u.official.open_px = tick->u.official.close_px = MD_PX_NONE;
                break;
        }
}

/* ---- what there is to see ---- */

bool book_take_changed(struct book *book, uint32_t *instrument) {
        uint32_t i = book->n_changed;

        /* those in the middle of an event stay; they are few, for events are short */
        while (i > 0) {
                struct ladder *ladder = &book->ladders[book->changed[--i]];

                if (ladder->marks & LADDER_UNFINISHED)
                        continue;
                ladder->marks &= ~(uint32_t)LADDER_CHANGED;
                *instrument = book->changed[i];
                book->changed[i] = book->changed[--book->n_changed];
                return true;
        }
        return false;
}

/* The best `max` levels of a side, or as many as there are. */
static void copy_levels(const struct levels *levels, bool ask, uint32_t max, struct md_level *out) {
        for (uint32_t i = 0; i < levels->n && i < max; i++) {
                uint32_t at = levels->n - 1 - i;
                const struct level *level = levels_get(levels, at);

                out[i] = (struct md_level){
                        .px = ask ? -levels->keys[at] : levels->keys[at],
                        .sz = level->sz,
                        .orders = level->orders,
                };
        }
}

void book_look(const struct book *book, uint32_t instrument, uint32_t max, struct md_level *bids,
               struct md_level *asks, struct book_sides *sides) {
        const struct ladder *ladder = &book->ladders[instrument];
        const struct levels *bid = &ladder->side[LADDER_BID], *ask = &ladder->side[LADDER_ASK];

        copy_levels(bid, false, max, bids);
        copy_levels(ask, true, max, asks);
        *sides = (struct book_sides){
                .bid_levels = bid->n,
                .ask_levels = ask->n,
                .orders = bid->orders + ask->orders,
                .suspect = ladder->marks & LADDER_SUSPECT,
                .ts_event = ladder->ts_event,
        };
}

const struct book_stats *book_stats(struct book *book) {
        book->stats.live_orders = book->orders.used;
        return &book->stats;
}
