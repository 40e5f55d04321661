/* The pace of a recording; pace.h tells the idea. */

#include "feed/pace.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define NS_PER_S INT64_C(1000000000)
#define WAIT_MAX (INT64_C(3600) * 24 * 3650 * NS_PER_S) /* nothing is due later than this */

int pace_init(struct pace *pace, double speed) {
        *pace = (struct pace){
                .fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                .speed = speed,
        };
        return pace->fd < 0 ? error_origin(-errno) : 0;
}

void pace_deinit(struct pace *pace) {
        if (pace->fd >= 0)
                close(pace->fd);
        *pace = PACE_NULL;
}

void pace_begin(struct pace *pace) {
        pace->began = false;
}

int64_t pace_due(struct pace *pace, int64_t time, int64_t now) {
        double wait;

        if (pace->speed <= 0)
                return now;
        if (!pace->began) {
                pace->began = true;
                pace->start = now;
                pace->first = time;
        }
        wait = (double)(time - pace->first) / pace->speed;
        if (wait <= 0) /* recordings may step back */
                return pace->start;
        return pace->start + (wait < (double)WAIT_MAX ? (int64_t)wait : WAIT_MAX);
}

void pace_wake(struct pace *pace, int64_t when) {
        struct itimerspec timer = {
                .it_value = { .tv_sec = when / NS_PER_S, .tv_nsec = when % NS_PER_S },
        };

        /* it cannot fail: the descriptor is a timer, and the time a valid one */
        timerfd_settime(pace->fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

int64_t pace_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}
