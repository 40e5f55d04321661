/* TOPS messages become events: the examples of the specification, and what must be refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/bytes.h"
#include "decode/decoder.h"
#include "shm/directory.h"

_Static_assert((int)EVENT_INSTRUMENT_TEST == (int)INSTRUMENT_TEST, "the same bits");
_Static_assert((int)EVENT_INSTRUMENT_ETP == (int)INSTRUMENT_ETP, "the same bits");
_Static_assert((int)EVENT_INSTRUMENT_WHEN_ISSUED == (int)INSTRUMENT_WHEN_ISSUED, "the same bits");

#define MESSAGE_MAX 128

#define TIME_2016 "ac63c020 96866d14" /* 2016-08-23 19:30:32.572715948 */
#define NS_2016   INT64_C(1471980632572715948)
#define ZIEXT     "5a49455854202020"
#define PX_99_05  "241d0f0000000000"
#define NS_99_05  (INT64_C(9905) * MD_PX_ONE / 100)

struct message {
        uint8_t data[MESSAGE_MAX];
        size_t size;
};

/* Reads pairs of hexadecimal digits; blanks are for the reader. */
static struct message message(const char *hex) {
        struct message m = { .size = 0 };
        unsigned byte;

        for (; *hex; hex += 2) {
                while (*hex == ' ')
                        hex++;
                assert_true(m.size < MESSAGE_MAX);
                assert_int_equal(sscanf(hex, "%2x", &byte), 1);
                m.data[m.size++] = (uint8_t)byte;
        }
        return m;
}

/* Decodes from memory that ends where the message ends, so that a sanitizer sees every step beyond. */
static int decode(const struct message *m, struct event *event) {
        uint8_t *copy = malloc(m->size ? m->size : 1);
        int r;

        assert_non_null(copy);
        memcpy(copy, m->data, m->size);
        r = tops_decoder.decode(copy, m->size, event);
        free(copy);
        return r;
}

static struct event decode_hex(const char *hex) {
        struct event event = { .type = EVENT_NONE };
        struct message m = message(hex);

        assert_int_equal(decode(&m, &event), DECODE_OK);
        return event;
}

static int refuse_hex(const char *hex) {
        struct event event;
        struct message m = message(hex);

        return decode(&m, &event);
}

static void expect_head(const struct event *event, enum event_type type, uint16_t flags) {
        assert_int_equal(event->type, type);
        assert_int_equal(event->flags, flags);
        assert_int_equal(event->ts_event, NS_2016);
        assert_memory_equal(&event->symbol, "ZIEXT   ", 8);
}

/* One message of each type, most of them the examples of the specification. */
static const char *const examples[] = {
        "53 45 00a09997e93db614",
        "44 80 0020897b5a1fb614" ZIEXT "64000000" PX_99_05 "01",
        "48 48" TIME_2016 ZIEXT "54312020",
        "49 41" TIME_2016 ZIEXT,
        "4f 4f" TIME_2016 ZIEXT,
        "50 01" TIME_2016 ZIEXT "41",
        "45 4f 00f0302a5b25b614" ZIEXT,
        "51 00" TIME_2016 ZIEXT "e4250000" PX_99_05 "ec1d0f0000000000 e8030000",
        "54 00" TIME_2016 ZIEXT "64000000" PX_99_05 "968f060000000000",
        "42 00" TIME_2016 ZIEXT "64000000" PX_99_05 "968f060000000000",
        "58 51" TIME_2016 ZIEXT PX_99_05,
        "41 43" TIME_2016 ZIEXT "a0860100" PX_99_05 "181f0f0000000000 10270000 42 00"
        "80e6f458 ec1d0f0000000000 241d0f0000000000 20e10d0000000000 e8580f0000000000",
};

#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static void test_unknown_types(void **state) {
        struct message m = message(examples[EXAMPLES - 1]);
        struct event event;

        (void)state;
        for (unsigned type = 0; type <= UINT8_MAX; type++) {
                const struct decoder_type *known = tops_decoder.types;

                while (known->type && (unsigned char)known->type != type)
                        known++;
                m.data[0] = (uint8_t)type;
                if (!known->type)
                        assert_int_equal(decode(&m, &event), DECODE_E_TYPE);
                else
                        assert_int_not_equal(decode(&m, &event), DECODE_E_TYPE);
        }
}

