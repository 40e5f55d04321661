#pragma once

/*
 * Which instrument a venue's symbol is
 *
 * The feed's own way from the eight bytes in a message to an index: an open-addressing table, half
 * empty at least, so that most look-ups touch one cache line. It only grows, up to the capacity that
 * it was made for.
 *
 * Some venues give each instrument a number for the day, its locate, and say the symbol in a few messages
 * only. What a locate means is learnt from those, and kept in a plain array.
 */

#include <stdint.h>

#define SYMBOLS_NONE UINT32_MAX

struct symbols_slot {
        uint64_t symbol; /* 0: empty; no symbol is all zeros */
        uint32_t instrument;
};

struct symbols {
        struct symbols_slot *slots;
        uint64_t mask;
        uint32_t used, capacity;
        uint32_t
                *located; /* instrument + 1 by locate, 0: unknown; NULL: no locate was learnt yet */
};

/* -ENOMEM. */
int symbols_init(struct symbols *symbols, uint32_t capacity);
void symbols_deinit(struct symbols *symbols);

/* The number of the slot in which a search for that symbol begins. */
static inline uint64_t symbols_home(const struct symbols *symbols, uint64_t symbol) {
        return (symbol * UINT64_C(0x9e3779b97f4a7c15) >> 32) & symbols->mask;
}

/* Has the processor fetch that slot. Always inline: a compiler that looks at it by itself sees a
 * function that does nothing, and leaves out the call. */
__attribute__((always_inline)) static inline void symbols_prefetch(const struct symbols *symbols,
                                                                   uint64_t symbol) {
        __builtin_prefetch(&symbols->slots[symbols_home(symbols, symbol)]);
}

/* SYMBOLS_NONE where it is not known. */
uint32_t symbols_find(const struct symbols *symbols, uint64_t symbol);

/* A symbol that is not there yet. Past the capacity it is not kept, and has to be asked for again. */
void symbols_add(struct symbols *symbols, uint64_t symbol, uint32_t instrument);

/* The instrument of a locate; SYMBOLS_NONE where it is not known. */
static inline uint32_t symbols_at(const struct symbols *symbols, uint16_t locate) {
        return symbols->located ? symbols->located[locate] - 1 : SYMBOLS_NONE;
}

/* Learns what a locate means. Without memory it is not kept, and has to be learnt again. */
void symbols_locate(struct symbols *symbols, uint16_t locate, uint32_t instrument);

/* Another day: locates mean nothing any more. */
void symbols_forget_locates(struct symbols *symbols);
