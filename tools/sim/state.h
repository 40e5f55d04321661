#pragma once

/*
 * How a market stands: what a listener must know in the end
 *
 * Kept by the market itself, apart from all that reads messages, so that both can be compared. Prices are
 * in 1e-4, sizes in shares.
 */

#include <stdint.h>
#include <stdio.h>

#include "sim/tops.h"

struct market;

/* What the trades of a session add up to. */
struct state_trades {
        int64_t last_px, last_id;
        uint32_t last_sz;
        uint64_t n, volume; /* gross: those taken back included */
        uint64_t breaks, broken_volume;
};

struct state_row {
        char symbol[TOPS_SYMBOL_SIZE + 1]; /* empty: nothing was said of it yet */
        const char *venue;
        int64_t bid, ask; /* 0: none */
        uint64_t bid_sz, ask_sz;
        struct state_trades trades;
        char trading;                    /* T, H, ... */
        uint32_t bid_levels, ask_levels; /* of a market with books */
        uint32_t orders;
};

void state_add_trade(struct state_trades *trades, int64_t px, uint32_t sz, int64_t id);
void state_add_break(struct state_trades *trades, uint32_t sz);

/* Writes the first `n` instruments as CSV, sorted by symbol, under the names that `mdctl dump` gives its
 * columns. Negative errno. */
int state_write(FILE *file, const struct market *market, uint32_t n);
