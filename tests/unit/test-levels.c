/* Price levels stay sorted, and take no more memory than they need. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "book/levels.h"

static struct level *insert(struct levels *levels, int64_t key, int64_t sz) {
        struct level *level;
        int r = 0;

        level = levels_insert(levels, key, &r);
        assert_non_null(level);
        assert_int_equal(level->sz, 0);
        assert_int_equal(level->orders, 0);
        *level = (struct level){ .sz = sz, .orders = 1 };
        return level;
}

static void expect_sorted(const struct levels *levels, uint32_t n) {
        assert_int_equal(levels->n, n);
        for (uint32_t i = 1; i < n; i++)
                assert_true(levels->keys[i - 1] < levels->keys[i]);
}

static void test_few(void **state) {
        struct levels levels = { 0 };

        (void)state;
        assert_null(levels_find(&levels, 5));
        insert(&levels, 100, 5);
        insert(&levels, -90, 7);
        insert(&levels, 110, 1);
        expect_sorted(&levels, 3);
        assert_int_equal(levels_find(&levels, 100)->sz, 5);
        assert_int_equal(levels_find(&levels, -90)->sz, 7);
        assert_int_equal(levels_find(&levels, 110)->sz, 1);
        assert_null(levels_find(&levels, 101));
        assert_null(levels_find(&levels, INT64_MAX));
        assert_null(levels_find(&levels, INT64_MIN));

        levels_remove(&levels, levels_find(&levels, 100));
        assert_null(levels_find(&levels, 100));
        expect_sorted(&levels, 2);
        levels_remove(&levels, levels_find(&levels, -90));
        levels_remove(&levels, levels_find(&levels, 110));
        assert_int_equal(levels.n, 0);
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
                insert(&levels, scattered(i, n), i + 1);
        expect_sorted(&levels, n);
        for (uint32_t i = 0; i < n; i++)
                assert_int_equal(levels_find(&levels, scattered(i, n))->sz, i + 1);
        for (uint32_t i = 0; i < n; i++) {
                levels_remove(&levels, levels_find(&levels, scattered(i, n)));
                if (i + 1 < n)
                        assert_int_equal(levels_find(&levels, scattered(n - 1, n))->sz, n);
        }
        assert_int_equal(levels.n, 0);
        levels_deinit(&levels);
}

static void test_memory_follows(void **state) {
        struct levels levels = { 0 };

        (void)state;
        for (int64_t i = 0; i < 1000; i++) {
                insert(&levels, i, 1);
                assert_true(levels.capacity < 8 + 2u * levels.n);
        }
        for (int64_t i = 0; i < 1000; i++) {
                levels_remove(&levels, levels_find(&levels, i));
                assert_true(levels.capacity <= 8 + 4u * levels.n);
        }
        assert_int_equal(levels.capacity, 8);
        levels_deinit(&levels);
        assert_null(levels.keys);
        assert_int_equal(levels.capacity, 0);
}

static void test_too_many(void **state) {
        struct levels levels = { 0 };
        int r = 0;

        (void)state;
        for (int64_t i = 0; i < LEVELS_MAX; i++)
                insert(&levels, i, 1);
        assert_null(levels_insert(&levels, LEVELS_MAX, &r));
        assert_int_equal(r, -ENOSPC);
        assert_int_equal(levels.n, LEVELS_MAX);
        assert_int_equal(levels_find(&levels, 0)->sz, 1);
        levels_deinit(&levels);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_few),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_memory_follows),
                cmocka_unit_test(test_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
