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
static uint32_t find_instrument(struct stream *stream, const struct messages_item *item) {
        const struct event *event = &item->event;
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
                instrument = stream_meet(stream, event->symbol, item->packet);
        if (instrument != SYMBOLS_NONE && event->locate)
                symbols_locate(&stream->symbols, event->locate, instrument);
        return instrument;
}

/* Finds what an event is about. It becomes one of nothing if that cannot be had. */
static void identify(struct stream *stream, struct messages_item *item) {
        if (item->event.type == EVENT_SYSTEM)
                return;
        item->instrument = find_instrument(stream, item);
        if (item->instrument == SYMBOLS_NONE)
                item->event.type = EVENT_NONE;
}

static void apply(struct stream *stream, const struct messages_item *item) {
        const struct event *event = &item->event;
        struct md_tick ticks[BOOK_TICKS];
        unsigned n;

        if (event->type == EVENT_NONE)
                return;
        stream->messages.begun = true;
        if (__builtin_expect(stream->catchup.on, 0)) {
                catchup_apply(stream, event, item->instrument, item->ts_recv);
                return;
        }
        stream->stats.last_event = event->ts_event;
        switch (event->type) {
        case EVENT_SYSTEM:
                stream_put_system(stream, event->u.system, event->ts_event, item->ts_recv);
                break;
        case EVENT_INSTRUMENT:
                stream_describe(stream, item->instrument, event);
                break;
        default:
                /* the whole of the venue's book: nothing lost before matters any more */
                if (event->type == EVENT_QUOTE && stream->doubt.n)
                        doubt_settle(&stream->doubt, item->instrument);
                n = book_apply(stream->book, item->instrument, event, ticks);
                for (unsigned i = 0; i < n; i++)
                        stream_put(stream, &ticks[i], item->ts_recv);
        }
}

/* ---- handfuls ---- */

/* Has the processor fetch what applying it will look at, and the place of the tick that will come of it.
 * Most events of orders make none. */
static void prefetch(const struct stream *stream, const struct messages_item *item) {
        static const uint8_t kinds[] = {
                [EVENT_QUOTE] = MD_QUOTE,       [EVENT_LEVEL] = MD_QUOTE,
                [EVENT_TRADE] = MD_TRADE,       [EVENT_BREAK] = MD_TOTALS,
                [EVENT_STATUS] = MD_STATUS,     [EVENT_AUCTION] = MD_AUCTION,
                [EVENT_OFFICIAL] = MD_OFFICIAL,
        };
        enum event_type type = item->event.type;

        if (type < EVENT_QUOTE)
                return;
        book_prefetch(stream->book, item->instrument, &item->event);
        if (type < EVENT_ORDER_ADD || type > EVENT_ORDER_REPLACE)
                publisher_prefetch(&stream->pipeline->publisher, item->instrument, kinds[type]);
}

void messages_flush(struct stream *stream) {
        struct messages *messages = &stream->messages;
        struct messages_item *end = messages->item + messages->n;

        for (struct messages_item *item = messages->item; item < end; item++)
                if (!item->event.locate) {
                        identify(stream, item);
                        prefetch(stream, item);
                }
        for (struct messages_item *item = messages->item; item < end; item++)
                apply(stream, item);
        messages->n = 0;
}

/* Those before it are applied, and it takes the first place. */
static struct messages_item *apply_before(struct stream *stream, struct messages_item *item) {
        struct messages_item *first = stream->messages.item;

        if (item == first)
                return first;
        messages_flush(stream);
        *first = *item;
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
        struct messages *messages = &stream->messages;

        messages->packet = packet;
        if (stream->decoder->height == HEIGHT_ORDERS && !messages->n)
                messages->alone = book_is_at_hand(stream->book);
        if (stream->decoder->since_midnight && packet->ts_recv &&
            (packet->ts_recv < stream->day.begin || packet->ts_recv >= stream->day.end))
                stream->day = day_of_time(packet->ts_recv);
}

/* Decodes a message. False: it is of no use, or nothing to publish. */
static bool decode(struct stream *stream, const uint8_t *data, size_t size, struct event *event) {
        const struct packet *packet = stream->messages.packet;
        int r;

        if (__builtin_expect(!stream->messages.again, 1)) {
                stream->stats.messages++;
                if (size && stream->types[data[0]])
                        counter_add(stream->types[data[0]], 1);
        }

        r = stream->decoder->decode(data, size, event);
        if (r != DECODE_OK)
                stream_refuse(stream, CAUSE_DECODE + (unsigned)r,
                              "packet %llu, message at byte %td",
                              (unsigned long long)packet->number, data - packet->data);
        return r == DECODE_OK && event->type != EVENT_NONE;
}

/* Times of a venue that counts from midnight. */
static void add_midnight(const struct stream *stream, struct event *event) {
        event->ts_event += stream->day.begin;
        if (event->type == EVENT_AUCTION && event->u.auction.fields & AUCTION_SCHEDULE &&
            event->u.auction.auction.scheduled)
                event->u.auction.auction.scheduled += (uint32_t)(stream->day.begin / 1000000000);
}

void messages_take(struct stream *stream, const uint8_t *data, size_t size) {
        struct messages *messages = &stream->messages;
        struct messages_item *item = &messages->item[messages->n];

        if (!decode(stream, data, size, &item->event))
                return;
        if (stream->decoder->since_midnight)
                add_midnight(stream, &item->event);
        item->ts_recv = messages->packet->ts_recv;
        item->packet = messages->packet->number;
        if (!item->event.locate && !item->event.symbol)
                item = apply_before(stream, item);
        if (item->event.type == EVENT_SYSTEM)
                look_at_day(stream, &item->event);
        if (messages->alone) {
                identify(stream, item);
                apply(stream, item);
                return;
        }
        if (item->event.locate) {
                identify(stream, item);
                prefetch(stream, item);
        } else {
                symbols_prefetch(&stream->symbols, item->event.symbol);
        }
        if (++messages->n == MESSAGES_HANDFUL)
                messages_flush(stream);
}
