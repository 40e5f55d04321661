#pragma once

/*
 * For tests of recorded books: decoder and book, with the last tick of each kind where a daemon has
 * its table, and the files that say what there must be.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "book/book.h"
#include "decode/decoder.h"

#define WORLD_INSTRUMENTS 16384
#define WORLD_SLOTS       65536 /* a power of two */
#define WORLD_COLUMNS     32

struct world_instrument {
        uint64_t symbol;
        struct md_tick last[MD_PLACES];
        int64_t level_messages, level_ts;
};

struct world {
        const struct decoder *decoder;
        struct book *book;
        struct world_instrument instruments[WORLD_INSTRUMENTS];
        uint32_t n;
        uint32_t slots[WORLD_SLOTS];      /* instrument + 1 by symbol */
        uint32_t located[UINT16_MAX + 1]; /* instrument + 1 by locate */
        uint64_t counts[256];             /* messages by type */
        uint64_t messages, refused, packets;
};

static inline struct world *world_new(const struct decoder *decoder) {
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        world->decoder = decoder;
        assert_int_equal(book_new(&world->book, WORLD_INSTRUMENTS), 0);
        return world;
}

static inline void world_free(struct world *world) {
        book_free(world->book);
        free(world);
}

/* A session afresh: all is forgotten but which symbols there are. */
static inline void world_begin_afresh(struct world *world) {
        book_begin_afresh(world->book);
        memset(world->located, 0, sizeof(world->located));
        for (uint32_t i = 0; i < world->n; i++)
                world->instruments[i] =
                        (struct world_instrument){ .symbol = world->instruments[i].symbol };
}

static inline struct world_instrument *world_find(struct world *world, uint64_t symbol) {
        uint64_t slot = (symbol * UINT64_C(0x9e3779b97f4a7c15)) >> 48;

        for (;; slot = (slot + 1) % WORLD_SLOTS) {
                if (!world->slots[slot]) {
                        assert_true(world->n < WORLD_INSTRUMENTS);
                        world->slots[slot] = ++world->n;
                        world->instruments[world->n - 1].symbol = symbol;
                }
                if (world->instruments[world->slots[slot] - 1].symbol == symbol)
                        return &world->instruments[world->slots[slot] - 1];
        }
}

/* The instrument of an event, by its symbol or what its locate has come to mean; NULL: nobody knows. */
static inline struct world_instrument *world_meet(struct world *world, const struct event *event) {
        struct world_instrument *instrument;

        if (!event->symbol)
                return world->located[event->locate]
                               ? &world->instruments[world->located[event->locate] - 1]
                               : NULL;
        instrument = world_find(world, event->symbol);
        if (event->locate)
                world->located[event->locate] = (uint32_t)(instrument - world->instruments) + 1;
        return instrument;
}

static inline void world_take(struct world *world, const uint8_t *data, size_t size) {
        struct world_instrument *instrument;
        struct md_tick ticks[BOOK_TICKS];
        struct event event;
        unsigned n;

        world->messages++;
        world->counts[data[0]]++;
        if (world->decoder->decode(data, size, &event) != DECODE_OK) {
                world->refused++;
                return;
        }
        if (event.type == EVENT_SYSTEM || event.type == EVENT_NONE)
                return;
        instrument = world_meet(world, &event);
        if (!instrument) {
                book_stray(world->book, &event);
                return;
        }
        n = book_apply(world->book, (uint32_t)(instrument - world->instruments), &event, ticks);
        for (unsigned i = 0; i < n; i++)
                if (ticks[i].kind < MD_PLACES)
                        instrument->last[ticks[i].kind] = ticks[i];
        if (event.type == EVENT_LEVEL) {
                instrument->level_messages++;
                instrument->level_ts = event.ts_event;
        }
}

/* ---- what is expected ---- */

/* In 1e-4, as the files have it; 0 where there is none. */
static inline int64_t world_price(int64_t px) {
        if (px == MD_PX_NONE)
                return 0;
        assert_int_equal(px % (MD_PX_ONE / 10000), 0);
        return px / (MD_PX_ONE / 10000);
}

