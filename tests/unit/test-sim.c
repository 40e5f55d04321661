/* The invented market keeps its order, as a listener of its messages sees it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/decoder.h"
#include "sim/market.h"

#define INSTRUMENTS 40
#define MESSAGES    300000
#define TIME        INT64_C(1471980632572715948)

/* What a listener knows of an instrument. */
struct known {
        uint64_t symbol;
        struct md_quote quote;
        int64_t lot;
        char trading;
        bool quoted; /* for the first time */
        bool broken; /* the last trade */
        int64_t px, sz, trade_id;
        unsigned introduced; /* by a bit for each kind of message */
        unsigned directories;
        unsigned halts, resumes;
};

struct listener {
        struct known known[INSTRUMENTS];
        unsigned n;
        int64_t trade_id; /* the highest */
        uint64_t counts[256];
        char system[8]; /* events, in order */
        unsigned system_n;
};

static struct known *known_of(struct listener *listener, uint64_t symbol) {
        for (unsigned i = 0; i < listener->n; i++)
                if (listener->known[i].symbol == symbol)
                        return &listener->known[i];
        assert_true(listener->n < INSTRUMENTS);
        listener->known[listener->n] = (struct known){ .symbol = symbol };
        return &listener->known[listener->n++];
}

static void hear_directory(struct known *known, const struct event *event) {
        assert_int_equal(event->u.instrument.flags, EVENT_INSTRUMENT_TEST);
        assert_true(event->u.instrument.lot > 0);
        assert_true(event->u.instrument.close_px < MD_PX_NONE);
        known->lot = event->u.instrument.lot;
        known->directories++;
}

static void hear_quote(struct known *known, const struct event *event) {
        const struct md_quote *quote = &event->u.quote;

        known->quote = *quote;
        known->quoted = true;
        assert_int_equal(known->introduced, STATUS_TRADING | STATUS_OPERATIONAL |
                                                    STATUS_SHORT_SALE | STATUS_RETAIL |
                                                    STATUS_SECURITY);
        if (known->trading != 'T') {
                assert_int_equal(event->flags, MD_FLAG_INACTIVE);
                assert_int_equal(quote->bid_px, MD_PX_NONE);
                assert_int_equal(quote->ask_px, MD_PX_NONE);
                return;
        }
        assert_int_equal(event->flags, 0);
        assert_true(quote->bid_px > 0 && quote->bid_px < quote->ask_px);
        assert_true(quote->ask_px < MD_PX_NONE);
        assert_true(quote->bid_sz > 0 && quote->bid_sz % known->lot == 0);
        assert_true(quote->ask_sz > 0 && quote->ask_sz % known->lot == 0);
}

static void hear_trade(struct listener *listener, struct known *known, const struct event *event) {
        int64_t px = event->u.trade.px, sz = event->u.trade.sz;
        const struct md_quote *quote = &known->quote;

        assert_true(sz > 0);
        assert_true(event->u.trade.trade_id > listener->trade_id);
        listener->trade_id = event->u.trade.trade_id;
        known->px = px;
        known->sz = sz;
        known->trade_id = event->u.trade.trade_id;
        known->broken = false;

        assert_int_equal(!!(event->flags & MD_FLAG_ODD_LOT), sz < known->lot);
        assert_int_equal(!!(event->flags & MD_FLAG_CROSS), known->trading == 'O');
        assert_true(known->trading == 'O' || known->trading == 'T');
        if (known->trading == 'T')
                assert_true((px == quote->bid_px && sz <= quote->bid_sz) ||
                            (px == quote->ask_px && sz <= quote->ask_sz));
}

static void hear_break(struct known *known, const struct event *event) {
        assert_int_equal(event->u.broken.trade_id, known->trade_id);
        assert_int_equal(event->u.broken.px, known->px);
        assert_int_equal(event->u.broken.sz, known->sz);
        assert_false(known->broken);
        known->broken = true;
}

/* Trading, halted, gathering orders, trading. */
static void hear_status(struct known *known, const struct event *event) {
        const struct md_status *status = &event->u.status.status;
        char before = known->trading;

        known->introduced |= event->u.status.fields;
        if (!(event->u.status.fields & STATUS_TRADING))
                return;

        known->trading = status->trading;
        switch (status->trading) {
        case 'H':
                assert_true(before == 'T' || before == 'H');
                assert_memory_equal(status->reason, "T1\0\0", 4);
                known->halts += before != 'H';
                break;
        case 'O':
                assert_true(before == 'H' || before == 'O');
                assert_memory_equal(status->reason, "T2\0\0", 4);
                break;
        default:
                assert_int_equal(status->trading, 'T');
                assert_true(before == '\0' || before == 'O' || before == 'T');
                assert_memory_equal(status->reason, "\0\0\0\0", 4);
                known->resumes += before == 'O';
        }
}

static void hear_auction(const struct known *known, const struct event *event) {
        const struct md_clearing *clearing = &event->u.auction.clearing;

        assert_int_equal(known->trading, 'O');
        assert_true(event->u.auction.auction.paired > 0);
        assert_true(clearing->collar_lo <= clearing->clearing_px);
        assert_true(clearing->clearing_px <= clearing->collar_hi);
        assert_true(clearing->collar_hi < MD_PX_NONE);
}

