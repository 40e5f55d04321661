/*
 * From a packet to the ticks in the segment; pipeline.h shows the way.
 */

#include "pipeline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "book/book.h"
#include "decode/decoder.h"
#include "feed/arbiter.h"
#include "feed/feed.h"
#include "feed/iextp.h"
#include "symbols.h"

/* Why a packet or a message could not be used; the causes of the stages follow one another. */
enum {
        CAUSE_FRAMING = 0, /* + IEXTP_E_... */
        CAUSE_DECODE = CAUSE_FRAMING + _IEXTP_E_N,
        CAUSE_PROTOCOL = CAUSE_DECODE + _DECODE_E_N,
        CAUSE_FULL,
        CAUSE_FOREIGN,
        CAUSE_SKIPPED,
        CAUSES,
};

/* A feed on its way through the stages. */
struct stream {
        struct pipeline *pipeline;
        char name[FEED_NAME_SIZE];
        uint32_t index; /* of its record in the segment */
        const struct decoder *decoder;
        struct feed *feed;
        struct arbiter arbiter;
        struct symbols symbols;
        bool rewind; /* a recording that a predecessor had begun to read: it starts again */

        struct shm_feed *record;
        struct {
                uint64_t packets, bytes, heartbeats, messages, ticks, bad;
                uint64_t gaps, missed, duplicates, resets, instruments;
                int64_t last_recv, last_event;
                uint32_t session;
        } stats; /* since the feed was first known; moved to the record once per burst */

        struct shm_counter *types[256];     /* by the first byte of the message; NULL: unknown */
        struct shm_counter *causes[CAUSES]; /* NULL: not seen yet */
};

static const char *cause_text(unsigned cause) {
        static const char *const decode[] = {
                [DECODE_E_TYPE] = "unknown message type",
                [DECODE_E_SHORT] = "message shorter than its type",
                [DECODE_E_SYMBOL] = "unprintable symbol",
                [DECODE_E_VALUE] = "value out of range",
        };

        if (cause < CAUSE_DECODE)
                return iextp_cause((int)cause - CAUSE_FRAMING);
        if (cause < CAUSE_PROTOCOL)
                return decode[cause - CAUSE_DECODE];
        switch (cause) {
        case CAUSE_PROTOCOL:
                return "another message protocol";
        case CAUSE_FULL:
                return "instrument past the capacity";
        case CAUSE_FOREIGN:
                return "instrument of another feed";
        default:
                return "frame that holds no packet";
        }
}

/* Counts something that could not be used; the first of its cause is named in the log. */
__attribute__((format(printf, 3, 4))) static void refuse(struct stream *stream, unsigned cause,
                                                         const char *format, ...) {
        char label[COUNTER_LABEL_SIZE], text[256];
        bool first = !stream->causes[cause];
        va_list args;

        stream->stats.bad++;
        if (first) {
                snprintf(label, sizeof(label), "bad: %s", cause_text(cause));
                stream->causes[cause] =
                        counters_add(&stream->pipeline->segment->counters, stream->index, label);
                va_start(args, format);
                vsnprintf(text, sizeof(text), format, args);
                va_end(args);
                log_warning("feed %s: %s: %s (from now on only counted)", stream->name, text,
                            cause_text(cause));
        }
        if (stream->causes[cause])
                counter_add(stream->causes[cause], 1);
}

/* ---- instruments ---- */

/* The eight bytes of a message without the spaces behind; false if there is more than fits. */
static void symbol_text(char text[SYMBOL_SIZE], uint64_t symbol) {
        size_t n = sizeof(symbol);

        memset(text, 0, SYMBOL_SIZE);
        memcpy(text, &symbol, sizeof(symbol));
        while (n && (text[n - 1] == ' ' || text[n - 1] == '\0'))
                text[--n] = '\0';
}

/* The other way round. */
static uint64_t symbol_key(const char text[SYMBOL_SIZE]) {
        uint64_t symbol;

        memset(&symbol, ' ', sizeof(symbol));
        memcpy(&symbol, text, strnlen(text, sizeof(symbol)));
        return symbol;
}

