/* The books of a session that was joined late; catchup.h tells the idea. */

#include "catchup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "book/book.h"
#include "stream.h"

#define NS_PER_S  INT64_C(1000000000)
#define SAY_EVERY (10 * NS_PER_S)
#define ROOM_EACH 128 /* bytes of the window for each message that may come before its turn */

void catchup_init(struct stream *stream, const struct config_feed *config) {
        if (config->recovery && books_kept(stream->decoder) && stream->framing->request)
                stream->catchup.rate = config->catch_up_rate;
}

/* ---- from the beginning ---- */

bool catchup_begin(struct stream *stream, uint64_t session, uint64_t known, int64_t now) {
        uint32_t capacity = stream->pipeline->segment->directory.capacity;
        struct catchup *catchup = &stream->catchup;
        char id[FRAMING_SESSION_SIZE];

        if (!catchup->rate)
                return false;
        catchup->newest = calloc((size_t)capacity * MD_PLACES, sizeof(*catchup->newest));
        if (!catchup->newest) {
                catchup->rate = 0;
                log_feed(LOG_ERROR, LOG_DEGRADED, stream->name,
                         ": no memory to catch up with a session that was joined late; its books "
                         "stay in doubt");
                return false;
        }
        books_suspect(stream, stream->stats.last_recv);
        books_flush(stream);
        book_begin_afresh(stream->book);
        catchup->on = true;
        catchup->known = known;
        catchup->began = catchup->said = now;
        requests_begin(&catchup->requests, catchup->rate, stream->arbiter.window.size / ROOM_EACH,
                       now);
        stream->framing->session(session, id);
        if (log_gate_pass(&stream->gate, 10, 10))
                log_feed(LOG_NOTICE, LOG_PLAIN, stream->name,
                         ": session %s was joined before message %" PRIu64
                         ", and is caught up with from message 1 on",
                         id, stream->arbiter.seen);
        return true;
}

/* ---- messages ---- */

void catchup_hear(struct stream *stream, const struct framed *framed, int64_t now) {
        if (framed->session == stream->arbiter.session)
                requests_answer(&stream->catchup.requests, framed->sequence,
                                framed->sequence + framed->count, now);
}

void catchup_take(struct stream *stream, const struct packet *packet, struct framed *framed,
                  uint32_t skip) {
        uint64_t number = framed->sequence, known = stream->catchup.known;
        struct message message;

        stream->health.unheard = false;
        messages_begin(stream, packet);
        for (; framed_next(framed, &message); number++) {
                if (number == known) { /* here a predecessor's count ends */
                        messages_flush(stream);
                        books_disregard(stream);
                }
                if (skip) {
                        skip--;
                        continue;
                }
                stream->messages.again = number < known;
                messages_take(stream, message.data, message.size);
        }
        messages_flush(stream);
        stream->messages.again = false;
        if (number <= known)
                books_disregard(stream);
}

static void keep(struct stream *stream, const struct md_tick *tick, int64_t ts_recv) {
        struct md_tick *newest;

        if (tick->kind >= MD_PLACES)
                return; /* it has happened */
        newest = &stream->catchup.newest[(size_t)tick->instrument * MD_PLACES + tick->kind];
        *newest = *tick;
        newest->seq = 1;
        newest->ts_recv = ts_recv;
}

void catchup_apply(struct stream *stream, const struct event *event, uint32_t instrument,
                   int64_t ts_recv) {
        struct md_tick ticks[BOOK_TICKS];
        unsigned n;

        if (event->ts_event > stream->stats.last_event)
                stream->stats.last_event = event->ts_event;
        switch (event->type) {
        case EVENT_SYSTEM:
                break;
        case EVENT_INSTRUMENT:
                stream_describe(stream, instrument, event);
                break;
        default:
                n = book_apply(stream->book, instrument, event, ticks);
                for (unsigned i = 0; i < n; i++)
                        keep(stream, &ticks[i], ts_recv);
        }
}

/* ---- requests ---- */

static bool ask(void *userdata, uint64_t first, uint64_t n) {
        struct stream *stream = userdata;

        return stream_ask(stream, stream->arbiter.session, first, n);
}

static const char *why_not(int r) {
        switch (r) {
        case REQUESTS_E_NOBODY:
                return "cannot be asked";
        case REQUESTS_E_SILENT:
                return "does not answer, or does not have it";
        default:
                return "sends it more slowly than the session goes on";
        }
}

