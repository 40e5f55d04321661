/*
 * Nasdaq TotalView-ITCH 5.0: every displayed order of the Nasdaq Stock Market
 *
 * All numbers are big endian. Every message begins alike:
 *
 *      0  type     1  locate     3  tracking number     5  nanoseconds since midnight     11  ...
 *
 * The locate is the day's number of the stock. Only some messages also have its symbol, each at a
 * place of its own; the directory (R) that would tie the two together is not needed where one of those
 * comes first. Messages of the whole market have the locate 0.
 *
 * Prices come in 1e-4 and leave in 1e-9 (only the levels of the circuit breaker have eight decimals,
 * and those have no place in a tick). An order or trade outside 9:30 to 16:00 is flagged as such; on the
 * days on which the market closes early, the message itself does not tell.
 *
 * A cross in which nothing was traded is announced, too, without a size and often without a price.
 * That is no trade, and not the official price of anything.
 */

#include <stdint.h>
#include <string.h>

#include "decode/bytes.h"
#include "decode/decoder.h"

/* TYPE(character, size, place of the symbol or 0, function, name): what the specification lists. */
#define ITCH_TYPES(TYPE)                                                                           \
        TYPE('S', 12, 0, system, "system event")                                                   \
        TYPE('R', 39, 11, directory, "stock directory")                                            \
        TYPE('H', 25, 11, trading, "stock trading action")                                         \
        TYPE('Y', 20, 11, short_sale, "Reg SHO restriction")                                       \
        TYPE('L', 26, 15, nothing, "market participant position")                                  \
        TYPE('V', 35, 0, nothing, "MWCB decline level")                                            \
        TYPE('W', 12, 0, breaker, "MWCB status")                                                   \
        TYPE('K', 28, 11, ipo, "IPO quoting period update")                                        \
        TYPE('J', 35, 11, collar, "LULD auction collar")                                           \
        TYPE('h', 21, 11, operational, "operational halt")                                         \
        TYPE('A', 36, 24, add, "add order")                                                        \
        TYPE('F', 40, 24, add, "add order with MPID")                                              \
        TYPE('E', 31, 0, execute, "order executed")                                                \
        TYPE('C', 36, 0, execute_at, "order executed with price")                                  \
        TYPE('X', 23, 0, cancel, "order cancel")                                                   \
        TYPE('D', 19, 0, delete, "order delete")                                                   \
        TYPE('U', 35, 0, replace, "order replace")                                                 \
        TYPE('P', 44, 24, trade, "trade (non-cross)")                                              \
        TYPE('Q', 40, 19, cross, "cross trade")                                                    \
        TYPE('B', 19, 0, broken, "broken trade")                                                   \
        TYPE('I', 50, 28, imbalance, "net order imbalance indicator")                              \
        TYPE('N', 20, 11, retail, "retail price improvement indicator")                            \
        TYPE('O', 48, 11, listing, "direct listing with capital raise price discovery")

#define PRICE_FACTOR (MD_PX_ONE / 10000)

#define MINUTE     (INT64_C(60) * 1000000000)
#define HOURS_FROM ((9 * 60 + 30) * MINUTE)
#define HOURS_TO   (16 * 60 * MINUTE)

static int64_t read_price(const uint8_t *p) {
        return bytes_be_u32(p) * PRICE_FACTOR;
}

/* A price that may be missing. */
static int64_t read_optional(const uint8_t *p) {
        int64_t px = read_price(p);

        return px ? px : MD_PX_NONE;
}

/* A size of eight bytes. False: more than there can be. */
static bool read_size(const uint8_t *p, int64_t *sz) {
        *sz = (int64_t)bytes_be_u64(p);
        return *sz >= 0;
}

static bool is_regular(const struct event *event) {
        return event->ts_event >= HOURS_FROM && event->ts_event < HOURS_TO;
}

/* ---- the market and its stocks ---- */

static int decode_nothing(const uint8_t *message, struct event *event) {
        (void)message;
        event->type = EVENT_NONE;
        return DECODE_OK;
}

