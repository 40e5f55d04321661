#pragma once

/*
 * The book: events to ticks
 *
 * Per instrument it keeps what the next tick needs of the ones before: volume, range and sums of the
 * session, trading status, official prices. It knows nothing of memory that is shared, of venues or
 * clocks: the same events always give the same ticks.
 */

#include <stdint.h>

#include "event.h"

#define BOOK_TICKS 4 /* one event makes no more ticks than this */

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

/* Takes a tick of a predecessor as the present state. */
void book_restore(struct book *book, const struct md_tick *tick);

/* A new session: the instrument's sums, ranges, official prices are forgotten. */
void book_reset(struct book *book, uint32_t instrument);

/* What stands in a place of that kind when nothing is known: fills in kind, flags and body. */
void book_empty(unsigned kind, struct md_tick *tick);