static void test_every_type_has_an_example(void **state) {
        size_t n = 0;

        (void)state;
        for (const struct decoder_type *type = tops_decoder.types; type->type; type++, n++) {
                unsigned found = 0;

                for (size_t i = 0; i < EXAMPLES; i++)
                        found += message(examples[i]).data[0] == type->type;
                assert_int_equal(found, 1);
                assert_true(strlen(type->name) > 0);
        }
        assert_int_equal(n, EXAMPLES);
}

static void test_truncated(void **state) {
        (void)state;
        for (size_t i = 0; i < EXAMPLES; i++) {
                struct message m = message(examples[i]);
                struct event event;
                size_t size = m.size;

                for (m.size = 0; m.size < size; m.size++)
                        assert_int_equal(decode(&m, &event), DECODE_E_SHORT);
                assert_int_equal(decode(&m, &event), DECODE_OK);
        }
}

static void test_longer(void **state) {
        (void)state;
        for (size_t i = 0; i < EXAMPLES; i++) {
                struct message m = message(examples[i]);
                struct event plain, longer;

                memset(&plain, 0, sizeof(plain));
                memset(&longer, 0, sizeof(longer));
                assert_int_equal(decode(&m, &plain), DECODE_OK);
                memset(m.data + m.size, 0xff, 7);
                m.size += 7;
                assert_int_equal(decode(&m, &longer), DECODE_OK);
                assert_memory_equal(&plain, &longer, sizeof(plain));
        }
}

static void test_symbols(void **state) {
        static const char *const bad[] = { "        ",    " ZIEXT  ",    "\0\0\0\0\0\0\0\0",
                                           "ZIEXT\0\0\0", "ZIE\x7fT   ", "ZIEX\x80   ",
                                           "ZIE\nT   ",   "\xffIEXT   " };
        static const char *const good[] = { "A       ", "ZIEXTABC", "BRK.A   ",
                                            "AAC+    ", "~!#$%&'(", "A-\x20@^=   " };

        (void)state;
        for (size_t i = 0; i < EXAMPLES; i++) {
                struct message m = message(examples[i]);
                struct event event;

                if (m.data[0] == 'S')
                        continue;
                for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
                        memcpy(m.data + 10, bad[k], 8);
                        assert_int_equal(decode(&m, &event), DECODE_E_SYMBOL);
                }
                for (size_t k = 0; k < sizeof(good) / sizeof(good[0]); k++) {
                        memcpy(m.data + 10, good[k], 8);
                        assert_int_equal(decode(&m, &event), DECODE_OK);
                        assert_memory_equal(&event.symbol, good[k], 8);
                }
        }
}

/* Eight at once against one by one: every byte at every place, and with bad company. */
static void test_printable(void **state) {
        (void)state;
        for (unsigned place = 0; place < 8; place++)
                for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
                        uint64_t word = UINT64_C(0x2041617e21203f5a);

                        word &= ~(UINT64_C(0xff) << place * 8);
                        word |= (uint64_t)byte << place * 8;
                        assert_int_equal(bytes_printable8(word), bytes_printable((uint8_t)byte));
                        word &= ~(UINT64_C(0xff) << (place + 3) % 8 * 8);
                        assert_false(bytes_printable8(word));
                }
}

static void test_system(void **state) {
        struct event event = decode_hex(examples[0]);

        (void)state;
        assert_int_equal(event.type, EVENT_SYSTEM);
        assert_int_equal(event.ts_event, INT64_C(1492448400000000000));
        assert_int_equal(event.symbol, 0);
        assert_int_equal(event.u.system, 'E');
        assert_int_equal(refuse_hex("53 0a 00a09997e93db614"), DECODE_E_VALUE);
}

