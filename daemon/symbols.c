/* Which instrument a venue's symbol is. */

#include "symbols.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

int symbols_init(struct symbols *symbols, uint32_t capacity) {
        uint64_t slots = 16;

        while (slots < 2 * (uint64_t)capacity)
                slots *= 2;
        *symbols = (struct symbols){
                .slots = calloc(slots, sizeof(struct symbols_slot)),
                .mask = slots - 1,
                .capacity = capacity,
        };
        return symbols->slots ? 0 : error_origin(-ENOMEM);
}

void symbols_deinit(struct symbols *symbols) {
        free(symbols->slots);
        free(symbols->located);
        *symbols = (struct symbols){ 0 };
}

/* The slot of a symbol, or the empty one where it would be. */
static struct symbols_slot *find_slot(const struct symbols *symbols, uint64_t symbol) {
        for (uint64_t i = symbols_home(symbols, symbol);; i = (i + 1) & symbols->mask)
                if (!symbols->slots[i].symbol || symbols->slots[i].symbol == symbol)
                        return &symbols->slots[i];
}

uint32_t symbols_find(const struct symbols *symbols, uint64_t symbol) {
        const struct symbols_slot *slot = find_slot(symbols, symbol);

        return slot->symbol ? slot->instrument : SYMBOLS_NONE;
}

void symbols_add(struct symbols *symbols, uint64_t symbol, uint32_t instrument) {
        struct symbols_slot *slot = find_slot(symbols, symbol);

        if (symbols->used == symbols->capacity)
                return;
        *slot = (struct symbols_slot){ symbol, instrument };
        symbols->used++;
}

void symbols_locate(struct symbols *symbols, uint16_t locate, uint32_t instrument) {
        if (!symbols->located)
                symbols->located = calloc(UINT16_MAX + 1, sizeof(*symbols->located));
        if (symbols->located)
                symbols->located[locate] = instrument + 1;
}

void symbols_forget_locates(struct symbols *symbols) {
        free(symbols->located);
        symbols->located = NULL;
}
