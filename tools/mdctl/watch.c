/*
 * mdctl watch: the newest quotes and trades, live
 *
 * On a terminal a table (screen.h). Elsewhere a line per change: what changed, as it is now, and how many
 * older changes were merged into it. Trades are never merged.
 */

#include "mdctl.h"
#include "screen.h"
#include "state.h"

/* Totals change with each trade: they are shown, but are no change of their own. */
#define KINDS (1u << MD_QUOTE | 1u << MD_TRADE | 1u << MD_STATUS)

static const struct output_column columns[] = {
        { "ts_event", .width = 30 },
        { "symbol", .width = 8 },
        { "venue", .width = 5 },
        { "kind", .width = 6 },
        { "bid_sz", .right = true, .width = 8 },
        { "bid_px", .right = true, .width = 10 },
        { "ask_px", .right = true, .width = 10 },
        { "ask_sz", .right = true, .width = 8 },
        { "last_px", .right = true, .width = 10 },
        { "last_sz", .right = true, .width = 8 },
        { "volume", .right = true, .width = 10 },
        { "trades", .right = true, .width = 7 },
        { "status" },
        { "merged", .right = true },
        { "missed", .right = true },
};

/* The change itself, beside what is newest of the rest. */
static int put_change(const struct mdctl *mdctl, struct output *output,
                      const struct md_change *change) {
        static const unsigned places[MD_PLACES] = {
                [MD_QUOTE] = STATE_QUOTE, [MD_TRADE] = STATE_TRADE, [MD_STATUS] = STATE_STATUS
        };
        const struct md_tick *tick = &change->tick;
        struct md_instrument instrument;
        struct state state;
        int r;

        r = md_instrument(mdctl->client, tick->instrument, &instrument);
        if (r == 0)
                r = state_read(&state, mdctl->client, &instrument);
        if (r < 0)
                return complain_client(mdctl, r);
        state.tick[places[tick->kind]] = *tick;

        output_time(output, tick->ts_event);
        output_text(output, instrument.symbol);
        output_text(output, instrument.venue);
        output_text(output, md_kind_name(tick->kind));
        state_put_bid_sz(&state, output);
        state_put_bid_px(&state, output);
        state_put_ask_px(&state, output);
        state_put_ask_sz(&state, output);
        state_put_last(&state, output);
        state_put_volume(&state, output);
        output_int(output, state.tick[STATE_TOTALS].u.totals.trades);
        state_put_status(&state, output);
        output_uint(output, change->merged);
        output_uint(output, change->missed);
        output_row(output);
        return 0;
}

/* Puts what has changed. 1: nobody takes it any more. */
static int put_changes(const struct mdctl *mdctl, struct selection *selection,
                       struct output *output) {
        struct md_change change;
        int r;

        while ((r = md_next(mdctl->client, &change)) > 0) {
                if (change.tick.kind >= MD_PLACES || !(KINDS >> change.tick.kind & 1) ||
                    !selection_wants(selection, change.tick.instrument))
                        continue;
                r = put_change(mdctl, output, &change);
                if (r < 0)
                        return r;
                if (output_flush(output) < 0)
                        return 1;
        }
        return r < 0 ? complain_client(mdctl, r) : 0;
}

static int run_lines(const struct mdctl *mdctl, struct selection *selection) {
        _cleanup_(output_freep) struct output *output = NULL;
        int r, news = 1;

        r = begin_output(mdctl, OUTPUT_STREAM, columns, N_ELEMENTS(columns), &output);
        if (r < 0)
                return r;
        for (;;) {
                r = put_changes(mdctl, selection, output);
                if (r < 0)
                        return r;
                /* what came just before the end has now been read */
                if (r > 0 || news <= 0)
                        break;
                news = wait_for_news(mdctl);
        }
        r = end_output(output);
        return r < 0 ? r : news < 0 ? news : 0;
}

int command_watch(struct mdctl *mdctl) {
        _cleanup_(selection_deinit) struct selection selection = SELECTION_INIT;
        int r;

        r = follow_instruments(mdctl, KINDS, &selection);
        if (r < 0)
                return r;
        return mdctl->terminal ? screen_run(mdctl, &selection) : run_lines(mdctl, &selection);
}
