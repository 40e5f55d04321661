/*
 * The state of an instrument
 */

#include "state.h"

#include "fields.h"

int state_read(struct state *state, struct md_client *client,
               const struct md_instrument *instrument) {
        static const uint16_t kinds[STATE_PLACES] = {
                [STATE_QUOTE] = MD_QUOTE,   [STATE_TRADE] = MD_TRADE,   [STATE_BAR] = MD_BAR,
                [STATE_TOTALS] = MD_TOTALS, [STATE_STATUS] = MD_STATUS,
        };

        state->size_exp = instrument->size_exp;
        for (unsigned i = 0; i < STATE_PLACES; i++)
                state->tick[i] =
                        (struct md_tick){ .instrument = instrument->instrument, .kind = kinds[i] };
        return md_read_many(client, state->tick, STATE_PLACES, NULL);
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

bool state_has_traded(const struct state *state) {
        return state->tick[STATE_TRADE].seq && state->tick[STATE_TRADE].u.trade.px != MD_PX_NONE;
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
        const struct md_trade *trade = &state->tick[STATE_TRADE].u.trade;

        price_put(output, state_has_traded(state) ? trade->px : MD_PX_NONE);
        size_put(output, state_has_traded(state) ? trade->sz : MD_PX_NONE, state->size_exp);
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
