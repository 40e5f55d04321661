/* The ladder of one instrument; ladder.h tells the idea. */

#include "book/ladder.h"

#include <string.h>

/* The key of a price: the larger the better. */
static inline int64_t key_of(bool ask, int64_t px) {
        return ask ? -px : px;
}

static inline void touch(struct ladder *ladder, bool ask, int place) {
        if (place == 0)
                ladder->marks |= 1u << ask;
}

void ladder_deinit(struct ladder *ladder) {
        levels_deinit(&ladder->side[LADDER_BID]);
        levels_deinit(&ladder->side[LADDER_ASK]);
        *ladder = (struct ladder){ 0 };
}

int ladder_add(struct ladder *ladder, bool ask, int64_t px, int64_t sz) {
        int place = levels_add(&ladder->side[ask], key_of(ask, px), sz);

        touch(ladder, ask, place);
        return place < 0 ? place : 0;
}

void ladder_take(struct ladder *ladder, bool ask, int64_t px, int64_t sz, bool whole) {
        touch(ladder, ask, levels_take(&ladder->side[ask], key_of(ask, px), sz, whole));
}

int ladder_set(struct ladder *ladder, bool ask, int64_t px, int64_t sz) {
        int place = levels_set(&ladder->side[ask], key_of(ask, px), sz);

        touch(ladder, ask, place);
        return place < 0 ? place : 0;
}

static void best_of(const struct levels *levels, bool ask, int64_t *px, int64_t *sz) {
        if (levels->n) {
                *px = key_of(ask, levels->keys[levels->n - 1]);
                *sz = levels_get(levels, levels->n - 1u)->sz;
        } else {
                *px = MD_PX_NONE;
                *sz = 0;
        }
}

bool ladder_show(struct ladder *ladder) {
        uint32_t sides = ladder->marks & LADDER_SHOWN ? ladder->marks : (uint32_t)LADDER_TOUCHED;
        struct md_quote *top = &ladder->top, old = *top;

        if (sides & LADDER_TOUCHED_BID)
                best_of(&ladder->side[LADDER_BID], false, &top->bid_px, &top->bid_sz);
        if (sides & LADDER_TOUCHED_ASK)
                best_of(&ladder->side[LADDER_ASK], true, &top->ask_px, &top->ask_sz);
        ladder->marks = (ladder->marks & ~(uint32_t)LADDER_TOUCHED) | LADDER_SHOWN;
        return !(sides & LADDER_SHOWN) || memcmp(&old, top, sizeof(old)) != 0;
}
