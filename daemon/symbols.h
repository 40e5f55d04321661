#pragma once

/*
 * Which instrument a venue's symbol is
 *
 * The feed's own way from the eight bytes in a message to an index: an open-addressing table, half
 * empty at least, so that most look-ups touch one cache line. It only grows, up to the capacity that
 * it was made for.
 */

#include <stdint.h>

#define SYMBOLS_NONE UINT32_MAX

struct symbols {
        struct symbols_slot *slots;
        uint64_t mask;
        uint32_t used, capacity;
};

/* -ENOMEM. */
int symbols_init(struct symbols *symbols, uint32_t capacity);
void symbols_deinit(struct symbols *symbols);

/* SYMBOLS_NONE where it is not known. */
uint32_t symbols_find(const struct symbols *symbols, uint64_t symbol);

/* A symbol that is not there yet. Past the capacity it is not kept, and has to be asked for again. */
void symbols_add(struct symbols *symbols, uint64_t symbol, uint32_t instrument);
