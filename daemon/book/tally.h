#pragma once

/*
 * The tally of one instrument: what its session adds up to
 *
 * A trade needs the prices and sums of its session: they fill the first cache line, the rest of what it
 * needs is the start of the second, so the processor fetches the pair. The third is for auctions, whose
 * venues tell them piece by piece.
 *
 * Sums are gross: a break is counted apart and takes nothing back. They stop at the end of their
 * range instead of overflowing.
 */

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

#define TALLY_STATUS_WORDS 2

/* md_status without most of its unused bytes, in words */
struct tally_status {
        uint64_t word[TALLY_STATUS_WORDS];
};

struct tally {
        _Alignas(64) struct md_bar bar;
        struct md_totals totals;
        int64_t volume;
        struct md_official official;
        struct tally_status status;
        bool known; /* false: all else is zero, and not yet what it should be */
        _Alignas(64) struct md_auction auction;
        struct md_clearing clearing;
};

_Static_assert(sizeof(struct tally) == 3 * 64, "three cache lines");
_Static_assert(offsetof(struct tally, volume) == 64, "prices and sums fill the first");
_Static_assert(offsetof(struct tally, auction) == 128, "auctions fill the third");
_Static_assert(sizeof(struct tally_status) >= offsetof(struct md_status, unused), "the used bytes");

/* A trade, as it counts. */
struct tally_trade {
        int64_t px, sz, trade_id;
        bool sets_range; /* counts for open, high and low of the session */
        bool sets_last;  /* counts for its close */
};

/* A new session: all but the status is forgotten. */
void tally_reset(struct tally *tally);

/* Makes a tally of zeros what it should be; to be called before anything else. */
static inline void tally_know(struct tally *tally) {
        if (!tally->known)
                tally_reset(tally);
}

/*
 * Each of these takes note of an event and writes the ticks it makes, kind and body, to `ticks`. They
 * return how many: three at most.
 */
unsigned tally_trade(struct tally *tally, const struct tally_trade *trade, struct md_tick *ticks);
unsigned tally_break(struct tally *tally, const struct event *event, struct md_tick *ticks);
unsigned tally_status(struct tally *tally, const struct event *event, struct md_tick *ticks);
unsigned tally_auction(struct tally *tally, const struct event *event, struct md_tick *ticks);
unsigned tally_official(struct tally *tally, bool closing, int64_t px, int64_t ts,
                        struct md_tick *ticks);

/* Takes a tick of a predecessor as the present state. */
void tally_restore(struct tally *tally, const struct md_tick *tick);
