/*
 * mdctl get: everything about some instruments
 *
 * A row per instrument; the fields of each kind are a group. A kind of which the instrument has had no
 * tick yet is absent, and so are the kinds that the table has no place for.
 */

#include <errno.h>
#include <string.h>

#include "fields.h"
#include "mdctl.h"

static const struct output_column instrument_columns[] = {
        { "symbol" },
        { "venue" },
        { "feed" },
};

/* What every tick has, whatever its kind. */
static const char *const common[] = { "seq", "ts_event", "ts_recv", "flags" };

/* The columns of one kind; with NULL only counts them. */
static size_t kind_columns(unsigned kind, struct output_column *columns) {
        const struct field *field = NULL;
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(common); i++, n++)
                if (columns)
                        columns[n] = (struct output_column){ common[i], md_kind_name(kind) };
        for (; field_next(kind, &field); n++)
                if (columns)
                        columns[n] = (struct output_column){ field->name, md_kind_name(kind) };
        return n;
}

static bool has_kind(const struct mdctl *mdctl, unsigned kind) {
        return mdctl->kinds >> kind & 1;
}

/* All columns; the caller frees them. -ENOMEM. */
static int make_columns(const struct mdctl *mdctl, struct output_column **columnsp, size_t *np) {
        size_t n = N_ELEMENTS(instrument_columns);
        struct output_column *columns;

        for (unsigned kind = 0; kind < MD_PLACES; kind++)
                if (has_kind(mdctl, kind))
                        n += kind_columns(kind, NULL);
        columns = calloc(n, sizeof(*columns));
        if (!columns) {
                complain("%s", strerror(ENOMEM));
                return -ENOMEM;
        }
        memcpy(columns, instrument_columns, sizeof(instrument_columns));
        n = N_ELEMENTS(instrument_columns);
        for (unsigned kind = 0; kind < MD_PLACES; kind++)
                if (has_kind(mdctl, kind))
                        n += kind_columns(kind, columns + n);
        *columnsp = columns;
        *np = n;
        return 0;
}

static void put_tick(struct output *output, struct md_client *client, const struct md_tick *tick,
                     int size_exp) {
        const struct field *field = NULL;
        char flags[FLAGS_TEXT_SIZE];

        output_uint(output, tick->seq);
        output_time(output, tick->ts_event);
        output_time(output, tick->ts_recv);
        output_text(output, flags_format(flags, tick->flags));
        while (field_next(tick->kind, &field))
                field_put(output, client, field, tick, size_exp);
}

static int put_instrument(const struct mdctl *mdctl, struct output *output,
                          const struct md_instrument *instrument) {
        struct md_tick ticks[MD_PLACES];
        struct md_feed feed;
        size_t n = 0;
        int r;

        for (unsigned kind = 0; kind < MD_PLACES; kind++)
                if (has_kind(mdctl, kind))
                        ticks[n++] = (struct md_tick){ .instrument = instrument->instrument,
                                                       .kind = (uint16_t)kind };
        r = md_read_many(mdctl->client, ticks, n, NULL);
        if (r < 0)
                return complain_client(mdctl, r);

        output_text(output, instrument->symbol);
        output_text(output, instrument->venue);
        output_text(output, feed_name(mdctl, instrument->feed, &feed));
        for (size_t i = 0; i < n; i++) {
                if (ticks[i].seq)
                        put_tick(output, mdctl->client, &ticks[i], instrument->size_exp);
                else
                        for (size_t c = kind_columns(ticks[i].kind, NULL); c; c--)
                                output_absent(output);
        }
        output_row(output);
        return 0;
}

int command_get(struct mdctl *mdctl) {
        _cleanup_(freep) struct md_instrument *list = NULL;
        _cleanup_(freep) struct output_column *columns = NULL;
        _cleanup_(output_freep) struct output *output = NULL;
        size_t n, n_columns;
        int r, unmet;

        r = list_instruments(mdctl, &list, &n, &unmet);
        if (r == 0)
                r = make_columns(mdctl, &columns, &n_columns);
        if (r == 0)
                r = begin_output(mdctl, OUTPUT_RECORDS, columns, n_columns, &output);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = put_instrument(mdctl, output, &list[i]);
        if (r < 0)
                return r;
        r = end_output(output);
        return r < 0 ? r : unmet;
}
