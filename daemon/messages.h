#pragma once

/*
 * Messages: from the bytes of each to the ticks it makes
 *
 * Whatever framing they came in, the messages of a packet go through the same stages:
 *
 *      decoder   makes an event of each                decoder->decode()
 *      symbols   say which instrument it is            symbols_find()
 *      book      makes ticks of the event              book_apply()
 *      publisher writes them                           publisher_put()
 *
 * They go through each stage by the handful. What symbols and book will look at, a symbol of thousands
 * or an order among millions, is in no cache, but is known one stage before: so the processor fetches it
 * for all of the handful at once, instead of waiting for each in turn. Many packets hold a message or
 * two, so a handful goes on from one to the next, until it is full or the burst ends. Whoever else is
 * about to publish something of the stream, or to change its book, calls messages_flush() before.
 *
 * As long as the orders of a venue that speaks of them are few there is nothing to wait for, and each
 * message goes its way alone: then the processor foresees from the type of a message what the book will
 * do with it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct stream;

#define MESSAGES_HANDFUL 16

/* One that is decoded. */
struct messages_item {
        struct event event;
        int64_t ts_recv;     /* of its packet */
        uint64_t packet;     /* its number */
        uint32_t instrument; /* of an event that concerns one, once it is found */
};

struct messages {
        const struct packet *packet; /* that the next one is in */
        bool begun;                  /* some were applied since the session began */
        bool alone;                  /* each goes its way alone */
        bool again;                  /* the next ones were counted by a predecessor */
        unsigned n;                  /* in hand: decoded, and not yet applied */
        struct messages_item item[MESSAGES_HANDFUL];
};

/* A packet's messages begin. It remains where it is until all of them are taken. */
void messages_begin(struct stream *stream, const struct packet *packet);

/* Takes the next of them. */
void messages_take(struct stream *stream, const uint8_t *data, size_t size);

/* Publishes what comes of those in hand; at the end of a burst, or before. */
void messages_flush(struct stream *stream);
