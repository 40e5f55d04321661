#pragma once

/*
 * The table: the last tick of each kind of each instrument
 *
 * table[instrument][kind], a line each. Tick n goes first to the journal, then here:
 *
 *      1. journal[n mod size]: seq = n|BUSY; body; seq = n
 *      2. table[i][kind]:      seq = n|BUSY; body; seq = n
 *
 * A reader that finds the place BUSY with n takes the same tick from the journal, where step 1 has
 * put it whole. If it is not there any more, the writer has meanwhile made a whole lap, and the
 * place holds something newer: the reader looks again. So a failed round always means that the
 * writer made progress, and a writer that is stopped, swapped out or dead between any two
 * instructions keeps nobody waiting, and shows nobody a torn tick or one older than was seen before.
 *
 * A lap that leaves the place as it was cannot happen: the journal's line n is overwritten after
 * step 2 of tick n, by release stores, so whoever saw the overwriting sees the place finished. A
 * place that stays BUSY without its tick in the journal is therefore a damaged segment, and is
 * reported as such instead of being looked at for ever.
 *
 * In the stream a tick appears one step earlier than in the table. The writer that dies between the
 * steps leaves at most one place behind the journal; its successor writes it again (segment.c).
 */

#include <errno.h>
#include <stddef.h>

#include "shm/journal.h"

struct table {
        char *base;
        uint64_t count;  /* instruments */
        uint64_t stride; /* bytes per instrument; at least MD_PLACES lines */
};

static inline struct line *table_line(const struct table *table, uint32_t instrument,
                                      unsigned kind) {
        return (struct line *)(void *)(table->base + instrument * table->stride) + kind;
}

static inline void table_write(struct table *table, const struct md_tick *tick) {
        line_write(table_line(table, tick->instrument, tick->kind), tick);
}

/* The number of the newest tick in a place, 0 where there never was one. */
static inline uint64_t table_seq(const struct table *table, uint32_t instrument, unsigned kind) {
        return line_seq(table_line(table, instrument, kind)) & ~LINE_BUSY;
}

/*
 * Copies the newest tick of a place and returns 0; tick->seq is 0 where there never was one.
 * -EUCLEAN: the segment is damaged. `instrument` and `kind` are inside the table.
 */
static inline int table_read(const struct table *table, const struct journal *journal,
                             uint32_t instrument, unsigned kind, struct md_tick *tick) {
        const struct line *line = table_line(table, instrument, kind);
        uint64_t s, stuck = 0;

        for (;;) {
                s = line_seq(line);
                if (!(s & LINE_BUSY)) {
                        if (line_copy(line, s, tick))
                                return 0;
                        continue;
                }
                if (journal_read(journal, s & ~LINE_BUSY, tick) == JOURNAL_OK)
                        return 0;
                if (s == stuck)
                        return -EUCLEAN;
                stuck = s;
        }
}
