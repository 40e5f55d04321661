#pragma once

/*
 * Price levels as a sorted array, the best one last
 *
 * For the levels of a side that do not lie near its best price (side.h): there may be many, and
 * little happens to them. They are found by halving, and kept in order by moving those that are
 * better.
 *
 * Prices are given as keys that are the larger the better: the price itself for bids, its negative
 * for offers. They stand apart from sizes, eight to a cache line, for keys alone are looked at on
 * the way.
 *
 * Memory follows the number of levels: it doubles when it is full, and is halved when three
 * quarters are unused. There are at most LEVELS_MAX of them, so that nobody can make a single
 * change move megabytes.
 */

#include <stdbool.h>
#include <stdint.h>

#define LEVELS_MAX 32768

struct level {
        int64_t sz;
        uint32_t orders;
};

struct levels {
        int64_t *keys; /* `capacity` of them, and behind them as many struct level; NULL: none */
        uint16_t n;
        uint16_t capacity; /* a power of two */
};

void levels_deinit(struct levels *levels);

static inline struct level *levels_get(const struct levels *levels, uint32_t i) {
        return (struct level *)(void *)(levels->keys + levels->capacity) + i;
}

/* The level of that key, NULL if there is none. It stays where it is until another comes or goes.
 * */
struct level *levels_find(const struct levels *levels, int64_t key);

/* Makes a level that is not there yet, empty. NULL and *r: -ENOMEM; -ENOSPC: there are too many. */
struct level *levels_insert(struct levels *levels, int64_t key, int *r);

/* Takes away one that levels_find() has found. */
void levels_remove(struct levels *levels, struct level *level);
