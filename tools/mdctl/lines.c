/* The lines of a feed, A and B: what came on each, and which one is ahead. */

#include "lines.h"

#include <stdio.h>

static const struct output_column columns[] = {
        { "feed" },
        { "line" },
        { "packets", .right = true },
        { "won", .right = true },
        { "lost", .right = true },
        { "filled", .right = true },
        { "dropped", .right = true },
        { "both", .right = true },
        { "lead_ns", .right = true },
        { "last_recv" },
};

static void put_line(struct output *output, uint32_t index, const struct md_feed_line *line) {
        const char name[] = { (char)('A' + index), '\0' };

        output_text(output, name);
        output_uint(output, line->packets);
        output_uint(output, line->won);
        output_uint(output, line->lost);
        output_uint(output, line->filled);
        output_tone(output, line->dropped ? TONE_BAD : TONE_NORMAL);
        output_uint(output, line->dropped);
        output_uint(output, line->both);
        if (line->both)
                output_int(output, line->lead);
        else
                output_null(output);
        output_time(output, line->last_recv);
        output_row(output);
}

int lines_show(const struct mdctl *mdctl, uint32_t least) {
        _cleanup_(output_freep) struct output *output = NULL;
        struct md_feed_line line;
        struct md_feed feed;
        int r;

        r = begin_output(mdctl, 0, columns, N_ELEMENTS(columns), &output);
        if (r < 0)
                return r;
        for (uint32_t i = 0; md_feed(mdctl->client, i, &feed) == 0; i++) {
                if (feed.lines < least)
                        continue;
                for (uint32_t k = 0; md_feed_line(mdctl->client, i, k, &line) == 0; k++) {
                        output_text(output, feed.name);
                        put_line(output, k, &line);
                }
        }
        return end_output(output);
}

/* All columns but the feed. */
static int write_json(FILE *file, struct md_client *client, const struct md_feed *feed) {
        _cleanup_(output_freep) struct output *output = NULL;
        struct md_feed_line line;
        int r;

        r = output_new(&output, file, OUTPUT_JSON, 0, columns + 1, N_ELEMENTS(columns) - 1);
        if (r < 0)
                return r;
        for (uint32_t k = 0; md_feed_line(client, feed->feed, k, &line) == 0; k++)
                put_line(output, k, &line);
        return output_finish(output);
}

/* A value stands on one line; no newline is part of a string. */
static void unbreak(char *text) {
        char *to = text;

        for (; *text; text++)
                if (*text != '\n')
                        *to++ = *text;
        *to = '\0';
}

char *lines_json(struct md_client *client, const struct md_feed *feed) {
        char *text = NULL;
        size_t size;
        FILE *file;
        int r;

        file = open_memstream(&text, &size);
        if (!file)
                return NULL;
        r = write_json(file, client, feed);
        if (fclose(file) || r < 0) {
                free(text);
                return NULL;
        }
        unbreak(text);
        return text;
}
