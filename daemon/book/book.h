#pragma once

/*
 * The book of a feed: events to ticks
 *
 * Per instrument it keeps what the next tick needs of the ones before: volume, range and sums of the
 * session, trading status, official prices; and of a venue that speaks of price levels or of orders,
 * those. It knows nothing of memory that is shared, of venues or clocks: the same events always give the
 * same ticks.
 *
 * Orders make levels, levels make the top, and the top makes a quote: only when the venue's event is
 * complete, and only when it is another one than before.
 *
 * A book is as good as the messages that it is made from. Where some are known to be missing (a gap, a
 * start in the middle of a session, a message on an order or level that should be there and is not) the
 * instrument is suspect: its quotes carry MD_FLAG_MAYBE_BAD_BOOK. A quote of a venue that speaks of the
 * top itself is whole again with the next one. A book of levels or orders is whole again when its session
 * begins afresh, or is made once more of all its messages, and not before: no single one tells that
 * nothing is missing any more. A daemon that takes over from another one has the same to say, for the
 * segment keeps the newest quotes, but not the books behind them.
 *
 * What is said of an order that is not known is ignored, and counted: it is never guessed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

#define BOOK_TICKS 4 /* one event makes no more ticks than this */
#define BOOK_NONE  UINT32_MAX

struct book;

/* A book for instruments 0 .. capacity-1. -ENOMEM. */
int book_new(struct book **bookp, uint32_t capacity);
struct book *book_free(struct book *book);

static inline void book_freep(struct book **book) {
        book_free(*book);
}

/*
 * Applies an event to an instrument and writes the ticks it makes to `ticks`, with instrument, kind,
 * flags, ts_event and body set; the last of them carries MD_FLAG_LAST. Returns how many.
 */
unsigned book_apply(struct book *book, uint32_t instrument, const struct event *event,
                    struct md_tick ticks[BOOK_TICKS]);

/* An event of an instrument whose name nobody has said yet. It can only be about an order or trade that
 * is not known, and is counted as such. */
void book_stray(struct book *book, const struct event *event);

/* The instrument whose order that is; BOOK_NONE: there is no such order. */
uint32_t book_owner(const struct book *book, uint64_t ref);

/* Has the processor fetch what book_apply() will look at. */
void book_prefetch(const struct book *book, uint32_t instrument, const struct event *event);

/* Whether there is nothing to gain by that where a venue speaks of orders: they are so few that they are in a
 * cache anyway. */
bool book_is_at_hand(const struct book *book);

/* Messages are missing, of whichever instruments: all of them are suspect, and of a venue that speaks of
 * levels or orders also those that come. */
void book_suspect(struct book *book);

/* A predecessor kept levels of this instrument, which nobody has any more. */
void book_lose(struct book *book, uint32_t instrument);

/* Takes a tick of a predecessor as the present state. */
void book_restore(struct book *book, const struct md_tick *tick);

/* A new session: sums, ranges, official prices, levels and orders of all instruments are forgotten. */
void book_begin_afresh(struct book *book);

/* What stands in a place of that kind when nothing is known: fills in kind, flags and body. */
void book_empty(unsigned kind, struct md_tick *tick);

/* ---- levels ---- */

struct book_sides {
        uint32_t bid_levels, ask_levels; /* all there are */
        uint32_t orders;                 /* live ones on both sides */
        bool suspect;
        int64_t ts_event; /* TIME of the newest change; 0: none yet */
};

/* Nothing more will come: ends the event that an instrument is in the middle of, as it stands. False: there
 * is none (any more). *tick is the quote that comes of it, if *has_quote. */
bool book_end_event(struct book *book, struct md_tick *tick, bool *has_quote);

/* Takes an instrument whose levels have changed since it was last taken, and are not in the middle of an
 * event. False: there is none. */
bool book_take_changed(struct book *book, uint32_t *instrument);

/* How an instrument's levels stand; the best `max` of each side, or as many as there are, go to `bids`
 * and `asks`. */
void book_look(const struct book *book, uint32_t instrument, uint32_t max, struct md_level *bids,
               struct md_level *asks, struct book_sides *sides);

/* ---- figures ---- */

struct book_stats {
        uint64_t live_orders;        /* now */
        uint64_t unknown_refs;       /* messages on orders that are not known */
        uint64_t unknown_executions; /* of these, executions; and their shares */
        uint64_t unknown_shares;
        uint64_t nonprintable;   /* executions that do not count as trades */
        uint64_t duplicate_refs; /* orders under a reference that is taken: the first one stands */
        uint64_t overruns;       /* more was taken from an order than it had */
        uint64_t unkept;         /* orders and levels for which there was no room */
};

/* Since the book was made; a new session changes nothing but the first. */
const struct book_stats *book_stats(struct book *book);
