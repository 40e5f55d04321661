/*
 * mdctl ticks: every tick, live
 *
 * One line each, from the moment of connecting. Kinds differ in their fields: people get them as one
 * text of names and values; CSV has a column for every field of the kinds asked for, once by name;
 * a JSON object has those of its own kind.
 *
 * Where we were too slow and the journal went round, a row of kind "missed" and a line on standard
 * error say how many ticks are not there.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "mdctl.h"

#define CHECK_EVERY 1024 /* ticks, after which we look whether anybody still takes them */

enum { SEQ, TS_EVENT, TS_RECV, SYMBOL, VENUE, KIND, MISSED, FIELDS, FLAGS, _FIXED };

static const struct output_column fixed_columns[_FIXED] = {
        [SEQ] = { "seq", .right = true, .where = OUTPUT_FOR_PROGRAMS },
        [TS_EVENT] = { "ts_event", .width = 30 },
        [TS_RECV] = { "ts_recv", .where = OUTPUT_FOR_PROGRAMS },
        [SYMBOL] = { "symbol", .width = 8 },
        [VENUE] = { "venue", .width = 5 },
        [KIND] = { "kind", .width = 8 },
        [MISSED] = { "missed", .right = true, .where = OUTPUT_FOR_PROGRAMS },
        [FIELDS] = { "fields", .width = 60, .where = OUTPUT_FOR_PEOPLE },
        [FLAGS] = { "flags" },
};

/* The fields of the kinds asked for: a column for each name, and for each kind which field that is. */
struct layout {
        struct output_column *columns; /* the fixed ones first */
        size_t n_columns;
        const struct field *
                *fields[FIELDS_KINDS]; /* by column less the fixed ones; NULL: not of that
                                                    * kind */
};

static void layout_deinit(struct layout *layout) {
        free(layout->columns);
        for (unsigned kind = 0; kind < FIELDS_KINDS; kind++)
                free(layout->fields[kind]);
}

static size_t count_fields(uint32_t kinds) {
        const struct field *field = NULL;
        size_t n = 0;

        for (unsigned kind = 0; kind < FIELDS_KINDS; kind++)
                while (kinds >> kind & 1 && field_next(kind, &field))
                        n++;
        return n;
}

/* The number of the column with that name among those that are not fixed, a new one if need be. */
static size_t find_column(struct layout *layout, const char *name) {
        size_t i;

        for (i = _FIXED; i < layout->n_columns; i++)
                if (!strcmp(layout->columns[i].name, name))
                        return i - _FIXED;
        layout->columns[layout->n_columns++] =
                (struct output_column){ name, .where = OUTPUT_FOR_PROGRAMS };
        return i - _FIXED;
}

static int layout_init(struct layout *layout, uint32_t kinds) {
        const struct field *field = NULL;
        size_t n = count_fields(kinds);

        layout->columns = calloc(_FIXED + n, sizeof(*layout->columns));
        if (!layout->columns)
                return -ENOMEM;
        memcpy(layout->columns, fixed_columns, sizeof(fixed_columns));
        layout->n_columns = _FIXED;

        for (unsigned kind = 0; kind < FIELDS_KINDS; kind++) {
                if (!(kinds >> kind & 1))
                        continue;
                layout->fields[kind] = calloc(n + 1, sizeof(**layout->fields));
                if (!layout->fields[kind])
                        return -ENOMEM;
                while (field_next(kind, &field))
                        layout->fields[kind][find_column(layout, field->name)] = field;
        }
        return 0;
}

/* "bid_px 1.5 ask_px 1.51": what is undefined is left out. */
static void put_text(struct output *output, const struct mdctl *mdctl, const struct md_tick *tick,
                     int size_exp) {
        const struct field *field = NULL;
        char text[1024], value[FIELD_TEXT_SIZE];
        size_t n = 0;

        text[0] = '\0';
        while (field_next(tick->kind, &field) && n < sizeof(text)) {
                field_format(value, mdctl->client, field, tick, size_exp);
                if (*value)
                        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s", n ? " " : "",
                                              field->name, value);
        }
        output_text(output, text);
}

