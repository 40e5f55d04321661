/*
 * IEX TOPS 1.6 and 1.5: the top of the book of the Investors Exchange
 *
 * Version 1.5 has quotes, trades and trade breaks. 1.6 adds the administrative and auction messages
 * and leaves those three as they were, so one decoder reads both.
 *
 * A side of a quote without a price or without a size is no quote.
 */

#include <stdint.h>

#include "decode/iex.h"

#define TOPS_TYPES(TYPE) TYPE('Q', 42, decode_quote, "quote update") IEX_TYPES(TYPE)

enum {
        QUOTE_INACTIVE = 0x80, /* halted, paused or not to be had here */
        QUOTE_PRE_POST = 0x40,
};

static bool read_side(const uint8_t *price, const uint8_t *size, int64_t *px, int64_t *sz) {
        if (!iex_read_optional(price, px))
                return false;

        *sz = bytes_u32(size);
        if (*px == MD_PX_NONE || !*sz) {
                *px = MD_PX_NONE;
                *sz = 0;
        }
        return true;
}

static int decode_quote(const uint8_t *message, struct event *event) {
        struct md_quote *quote = &event->u.quote;

        event->type = EVENT_QUOTE;
        event->flags = (message[1] & QUOTE_INACTIVE ? MD_FLAG_INACTIVE : 0) |
                       (message[1] & QUOTE_PRE_POST ? MD_FLAG_PRE_POST : 0);
        if (!read_side(message + 22, message + 18, &quote->bid_px, &quote->bid_sz) ||
            !read_side(message + 30, message + 38, &quote->ask_px, &quote->ask_sz))
                return DECODE_E_VALUE;
        return DECODE_OK;
}

static const struct iex_type tops_types[UINT8_MAX + 1] = { TOPS_TYPES(IEX_TYPE) };

static int tops_decode(const uint8_t *message, size_t size, struct event *event) {
        return iex_decode(tops_types, message, size, event);
}

const struct decoder tops_decoder = {
        .protocol = "iex-tops",
        .venue = "IEXG",
        .iextp = (const uint16_t[]){ 0x8003, 0x8002, 0 },
        .types = (const struct decoder_type[]){ TOPS_TYPES(IEX_NAME){ 0 } },
        .decode = tops_decode,
};
