#pragma once

/*
 * The day of a venue in New York
 *
 * Some venues send the time since midnight. Which midnight, the arrival of the packet tells, or for a
 * file that does not have it, the config. The offset of New York is computed by the rule in force since
 * 2007, so that it does not hang on files of the host: an hour more from the second Sunday of March to
 * the first of November, both at two in the morning. No venue sends anything at that hour.
 */

#include <stdint.h>

struct day {
        int64_t begin; /* TIME of its midnight */
        int64_t end;   /* TIME of the next one */
};

/* The day that a moment belongs to, by the clocks of New York. */
struct day day_of_time(int64_t time);

/* The day of a date, in days since 1970-01-01. */
struct day day_of_date(int64_t date);
