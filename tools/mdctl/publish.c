/*
 * mdctl publish: rows to ticks
 *
 * A column belongs to the field of that name, of the first kind that has one; a row makes a tick of each
 * kind for which it says something. So a row can be a quote and a trade at once, and a script needs to
 * know no more than "symbol,price,volume". A line that cannot be used is named, and the rest goes on.
 */

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fields.h"
#include "mdctl.h"
#include "rows.h"
#include "shm/valid.h"

#define RETRY_MS 500

/* What a publisher keeps of one instrument. */
struct known {
        char symbol[33], venue[9];
        uint32_t handle;
        int size_exp;
        int64_t volume; /* of its trades so far */
};

struct publish {
        const struct mdctl *mdctl;
        const char *feed;
        const char *source; /* name of the file, for sentences */
        struct md_publisher *publisher;
        struct rows *rows;
        void *known;             /* a tree of struct known, by symbol and venue */
        unsigned long long bad;  /* lines that could not be used, each counted and named once */
        unsigned long long read; /* lines read in earlier rounds of the file */
        bool any;                /* rows put, in this round of the file */

        /* --rate */
        int64_t start_ns;
        uint64_t done;
};

/* ---- sentences ---- */

__attribute__((format(printf, 2, 3))) static void bad_line(struct publish *publish,
                                                           const char *format, ...) {
        char text[512];
        va_list args;

        if (rows_line(publish->rows) <= publish->read)
                return;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        complain("%s:%llu: %s", publish->source, rows_line(publish->rows), text);
        publish->bad++;
}

static const char *value_of(const struct row *row, const char *name) {
        for (size_t i = 0; i < row->n; i++)
                if (!strcmp(row->names[i], name))
                        return row->values[i];
        return "";
}

/* ---- the connection ---- */

static void sleep_ms(long ms) {
        struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

        nanosleep(&time, NULL);
}

/* The daemon is gone. Goes on trying, for what was put is kept, unless it was refused for good. */
static int come_back(struct publish *publish) {
        int r;

        complain("%s; trying again", md_publisher_error(publish->publisher));
        do {
                sleep_ms(RETRY_MS);
                r = md_publisher_connect(publish->publisher, publish->mdctl->socket, publish->feed);
        } while (r == -ENOENT || r == -ECONNREFUSED || r == -ETIMEDOUT || r == -EBUSY ||
                 r == -EPROTO);
        return r;
}

static int put(struct publish *publish, const struct md_tick *tick) {
        int r;

        while ((r = md_publisher_put(publish->publisher, tick)) < 0) {
                if (r == -EAGAIN)
                        r = md_publisher_wait(publish->publisher, -1);
                if (r == -EPIPE)
                        r = come_back(publish);
                if (r < 0)
                        return r;
        }
        /* what is in the ring goes out with the next connection, and is not put again */
        r = md_publisher_flush(publish->publisher);
        return r == -EPIPE ? come_back(publish) : r;
}

/* ---- instruments ---- */

static int compare(const void *a, const void *b) {
        const struct known *left = a, *right = b;
        int order = strcmp(left->symbol, right->symbol);

        return order ? order : strcmp(left->venue, right->venue);
}

static bool parse_integer(const char *text, int64_t *value) {
        return md_parse(text, 0, value) == 0;
}

/* The instrument of a row, as *known; or NULL, and then *key and *definition are what define() needs
 * once the rest of the row is known to be good. -EINVAL: the line was named. */
