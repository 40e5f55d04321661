#pragma once

/*
 * Catching up: the books of a session that was joined late
 *
 * A book is made of all messages since the session began, and a daemon that starts in its middle, by
 * itself or in the place of another one, has not had them. Where a server has them all, it is asked for
 * them from number 1 on, up to where the lines are (feed/requests.h, feed/arbiter.h), and the books are
 * made from the beginning.
 *
 *   - Meanwhile the feed is recovering, and the table stands as it was, its quotes flagged. What a message
 *     makes is not published, for it was true once and is not now; of each instrument and kind the
 *     newest tick is kept aside. When nothing is missing any more, those that say something else
 *     than the table are published, once each, as a state handed on; and no doubt is left.
 *   - Nothing of the lines is shown meanwhile, trades neither. They could be, but not summed up: a volume
 *     needs the trades before it, and most trades of a venue of orders say the number of the order, and its
 *     price and side not at all. So all comes at once, and is right.
 *   - Sums begin at nothing, as messages do. What a predecessor had summed up is in the table and nowhere
 *     else, and is written over in the end: no trade is counted twice. What he had counted (messages,
 *     those that could not be used, figures of the books) is not counted again, either; nor is what he
 *     had missed, which is known as that, or was before he joined.
 *   - Memory: the newest ticks, 512 bytes for each instrument that there is, until it is over; and what the
 *     window has room for. Neither grows with the session.
 *   - Where the server is silent, does not have it all, or sends it more slowly than the session goes on,
 *     it is given up, and said: books begin where the lines are, in doubt until a session begins
 *     afresh, as they do without a server. What was made until then is forgotten, and sums go on from
 *     the table.
 *   - A session that begins afresh ends it: nothing of the one before is of use.
 */

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "feed/framing.h"
#include "feed/requests.h"

struct config_feed;
struct stream;

struct catchup {
        bool on;
        uint32_t rate;          /* requests per second; 0: never */
        uint64_t known;         /* messages before this number were counted by a predecessor */
        struct md_tick *newest; /* by instrument and kind; seq 0: none */
        struct requests requests;
        int64_t began, said; /* ns of CLOCK_MONOTONIC; when it was last said how far it is */
};

void catchup_init(struct stream *stream, const struct config_feed *config);

/* Message 1 of a session is missing, and nothing of it was taken, but before number `known` by a predecessor.
 * False: it cannot be had. */
bool catchup_begin(struct stream *stream, uint64_t session, uint64_t known, int64_t now);

/* A packet of what was asked for has come; it may have been of no use. */
void catchup_hear(struct stream *stream, const struct framed *framed, int64_t now);

/* Takes a packet's messages in their turn, all but the first `skip`. */
void catchup_take(struct stream *stream, const struct packet *packet, struct framed *framed,
                  uint32_t skip);

/* Takes one of their events. */
void catchup_apply(struct stream *stream, const struct event *event, uint32_t instrument,
                   int64_t ts_recv);

/* Asks for more, or gives it up. */
void catchup_go_on(struct stream *stream, int64_t now);
int64_t catchup_deadline(const struct stream *stream);

/* How it ends: nothing is missing any more; or it was given up; or its session is over, or the stream is. */
void catchup_end(struct stream *stream, int64_t now);
void catchup_fail(struct stream *stream);
void catchup_cancel(struct stream *stream);
