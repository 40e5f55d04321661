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
        int doorbell; /* to write to */
        int room;     /* to read from: the same end of the same socket */
};

bool local_is_open(struct feed *feed);

/* Makes a ring for a publisher that has come, its memory labelled so: *fds is what the publisher is given,
 * to be sent on and closed. What is published of it is noted in *taken. Negative errno: for want of
 * descriptors or memory. */
int local_open(struct feed *feed, const char *label, struct shm_taken *taken,
               struct local_fds *fds);

/* Our end of the doorbell, only lent. */
int local_doorbell(struct feed *feed);

/* Before the start: goes on with the ring of a publisher that a predecessor had. Our end of the doorbell is
 * then the feed's; the ring's descriptor stays the caller's. -EUCLEAN: the ring is none of this feed's. */
int local_adopt(struct feed *feed, int ring_fd, int doorbell_fd, struct shm_taken *taken);

/* The publisher is gone: takes what it had finished to say, unless that is not to be trusted, and goes
 * DOWN. What was wrong with what it took, or NULL. */
const char *local_close(struct feed *feed, bool trusted);
