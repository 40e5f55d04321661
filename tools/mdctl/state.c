/*
 * The state of an instrument
 */

#include "state.h"

#include <stdbool.h>

#include "fields.h"

/* A session that has begun afresh, and has had no trade yet: the one that stands there is of the session
 * before. */
static bool is_past(const struct md_tick *trade, const struct md_tick *totals) {
        return totals->seq > trade->seq && totals->flags & MD_FLAG_SNAPSHOT &&
               !totals->u.totals.trades;
}

int state_read(struct state *state, struct md_client *client,
               const struct md_instrument *instrument) {
        static const uint16_t kinds[STATE_PLACES] = {
                [STATE_QUOTE] = MD_QUOTE,   [STATE_TRADE] = MD_TRADE,   [STATE_BAR] = MD_BAR,
                [STATE_TOTALS] = MD_TOTALS, [STATE_STATUS] = MD_STATUS,
        };
        int r;

        state->size_exp = instrument->size_exp;
        for (unsigned i = 0; i < STATE_PLACES; i++)
                state->tick[i] =
                        (struct md_tick){ .instrument = instrument->instrument, .kind = kinds[i] };
        r = md_read_many(client, state->tick, STATE_PLACES, NULL);
        if (r < 0)
                return r;
        if (is_past(&state->tick[STATE_TRADE], &state->tick[STATE_TOTALS]))
                state->tick[STATE_TRADE] = (struct md_tick){ .kind = MD_TRADE };
        return 0;
}

static const struct md_quote *quote_of(const struct state *state) {
        return &state->tick[STATE_QUOTE].u.quote;
}

static bool has_bid(const struct state *state) {
        return state->tick[STATE_QUOTE].seq && quote_of(state)->bid_px != MD_PX_NONE;
}

static bool has_ask(const struct state *state) {
        return state->tick[STATE_QUOTE].seq && quote_of(state)->ask_px != MD_PX_NONE;
}

void state_put_bid_px(const struct state *state, struct output *output) {
        price_put(output, has_bid(state) ? quote_of(state)->bid_px : MD_PX_NONE);
}

void state_put_bid_sz(const struct state *state, struct output *output) {
        size_put(output, has_bid(state) ? quote_of(state)->bid_sz : MD_PX_NONE, state->size_exp);
}

void state_put_ask_px(const struct state *state, struct output *output) {
        price_put(output, has_ask(state) ? quote_of(state)->ask_px : MD_PX_NONE);
}

void state_put_ask_sz(const struct state *state, struct output *output) {
        size_put(output, has_ask(state) ? quote_of(state)->ask_sz : MD_PX_NONE, state->size_exp);
}

void state_put_last(const struct state *state, struct output *output) {
        const struct md_tick *tick = &state->tick[STATE_TRADE];

        price_put(output, tick->seq ? tick->u.trade.px : MD_PX_NONE);
        size_put(output, tick->seq ? tick->u.trade.sz : MD_PX_NONE, state->size_exp);
}

void state_put_volume(const struct state *state, struct output *output) {
        size_put(output, state->tick[STATE_TRADE].u.trade.volume, state->size_exp);
}

void state_put_status(const struct state *state, struct output *output) {
        char text[2] = { state->tick[STATE_STATUS].u.status.trading };

        if (*text && *text != 'T')
                output_tone(output, TONE_WARN);
        output_text(output, *text ? text : NULL);
}
