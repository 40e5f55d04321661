#pragma once

/*
 * What TOPS and DEEP have in common
 *
 * The two feeds of the Investors Exchange share all messages but those of the quotes, byte for byte.
 * Every message begins alike: its type, one byte of flags or of a code, the time, and (in all but the
 * system event) the symbol. What follows belongs to the type:
 *
 *      0  type     1  flags or code     2  time     10  symbol     18  ...
 *
 * Prices come in 1e-4 and leave in 1e-9. A price of 0 stands for "none" wherever there may be none. No
 * price of a share is negative.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/bytes.h"
#include "decode/decoder.h"

/* TYPE(character, size, function, name): what both specifications list, with the size they give. */
#define IEX_TYPES(TYPE)                                                                            \
        TYPE('S', 10, iex_decode_system, "system event")                                           \
        TYPE('D', 31, iex_decode_directory, "security directory")                                  \
        TYPE('H', 22, iex_decode_trading, "trading status")                                        \
        TYPE('I', 18, iex_decode_retail, "retail liquidity indicator")                             \
        TYPE('O', 18, iex_decode_operational, "operational halt status")                           \
        TYPE('P', 19, iex_decode_short_sale, "short sale price test status")                       \
        TYPE('E', 18, iex_decode_security, "security event")                                       \
        TYPE('T', 38, iex_decode_trade, "trade report")                                            \
        TYPE('B', 38, iex_decode_broken, "trade break")                                            \
        TYPE('X', 26, iex_decode_official, "official price")                                       \
        TYPE('A', 80, iex_decode_auction, "auction information")

/* The functions of that list: they are called with a message of at least its size, and fill in what
 * follows the symbol. DECODE_OK or DECODE_E_VALUE. */
#define IEX_DECLARE_(character, size, function, name)                                              \
        int function(const uint8_t *message, struct event *event);
IEX_TYPES(IEX_DECLARE_)
#undef IEX_DECLARE_

struct iex_type {
        size_t size; /* of the shortest message of this type; longer ones come from later versions */
        int (*decode)(const uint8_t *message, struct event *event);
};

/* For the tables of a decoder, by a list like the one above. */
#define IEX_TYPE(character, size, function, name) [character] = { size, function },
#define IEX_NAME(character, size, function, name) { character, name },

/* A price that must be there, 0 included. False: no price of a share, or too much for us. */
static inline bool iex_read_price(const uint8_t *p, int64_t *px) {
        int64_t raw = bytes_i64(p);

        return raw >= 0 && !__builtin_mul_overflow(raw, MD_PX_ONE / 10000, px);
}

/* A price that may be missing. */
static inline bool iex_read_optional(const uint8_t *p, int64_t *px) {
        if (!iex_read_price(p, px))
                return false;
        if (!*px)
                *px = MD_PX_NONE;
        return true;
}

/* Decodes a message by a table of types, those without a function unknown. */
static inline int iex_decode(const struct iex_type types[UINT8_MAX + 1], const uint8_t *message,
                             size_t size, struct event *event) {
        const struct iex_type *type;

        if (!size)
                return DECODE_E_SHORT;
        type = &types[message[0]];
        if (!type->decode)
                return DECODE_E_TYPE;
        if (size < type->size)
                return DECODE_E_SHORT;

        event->flags = 0;
        event->locate = 0;
        event->ts_event = bytes_i64(message + 2);
        event->symbol = 0;
        if (message[0] != 'S' && !bytes_symbol(message + 10, &event->symbol))
                return DECODE_E_SYMBOL;
        return type->decode(message, event);
}
