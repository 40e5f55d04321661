/*
 * From a packet to the ticks in the segment; pipeline.h shows the way.
 */

#include "pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "feed/feed.h"
#include "publishers.h"
#include "stream.h"

/* ---- packets ---- */

/* Whether the packet's messages are to be looked at; *skip of them came before. */
static bool arbitrate(struct stream *stream, const struct iextp *segment,
                      const struct packet *packet, uint32_t *skip) {
        struct arbiter_packet numbers = {
                .session = segment->session,
                .sequence = segment->sequence,
                .count = segment->count,
                .sent = segment->sent,
        };
        struct arbiter_verdict verdict;
        bool use = true;

        switch (arbiter_accept(&stream->arbiter, &numbers, &verdict)) {
        case ARBITER_E_DUPLICATE:
                use = false;
                break;
        case ARBITER_E_GAP:
                stream->stats.gaps++;
                stream->stats.missed += verdict.missed;
                if (log_gate_pass(&stream->gate, 10, 10))
                        log_warning("feed %s: packet %llu: %llu messages are missing before number "
                                    "%llu",
                                    stream->name, (unsigned long long)packet->number,
                                    (unsigned long long)verdict.missed,
                                    (unsigned long long)segment->sequence);
                break;
        case ARBITER_E_RESET:
                if (log_gate_pass(&stream->gate, 10, 10))
                        log_notice("feed %s: packet %llu: session %u begins afresh", stream->name,
                                   (unsigned long long)packet->number, segment->session);
                stream_begin_afresh(stream, packet->ts_recv);
                if (verdict.missed) {
                        stream->stats.gaps++;
                        stream->stats.missed += verdict.missed;
                }
                break;
        }
        if (verdict.missed)
                books_suspect(stream, packet->ts_recv);
        stream->stats.session = segment->session;
        *skip = verdict.skip;
        stream->stats.duplicates += use ? verdict.skip : segment->count;
        return use;
}

/* Whether a decoder reads the messages that IEX-TP carries under that id. */
static bool speaks(const struct decoder *decoder, uint16_t protocol) {
        for (const uint16_t *known = decoder->iextp; known && *known; known++)
                if (*known == protocol)
                        return true;
        return false;
}

static void pipeline_packet(void *userdata, const struct packet *packet) {
        struct stream *stream = userdata;
        struct iextp_message message;
        struct iextp segment;
        uint32_t skip;
        int r;

        stream->stats.packets++;
        stream->stats.bytes += packet->size;
        stream->stats.last_recv = packet->ts_recv;

        r = iextp_parse(&segment, packet->data, packet->size);
        if (r != IEXTP_OK) {
                stream_refuse(stream, CAUSE_FRAMING + (unsigned)r, "packet %llu%s",
                              (unsigned long long)packet->number,
                              packet->cut ? " (cut by the recording)" : "");
                return;
        }
        if (!speaks(stream->decoder, segment.protocol)) {
                stream_refuse(stream, CAUSE_PROTOCOL,
                              "packet %llu: message protocol 0x%04x, not %s",
                              (unsigned long long)packet->number, segment.protocol,
                              stream->decoder->protocol);
                return;
        }
        if (!segment.count)
                stream->stats.heartbeats++;
        if (!arbitrate(stream, &segment, packet, &skip))
                return;
        messages_begin(stream, packet);
        while (iextp_next(&segment, &message))
                if (skip)
                        skip--;
                else
                        messages_take(stream, message.data, message.size);
        messages_end(stream);
}

/* ---- what else a source says ---- */

static void pipeline_flush(void *userdata) {
        stream_flush(userdata);
}

static void pipeline_state(void *userdata, enum feed_state state, const char *text) {
        static const uint32_t states[] = {
                [FEED_STATE_DOWN] = FEED_DOWN,
                [FEED_STATE_LIVE] = FEED_LIVE,
                [FEED_STATE_ENDED] = FEED_ENDED,
        };
        static const char *const words[] = {
                [FEED_STATE_DOWN] = "is down",
                [FEED_STATE_LIVE] = "is live",
                [FEED_STATE_ENDED] = "has ended",
        };
        struct stream *stream = userdata;

        stream_flush(stream);
        atomic_store_explicit(&stream->record->state, states[state], memory_order_release);
        log_notice("feed %s %s%s%s", stream->name, words[state], text ? ": " : "",
                   text ? text : "");
}

static void pipeline_restart(void *userdata) {
        struct stream *stream = userdata;

        arbiter_init(&stream->arbiter);
        stream_begin_afresh(stream, stream->stats.last_recv);
        pipeline_flush(stream);
}

static void pipeline_dropped(void *userdata, unsigned line, uint64_t n) {
        struct stream *stream = userdata;

        atomic_fetch_add_explicit(&stream->record->line[line].dropped, n, memory_order_relaxed);
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
        .skipped = pipeline_skipped,
        .tick = publishers_tick,
        .liar = publishers_liar,
};

/* ---- set-up ---- */

static struct stream *stream_free(struct stream *stream) {
        if (stream) {
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

        r = stream_init(stream, pipeline, config);
        if (r < 0)
                return error_trace(r);
        r = feed_new(&stream->feed, config, pipeline->loop, &pipeline_sink, stream);
        if (r < 0)
                return error_trace(r);
        pipeline->streams[pipeline->n_streams++] = stream;
        stream = NULL;
        return 0;
}

void pipeline_start(struct pipeline *pipeline) {
        for (size_t i = 0; i < pipeline->n_streams; i++) {
                if (pipeline->streams[i]->rewind)
                        stream_rewind(pipeline->streams[i]);
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
