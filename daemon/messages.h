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
 * The first two are done for a handful of messages before the last two begin. What the book will look
 * at, an order among millions, is in no cache, but is known as soon as the message is decoded: so the
 * processor fetches it for all of the handful at once, instead of waiting for each in turn. As long as the
 * orders are few there is nothing to wait for, and a handful is one: then the processor foresees from
 * the type of a message what the book will do with it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct stream;

#define MESSAGES_HANDFUL 16

/* Those that are decoded and not yet applied. */
struct messages {
        const struct packet *packet; /* that they come from */
        bool begun;                  /* some were taken since the session began */
        unsigned n;                  /* of them */
        unsigned most;               /* so many are a handful now */
        struct {
                struct event event;
                uint32_t instrument; /* of an event that concerns one */
        } item[MESSAGES_HANDFUL];
};

/* A packet's messages begin. It remains where it is until messages_end(). */
void messages_begin(struct stream *stream, const struct packet *packet);

/* Takes the next of them. */
void messages_take(struct stream *stream, const uint8_t *data, size_t size);

/* All of them were taken: what they make is published. */
void messages_end(struct stream *stream);
