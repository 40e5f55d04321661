/* Price levels stay sorted, count right, and take no more memory than they need. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "book/levels.h"

/* Keys from the worst to the best, with size and orders of each. */
static void expect(const struct levels *levels, unsigned n, const int64_t (*rows)[3]) {
        assert_int_equal(levels->n, n);
        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(levels->keys[i], rows[i][0]);
                assert_int_equal(levels_get(levels, i)->sz, rows[i][1]);
                assert_int_equal(levels_get(levels, i)->orders, rows[i][2]);
        }
}

#define EXPECT(levels, ...)                                                                        \
        expect(levels, sizeof((int64_t[][3]){ __VA_ARGS__ }) / sizeof(int64_t[3]),                 \
               (int64_t[][3]){ __VA_ARGS__ })

static void test_orders(void **state) {
        struct levels levels = { 0 };

        (void)state;
        assert_int_equal(levels_add(&levels, 100, 5), 0);
        assert_int_equal(levels_add(&levels, 90, 7), 1);
        assert_int_equal(levels_add(&levels, 110, 1), 0);
        assert_int_equal(levels_add(&levels, 100, 3), 1);
        EXPECT(&levels, { 90, 7, 1 }, { 100, 8, 2 }, { 110, 1, 1 });
        assert_int_equal(levels.orders, 4);

        assert_int_equal(levels_take(&levels, 100, 2, 0), 1);
        EXPECT(&levels, { 90, 7, 1 }, { 100, 6, 2 }, { 110, 1, 1 });
        assert_int_equal(levels_take(&levels, 110, 1, 1), 0);
        assert_int_equal(levels_take(&levels, 100, 5, 1), 0);
        EXPECT(&levels, { 90, 7, 1 }, { 100, 1, 1 });
        assert_int_equal(levels_take(&levels, 90, 7, 1), 1);
        assert_int_equal(levels_take(&levels, 90, 7, 1), -ENOENT);
        assert_int_equal(levels_take(&levels, 100, 1, 1), 0);
        assert_int_equal(levels.n, 0);
        assert_int_equal(levels.orders, 0);
        assert_int_equal(levels_take(&levels, 100, 1, 1), -ENOENT);
        levels_deinit(&levels);
}

static void test_sizes(void **state) {
        struct levels levels = { 0 };

        (void)state;
        assert_int_equal(levels_set(&levels, -5, 0), -ENOENT);
        assert_int_equal(levels_set(&levels, -5, 10), 0);
        assert_int_equal(levels_set(&levels, -7, 20), 1);
        assert_int_equal(levels_set(&levels, -5, 11), 0);
        EXPECT(&levels, { -7, 20, 0 }, { -5, 11, 0 });
        assert_int_equal(levels_set(&levels, -6, 0), -ENOENT);
        assert_int_equal(levels_set(&levels, -5, 0), 0);
        EXPECT(&levels, { -7, 20, 0 });
        assert_int_equal(levels_set(&levels, -7, 0), 0);
        assert_int_equal(levels.n, 0);
        assert_int_equal(levels.orders, 0);
        levels_deinit(&levels);
}

/* Numbers 0 to n - 1, each once, in an order without a pattern; n is a power of two. */
static int64_t scattered(uint32_t i, uint32_t n) {
        return (i * UINT32_C(2654435761) + 12345) & (n - 1);
}

static void test_many(void **state) {
        const uint32_t n = 4096;
        struct levels levels = { 0 };

        (void)state;
        for (uint32_t i = 0; i < n; i++)
                assert_true(levels_set(&levels, scattered(i, n), i + 1) >= 0);
        assert_int_equal(levels.n, n);
        for (uint32_t i = 0; i < n; i++)
                assert_int_equal(levels.keys[i], i);
        /* each by its key, wherever it stands */
        for (uint32_t i = 0; i < n; i++) {
                int64_t key = scattered(i, n);

                assert_int_equal(levels_get(&levels, (uint32_t)key)->sz, i + 1);
                assert_int_equal(levels_set(&levels, key, i + 2), n - 1 - key);
        }
        for (uint32_t i = 0; i < n; i++)
                assert_true(levels_set(&levels, scattered(i * 7, n), 0) >= 0);
        assert_int_equal(levels.n, 0);
        levels_deinit(&levels);
}

static void test_memory_follows(void **state) {
        struct levels levels = { 0 };

        (void)state;
        for (int64_t i = 0; i < 1000; i++) {
                levels_set(&levels, i, 1);
                assert_true(levels.capacity < 8 + 2u * levels.n);
        }
        for (int64_t i = 0; i < 1000; i++) {
                levels_set(&levels, i, 0);
                assert_true(levels.capacity <= 8 + 4u * levels.n);
        }
        assert_int_equal(levels.capacity, 8);
        levels_deinit(&levels);
        assert_null(levels.keys);
        assert_int_equal(levels.capacity, 0);
}

static void test_too_many(void **state) {
        struct levels levels = { 0 };

        (void)state;
        for (int64_t i = 0; i < LEVELS_MAX; i++)
                assert_int_equal(levels_add(&levels, i, 1), 0);
        assert_int_equal(levels_add(&levels, LEVELS_MAX, 1), -ENOSPC);
        assert_int_equal(levels_add(&levels, -1, 1), -ENOSPC);
        assert_int_equal(levels_set(&levels, -1, 1), -ENOSPC);
        assert_int_equal(levels_add(&levels, 0, 1), LEVELS_MAX - 1);
        assert_int_equal(levels.n, LEVELS_MAX);
        assert_int_equal(levels.orders, LEVELS_MAX + 1);
        levels_deinit(&levels);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_orders),   cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_many),     cmocka_unit_test(test_memory_follows),
                cmocka_unit_test(test_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
