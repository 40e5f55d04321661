/* The day of a venue in New York begins at its midnight, in summer and in winter. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "day.h"

#define SECOND INT64_C(1000000000)
#define HOUR   (3600 * SECOND)
#define ZONE   "/usr/share/zoneinfo/America/New_York"

static int64_t date_of(int year, int month, int day) {
        struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };

        return timegm(&tm) / 86400;
}

static void test_known_days(void **state) {
        static const struct {
                int year, month, day, offset, hours;
        } days[] = {
                { 1970, 1, 1, 5, 24 },
                { 2019, 12, 30, 5, 24 },
                { 2017, 4, 25, 4, 24 },
                { 2020, 2, 29, 5, 24 },
                /* the days on which the clocks change begin as the one before */
                { 2024, 3, 9, 5, 24 },
                { 2024, 3, 10, 5, 23 },
                { 2024, 3, 11, 4, 24 },
                { 2024, 11, 2, 4, 24 },
                { 2024, 11, 3, 4, 25 },
                { 2024, 11, 4, 5, 24 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
                int64_t date = date_of(days[i].year, days[i].month, days[i].day);
                struct day day = day_of_date(date);

                assert_int_equal(day.begin, date * 24 * HOUR + days[i].offset * HOUR);
                assert_int_equal(day.end - day.begin, days[i].hours * HOUR);
                assert_int_equal(day_of_time(day.begin).begin, day.begin);
                assert_int_equal(day_of_time(day.end - 1).begin, day.begin);
                assert_int_equal(day_of_time(day.end).begin, day.end);
                assert_int_equal(day_of_time(day.begin - 1).end, day.begin);
        }
}

/* Every day of the rule, beside the C library and its files. */
static void test_every_day(void **state) {
        struct stat st;

        (void)state;
        if (stat(ZONE, &st) < 0)
                skip();
        assert_int_equal(setenv("TZ", "America/New_York", 1), 0);
        tzset();
        for (int64_t date = date_of(2007, 1, 1); date < date_of(2037, 1, 1); date++) {
                struct day day = day_of_date(date);
                time_t begin = day.begin / SECOND, noon = begin + 12 * 3600;
                struct tm local;

                localtime_r(&begin, &local);
                assert_int_equal(local.tm_hour * 60 + local.tm_min, 0);
                localtime_r(&noon, &local);
                assert_int_equal(date_of(local.tm_year + 1900, local.tm_mon + 1, local.tm_mday),
                                 date);
                assert_int_equal(day_of_time(noon * SECOND).begin, day.begin);
                assert_int_equal(day_of_date(date + 1).begin, day.end);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_days),
                cmocka_unit_test(test_every_day),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
