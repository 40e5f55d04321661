/*
 * The book of a feed; book.h tells the idea
 *
 * Tallies and ladders are arrays of zeroed memory that the kernel has not given yet: an instrument
 * costs nothing until its first event. The orders of all instruments are in one store, for a venue
 * gives each reference once.
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
#define AT_HAND    16384 /* orders that caches hold, with the slots around them */

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

/* Makes ladders known up to that of an instrument. They are as incomplete as the book is. */
__attribute__((cold)) static void know_ladders(struct book *book, uint32_t instrument) {
        for (; book->laddered <= instrument; book->laddered++)
                if (book->incomplete)
                        book->ladders[book->laddered].marks |= LADDER_SUSPECT;
}

static inline struct ladder *ladder_of(struct book *book, uint32_t instrument) {
        if (instrument >= book->laddered)
                know_ladders(book, instrument);
        return &book->ladders[instrument];
}

/* ---- levels ---- */

static inline void note_change(struct book *book, uint32_t instrument, struct ladder *ladder,
                               int64_t ts_event) {
        ladder->ts_event = ts_event;
        if (!(ladder->marks & LADDER_CHANGED)) {
                ladder->marks |= LADDER_CHANGED;
                book->changed[book->n_changed++] = instrument;
        }
}

static inline unsigned make_quote(const struct ladder *ladder, struct md_tick *tick) {
        tick->kind = MD_QUOTE;
        tick->flags = ladder->marks & LADDER_SUSPECT ? MD_FLAG_MAYBE_BAD_BOOK : 0;
        tick->u.quote = ladder->top.quote;
        return 1;
}

/* Why a level or an order did not get into the book. */
__attribute__((cold)) static void not_kept(struct book *book, struct ladder *ladder, int r) {
        if (r == ORDERS_E_EXISTS)
                book->stats.duplicate_refs++;
        else if (r != -ENOENT)
                book->stats.unkept++;
        ladder->marks |= LADDER_SUSPECT;
}

/* The end of an event: the quote, if there is a new one. */
static unsigned show_levels(struct ladder *ladder, struct md_tick *ticks) {
        uint32_t touched = ladder->marks & (LADDER_TOUCHED_BID | LADDER_TOUCHED_ASK);
        bool is_new = false;

        if (touched & LADDER_TOUCHED_BID)
                is_new |= ladder_show(ladder, LADDER_BID);
        if (touched & LADDER_TOUCHED_ASK)
                is_new |= ladder_show(ladder, LADDER_ASK);
        ladder->marks &= ~(touched | LADDER_UNFINISHED);
        return is_new ? make_quote(ladder, ticks) : 0;
}

