/* Price levels as a sorted array; levels.h tells the idea. */

#include "book/levels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 8

void levels_deinit(struct levels *levels) {
        free(levels->keys);
        *levels = (struct levels){ 0 };
}

/* How many keys are below `key`. */
static uint32_t seek(const struct levels *levels, int64_t key) {
        uint32_t from = 0, n = levels->n;

        while (n > 0) {
                uint32_t half = n / 2;

                if (levels->keys[from + half] < key) {
                        from += half + 1;
                        n -= half + 1;
                } else {
                        n = half;
                }
        }
        return from;
}

static int resize(struct levels *levels, uint32_t capacity) {
        struct levels to = *levels;

        /* whole cache lines, for the capacity is at least that of one */
        to.keys = aligned_alloc(64, capacity * (sizeof(int64_t) + sizeof(struct level)));
        if (!to.keys)
                return -ENOMEM;
        to.capacity = (uint16_t)capacity;
        if (levels->n) {
                memcpy(to.keys, levels->keys, levels->n * sizeof(int64_t));
                memcpy(levels_get(&to, 0), levels_get(levels, 0), levels->n * sizeof(struct level));
        }
        free(levels->keys);
        *levels = to;
        return 0;
}

struct level *levels_find(const struct levels *levels, int64_t key) {
        uint32_t at = seek(levels, key);

        return at < levels->n && levels->keys[at] == key ? levels_get(levels, at) : NULL;
}

struct level *levels_insert(struct levels *levels, int64_t key, int *r) {
        uint32_t at = seek(levels, key), behind = levels->n - at;
        struct level *level;

        if (levels->n == levels->capacity) {
                *r = levels->n < LEVELS_MAX
                             ? resize(levels, levels->n ? 2u * levels->n : CAPACITY_MIN)
                             : -ENOSPC;
                if (*r < 0)
                        return NULL;
        }
        level = levels_get(levels, at);
        memmove(levels->keys + at + 1, levels->keys + at, behind * sizeof(int64_t));
        memmove(level + 1, level, behind * sizeof(*level));
        levels->keys[at] = key;
        *level = (struct level){ 0 };
        levels->n++;
        return level;
}

void levels_remove(struct levels *levels, struct level *level) {
        uint32_t at = (uint32_t)(level - levels_get(levels, 0)), behind = levels->n - at - 1u;

        memmove(levels->keys + at, levels->keys + at + 1, behind * sizeof(int64_t));
        memmove(level, level + 1, behind * sizeof(*level));
        levels->n--;
        if (levels->n < levels->capacity / 4 && levels->capacity > CAPACITY_MIN)
                resize(levels, levels->capacity / 2); /* if it cannot, it remains as it is */
}
