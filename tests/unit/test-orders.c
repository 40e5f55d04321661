/* Orders are found, whatever came and went, and the store grows and shrinks without a stall. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "book/orders.h"

static uint64_t random_next(uint64_t *state) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

/* What an order of that reference is, so that each can be recognised. */
static struct order order_of(uint64_t ref) {
        return (struct order){
                .ref = ref,
                .px = (int64_t)(ref * 100),
                .sz = (uint32_t)(ref % 1000) + 1,
                .instrument = (uint32_t)(ref % 5000),
                .ask = ref & 1,
        };
}

static void expect_there(const struct orders *orders, uint64_t ref) {
        const struct order *found = orders_find(orders, ref);
        struct order expected = order_of(ref);

        if (!found) {
                fail_msg("order %llu is not there", (unsigned long long)ref);
                return;
        }
        assert_int_equal(found->ref, ref);
        assert_int_equal(found->px, expected.px);
        assert_int_equal(found->sz, expected.sz);
        assert_int_equal(found->instrument, expected.instrument);
        assert_int_equal(found->ask, expected.ask);
}

static void add(struct orders *orders, uint64_t ref) {
        struct order *slot;

        assert_int_equal(orders_add(orders, ref, &slot), 0);
        assert_int_equal(slot->ref, ref);
        assert_int_equal(slot->sz, 0);
        *slot = order_of(ref);
}

static void take(struct orders *orders, uint64_t ref) {
        struct order *order = orders_find(orders, ref);

        if (order)
                orders_remove(orders, order);
        else
                fail_msg("order %llu is not there", (unsigned long long)ref);
}

static void test_empty(void **state) {
        struct orders orders;

        (void)state;
        orders_init(&orders);
        assert_null(orders_find(&orders, 0));
        assert_null(orders_find(&orders, 1));
        orders_prefetch(&orders, 1);
        orders_deinit(&orders);
}

/* Every 64-bit number can be a reference. */
static void test_any_reference(void **state) {
        static const uint64_t refs[] = { 0, 1, 2, 1u << 31, UINT64_C(1) << 63, UINT64_MAX };
        struct orders orders;

        (void)state;
        orders_init(&orders);
        for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++)
                add(&orders, refs[i]);
        for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++)
                expect_there(&orders, refs[i]);
        assert_null(orders_find(&orders, 3));
        take(&orders, 0);
        assert_null(orders_find(&orders, 0));
        expect_there(&orders, 1);
        assert_int_equal(orders.used, 5);
        orders_deinit(&orders);
}

static void test_twice(void **state) {
        struct orders orders;
        struct order *slot;

        (void)state;
        orders_init(&orders);
        add(&orders, 7);
        assert_int_equal(orders_add(&orders, 7, &slot), ORDERS_E_EXISTS);
        expect_there(&orders, 7);
        assert_int_equal(orders.used, 1);
        orders_deinit(&orders);
}

/* A reference that is taken is so in the middle of moving to another table, too. */
static void test_twice_while_moving(void **state) {
        struct orders orders;
        uint64_t n = 0;

        (void)state;
        orders_init(&orders);
        while (!orders.old.slots)
                add(&orders, n++);
        for (uint64_t ref = 0; ref < n && orders.old.slots; ref++) {
                struct order *slot;

                assert_int_equal(orders_add(&orders, ref, &slot), ORDERS_E_EXISTS);
        }
        assert_int_equal(orders.used, n);
        orders_deinit(&orders);
}

/* Whatever moves: each that came is there, each that went is not. */
static void test_grows_and_shrinks(void **state) {
        const uint64_t n = 300000;
        struct orders orders;
        unsigned moves = 0;
        bool moving = false;

        (void)state;
        orders_init(&orders);
        for (uint64_t ref = 0; ref < n; ref++) {
                add(&orders, ref);
                moves += orders.old.slots && !moving;
                moving = orders.old.slots != NULL;
                expect_there(&orders, ref / 2);
                expect_there(&orders, ref);
                assert_null(orders_find(&orders, ref + 1));
        }
        assert_int_equal(moves, 8); /* from 4,096 slots to 1,048,576 */
        for (uint64_t ref = 0; ref < n; ref++)
                expect_there(&orders, ref);

        for (uint64_t ref = 0; ref < n; ref++) {
                take(&orders, ref);
                assert_null(orders_find(&orders, ref));
                assert_null(orders_find(&orders, ref / 2));
                if (ref + 1 < n)
                        expect_there(&orders, ref + (n - ref) / 2);
        }
        assert_int_equal(orders.used, 0);
        assert_true(orders.table.mask + 1 <= 16384);
        orders_deinit(&orders);
}

