/*
 * mdctl feeds: where the ticks come from, and how that goes
 *
 * Programs also get the number of messages by type: the counters of the feed whose label is
 * "messages TYPE". Which types there are depends on the feeds' protocols, so these columns are made
 * from the counters.
 *
 * In a table, the lines of feeds that have two are another one below.
 */

#include <errno.h>
#include <string.h>

#include "lines.h"
#include "mdctl.h"

#define TYPE_LABEL "messages "

static const struct output_column columns[] = {
        { "name" },
        { "source" },
        { "protocol" },
        { "state" },
        { "packets", .right = true },
        { "bytes", .where = OUTPUT_FOR_PROGRAMS },
        { "heartbeats", .where = OUTPUT_FOR_PROGRAMS },
        { "messages", .right = true },
        { "ticks", .right = true },
        { "instruments", .right = true },
        { "gaps", .right = true },
        { "missed", .right = true },
        { "duplicates", .right = true },
        { "resets", .right = true },
        { "dropped", .right = true },
        { "bad", .right = true },
        { "session", .where = OUTPUT_FOR_PROGRAMS },
        { "next", .where = OUTPUT_FOR_PROGRAMS },
        { "last_recv", .where = OUTPUT_FOR_PROGRAMS },
        { "last_event", .where = OUTPUT_FOR_PROGRAMS },
        { "lines", .where = OUTPUT_FOR_JSON },
};

/* The counters by type; columns of the group "types" after the fixed ones. */
struct types {
        struct md_counter *counters; /* of all feeds */
        size_t n_counters;
        struct output_column *columns; /* all, the fixed ones first */
        size_t n_columns;
};

static void types_deinit(struct types *types) {
        free(types->counters);
        free(types->columns);
}

static const char *type_of(const struct md_counter *counter) {
        return counter->label + strlen(TYPE_LABEL);
}

static bool types_have(const struct types *types, const char *type) {
        for (size_t i = N_ELEMENTS(columns); i < types->n_columns; i++)
                if (!strcmp(types->columns[i].name, type))
                        return true;
        return false;
}

/* A column for each type that any feed counts. -ENOMEM. */
static int types_init(struct types *types, struct md_client *client) {
        uint32_t n = md_counters(client);
        struct md_counter *counter;

        *types = (struct types){
                .counters = calloc((size_t)n + 1, sizeof(*types->counters)),
                .columns = calloc(N_ELEMENTS(columns) + n, sizeof(*types->columns)),
                .n_columns = N_ELEMENTS(columns),
        };
        if (!types->counters || !types->columns) {
                complain("%s", strerror(ENOMEM));
                return -ENOMEM;
        }
        memcpy(types->columns, columns, sizeof(columns));
        for (uint32_t i = 0; i < n; i++) {
                counter = &types->counters[types->n_counters];
                if (md_counter(client, i, counter) < 0 || counter->feed == UINT32_MAX ||
                    strncmp(counter->label, TYPE_LABEL, strlen(TYPE_LABEL)))
                        continue;
                types->n_counters++;
                if (!types_have(types, type_of(counter)))
                        types->columns[types->n_columns++] =
                                (struct output_column){ type_of(counter), "types",
                                                        .where = OUTPUT_FOR_PROGRAMS };
        }
        return 0;
}

static void put_type(struct output *output, const struct types *types, uint32_t feed,
                     const char *type) {
        for (size_t i = 0; i < types->n_counters; i++) {
                if (types->counters[i].feed != feed || strcmp(type_of(&types->counters[i]), type))
                        continue;
                output_uint(output, types->counters[i].value);
                return;
        }
        output_absent(output);
}

/* A number that had better be zero. */
static void put_trouble(struct output *output, uint64_t n) {
        output_tone(output, n ? TONE_BAD : TONE_NORMAL);
        output_uint(output, n);
}

static void put_feed(struct output *output, const struct md_feed *feed, const char *lines,
                     const struct types *types) {
        output_text(output, feed->name);
        output_text(output, feed->source);
        output_text(output, feed->protocol);
        output_tone(output, feed_tone(feed->state));
        output_text(output, md_feed_state_name(feed->state));
        output_uint(output, feed->packets);
        output_uint(output, feed->bytes);
        output_uint(output, feed->heartbeats);
        output_uint(output, feed->messages);
        output_uint(output, feed->ticks);
        output_uint(output, feed->instruments);
        put_trouble(output, feed->gaps);
        put_trouble(output, feed->missed);
        output_uint(output, feed->duplicates);
        output_uint(output, feed->resets);
        put_trouble(output, feed->dropped);
        put_trouble(output, feed->bad);
        output_uint(output, feed->session);
        output_uint(output, feed->next);
        output_time(output, feed->last_recv);
        output_time(output, feed->last_event);
        output_json(output, lines);
        for (size_t i = N_ELEMENTS(columns); i < types->n_columns; i++)
                put_type(output, types, feed->feed, types->columns[i].name);
        output_row(output);
}

static int show_feed(struct output *output, const struct mdctl *mdctl, const struct md_feed *feed,
                     const struct types *types) {
        _cleanup_(freep) char *lines = lines_json(mdctl->client, feed);

        if (!lines) {
                complain("%s", strerror(ENOMEM));
                return -ENOMEM;
        }
        put_feed(output, feed, lines, types);
        return 0;
}

static int show_feeds(const struct mdctl *mdctl, bool *paired) {
        _cleanup_(output_freep) struct output *output = NULL;
        _cleanup_(types_deinit) struct types types = { .n_columns = 0 };
        struct md_feed feed;
        int r;

        r = types_init(&types, mdctl->client);
        if (r < 0)
                return r;
        r = begin_output(mdctl, 0, types.columns, types.n_columns, &output);
        if (r < 0)
                return r;
        for (uint32_t i = 0; md_feed(mdctl->client, i, &feed) == 0; i++) {
                r = show_feed(output, mdctl, &feed, &types);
                if (r < 0)
                        return r;
                *paired |= feed.lines > 1;
        }
        return end_output(output);
}

int command_feeds(struct mdctl *mdctl) {
        bool paired = false;
        int r;

        if (mdctl->lines)
                return lines_show(mdctl, 1);
        r = show_feeds(mdctl, &paired);
        if (r < 0 || !paired || mdctl->format != OUTPUT_TABLE)
                return r;
        putchar('\n');
        return lines_show(mdctl, 2);
}
