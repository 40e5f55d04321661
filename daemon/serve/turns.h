#pragma once

/*
 * Turns: peers are heard one after the other, one in each round of the loop
 *
 * What a peer says can cost much more than a packet of a feed: a registration makes memory and
 * descriptors. So a session that has something to say takes its place in a queue, behind all that came
 * before it, and is not listened to further until its turn has come. However many peers there are and
 * whatever they say, the packets of feeds wait no longer than one of them takes; and one that talks
 * without pause holds up the others by no more than one message each time.
 */

#include <ev.h>
#include <stdbool.h>

struct session;

/* A session's place. */
struct turn {
        struct session *next;
        bool waits;
};

struct turns {
        struct ev_loop *loop;
        struct session *first, *last;
        ev_check check; /* behind the feeds, */
        ev_idle awake;  /* and the loop does not sleep, as long as anybody waits */
};

void turns_init(struct turns *turns, struct ev_loop *loop);
void turns_deinit(struct turns *turns);

/* Queues a session for session_hear(), unless it waits already; takes it out again. */
void turns_wait(struct turns *turns, struct session *session);
void turns_leave(struct turns *turns, struct session *session);
