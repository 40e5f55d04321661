#pragma once

/*
 * Requests: a long row of messages, asked for as fast as it may be
 *
 * A server answers a request with one packet, of as many messages as that holds, or with several, one after
 * the other. To wait for each answer before asking on would cost a round trip per packet. So the row is cut
 * into pieces, and many of them are asked for beside each other, each from its first message to its last.
 * When a packet has brought only part of a piece, the rest may be on its way: it is asked for when nothing
 * more has come for REQUESTS_PAUSE.
 *
 * Answers go to somebody else, who puts them in order; he says how far the row has come, and how far its
 * end is by now, for it may grow meanwhile. No piece is further ahead than he has room for. What he had
 * no room for all the same is found out when the row does not go on there, and asked for again.
 *
 * Both ways can lose packets: what is not answered is asked for again after a while, which gets longer
 * each time. It is given up when the message that the row waits for has been asked for REQUESTS_TRIES
 * times in vain, and when the end runs away: who is no nearer to it than he was REQUESTS_LAP before never
 * gets there.
 *
 * Time is an argument, so the same answers always make the same requests.
 */

#include <stdbool.h>
#include <stdint.h>

#include "feed/throttle.h"

#define REQUESTS_PIECE    256 /* messages */
#define REQUESTS_PIECES   64
#define REQUESTS_TRIES    12
#define REQUESTS_PAUSE    INT64_C(1000000)   /* ns between two packets of an answer, at most */
#define REQUESTS_WAIT     INT64_C(100000000) /* ns for the first answer, */
#define REQUESTS_WAIT_MAX INT64_C(800000000) /* and for later ones */
#define REQUESTS_LAP      INT64_C(60000000000)

struct requests_piece {
        uint64_t first, end; /* what is missing of it; the same: nothing, this one is free */
        int64_t due;         /* when it is asked for again */
        unsigned tries;      /* since it was last answered */
};

struct requests {
        struct throttle throttle;
        uint64_t next;  /* everything before has come */
        uint64_t end;   /* of the row, by now */
        uint64_t asked; /* what is before was put into a piece */
        uint64_t ahead; /* messages that may come before their turn */
        struct requests_piece pieces[REQUESTS_PIECES];

        struct {
                int64_t began;
                uint64_t left; /* messages, then; 0: not known yet */
        } lap;
};

enum {
        REQUESTS_OK = 0,
        REQUESTS_E_NOBODY, /* there is nobody to ask */
        REQUESTS_E_SILENT, /* he does not answer, or does not have it */
        REQUESTS_E_SLOW,   /* he answers more slowly than the row grows */
};

/* A row from number 1 on, `rate` requests per second, and room for `ahead` messages. */
void requests_begin(struct requests *requests, uint32_t rate, uint64_t ahead, int64_t now);

/* The messages from number `first` up to `end` have come. */
void requests_answer(struct requests *requests, uint64_t first, uint64_t end, int64_t now);

/* Sends what is due by `ask`, which says false if there is nobody; the row has come to number `next`. */
int requests_send(struct requests *requests, uint64_t next, uint64_t end, int64_t now,
                  bool (*ask)(void *userdata, uint64_t first, uint64_t n), void *userdata);

/* When there is more to send, if nothing comes. */
int64_t requests_deadline(const struct requests *requests);