/* The bounds that orders.h gives. */
static void test_memory(void **state) {
        const uint64_t n = 100000;
        struct orders orders;

        (void)state;
        orders_init(&orders);
        for (uint64_t ref = 0; ref < n; ref++) {
                size_t slots, old;

                /* references are not dense: how high they are does not matter */
                add(&orders, ref * UINT64_C(1000003));
                slots = orders.table.mask + 1;
                old = orders.old.slots ? orders.old.mask + 1 : 0;
                assert_true(slots <= 4096 || slots * sizeof(struct order) <= 96 * (ref + 1));
                assert_true(old == 0 || 2 * old == slots);
        }
        orders_deinit(&orders);
}

/* Without memory for a larger table the present one is used up to seven eighths, and then refuses;
 * what it has is there, and it grows when it can again. */
static void test_no_memory(void **state) {
        struct rlimit limit, none;
        struct orders orders;
        struct order *slot;
        uint64_t n = 0;
        int r;

        (void)state;
        orders_init(&orders);
        add(&orders, n++);
        assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
        none = limit;
        none.rlim_cur = 1;
        assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
        while ((r = orders_add(&orders, n, &slot)) == 0)
                *slot = order_of(n++);
        assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);

        assert_int_equal(r, -ENOMEM);
        assert_int_equal(n, 4096 / 8 * 7);
        assert_int_equal(orders.used, n);
        assert_null(orders_find(&orders, n));
        for (uint64_t ref = 0; ref < n; ref++)
                expect_there(&orders, ref);
        for (uint64_t ref = n; ref < 2 * n; ref++)
                add(&orders, ref);
        assert_true(orders.table.mask + 1 > 4096);
        for (uint64_t ref = 0; ref < 2 * n; ref++)
                expect_there(&orders, ref);
        orders_deinit(&orders);
}

/* The longest row of slots in use: what a search can cost. */
static size_t longest_run(const struct orders *orders) {
        size_t longest = 0, run = 0;

        for (size_t i = 0; i <= orders->table.mask; i++) {
                run = orders->table.slots[i].sz ? run + 1 : 0;
                if (run > longest)
                        longest = run;
        }
        return longest;
}

/* After millions of orders through a store of a constant number, searches are as short as at first.
 * */
static void test_no_build_up(void **state) {
        const uint64_t live = 2000, n = 2000000;
        struct orders orders;
        size_t slots;

        (void)state;
        orders_init(&orders);
        for (uint64_t ref = 0; ref < live; ref++)
                add(&orders, ref);
        slots = orders.table.mask + 1;
        for (uint64_t ref = live; ref < n; ref++) {
                take(&orders, ref - live);
                add(&orders, ref);
        }
        assert_int_equal(orders.table.mask + 1, slots);
        assert_int_equal(orders.used, live);
        assert_true(longest_run(&orders) < 200);
        for (size_t i = 0; i <= orders.table.mask; i++)
                assert_true(orders.table.slots[i].sz || !orders.table.slots[i].ref);
        orders_deinit(&orders);
}

/* Random comings and goings, beside an array that knows by index. */
static void test_random(void **state) {
        enum { REFS = 1 << 16 };
        uint8_t *there = calloc(REFS, 1);
        uint64_t noise = 88172645463325252, used = 0;
        struct orders orders;

        (void)state;
        assert_non_null(there);
        orders_init(&orders);
        for (unsigned i = 0; i < 2000000; i++) {
                /* tides: at times most come, at times most go */
                uint64_t n = random_next(&noise), ref = n % REFS;
                bool come = (n >> 32) % 8 < (i / 100000 % 2 ? 2 : 6);

                if (come && !there[ref]) {
                        add(&orders, ref);
                        there[ref] = 1;
                        used++;
                } else if (!come && there[ref]) {
                        take(&orders, ref);
                        there[ref] = 0;
                        used--;
                } else if (there[ref]) {
                        expect_there(&orders, ref);
                } else {
                        assert_null(orders_find(&orders, ref));
                }
                assert_int_equal(orders.used, used);
        }
        for (uint64_t ref = 0; ref < REFS; ref++)
                assert_int_equal(orders_find(&orders, ref) != NULL, there[ref]);
        orders_deinit(&orders);
        free(there);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_any_reference),
                cmocka_unit_test(test_twice),
                cmocka_unit_test(test_twice_while_moving),
                cmocka_unit_test(test_grows_and_shrinks),
                cmocka_unit_test(test_memory),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_no_build_up),
                cmocka_unit_test(test_random),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