static int decode_system(const uint8_t *message, struct event *event) {
        static const char from[] = "OSQMEC", to[] = "OSRMEC";
        const char *found = message[11] ? strchr(from, message[11]) : NULL;

        if (!found)
                return DECODE_E_VALUE;

        event->type = EVENT_SYSTEM;
        event->u.system = to[found - from];
        return DECODE_OK;
}

static int decode_breaker(const uint8_t *message, struct event *event) {
        if (message[11] < '1' || message[11] > '3')
                return DECODE_E_VALUE;

        event->type = EVENT_SYSTEM;
        event->u.system = (char)message[11];
        return DECODE_OK;
}

static int decode_directory(const uint8_t *message, struct event *event) {
        event->type = EVENT_INSTRUMENT;
        event->u.instrument.flags = (message[29] == 'T' ? EVENT_INSTRUMENT_TEST : 0) |
                                    (message[33] == 'Y' ? EVENT_INSTRUMENT_ETP : 0);
        event->u.instrument.lot = bytes_be_u32(message + 21);
        event->u.instrument.close_px = MD_PX_NONE;
        event->u.instrument.luld = message[32] == '1' || message[32] == '2' ? message[32] - '0' : 0;
        return DECODE_OK;
}

static void begin_status(struct event *event, unsigned fields) {
        event->type = EVENT_STATUS;
        event->u.status.fields = fields;
        event->u.status.status = (struct md_status){ 0 };
}

static int decode_trading(const uint8_t *message, struct event *event) {
        struct md_status *status = &event->u.status.status;
        size_t n = sizeof(status->reason);

        if (!bytes_printable(message[19]))
                return DECODE_E_VALUE;

        begin_status(event, STATUS_TRADING);
        status->trading = (char)message[19];
        while (n > 0 && message[21 + n - 1] == ' ')
                n--;
        for (size_t i = 0; i < n; i++) {
                if (!bytes_printable(message[21 + i]))
                        return DECODE_E_VALUE;
                status->reason[i] = (char)message[21 + i];
        }
        return DECODE_OK;
}

/* 0: no test; 1: in effect since a drop of today; 2: still in effect. */
static int decode_short_sale(const uint8_t *message, struct event *event) {
        static const char details[] = { ' ', 'A', 'C' };

        if (message[19] < '0' || message[19] > '2')
                return DECODE_E_VALUE;

        begin_status(event, STATUS_SHORT_SALE);
        event->u.status.status.short_sale = message[19] == '0' ? '0' : '1';
        event->u.status.status.short_detail = details[message[19] - '0'];
        return DECODE_OK;
}

/* Halts of other markets of the same company come here, too. */
static int decode_operational(const uint8_t *message, struct event *event) {
        if (message[20] != 'H' && message[20] != 'T')
                return DECODE_E_VALUE;
        if (message[19] != 'Q')
                return decode_nothing(message, event);

        begin_status(event, STATUS_OPERATIONAL);
        event->u.status.status.operational = message[20] == 'H' ? 'O' : 'N';
        return DECODE_OK;
}

static int decode_retail(const uint8_t *message, struct event *event) {
        static const char from[] = "BSAN", to[] = "ABC ";
        const char *found = message[19] ? strchr(from, message[19]) : NULL;

        if (!found)
                return DECODE_E_VALUE;

        begin_status(event, STATUS_RETAIL);
        event->u.status.status.retail = to[found - from];
        return DECODE_OK;
}

/* ---- orders ---- */

static void begin_order(const uint8_t *message, struct event *event, enum event_type type) {
        event->type = type;
        event->flags = is_regular(event) ? 0 : MD_FLAG_PRE_POST;
        event->u.order.ref = bytes_be_u64(message + 11);
}

static int decode_add(const uint8_t *message, struct event *event) {
        begin_order(message, event, EVENT_ORDER_ADD);
        event->u.order.sz = bytes_be_u32(message + 20);
        event->u.order.px = read_price(message + 32);
        event->u.order.ask = message[19] == 'S';
        if ((message[19] != 'B' && message[19] != 'S') || !event->u.order.sz)
                return DECODE_E_VALUE;
        return DECODE_OK;
}

