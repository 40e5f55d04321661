/* mdctl list: the instruments. */

#include "fields.h"
#include "mdctl.h"

static const struct output_column columns[] = {
        { "symbol" },
        { "venue" },
        { "feed" },
        { "instrument", .right = true },
        { "lot", .right = true },
        { "size_exp", .right = true, .where = OUTPUT_FOR_PROGRAMS },
        { "luld", .right = true },
        { "close", .right = true },
        { "flags" },
};

static void put_flags(struct output *output, uint32_t flags) {
        char text[32];

        snprintf(text, sizeof(text), "%s%s%s", flags & MD_INSTRUMENT_TEST ? " test" : "",
                 flags & MD_INSTRUMENT_ETP ? " etp" : "",
                 flags & MD_INSTRUMENT_WHEN_ISSUED ? " when_issued" : "");
        output_text(output, *text ? text + 1 : "");
}

static void put_instrument(struct output *output, const struct mdctl *mdctl,
                           const struct md_instrument *instrument) {
        char number[MD_NUMBER_SIZE];
        struct md_feed feed;

        output_text(output, instrument->symbol);
        output_text(output, instrument->venue);
        output_text(output, feed_name(mdctl, instrument->feed, &feed));
        output_uint(output, instrument->instrument);
        if (instrument->lot)
                output_number(output, md_format(number, instrument->lot, instrument->size_exp));
        else
                output_null(output);
        output_int(output, instrument->size_exp);
        output_uint(output, instrument->luld);
        price_put(output, instrument->close_px);
        put_flags(output, instrument->flags);
        output_row(output);
}

int command_list(struct mdctl *mdctl) {
        _cleanup_(freep) struct md_instrument *list = NULL;
        _cleanup_(output_freep) struct output *output = NULL;
        int r, unmet;
        size_t n;

        r = list_instruments(mdctl, &list, &n, &unmet);
        if (r < 0)
                return r;
        r = begin_output(mdctl, 0, columns, N_ELEMENTS(columns), &output);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                put_instrument(output, mdctl, &list[i]);
        r = end_output(output);
        return r < 0 ? r : unmet;
}
