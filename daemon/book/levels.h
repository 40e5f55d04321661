#pragma once

/*
 * The price levels of one side of one instrument
 *
 * A sorted array, the best level last: nearly all that happens, happens near the best price, so a
 * level is found by walking a few places back from the end, and one that comes or goes moves a few
 * places only. What lies far from the end is found by halving. Prices stand apart from sizes, eight
 * to a cache line, for prices alone are looked at on the way.
 *
 * The side is told by the caller, who gives each price as a key that is the larger the better: the
 * price itself for bids, its negative for offers.
 *
 * Memory follows the number of levels: it doubles when it is full, and is halved when three quarters
 * are unused. A side has at most LEVELS_MAX levels, so that nobody can make a single change move
 * megabytes.
 */

#include <stdbool.h>
#include <stdint.h>

#define LEVELS_MAX 32768

struct level {
        int64_t sz;
        uint32_t orders; /* 0 where the venue does not speak of orders */
};

struct levels {
        int64_t *keys;   /* `capacity` of them, and behind them as many struct level; NULL: none */
        uint32_t orders; /* of all levels */
        uint16_t n;
        uint16_t capacity; /* a power of two */
};

void levels_deinit(struct levels *levels);

static inline struct level *levels_get(const struct levels *levels, uint32_t i) {
        return (struct level *)(void *)(levels->keys + levels->capacity) + i;
}

/*
 * What follows returns the place of the level that it changed, counted from the best: 0 is the best one,
 * or the one that was the best until now.
 */

/* Adds an order. -ENOMEM, -ENOSPC: there are too many levels. */
int levels_add(struct levels *levels, int64_t key, int64_t sz);

/* Takes that size from a level, and `orders` orders with it; the last of them takes the level away.
 * -ENOENT: there is no such level. */
int levels_take(struct levels *levels, int64_t key, int64_t sz, uint32_t orders);

/* Sets the size of a level; 0 takes it away. -ENOENT: it was not there to be taken away; otherwise as
 * levels_add(). */
int levels_set(struct levels *levels, int64_t key, int64_t sz);
