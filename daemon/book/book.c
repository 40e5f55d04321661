/*
 * What a session adds up to, instrument by instrument
 *
 * A quote passes through and touches nothing here. A trade needs the prices and sums of its session:
 * they fill the first cache line of an instrument, the rest of what it needs is the start of the
 * second, so the processor fetches the pair. The array is zeroed memory that the kernel has not
 * given yet; an instrument costs nothing until its first event, which also is when its state is made
 * (`known`).
 *
 * Sums are gross: a break is counted apart and takes nothing back. They stop at the end of their
 * range instead of overflowing.
 */

#include "book/book.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define CACHE_LINE 64

/* md_status without its unused bytes */
struct status {
        char trading;
        char reason[4];
        char operational;
        char short_sale;
        char short_detail;
        char retail;
        char security;
};

struct state {
        _Alignas(CACHE_LINE) struct md_bar bar;
        struct md_totals totals;
        int64_t volume;
        struct md_official official;
        struct status status;
        bool known; /* false: all else is zero, and not yet what it should be */
};

_Static_assert(sizeof(struct state) == 2 * CACHE_LINE, "two cache lines");
_Static_assert(offsetof(struct state, volume) == CACHE_LINE, "prices and sums fill the first");
_Static_assert(sizeof(struct status) == offsetof(struct md_status, unused), "the used bytes");

struct book {
        struct state *states;
        uint32_t capacity;
        void *memory; /* that holds the states */
};

int book_new(struct book **bookp, uint32_t capacity) {
        _cleanup_(book_freep) struct book *book = NULL;
        uintptr_t start;

        book = calloc(1, sizeof(*book));
        if (!book)
                return -ENOMEM;

        /* calloc() leaves fresh pages alone, which aligned_alloc() and memset() would not */
        book->memory = calloc((size_t)capacity + 1, sizeof(struct state));
        if (!book->memory)
                return -ENOMEM;
        start = ((uintptr_t)book->memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1);
        book->states = (struct state *)start;
        book->capacity = capacity;

        *bookp = book;
        book = NULL; /* now the caller's */
        return 0;
}

struct book *book_free(struct book *book) {
        if (book) {
                free(book->memory);
                free(book);
        }
        return NULL;
}

static void state_reset(struct state *state) {
        state->bar = (struct md_bar){ MD_PX_NONE, MD_PX_NONE, MD_PX_NONE, MD_PX_NONE };
        state->totals = (struct md_totals){ 0 };
        state->volume = 0;
        state->official = (struct md_official){ .open_px = MD_PX_NONE, .close_px = MD_PX_NONE };
        state->known = true;
}

static struct state *book_state(struct book *book, uint32_t instrument) {
        struct state *state = &book->states[instrument];

        if (!state->known)
                state_reset(state);
        return state;
}

static void add(int64_t *sum, int64_t n) {
        if (__builtin_add_overflow(*sum, n, sum))
                *sum = n < 0 ? INT64_MIN : INT64_MAX;
}

/* Price times size as MONEY; what is below its unit is dropped. Sizes of the venues that come this
 * way are whole shares. */
static int64_t notional(int64_t px, int64_t sz) {
        __int128 money = (__int128)px * sz / (MD_PX_ONE / MD_MONEY_ONE);

        if (money > INT64_MAX)
                return INT64_MAX;
        return money < INT64_MIN ? INT64_MIN : (int64_t)money;
}

static struct md_tick *add_tick(struct md_tick *ticks, unsigned *n, uint16_t kind) {
        struct md_tick *tick = &ticks[(*n)++];

        tick->kind = kind;
        return tick;
}

/* True if the bar is another one now. */
static bool bar_trade(struct md_bar *bar, int64_t px, bool sets_range, bool sets_last) {
        struct md_bar old = *bar;

        if (sets_range) {
                if (bar->open == MD_PX_NONE)
                        bar->open = px;
                if (bar->high == MD_PX_NONE || px > bar->high)
                        bar->high = px;
                if (px < bar->low) /* MD_PX_NONE is above all prices */
                        bar->low = px;
        }
        if (sets_last)
                bar->close = px;
        return memcmp(&old, bar, sizeof(old)) != 0;
}

