/* One side of a ladder keeps each level, in its window or not, wherever the market goes. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "book/side.h"

#define CENT (MD_PX_ONE / 100)

static bool add(struct side *side, int64_t key, uint32_t sz) {
        bool touched = false;

        assert_int_equal(side_add(side, key, sz, &touched), 0);
        return touched;
}

static bool take(struct side *side, int64_t key, uint32_t sz, bool whole) {
        bool touched = false;

        side_take(side, key, sz, whole, &touched);
        return touched;
}

static void expect_best(const struct side *side, int64_t key, int64_t sz) {
        int64_t best_key, best_sz;

        assert_true(side_best(side, &best_key, &best_sz));
        assert_int_equal(best_key, key);
        assert_int_equal(best_sz, sz);
}

static void expect_empty(const struct side *side) {
        int64_t key, sz;

        assert_false(side_best(side, &key, &sz));
        assert_int_equal(side_levels(side), 0);
        assert_int_equal(side->orders, 0);
}

/* The levels from the best on. */
static void expect(const struct side *side, unsigned n, const struct md_level *expected) {
        struct md_level levels[64];

        assert_int_equal(side_levels(side), n);
        assert_int_equal(side_copy(side, levels, 64), n);
        assert_memory_equal(levels, expected, n * sizeof(*levels));
        assert_int_equal(side_copy(side, levels, 1), n ? 1 : 0);
}

#define EXPECT(side, ...)                                                                          \
        expect(side, sizeof((struct md_level[]){ __VA_ARGS__ }) / sizeof(struct md_level),         \
               (struct md_level[]){ __VA_ARGS__ })

/* Enough of everything, one cent apart, that there is a window. */
static void open_window(struct side *side, int64_t best) {
        for (int64_t i = 0; i < 20; i++)
                add(side, best - i * CENT, 1);
        assert_true(side->size > 0);
        assert_int_equal(side_steps[side->decimals], CENT);
}

static void test_orders(void **state) {
        struct side side = { 0 };

        (void)state;
        expect_empty(&side);
        assert_true(add(&side, 10 * CENT, 5));
        add(&side, 9 * CENT, 7);
        add(&side, 10 * CENT, 3);
        EXPECT(&side, { 10 * CENT, 8, 2 }, { 9 * CENT, 7, 1 });
        assert_int_equal(side.orders, 3);
        take(&side, 10 * CENT, 2, false);
        take(&side, 10 * CENT, 3, true);
        EXPECT(&side, { 10 * CENT, 3, 1 }, { 9 * CENT, 7, 1 });
        take(&side, 10 * CENT, 3, true);
        take(&side, 9 * CENT, 7, true);
        expect_empty(&side);
        side_deinit(&side);
}

/* In the window, the best level alone is news. */
static void test_touched(void **state) {
        struct side side = { 0 };

        (void)state;
        open_window(&side, 1000 * CENT);
        assert_false(add(&side, 999 * CENT, 1));
        assert_true(add(&side, 1000 * CENT, 1));
        assert_true(add(&side, 1001 * CENT, 4));
        expect_best(&side, 1001 * CENT, 4);
        assert_false(take(&side, 999 * CENT, 1, true));
        assert_true(take(&side, 1001 * CENT, 1, false));
        expect_best(&side, 1001 * CENT, 3);
        assert_true(take(&side, 1001 * CENT, 3, true));
        expect_best(&side, 1000 * CENT, 2);
        side_deinit(&side);
}

/* The next best level is found over any distance, in the window and outside. */
static void test_next_best(void **state) {
        struct side side = { 0 };

        (void)state;
        open_window(&side, 1000 * CENT);
        for (int64_t i = 0; i < 20; i++)
                take(&side, (1000 - i) * CENT, 1, true);
        expect_empty(&side);
        for (int64_t gap = 1; gap < 2000; gap = gap * 3 / 2 + 1) {
                add(&side, (1000 - gap) * CENT, 2);
                add(&side, 1000 * CENT, 1);
                expect_best(&side, 1000 * CENT, 1);
                take(&side, 1000 * CENT, 1, true);
                expect_best(&side, (1000 - gap) * CENT, 2);
                take(&side, (1000 - gap) * CENT, 2, true);
                expect_empty(&side);
        }
        side_deinit(&side);
}

static void test_between_steps(void **state) {
        struct side side = { 0 };

        (void)state;
        open_window(&side, 1000 * CENT);
        assert_true(add(&side, 1000 * CENT + CENT / 2, 9));
        expect_best(&side, 1000 * CENT + CENT / 2, 9);
        add(&side, 999 * CENT + 1, 8);
        assert_int_equal(side.rest.n, 2);
        assert_int_equal(side_levels(&side), 22);
        take(&side, 1000 * CENT + CENT / 2, 9, true);
        expect_best(&side, 1000 * CENT, 1);
        take(&side, 1000 * CENT, 1, true);
        expect_best(&side, 999 * CENT + 1, 8);
        side_deinit(&side);
}

static void test_sizes(void **state) {
        struct side side = { 0 };
        bool touched;

        (void)state;
        touched = false;
        assert_int_equal(side_set(&side, 5, 0, &touched), -ENOENT);
        assert_false(touched);
        for (int64_t i = 0; i < 20; i++)
                assert_int_equal(side_set(&side, (1000 - i) * CENT, 1, &touched), 0);
        assert_true(side.size > 0);
        assert_int_equal(side_levels(&side), 20);
        assert_int_equal(side.orders, 0);

        assert_int_equal(side_set(&side, 1001 * CENT, 0, &touched), -ENOENT);
        touched = false;
        assert_int_equal(side_set(&side, 999 * CENT, UINT32_MAX, &touched), 0);
        assert_false(touched);
        assert_int_equal(side_set(&side, 1000 * CENT, 0, &touched), 0);
        assert_true(touched);
        expect_best(&side, 999 * CENT, UINT32_MAX);
        touched = false;
        assert_int_equal(side_set(&side, 1002 * CENT, 3, &touched), 0);
        assert_true(touched);
        expect_best(&side, 1002 * CENT, 3);
        assert_int_equal(side_levels(&side), 20);
        for (int64_t i = -2; i < 20; i++)
                side_set(&side, (1000 - i) * CENT, 0, &touched);
        expect_empty(&side);
        side_deinit(&side);
}

