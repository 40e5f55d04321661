#pragma once

/*
 * A feed's source: where packets come from
 *
 * A source is told how to begin by the config, lives on the loop, and hands each packet to its sink
 * in the order of arrival. It does not look into the packets. What a packet says can never be an
 * error of the source; what the operating system says is, and ends the source alone: the feed is
 * then DOWN or ENDED, with a sentence, and the daemon goes on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "event.h"

struct bequests;
struct ev_loop;
struct feed;

enum feed_state {
        FEED_STATE_DOWN,
        FEED_STATE_LIVE,
        FEED_STATE_ENDED, /* read to its end */
};

/* What the source calls; `userdata` is the sink's. */
struct feed_sink {
        void (*packet)(void *userdata, const struct packet *packet);
        /* A burst of packets is over: now is the time to wake clients. */
        void (*flush)(void *userdata);
        /* Said once per change. `text` is a sentence without the feed's name, or NULL. */
        void (*state)(void *userdata, enum feed_state state, const char *text);
        /* The source begins afresh (a recording in a loop): no packet before counts. */
        void (*restart)(void *userdata);
        /* `n` packets were lost before they reached us, as the kernel says. */
        void (*dropped)(void *userdata, unsigned line, uint64_t n);
        /* How many were said to be so far, by this daemon and its predecessors. */
        uint64_t (*drops)(void *userdata, unsigned line);
        /* A frame that holds no packet for us, or a broken one; `cause` is a fixed text. */
        void (*skipped)(void *userdata, uint64_t number, const char *cause);

        /* A source that brings ticks instead of packets: publishes one. NULL, or what is wrong with
         * it in words; it has then not been published. */
        const char *(*tick)(void *userdata, struct md_tick *tick);
        /* The number that the next one will be published under. */
        uint64_t (*next)(void *userdata);
        /* Whoever brings them is not to be trusted. The source may be closed from within. */
        void (*liar)(void *userdata, const char *what);
};

/*
 * Makes the source that `config` names, and opens what it reads: a missing file or an address in use
 * is a negative errno here, with a sentence in the log that names the feed. Nothing is handed to the
 * sink before feed_start(). With `bequests`, what came to a predecessor's sockets is taken first, and
 * these sockets are left to the next daemon; NULL: there is neither.
 */
int feed_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
             struct bequests *bequests, const struct feed_sink *sink, void *userdata);
struct feed *feed_free(struct feed *feed);

/* Sends a request to the config's `recovery`; what it answers comes as packets of the third line. It may
 * be lost on the way, or the answer may. False: there is nobody to ask. */
bool feed_ask(struct feed *feed, const uint8_t *request, size_t size);

void feed_start(struct feed *feed);
void feed_stop(struct feed *feed);