static void test_directory(void **state) {
        struct event event = decode_hex(examples[1]);

        (void)state;
        assert_int_equal(event.type, EVENT_INSTRUMENT);
        assert_int_equal(event.flags, 0);
        assert_int_equal(event.ts_event, INT64_C(1492414800000000000));
        assert_int_equal(event.u.instrument.flags, EVENT_INSTRUMENT_TEST);
        assert_int_equal(event.u.instrument.lot, 100);
        assert_int_equal(event.u.instrument.close_px, NS_99_05);
        assert_int_equal(event.u.instrument.luld, 1);

        event = decode_hex("44 60" TIME_2016 ZIEXT "01000000 0000000000000000 02");
        assert_int_equal(event.u.instrument.flags,
                         EVENT_INSTRUMENT_ETP | EVENT_INSTRUMENT_WHEN_ISSUED);
        assert_int_equal(event.u.instrument.close_px, MD_PX_NONE);
        assert_int_equal(event.u.instrument.luld, 2);
}

static void test_trading_status(void **state) {
        struct event event = decode_hex(examples[2]);

        (void)state;
        expect_head(&event, EVENT_STATUS, 0);
        assert_int_equal(event.u.status.fields, STATUS_TRADING);
        assert_int_equal(event.u.status.status.trading, 'H');
        assert_memory_equal(event.u.status.status.reason, "T1\0\0", 4);

        event = decode_hex("48 4f" TIME_2016 ZIEXT "49504f32");
        assert_int_equal(event.u.status.status.trading, 'O');
        assert_memory_equal(event.u.status.status.reason, "IPO2", 4);

        event = decode_hex("48 54" TIME_2016 ZIEXT "20202020");
        assert_int_equal(event.u.status.status.trading, 'T');
        assert_memory_equal(event.u.status.status.reason, "\0\0\0\0", 4);

        assert_int_equal(refuse_hex("48 00" TIME_2016 ZIEXT "20202020"), DECODE_E_VALUE);
        assert_int_equal(refuse_hex("48 48" TIME_2016 ZIEXT "54310020"), DECODE_E_VALUE);
}

static void test_other_status(void **state) {
        struct event event;

        (void)state;
        event = decode_hex(examples[3]);
        expect_head(&event, EVENT_STATUS, 0);
        assert_int_equal(event.u.status.fields, STATUS_RETAIL);
        assert_int_equal(event.u.status.status.retail, 'A');
        assert_int_equal(refuse_hex("49 c1" TIME_2016 ZIEXT), DECODE_E_VALUE);

        event = decode_hex(examples[4]);
        expect_head(&event, EVENT_STATUS, 0);
        assert_int_equal(event.u.status.fields, STATUS_OPERATIONAL);
        assert_int_equal(event.u.status.status.operational, 'O');
        assert_int_equal(refuse_hex("4f 1b" TIME_2016 ZIEXT), DECODE_E_VALUE);

        event = decode_hex(examples[5]);
        expect_head(&event, EVENT_STATUS, 0);
        assert_int_equal(event.u.status.fields, STATUS_SHORT_SALE);
        assert_int_equal(event.u.status.status.short_sale, '1');
        assert_int_equal(event.u.status.status.short_detail, 'A');
        event = decode_hex("50 00" TIME_2016 ZIEXT "20");
        assert_int_equal(event.u.status.status.short_sale, '0');
        assert_int_equal(event.u.status.status.short_detail, ' ');
        assert_int_equal(refuse_hex("50 02" TIME_2016 ZIEXT "41"), DECODE_E_VALUE);
        assert_int_equal(refuse_hex("50 01" TIME_2016 ZIEXT "00"), DECODE_E_VALUE);

        event = decode_hex(examples[6]);
        assert_int_equal(event.type, EVENT_STATUS);
        assert_int_equal(event.u.status.fields, STATUS_SECURITY);
        assert_int_equal(event.u.status.status.security, 'O');
        assert_int_equal(refuse_hex("45 00" TIME_2016 ZIEXT), DECODE_E_VALUE);
}

static void test_quote(void **state) {
        struct event event = decode_hex(examples[7]);

        (void)state;
        expect_head(&event, EVENT_QUOTE, 0);
        assert_int_equal(event.u.quote.bid_px, NS_99_05);
        assert_int_equal(event.u.quote.bid_sz, 9700);
        assert_int_equal(event.u.quote.ask_px, INT64_C(99070000000));
        assert_int_equal(event.u.quote.ask_sz, 1000);

        event = decode_hex("51 80" TIME_2016 ZIEXT "e4250000" PX_99_05 PX_99_05 "e8030000");
        assert_int_equal(event.flags, MD_FLAG_INACTIVE);
        event = decode_hex("51 7f" TIME_2016 ZIEXT "e4250000" PX_99_05 PX_99_05 "e8030000");
        assert_int_equal(event.flags, MD_FLAG_PRE_POST);
        event = decode_hex("51 c0" TIME_2016 ZIEXT "e4250000" PX_99_05 PX_99_05 "e8030000");
        assert_int_equal(event.flags, MD_FLAG_INACTIVE | MD_FLAG_PRE_POST);
}

