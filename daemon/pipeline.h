#pragma once

/*
 * The pipeline: from a packet to the ticks in the segment
 *
 * The only file that knows all stages, and nothing but the way between them:
 *
 *      feed      hands over a packet                   sink of feed/feed.h
 *      framing   checks it whole                       framing->parse()
 *      arbiter   puts them in order, each once         arbiter_accept()
 *      messages  decode, apply and publish each        messages_take()
 *      notifier  wakes clients, once per burst         notifier_flush()
 *
 * What cannot be used is counted by cause, each cause is named once per feed in the log, and the rest
 * goes on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "publish/notifier.h"
#include "publish/publisher.h"
#include "shm/segment.h"

struct bequests;
struct ev_loop;
struct stream;

struct pipeline {
        struct ev_loop *loop;
        struct segment *segment;
        struct notifier *notifier;
        struct publisher publisher;
        struct bequests *bequests; /* of the feeds; NULL: nobody was before, nobody will be after */
        bool leaving;            /* the next daemon goes on: what stops here is not said to have */
        struct stream **streams; /* one per feed */
        size_t n_streams;
};

void pipeline_init(struct pipeline *pipeline, struct ev_loop *loop, struct segment *segment,
                   struct notifier *notifier);
void pipeline_deinit(struct pipeline *pipeline);

/* Adds a feed and opens its source; what a predecessor left of it in the segment is taken as its present
 * state. Negative errno, with a sentence in the log. */
int pipeline_add(struct pipeline *pipeline, const struct config_feed *config);

void pipeline_start(struct pipeline *pipeline);

/* Whether a feed can speak that protocol, for the check of a config. */
bool pipeline_knows(const char *protocol);

/* Whether its protocol, one that is known, can come from its source. */
bool pipeline_brings(const struct config_feed *config);

/* Whether that framing can be a feed's, whose protocol is known. */
bool pipeline_carries(const char *name, const struct config_feed *config);
