/*
 * mdctl book: the levels of one instrument's book
 *
 * For people the two sides stand beside each other, bids on the left, the best of each on top; for
 * programs there is a row for each level. Where the venue does not speak of orders, their
 * number is undefined.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "fields.h"
#include "mdctl.h"

static const struct output_column level_columns[] = {
        { "side" },
        { "level", .right = true },
        { "price", .right = true },
        { "size", .right = true },
        { "orders", .right = true },
};

static const struct output_column ladder_columns[] = {
        { "bid_orders", .right = true }, { "bid_sz", .right = true },
        { "bid", .right = true },        { "ask", .right = true },
        { "ask_sz", .right = true },     { "ask_orders", .right = true },
};

struct sides {
        struct md_depth depth;
        int size_exp;
};

static void put_orders(struct output *output, const struct md_level *level) {
        if (level->orders)
                output_uint(output, level->orders);
        else
                output_null(output);
}

static void put_side(struct output *output, const char *side, const struct md_level *levels,
                     uint32_t n, int size_exp) {
        for (uint32_t i = 0; i < n; i++) {
                output_text(output, side);
                output_uint(output, i + 1);
                price_put(output, levels[i].px);
                size_put(output, levels[i].sz, size_exp);
                put_orders(output, &levels[i]);
                output_row(output);
        }
}

static int write_levels(const struct mdctl *mdctl, const struct sides *sides) {
        _cleanup_(output_freep) struct output *output = NULL;
        int r;

        r = begin_output(mdctl, 0, level_columns, N_ELEMENTS(level_columns), &output);
        if (r < 0)
                return r;
        put_side(output, "bid", sides->depth.bid, sides->depth.bids, sides->size_exp);
        put_side(output, "ask", sides->depth.ask, sides->depth.asks, sides->size_exp);
        return end_output(output);
}

/* One side of a line; there may be no more levels on it. */
static void put_bid(struct output *output, const struct sides *sides, uint32_t i) {
        const struct md_level *level = &sides->depth.bid[i];

        if (i < sides->depth.bids) {
                put_orders(output, level);
                size_put(output, level->sz, sides->size_exp);
                price_put(output, level->px);
        } else {
                for (unsigned n = 0; n < 3; n++)
                        output_absent(output);
        }
}

static void put_ask(struct output *output, const struct sides *sides, uint32_t i) {
        const struct md_level *level = &sides->depth.ask[i];

        if (i < sides->depth.asks) {
                price_put(output, level->px);
                size_put(output, level->sz, sides->size_exp);
                put_orders(output, level);
        } else {
                for (unsigned n = 0; n < 3; n++)
                        output_absent(output);
        }
}

/* What the levels do not say, on one line above them. */
static void write_title(const struct mdctl *mdctl, const struct md_instrument *instrument,
                        const struct md_depth *depth) {
        bool colour = mdctl->output_flags & OUTPUT_COLOUR;
        char text[128], flags[FLAGS_TEXT_SIZE];

        snprintf(text, sizeof(text), "%s%s%s", instrument->symbol, *instrument->venue ? "@" : "",
                 instrument->venue);
        text_paint(stdout, colour, TONE_BOLD, text);
        snprintf(text, sizeof(text), "  %" PRIu64 " bid and %" PRIu64 " ask levels",
                 depth->bid_levels, depth->ask_levels);
        text_paint(stdout, false, TONE_NORMAL, text);
        if (depth->orders)
                printf(", %" PRIu64 " orders", depth->orders);
        if (depth->ts_event)
                printf("  %s", text_time(text, depth->ts_event));
        if (depth->flags) {
                printf("  ");
                text_paint(stdout, colour, TONE_WARN, flags_format(flags, depth->flags));
        }
        putchar('\n');
}

static int write_ladder(const struct mdctl *mdctl, const struct md_instrument *instrument,
                        const struct sides *sides) {
        _cleanup_(output_freep) struct output *output = NULL;
        const struct md_depth *depth = &sides->depth;
        int r;

        r = begin_output(mdctl, 0, ladder_columns, N_ELEMENTS(ladder_columns), &output);
        if (r < 0)
                return r;
        if (output_is_table(output))
                write_title(mdctl, instrument, depth);
        for (uint32_t i = 0; i < depth->bids || i < depth->asks; i++) {
                put_bid(output, sides, i);
                put_ask(output, sides, i);
                output_row(output);
        }
        return end_output(output);
}

/* The one instrument that the argument names. The caller frees the list that it stands in. */
static int find_instrument(const struct mdctl *mdctl, struct md_instrument **listp) {
        size_t n;
        int r, unmet;

        r = list_instruments(mdctl, listp, &n, &unmet);
        if (r == 0)
                r = unmet;
        if (r == 0 && n != 1) {
                complain("%s names %zu instruments, and a book is that of one: say which, as "
                         "%s@%s",
                         mdctl->args[0], n, (*listp)->symbol, (*listp)->venue);
                r = -ENOTUNIQ;
        }
        return r;
}

int command_book(struct mdctl *mdctl) {
        _cleanup_(freep) struct md_instrument *instrument = NULL;
        struct sides sides;
        int r;

        r = find_instrument(mdctl, &instrument);
        if (r < 0)
                return r;
        sides.size_exp = instrument->size_exp;
        r = md_read_depth(mdctl->client, instrument->instrument, &sides.depth);
        if (r < 0)
                return complain_client(mdctl, r);
        if (mdctl->format == OUTPUT_CSV || mdctl->format == OUTPUT_JSON)
                return write_levels(mdctl, &sides);
        return write_ladder(mdctl, instrument, &sides);
}