static unsigned apply_level(struct book *book, uint32_t instrument, const struct event *event,
                            struct md_tick *ticks) {
        struct ladder *ladder = ladder_of(book, instrument);
        bool ask = event->u.level.ask, touched = false;
        int r;

        r = side_set(&ladder->side[ask], ladder_key(ask, event->u.level.px), event->u.level.sz,
                     &touched);
        if (__builtin_expect(r != 0, 0))
                not_kept(book, ladder, r);
        ladder->marks |= (uint32_t)touched << ask;
        note_change(book, instrument, ladder, event->ts_event);
        if (event->u.level.complete)
                return show_levels(ladder, ticks);
        ladder->marks |= LADDER_UNFINISHED;
        return 0;
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
static inline struct order *known_order(struct book *book, uint32_t instrument,
                                        const struct event *event) {
        struct order *order = orders_find(&book->orders, event->u.order.ref);

        if (__builtin_expect(order && order->instrument == instrument, 1))
                return order;
        unknown_ref(book, event);
        ladder_of(book, instrument)->marks |= LADDER_SUSPECT;
        return NULL;
}

/* Adds an order of that instrument. True if the best level of its side may be another one now. */
static inline bool add_order(struct book *book, uint32_t instrument, const struct event *event,
                             uint64_t ref, bool ask) {
        struct ladder *ladder = &book->ladders[instrument];
        struct order *order;
        bool touched = false;
        int r;

        r = orders_add(&book->orders, ref, &order);
        if (__builtin_expect(r != 0, 0)) {
                not_kept(book, ladder, r);
                return false;
        }
        order->px = event->u.order.px;
        order->sz = event->u.order.sz;
        order->instrument = instrument;
        order->ask = ask;
        r = side_add(&ladder->side[ask], ladder_key(ask, order->px), order->sz, &touched);
        if (__builtin_expect(r != 0, 0)) {
                orders_remove(&book->orders, order);
                not_kept(book, ladder, r);
        }
        return touched;
}

/* Takes up to `sz` from an order; what is more than it has, it cannot have lost. True if the best
 * level may be another one now. */
static inline bool take_from_order(struct book *book, struct ladder *ladder, struct order *order,
                                   uint32_t sz) {
        bool ask = order->ask, whole = sz >= order->sz, touched = false;

        if (__builtin_expect(sz > order->sz, 0)) {
                book->stats.overruns++;
                ladder->marks |= LADDER_SUSPECT;
                sz = order->sz;
        }
        side_take(&ladder->side[ask], ladder_key(ask, order->px), sz, whole, &touched);
        if (whole)
                orders_remove(&book->orders, order);
        else
                order->sz -= sz;
        return touched;
}

static unsigned apply_add(struct book *book, uint32_t instrument, const struct event *event,
                          struct md_tick *ticks) {
        struct ladder *ladder = ladder_of(book, instrument);
        bool ask = event->u.order.ask;
        bool touched = add_order(book, instrument, event, event->u.order.ref, ask);

        note_change(book, instrument, ladder, event->ts_event);
        return touched && ladder_show(ladder, ask) ? make_quote(ladder, ticks) : 0;
}

static inline unsigned apply_take(struct book *book, uint32_t instrument, const struct event *event,
                                  bool whole, struct md_tick *ticks) {
        struct order *order = known_order(book, instrument, event);
        struct ladder *ladder = &book->ladders[instrument];
        bool ask, touched;

        if (!order)
                return 0;
        ask = order->ask;
        touched = take_from_order(book, ladder, order, whole ? order->sz : event->u.order.sz);
        note_change(book, instrument, ladder, event->ts_event);
        return touched && ladder_show(ladder, ask) ? make_quote(ladder, ticks) : 0;
}

static unsigned apply_replace(struct book *book, uint32_t instrument, const struct event *event,
                              struct md_tick *ticks) {
        struct order *order = known_order(book, instrument, event);
        struct ladder *ladder = &book->ladders[instrument];
        bool ask, touched;

        if (!order)
                return 0;
        ask = order->ask;
        touched = take_from_order(book, ladder, order, order->sz);
        touched |= add_order(book, instrument, event, event->u.order.new_ref, ask);
        note_change(book, instrument, ladder, event->ts_event);
        return touched && ladder_show(ladder, ask) ? make_quote(ladder, ticks) : 0;
}

static unsigned apply_execute(struct book *book, uint32_t instrument, const struct event *event,
                              struct md_tick *ticks) {
        struct order *order = known_order(book, instrument, event);
        struct ladder *ladder = &book->ladders[instrument];
        bool regular = !(event->flags & MD_FLAG_EXTENDED), ask, touched;
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
        ask = order->ask;
        touched = take_from_order(book, ladder, order, event->u.order.sz);
        note_change(book, instrument, ladder, event->ts_event);
        if (event->u.order.printable)
                n = tally_trade(tally_of(book, instrument), &trade, ticks);
        else
                book->stats.nonprintable++;
        if (touched && ladder_show(ladder, ask))
                n += make_quote(ladder, ticks + n);
        return n;
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
                return apply_take(book, instrument, event, false, ticks);
        case EVENT_ORDER_DELETE:
                return apply_take(book, instrument, event, true, ticks);
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

uint32_t book_owner(const struct book *book, uint64_t ref) {
        const struct order *order = orders_find(&book->orders, ref);

        return order ? order->instrument : BOOK_NONE;
}

void book_stray(struct book *book, const struct event *event) {
        unknown_ref(book, event);
}

/* A ladder is three cache lines, of which nearly every event needs two. */
static inline void prefetch_ladder(const struct ladder *ladder) {
        __builtin_prefetch(&ladder->side[LADDER_BID]);
        __builtin_prefetch(&ladder->side[LADDER_ASK]);
        __builtin_prefetch(&ladder->top);
}

/* A tally is two cache lines, but for auctions. */
static inline void prefetch_tally(const struct tally *tally) {
        __builtin_prefetch(&tally->bar);
        __builtin_prefetch(&tally->volume);
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
                prefetch_ladder(&book->ladders[instrument]);
                break;
        case EVENT_LEVEL:
                prefetch_ladder(&book->ladders[instrument]);
                break;
        case EVENT_TRADE:
        case EVENT_BREAK:
        case EVENT_STATUS:
        case EVENT_OFFICIAL:
                prefetch_tally(&book->tallies[instrument]);
                break;
        default:
                break;
        }
}

bool book_is_at_hand(const struct book *book) {
        return book->orders.used < AT_HAND;
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
        case MD_TRADE:
                tick->u.trade.px = MD_PX_NONE;
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

bool book_end_event(struct book *book, struct md_tick *tick, bool *has_quote) {
        for (uint32_t i = 0; i < book->n_changed; i++) {
                struct ladder *ladder = &book->ladders[book->changed[i]];

                if (!(ladder->marks & LADDER_UNFINISHED))
                        continue;
                *tick = (struct md_tick){
                        .instrument = book->changed[i],
                        .ts_event = ladder->ts_event,
                };
                *has_quote = show_levels(ladder, tick);
                return true;
        }
        return false;
}

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
static void copy_levels(const struct side *side, bool ask, uint32_t max, struct md_level *out) {
        uint32_t n = max ? side_copy(side, out, max) : 0;

        for (uint32_t i = 0; i < n; i++)
                out[i].px = ladder_key(ask, out[i].px);
}

void book_look(const struct book *book, uint32_t instrument, uint32_t max, struct md_level *bids,
               struct md_level *asks, struct book_sides *sides) {
        const struct ladder *ladder = &book->ladders[instrument];
        const struct side *bid = &ladder->side[LADDER_BID], *ask = &ladder->side[LADDER_ASK];

        copy_levels(bid, false, max, bids);
        copy_levels(ask, true, max, asks);
        *sides = (struct book_sides){
                .bid_levels = side_levels(bid),
                .ask_levels = side_levels(ask),
                .orders = bid->orders + ask->orders,
                .suspect = ladder->marks & LADDER_SUSPECT,
                .ts_event = ladder->ts_event,
        };
}

const struct book_stats *book_stats(struct book *book) {
        book->stats.live_orders = book->orders.used;
        return &book->stats;
}
