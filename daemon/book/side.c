/* One side of a ladder; side.h tells the idea. */

#include "book/side.h"

#include <stdlib.h>
#include <string.h>

void side_deinit(struct side *side) {
        free(side->window);
        levels_deinit(&side->rest);
        *side = (struct side){ 0 };
}

/* ---- steps ---- */

const int64_t side_steps[SIDE_DECIMALS_MAX + 1] = {
        1,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
};

_Static_assert(SIDE_WINDOW_MAX < INT64_MAX / INT64_C(10000000000000000), "all windows fit");

/* The inverse of 5 to that power modulo 2^64. Newton's iteration: each round doubles the bits that
 * are right, of which an odd number has three to begin with. */
static uint64_t inverse_of(unsigned decimals) {
        uint64_t odd = (uint64_t)side_steps[decimals] >> decimals, inverse = odd;

        for (unsigned bits = 3; bits < 64; bits *= 2)
                inverse *= 2 - odd * inverse;
        return inverse;
}

static int64_t divide_down(int64_t a, int64_t b) {
        return a / b - (a % b < 0);
}

/* The key of the first place of a window of that many steps, around the best one. There is more
 * behind the best price than there will be before it. No place lies beyond the numbers that there
 * are: it would be that of a key at their other end. */
static int64_t choose_base(int64_t best, int64_t step, int64_t size) {
        int64_t least = INT64_MIN / step, most = INT64_MAX / step - (size - 1);
        int64_t at = divide_down(best, step), behind = size / 4 * 3;

        if (at < least + behind)
                return least * step;
        return (at - behind < most ? at - behind : most) * step;
}

/* ---- the best level ---- */

void side_find_best(struct side *side) {
        uint32_t end = side->top; /* no level is here or behind */

        while (side->summary) {
                unsigned group = 63u - (unsigned)__builtin_clzll(side->summary);
                uint32_t first = group << side->group_shift;
                uint32_t next = (group + 1) << side->group_shift;

                if (end > next)
                        end = next;
                while (end > first && !side->window[end - 1])
                        end--;
                if (end > first) {
                        side->top = (uint16_t)end;
                        return;
                }
                side->summary &= ~(UINT64_C(1) << group);
        }
        side->top = 0;
}

static struct md_level level_of_word(const struct side *side, uint32_t place) {
        uint64_t word = side->window[place];

        return (struct md_level){ side_key(side, place), (int64_t)(word & SIDE_SZ_MASK),
                                  word >> 40 };
}

static struct md_level level_of_rest(const struct side *side, uint32_t i) {
        const struct level *level = levels_get(&side->rest, i);

        return (struct md_level){ side->rest.keys[i], level->sz, level->orders };
}

uint32_t side_copy(const struct side *side, struct md_level *levels, uint32_t max) {
        uint32_t n = 0, end = side->top, rest = side->rest.n;

        while (n < max) {
                bool near;

                while (end && !side->window[end - 1])
                        end--;
                if (!end && !rest)
                        break;
                near = end && (!rest || side_key(side, end - 1) > side->rest.keys[rest - 1]);
                levels[n] = near ? level_of_word(side, --end) : level_of_rest(side, --rest);
                if (!side->orders)
                        levels[n].orders = 0;
                n++;
        }
        return n;
}

/* ---- a new window ---- */

/* All levels, the worst first; NULL without memory. */
static struct md_level *gather(const struct side *side, uint32_t *np) {
        uint32_t n = side_levels(side);
        struct md_level *levels = malloc((n + 1) * sizeof(*levels));

        if (!levels)
                return NULL;
        *np = side_copy(side, levels, n);
        for (uint32_t i = 0; i < n / 2; i++) {
                struct md_level swap = levels[i];

                levels[i] = levels[n - 1 - i];
                levels[n - 1 - i] = swap;
        }
        return levels;
}

