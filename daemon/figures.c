/* A stream's figures, as the segment shows them. */

#include "figures.h"

#include "stream.h"

#define store(field, value) atomic_store_explicit(&record->field, (value), memory_order_relaxed)

static void flush_lines(const struct stream *stream) {
        struct shm_feed *record = stream->record;

        for (unsigned i = 0; i < FEED_LINES; i++) {
                const struct arbiter_figures *figures = &stream->arbiter.line[i].figures;

                store(line[i].packets, stream->stats.line[i].packets);
                store(line[i].last_recv, stream->stats.line[i].last_recv);
                store(line[i].won, figures->won);
                store(line[i].lost, figures->lost);
                store(line[i].filled, figures->filled);
                store(line[i].led, figures->led);
                store(line[i].lead_sum, figures->lead_sum);
        }
}

/* The number behind what was counted: a predecessor's, until something goes on behind that. */
static uint64_t next_of(const struct stream *stream) {
        uint64_t next = stream->arbiter.next, known = stream->catchup.known;

        if (stream->inherited.there)
                return stream->inherited.next;
        return stream->catchup.on && next < known ? known : next;
}

static void flush_record(const struct stream *stream) {
        struct shm_feed *record = stream->record;

        store(session, stream->stats.session);
        store(next, next_of(stream));
        store(packets, stream->stats.packets);
        store(bytes, stream->stats.bytes);
        store(heartbeats, stream->stats.heartbeats);
        store(messages, stream->stats.messages);
        store(ticks, stream->stats.ticks);
        store(bad, stream->stats.bad);
        store(gaps, stream->stats.gaps);
        store(missed, stream->stats.missed);
        store(duplicates, stream->arbiter.duplicates);
        store(resets, stream->stats.resets);
        store(last_recv, stream->stats.last_recv);
        store(last_event, stream->stats.last_event);
        store(instruments, stream->stats.instruments);
        flush_lines(stream);
}

/* What is zero as long as all is well. */
static void flush_odd(struct stream *stream) {
        static const char *const labels[FIGURES_ODD] = {
                "holes given up for want of room",
                "packets from nowhere",
                "requests for messages",
                "packets sent again",
        };
        const uint64_t now[FIGURES_ODD] = {
                stream->arbiter.squeezed,
                stream->arbiter.strangers,
                stream->stats.asked,
                stream->arbiter.line[ARBITER_LINE_RECOVERY].figures.won,
        };
        struct figures_odd *odd = &stream->odd;

        for (unsigned i = 0; i < FIGURES_ODD; i++) {
                if (now[i] == odd->said[i])
                        continue;
                if (!odd->counter[i])
                        odd->counter[i] = counters_add(&stream->pipeline->segment->counters,
                                                       stream->index, labels[i]);
                if (odd->counter[i])
                        counter_add(odd->counter[i], now[i] - odd->said[i]);
                odd->said[i] = now[i];
        }
}

void figures_flush(struct stream *stream) {
        flush_record(stream);
        flush_odd(stream);
}