static int find(struct publish *publish, const struct row *row, struct known *key,
                struct md_instrument *definition, struct known **known) {
        const char *symbol = value_of(row, "symbol"), *venue = value_of(row, "venue");
        const char *exp = value_of(row, "size_exp"), *lot = value_of(row, "lot");
        struct known **place;
        int64_t size_exp = 0;

        if (strlen(symbol) >= sizeof(key->symbol) || strlen(venue) >= sizeof(key->venue)) {
                bad_line(publish, "symbol or venue is too long");
                return -EINVAL;
        }
        *key = (struct known){ .handle = 0 };
        strcpy(key->symbol, symbol);
        strcpy(key->venue, venue);
        place = tfind(key, &publish->known, compare);
        *known = place ? *place : NULL;
        if (*known)
                return 0;

        if (*exp && (!parse_integer(exp, &size_exp) || size_exp < -18 || size_exp > 18)) {
                bad_line(publish, "size_exp: \"%.64s\" is no number from -18 to 18", exp);
                return -EINVAL;
        }
        *definition = (struct md_instrument){ .close_px = MD_PX_NONE };
        strcpy(definition->symbol, symbol);
        strcpy(definition->venue, venue);
        definition->size_exp = (int32_t)size_exp;
        key->size_exp = definition->size_exp;
        if (*lot && md_parse(lot, definition->size_exp, &definition->lot) < 0) {
                bad_line(publish, "lot: \"%.64s\" is no size", lot);
                return -EINVAL;
        }
        return 0;
}

/* Defines what find() did not know. NULL: the line has been named; or *r says that nothing more can be
 * done. */
static struct known *define(struct publish *publish, struct known *key,
                            const struct md_instrument *definition, int *r) {
        struct known *known;

        do
                *r = md_publisher_define(publish->publisher, definition, &key->handle);
        while (*r == -EPIPE && (*r = come_back(publish)) == 0);
        if (*r == -EINVAL || *r == -EEXIST || *r == -ENOSPC || *r == -EPERM) {
                bad_line(publish, "%s", md_publisher_error(publish->publisher));
                *r = 0;
                return NULL;
        }
        known = *r < 0 ? NULL : malloc(sizeof(*known));
        if (!known || !(*known = *key, tsearch(known, &publish->known, compare))) {
                free(known);
                *r = *r < 0 ? *r : -ENOMEM;
                return NULL;
        }
        return known;
}

/* ---- ticks ---- */

/* The text of a field in a row; px and sz of a trade have friendlier names, too. */
static const char *field_text(const struct row *row, unsigned kind, const struct field *field) {
        const char *text = value_of(row, field->name);

        if (!*text && kind == MD_TRADE && !strcmp(field->name, "px"))
                return value_of(row, "price");
        if (!*text && kind == MD_TRADE && !strcmp(field->name, "sz"))
                return value_of(row, "size");
        return text;
}

/* Sets a field from its text; NULL, or what the text should have been. */
static const char *set(struct md_tick *tick, const struct field *field, const char *text,
                       int size_exp) {
        char *at = (char *)&tick->u + field->offset;
        int64_t value;
        int exp = 0;

        switch (field->unit) {
        case FIELD_CHAR:
        case FIELD_TEXT:
                if (strlen(text) > field->size)
                        return field->size == 1 ? "one character" : "so short a text";
                memcpy(at, text, strlen(text));
                return NULL;
        case FIELD_PRICE:
                exp = -9;
                break;
        case FIELD_SIZE:
                exp = size_exp;
                break;
        case FIELD_MONEY:
                exp = -4;
                break;
        default:
                break;
        }
        if (md_parse(text, exp, &value) < 0)
                return field->unit == FIELD_PRICE  ? "a price: a decimal with at most 9 places"
                       : field->unit == FIELD_SIZE ? "a size, in units of the instrument"
                                                   : "a number";
        if (field->size < sizeof(value) && (value < 0 || value >= INT64_C(1) << 8 * field->size))
                return "a number that fits";
        memcpy(at, &value, field->size);
        return NULL;
}

/* Whether this kind is the first of those wanted that has a field of that name. */
static bool owns(unsigned kind, const char *name, uint32_t kinds) {
        for (unsigned k = 0; k <= kind; k++) {
                const struct field *field = NULL;

                while (kinds >> k & 1 && field_next(k, &field))
                        if (!strcmp(field->name, name))
                                return k == kind;
        }
        return false;
}

/* Makes the tick of that kind, but for its instrument: 1; 0 where the row says nothing of it; -EINVAL: the
 * line was named. */
