/*
 * The pcap source: a recording, played again
 *
 * Packets are numbered as other tools number the frames of the file, those that hold no packet for us
 * included. Where the config says what a line is, what goes elsewhere is passed over; else all of it is
 * one line. Functions are called replay_...: pcap_... belongs to libpcap.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "feed/frame.h"
#include "feed/pace.h"
#include "feed/recording.h"
#include "feed/source.h"

#define BURST 256 /* frames per round of the loop */

/* Why a burst was the last, beside RECORDING_E_...: as many packets as the config asks for. */
#define REPLAY_E_ENOUGH _RECORDING_E_N

#define REPLAY_LINES 2

/* Where the datagrams of a line go. */
struct destination {
        uint8_t address[sizeof(struct in6_addr)];
        size_t size; /* of it; 0: there is no such line */
        uint16_t port;
};

struct replay {
        struct feed feed;
        struct destination line[REPLAY_LINES]; /* none: all datagrams are of line A */
        struct pace pace;
        ev_io timer; /* on the pace's */
        char *path;
        uint64_t wanted; /* packets; 0: all */
        bool loops;
        bool told_cut; /* in the log, the first time round */

        struct recording *recording; /* NULL: over */
        struct recording_frame next; /* the newest read */
        bool has_next;               /* it is not handed on yet */
        int64_t now;                 /* TIME of the newest frame so far */
        uint64_t packets;            /* handed on, over all rounds */
        uint64_t before;             /* of these, in earlier rounds */
};

/* The line that a datagram came on; REPLAY_LINES: it is not for us. */
static unsigned line_of(const struct replay *replay, const struct frame *frame) {
        unsigned i = 0;

        if (!replay->line[0].size)
                return 0;
        while (i < REPLAY_LINES &&
               (replay->line[i].size != frame->to_size || replay->line[i].port != frame->to_port ||
                memcmp(replay->line[i].address, frame->to, frame->to_size)))
                i++;
        return i;
}

/* Hands on the frame that was read. */
static void replay_hand_on(struct replay *replay) {
        const struct recording_frame *next = &replay->next;
        struct feed *feed = &replay->feed;
        struct frame frame;
        struct packet packet;
        unsigned line;
        int r;

        replay->has_next = false;
        if (next->time > replay->now) /* recordings may step back */
                replay->now = next->time;
        r = frame_parse(&frame, recording_link(replay->recording), next->data, next->captured,
                        next->length);
        if (r) {
                feed->sink->skipped(feed->userdata, next->number, frame_cause(r));
                return;
        }

        line = line_of(replay, &frame);
        if (line == REPLAY_LINES)
                return;
        packet = (struct packet){
                .data = frame.payload,
                .size = frame.size,
                .ts_recv = next->time,
                .now = replay->now,
                .number = next->number,
                .line = line,
                .cut = frame.cut,
        };
        replay->packets++;
        feed_say(feed, FEED_STATE_LIVE, "playing %s", replay->path);
        feed->sink->packet(feed->userdata, &packet);
}

/* Hands on what is due, at most a burst. Returns 0 if there may be more, or why there is no more. */
static int replay_burst(struct replay *replay, struct recording_why *why) {
        int64_t due, now = pace_now();
        int r;

        for (unsigned n = 0; n < BURST; n++) {
                if (replay->wanted && replay->packets >= replay->wanted)
                        return REPLAY_E_ENOUGH;
                if (!replay->has_next) {
                        r = recording_next(replay->recording, &replay->next, why);
                        if (r)
                                return r;
                        replay->has_next = true;
                }
                due = pace_due(&replay->pace, replay->next.time, now);
                if (due > now) {
                        pace_wake(&replay->pace, due);
                        return 0;
                }
                replay_hand_on(replay);
        }
        return 0;
}

static void replay_close(struct replay *replay) {
        ev_io_stop(replay->feed.loop, &replay->timer);
        replay->recording = recording_free(replay->recording);
}

/* Begins again at the first frame. The file is opened anew: it may be another one by now. */
static void replay_again(struct replay *replay) {
        struct recording_why why;
        int r;

        recording_free(replay->recording);
        replay->recording = NULL;
        r = recording_new(&replay->recording, replay->path, &why);
        if (r) {
                replay_close(replay);
                feed_say(&replay->feed, FEED_STATE_DOWN, "cannot begin %s again: %s", replay->path,
                         why.text);
                return;
        }
        replay->before = replay->packets;
        pace_begin(&replay->pace);
        replay->now = 0;
        replay->feed.sink->restart(replay->feed.userdata);
}

