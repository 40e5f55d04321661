#pragma once

/*
 * A stream's figures, as the segment shows them
 *
 * While it works a stream counts in memory of its own. At the end of a burst the figures are moved to its
 * record, where everybody sees them; those that stay zero as long as all is well become counters when
 * they no longer are.
 */

#include "shm/counters.h"

struct stream;

#define FIGURES_ODD 4

/* Those that had better be zero, as counters of the feed. */
struct figures_odd {
        struct shm_counter *counter[FIGURES_ODD]; /* NULL: zero so far, or no room */
        uint64_t said[FIGURES_ODD];
};

void figures_flush(struct stream *stream);
