/* What TOPS and DEEP have in common; iex.h tells the idea. */

#include "decode/iex.h"

#include <string.h>

#include "decode/bytes.h"
#include "decode/decoder.h"

enum {
        DIRECTORY_TEST = 0x80,
        DIRECTORY_WHEN_ISSUED = 0x40,
        DIRECTORY_ETP = 0x20,

        SALE_SWEEP = 0x80,
        SALE_EXTENDED = 0x40,
        SALE_ODD_LOT = 0x20,
        SALE_EXEMPT = 0x10,
        SALE_CROSS = 0x08,
};

int iex_decode_system(const uint8_t *message, struct event *event) {
        if (!bytes_printable(message[1]))
                return DECODE_E_VALUE;

        event->type = EVENT_SYSTEM;
        event->u.system = (char)message[1];
        return DECODE_OK;
}

int iex_decode_directory(const uint8_t *message, struct event *event) {
        event->type = EVENT_INSTRUMENT;
        event->u.instrument.flags =
                (message[1] & DIRECTORY_TEST ? EVENT_INSTRUMENT_TEST : 0) |
                (message[1] & DIRECTORY_ETP ? EVENT_INSTRUMENT_ETP : 0) |
                (message[1] & DIRECTORY_WHEN_ISSUED ? EVENT_INSTRUMENT_WHEN_ISSUED : 0);
        event->u.instrument.lot = bytes_u32(message + 18);
        event->u.instrument.luld = message[30];
        return iex_read_optional(message + 22, &event->u.instrument.close_px) ? DECODE_OK
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

int iex_decode_trading(const uint8_t *message, struct event *event) {
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

int iex_decode_retail(const uint8_t *message, struct event *event) {
        int r = begin_status(message, event, STATUS_RETAIL);

        event->u.status.status.retail = (char)message[1];
        return r;
}

int iex_decode_operational(const uint8_t *message, struct event *event) {
        int r = begin_status(message, event, STATUS_OPERATIONAL);

        event->u.status.status.operational = (char)message[1];
        return r;
}

int iex_decode_security(const uint8_t *message, struct event *event) {
        int r = begin_status(message, event, STATUS_SECURITY);

        event->u.status.status.security = (char)message[1];
        return r;
}

/* Its status is the one code that is a number. */
int iex_decode_short_sale(const uint8_t *message, struct event *event) {
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

static uint16_t sale_flags(uint8_t sale) {
        return (sale & SALE_SWEEP ? MD_FLAG_SWEEP : 0) |
               (sale & SALE_EXTENDED ? MD_FLAG_EXTENDED : 0) |
               (sale & SALE_ODD_LOT ? MD_FLAG_ODD_LOT : 0) |
               (sale & SALE_EXEMPT ? MD_FLAG_EXEMPT : 0) | (sale & SALE_CROSS ? MD_FLAG_CROSS : 0);
}

/* Every trade counts for the volume; one of an odd lot or outside regular hours sets no price of the
 * session (Appendix A, trade eligibility). */
int iex_decode_trade(const uint8_t *message, struct event *event) {
        bool eligible = !(message[1] & (SALE_EXTENDED | SALE_ODD_LOT));

        event->type = EVENT_TRADE;
        event->flags = sale_flags(message[1]);
        event->u.trade.sz = bytes_u32(message + 18);
        event->u.trade.trade_id = bytes_i64(message + 30);
        event->u.trade.sets_range = eligible;
        event->u.trade.sets_last = eligible;
        event->u.trade.cross = 0;
        return iex_read_price(message + 22, &event->u.trade.px) ? DECODE_OK : DECODE_E_VALUE;
}

int iex_decode_broken(const uint8_t *message, struct event *event) {
        event->type = EVENT_BREAK;
        event->flags = sale_flags(message[1]);
        event->u.broken.sz = bytes_u32(message + 18);
        event->u.broken.trade_id = bytes_i64(message + 30);
        return iex_read_price(message + 22, &event->u.broken.px) ? DECODE_OK : DECODE_E_VALUE;
}

int iex_decode_official(const uint8_t *message, struct event *event) {
        if (message[1] != 'Q' && message[1] != 'M')
                return DECODE_E_VALUE;

        event->type = EVENT_OFFICIAL;
        event->u.official.closing = message[1] == 'M';
        return iex_read_optional(message + 18, &event->u.official.px) ? DECODE_OK : DECODE_E_VALUE;
}

/* The reference price of the collar, at 56, is the one field that has no place in a tick. */
int iex_decode_auction(const uint8_t *message, struct event *event) {
        struct md_auction *auction = &event->u.auction.auction;
        struct md_clearing *clearing = &event->u.auction.clearing;

        if (!bytes_printable(message[1]) || !bytes_printable(message[42]))
                return DECODE_E_VALUE;

        event->type = EVENT_AUCTION;
        event->u.auction.fields = AUCTION_ALL;
        auction->type = (char)message[1];
        auction->paired = bytes_u32(message + 18);
        auction->imbalance = bytes_u32(message + 38);
        auction->side = (char)message[42];
        auction->extension = message[43];
        auction->scheduled = bytes_u32(message + 44);
        auction->variation = 0;
        if (!iex_read_optional(message + 22, &auction->ref_px) ||
            !iex_read_optional(message + 30, &clearing->clearing_px) ||
            !iex_read_optional(message + 48, &clearing->book_px) ||
            !iex_read_optional(message + 64, &clearing->collar_lo) ||
            !iex_read_optional(message + 72, &clearing->collar_hi))
                return DECODE_E_VALUE;
        return DECODE_OK;
}
