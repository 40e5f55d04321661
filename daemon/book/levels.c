/* The price levels of one side of one instrument; levels.h tells the idea. */

#include "book/levels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 8
#define WALK         16 /* places that are walked back before the rest is halved */

void levels_deinit(struct levels *levels) {
        free(levels->keys);
        *levels = (struct levels){ 0 };
}

/* How many of the first `n` keys are not above `key`. */
static uint32_t halve(const int64_t *keys, uint32_t n, int64_t key) {
        uint32_t from = 0;

        while (n > 0) {
                uint32_t half = n / 2;

                if (keys[from + half] <= key) {
                        from += half + 1;
                        n -= half + 1;
                } else {
                        n = half;
                }
        }
        return from;
}

/* How many keys are not above `key`; if it is there, it is the last of these. */
static inline uint32_t seek(const struct levels *levels, int64_t key) {
        const int64_t *keys = levels->keys;
        uint32_t n = levels->n, stop = n > WALK ? n - WALK : 0;

        while (n > stop && keys[n - 1] > key)
                n--;
        return n > stop || !stop ? n : halve(keys, stop, key);
}

static inline bool is_there(const struct levels *levels, uint32_t end, int64_t key) {
        return end > 0 && levels->keys[end - 1] == key;
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

/* Makes room for a level at that place of the array. */
__attribute__((noinline)) static int insert(struct levels *levels, uint32_t at, int64_t key) {
        struct level *level;
        uint32_t behind = levels->n - at;
        int r;

        if (levels->n == levels->capacity) {
                if (levels->n == LEVELS_MAX)
                        return -ENOSPC;
                r = resize(levels, levels->capacity ? 2u * levels->capacity : CAPACITY_MIN);
                if (r < 0)
                        return r;
        }
        level = levels_get(levels, at);
        memmove(levels->keys + at + 1, levels->keys + at, behind * sizeof(int64_t));
        memmove(level + 1, level, behind * sizeof(*level));
        levels->keys[at] = key;
        *level = (struct level){ 0 };
        levels->n++;
        return 0;
}

__attribute__((noinline)) static void take_away(struct levels *levels, uint32_t at) {
        struct level *level = levels_get(levels, at);
        uint32_t behind = levels->n - at - 1;

        memmove(levels->keys + at, levels->keys + at + 1, behind * sizeof(int64_t));
        memmove(level, level + 1, behind * sizeof(*level));
        levels->n--;
        if (levels->n < levels->capacity / 4 && levels->capacity > CAPACITY_MIN)
                resize(levels, levels->capacity / 2); /* if it cannot, it remains as it is */
}

int levels_add(struct levels *levels, int64_t key, int64_t sz) {
        uint32_t end = seek(levels, key);
        struct level *level;
        int r;

        if (!is_there(levels, end, key)) {
                r = insert(levels, end, key);
                if (r < 0)
                        return r;
                end++;
        }
        level = levels_get(levels, end - 1);
        level->sz += sz;
        level->orders++;
        levels->orders++;
        return (int)(levels->n - end);
}

int levels_take(struct levels *levels, int64_t key, int64_t sz, uint32_t orders) {
        uint32_t end = seek(levels, key);
        struct level *level;
        int place;

        if (!is_there(levels, end, key))
                return -ENOENT;
        place = (int)(levels->n - end);
        level = levels_get(levels, end - 1);
        level->sz -= sz;
        level->orders -= orders;
        levels->orders -= orders;
        if (!level->orders)
                take_away(levels, end - 1);
        return place;
}

int levels_set(struct levels *levels, int64_t key, int64_t sz) {
        uint32_t end = seek(levels, key);
        int r, place;

        if (!is_there(levels, end, key)) {
                if (!sz)
                        return -ENOENT;
                r = insert(levels, end, key);
                if (r < 0)
                        return r;
                end++;
        }
        place = (int)(levels->n - end);
        if (sz)
                levels_get(levels, end - 1)->sz = sz;
        else
                take_away(levels, end - 1);
        return place;
}
