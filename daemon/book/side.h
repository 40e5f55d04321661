#pragma once

/*
 * One side of the ladder of an instrument
 *
 * Nearly all orders come within a few hundred ticks of the best price: 99 in a hundred of a recorded
 * slice of ITCH. So the levels there stand in a window: a plain array with a place for each price, in
 * which a level is found by computing where it is. Nothing is searched, nothing is moved when a level
 * comes or goes, and no branch is taken that depends on which level it is. What does not lie in the
 * window, or between two of its prices, is among the rest, a sorted array (levels.h).
 *
 * A price is given as a key that is the larger the better: the price itself for bids, its negative
 * for offers. The step between two places is a power of ten, 2^d * 5^d. Dividing by it is a
 * rotation by d bits and a multiplication by the inverse of 5^d modulo 2^64. Both can be undone, so
 * no two keys come out alike; and as the prices of the window come out as the numbers of their
 * places, whatever else there is comes out as none of them.
 *
 * A place holds size and number of orders in one word: an order comes or goes by one addition.
 * Which groups of places have levels is kept in one word, too, which may say yes too often, and
 * never no wrongly; it finds the next best level when the best one goes.
 *
 * What happens outside the window is counted. When it was much, the window is made anew around the
 * best price, twice as large if it can be. A side that is used little has a small window or none:
 * it takes 512 bytes to 4 KiB.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "book/levels.h"
#include "event.h"

#define SIDE_WINDOW_MIN 64
#define SIDE_WINDOW_MAX 512
#define SIDE_GROUPS     64 /* bits of the summary */

/* The word of a place: the size, and above it the number of orders. A level of a venue that does
 * not speak of orders counts as one. */
#define SIDE_ORDER   (UINT64_C(1) << 40)
#define SIDE_SZ_MASK (SIDE_ORDER - 1)

/* The largest step is 10^16: a window of such is not as wide as all prices are. */
#define SIDE_DECIMALS_MAX 16
extern const int64_t side_steps[SIDE_DECIMALS_MAX + 1]; /* by decimals */

struct side {
        _Alignas(64) uint64_t *window; /* `size` places; NULL: none yet */
        int64_t base;                  /* key of the first place; the last one has a key, too */
        uint64_t inverse;              /* of the odd part of the step */
        uint64_t summary;              /* bit g: there may be a level in group g */
        uint16_t top;                  /* one more than the place of the best level in the window */
        uint16_t size;                 /* a power of two; 0: no window */
        uint8_t group_shift;           /* from a place to its group */
        uint8_t decimals;              /* the step is 10 to that power */
        uint16_t n;                    /* levels in the window */
        uint32_t orders;               /* on all levels */
        uint32_t strays;               /* changes outside the window since it was made */
        struct levels rest;
};

_Static_assert(sizeof(struct side) == 64, "a cache line");

/* A side of zeros is an empty one, and becomes one again. */
void side_deinit(struct side *side);

static inline uint32_t side_levels(const struct side *side) {
        return side->n + (uint32_t)side->rest.n;
}

/* Copies the best levels, at most `max`, their keys as prices; returns how many. */
uint32_t side_copy(const struct side *side, struct md_level *levels, uint32_t max);

/* For the functions below: what is not in the window, and the search for the best level in it. */
int side_stray_add(struct side *side, int64_t key, uint32_t sz, bool *touched);
void side_stray_take(struct side *side, int64_t key, uint32_t sz, bool whole);
int side_stray_set(struct side *side, int64_t key, uint32_t sz, bool *touched);
void side_find_best(struct side *side);

static inline int64_t side_key(const struct side *side, uint32_t place) {
        return side->base + place * side_steps[side->decimals];
}

/* The key and size of the best level; false: there is none. */
static inline bool side_best(const struct side *side, int64_t *key, int64_t *sz) {
        uint32_t n = side->rest.n;

        if (side->top) {
                *key = side_key(side, side->top - 1u);
                *sz = (int64_t)(side->window[side->top - 1] & SIDE_SZ_MASK);
                if (!n || side->rest.keys[n - 1] < *key)
                        return true;
        }
        if (!n)
                return false;
        *key = side->rest.keys[n - 1];
        *sz = levels_get(&side->rest, n - 1)->sz;
        return true;
}

/* Whether a word has no room for one more order of that size. */
static inline bool side_is_full(uint64_t word, uint32_t sz) {
        return (word & SIDE_SZ_MASK) + sz > SIDE_SZ_MASK || word > UINT64_MAX - SIDE_ORDER;
}

/* The place of a key; not less than the window's size if it has none. */
static inline uint64_t side_place(const struct side *side, int64_t key) {
        uint64_t away = (uint64_t)key - (uint64_t)side->base;
        unsigned turn = side->decimals;

        return (away >> turn | away << (-turn & 63)) * side->inverse;
}

/*
 * What follows says in *touched whether the best level may be another one now, or the same with
 * another size; it is left as it is where that is not so.
 */

/* An order comes. -ENOMEM; -ENOSPC: there are too many levels, or too much at this one. Nothing has
 * changed then. */
static inline int side_add(struct side *side, int64_t key, uint32_t sz, bool *touched) {
        uint64_t place = side_place(side, key), old;

        if (__builtin_expect(place >= side->size, 0))
                return side_stray_add(side, key, sz, touched);
        old = side->window[place];
        if (__builtin_expect(side_is_full(old, sz), 0))
                return -ENOSPC;
        side->window[place] = old + SIDE_ORDER + sz;
        side->summary |= UINT64_C(1) << (place >> side->group_shift);
        side->n += !old;
        side->orders++;
        if (place + 1 >= side->top) {
                side->top = (uint16_t)(place + 1);
                *touched = true;
        }
        return 0;
}

/* An order loses `sz`; `whole`: it goes. It has come before. */
static inline void side_take(struct side *side, int64_t key, uint32_t sz, bool whole,
                             bool *touched) {
        uint64_t place = side_place(side, key), left;

        if (__builtin_expect(place >= side->size, 0)) {
                *touched = true;
                side_stray_take(side, key, sz, whole);
                return;
        }
        left = side->window[place] - sz - (whole ? SIDE_ORDER : 0);
        side->window[place] = left;
        side->n -= !left;
        side->orders -= whole;
        if (place + 1 == side->top) {
                *touched = true;
                if (!left)
                        side_find_best(side);
        }
}

/* What there is at a price now; 0: nothing. -ENOENT: there was nothing, and is nothing; and as
 * above. */
static inline int side_set(struct side *side, int64_t key, uint32_t sz, bool *touched) {
        uint64_t place = side_place(side, key), old, new = sz ? sz + SIDE_ORDER : 0;

        if (__builtin_expect(place >= side->size, 0))
                return side_stray_set(side, key, sz, touched);
        old = side->window[place];
        if (!old && !new)
                return -ENOENT;
        side->window[place] = new;
        side->summary |= UINT64_C(1) << (place >> side->group_shift);
        side->n += !old;
        side->n -= !new;
        if (place + 1 < side->top)
                return 0;
        *touched = true;
        side->top = (uint16_t)(place + 1);
        if (!new)
                side_find_best(side);
        return 0;
}