/* An instrument that this stream has not met: a new one, or one that the segment knows already. */
static uint32_t meet(struct stream *stream, uint64_t symbol, const struct packet *packet) {
        struct directory *directory = &stream->pipeline->segment->directory;
        struct shm_instrument entry = { .feed = stream->index, .close_px = MD_PX_NONE };
        int64_t instrument;

        symbol_text(entry.symbol, symbol);
        memcpy(entry.venue, stream->decoder->venue, strnlen(stream->decoder->venue, VENUE_SIZE));

        instrument = directory_find(directory, entry.symbol, entry.venue);
        if (instrument >= 0 &&
            directory_get(directory, (uint32_t)instrument)->feed != stream->index) {
                refuse(stream, CAUSE_FOREIGN, "packet %llu: %s at %s",
                       (unsigned long long)packet->number, entry.symbol, entry.venue);
                return SYMBOLS_NONE;
        }
        if (instrument < 0)
                instrument = directory_add(directory, &entry);
        if (instrument < 0) {
                refuse(stream, CAUSE_FULL,
                       "packet %llu: no room for %s, [segment] instruments is %u",
                       (unsigned long long)packet->number, entry.symbol, directory->capacity);
                counter_add(&stream->pipeline->segment->counters.base[COUNTER_INSTRUMENTS_REFUSED],
                            1);
                return SYMBOLS_NONE;
        }
        symbols_add(&stream->symbols, symbol, (uint32_t)instrument);
        stream->stats.instruments++;
        return (uint32_t)instrument;
}

static void describe(struct stream *stream, uint32_t instrument, const struct event *event) {
        struct shm_instrument *entry =
                directory_get(&stream->pipeline->segment->directory, instrument);

        atomic_store_explicit(&entry->lot, event->u.instrument.lot, memory_order_relaxed);
        atomic_store_explicit(&entry->close_px, event->u.instrument.close_px, memory_order_relaxed);
        atomic_store_explicit(&entry->flags, event->u.instrument.flags, memory_order_relaxed);
        atomic_store_explicit(&entry->luld, event->u.instrument.luld, memory_order_relaxed);
}

/* ---- ticks ---- */

static void put(struct stream *stream, struct md_tick *tick, int64_t ts_recv) {
        tick->ts_recv = ts_recv;
        if (!ts_recv)
                tick->flags |= MD_FLAG_BAD_TS_RECV;
        publisher_put(&stream->pipeline->publisher, tick);
        stream->stats.ticks++;
}

static void put_system(struct stream *stream, char event, int64_t ts_event, int64_t ts_recv) {
        struct md_tick tick = {
                .instrument = MD_INSTRUMENT_NONE,
                .kind = MD_SYSTEM,
                .flags = MD_FLAG_LAST,
                .ts_event = ts_event,
                .u.system = { .feed = stream->index, .event = event },
        };

        put(stream, &tick, ts_recv);
}

/*
 * A session begins afresh: what was known of the feed's instruments is not true any more, and is taken
 * back in the table. Trades stay where they are, for they have happened; that none belongs to the new
 * session is seen in TOTALS.
 */
static void begin_afresh(struct stream *stream, int64_t ts_recv) {
        struct pipeline *pipeline = stream->pipeline;
        struct segment *segment = pipeline->segment;
        uint32_t n = directory_count(&segment->directory);

        stream->stats.resets++;
        put_system(stream, 'Z', 0, ts_recv);
        for (uint32_t i = 0; i < n; i++) {
                if (directory_get(&segment->directory, i)->feed != stream->index)
                        continue;
                book_reset(pipeline->book, i);
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        struct md_tick tick = { .instrument = i };

                        if (kind == MD_TRADE || !table_seq(&segment->table, i, kind))
                                continue;
                        book_empty(kind, &tick);
                        put(stream, &tick, ts_recv);
                }
        }
}

/* ---- packets and messages ---- */

static void pipeline_message(struct stream *stream, const struct iextp_message *message,
                             const struct packet *packet) {
        struct pipeline *pipeline = stream->pipeline;
        struct md_tick ticks[BOOK_TICKS];
        struct event event;
        uint32_t instrument;
        unsigned n;
        int r;

        stream->stats.messages++;
        if (message->size && stream->types[message->data[0]])
                counter_add(stream->types[message->data[0]], 1);

        r = stream->decoder->decode(message->data, message->size, &event);
        if (r != DECODE_OK) {
                refuse(stream, CAUSE_DECODE + (unsigned)r, "packet %llu, message at byte %td",
                       (unsigned long long)packet->number, message->data - packet->data);
                return;
        }
        if (event.type == EVENT_NONE)
                return;
        stream->stats.last_event = event.ts_event;
        if (event.type == EVENT_SYSTEM) {
                put_system(stream, event.u.system, event.ts_event, packet->ts_recv);
                return;
        }

        instrument = symbols_find(&stream->symbols, event.symbol);
        if (instrument == SYMBOLS_NONE) {
                instrument = meet(stream, event.symbol, packet);
                if (instrument == SYMBOLS_NONE)
                        return;
        }
        if (event.type == EVENT_INSTRUMENT) {
                describe(stream, instrument, &event);
                return;
        }
        n = book_apply(pipeline->book, instrument, &event, ticks);
        for (unsigned i = 0; i < n; i++)
                put(stream, &ticks[i], packet->ts_recv);
}

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
                log_warning("feed %s: packet %llu: %llu messages are missing before number %llu",
                            stream->name, (unsigned long long)packet->number,
                            (unsigned long long)verdict.missed,
                            (unsigned long long)segment->sequence);
                break;
        case ARBITER_E_RESET:
                log_notice("feed %s: packet %llu: session %u begins afresh", stream->name,
                           (unsigned long long)packet->number, segment->session);
                begin_afresh(stream, packet->ts_recv);
                if (verdict.missed) {
                        stream->stats.gaps++;
                        stream->stats.missed += verdict.missed;
                }
                break;
        }
        stream->stats.session = segment->session;
        *skip = verdict.skip;
        stream->stats.duplicates += use ? verdict.skip : segment->count;
        return use;
}