static void begin_execute(const uint8_t *message, struct event *event) {
        begin_order(message, event, EVENT_ORDER_EXECUTE);
        if (event->flags)
                event->flags |= MD_FLAG_EXTENDED;
        event->u.order.sz = bytes_be_u32(message + 19);
        event->u.order.trade_id = (int64_t)bytes_be_u64(message + 23);
}

static int decode_execute(const uint8_t *message, struct event *event) {
        begin_execute(message, event);
        event->u.order.px = MD_PX_NONE;
        event->u.order.printable = true;
        return DECODE_OK;
}

static int decode_execute_at(const uint8_t *message, struct event *event) {
        if (message[31] != 'Y' && message[31] != 'N')
                return DECODE_E_VALUE;

        begin_execute(message, event);
        event->u.order.px = read_price(message + 32);
        event->u.order.printable = message[31] == 'Y';
        return DECODE_OK;
}

static int decode_cancel(const uint8_t *message, struct event *event) {
        begin_order(message, event, EVENT_ORDER_CANCEL);
        event->u.order.sz = bytes_be_u32(message + 19);
        return DECODE_OK;
}

static int decode_delete(const uint8_t *message, struct event *event) {
        begin_order(message, event, EVENT_ORDER_DELETE);
        return DECODE_OK;
}

static int decode_replace(const uint8_t *message, struct event *event) {
        begin_order(message, event, EVENT_ORDER_REPLACE);
        event->u.order.new_ref = bytes_be_u64(message + 19);
        event->u.order.sz = bytes_be_u32(message + 27);
        event->u.order.px = read_price(message + 31);
        return event->u.order.sz ? DECODE_OK : DECODE_E_VALUE;
}

/* ---- trades and auctions ---- */

static int decode_trade(const uint8_t *message, struct event *event) {
        bool regular = is_regular(event);

        event->type = EVENT_TRADE;
        event->flags = regular ? 0 : MD_FLAG_EXTENDED;
        event->u.trade.sz = bytes_be_u32(message + 20);
        event->u.trade.px = read_price(message + 32);
        event->u.trade.trade_id = (int64_t)bytes_be_u64(message + 36);
        event->u.trade.sets_range = regular;
        event->u.trade.sets_last = regular;
        event->u.trade.cross = 0;
        return DECODE_OK;
}

/* The closing cross comes after the close, and belongs to the session all the same. */
static int decode_cross(const uint8_t *message, struct event *event) {
        if (!bytes_printable(message[39]) || !read_size(message + 11, &event->u.trade.sz))
                return DECODE_E_VALUE;
        if (!event->u.trade.sz)
                return decode_nothing(message, event);

        event->type = EVENT_TRADE;
        event->flags = MD_FLAG_CROSS;
        event->u.trade.px = read_price(message + 27);
        event->u.trade.trade_id = (int64_t)bytes_be_u64(message + 31);
        event->u.trade.sets_range = true;
        event->u.trade.sets_last = true;
        event->u.trade.cross = (char)message[39];
        return DECODE_OK;
}

/* It names the trade alone. */
static int decode_broken(const uint8_t *message, struct event *event) {
        event->type = EVENT_BREAK;
        event->u.broken.px = MD_PX_NONE;
        event->u.broken.sz = 0;
        event->u.broken.trade_id = (int64_t)bytes_be_u64(message + 11);
        return DECODE_OK;
}

static void begin_auction(struct event *event, unsigned fields) {
        event->type = EVENT_AUCTION;
        event->u.auction.fields = fields;
}

