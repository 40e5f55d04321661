#pragma once

/* What every source begins with, for the sources alone. */

#include <stdbool.h>

#include "feed/feed.h"

struct feed_ops {
        void (*start)(struct feed *feed);
        void (*stop)(struct feed *feed);
        void (*free)(struct feed *feed); /* stopped before */

        /* See feed_ask(); NULL: this source has nobody to ask. */
        bool (*ask)(struct feed *feed, const uint8_t *request, size_t size);
};

struct feed {
        const struct feed_ops *ops;
        char *name;
        struct ev_loop *loop;
        const struct feed_sink *sink;
        void *userdata;
        enum feed_state state; /* said last */
        bool has_state;        /* one was said */
};

int feed_init(struct feed *feed, const struct feed_ops *ops, const struct config_feed *config,
              struct ev_loop *loop, const struct feed_sink *sink, void *userdata);
void feed_deinit(struct feed *feed);

/* Says the state to the sink, unless it is the one said last. */
void feed_say(struct feed *feed, enum feed_state state, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* One per source: they make what feed_new() hands out. */
int file_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
             const struct feed_sink *sink, void *userdata);
int replay_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
               const struct feed_sink *sink, void *userdata);
int local_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
              const struct feed_sink *sink, void *userdata);
int udp_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
            struct bequests *bequests, const struct feed_sink *sink, void *userdata);
