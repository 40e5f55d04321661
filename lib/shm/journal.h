#pragma once

/*
 * The journal: the stream of the last 2^k ticks of all instruments
 *
 * A ring of lines. Tick number n stands in line n mod size, from the moment it is written until
 * tick n + size is begun. The journal is written before the table, so it is the table's write-ahead
 * log: whatever the table is in the middle of stands whole here.
 *
 * The writer never looks at a reader's cursor; a reader that is too slow is lapped, and learns so
 * from the number it finds in the line: smaller than its cursor, the tick is not there yet; equal,
 * there it is; larger, it is gone. A line that is BUSY with the reader's own number is one that is
 * being written, or was when the writer died: nothing new yet. No reader waits for a writer.
 */

#include "shm/line.h"

struct journal {
        struct line *lines;
        uint64_t size; /* a power of two */
};

enum {
        JOURNAL_OK = 0,
        JOURNAL_EMPTY,  /* not written yet */
        JOURNAL_LAPPED, /* overwritten already */
};

static inline struct line *journal_line(const struct journal *journal, uint64_t seq) {
        return &journal->lines[seq & (journal->size - 1)];
}

static inline void journal_write(struct journal *journal, const struct md_tick *tick) {
        line_write(journal_line(journal, tick->seq), tick);
}

/* Whether tick number `seq` is there, without copying it: one of the three outcomes above. */
static inline int journal_look(const struct journal *journal, uint64_t seq) {
        uint64_t s = line_seq(journal_line(journal, seq));

        if (s == seq)
                return JOURNAL_OK;
        s &= ~LINE_BUSY;
        return s > seq ? JOURNAL_LAPPED : JOURNAL_EMPTY;
}

/* Copies tick number `seq`. One of the three outcomes; *tick is defined only with JOURNAL_OK. */
static inline int journal_read(const struct journal *journal, uint64_t seq, struct md_tick *tick) {
        int r;

        r = journal_look(journal, seq);
        if (r != JOURNAL_OK)
                return r;
        /* a line that held our number and no longer does can only hold a later one */
        return line_copy(journal_line(journal, seq), seq, tick) ? JOURNAL_OK : JOURNAL_LAPPED;
}

/* The oldest number that can still stand whole when `newest` is the newest one: the line of
 * newest + 1 may be under the writer's pen already. */
static inline uint64_t journal_oldest(const struct journal *journal, uint64_t newest) {
        return newest >= journal->size ? newest - journal->size + 2 : 1;
}