static void pipeline_packet(void *userdata, const struct packet *packet) {
        struct stream *stream = userdata;
        struct iextp_message message;
        struct iextp segment;
        const uint16_t *protocol;
        uint32_t skip;
        int r;

        stream->stats.packets++;
        stream->stats.bytes += packet->size;
        stream->stats.last_recv = packet->ts_recv;

        r = iextp_parse(&segment, packet->data, packet->size);
        if (r != IEXTP_OK) {
                refuse(stream, CAUSE_FRAMING + (unsigned)r, "packet %llu%s",
                       (unsigned long long)packet->number,
                       packet->cut ? " (cut by the recording)" : "");
                return;
        }
        for (protocol = stream->decoder->iextp; *protocol != segment.protocol; protocol++) {
                if (!*protocol) {
                        refuse(stream, CAUSE_PROTOCOL,
                               "packet %llu: message protocol 0x%04x, not %s",
                               (unsigned long long)packet->number, segment.protocol,
                               stream->decoder->protocol);
                        return;
                }
        }
        if (!segment.count)
                stream->stats.heartbeats++;
        if (!arbitrate(stream, &segment, packet, &skip))
                return;
        while (iextp_next(&segment, &message))
                if (skip)
                        skip--;
                else
                        pipeline_message(stream, &message, packet);
}

#define store(field, value) atomic_store_explicit(&record->field, (value), memory_order_relaxed)

static void pipeline_flush(void *userdata) {
        struct stream *stream = userdata;
        struct shm_feed *record = stream->record;
        struct segment *segment = stream->pipeline->segment;

        store(session, stream->stats.session);
        store(next, stream->arbiter.next);
        store(packets, stream->stats.packets);
        store(bytes, stream->stats.bytes);
        store(heartbeats, stream->stats.heartbeats);
        store(messages, stream->stats.messages);
        store(ticks, stream->stats.ticks);
        store(bad, stream->stats.bad);
        store(gaps, stream->stats.gaps);
        store(missed, stream->stats.missed);
        store(duplicates, stream->stats.duplicates);
        store(resets, stream->stats.resets);
        store(last_recv, stream->stats.last_recv);
        store(last_event, stream->stats.last_event);
        store(instruments, stream->stats.instruments);
        store(line[0].packets, stream->stats.packets);
        store(line[0].last_recv, stream->stats.last_recv);
        atomic_store_explicit(&segment->counters.base[COUNTER_TICKS].value,
                              stream->pipeline->publisher.next - 1, memory_order_relaxed);
        notifier_flush(stream->pipeline->notifier);
}

/* ---- what else a source says ---- */

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

        pipeline_flush(stream);
        atomic_store_explicit(&stream->record->state, states[state], memory_order_release);
        log_notice("feed %s %s%s%s", stream->name, words[state], text ? ": " : "",
                   text ? text : "");
}

static void pipeline_restart(void *userdata) {
        struct stream *stream = userdata;

        arbiter_init(&stream->arbiter);
        begin_afresh(stream, stream->stats.last_recv);
}

static void pipeline_dropped(void *userdata, unsigned line, uint64_t n) {
        struct stream *stream = userdata;

        atomic_fetch_add_explicit(&stream->record->line[line].dropped, n, memory_order_relaxed);
}

static void pipeline_skipped(void *userdata, uint64_t number, const char *cause) {
        refuse(userdata, CAUSE_SKIPPED, "frame %llu (%s)", (unsigned long long)number, cause);
}

static const struct feed_sink pipeline_sink = {
        .packet = pipeline_packet,
        .flush = pipeline_flush,
        .state = pipeline_state,
        .restart = pipeline_restart,
        .dropped = pipeline_dropped,
        .skipped = pipeline_skipped,
};