/* The largest power of ten that nearly all prices are multiples of. */
static unsigned choose_decimals(const struct md_level *levels, uint32_t n) {
        for (unsigned decimals = SIDE_DECIMALS_MAX; decimals > 0; decimals--) {
                int64_t step = side_steps[decimals];
                uint32_t others = 0;

                for (uint32_t i = 0; i < n && others <= n / 8; i++)
                        others += levels[i].px % step != 0;
                if (others <= n / 8)
                        return decimals;
        }
        return 0;
}

/* Puts the levels, the worst first, into the window as far as they have a place there. */
static int fill(struct side *side, const struct md_level *levels, uint32_t n) {
        for (uint32_t i = 0; i < n; i++) {
                uint64_t place = side_place(side, levels[i].px);
                uint64_t orders = side->orders ? levels[i].orders : 1;
                struct level *level;
                int r;

                if (place < side->size) {
                        side->window[place] = (uint64_t)levels[i].sz + SIDE_ORDER * orders;
                        side->summary |= UINT64_C(1) << (place >> side->group_shift);
                        side->top = (uint16_t)(place + 1);
                        side->n++;
                        continue;
                }
                level = levels_insert(&side->rest, levels[i].px, &r);
                if (!level)
                        return r;
                *level = (struct level){ levels[i].sz, (uint32_t)orders };
        }
        return 0;
}

/* Makes the window anew around the best price. Without memory all stays as it was. */
static void recentre(struct side *side) {
        struct side new = { .orders = side->orders };
        struct md_level *levels;
        int64_t step;
        uint32_t n;

        side->strays = 0;
        levels = gather(side, &n);
        if (!levels)
                return;
        new.size = side->size < SIDE_WINDOW_MIN ? SIDE_WINDOW_MIN : side->size;
        if (side->size && side->size < SIDE_WINDOW_MAX)
                new.size = 2 * side->size;
        new.group_shift = (uint8_t)__builtin_ctz(new.size / SIDE_GROUPS);
        new.decimals = (uint8_t)choose_decimals(levels, n);
        new.inverse = inverse_of(new.decimals);
        step = side_steps[new.decimals];
        new.base = choose_base(levels[n - 1].px, step, new.size);
        new.window = aligned_alloc(64, new.size * sizeof(*new.window));
        if (new.window) {
                memset(new.window, 0, new.size * sizeof(*new.window));
                if (fill(&new, levels, n) == 0) {
                        side_deinit(side);
                        *side = new;
                } else {
                        side_deinit(&new);
                }
        }
        free(levels);
}

/* Counts a change outside the window. To make the window anew is worth as much work as the levels
 * are many. */
static void note_stray(struct side *side) {
        if (++side->strays > (side->size ? 32 : 4) + side_levels(side) / 4 && side_levels(side))
                recentre(side);
}

/* ---- what is not in the window ---- */

int side_stray_add(struct side *side, int64_t key, uint32_t sz, bool *touched) {
        struct level *level = levels_find(&side->rest, key);
        int r;

        if (!level) {
                level = levels_insert(&side->rest, key, &r);
                if (!level)
                        return r;
        }
        if (side_is_full((uint64_t)level->sz + SIDE_ORDER * level->orders, sz))
                return -ENOSPC;
        level->sz += sz;
        level->orders++;
        side->orders++;
        *touched = true;
        note_stray(side);
        return 0;
}

void side_stray_take(struct side *side, int64_t key, uint32_t sz, bool whole) {
        struct level *level = levels_find(&side->rest, key);

        level->sz -= sz;
        level->orders -= whole;
        side->orders -= whole;
        if (!level->orders)
                levels_remove(&side->rest, level);
        note_stray(side);
}

int side_stray_set(struct side *side, int64_t key, uint32_t sz, bool *touched) {
        struct level *level = levels_find(&side->rest, key);
        int r;

        if (!level && !sz)
                return -ENOENT;
        if (!level) {
                level = levels_insert(&side->rest, key, &r);
                if (!level)
                        return r;
        }
        if (sz)
                *level = (struct level){ .sz = sz, .orders = 1 };
        else
                levels_remove(&side->rest, level);
        *touched = true;
        note_stray(side);
        return 0;
}
