#pragma once

/*
 * The feeds that are measured
 *
 * Recorded ones, where there is recorded data: of TOPS, of DEEP up to where its session begins
 * afresh, and of ITCH for one stock. And an invented flow of ITCH over many stocks, of which hardly
 * anything is in a cache when it is needed.
 */

#include <stdint.h>

#include "tape.h"

struct bench_feed {
        const char *title;
        const char *protocol;
        const char *data; /* recorded, below the folder of test data; NULL: the invented flow */
        uint64_t packets; /* that are taken of a capture; 0: all */
        unsigned rounds;  /* that it is worth */
};

enum { FEED_TOPS, FEED_DEEP, FEED_SLICE, FEED_FLOW, FEEDS_N };

extern const struct bench_feed bench_feeds[FEEDS_N];

/* Reads or makes one. False: it cannot be had, and a sentence says why. */
bool bench_feed_init(struct tape *tape, const struct bench_feed *feed);
