#pragma once

/*
 * A decoder: the bytes of one message to one event
 *
 * Pure functions of their arguments: no state, no clock, no memory of their own. They read only
 * inside the message, whatever it says of itself. A message that they cannot use is the second kind
 * of "no": a positive DECODE_E_..., which the pipeline counts by cause.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

enum {
        DECODE_OK = 0,
        DECODE_E_TYPE,   /* no message of this protocol begins so */
        DECODE_E_SHORT,  /* shorter than its type requires */
        DECODE_E_SYMBOL, /* the symbol is empty or not printable */
        DECODE_E_VALUE,  /* a price, size or code out of any range */
        _DECODE_E_N,
};

struct decoder_type {
        char type;        /* first byte of the message */
        const char *name; /* in the specification's words */
};

struct decoder {
        const char *protocol; /* in the config: "iex-tops" */
        const char *venue;    /* MIC */
        enum height height;
        bool since_midnight; /* times count from the midnight in New York that begins the day, and
                              * the pipeline adds that */
        const uint16_t
                *iextp; /* message protocol ids of IEX-TP that it reads, 0 at the end; NULL: not
                                * carried by IEX-TP */
        const struct decoder_type *types; /* all that it knows, type 0 at the end */

        /* Returns DECODE_OK and fills in *event, or DECODE_E_... Longer messages than the type
         * requires are read as far as they are known: later versions add at the end. */
        int (*decode)(const uint8_t *message, size_t size, struct event *event);
};

extern const struct decoder tops_decoder;
extern const struct decoder deep_decoder;
extern const struct decoder itch50_decoder;

/* The decoder of that name, NULL where there is none. */
const struct decoder *decoder_find(const char *protocol);
