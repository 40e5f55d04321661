#pragma once

/* For tests of shared memory: ticks that show whether they are whole, and a place to keep them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "shm/table.h"

static inline uint64_t tick_mix(uint64_t n) {
        n = (n ^ (n >> 31)) * UINT64_C(0x9e3779b97f4a7c15);
        return n ^ (n >> 29);
}

/* Every word of it follows from its number, place and `salt`. */
static inline struct md_tick tick_make(uint64_t seq, uint32_t instrument, unsigned kind,
                                       uint64_t salt) {
        struct md_tick tick = {
                .seq = seq,
                .instrument = instrument,
                .kind = (uint16_t)kind,
                .flags = (uint16_t)tick_mix(seq + salt),
                .ts_event = (int64_t)tick_mix(seq + salt + 1),
                .ts_recv = (int64_t)tick_mix(seq + salt + 2),
        };

        for (unsigned i = 0; i < 4; i++)
                tick.u.word[i] = (int64_t)tick_mix(seq + salt + 3 + i);
        return tick;
}

static inline bool tick_whole(const struct md_tick *tick, uint64_t salt) {
        struct md_tick expected = tick_make(tick->seq, tick->instrument, tick->kind, salt);

        return !memcmp(tick, &expected, sizeof(expected));
}

/* What line_write() does, up to its n-th store: a writer that was stopped there. */
#define LINE_STORES (LINE_WORDS + 1)

static inline void line_write_part(struct line *line, const struct md_tick *tick, unsigned n) {
        uint64_t word[LINE_WORDS];

        memcpy(word, tick, sizeof(word));
        if (n > 0)
                atomic_store(&line->word[0], word[0] | LINE_BUSY);
        for (unsigned i = 1; i < LINE_WORDS && i < n; i++)
                atomic_store(&line->word[i], word[i]);
        if (n == LINE_STORES)
                atomic_store(&line->word[0], word[0]);
}

/* Zeros, which a child shares. */
static inline struct line *lines_new(size_t n) {
        struct line *lines = mmap(NULL, n * sizeof(*lines), PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        assert_true(lines != MAP_FAILED);
        return lines;
}

static inline void lines_free(struct line *lines, size_t n) {
        munmap(lines, n * sizeof(*lines));
}
