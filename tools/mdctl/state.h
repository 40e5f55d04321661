#pragma once

/*
 * The state of an instrument: its quote, last trade, sums and trading status, as dump and watch show
 * them
 */

#include <stdbool.h>

#include "mdclient.h"
#include "output.h"

enum { STATE_QUOTE, STATE_TRADE, STATE_BAR, STATE_TOTALS, STATE_STATUS, STATE_PLACES };

/* Ticks by STATE_...; one that there never was has seq 0, and a body of zeros. */
struct state {
        struct md_tick tick[STATE_PLACES];
        int size_exp;
};

/* Reads it as it stood at one moment (of an instrument that moves faster than we can look, each tick by
 * itself is whole). Errors of md_read_many(). */
int state_read(struct state *state, struct md_client *client,
               const struct md_instrument *instrument);

/* Whether there was a trade in this session. */
bool state_has_traded(const struct state *state);

/* Push one or more values. A side of the quote that nobody makes is undefined, and so is the last trade
 * of an instrument that has not traded in this session; its sums are 0. */
void state_put_bid_px(const struct state *state, struct output *output);
void state_put_bid_sz(const struct state *state, struct output *output);
void state_put_ask_px(const struct state *state, struct output *output);
void state_put_ask_sz(const struct state *state, struct output *output);
void state_put_last(const struct state *state, struct output *output); /* px, sz */
void state_put_volume(const struct state *state, struct output *output);
void state_put_status(const struct state *state, struct output *output); /* a letter */
