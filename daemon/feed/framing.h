#pragma once

/*
 * Framing: from a packet's bytes to messages under numbers
 *
 * Every transport says the same few things, each in its own way: which session, the number of the
 * first message, how many there are, and then each message behind its length in two bytes. A framing
 * checks a packet whole and says these things in one way, so that nobody behind it cares which
 * transport it was.
 *
 * A packet is used whole or not at all: parse() walks over every message before it says yes. So a
 * broken copy takes no number away from the good one on the other line, and framed_next() has nothing
 * left to check.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMING_CAUSES       8  /* outcomes of a parse(), 0 included; no framing has more */
#define FRAMING_SESSION_SIZE 24 /* a session's id in words */
#define FRAMING_REQUEST_MAX  32 /* bytes of a request */

#define FRAMING_SEQUENCE_MAX INT64_MAX

/* A packet that was found sound. */
struct framed {
        uint64_t session;  /* the same for the same session; whatever the transport makes of it */
        uint64_t sequence; /* of its first message, 1 or more; of the next to come, if it has none;
                             * 0: its messages have no numbers, and come in order */
        uint32_t count;    /* messages */
        uint16_t protocol; /* of the messages, in the transport's own numbers; 0: it does not say */
        bool ends;         /* the session is over: no message follows */
        bool big_endian;   /* the lengths */
        int64_t sent;      /* TIME, by the venue's clock; 0: the transport does not say */
        const uint8_t *rest; /* messages not yet taken; the packet's bytes */
        size_t size;         /* bytes of them */
};

struct message {
        const uint8_t *data;
        size_t size;
};

struct framing {
        const char *name; /* in the config */
        bool protocols;   /* its packets say which protocol their messages are of */
        bool pieces;      /* its packets are pieces of a file */
        bool behind;      /* its requests name the message behind those that they are for, too */

        /* Reads and checks a whole packet. Returns 0, or a cause and leaves *framed unset. */
        int (*parse)(struct framed *framed, const uint8_t *data, size_t size);

        /* A cause in words that do not change. */
        const char *(*cause)(int outcome);

        /* A session's id as people write it. */
        void (*session)(uint64_t session, char text[FRAMING_SESSION_SIZE]);

        /* Writes the packet that asks for `n` messages of that protocol again, from number `first`
         * on, or for as many of them as one request can, and returns its size. NULL: the transport
         * has none. */
        size_t (*request)(uint64_t session, uint16_t protocol, uint64_t first, uint64_t n,
                          uint8_t packet[FRAMING_REQUEST_MAX]);
};

/* The framing of that name, NULL where there is none. */
const struct framing *framing_find(const char *name);

static inline size_t framed_length(const uint8_t *at, bool big_endian) {
        return big_endian ? (size_t)at[0] << 8 | at[1] : (size_t)at[1] << 8 | at[0];
}

/* Takes the next message; false when there is none left. */
static inline bool framed_next(struct framed *framed, struct message *message) {
        if (!framed->size)
                return false;

        *message = (struct message){
                .data = framed->rest + 2,
                .size = framed_length(framed->rest, framed->big_endian),
        };
        framed->rest += 2 + message->size;
        framed->size -= 2 + message->size;
        return true;
}

enum {
        FRAMED_OK = 0,
        FRAMED_E_MESSAGE, /* one runs past the end */
        FRAMED_E_COUNT,   /* they are fewer or more */
};

/* Walks over `count` messages: they must fill `size` bytes. For the framings. */
int framed_check(const uint8_t *data, size_t size, size_t count, bool big_endian);

/* A number that stands for the first message, of which there must be one: for another message it is
 * another number, but for a chance that is no matter. Never 0. */
uint64_t framed_mark(const struct framed *framed);

/* Whether `count` messages can have numbers from `sequence` on: they are signed on the wire, begin
 * with 1, and the one after the last is one of them, too. For the framings. */
static inline bool framed_sequence_is_sane(uint64_t sequence, uint32_t count) {
        return sequence >= 1 && sequence <= (uint64_t)FRAMING_SEQUENCE_MAX - count;
}