/* The near price is that of all orders, the far one that of the orders for the cross alone. */
static int decode_imbalance(const uint8_t *message, struct event *event) {
        struct md_auction *auction = &event->u.auction.auction;
        struct md_clearing *clearing = &event->u.auction.clearing;

        begin_auction(event, AUCTION_REFERENCE | AUCTION_IMBALANCE | AUCTION_CLEARING);
        auction->side = (char)message[27];
        auction->type = (char)message[48];
        auction->variation = (char)message[49];
        auction->ref_px = read_optional(message + 44);
        clearing->book_px = read_optional(message + 36);
        clearing->clearing_px = read_optional(message + 40);
        if (!bytes_printable(message[27]) || !bytes_printable(message[48]) ||
            !bytes_printable(message[49]) || !read_size(message + 11, &auction->paired) ||
            !read_size(message + 19, &auction->imbalance))
                return DECODE_E_VALUE;
        return DECODE_OK;
}

/* The reference price of the collar is the one field that has no place in a tick. */
static int decode_collar(const uint8_t *message, struct event *event) {
        uint32_t extension = bytes_be_u32(message + 31);

        begin_auction(event, AUCTION_COLLAR);
        event->u.auction.auction.extension = extension < UINT8_MAX ? (uint8_t)extension : UINT8_MAX;
        event->u.auction.clearing.collar_hi = read_optional(message + 23);
        event->u.auction.clearing.collar_lo = read_optional(message + 27);
        return DECODE_OK;
}

/* Its time is in seconds; one that is called off has none. */
static int decode_ipo(const uint8_t *message, struct event *event) {
        if (message[23] != 'A' && message[23] != 'C')
                return DECODE_E_VALUE;

        begin_auction(event, AUCTION_REFERENCE | AUCTION_SCHEDULE);
        event->u.auction.auction.type = 'I';
        event->u.auction.auction.ref_px = read_optional(message + 24);
        event->u.auction.auction.scheduled = message[23] == 'A' ? bytes_be_u32(message + 19) : 0;
        return DECODE_OK;
}

/* The least and the highest price allowed at all have no place in a tick. */
static int decode_listing(const uint8_t *message, struct event *event) {
        begin_auction(event, AUCTION_CLEARING | AUCTION_COLLAR);
        event->u.auction.auction.extension = 0;
        event->u.auction.clearing.clearing_px = read_optional(message + 28);
        event->u.auction.clearing.book_px = MD_PX_NONE;
        event->u.auction.clearing.collar_lo = read_optional(message + 40);
        event->u.auction.clearing.collar_hi = read_optional(message + 44);
        return DECODE_OK;
}

/* ---- one message ---- */

struct itch_type {
        uint8_t size; /* of the shortest message of this type; longer ones come from later versions */
        uint8_t symbol; /* where it stands; 0: nowhere */
        int (*decode)(const uint8_t *message, struct event *event);
};

#define ITCH_TYPE_(character, size, symbol, function, name)                                        \
        [character] = { size, symbol, decode_##function },
static const struct itch_type itch_types[UINT8_MAX + 1] = { ITCH_TYPES(ITCH_TYPE_) };
#undef ITCH_TYPE_

static int itch50_decode(const uint8_t *message, size_t size, struct event *event) {
        const struct itch_type *type;

        if (!size)
                return DECODE_E_SHORT;
        type = &itch_types[message[0]];
        if (!type->decode)
                return DECODE_E_TYPE;
        if (size < type->size)
                return DECODE_E_SHORT;

        event->flags = 0;
        event->locate = bytes_be_u16(message + 1);
        event->ts_event = (int64_t)bytes_be_u48(message + 5);
        event->symbol = 0;
        if (type->symbol && !bytes_symbol(message + type->symbol, &event->symbol))
                return DECODE_E_SYMBOL;
        return type->decode(message, event);
}

#define ITCH_NAME_(character, size, symbol, function, name) { character, name },
const struct decoder itch50_decoder = {
        .protocol = "itch50",
        .venue = "XNAS",
        .height = HEIGHT_ORDERS,
        .since_midnight = true,
        .types = (const struct decoder_type[]){ ITCH_TYPES(ITCH_NAME_){ 0 } },
        .decode = itch50_decode,
};
#undef ITCH_NAME_