static void put_fields(struct output *output, const struct mdctl *mdctl,
                       const struct layout *layout, const struct md_tick *tick, int size_exp) {
        const struct field *field;

        for (size_t i = 0; i < layout->n_columns - _FIXED; i++) {
                field = layout->fields[tick->kind][i];
                if (field)
                        field_put(output, mdctl->client, field, tick, size_exp);
                else
                        output_absent(output);
        }
}

static void put_tick(struct output *output, const struct mdctl *mdctl, const struct layout *layout,
                     const struct md_tick *tick) {
        struct md_instrument instrument = { .size_exp = 0 };
        bool known = md_instrument(mdctl->client, tick->instrument, &instrument) == 0;
        char flags[FLAGS_TEXT_SIZE];

        output_uint(output, tick->seq);
        output_time(output, tick->ts_event);
        output_time(output, tick->ts_recv);
        output_text(output, known ? instrument.symbol : NULL);
        output_text(output, known ? instrument.venue : NULL);
        output_text(output, md_kind_name(tick->kind));
        output_absent(output);
        put_text(output, mdctl, tick, instrument.size_exp);
        output_text(output, flags_format(flags, tick->flags));
        put_fields(output, mdctl, layout, tick, instrument.size_exp);
        output_row(output);
}

static void put_missed(struct output *output, const struct layout *layout, uint64_t missed) {
        char text[64];

        snprintf(text, sizeof(text), "%" PRIu64 " ticks", missed);
        complain("missed %s", text);
        for (size_t i = 0; i < KIND; i++)
                output_absent(output);
        output_tone(output, TONE_BAD);
        output_text(output, "missed");
        output_uint(output, missed);
        output_text(output, text);
        for (size_t i = FLAGS; i < layout->n_columns; i++)
                output_absent(output);
        output_row(output);
}

/* Puts what there is now. 1: the last one asked for is among it. */
static int put_news(const struct mdctl *mdctl, struct selection *selection,
                    const struct layout *layout, struct output *output, uint64_t *count) {
        struct md_tick tick;
        uint64_t missed;
        int r;

        for (;;) {
                r = md_follow(mdctl->client, &tick, &missed);
                if (r < 0)
                        return complain_client(mdctl, r);
                if (missed)
                        put_missed(output, layout, missed);
                if (r == 0)
                        return 0;
                if (tick.kind >= FIELDS_KINDS || !(mdctl->kinds >> tick.kind & 1) ||
                    !selection_wants(selection, tick.instrument))
                        continue;
                put_tick(output, mdctl, layout, &tick);
                if (++*count == mdctl->count)
                        return 1;
                if (*count % CHECK_EVERY == 0 && output_flush(output) < 0)
                        return 1;
        }
}

static int run(const struct mdctl *mdctl, struct selection *selection, const struct layout *layout,
               struct output *output) {
        uint64_t count = 0;
        int r, news = 1;

        for (;;) {
                r = put_news(mdctl, selection, layout, output, &count);
                if (r < 0)
                        return r;
                /* what came just before the end has now been read */
                if (r > 0 || output_flush(output) < 0 || news <= 0)
                        break;
                news = wait_for_news(mdctl);
        }
        r = end_output(output);
        return r < 0 ? r : news < 0 ? news : 0;
}

int command_ticks(struct mdctl *mdctl) {
        _cleanup_(selection_deinit) struct selection selection = SELECTION_INIT;
        _cleanup_(output_freep) struct output *output = NULL;
        _cleanup_(layout_deinit) struct layout layout = { .n_columns = 0 };
        int r;

        r = layout_init(&layout, mdctl->kinds);
        if (r < 0) {
                complain("%s", strerror(-r));
                return r;
        }
        r = follow_instruments(mdctl, mdctl->kinds, &selection);
        if (r == 0)
                r = begin_output(mdctl, OUTPUT_STREAM, layout.columns, layout.n_columns, &output);
        return r < 0 ? r : run(mdctl, &selection, &layout, output);
}