/* Says how it ended, and where. */
static void replay_say_end(struct replay *replay, int outcome, const struct recording_why *why) {
        struct feed *feed = &replay->feed;
        const char *none =
                replay->line[0].size && !replay->packets ? "; none of them goes to a or b" : "";
        uint64_t read = replay->next.number;

        switch (outcome) {
        case REPLAY_E_ENOUGH:
                feed_say(feed, FEED_STATE_ENDED,
                         "ended after %" PRIu64 " packets, as many as were asked for",
                         replay->packets);
                break;
        case RECORDING_E_END:
                feed_say(feed, FEED_STATE_ENDED, "ended after %" PRIu64 " packets%s", read, none);
                break;
        case RECORDING_E_CUT:
                feed_say(feed, FEED_STATE_ENDED,
                         "ended after %" PRIu64
                         " packets; the recording is cut off in packet %" PRIu64,
                         read, read + 1);
                break;
        default:
                feed_say(feed, FEED_STATE_DOWN,
                         "stopped after %" PRIu64
                         " packets; the recording is damaged in packet %" PRIu64 ": %s",
                         read, read + 1, why->text);
                break;
        }
}

/* A burst was the last one of this round. A round without a packet is not begun again. */
static void replay_end(struct replay *replay, int outcome, const struct recording_why *why) {
        bool is_read = outcome == RECORDING_E_END || outcome == RECORDING_E_CUT;

        if (!is_read || !replay->loops || replay->packets == replay->before) {
                replay_close(replay);
                replay_say_end(replay, outcome, why);
                return;
        }
        if (outcome == RECORDING_E_CUT && !replay->told_cut) {
                replay->told_cut = true;
                log_feed(LOG_NOTICE, LOG_PLAIN, replay->feed.name,
                         ": %s is cut off in packet %" PRIu64 "; it begins again there, each time",
                         replay->path, replay->next.number + 1);
        }
        replay_again(replay);
}

static void replay_dispatch(struct ev_loop *loop, ev_io *io, int events) {
        struct replay *replay = container_of(io, struct replay, timer);
        struct recording_why why;
        uint64_t packets = replay->packets;
        int r;

        (void)loop;
        (void)events;

        /* the timer is not read: setting it anew is what makes it wait */
        r = replay_burst(replay, &why);
        if (replay->packets != packets)
                replay->feed.sink->flush(replay->feed.userdata);
        if (r)
                replay_end(replay, r, &why);
}

static void replay_start(struct feed *feed) {
        struct replay *replay = container_of(feed, struct replay, feed);

        if (!replay->recording)
                return;
        pace_begin(&replay->pace);
        pace_wake(&replay->pace, 1);
        ev_io_start(feed->loop, &replay->timer);
}

static void replay_stop(struct feed *feed) {
        struct replay *replay = container_of(feed, struct replay, feed);

        ev_io_stop(feed->loop, &replay->timer);
}

static void replay_free(struct feed *feed) {
        struct replay *replay = container_of(feed, struct replay, feed);

        recording_free(replay->recording);
        pace_deinit(&replay->pace);
        free(replay->path);
        feed_deinit(feed);
        free(replay);
}

static void set_destination(struct destination *to, const char *endpoint) {
        char address[CONFIG_ADDRESS_SIZE];

        if (!endpoint)
                return;
        config_endpoint(endpoint, address, &to->port);
        to->size = inet_pton(AF_INET, address, to->address) == 1 ? 4 : sizeof(to->address);
        if (to->size > 4)
                inet_pton(AF_INET6, address, to->address);
}

static void replay_freep(struct replay **replayp) {
        if (*replayp)
                replay_free(&(*replayp)->feed);
}

static const struct feed_ops replay_ops = {
        .start = replay_start,
        .stop = replay_stop,
        .free = replay_free,
};

int replay_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
               const struct feed_sink *sink, void *userdata) {
        _cleanup_(replay_freep) struct replay *replay = NULL;
        struct recording_why why;
        int r;

        replay = malloc(sizeof(*replay));
        if (!replay)
                return error_origin(-ENOMEM);
        *replay = (struct replay){
                .pace = PACE_NULL,
                .wanted = config->packets,
                .loops = config->loop,
        };
        ev_io_init(&replay->timer, replay_dispatch, -1, EV_READ);
        r = feed_init(&replay->feed, &replay_ops, config, loop, sink, userdata);
        if (r)
                return error_trace(r);
        set_destination(&replay->line[0], config->a);
        set_destination(&replay->line[1], config->b);
        replay->path = strdup(config->file);
        if (!replay->path)
                return error_origin(-ENOMEM);

        r = recording_new(&replay->recording, replay->path, &why);
        if (r) {
                log_feed(LOG_ERROR, LOG_PLAIN, config->name, ": cannot play %s: %s", config->file,
                         why.text);
                return error_trace(r);
        }
        r = pace_init(&replay->pace, config->speed);
        if (r)
                return error_trace(r);
        ev_io_set(&replay->timer, replay->pace.fd, EV_READ);

        *feedp = &replay->feed;
        replay = NULL;
        return 0;
}
