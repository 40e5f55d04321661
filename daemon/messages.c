/* From messages to ticks; messages.h tells the idea. */

#include "messages.h"

#include "book/book.h"
#include "stream.h"

/* ---- events ---- */

_Static_assert(BOOK_NONE == SYMBOLS_NONE, "no instrument is the same everywhere");

/* The instrument of an event that names none, neither by symbol nor by locate: an order tells whose it is. */
static uint32_t find_owner(const struct stream *stream, const struct event *event) {
        switch (event->type) {
        case EVENT_ORDER_EXECUTE:
        case EVENT_ORDER_CANCEL:
        case EVENT_ORDER_DELETE:
        case EVENT_ORDER_REPLACE:
                return book_owner(stream->book, event->u.order.ref);
        default:
                return SYMBOLS_NONE;
        }
}

/* The instrument that an event is about; SYMBOLS_NONE where it cannot be had. */
static uint32_t find_instrument(struct stream *stream, const struct event *event) {
        uint32_t instrument = SYMBOLS_NONE;

        if (event->locate && event->type != EVENT_INSTRUMENT) {
                instrument = symbols_at(&stream->symbols, event->locate);
                if (instrument != SYMBOLS_NONE)
                        return instrument;
        }
        if (!event->symbol) {
                if (!event->locate)
                        instrument = find_owner(stream, event);
                if (instrument == SYMBOLS_NONE)
                        book_stray(stream->book, event);
                return instrument;
        }
        instrument = symbols_find(&stream->symbols, event->symbol);
        if (instrument == SYMBOLS_NONE)
                instrument = stream_meet(stream, event->symbol, stream->messages.packet);
        if (instrument != SYMBOLS_NONE && event->locate)
                symbols_locate(&stream->symbols, event->locate, instrument);
        return instrument;
}

/* Times of a venue that counts from midnight. */
static void add_midnight(const struct stream *stream, struct event *event) {
        event->ts_event += stream->day.begin;
        if (event->type == EVENT_AUCTION && event->u.auction.fields & AUCTION_SCHEDULE &&
            event->u.auction.auction.scheduled)
                event->u.auction.auction.scheduled += (uint32_t)(stream->day.begin / 1000000000);
}

static void apply(struct stream *stream, const struct event *event, uint32_t instrument) {
        int64_t ts_recv = stream->messages.packet->ts_recv;
        struct md_tick ticks[BOOK_TICKS];
        unsigned n;

        stream->stats.last_event = event->ts_event;
        switch (event->type) {
        case EVENT_SYSTEM:
                stream_put_system(stream, event->u.system, event->ts_event, ts_recv);
                break;
        case EVENT_INSTRUMENT:
                stream_describe(stream, instrument, event);
                break;
        default:
                /* the whole of the venue's book: nothing lost before matters any more */
                if (event->type == EVENT_QUOTE && stream->doubt.n)
                        doubt_settle(&stream->doubt, instrument);
                n = book_apply(stream->book, instrument, event, ticks);
                for (unsigned i = 0; i < n; i++)
                        stream_put(stream, &ticks[i], ts_recv);
        }
}

static void apply_handful(struct stream *stream) {
        struct messages *messages = &stream->messages;

        for (unsigned i = 0; i < messages->n; i++)
                apply(stream, &messages->item[i].event, messages->item[i].instrument);
        messages->n = 0;
}

/* What has to be applied first is, and the event takes the first place. */
static struct event *apply_before(struct stream *stream, struct event *event) {
        struct event *first = &stream->messages.item[0].event;

        if (event == first)
                return first;
        apply_handful(stream);
        *first = *event;
        return first;
}

/* Where messages have no numbers, the venue's word for the start of a day is the only one. */
static void look_at_day(struct stream *stream, const struct event *event) {
        struct messages *messages = &stream->messages;

        if (event->u.system == 'O' && messages->begun && !stream->arbiter.begun)
                stream_begin_afresh(stream, messages->packet->ts_recv);
}

/* ---- messages ---- */

void messages_begin(struct stream *stream, const struct packet *packet) {
        stream->messages.packet = packet;
        stream->messages.most = book_is_at_hand(stream->book) ? 1 : MESSAGES_HANDFUL;
        if (stream->decoder->since_midnight && packet->ts_recv &&
            (packet->ts_recv < stream->day.begin || packet->ts_recv >= stream->day.end))
                stream->day = day_of_time(packet->ts_recv);
}

/* Decodes a message. False: it is of no use, or nothing to publish. */
static bool decode(struct stream *stream, const uint8_t *data, size_t size, struct event *event) {
        const struct packet *packet = stream->messages.packet;
        int r;

        stream->stats.messages++;
        if (size && stream->types[data[0]])
                counter_add(stream->types[data[0]], 1);

        r = stream->decoder->decode(data, size, event);
        if (r != DECODE_OK)
                stream_refuse(stream, CAUSE_DECODE + (unsigned)r,
                              "packet %llu, message at byte %td",
                              (unsigned long long)packet->number, data - packet->data);
        return r == DECODE_OK && event->type != EVENT_NONE;
}

void messages_take(struct stream *stream, const uint8_t *data, size_t size) {
        struct messages *messages = &stream->messages;
        struct event *event = &messages->item[messages->n].event;
        uint32_t instrument = SYMBOLS_NONE;

        if (!decode(stream, data, size, event))
                return;
        if (stream->decoder->since_midnight)
                add_midnight(stream, event);
        if (!event->locate && !event->symbol)
                event = apply_before(stream, event);
        if (event->type == EVENT_SYSTEM) {
                look_at_day(stream, event);
        } else {
                instrument = find_instrument(stream, event);
                if (instrument == SYMBOLS_NONE)
                        return;
                if (messages->most > 1)
                        book_prefetch(stream->book, instrument, event);
        }
        messages->begun = true;
        messages->item[messages->n++].instrument = instrument;
        if (messages->n == messages->most)
                apply_handful(stream);
}

void messages_end(struct stream *stream) {
        apply_handful(stream);
}
