#pragma once

/*
 * The source "publisher": ticks from a program on this host, through a ring (shm/ring.h)
 *
 * The source is there from the start, and DOWN until a publisher has registered; whether it may, its
 * session has decided. One publisher at a time.
 */

#include <stdbool.h>

#include "feed/feed.h"

/* What the publisher is given; the caller sends them on and closes them. */
struct local_fds {
        int ring;
        int doorbell; /* the publisher's end of a socket pair */
        int room;     /* reading end */
};

bool local_is_open(struct feed *feed);

/* Makes a ring for a publisher that has come. Negative errno: for want of descriptors or memory. */
int local_open(struct feed *feed, struct local_fds *fds);

/* The publisher is gone: takes what it had finished to say, unless that is not to be trusted, and goes
 * DOWN. What was wrong with what it took, or NULL. */
const char *local_close(struct feed *feed, bool trusted);
