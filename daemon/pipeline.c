/*
 * From a packet to the ticks in the segment; pipeline.h shows the way.
 */

#include "pipeline.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "feed/feed.h"
#include "publishers.h"
#include "stream.h"

/* ---- the stream in order ---- */

static void take_messages(struct stream *stream, const struct packet *packet, struct framed *framed,
                          uint32_t skip) {
        struct message message;

        stream->health.unheard = false;
        messages_begin(stream, packet);
        while (framed_next(framed, &message))
                if (skip)
                        skip--;
                else
                        messages_take(stream, message.data, message.size);
}

static void on_packet(void *userdata, const struct packet *packet, struct framed *framed,
                      uint32_t skip) {
        struct stream *stream = userdata;

        stream->stats.session = (uint32_t)framed->session;
        stream->health.over = framed->ends;
        if (stream->catchup.on)
                catchup_take(stream, packet, framed, skip);
        else
                take_messages(stream, packet, framed, skip);
}

/* The session was there before us. Nobody can know a book that was begun without him. */
static void on_join(void *userdata, uint64_t first) {
        struct stream *stream = userdata;

        log_feed(LOG_NOTICE, LOG_PLAIN, stream->name, ": joins its session at message %llu",
                 (unsigned long long)first);
        if (books_kept(stream->decoder))
                books_suspect(stream, stream->stats.last_recv);
}

static void on_gap(void *userdata, uint64_t first, uint64_t n) {
        struct stream *stream = userdata;

        stream->stats.gaps++;
        stream->stats.missed += n;
        if (log_gate_pass(&stream->gate, 10, 10))
                log_feed(LOG_WARNING, LOG_FEED_GAP, stream->name,
                         ": %llu messages are missing before number %llu", (unsigned long long)n,
                         (unsigned long long)(first + n));
        books_suspect(stream, stream->stats.last_recv);
}

static void on_reset(void *userdata, const struct packet *packet, const struct framed *framed) {
        struct stream *stream = userdata;
        char session[FRAMING_SESSION_SIZE];

        catchup_cancel(stream);
        stream->framing->session(framed->session, session);
        if (log_gate_pass(&stream->gate, 10, 10))
                log_feed(LOG_NOTICE, LOG_PLAIN, stream->name,
                         ": packet %llu: session %s begins afresh",
                         (unsigned long long)packet->number, session);
        stream_begin_afresh(stream, packet->ts_recv);
}

