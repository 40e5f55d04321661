#pragma once

/*
 * A line: one tick in shared memory
 *
 * Eight words, written by one thread of one process, read by anybody at any moment. The first word
 * is the tick's number; with LINE_BUSY set, the other seven are being written. All words are C11
 * atomics, so that a read during a write is no data race but merely a value that line_copy()
 * refuses:
 *
 *      writer                                  reader
 *      seq = n|BUSY          (release)         s = seq               (acquire)
 *      release fence                           words                 (relaxed)
 *      words                 (relaxed)         acquire fence
 *      seq = n               (release)         seq still s?          (acquire)
 *
 * If the reader copied one of the writer's words, the writer's fence and the reader's fence pair:
 * the second look at seq then sees n|BUSY or something later, never the old s. If it saw n at its
 * first look, the acquire pairs with the writer's last store, and every word is there. The first
 * store is a release, too: whoever sees n|BUSY here sees all that the writer did before, among it
 * the same tick whole in the journal (table.h). And the second look is an acquire: a reader that was
 * overtaken finds, wherever it looks next, all that the writer did before it overtook it.
 *
 * A writer killed half-way leaves BUSY behind. What readers do then is table.h's and journal.h's
 * matter; nobody ever waits for a line.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shm/tick.h"

#define LINE_WORDS 8
#define LINE_BUSY  MD_SEQ_BUSY

struct line {
        _Alignas(64) _Atomic uint64_t word[LINE_WORDS];
};

_Static_assert(sizeof(struct line) == 64, "a line is a cache line");
_Static_assert(sizeof(struct md_tick) == 64, "a tick fills a line");
_Static_assert(offsetof(struct md_tick, instrument) == 8 && offsetof(struct md_tick, kind) == 12 &&
                       offsetof(struct md_tick, flags) == 14 &&
                       __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the second word is flags, kind and instrument");
_Static_assert(sizeof(_Atomic uint64_t) == 8, "an atomic word is a word");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomic words need no lock");

/* The number with its BUSY bit; 0 where there never was a tick. */
static inline uint64_t line_seq(const struct line *line) {
        return atomic_load_explicit(&line->word[0], memory_order_acquire);
}

/*
 * The words of a tick in anybody's own memory. They are moved one by one, between the tick and the line
 * directly: a tick has mostly just been made, field by field, and a copy in larger pieces would wait
 * until those small stores have left the processor's store buffer. So the word that holds three fields is
 * put together from them.
 */
static inline uint64_t line_get_word(const struct md_tick *tick, unsigned i) {
        const volatile struct md_tick *apart = tick; /* lest the compiler joins what is read */
        uint64_t word;

        if (i == 1)
                return apart->instrument | (uint64_t)apart->kind << 32 |
                       (uint64_t)apart->flags << 48;
        memcpy(&word, (const char *)tick + i * sizeof(word), sizeof(word));
        return word;
}

static inline void line_set_word(struct md_tick *tick, unsigned i, uint64_t word) {
        memcpy((char *)tick + i * sizeof(word), &word, sizeof(word));
}

/* tick->seq is the number n, without BUSY. */
static inline void line_write(struct line *line, const struct md_tick *tick) {
        uint64_t n = tick->seq;

        atomic_store_explicit(&line->word[0], n | LINE_BUSY, memory_order_release);
        atomic_thread_fence(memory_order_release);
#pragma GCC unroll 8
        for (unsigned i = 1; i < LINE_WORDS; i++)
                atomic_store_explicit(&line->word[i], line_get_word(tick, i), memory_order_relaxed);
        atomic_store_explicit(&line->word[0], n, memory_order_release);
}

/* Copies the line if it holds tick number `seq` whole, as a look at line_seq() has just said. False
 * where it was overwritten meanwhile; *tick is then undefined. */
static inline bool line_copy(const struct line *line, uint64_t seq, struct md_tick *tick) {
        tick->seq = seq;
#pragma GCC unroll 8
        for (unsigned i = 1; i < LINE_WORDS; i++)
                line_set_word(tick, i, atomic_load_explicit(&line->word[i], memory_order_relaxed));
        atomic_thread_fence(memory_order_acquire);
        return atomic_load_explicit(&line->word[0], memory_order_acquire) == seq;
}
