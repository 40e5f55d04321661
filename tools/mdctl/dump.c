/*
 * mdctl dump: a line for each instrument, sorted by symbol and venue
 *
 * What is undefined is empty in CSV: the side of a quote that nobody makes, the last trade of an
 * instrument that has not traded in this session.
 */

#include "fields.h"
#include "mdctl.h"
#include "state.h"

static const struct output_column columns[] = {
        { "symbol" },
        { "venue" },
        { "bid_px", .right = true },
        { "bid_sz", .right = true },
        { "ask_px", .right = true },
        { "ask_sz", .right = true },
        { "last_px", .right = true },
        { "last_sz", .right = true },
        { "last_trade_id", .right = true },
        { "trades", .right = true },
        { "volume", .right = true },
        { "breaks", .right = true },
        { "broken_volume", .right = true },
        { "status" },
        { "notional", .right = true, .where = OUTPUT_FOR_PROGRAMS },
        { "open", .right = true, .where = OUTPUT_FOR_PROGRAMS },
        { "high", .right = true, .where = OUTPUT_FOR_PROGRAMS },
        { "low", .right = true, .where = OUTPUT_FOR_PROGRAMS },
        { "close", .right = true, .where = OUTPUT_FOR_PROGRAMS },
        { "quote_ts", .where = OUTPUT_FOR_PROGRAMS },
        { "quote_flags", .where = OUTPUT_FOR_PROGRAMS },
        { "trade_ts", .where = OUTPUT_FOR_PROGRAMS },
        { "trade_flags", .where = OUTPUT_FOR_PROGRAMS },
        { "bid_levels", .where = OUTPUT_FOR_PROGRAMS },
        { "ask_levels", .where = OUTPUT_FOR_PROGRAMS },
};

static void put_bar(struct output *output, const struct md_tick *bar) {
        price_put(output, bar->seq ? bar->u.bar.open : MD_PX_NONE);
        price_put(output, bar->seq ? bar->u.bar.high : MD_PX_NONE);
        price_put(output, bar->seq ? bar->u.bar.low : MD_PX_NONE);
        price_put(output, bar->seq ? bar->u.bar.close : MD_PX_NONE);
}

static void put_origin(struct output *output, const struct md_tick *tick) {
        char text[FLAGS_TEXT_SIZE];

        output_time(output, tick->ts_event);
        output_text(output, tick->seq ? flags_format(text, tick->flags) : NULL);
}

/* All levels of its book, however many the depth shows; undefined where none is kept. */
static void put_levels(struct output *output, const struct md_instrument *instrument) {
        if (instrument->flags & MD_INSTRUMENT_BOOK) {
                output_uint(output, instrument->bid_levels);
                output_uint(output, instrument->ask_levels);
        } else {
                output_null(output);
                output_null(output);
        }
}

static void put_row(struct output *output, const struct md_instrument *instrument,
                    const struct state *state) {
        const struct md_tick *trade = &state->tick[STATE_TRADE];
        const struct md_totals *totals = &state->tick[STATE_TOTALS].u.totals;
        char number[MD_NUMBER_SIZE];

        output_text(output, instrument->symbol);
        output_text(output, instrument->venue);
        state_put_bid_px(state, output);
        state_put_bid_sz(state, output);
        state_put_ask_px(state, output);
        state_put_ask_sz(state, output);
        state_put_last(state, output);
        if (state_has_traded(state))
                output_int(output, trade->u.trade.trade_id);
        else
                output_null(output);
        output_int(output, totals->trades);
        state_put_volume(state, output);
        output_int(output, totals->breaks);
        size_put(output, totals->broken_volume, state->size_exp);
        state_put_status(state, output);
        output_number(output, md_format(number, totals->notional, -4));
        put_bar(output, &state->tick[STATE_BAR]);
        put_origin(output, &state->tick[STATE_QUOTE]);
        put_origin(output, trade);
        put_levels(output, instrument);
        output_row(output);
}

int command_dump(struct mdctl *mdctl) {
        _cleanup_(freep) struct md_instrument *list = NULL;
        _cleanup_(output_freep) struct output *output = NULL;
        struct state state;
        int r, unmet;
        size_t n;

        r = list_instruments(mdctl, &list, &n, &unmet);
        if (r == 0)
                r = begin_output(mdctl, 0, columns, N_ELEMENTS(columns), &output);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = state_read(&state, mdctl->client, &list[i]);
                if (r < 0)
                        return complain_client(mdctl, r);
                put_row(output, &list[i], &state);
        }
        r = end_output(output);
        return r < 0 ? r : unmet;
}