static int64_t now_monotonic(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* A request that goes beyond what is allowed is not sent: it will be asked for again. */
static void on_ask(void *userdata, uint64_t session, uint64_t first, uint64_t n) {
        struct stream *stream = userdata;

        if (throttle_pass(&stream->asking, now_monotonic()))
                stream_ask(stream, session, first, n);
}

static bool on_catch_up(void *userdata, uint64_t session, uint64_t known) {
        return catchup_begin(userdata, session, known, now_monotonic());
}

static void on_caught_up(void *userdata) {
        catchup_end(userdata, now_monotonic());
}

static void on_gave_in(void *userdata) {
        catchup_fail(userdata);
}

static const struct arbiter_ops stream_ops = {
        .packet = on_packet,
        .join = on_join,
        .gap = on_gap,
        .reset = on_reset,
        .ask = on_ask,
        .catch_up = on_catch_up,
        .caught_up = on_caught_up,
        .gave_in = on_gave_in,
};

/* ---- packets ---- */

/* Whether a decoder reads the messages that IEX-TP carries under that id. */
static bool speaks(const struct decoder *decoder, uint16_t protocol) {
        for (const uint16_t *known = decoder->iextp; known && *known; known++)
                if (*known == protocol)
                        return true;
        return false;
}

static void count_packet(struct stream *stream, const struct packet *packet) {
        stream->stats.packets++;
        stream->stats.bytes += packet->size;
        stream->stats.last_recv = packet->ts_recv;
        if (packet->line < FEED_LINES) {
                stream->stats.line[packet->line].packets++;
                stream->stats.line[packet->line].last_recv = packet->ts_recv;
        }
}

/* Messages without numbers are in order by themselves; but not among others that have some. */
static void take_unnumbered(struct stream *stream, const struct packet *packet,
                            struct framed *framed) {
        if (stream->arbiter.begun)
                stream_refuse(stream, CAUSE_UNNUMBERED, "packet %llu",
                              (unsigned long long)packet->number);
        else
                take_messages(stream, packet, framed, 0);
}

/* The first packet with numbers that a line brings after a start. A lower one than a predecessor had is a late
 * copy, if it is not too late for that; then, the session has begun again under its old id. */
static void resume(struct stream *stream, const struct packet *packet,
                   const struct framed *framed) {
        bool same = (uint32_t)framed->session == stream->inherited.session;

        stream->inherited.there = false;
        if (same && framed->sequence < stream->inherited.next &&
            packet->ts_recv - stream->inherited.last_recv >= ARBITER_SILENCE) {
                stream_begin_afresh(stream, packet->ts_recv);
                return;
        }
        arbiter_resume(&stream->arbiter, same ? framed->session : stream->inherited.session,
                       stream->inherited.next, stream->stats.last_event);
        if (same)
                arbiter_go_back(&stream->arbiter, packet->now);
}

static void pipeline_packet(void *userdata, const struct packet *packet) {
        struct stream *stream = userdata;
        struct framed framed;
        int r;

        count_packet(stream, packet);
        r = stream->framing->parse(&framed, packet->data, packet->size);
        if (r) {
                stream_refuse(stream, CAUSE_FRAMING + (unsigned)r, "packet %llu%s",
                              (unsigned long long)packet->number,
                              packet->cut ? " (cut by the recording)" : "");
                return;
        }
        if (stream->framing->protocols && !speaks(stream->decoder, framed.protocol)) {
                stream_refuse(stream, CAUSE_PROTOCOL,
                              "packet %llu: message protocol 0x%04x, not %s",
                              (unsigned long long)packet->number, framed.protocol,
                              stream->decoder->protocol);
                return;
        }
        stream->protocol = framed.protocol;
        health_hear(stream, packet);
        if (!framed.count)
                stream->stats.heartbeats++;
        if (framed.sequence && stream->inherited.there && packet->line != ARBITER_LINE_RECOVERY)
                resume(stream, packet, &framed);
        if (framed.sequence)
                arbiter_accept(&stream->arbiter, packet, &framed);
        else
                take_unnumbered(stream, packet, &framed);
        if (stream->catchup.on && packet->line == ARBITER_LINE_RECOVERY)
                catchup_hear(stream, &framed, packet->now);
}

/* ---- the arbiter's clock ---- */

/* Has the arbiter woken when a hole is due, should nothing arrive before. In a recording nothing ever
 * is: its packets are all the time that passes. */
static void set_wake(struct stream *stream) {
        struct ev_loop *loop = stream->pipeline->loop;
        int64_t due, now;

        if (!stream->is_live)
                return;
        due = arbiter_deadline(&stream->arbiter);
        if (stream->catchup.on && catchup_deadline(stream) < due)
                due = catchup_deadline(stream);
        if (due == ARBITER_NEVER) {
                ev_timer_stop(loop, &stream->wake);
                return;
        }
        now = now_monotonic();
        ev_timer_stop(loop, &stream->wake);
        ev_timer_set(&stream->wake, due > now ? (double)(due - now) / 1e9 : 0, 0);
        ev_timer_start(loop, &stream->wake);
}

static void pipeline_flush(void *userdata) {
        struct stream *stream = userdata;

        if (stream->catchup.on)
                catchup_go_on(stream, now_monotonic());
        stream_flush(stream);
        set_wake(stream);
}

static void pipeline_wake(struct ev_loop *loop, ev_timer *timer, int events) {
        struct stream *stream = container_of(timer, struct stream, wake);

        (void)loop;
        (void)events;
        arbiter_expire(&stream->arbiter, now_monotonic());
        pipeline_flush(stream);
}

/* ---- what else a source says ---- */

static void pipeline_state(void *userdata, enum feed_state state, const char *text) {
        struct stream *stream = userdata;

        if (stream->pipeline->leaving)
                return;
        if (state != FEED_STATE_LIVE)
                arbiter_drain(&stream->arbiter);
        if (state == FEED_STATE_ENDED)
                books_end(stream);
        health_source(stream, state, text);
}

static void pipeline_restart(void *userdata) {
        struct stream *stream = userdata;

        arbiter_drain(&stream->arbiter);
        arbiter_forget(&stream->arbiter);
        stream_begin_afresh(stream, stream->stats.last_recv);
        pipeline_flush(stream);
}

static void pipeline_dropped(void *userdata, unsigned line, uint64_t n) {
        struct stream *stream = userdata;

        if (line < FEED_LINES)
                atomic_fetch_add_explicit(&stream->record->line[line].dropped, n,
                                          memory_order_relaxed);
}

static uint64_t pipeline_drops(void *userdata, unsigned line) {
        const struct stream *stream = userdata;

        return line < FEED_LINES ? atomic_load(&stream->record->line[line].dropped) : 0;
}

static void pipeline_skipped(void *userdata, uint64_t number, const char *cause) {
        stream_refuse(userdata, CAUSE_SKIPPED, "frame %llu (%s)", (unsigned long long)number,
                      cause);
}

static const struct feed_sink pipeline_sink = {
        .packet = pipeline_packet,
        .flush = pipeline_flush,
        .state = pipeline_state,
        .restart = pipeline_restart,
        .dropped = pipeline_dropped,
        .drops = pipeline_drops,
        .skipped = pipeline_skipped,
        .tick = publishers_tick,
        .next = publishers_next,
        .liar = publishers_liar,
};

/* ---- set-up ---- */

static struct stream *stream_free(struct stream *stream) {
        if (stream) {
                if (stream->pipeline)
                        ev_timer_stop(stream->pipeline->loop, &stream->wake);
                feed_free(stream->feed);
                stream_deinit(stream);
                free(stream);
        }
        return NULL;
}

static void stream_freep(struct stream **stream) {
        stream_free(*stream);
}

bool pipeline_knows(const char *protocol) {
        return decoder_find(protocol) != NULL;
}

bool pipeline_brings(const struct config_feed *config) {
        /* a file has the pace of the times in its messages, which are where ITCH has them */
        return config->source != CONFIG_SOURCE_FILE || !decoder_find(config->protocol)->iextp;
}

bool pipeline_carries(const char *name, const struct config_feed *config) {
        const struct framing *framing = framing_find(name);

        if (framing->pieces || config->source == CONFIG_SOURCE_FILE)
                return framing->pieces && config->source == CONFIG_SOURCE_FILE;
        /* what says which protocol it carries, carries no other */
        return framing->protocols == (decoder_find(config->protocol)->iextp != NULL);
}

/* Two feeds of a venue share its instruments, and each of these is one feed's alone. */
static void tell_same_venue(const struct pipeline *pipeline, const struct stream *stream) {
        for (size_t i = 0; i < pipeline->n_streams; i++) {
                const struct stream *other = pipeline->streams[i];

                if (stream->decoder && other->decoder &&
                    !strcmp(stream->decoder->venue, other->decoder->venue))
                        log_feed(LOG_WARNING, LOG_PLAIN, stream->name,
                                 " is of the same venue as feed %s, %s: an instrument belongs to "
                                 "the one that brings it first, and the other's word on it is "
                                 "refused; each in a daemon of its own (mdshmd -i) has all",
                                 other->name, stream->decoder->venue);
        }
}

int pipeline_add(struct pipeline *pipeline, const struct config_feed *config) {
        _cleanup_(stream_freep) struct stream *stream = NULL;
        struct stream **streams;
        int r;

        stream = calloc(1, sizeof(*stream));
        streams = realloc(pipeline->streams, (pipeline->n_streams + 1) * sizeof(*streams));
        if (streams)
                pipeline->streams = streams;
        if (!stream || !streams)
                return error_origin(-ENOMEM);

        r = stream_init(stream, pipeline, config, &stream_ops);
        if (r < 0)
                return error_trace(r);
        ev_init(&stream->wake, pipeline_wake);
        r = feed_new(&stream->feed, config, pipeline->loop, pipeline->bequests, &pipeline_sink,
                     stream);
        if (r < 0)
                return error_trace(r);
        tell_same_venue(pipeline, stream);
        pipeline->streams[pipeline->n_streams++] = stream;
        stream = NULL;
        return 0;
}

void pipeline_start(struct pipeline *pipeline) {
        for (size_t i = 0; i < pipeline->n_streams; i++) {
                if (pipeline->streams[i]->rewind)
                        stream_rewind(pipeline->streams[i]);
                health_start(pipeline->streams[i]);
                feed_start(pipeline->streams[i]->feed);
        }
}

void pipeline_init(struct pipeline *pipeline, struct ev_loop *loop, struct segment *segment,
                   struct notifier *notifier) {
        *pipeline = (struct pipeline){ .loop = loop, .segment = segment, .notifier = notifier };
        publisher_init(&pipeline->publisher, segment);
}

void pipeline_deinit(struct pipeline *pipeline) {
        for (size_t i = 0; i < pipeline->n_streams; i++)
                stream_free(pipeline->streams[i]);
        free(pipeline->streams);
        *pipeline = (struct pipeline){ 0 };
}
