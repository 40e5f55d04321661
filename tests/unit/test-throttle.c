/* So many in a second, however they are asked for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "feed/throttle.h"

#define MS INT64_C(1000000)

static unsigned pass_all(struct throttle *throttle, int64_t now) {
        unsigned n = 0;

        while (throttle_pass(throttle, now))
                n++;
        return n;
}

static void a_second_s_worth_at_once(void **state) {
        struct throttle throttle = { .rate = 50 };

        (void)state;
        assert_int_equal(pass_all(&throttle, 7000 * MS), 50);
        assert_int_equal(throttle_due(&throttle, 7000 * MS), 7020 * MS);
        assert_int_equal(pass_all(&throttle, 7019 * MS), 0);
        assert_int_equal(pass_all(&throttle, 7020 * MS), 1);
        assert_int_equal(pass_all(&throttle, 7100 * MS), 4);
        assert_int_equal(pass_all(&throttle, 99000 * MS), 50);
}

static void the_average_holds(void **state) {
        struct throttle throttle = { .rate = 1000000 };
        unsigned n = 0;

        (void)state;
        for (int64_t now = 5000 * MS; now < 8000 * MS; now += MS / 4)
                for (unsigned i = 0; i < 300; i++)
                        n += throttle_pass(&throttle, now);
        assert_in_range(n, 3000000, 4000000);
        throttle = (struct throttle){ .rate = 1 };
        assert_int_equal(pass_all(&throttle, 5000 * MS), 1);
        assert_int_equal(throttle_due(&throttle, 5001 * MS), 6000 * MS);
        assert_int_equal(throttle_due(&throttle, 6001 * MS), 6001 * MS);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_second_s_worth_at_once),
                cmocka_unit_test(the_average_holds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