static unsigned apply_trade(struct state *state, const struct event *event, struct md_tick *ticks) {
        int64_t px = event->u.trade.px, sz = event->u.trade.sz;
        unsigned n = 0;

        add(&state->volume, sz);
        add(&state->totals.notional, notional(px, sz));
        add(&state->totals.trades, 1);

        add_tick(ticks, &n, MD_TRADE)->u.trade = (struct md_trade){
                .px = px,
                .sz = sz,
                .volume = state->volume,
                .trade_id = event->u.trade.trade_id,
        };
        if (bar_trade(&state->bar, px, event->u.trade.sets_range, event->u.trade.sets_last))
                add_tick(ticks, &n, MD_BAR)->u.bar = state->bar;
        add_tick(ticks, &n, MD_TOTALS)->u.totals = state->totals;
        return n;
}

static unsigned apply_break(struct state *state, const struct event *event, struct md_tick *ticks) {
        unsigned n = 0;

        add(&state->totals.breaks, 1);
        add(&state->totals.broken_volume, event->u.broken.sz);

        add_tick(ticks, &n, MD_BREAK)->u.broken = (struct md_broken){
                .px = event->u.broken.px,
                .sz = event->u.broken.sz,
                .volume = state->totals.broken_volume,
                .trade_id = event->u.broken.trade_id,
        };
        add_tick(ticks, &n, MD_TOTALS)->u.totals = state->totals;
        return n;
}

static unsigned apply_status(struct state *state, const struct event *event,
                             struct md_tick *ticks) {
        const struct md_status *from = &event->u.status.status;
        unsigned n = 0, fields = event->u.status.fields;
        struct status *status = &state->status;
        struct md_status *out;

        if (fields & STATUS_TRADING) {
                status->trading = from->trading;
                memcpy(status->reason, from->reason, sizeof(status->reason));
        }
        if (fields & STATUS_OPERATIONAL)
                status->operational = from->operational;
        if (fields & STATUS_SHORT_SALE) {
                status->short_sale = from->short_sale;
                status->short_detail = from->short_detail;
        }
        if (fields & STATUS_RETAIL)
                status->retail = from->retail;
        if (fields & STATUS_SECURITY)
                status->security = from->security;

        out = &add_tick(ticks, &n, MD_STATUS)->u.status;
        *out = (struct md_status){ 0 };
        memcpy(out, status, sizeof(*status));
        return n;
}

static unsigned apply_official(struct state *state, const struct event *event,
                               struct md_tick *ticks) {
        unsigned n = 0;

        if (event->u.official.closing) {
                state->official.close_px = event->u.official.px;
                state->official.close_ts = event->ts_event;
        } else {
                state->official.open_px = event->u.official.px;
                state->official.open_ts = event->ts_event;
        }
        add_tick(ticks, &n, MD_OFFICIAL)->u.official = state->official;
        return n;
}

static unsigned apply(struct book *book, uint32_t instrument, const struct event *event,
                      struct md_tick *ticks) {
        unsigned n = 0;

        switch (event->type) {
        case EVENT_QUOTE:
                add_tick(ticks, &n, MD_QUOTE)->u.quote = event->u.quote;
                return n;
        case EVENT_TRADE:
                return apply_trade(book_state(book, instrument), event, ticks);
        case EVENT_BREAK:
                return apply_break(book_state(book, instrument), event, ticks);
        case EVENT_STATUS:
                return apply_status(book_state(book, instrument), event, ticks);
        case EVENT_AUCTION:
                add_tick(ticks, &n, MD_AUCTION)->u.auction = event->u.auction.auction;
                add_tick(ticks, &n, MD_CLEARING)->u.clearing = event->u.auction.clearing;
                return n;
        case EVENT_OFFICIAL:
                return apply_official(book_state(book, instrument), event, ticks);
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
                ticks[i].flags = event->flags;
                ticks[i].ts_event = event->ts_event;
        }
        if (n)
                ticks[n - 1].flags |= MD_FLAG_LAST;
        return n;
}

void book_restore(struct book *book, const struct md_tick *tick) {
        struct state *state;

        if (tick->instrument >= book->capacity)
                return;

        state = book_state(book, tick->instrument);
        switch (tick->kind) {
        case MD_TRADE:
                state->volume = tick->u.trade.volume;
                break;
        case MD_BAR:
                state->bar = tick->u.bar;
                break;
        case MD_TOTALS:
                state->totals = tick->u.totals;
                break;
        case MD_STATUS:
                memcpy(&state->status, &tick->u.status, sizeof(state->status));
                break;
        case MD_OFFICIAL:
                state->official = tick->u.official;
                break;
        }
}

void book_reset(struct book *book, uint32_t instrument) {
        struct state *state = &book->states[instrument];

        if (state->known)
                state_reset(state);
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