static void test_quote_none(void **state) {
        static const char *const empty_bids[] = {
                "51 00" TIME_2016 ZIEXT "00000000 0000000000000000" PX_99_05 "e8030000",
                "51 00" TIME_2016 ZIEXT "64000000 0000000000000000" PX_99_05 "e8030000",
                "51 00" TIME_2016 ZIEXT "00000000" PX_99_05 PX_99_05 "e8030000",
        };
        struct event event;

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                event = decode_hex(empty_bids[i]);
                assert_int_equal(event.u.quote.bid_px, MD_PX_NONE);
                assert_int_equal(event.u.quote.bid_sz, 0);
                assert_int_equal(event.u.quote.ask_px, NS_99_05);
                assert_int_equal(event.u.quote.ask_sz, 1000);
        }

        event = decode_hex("51 00" TIME_2016 ZIEXT "e4250000" PX_99_05 "0000000000000000 00000000");
        assert_int_equal(event.u.quote.bid_px, NS_99_05);
        assert_int_equal(event.u.quote.bid_sz, 9700);
        assert_int_equal(event.u.quote.ask_px, MD_PX_NONE);
        assert_int_equal(event.u.quote.ask_sz, 0);
}

/* The largest price that fits 1e-9, the next one, and one below zero, in every field of price. */
static void test_prices(void **state) {
        static const struct {
                size_t example;
                size_t offset;
        } fields[] = { { 1, 22 },  { 7, 22 },  { 7, 30 },  { 8, 22 },  { 9, 22 }, { 10, 18 },
                       { 11, 22 }, { 11, 30 }, { 11, 48 }, { 11, 64 }, { 11, 72 } };
        const int64_t largest = INT64_MAX / 100000,
                      wrong[] = { largest + 1, INT64_MAX, -1, INT64_MIN };

        (void)state;
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
                struct message m = message(examples[fields[i].example]);
                struct event event;

                memcpy(m.data + fields[i].offset, &largest, 8);
                assert_int_equal(decode(&m, &event), DECODE_OK);
                for (size_t k = 0; k < 4; k++) {
                        memcpy(m.data + fields[i].offset, &wrong[k], 8);
                        assert_int_equal(decode(&m, &event), DECODE_E_VALUE);
                }
        }
}

static void expect_trade(uint8_t sale, uint16_t flags, bool eligible) {
        struct message m = message(examples[8]);
        struct event event;

        m.data[1] = sale;
        assert_int_equal(decode(&m, &event), DECODE_OK);
        expect_head(&event, EVENT_TRADE, flags);
        assert_int_equal(event.u.trade.px, NS_99_05);
        assert_int_equal(event.u.trade.sz, 100);
        assert_int_equal(event.u.trade.trade_id, 429974);
        assert_int_equal(event.u.trade.sets_range, eligible);
        assert_int_equal(event.u.trade.sets_last, eligible);
}

static void test_trade(void **state) {
        (void)state;
        expect_trade(0x00, 0, true);
        expect_trade(0x80, MD_FLAG_SWEEP, true);
        expect_trade(0x40, MD_FLAG_EXTENDED, false);
        expect_trade(0x20, MD_FLAG_ODD_LOT, false);
        expect_trade(0x10, MD_FLAG_EXEMPT, true);
        expect_trade(0x08, MD_FLAG_CROSS, true);
        expect_trade(0x07, 0, true);
        expect_trade(0xa0, MD_FLAG_SWEEP | MD_FLAG_ODD_LOT, false);
        expect_trade(0xf8,
                     MD_FLAG_SWEEP | MD_FLAG_EXTENDED | MD_FLAG_ODD_LOT | MD_FLAG_EXEMPT |
                             MD_FLAG_CROSS,
                     false);
}