/* ---- set-up ---- */

/* Takes over what a predecessor left: which instruments are ours, and how they stand. */
static void restore_instruments(struct stream *stream) {
        struct pipeline *pipeline = stream->pipeline;
        struct segment *segment = pipeline->segment;
        uint32_t n = directory_count(&segment->directory);

        for (uint32_t i = 0; i < n; i++) {
                const struct shm_instrument *entry = directory_get(&segment->directory, i);

                if (entry->feed != stream->index)
                        continue;
                symbols_add(&stream->symbols, symbol_key(entry->symbol), i);
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        struct md_tick tick;

                        if (table_read(&segment->table, &segment->journal, i, kind, &tick) == 0 &&
                            tick.seq)
                                book_restore(pipeline->book, &tick);
                }
                stream->stats.instruments++;
        }
}

/* Goes on counting where a predecessor stopped. */
static void restore_stats(struct stream *stream) {
        const struct shm_feed *record = stream->record;

#define restore(field) stream->stats.field = atomic_load(&record->field)
        restore(session);
        restore(packets);
        restore(bytes);
        restore(heartbeats);
        restore(messages);
        restore(ticks);
        restore(bad);
        restore(gaps);
        restore(missed);
        restore(duplicates);
        restore(resets);
        restore(last_recv);
        restore(last_event);
#undef restore
}

/* A recording starts again from its first packet, whatever was read of it before: so do its state and
 * its figures. */
static void stream_rewind(struct stream *stream) {
        struct counters *counters = &stream->pipeline->segment->counters;
        uint64_t instruments = stream->stats.instruments;

        begin_afresh(stream, 0);
        memset(&stream->stats, 0, sizeof(stream->stats));
        stream->stats.instruments = instruments;
        for (uint32_t i = 0; i < counters->used; i++)
                if (counters->base[i].feed == stream->index)
                        atomic_store(&counters->base[i].value, 0);
        pipeline_flush(stream);
}

static struct stream *stream_free(struct stream *stream) {
        if (stream) {
                feed_free(stream->feed);
                symbols_deinit(&stream->symbols);
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
        static const char *const sources[] = {
                [CONFIG_SOURCE_PCAP] = "pcap",
                [CONFIG_SOURCE_UDP] = "udp",
        };
        _cleanup_(stream_freep) struct stream *stream = NULL;
        struct segment *segment = pipeline->segment;
        struct stream **streams;
        int64_t index;
        int r;

        stream = calloc(1, sizeof(*stream));
        streams = realloc(pipeline->streams, (pipeline->n_streams + 1) * sizeof(*streams));
        if (streams)
                pipeline->streams = streams;
        if (!stream || !streams)
                return error_origin(-ENOMEM);

        index = segment_claim_feed(segment, config->name, sources[config->source],
                                   config->protocol);
        if (index < 0) {
                log_error(
                        "feed %s: the segment has room for %d feeds, those of earlier configs included",
                        config->name, FEEDS_MAX);
                return (int)index;
        }
        stream->pipeline = pipeline;
        stream->index = (uint32_t)index;
        stream->record = segment_feed(segment, stream->index);
        stream->decoder = decoder_find(config->protocol);
        snprintf(stream->name, sizeof(stream->name), "%s", config->name);
        arbiter_init(&stream->arbiter);
        r = symbols_init(&stream->symbols, segment->directory.capacity);
        if (r < 0)
                return error_trace(r);

        for (const struct decoder_type *type = stream->decoder->types; type->type; type++) {
                char label[COUNTER_LABEL_SIZE];

                snprintf(label, sizeof(label), "messages %c", type->type);
                stream->types[(unsigned char)type->type] =
                        counters_add(&segment->counters, stream->index, label);
        }
        restore_instruments(stream);
        stream->rewind = config->source == CONFIG_SOURCE_PCAP && stream->stats.instruments;
        if (!stream->rewind)
                restore_stats(stream);

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

int pipeline_init(struct pipeline *pipeline, struct ev_loop *loop, struct segment *segment,
                  struct notifier *notifier) {
        *pipeline = (struct pipeline){ .loop = loop, .segment = segment, .notifier = notifier };
        publisher_init(&pipeline->publisher, segment);
        return error_trace(book_new(&pipeline->book, segment->directory.capacity));
}

void pipeline_deinit(struct pipeline *pipeline) {
        for (size_t i = 0; i < pipeline->n_streams; i++)
                stream_free(pipeline->streams[i]);
        free(pipeline->streams);
        pipeline->book = book_free(pipeline->book);
        *pipeline = (struct pipeline){ 0 };
}