/* The window follows the market; what it leaves behind is not lost. */
static void test_market_moves(void **state) {
        struct side side = { 0 };
        int64_t at = 100000, n = 0;

        (void)state;
        for (int64_t i = 0; i < 20000; i++) {
                at += i / 5000 % 2 ? -1 : 1;
                add(&side, at * CENT, (uint32_t)i + 1);
                n++;
                if (i % 10) {
                        take(&side, at * CENT, (uint32_t)i + 1, true);
                        n--;
                }
        }
        assert_int_equal(side.orders, n);
        assert_int_equal(side.size, SIDE_WINDOW_MAX);
        for (int64_t i = 0, level = 100000; i < 20000; i++) {
                level += i / 5000 % 2 ? -1 : 1;
                if (i % 10 == 0)
                        take(&side, level * CENT, (uint32_t)i + 1, true);
        }
        expect_empty(&side);
        side_deinit(&side);
}

/* Prices as far apart as numbers can be, on either side of 0. */
static void test_extreme_prices(void **state) {
        static const int64_t keys[] = {
                INT64_MIN + 1, -INT64_C(9223372036854700000), -1,           0, 1,
                MD_PX_ONE,     INT64_C(9223372036854700000),  INT64_MAX - 1
        };
        const unsigned n = sizeof(keys) / sizeof(keys[0]);
        struct side side = { 0 };

        (void)state;
        for (unsigned round = 0; round < 100; round++) {
                for (unsigned i = 0; i < n; i++)
                        add(&side, keys[(i * 5 + round) % n], 1);
                for (unsigned i = n; i-- > 0;) {
                        expect_best(&side, keys[i], 1);
                        take(&side, keys[i], 1, true);
                }
                expect_empty(&side);
                add(&side, keys[round % n], 1);
                take(&side, keys[round % n], 1, true);
        }
        side_deinit(&side);
}

/* A window at either end of the numbers has no place for what lies at the other. */
static void test_ends(void **state) {
        static const int64_t steps[] = { 1, 10, CENT, INT64_C(10000000000000000) };

        (void)state;
        for (unsigned s = 0; s < 4; s++) {
                const int64_t step = steps[s];
                const int64_t high = INT64_MAX / step * step - step, low = -high;
                struct side side = { 0 };

                for (int64_t i = 0; i < 64; i++)
                        add(&side, high - i * step, 1);
                assert_int_equal(side_steps[side.decimals], step);
                for (int64_t i = 0; i < 64; i++)
                        add(&side, low + i * step, 2);
                expect_best(&side, high, 1);
                for (int64_t i = 0; i < 64; i++)
                        take(&side, high - i * step, 1, true);
                expect_best(&side, low + 63 * step, 2);
                for (int64_t i = 63; i > 0; i--) {
                        take(&side, low + i * step, 2, true);
                        add(&side, low, 1);
                        expect_best(&side, low + (i - 1) * step, i > 1 ? 2 : 2 + 63);
                }
                for (int64_t i = 0; i < 64; i++)
                        add(&side, high - i * step, 1);
                expect_best(&side, high, 1);
                assert_int_equal(side_levels(&side), 64 + 1);
                side_deinit(&side);
        }
}

/* A word holds 2^40 - 1 shares and 2^24 - 1 orders; more is refused, not added to its neighbour. */
static void test_full_level(void **state) {
        struct side side = { 0 };
        bool touched;

        (void)state;
        open_window(&side, 1000 * CENT);
        for (unsigned i = 0; i < 255; i++)
                add(&side, 1000 * CENT, UINT32_MAX);
        assert_int_equal(side_add(&side, 1000 * CENT, UINT32_MAX, &touched), 0);
        assert_int_equal(side_add(&side, 1000 * CENT, UINT32_MAX, &touched), -ENOSPC);
        expect_best(&side, 1000 * CENT, 256 * (int64_t)UINT32_MAX + 1);
        assert_int_equal(side.orders, 20 + 256);
        assert_true(side_is_full(UINT64_MAX - SIDE_ORDER + 1, 0));
        assert_false(side_is_full(UINT64_MAX - SIDE_ORDER, 0));
        side_deinit(&side);
}

static void test_too_many(void **state) {
        struct side side = { 0 };
        uint32_t n = 0;
        bool touched;
        int r;

        (void)state;
        do {
                r = side_add(&side, n * MD_PX_ONE * 1000 + n % 7, 1, &touched);
                n++;
        } while (r == 0);
        assert_int_equal(r, -ENOSPC);
        assert_true(n > LEVELS_MAX && n < LEVELS_MAX + SIDE_WINDOW_MAX + 2);
        assert_int_equal(side_levels(&side), n - 1);
        side_deinit(&side);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_orders),         cmocka_unit_test(test_touched),
                cmocka_unit_test(test_next_best),      cmocka_unit_test(test_between_steps),
                cmocka_unit_test(test_sizes),          cmocka_unit_test(test_market_moves),
                cmocka_unit_test(test_extreme_prices), cmocka_unit_test(test_ends),
                cmocka_unit_test(test_full_level),     cmocka_unit_test(test_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
