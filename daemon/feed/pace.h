#pragma once

/*
 * The pace of a recording
 *
 * It is kept against the clock at the start and never against the item before, so that it cannot
 * drift: an item is due at start + (its time - time of the first) / speed. Silences of the recording
 * are kept, however long they are. A source that fell behind catches up.
 *
 * One timerfd on the loop does it all. Set to the next due time it wakes the source then. Expired and
 * not set again it stays readable, so that the source has its turn in each round of the loop along
 * with everybody else: that is how it runs as fast as can be, a burst each time.
 */

#include <stdbool.h>
#include <stdint.h>

struct pace {
        int fd;        /* of the timer */
        double speed;  /* times the recorded pace; 0: as fast as can be */
        bool began;    /* start and first are set */
        int64_t start; /* ns of CLOCK_MONOTONIC when the first item was due */
        int64_t first; /* time of that item, by the recording's clock */
};

#define PACE_NULL                                                                                  \
        (struct pace) {                                                                            \
                .fd = -1                                                                           \
        }

/* Negative errno. */
int pace_init(struct pace *pace, double speed);
void pace_deinit(struct pace *pace);

/* The next item is the first one. */
void pace_begin(struct pace *pace);

/* When an item of that time is due, on the monotonic clock, which says `now`. */
int64_t pace_due(struct pace *pace, int64_t time, int64_t now);

/* Makes the timer readable at that time; if it is gone by, in each round of the loop. */
void pace_wake(struct pace *pace, int64_t when);

int64_t pace_now(void);