static void hear(struct listener *listener, const uint8_t *message, size_t size) {
        struct known *known;
        struct event event;

        assert_in_range(size, 10, MARKET_MESSAGE_MAX);
        assert_int_equal(tops_decoder.decode(message, size, &event), DECODE_OK);
        assert_int_equal(tops_decoder.decode(message, size - 1, &event), DECODE_E_SHORT);
        assert_int_equal(tops_decoder.decode(message, size, &event), DECODE_OK);
        assert_int_equal(event.ts_event, TIME);
        listener->counts[message[0]]++;

        if (event.type == EVENT_SYSTEM) {
                assert_true(listener->system_n < sizeof(listener->system));
                listener->system[listener->system_n++] = event.u.system;
                return;
        }
        known = known_of(listener, event.symbol);
        if (event.type == EVENT_INSTRUMENT)
                hear_directory(known, &event);
        else
                assert_int_not_equal(known->lot, 0); /* the directory comes first */
        if (event.type == EVENT_QUOTE)
                hear_quote(known, &event);
        if (event.type == EVENT_TRADE)
                hear_trade(listener, known, &event);
        if (event.type == EVENT_BREAK)
                hear_break(known, &event);
        if (event.type == EVENT_STATUS)
                hear_status(known, &event);
        if (event.type == EVENT_AUCTION)
                hear_auction(known, &event);
}

static void listen_to(uint64_t seed, struct listener *listener) {
        uint8_t message[MARKET_MESSAGE_MAX];
        struct market *market;
        size_t size;

        assert_int_equal(market_new(&market, &tops_market, INSTRUMENTS, seed), 0);
        for (unsigned i = 0; i < MESSAGES; i++)
                hear(listener, message, market_next(market, TIME, message));
        market_close(market);
        while ((size = market_next(market, TIME, message)))
                hear(listener, message, size);
        assert_int_equal(market_next(market, TIME, message), 0);
        assert_null(market_free(market));
}

static void test_order(void **state) {
        (void)state;
        for (uint64_t seed = 0; seed < 5; seed++) {
                struct listener listener = { 0 };
                unsigned halts = 0, resumes = 0;

                listen_to(seed, &listener);
                assert_int_equal(listener.n, INSTRUMENTS);
                assert_int_equal(listener.system_n, 6);
                assert_memory_equal(listener.system, "OSRMEC", 6);
                for (const struct decoder_type *type = tops_decoder.types; type->type; type++)
                        assert_true(listener.counts[(unsigned char)type->type] > 0);

                for (unsigned i = 0; i < INSTRUMENTS; i++) {
                        assert_true(listener.known[i].quoted);
                        assert_true(listener.known[i].directories > 50);
                        halts += listener.known[i].halts;
                        resumes += listener.known[i].resumes;
                }
                assert_true(resumes > 5);
                assert_in_range(halts - resumes, 0, INSTRUMENTS);
        }
}

/* The seed alone makes the messages, the time only stamps them. */
static void test_same_seed(void **state) {
        struct market *one, *two, *other;
        uint8_t a[MARKET_MESSAGE_MAX], b[MARKET_MESSAGE_MAX], c[MARKET_MESSAGE_MAX];
        unsigned differ = 0;

        (void)state;
        assert_int_equal(market_new(&one, &tops_market, INSTRUMENTS, 7), 0);
        assert_int_equal(market_new(&two, &tops_market, INSTRUMENTS, 7), 0);
        assert_int_equal(market_new(&other, &tops_market, INSTRUMENTS, 8), 0);
        for (unsigned i = 0; i < MESSAGES; i++) {
                size_t size = market_next(one, TIME, a);

                assert_int_equal(market_next(two, TIME + i, b), size);
                differ += market_next(other, TIME, c) != size || memcmp(a, c, size);
                memset(a + 2, 0, 8);
                memset(b + 2, 0, 8);
                if (a[0] == 'A') /* the scheduled time of the auction */
                        memcpy(b + 44, a + 44, 4);
                assert_memory_equal(a, b, size);
        }
        assert_true(differ > MESSAGES / 2);
        market_free(one);
        market_free(two);
        market_free(other);
}

static int compare_symbols(const void *a, const void *b) {
        return memcmp(a, b, 8);
}

static void test_symbols_are_unique(void **state) {
        const unsigned n = 60000;
        char *symbols = malloc(n * 8);
        uint8_t message[MARKET_MESSAGE_MAX];
        struct market *market;

        (void)state;
        assert_non_null(symbols);
        assert_int_equal(market_new(&market, &tops_market, n, 1), 0);
        for (unsigned i = 0; i < n;) {
                market_next(market, TIME, message);
                if (message[0] == 'D')
                        memcpy(symbols + 8 * i++, message + 10, 8);
        }
        qsort(symbols, n, 8, compare_symbols);
        for (unsigned i = 1; i < n; i++)
                assert_memory_not_equal(symbols + 8 * (i - 1), symbols + 8 * i, 8);
        market_free(market);
        free(symbols);
}

/* One instrument alone is halted at times, and the market must not wait for another. */
static void test_alone(void **state) {
        uint8_t message[MARKET_MESSAGE_MAX];
        struct market *market;
        unsigned auctions = 0;

        (void)state;
        assert_int_equal(market_new(&market, &tops_market, 1, 3), 0);
        for (unsigned i = 0; i < MESSAGES; i++) {
                assert_true(market_next(market, TIME, message) > 0);
                auctions += message[0] == 'A';
        }
        assert_true(auctions > 0);
        market_free(market);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_same_seed),
                cmocka_unit_test(test_symbols_are_unique),
                cmocka_unit_test(test_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
