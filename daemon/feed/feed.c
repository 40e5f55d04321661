/* Feeds: the config's source to its functions, and what all sources have in common. */

#include "feed/feed.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "feed/source.h"

int feed_init(struct feed *feed, const struct feed_ops *ops, const struct config_feed *config,
              struct ev_loop *loop, const struct feed_sink *sink, void *userdata) {
        *feed = (struct feed){
                .ops = ops,
                .loop = loop,
                .sink = sink,
                .userdata = userdata,
        };
        feed->name = strdup(config->name);
        return feed->name ? 0 : error_origin(-ENOMEM);
}

void feed_deinit(struct feed *feed) {
        free(feed->name);
        feed->name = NULL;
}

void feed_say(struct feed *feed, enum feed_state state, const char *format, ...) {
        char text[512];
        va_list args;

        if (feed->has_state && state == feed->state)
                return;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        feed->state = state;
        feed->has_state = true;
        feed->sink->state(feed->userdata, state, text);
}

int feed_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
             struct bequests *bequests, const struct feed_sink *sink, void *userdata) {
        switch (config->source) {
        case CONFIG_SOURCE_FILE:
                return error_trace(file_new(feedp, config, loop, sink, userdata));
        case CONFIG_SOURCE_PCAP:
                return error_trace(replay_new(feedp, config, loop, sink, userdata));
        case CONFIG_SOURCE_PUBLISHER:
                return error_trace(local_new(feedp, config, loop, sink, userdata));
        case CONFIG_SOURCE_UDP:
                return error_trace(udp_new(feedp, config, loop, bequests, sink, userdata));
        }
        return error_origin(-EINVAL);
}

struct feed *feed_free(struct feed *feed) {
        if (feed) {
                feed_stop(feed);
                feed->ops->free(feed);
        }
        return NULL;
}

bool feed_ask(struct feed *feed, const uint8_t *request, size_t size) {
        return feed->ops->ask && feed->ops->ask(feed, request, size);
}

void feed_start(struct feed *feed) {
        feed->ops->start(feed);
}

void feed_stop(struct feed *feed) {
        feed->ops->stop(feed);
}