static int make(struct publish *publish, const struct row *row, int size_exp, unsigned kind,
                uint32_t kinds, struct md_tick *tick) {
        const struct field *field = NULL;
        const char *wrong;
        int any = 0;

        memset(tick, 0, sizeof(*tick));
        tick->kind = (uint16_t)kind;
        tick->flags = MD_FLAG_LAST;
        while (field_next(kind, &field)) {
                const char *text = field_text(row, kind, field), *wanted;

                if (field->unit == FIELD_PRICE)
                        memcpy((char *)&tick->u + field->offset, &(int64_t){ MD_PX_NONE },
                               sizeof(int64_t));
                if (!*text)
                        continue;
                wanted = set(tick, field, text, size_exp);
                if (wanted) {
                        bad_line(publish, "%s: \"%.64s\" is not %s", field->name, text, wanted);
                        return -EINVAL;
                }
                any |= owns(kind, field->name, kinds);
        }
        wrong = any ? valid_tick(tick) : NULL;
        if (wrong) {
                bad_line(publish, "%s", wrong);
                return -EINVAL;
        }
        return any;
}

/* A trade that does not say what the session has traded so far: we know what we put. One without a price
 * begins a session. */
static void add_volume(const struct row *row, struct known *known, struct md_tick *tick) {
        if (*value_of(row, "volume") || tick->u.trade.px == MD_PX_NONE)
                known->volume = tick->u.trade.volume;
        else if (__builtin_add_overflow(known->volume, tick->u.trade.sz, &known->volume))
                known->volume = INT64_MAX;
        tick->u.trade.volume = known->volume;
}

/* The kinds that a row may make: all that can be published, or the one that it names. */
static uint32_t kinds_of(struct publish *publish, const struct row *row) {
        const char *name = value_of(row, "kind");
        uint32_t all = fields_kinds() & ~(UINT32_C(1) << MD_SYSTEM);

        if (!*name)
                return all;
        for (unsigned kind = 0; kind < FIELDS_KINDS; kind++)
                if (all >> kind & 1 && !strcmp(md_kind_name(kind), name))
                        return UINT32_C(1) << kind;
        bad_line(publish, "kind: there is no \"%.64s\" to publish", name);
        return 0;
}

