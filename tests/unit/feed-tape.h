#pragma once

/* A sink that remembers what a source hands it, and a loop that runs until there is enough of it. */

#include <errno.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "feed/feed.h"

#define TAPE_PACKETS  64 /* of which bytes and stamps are kept */
#define TAPE_BYTES    64 /* of each */
#define TAPE_PATIENCE 60 /* seconds */

struct tape_packet {
        uint8_t data[TAPE_BYTES];
        size_t size;
        int64_t ts_recv;
        uint64_t number;
        unsigned line;
        bool cut;
        int64_t came; /* ns of CLOCK_MONOTONIC */
};

struct tape {
        struct ev_loop *loop;
        int64_t began;                           /* ns of CLOCK_MONOTONIC: nothing was due before */
        struct tape_packet packet[TAPE_PACKETS]; /* the first ones */
        uint64_t packets, bytes, cut, flushes, restarts, skips, drops;
        uint64_t digest;    /* of all payloads, in their order */
        uint64_t unflushed; /* packets since the last flush */
        uint64_t burst;     /* most packets between two flushes */
        uint64_t skipped;   /* number of the last frame skipped */
        const char *cause;  /* of that */
        unsigned states;    /* changes */
        enum feed_state state;
        char text[512];  /* with the last change */
        bool is_over;    /* ENDED or DOWN was said */
        bool is_patient; /* there is somebody else who sees that it hangs */
        bool is_late;    /* patience ran out */
        uint64_t enough; /* packets until the loop ends; 0: until the source does */

        /* more to do with each packet; NULL: nothing */
        void (*then)(struct tape *tape, const struct packet *packet);
};

static inline int64_t tape_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline void tape_on_packet(void *userdata, const struct packet *packet) {
        struct tape *tape = userdata;
        struct tape_packet *kept;

        if (tape->packets < TAPE_PACKETS) {
                kept = &tape->packet[tape->packets];
                *kept = (struct tape_packet){
                        .size = packet->size,
                        .ts_recv = packet->ts_recv,
                        .number = packet->number,
                        .line = packet->line,
                        .cut = packet->cut,
                        .came = tape_now(),
                };
                memcpy(kept->data, packet->data,
                       packet->size < TAPE_BYTES ? packet->size : TAPE_BYTES);
        }
        for (size_t i = 0; i < packet->size; i++)
                tape->digest = (tape->digest ^ packet->data[i]) * UINT64_C(0x100000001b3);
        tape->packets++;
        tape->unflushed++;
        tape->bytes += packet->size;
        tape->cut += packet->cut;
        if (tape->then)
                tape->then(tape, packet);
        if (tape->packets == tape->enough)
                ev_break(tape->loop, EVBREAK_ALL);
}

static inline void tape_on_flush(void *userdata) {
        struct tape *tape = userdata;

        if (tape->burst < tape->unflushed)
                tape->burst = tape->unflushed;
        tape->unflushed = 0;
        tape->flushes++;
}

static inline void tape_on_state(void *userdata, enum feed_state state, const char *text) {
        struct tape *tape = userdata;

        tape->states++;
        tape->state = state;
        strncpy(tape->text, text ? text : "", sizeof(tape->text) - 1);
        if (state != FEED_STATE_LIVE) {
                tape->is_over = true;
                ev_break(tape->loop, EVBREAK_ALL);
        }
}

static inline void tape_on_restart(void *userdata) {
        struct tape *tape = userdata;

        tape->restarts++;
}

static inline void tape_on_dropped(void *userdata, unsigned line, uint64_t n) {
        struct tape *tape = userdata;

        tape->drops += line == 0 ? n : 0;
}

static inline void tape_on_skipped(void *userdata, uint64_t number, const char *cause) {
        struct tape *tape = userdata;

        tape->skips++;
        tape->skipped = number;
        tape->cause = cause;
}

static const struct feed_sink tape_sink = {
        .packet = tape_on_packet,
        .flush = tape_on_flush,
        .state = tape_on_state,
        .restart = tape_on_restart,
        .dropped = tape_on_dropped,
        .skipped = tape_on_skipped,
};

static inline void tape_on_patience(struct ev_loop *loop, ev_timer *timer, int events) {
        struct tape *tape = timer->data;

        (void)events;
        tape->is_late = true;
        ev_break(loop, EVBREAK_ALL);
}

/* Runs the loop until the source is over, or there is enough, or patience has run out. */
static inline void tape_run(struct tape *tape) {
        ev_timer patience;

        ev_timer_init(&patience, tape_on_patience, TAPE_PATIENCE, 0);
        patience.data = tape;
        tape->began = tape_now();
        if (!tape->is_patient)
                ev_timer_start(tape->loop, &patience);
        ev_run(tape->loop, 0);
        ev_timer_stop(tape->loop, &patience);
}

/* Plays a source from its beginning to its end, or as far as is enough. The result is feed_new()'s. */
static inline int tape_play(struct tape *tape, const struct config_feed *config) {
        struct feed *feed;
        int r;

        tape->loop = ev_loop_new(EVFLAG_AUTO);
        if (!tape->loop)
                return -ENOMEM;
        r = feed_new(&feed, config, tape->loop, NULL, &tape_sink, tape);
        if (r == 0) {
                feed_start(feed);
                tape_run(tape);
                feed_free(feed);
        }
        ev_loop_destroy(tape->loop);
        return r;
}
