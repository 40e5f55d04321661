#pragma once

/* A throttle: so many requests per second on the average, and at most a second's worth at once. */

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_SECOND INT64_C(1000000000) /* ns */

struct throttle {
        uint32_t rate; /* per second; not 0 */
        int64_t full;  /* when all that may be sent at once may be sent again */
};

/* When the next one may go out, if none has meanwhile: now, or later. */
static inline int64_t throttle_due(const struct throttle *throttle, int64_t now) {
        int64_t due = throttle->full - (THROTTLE_SECOND - THROTTLE_SECOND / throttle->rate);

        return due > now ? due : now;
}

/* Whether one may go out now; it then has. `now` never steps back. */
static inline bool throttle_pass(struct throttle *throttle, int64_t now) {
        if (throttle_due(throttle, now) > now)
                return false;
        if (throttle->full < now)
                throttle->full = now;
        throttle->full += THROTTLE_SECOND / throttle->rate;
        return true;
}
