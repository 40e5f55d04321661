/*
 * Messages of a venue: each is one event within all ranges, or refused
 *
 * The input is one message; DECODER says whose. What a message means does not hang on what follows it, and
 * half a message means nothing.
 */

#include "decode/decoder.h"
#include "fuzz.h"

#define MORE 7 /* bytes that a later version might add */

static bool knows(uint8_t type) {
        for (const struct decoder_type *known = DECODER.types; known->type; known++)
                if ((uint8_t)known->type == type)
                        return true;
        return false;
}

static bool is_price(int64_t px) {
        return px != INT64_MIN;
}

/* A size of the side, with a price if it is not 0. */
static bool is_side(int64_t px, int64_t sz) {
        return is_price(px) && sz >= 0 && (sz == 0 || px != MD_PX_NONE);
}

static void check_order(const struct event *event) {
        switch (event->type) {
        case EVENT_ORDER_ADD:
        case EVENT_ORDER_REPLACE:
                CHECK(event->u.order.sz > 0);
                CHECK(is_price(event->u.order.px) && event->u.order.px != MD_PX_NONE);
                break;
        case EVENT_ORDER_EXECUTE:
                CHECK(is_price(event->u.order.px));
                break;
        default:
                break;
        }
}

static void check_event(const struct event *event) {
        const char *symbol = (const char *)&event->symbol;

        CHECK(event->type <= EVENT_OFFICIAL);
        CHECK(!event->locate || DECODER.height == HEIGHT_ORDERS);
        for (unsigned i = 0; event->symbol && i < sizeof(event->symbol); i++)
                CHECK(symbol[i] >= ' ' && symbol[i] < 0x7f);
        CHECK(!event->symbol || symbol[0] != ' ');

        switch (event->type) {
        case EVENT_QUOTE:
                CHECK(DECODER.height == HEIGHT_TOP);
                CHECK(is_side(event->u.quote.bid_px, event->u.quote.bid_sz));
                CHECK(is_side(event->u.quote.ask_px, event->u.quote.ask_sz));
                break;
        case EVENT_LEVEL:
                CHECK(DECODER.height == HEIGHT_LEVELS);
                CHECK(event->u.level.px > 0 && event->u.level.px != MD_PX_NONE);
                break;
        case EVENT_ORDER_ADD:
        case EVENT_ORDER_EXECUTE:
        case EVENT_ORDER_CANCEL:
        case EVENT_ORDER_DELETE:
        case EVENT_ORDER_REPLACE:
                CHECK(DECODER.height == HEIGHT_ORDERS);
                check_order(event);
                break;
        case EVENT_TRADE:
                CHECK(is_price(event->u.trade.px) && event->u.trade.px != MD_PX_NONE);
                CHECK(event->u.trade.sz >= 0);
                break;
        case EVENT_INSTRUMENT:
                CHECK(event->symbol && event->u.instrument.lot >= 0);
                CHECK(is_price(event->u.instrument.close_px));
                break;
        default:
                break;
        }
}

/* The outcome for the first `size` bytes, in memory of exactly their size. */
static int decode(const uint8_t *message, size_t size, struct event *event) {
        uint8_t *copy = malloc(size);
        int r;

        CHECK(copy || !size);
        if (size)
                memcpy(copy, message, size);
        memset(event, 0, sizeof(*event));
        r = DECODER.decode(copy, size, event);
        CHECK(r >= DECODE_OK && r < _DECODE_E_N);
        free(copy);
        return r;
}

/* Where a message of this type ends: one byte less is too short, and more of them change nothing. */
static void check_ends(const uint8_t *message, size_t size, const struct event *event) {
        uint8_t *longer = malloc(size + MORE);
        struct event other;
        size_t whole = size;
        int r;

        CHECK(longer);
        memcpy(longer, message, size);
        memset(longer + size, 0xff, MORE);
        CHECK(decode(longer, size + MORE, &other) == DECODE_OK);
        CHECK(!memcmp(&other, event, sizeof(other)));
        free(longer);

        do {
                r = decode(message, --whole, &other);
                CHECK(r == DECODE_E_SHORT || (r == DECODE_OK && whole > 0));
                CHECK(r != DECODE_OK || !memcmp(&other, event, sizeof(other)));
        } while (r == DECODE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct event event;
        int r;

        r = decode(data, size, &event);
        CHECK(size || r == DECODE_E_SHORT);
        CHECK(!size || (r == DECODE_E_TYPE) == !knows(data[0]));
        if (r != DECODE_OK)
                return 0;
        check_event(&event);
        check_ends(data, size, &event);
        return 0;
}
