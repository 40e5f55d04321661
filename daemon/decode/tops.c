/*
 * IEX TOPS 1.6 and 1.5: the top of the book of the Investors Exchange
 *
 * Every message begins alike: its type, one byte of flags or of a code, the time, and (in all but the
 * system event) the symbol. What follows belongs to the type:
 *
 *      0  type     1  flags or code     2  time     10  symbol     18  ...
 *
 * Version 1.5 has quotes, trades and trade breaks. 1.6 adds the administrative and auction messages
 * and leaves those three as they were, so one decoder reads both.
 *
 * Prices come in 1e-4 and leave in 1e-9. A price of 0 stands for "none" wherever there may be none;
 * a side of a quote without a price or without a size is no quote. No price of a share is negative.
 */

#include <stdint.h>
#include <string.h>

#include "decode/bytes.h"
#include "decode/decoder.h"

/* TYPE(character, size, function, name): what the specification lists, with the size it gives. */
#define TOPS_TYPES(TYPE)                                                                           \
        TYPE('S', 10, system, "system event")                                                      \
        TYPE('D', 31, directory, "security directory")                                             \
        TYPE('H', 22, trading, "trading status")                                                   \
        TYPE('I', 18, retail, "retail liquidity indicator")                                        \
        TYPE('O', 18, operational, "operational halt status")                                      \
        TYPE('P', 19, short_sale, "short sale price test status")                                  \
        TYPE('E', 18, security, "security event")                                                  \
        TYPE('Q', 42, quote, "quote update")                                                       \
        TYPE('T', 38, trade, "trade report")                                                       \
        TYPE('B', 38, broken, "trade break")                                                       \
        TYPE('X', 26, official, "official price")                                                  \
        TYPE('A', 80, auction, "auction information")

enum {
        DIRECTORY_TEST = 0x80,
        DIRECTORY_WHEN_ISSUED = 0x40,
        DIRECTORY_ETP = 0x20,

        QUOTE_INACTIVE = 0x80, /* halted, paused or not to be had here */
        QUOTE_PRE_POST = 0x40,

        SALE_SWEEP = 0x80,
        SALE_EXTENDED = 0x40,
        SALE_ODD_LOT = 0x20,
        SALE_EXEMPT = 0x10,
        SALE_CROSS = 0x08,
};

#define PRICE_FACTOR (MD_PX_ONE / 10000)

/* A price that must be there, 0 included. False: no price of a share, or too much for us. */
static bool read_price(const uint8_t *p, int64_t *px) {
        int64_t raw = bytes_i64(p);

        return raw >= 0 && !__builtin_mul_overflow(raw, PRICE_FACTOR, px);
}

/* A price that may be missing. */
static bool read_optional(const uint8_t *p, int64_t *px) {
        if (!read_price(p, px))
                return false;
        if (!*px)
                *px = MD_PX_NONE;
        return true;
}

static int decode_system(const uint8_t *message, struct event *event) {
        if (!bytes_printable(message[1]))
                return DECODE_E_VALUE;

        event->type = EVENT_SYSTEM;
        event->u.system = (char)message[1];
        return DECODE_OK;
}

static int decode_directory(const uint8_t *message, struct event *event) {
        event->type = EVENT_INSTRUMENT;
        event->u.instrument.flags =
                (message[1] & DIRECTORY_TEST ? EVENT_INSTRUMENT_TEST : 0) |
                (message[1] & DIRECTORY_ETP ? EVENT_INSTRUMENT_ETP : 0) |
                (message[1] & DIRECTORY_WHEN_ISSUED ? EVENT_INSTRUMENT_WHEN_ISSUED : 0);
        event->u.instrument.lot = bytes_u32(message + 18);
        event->u.instrument.luld = message[30];
        return read_optional(message + 22, &event->u.instrument.close_px) ? DECODE_OK
                                                                          : DECODE_E_VALUE;
}

/* Begins a status event that brings `fields`, the first of them from the byte after the type. */
static int begin_status(const uint8_t *message, struct event *event, unsigned fields) {
        if (!bytes_printable(message[1]))
                return DECODE_E_VALUE;

        event->type = EVENT_STATUS;
        event->u.status.fields = fields;
        event->u.status.status = (struct md_status){ 0 };
        return DECODE_OK;
}

static int decode_trading(const uint8_t *message, struct event *event) {
        struct md_status *status = &event->u.status.status;
        size_t n = sizeof(status->reason);
        int r;

        r = begin_status(message, event, STATUS_TRADING);
        if (r)
                return r;

        status->trading = (char)message[1];
        while (n > 0 && message[18 + n - 1] == ' ')
                n--;
        for (size_t i = 0; i < n; i++) {
                if (!bytes_printable(message[18 + i]))
                        return DECODE_E_VALUE;
                status->reason[i] = (char)message[18 + i];
        }
        return DECODE_OK;
}

static int decode_retail(const uint8_t *message, struct event *event) {
        int r = begin_status(message, event, STATUS_RETAIL);

        event->u.status.status.retail = (char)message[1];
        return r;
}

static int decode_operational(const uint8_t *message, struct event *event) {
        int r = begin_status(message, event, STATUS_OPERATIONAL);

        event->u.status.status.operational = (char)message[1];
        return r;
}

static int decode_security(const uint8_t *message, struct event *event) {
        int r = begin_status(message, event, STATUS_SECURITY);

        event->u.status.status.security = (char)message[1];
        return r;
}