static void say_how_far(struct stream *stream, int64_t now) {
        struct catchup *catchup = &stream->catchup;

        if (now - catchup->said < SAY_EVERY)
                return;
        catchup->said = now;
        log_feed(LOG_INFO, LOG_PLAIN, stream->name,
                 " catches up: message %" PRIu64 " of %" PRIu64 " has come",
                 stream->arbiter.next - 1, stream->arbiter.catching_up.goal - 1);
}

void catchup_go_on(struct stream *stream, int64_t now) {
        struct arbiter *arbiter = &stream->arbiter;
        int r;

        r = requests_send(&stream->catchup.requests, arbiter->next, arbiter->catching_up.goal, now,
                          ask, stream);
        if (!r) {
                say_how_far(stream, now);
                return;
        }
        if (!arbiter_has_come_up(arbiter) && log_gate_pass(&stream->gate, 10, 10))
                log_feed(LOG_WARNING, LOG_PLAIN, stream->name,
                         ": message %" PRIu64 " of a session that was joined late cannot be had: "
                         "recovery %s; books are in doubt until a session begins afresh",
                         arbiter->next, why_not(r));
        arbiter_give_in(arbiter, now);
}

int64_t catchup_deadline(const struct stream *stream) {
        return requests_deadline(&stream->catchup.requests);
}

/* ---- the end ---- */

/* Flags that say something of the tick itself. */
static unsigned flags_of(const struct md_tick *tick) {
        return tick->flags &
               ~(unsigned)(MD_FLAG_LAST | MD_FLAG_SNAPSHOT | MD_FLAG_STALE | MD_FLAG_BAD_TS_RECV);
}

static bool is_same(const struct md_tick *a, const struct md_tick *b) {
        return a->ts_event == b->ts_event && flags_of(a) == flags_of(b) &&
               !memcmp(&a->u, &b->u, sizeof(a->u));
}

/* Publishes what stands in a place, if that is not what stands there. What the session has not said
 * is taken back as when one begins afresh, but for the status, which it may have from before. */
static void show(struct stream *stream, uint32_t instrument, unsigned kind) {
        struct segment *segment = stream->pipeline->segment;
        struct md_tick tick = stream->catchup.newest[(size_t)instrument * MD_PLACES + kind], shown;

        if (table_read(&segment->table, &segment->journal, instrument, kind, &shown) < 0)
                return;
        if (!tick.seq) {
                if (!shown.seq || kind == MD_STATUS)
                        return;
                tick = (struct md_tick){ .instrument = instrument };
                tick.ts_recv = stream->stats.last_recv;
                book_empty(kind, &tick);
        }
        if (shown.seq && is_same(&tick, &shown))
                return;
        tick.flags |= MD_FLAG_LAST | MD_FLAG_SNAPSHOT;
        stream_put(stream, &tick, tick.ts_recv);
}

void catchup_cancel(struct stream *stream) {
        stream->catchup.on = false;
        free(stream->catchup.newest);
        stream->catchup.newest = NULL;
}

void catchup_end(struct stream *stream, int64_t now) {
        uint64_t messages = stream->arbiter.next - 1;

        stream->doubt.newcomers = false;
        for (uint32_t i = 0; stream_next_instrument(stream, &i); i++) {
                for (unsigned kind = 0; kind < MD_PLACES; kind++)
                        show(stream, i, kind);
                doubt_settle(&stream->doubt, i);
        }
        catchup_cancel(stream);
        if (stream->health.silent) /* nothing new has come, but of the past */
                stream_stale(stream, stream->stats.last_recv);
        if (log_gate_pass(&stream->gate, 10, 10))
                log_feed(LOG_NOTICE, LOG_PLAIN, stream->name,
                         " has caught up with its session: %" PRIu64 " messages in %.1f s",
                         messages, (double)(now - stream->catchup.began) / NS_PER_S);
}

void catchup_fail(struct stream *stream) {
        if (!stream->catchup.on)
                return;
        catchup_cancel(stream);
        book_begin_afresh(stream->book);
        for (uint32_t i = 0; stream_next_instrument(stream, &i); i++)
                stream_restore(stream, i);
        books_suspect(stream, stream->stats.last_recv);
}