static int64_t now_ns(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Publishes what a row says, all of it or nothing. 0, also when it was bad; negative: nothing more can be
 * done. */
static int publish_row(struct publish *publish, const struct row *row) {
        const char *ts = value_of(row, "ts_event");
        int64_t ts_event = now_ns(CLOCK_REALTIME);
        uint32_t kinds = kinds_of(publish, row);
        struct md_tick ticks[FIELDS_KINDS];
        struct md_instrument definition;
        struct known key, *known;
        unsigned n = 0;
        int r;

        if (!kinds)
                return 0;
        if (*ts && !parse_integer(ts, &ts_event)) {
                bad_line(publish, "ts_event: \"%.64s\" is no number of nanoseconds", ts);
                return 0;
        }
        if (find(publish, row, &key, &definition, &known) < 0)
                return 0;
        for (unsigned kind = 0; kind < FIELDS_KINDS; kind++) {
                if (!(kinds >> kind & 1))
                        continue;
                r = make(publish, row, known ? known->size_exp : key.size_exp, kind, kinds,
                         &ticks[n]);
                if (r < 0)
                        return 0;
                n += (unsigned)r;
        }
        if (!n) {
                bad_line(publish, "it has nothing to publish: no price, no bid_px, ...");
                return 0;
        }
        if (!known)
                known = define(publish, &key, &definition, &r);
        if (!known)
                return r;
        for (unsigned i = 0; i < n; i++) {
                ticks[i].instrument = known->handle;
                ticks[i].ts_event = ts_event;
                if (ticks[i].kind == MD_TRADE)
                        add_volume(row, known, &ticks[i]);
                r = put(publish, &ticks[i]);
                if (r < 0)
                        return r;
        }
        publish->any = true;
        return 0;
}

/* ---- the command ---- */

/* Names what no kind has a use for, once: a column that is misspelt would be missed silently. */
static void check_names(struct publish *publish, const struct row *row) {
        static const char *const others[] = { "symbol", "venue", "kind",     "ts_event",
                                              "price",  "size",  "size_exp", "lot" };

        for (size_t i = 0; i < row->n; i++) {
                bool used = false;

                for (size_t k = 0; k < N_ELEMENTS(others); k++)
                        used = used || !strcmp(row->names[i], others[k]);
                for (unsigned kind = 0; kind < FIELDS_KINDS; kind++)
                        used = used || owns(kind, row->names[i], UINT32_C(1) << kind);
                if (!used)
                        complain("%s: nothing is done with \"%.64s\"", publish->source,
                                 row->names[i]);
        }
}

/* Sleeps until the next row is due. */
static void keep_pace(struct publish *publish) {
        int64_t due;

        if (publish->mdctl->rate <= 0)
                return;
        due = publish->start_ns + (int64_t)((double)publish->done++ / publish->mdctl->rate * 1e9);
        if (due > now_ns(CLOCK_MONOTONIC)) {
                struct timespec when = { due / 1000000000, due % 1000000000 };

                while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
                        ;
        }
}

/* Every row, once through. */
static int publish_rows(struct publish *publish) {
        const struct row *row;
        bool checked = false;
        int r;

        for (;;) {
                r = rows_next(publish->rows, &row);
                if (r == ROWS_END)
                        return 0;
                if (r == ROWS_E_BAD) {
                        bad_line(publish, "%s", rows_why(publish->rows));
                        continue;
                }
                if (r < 0) {
                        complain("%s:%llu: %s", publish->source, rows_line(publish->rows),
                                 rows_why(publish->rows));
                        return r;
                }
                if (!checked && !publish->read)
                        check_names(publish, row);
                checked = true;
                keep_pace(publish);
                r = publish_row(publish, row);
                if (r < 0) {
                        complain("%s", md_publisher_error(publish->publisher));
                        return r;
                }
        }
}

static int run(struct publish *publish, FILE *stream) {
        int r;

        r = md_publisher_new(&publish->publisher);
        if (r == 0)
                r = rows_new(&publish->rows, stream);
        if (r < 0) {
                complain("%s", strerror(-r));
                return r;
        }
        md_publisher_set_name(publish->publisher, "mdctl-publish");
        r = md_publisher_connect(publish->publisher, publish->mdctl->socket, publish->feed);
        if (r < 0) {
                complain("%s", md_publisher_error(publish->publisher));
                return r;
        }
        publish->start_ns = now_ns(CLOCK_MONOTONIC);
        do {
                rows_rewind(publish->rows);
                publish->any = false;
                r = publish_rows(publish);
                if (publish->read < rows_line(publish->rows))
                        publish->read = rows_line(publish->rows);
        } while (r == 0 && publish->mdctl->loop && publish->any);
        if (r == 0 && publish->mdctl->loop && !publish->any) {
                complain(
                        "%s: there is no row to put again; --loop needs a file that has some and can "
                        "be read again",
                        publish->source);
                r = -EINVAL;
        }
        if (r == 0) {
                do
                        r = md_publisher_drain(publish->publisher, -1);
                while (r == -EPIPE && (r = come_back(publish)) == 0);
                if (r < 0)
                        complain("%s", md_publisher_error(publish->publisher));
        }
        if (publish->bad)
                complain("%s: %llu lines could not be used", publish->source, publish->bad);
        return r < 0 ? r : publish->bad ? -EINVAL : 0;
}

int command_publish(struct mdctl *mdctl) {
        const char *path = mdctl->n_args > 1 ? mdctl->args[1] : "-";
        bool standard = !strcmp(path, "-");
        struct publish publish = {
                .mdctl = mdctl,
                .feed = mdctl->args[0],
                .source = standard ? "stdin" : path,
        };
        FILE *stream = standard ? stdin : fopen(path, "re");
        int r;

        if (!stream) {
                complain("cannot open %s: %s", path, strerror(errno));
                return -errno;
        }
        if (standard && mdctl->loop) {
                complain("--loop needs a file that can be read again");
                return -EINVAL;
        }
        r = run(&publish, stream);
        tdestroy(publish.known, free);
        rows_free(publish.rows);
        md_publisher_free(publish.publisher);
        if (!standard)
                fclose(stream);
        return r;
}