/* Its status is the one code that is a number. */
static int decode_short_sale(const uint8_t *message, struct event *event) {
        if (message[1] > 1 || !bytes_printable(message[18]))
                return DECODE_E_VALUE;

        event->type = EVENT_STATUS;
        event->u.status.fields = STATUS_SHORT_SALE;
        event->u.status.status = (struct md_status){
                .short_sale = message[1] ? '1' : '0',
                .short_detail = (char)message[18],
        };
        return DECODE_OK;
}

static bool read_side(const uint8_t *price, const uint8_t *size, int64_t *px, int64_t *sz) {
        if (!read_optional(price, px))
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

static uint16_t sale_flags(uint8_t sale) {
        return (sale & SALE_SWEEP ? MD_FLAG_SWEEP : 0) |
               (sale & SALE_EXTENDED ? MD_FLAG_EXTENDED : 0) |
               (sale & SALE_ODD_LOT ? MD_FLAG_ODD_LOT : 0) |
               (sale & SALE_EXEMPT ? MD_FLAG_EXEMPT : 0) | (sale & SALE_CROSS ? MD_FLAG_CROSS : 0);
}

/* Every trade counts for the volume; one of an odd lot or outside regular hours sets no price of the
 * session (Appendix A, trade eligibility). */
static int decode_trade(const uint8_t *message, struct event *event) {
        bool eligible = !(message[1] & (SALE_EXTENDED | SALE_ODD_LOT));

        event->type = EVENT_TRADE;
        event->flags = sale_flags(message[1]);
        event->u.trade.sz = bytes_u32(message + 18);
        event->u.trade.trade_id = bytes_i64(message + 30);
        event->u.trade.sets_range = eligible;
        event->u.trade.sets_last = eligible;
        return read_price(message + 22, &event->u.trade.px) ? DECODE_OK : DECODE_E_VALUE;
}

static int decode_broken(const uint8_t *message, struct event *event) {
        event->type = EVENT_BREAK;
        event->flags = sale_flags(message[1]);
        event->u.broken.sz = bytes_u32(message + 18);
        event->u.broken.trade_id = bytes_i64(message + 30);
        return read_price(message + 22, &event->u.broken.px) ? DECODE_OK : DECODE_E_VALUE;
}

static int decode_official(const uint8_t *message, struct event *event) {
        if (message[1] != 'Q' && message[1] != 'M')
                return DECODE_E_VALUE;

        event->type = EVENT_OFFICIAL;
        event->u.official.closing = message[1] == 'M';
        return read_optional(message + 18, &event->u.official.px) ? DECODE_OK : DECODE_E_VALUE;
}

/* The reference price of the collar, at 56, is the one field that has no place in a tick. */
static int decode_auction(const uint8_t *message, struct event *event) {
        struct md_auction *auction = &event->u.auction.auction;
        struct md_clearing *clearing = &event->u.auction.clearing;

        if (!bytes_printable(message[1]) || !bytes_printable(message[42]))
                return DECODE_E_VALUE;

        event->type = EVENT_AUCTION;
        auction->type = (char)message[1];
        auction->paired = bytes_u32(message + 18);
        auction->imbalance = bytes_u32(message + 38);
        auction->side = (char)message[42];
        auction->extension = message[43];
        auction->scheduled = bytes_u32(message + 44);
        auction->variation = 0;
        if (!read_optional(message + 22, &auction->ref_px) ||
            !read_optional(message + 30, &clearing->clearing_px) ||
            !read_optional(message + 48, &clearing->book_px) ||
            !read_optional(message + 64, &clearing->collar_lo) ||
            !read_optional(message + 72, &clearing->collar_hi))
                return DECODE_E_VALUE;
        return DECODE_OK;
}

/* Left-justified and space-padded: what is not empty does not begin with a space. */
static bool read_symbol(const uint8_t *p, uint64_t *symbol) {
        *symbol = bytes_u64(p);
        return p[0] != ' ' && bytes_printable8(*symbol);
}

struct tops_type {
        size_t size; /* of the shortest message of this type; longer ones come from later versions */
        int (*decode)(const uint8_t *message, struct event *event);
};

#define TOPS_TYPE_(character, size, function, name) [character] = { size, decode_##function },
static const struct tops_type tops_types[UINT8_MAX + 1] = { TOPS_TYPES(TOPS_TYPE_) };
#undef TOPS_TYPE_

static int tops_decode(const uint8_t *message, size_t size, struct event *event) {
        const struct tops_type *type;

        if (!size)
                return DECODE_E_SHORT;
        type = &tops_types[message[0]];
        if (!type->decode)
                return DECODE_E_TYPE;
        if (size < type->size)
                return DECODE_E_SHORT;

        event->flags = 0;
        event->ts_event = bytes_i64(message + 2);
        event->symbol = 0;
        if (message[0] != 'S' && !read_symbol(message + 10, &event->symbol))
                return DECODE_E_SYMBOL;
        return type->decode(message, event);
}

#define TOPS_NAME_(character, size, function, name) { character, name },
const struct decoder tops_decoder = {
        .protocol = "iex-tops",
        .venue = "IEXG",
        .iextp = (const uint16_t[]){ 0x8003, 0x8002, 0 },
        .types = (const struct decoder_type[]){ TOPS_TYPES(TOPS_NAME_){ 0 } },
        .decode = tops_decode,
};
#undef TOPS_NAME_
