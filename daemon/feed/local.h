#pragma once

/*
 * The source "publisher": ticks from a program on this host, through a ring (shm/ring.h)
 *
 * The source is there from the start, and DOWN until a publisher has registered; whether it may, its
 * session has decided. One publisher at a time.
 */

#include <stdbool.h>

#include "feed/feed.h"

struct shm_taken;

struct local_fds {
        int ring;
        int doorbell; /* an end of a socket pair */
        int room;     /* an end of a pipe: the publisher has the one for reading */
};

bool local_is_open(struct feed *feed);

/* Makes a ring for a publisher that has come, its memory labelled so: *fds is what the publisher is given,
 * to be sent on and closed. What is published of it is noted in *taken. Negative errno: for want of
 * descriptors or memory. */
int local_open(struct feed *feed, const char *label, struct shm_taken *taken,
               struct local_fds *fds);

/* Our ends of the doorbell and the pipe for room, only lent. */
void local_ends(struct feed *feed, struct local_fds *fds);

/* Before the start: goes on with the ring of a publisher that a predecessor had. Our ends of doorbell and
 * room are then the feed's; the ring's descriptor stays the caller's. -EUCLEAN: the ring is none of this
 * feed's. */
int local_adopt(struct feed *feed, const struct local_fds *own, struct shm_taken *taken);

/* The publisher is gone: takes what it had finished to say, unless that is not to be trusted, and goes
 * DOWN. What was wrong with what it took, or NULL. */
const char *local_close(struct feed *feed, bool trusted);
