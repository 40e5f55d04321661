/* mdctl counters: all that is counted. */

#include "mdctl.h"

static const struct output_column columns[] = {
        { "feed" },
        { "value", .right = true },
        { "label" },
        { "id", .right = true, .where = OUTPUT_FOR_PROGRAMS },
};

int command_counters(struct mdctl *mdctl) {
        _cleanup_(output_freep) struct output *output = NULL;
        struct md_counter counter;
        struct md_feed feed;
        const char *name;
        int r;

        r = begin_output(mdctl, 0, columns, N_ELEMENTS(columns), &output);
        if (r < 0)
                return r;
        for (uint32_t i = 0; md_counter(mdctl->client, i, &counter) == 0; i++) {
                if (!counter.value && !mdctl->all)
                        continue;
                name = feed_name(mdctl, counter.feed, &feed);
                output_text(output, *name ? name : NULL);
                output_uint(output, counter.value);
                output_text(output, counter.label);
                output_uint(output, counter.id);
                output_row(output);
        }
        return end_output(output);
}
