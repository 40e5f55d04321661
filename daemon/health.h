#pragma once

/*
 * How a feed does: its state, and why it is that
 *
 *      DOWN        its source is, or nothing has come from it for `stale_ms`, heartbeats included
 *      RECOVERING  messages were lost, and some instruments are still in doubt; or it was alive with
 *                  another daemon, and nothing has come of it to this one yet; or it catches up
 *      LIVE        else
 *      ENDED       the recording, or the venue's session, is over
 *
 * The state is looked at when a burst ends, and said when it is another one than before. A source on
 * the network has a clock of its own here, one per feed: one that goes silent is said to be down, and
 * its instruments stale; a line that does while the other does not is said, and the feed carried on.
 *
 * That a feed has passed from one daemon to the next, and is live again, stands in the stream, too: whoever
 * follows it sees both, however short the time between them.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "event.h"
#include "feed/feed.h"

struct config_feed;
struct stream;

#define HEALTH_LINES 2

struct health {
        enum feed_state source; /* as it said last */
        char why[256];          /* in its words; empty: told already */
        bool over;              /* the venue has ended the session */
        bool silent;
        bool passed;    /* it came from another daemon, and has not been live since */
        bool unheard;   /* and nothing has come of it */
        uint32_t state; /* FEED_... that was said last */

        ev_timer timer; /* looks whether all is silent; of sources on the network */
        int64_t stale;  /* ns of silence; 0: this source may be silent */
        unsigned lines; /* it has */
        struct {
                int64_t heard; /* packet.now of its last packet; of the start, before the first */
                bool silent;
        } line[HEALTH_LINES];

        struct log_gate gate;
};

void health_init(struct stream *stream, const struct config_feed *config);
void health_start(struct stream *stream);
void health_stop(struct stream *stream);

/* A packet came on a line. */
void health_hear(struct stream *stream, const struct packet *packet);

/* What the source says of itself; `why` may be NULL. */
void health_source(struct stream *stream, enum feed_state state, const char *why);

/* The end of a burst: says the state if it has changed. */
void health_update(struct stream *stream);
