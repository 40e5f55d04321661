/* One feed's place in the segment. */

#include "stream.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "book/book.h"
#include "feed/feed.h"

static const char *cause_text(const struct stream *stream, unsigned cause) {
        static const char *const decode[] = {
                [DECODE_E_TYPE] = "unknown message type",
                [DECODE_E_SHORT] = "message shorter than its type",
                [DECODE_E_SYMBOL] = "unprintable symbol",
                [DECODE_E_VALUE] = "value out of range",
        };

        if (cause < CAUSE_DECODE)
                return stream->framing->cause((int)cause - CAUSE_FRAMING);
        if (cause < CAUSE_PROTOCOL)
                return decode[cause - CAUSE_DECODE];
        switch (cause) {
        case CAUSE_PROTOCOL:
                return "another message protocol";
        case CAUSE_UNNUMBERED:
                return "packet without numbers";
        case CAUSE_FULL:
                return "instrument past the capacity";
        case CAUSE_FOREIGN:
                return "instrument of another feed";
        case CAUSE_LIAR:
                return "tick that cannot be";
        default:
                return "frame that holds no packet";
        }
}

void stream_refuse(struct stream *stream, unsigned cause, const char *format, ...) {
        char label[COUNTER_LABEL_SIZE], text[256];
        bool first = !stream->causes[cause];
        va_list args;

        if (stream->messages.again)
                return;
        stream->stats.bad++;
        if (first) {
                snprintf(label, sizeof(label), "bad: %s", cause_text(stream, cause));
                stream->causes[cause] =
                        counters_add(&stream->pipeline->segment->counters, stream->index, label);
                va_start(args, format);
                vsnprintf(text, sizeof(text), format, args);
                va_end(args);
                log_feed(LOG_WARNING, cause == CAUSE_LIAR ? LOG_PUBLISHER_LIAR : LOG_PLAIN,
                         stream->name, ": %s: %s (from now on only counted)", text,
                         cause_text(stream, cause));
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

int64_t stream_define(struct stream *stream, const struct shm_instrument *entry) {
        struct directory *directory = &stream->pipeline->segment->directory;
        int64_t instrument;

        instrument = directory_find(directory, entry->symbol, entry->venue);
        if (instrument >= 0)
                return directory_get(directory, (uint32_t)instrument)->feed == stream->index
                               ? instrument
                               : -EEXIST;
        instrument = directory_add(directory, entry);
        if (instrument >= 0)
                stream->stats.instruments++;
        else if (!stream->messages.again)
                counter_add(&stream->pipeline->segment->counters.base[COUNTER_INSTRUMENTS_REFUSED],
                            1);
        return instrument;
}

uint32_t stream_meet(struct stream *stream, uint64_t symbol, uint64_t packet) {
        struct shm_instrument entry = {
                .feed = stream->index,
                .close_px = MD_PX_NONE,
                .flags = books_kept(stream->decoder) ? INSTRUMENT_BOOK : 0,
        };
        int64_t instrument;

        symbol_text(entry.symbol, symbol);
        memcpy(entry.venue, stream->decoder->venue, strnlen(stream->decoder->venue, VENUE_SIZE));

        instrument = stream_define(stream, &entry);
        if (instrument == -EEXIST) {
                stream_refuse(stream, CAUSE_FOREIGN, "packet %llu: %s at %s",
                              (unsigned long long)packet, entry.symbol, stream->decoder->venue);
                return SYMBOLS_NONE;
        }
        if (instrument < 0) {
                stream_refuse(stream, CAUSE_FULL,
                              "packet %llu: no room for %s, [segment] instruments is %u",
                              (unsigned long long)packet, entry.symbol,
                              stream->pipeline->segment->directory.capacity);
                return SYMBOLS_NONE;
        }
        symbols_add(&stream->symbols, symbol, (uint32_t)instrument);
        doubt_meet(&stream->doubt, (uint32_t)instrument);
        return (uint32_t)instrument;
}

bool stream_next_instrument(const struct stream *stream, uint32_t *instrument) {
        struct directory *directory = &stream->pipeline->segment->directory;
        uint32_t n = directory_count(directory);

        for (; *instrument < n; ++*instrument)
                if (directory_get(directory, *instrument)->feed == stream->index)
                        return true;
        return false;
}

void stream_describe(struct stream *stream, uint32_t instrument, const struct event *event) {
        struct shm_instrument *entry =
                directory_get(&stream->pipeline->segment->directory, instrument);

        atomic_store_explicit(&entry->lot, event->u.instrument.lot, memory_order_relaxed);
        atomic_store_explicit(&entry->close_px, event->u.instrument.close_px, memory_order_relaxed);
        atomic_store_explicit(&entry->flags,
                              event->u.instrument.flags |
                                      (books_kept(stream->decoder) ? INSTRUMENT_BOOK : 0),
                              memory_order_relaxed);
        atomic_store_explicit(&entry->luld, event->u.instrument.luld, memory_order_relaxed);
}

/* ---- requests ---- */

/* Where only a heartbeat tells of what is missing, there is no message behind it yet, and a server may ignore
 * a request that names one: every other request does not. */
bool stream_ask(struct stream *stream, uint64_t session, uint64_t first, uint64_t n) {
        bool is_last = first + n >= stream->arbiter.seen, sent;
        uint8_t request[FRAMING_REQUEST_MAX];
        size_t size;

        if (stream->framing->behind && is_last)
                n -= stream->stats.asked % 2;
        size = stream->framing->request(session, stream->protocol, first, n, request);
        sent = feed_ask(stream->feed, request, size);
        stream->stats.asked += sent;
        return sent;
}

/* ---- ticks ---- */

void stream_put(struct stream *stream, struct md_tick *tick, int64_t ts_recv) {
        tick->ts_recv = ts_recv;
        if (!ts_recv)
                tick->flags |= MD_FLAG_BAD_TS_RECV;
        publisher_put(&stream->pipeline->publisher, tick);
        stream->stats.ticks++;
}

void stream_put_system(struct stream *stream, char event, int64_t ts_event, int64_t ts_recv) {
        struct md_tick tick = {
                .instrument = MD_INSTRUMENT_NONE,
                .kind = MD_SYSTEM,
                .flags = MD_FLAG_LAST,
                .ts_event = ts_event,
                .u.system = { .feed = stream->index, .event = event },
        };

        stream_put(stream, &tick, ts_recv);
}

void stream_begin_afresh(struct stream *stream, int64_t ts_recv) {
        struct segment *segment = stream->pipeline->segment;

        messages_flush(stream);
        stream->stats.resets++;
        stream_put_system(stream, 'Z', 0, ts_recv);
        book_begin_afresh(stream->book);
        symbols_forget_locates(&stream->symbols);
        stream->messages.begun = false;
        stream->doubt.newcomers = false;
        for (uint32_t i = 0; stream_next_instrument(stream, &i); i++) {
                doubt_settle(&stream->doubt, i);
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        struct md_tick tick = { .instrument = i };

                        if (!table_seq(&segment->table, i, kind))
                                continue;
                        book_empty(kind, &tick);
                        stream_put(stream, &tick, ts_recv);
                }
        }
}

/* What goes stale when nothing new comes; a trade or a price of the day does not. */
static const unsigned stale_kinds[] = { MD_QUOTE, MD_AUCTION, MD_CLEARING };

/* Gives the ticks of an instrument that can be stale out again, marked or not. */
static void mark_stale(struct stream *stream, uint32_t instrument, bool stale, int64_t now) {
        struct segment *segment = stream->pipeline->segment;
        struct md_tick tick;

        for (size_t k = 0; k < sizeof(stale_kinds) / sizeof(*stale_kinds); k++) {
                if (table_read(&segment->table, &segment->journal, instrument, stale_kinds[k],
                               &tick) ||
                    !tick.seq || !(tick.flags & MD_FLAG_STALE) == !stale)
                        continue;
                tick.flags ^= MD_FLAG_STALE;
                tick.flags |= MD_FLAG_SNAPSHOT;
                stream_put(stream, &tick, now);
        }
}

static void mark_all_stale(struct stream *stream, bool stale, int64_t now) {
        struct segment *segment = stream->pipeline->segment;

        messages_flush(stream);
        for (uint32_t i = 0; stream_next_instrument(stream, &i); i++) {
                struct shm_instrument *entry = directory_get(&segment->directory, i);

                if (stale)
                        atomic_fetch_or_explicit(&entry->flags, (uint32_t)INSTRUMENT_STALE,
                                                 memory_order_relaxed);
                else
                        atomic_fetch_and_explicit(&entry->flags, ~(uint32_t)INSTRUMENT_STALE,
                                                  memory_order_relaxed);
                mark_stale(stream, i, stale, now);
        }
        stream_flush(stream);
}

void stream_stale(struct stream *stream, int64_t now) {
        mark_all_stale(stream, true, now);
}

void stream_fresh(struct stream *stream, int64_t now) {
        mark_all_stale(stream, false, now);
}

void stream_flush(struct stream *stream) {
        struct segment *segment = stream->pipeline->segment;

        messages_flush(stream);
        figures_flush(stream);
        atomic_store_explicit(&segment->counters.base[COUNTER_TICKS].value,
                              stream->pipeline->publisher.next - 1, memory_order_relaxed);
        if (stream->book)
                books_flush(stream);
        health_update(stream);
        notifier_flush(stream->pipeline->notifier);
}

/* ---- a predecessor's ---- */

void stream_restore(struct stream *stream, uint32_t instrument) {
        struct segment *segment = stream->pipeline->segment;
        struct md_tick tick;

        if (books_kept(stream->decoder))
                book_lose(stream->book, instrument);
        for (unsigned kind = 0; kind < MD_PLACES; kind++)
                if (table_read(&segment->table, &segment->journal, instrument, kind, &tick) == 0 &&
                    tick.seq)
                        book_restore(stream->book, &tick);
}

/* Takes over what a predecessor left: which instruments are ours, and how they stand. */
static void restore_instruments(struct stream *stream) {
        struct segment *segment = stream->pipeline->segment;

        for (uint32_t i = 0; stream_next_instrument(stream, &i); i++) {
                const struct shm_instrument *entry = directory_get(&segment->directory, i);

                stream->stats.instruments++;
                if (!stream->decoder)
                        continue;
                symbols_add(&stream->symbols, symbol_key(entry->symbol), i);
                doubt_meet(&stream->doubt, i);
                stream_restore(stream, i);
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
        restore(resets);
        restore(last_recv);
        restore(last_event);
        for (unsigned i = 0; i < FEED_LINES; i++) {
                restore(line[i].packets);
                restore(line[i].last_recv);
        }
#undef restore
#define restore(to, from) stream->arbiter.to = atomic_load(&record->from)
        restore(duplicates, duplicates);
        for (unsigned i = 0; i < FEED_LINES; i++) {
                restore(line[i].figures.won, line[i].won);
                restore(line[i].figures.lost, line[i].lost);
                restore(line[i].figures.filled, line[i].filled);
                restore(line[i].figures.led, line[i].led);
                restore(line[i].figures.lead_sum, line[i].lead_sum);
        }
#undef restore
        stream->inherited.next = atomic_load(&record->next);
        stream->inherited.there = stream->is_live && stream->inherited.next;
        stream->inherited.session = stream->stats.session;
        stream->inherited.last_recv = stream->stats.last_recv;
}

void stream_rewind(struct stream *stream) {
        struct counters *counters = &stream->pipeline->segment->counters;
        uint64_t instruments = stream->stats.instruments;

        stream_begin_afresh(stream, 0);
        memset(&stream->stats, 0, sizeof(stream->stats));
        stream->stats.instruments = instruments;
        for (uint32_t i = 0; i < counters->used; i++)
                if (counters->base[i].feed == stream->index)
                        atomic_store(&counters->base[i].value, 0);
        stream_flush(stream);
}

/* ---- set-up ---- */

/* One counter for each message type that the decoder knows. */
static void count_types(struct stream *stream) {
        for (const struct decoder_type *type = stream->decoder->types; type->type; type++) {
                char label[COUNTER_LABEL_SIZE];

                snprintf(label, sizeof(label), "messages %c", type->type);
                stream->types[(unsigned char)type->type] =
                        counters_add(&stream->pipeline->segment->counters, stream->index, label);
        }
}

/* What the config says, or what goes with the protocol. */
static const struct framing *choose_framing(const struct decoder *decoder,
                                            const struct config_feed *config) {
        if (config->framing)
                return framing_find(config->framing);
        if (config->source == CONFIG_SOURCE_FILE)
                return framing_find("file");
        return framing_find(decoder->iextp ? "iextp" : "moldudp64");
}

/* What a feed has that brings packets. */
static int init_stages(struct stream *stream, const struct config_feed *config,
                       const struct arbiter_ops *ops) {
        const struct arbiter_params params = {
                .hole = config->hole,
                .recovery = config->recovery ? config->recovery_wait : 0,
                .window = config->hole_buffer,
        };
        uint32_t capacity = stream->pipeline->segment->directory.capacity;
        int r;

        stream->decoder = decoder_find(config->protocol);
        stream->framing = choose_framing(stream->decoder, config);
        stream->day = day_of_date(config->date);
        stream->asking.rate = config->recovery_rate;
        count_types(stream);
        catchup_init(stream, config);
        r = arbiter_init(&stream->arbiter, &params, ops, stream);
        if (!r)
                r = symbols_init(&stream->symbols, capacity);
        if (!r)
                r = doubt_init(&stream->doubt, capacity);
        if (!r)
                r = books_init(stream);
        return error_trace(r);
}

int stream_init(struct stream *stream, struct pipeline *pipeline, const struct config_feed *config,
                const struct arbiter_ops *ops) {
        static const char *const sources[] = {
                [CONFIG_SOURCE_PCAP] = "pcap",
                [CONFIG_SOURCE_UDP] = "udp",
                [CONFIG_SOURCE_PUBLISHER] = "publisher",
                [CONFIG_SOURCE_FILE] = "file",
        };
        bool ticks = config->source == CONFIG_SOURCE_PUBLISHER;
        struct segment *segment = pipeline->segment;
        int64_t index;
        int r;

        *stream = (struct stream){ .pipeline = pipeline };
        snprintf(stream->name, sizeof(stream->name), "%s", config->name);
        index = segment_claim_feed(segment, config->name, sources[config->source],
                                   ticks ? "ticks" : config->protocol);
        if (index < 0) {
                log_feed(LOG_ERROR, LOG_PLAIN, config->name,
                         ": the segment has room for %d feeds, those of earlier configs "
                         "included",
                         FEEDS_MAX);
                return (int)index;
        }
        stream->index = (uint32_t)index;
        stream->record = segment_feed(segment, stream->index);
        atomic_store(&stream->record->lines, ticks ? 0 : config->b ? 2 : 1);
        stream->instruments_max = config->instruments;
        stream->is_live = config->source == CONFIG_SOURCE_UDP;
        health_init(stream, config);
        if (!ticks) {
                r = init_stages(stream, config, ops);
                if (r < 0)
                        return error_trace(r);
        }
        restore_instruments(stream);
        stream->rewind = stream->decoder && !stream->is_live && stream->stats.instruments;
        if (!stream->rewind) {
                restore_stats(stream);
                if (books_kept(stream->decoder) && stream->stats.instruments)
                        books_suspect(stream, stream->stats.last_recv);
        }
        return 0;
}

void stream_deinit(struct stream *stream) {
        health_stop(stream);
        arbiter_deinit(&stream->arbiter);
        catchup_cancel(stream);
        doubt_deinit(&stream->doubt);
        symbols_deinit(&stream->symbols);
        books_deinit(stream);
}