static void test_break(void **state) {
        struct event event = decode_hex(examples[9]);

        (void)state;
        expect_head(&event, EVENT_BREAK, 0);
        assert_int_equal(event.u.broken.px, NS_99_05);
        assert_int_equal(event.u.broken.sz, 100);
        assert_int_equal(event.u.broken.trade_id, 429974);
        event = decode_hex("42 20" TIME_2016 ZIEXT "64000000" PX_99_05 "968f060000000000");
        assert_int_equal(event.flags, MD_FLAG_ODD_LOT);
}

static void test_official(void **state) {
        struct event event = decode_hex(examples[10]);

        (void)state;
        expect_head(&event, EVENT_OFFICIAL, 0);
        assert_false(event.u.official.closing);
        assert_int_equal(event.u.official.px, NS_99_05);

        event = decode_hex("58 4d" TIME_2016 ZIEXT "0000000000000000");
        assert_true(event.u.official.closing);
        assert_int_equal(event.u.official.px, MD_PX_NONE);
        assert_int_equal(refuse_hex("58 43" TIME_2016 ZIEXT PX_99_05), DECODE_E_VALUE);
}

static void test_auction(void **state) {
        struct event event = decode_hex(examples[11]);
        const struct md_auction *auction = &event.u.auction.auction;
        const struct md_clearing *clearing = &event.u.auction.clearing;

        (void)state;
        expect_head(&event, EVENT_AUCTION, 0);
        assert_int_equal(auction->type, 'C');
        assert_int_equal(auction->paired, 100000);
        assert_int_equal(auction->ref_px, NS_99_05);
        assert_int_equal(auction->imbalance, 10000);
        assert_int_equal(auction->side, 'B');
        assert_int_equal(auction->extension, 0);
        assert_int_equal(auction->scheduled, 1492444800);
        assert_int_equal(auction->variation, 0);
        assert_int_equal(clearing->clearing_px, INT64_C(99100000000));
        assert_int_equal(clearing->book_px, INT64_C(99070000000));
        assert_int_equal(clearing->collar_lo, INT64_C(90960000000));
        assert_int_equal(clearing->collar_hi, INT64_C(100580000000));

        event = decode_hex("41 48" TIME_2016 ZIEXT "00000000 0000000000000000 0000000000000000"
                           "00000000 4e 03 00000000 0000000000000000 0000000000000000"
                           "0000000000000000 0000000000000000");
        assert_int_equal(auction->type, 'H');
        assert_int_equal(auction->side, 'N');
        assert_int_equal(auction->extension, 3);
        assert_int_equal(auction->ref_px, MD_PX_NONE);
        assert_int_equal(clearing->clearing_px, MD_PX_NONE);
        assert_int_equal(clearing->book_px, MD_PX_NONE);
        assert_int_equal(clearing->collar_lo, MD_PX_NONE);
        assert_int_equal(clearing->collar_hi, MD_PX_NONE);
}

static void test_auction_codes(void **state) {
        static const size_t codes[] = { 1, 42 };

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                struct message m = message(examples[11]);
                struct event event;

                m.data[codes[i]] = 0x1f;
                assert_int_equal(decode(&m, &event), DECODE_E_VALUE);
        }
}

static void test_find(void **state) {
        (void)state;
        assert_ptr_equal(decoder_find("iex-tops"), &tops_decoder);
        assert_string_equal(tops_decoder.venue, "IEXG");
        assert_null(decoder_find("iex-top"));
        assert_null(decoder_find("iex-tops-1.6"));
        assert_null(decoder_find(""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unknown_types),
                cmocka_unit_test(test_every_type_has_an_example),
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_longer),
                cmocka_unit_test(test_symbols),
                cmocka_unit_test(test_printable),
                cmocka_unit_test(test_system),
                cmocka_unit_test(test_directory),
                cmocka_unit_test(test_trading_status),
                cmocka_unit_test(test_other_status),
                cmocka_unit_test(test_quote),
                cmocka_unit_test(test_quote_none),
                cmocka_unit_test(test_prices),
                cmocka_unit_test(test_trade),
                cmocka_unit_test(test_break),
                cmocka_unit_test(test_official),
                cmocka_unit_test(test_auction),
                cmocka_unit_test(test_auction_codes),
                cmocka_unit_test(test_find),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