/* One value by the name of its column. What is not there yet is 0 in the files, and all zeros here. */
static inline int64_t world_value(struct world *world, const struct world_instrument *instrument,
                                  const char *column) {
        const struct book_stats *stats = book_stats(world->book);
        const struct md_tick *last = instrument->last;
        struct book_sides sides;

        book_look(world->book, (uint32_t)(instrument - world->instruments), 0, NULL, NULL, &sides);
        const struct {
                const char *column;
                int64_t value;
        } values[] = {
                { "bid_px_e4", world_price(last[MD_QUOTE].u.quote.bid_px) },
                { "bid_sz", last[MD_QUOTE].u.quote.bid_sz },
                { "ask_px_e4", world_price(last[MD_QUOTE].u.quote.ask_px) },
                { "ask_sz", last[MD_QUOTE].u.quote.ask_sz },
                { "last_px_e4", world_price(last[MD_TRADE].u.trade.px) },
                { "last_sz", last[MD_TRADE].u.trade.sz },
                { "last_trade_id", last[MD_TRADE].u.trade.trade_id },
                { "last_trade_ts_ns", last[MD_TRADE].ts_event },
                { "n_trades", last[MD_TOTALS].u.totals.trades },
                { "volume", last[MD_TRADE].u.trade.volume },
                { "n_breaks", last[MD_TOTALS].u.totals.breaks },
                { "broken_volume", last[MD_TOTALS].u.totals.broken_volume },
                { "trading_status", last[MD_STATUS].u.status.trading },
                { "n_quote_msgs", instrument->level_messages },
                { "last_quote_ts_ns", sides.ts_event },
                { "bid_levels", sides.bid_levels },
                { "ask_levels", sides.ask_levels },
                { "live_orders", sides.orders },
                { "unknown_ref_msgs", (int64_t)stats->unknown_refs },
                { "unknown_ref_execs", (int64_t)stats->unknown_executions },
                { "unknown_ref_exec_shares", (int64_t)stats->unknown_shares },
                { "nonprintable", (int64_t)stats->nonprintable },
        };

        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
                if (!strcmp(values[i].column, column))
                        return values[i].value;
        fail_msg("the column %s means nothing here", column);
        return 0;
}

static inline unsigned world_split(char *line, char *fields[WORLD_COLUMNS]) {
        unsigned n = 0;

        while (line && *line && *line != '\n') {
                assert_true(n < WORLD_COLUMNS);
                fields[n++] = strsep(&line, ",\n");
        }
        return n;
}

static inline void world_compare_row(struct world *world, char *const *columns, unsigned n,
                                     char *line) {
        uint64_t symbol = UINT64_C(0x2020202020202020);
        const struct world_instrument *instrument;
        char *fields[WORLD_COLUMNS];

        assert_int_equal(world_split(line, fields), n);
        assert_string_equal(columns[0], "symbol");
        assert_in_range(strlen(fields[0]), 1, 8);
        memcpy(&symbol, fields[0], strlen(fields[0]));
        instrument = world_find(world, symbol);

        for (unsigned i = 1; i < n; i++) {
                bool is_char = !strcmp(columns[i], "trading_status");
                int64_t expected = is_char ? fields[i][0] : atoll(fields[i]);

                if (!strcmp(columns[i], "locate"))
                        continue;
                if (world_value(world, instrument, columns[i]) != expected)
                        fail_msg("%s, %s: %lld, expected %s", fields[0], columns[i],
                                 (long long)world_value(world, instrument, columns[i]), fields[i]);
        }
}

/* Compares all instruments with a file; returns how many there are. */
static inline unsigned world_compare(struct world *world, const char *path) {
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        char header[512], line[512], *columns[WORLD_COLUMNS];
        unsigned n, rows = 0;

        if (!file)
                fail_msg("cannot open %s", path);
        assert_non_null(fgets(header, sizeof(header), file));
        n = world_split(header, columns);
        assert_true(n > 10);
        for (; fgets(line, sizeof(line), file); rows++)
                world_compare_row(world, columns, n, line);
        return rows;
}

/* Compares the counts of messages by type with a file, and returns their total. */
static inline uint64_t world_compare_counts(const struct world *world, const char *path) {
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        unsigned long long expected, total = 0;
        char line[128], name[32];

        if (!file)
                fail_msg("cannot open %s", path);
        assert_non_null(fgets(line, sizeof(line), file));
        assert_string_equal(line, "type,count\n");
        while (fgets(line, sizeof(line), file)) {
                assert_int_equal(sscanf(line, "%31[^,],%llu", name, &expected), 2);
                if (!strcmp(name, "TOTAL"))
                        assert_int_equal(world->messages, expected);
                if (name[1])
                        continue;
                if (world->counts[(unsigned char)name[0]] != expected)
                        fail_msg("messages %s: %llu, expected %llu", name,
                                 (unsigned long long)world->counts[(unsigned char)name[0]],
                                 expected);
                total += expected;
        }
        return total;
}

/* ---- where the files are ---- */

/* A path in the folder of recorded data; the buffer is this function's own, by turns. */
static inline const char *world_path(const char *name) {
        static char paths[4][4096];
        static unsigned turn;
        const char *folder = getenv("MDSHMD_TEST_DATA");
        char *path = paths[turn++ % 4];

        snprintf(path, sizeof(paths[0]), "%s/%s", folder ? folder : TEST_DATA, name);
        return path;
}
