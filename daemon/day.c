/* The day of a venue in New York; day.h tells the idea. */

#include "day.h"

#include <stdbool.h>

#define SECOND INT64_C(1000000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

#define STANDARD (-5 * HOUR) /* of New York, east of Greenwich */
#define SUMMER   (-4 * HOUR)

static int64_t divide_down(int64_t a, int64_t b) {
        return a / b - (a % b < 0);
}

/* Days from 1970-01-01 to the first of March of a year: years begin in March here, so that the day that
 * comes in leap years is their last. */
static int64_t march(int64_t year) {
        return year * 365 + divide_down(year, 4) - divide_down(year, 100) + divide_down(year, 400) -
               719468;
}

/* The first Sunday on that day or after it; 1970-01-04 was one. */
static int64_t sunday(int64_t date) {
        return date + (((3 - date) % 7) + 7) % 7;
}

/* The year in which, beginning in March, a date falls. */
static int64_t year_of(int64_t date) {
        int64_t year = 1970 + divide_down(date * 400, 146097);

        while (march(year) > date)
                year--;
        while (march(year + 1) <= date)
                year++;
        return year;
}

/* Whether the clocks show summer time at the midnight that begins a date. */
static bool is_summer(int64_t date) {
        int64_t first = march(year_of(date));

        /* they change after that midnight, so the day itself still begins as before */
        return date > sunday(first + 7) && date <= sunday(first + 245);
}

static int64_t midnight(int64_t date) {
        return date * DAY - (is_summer(date) ? SUMMER : STANDARD);
}

struct day day_of_date(int64_t date) {
        return (struct day){ midnight(date), midnight(date + 1) };
}

struct day day_of_time(int64_t time) {
        int64_t date = divide_down(time + STANDARD, DAY);
        struct day day = day_of_date(date);

        return time < day.end ? day : day_of_date(date + 1);
}
