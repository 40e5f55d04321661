/*
 * IEX DEEP 1.0: all prices of the Investors Exchange, with the size at each
 *
 * One event of the venue may move several prices. Each comes in a message of its own, and a flag in
 * the last of them says that the event is complete: until then the book stands as it was before.
 */

#include <stdint.h>

#include "decode/iex.h"

#define DEEP_TYPES(TYPE)                                                                           \
        TYPE('8', 30, decode_buy, "price level update, buy side")                                  \
        TYPE('5', 30, decode_sell, "price level update, sell side")                                \
        IEX_TYPES(TYPE)

enum {
        LEVEL_COMPLETE = 0x01,
};

/* A price of 0 is no price. */
static int decode_level(const uint8_t *message, bool ask, struct event *event) {
        event->type = EVENT_LEVEL;
        event->u.level.ask = ask;
        event->u.level.complete = message[1] & LEVEL_COMPLETE;
        event->u.level.sz = bytes_u32(message + 18);
        if (!iex_read_price(message + 22, &event->u.level.px) || !event->u.level.px)
                return DECODE_E_VALUE;
        return DECODE_OK;
}

static int decode_buy(const uint8_t *message, struct event *event) {
        return decode_level(message, false, event);
}

static int decode_sell(const uint8_t *message, struct event *event) {
        return decode_level(message, true, event);
}

static const struct iex_type deep_types[UINT8_MAX + 1] = { DEEP_TYPES(IEX_TYPE) };

static int deep_decode(const uint8_t *message, size_t size, struct event *event) {
        return iex_decode(deep_types, message, size, event);
}

const struct decoder deep_decoder = {
        .protocol = "iex-deep",
        .venue = "IEXG",
        .height = HEIGHT_LEVELS,
        .iextp = (const uint16_t[]){ 0x8004, 0 },
        .types = (const struct decoder_type[]){ DEEP_TYPES(IEX_NAME){ 0 } },
        .decode = deep_decode,
};
