/* ITCH messages become events: each type by the specification's offsets, and what must be refused. */

#include "decode-try.h"

#define HEAD    "000d 0000 1f60a83ea801" /* locate 13, 09:35:00.000000001 */
#define NS_HEAD INT64_C(34500000000001)
#define MARKET  "0000 0000 1f60a83ea801" /* of no stock */
#define EARLY   "000d 0000 1d77b67da000" /* 09:00:00 */
#define OPENED  "000d 0000 1f1aced9f000" /* 09:30:00 */
#define CLOSED  "000d 0000 34630b8a0000" /* 16:00:00 */
#define AAPL    "4141504c20202020"
#define REF     "0000000000001234"
#define PX      "002bf908" /* 288.1800 */
#define NS_PX   (INT64_C(2881800) * 100000)
#define MATCH   "00000000000f4240" /* 1000000 */

#define PX_1 "00002710"
#define PX_2 "00004e20"
#define PX_3 "00007530"
#define NS_1 (1 * MD_PX_ONE)
#define NS_2 (2 * MD_PX_ONE)
#define NS_3 (3 * MD_PX_ONE)

/* One message of each type. */
static const char *const examples[] = {
        "53" MARKET "51",
        "52" HEAD AAPL "51 4e 00000064 4e 43 5a20 50 4e 20 31 4e 00000001 4e",
        "48" HEAD AAPL "48 20 54312020",
        "59" HEAD AAPL "31",
        "4c" HEAD "56495254" AAPL "59 4e 41",
        "56" MARKET "0000000011e1a300 0000000017d78400 000000001dcd6500",
        "57" MARKET "32",
        "4b" HEAD AAPL "0000a8c0 41" PX,
        "4a" HEAD AAPL PX_2 PX_3 PX_1 "00000002",
        "68" HEAD AAPL "51 48",
        "41" HEAD REF "42 00000064" AAPL PX,
        "46" HEAD REF "53 00000064" AAPL PX "56495254",
        "45" HEAD REF "00000032" MATCH,
        "43" HEAD REF "00000032" MATCH "59" PX,
        "58" HEAD REF "0000000a",
        "44" HEAD REF,
        "55" HEAD REF "0000000000005678 000000c8" PX,
        "50" HEAD "0000000000000000 42 00000064" AAPL PX MATCH,
        "51" HEAD "0000000000000064" AAPL PX MATCH "4f",
        "42" HEAD MATCH,
        "49" HEAD "00000000000003e8 00000000000001f4 53" AAPL PX_1 PX_2 PX_3 "4f 4c",
        "4e" HEAD AAPL "41",
        "4f" HEAD AAPL "59 00000001 7fffffff" PX_2 "00001f60a83ea801" PX_1 PX_3,
};

#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static const char *example(char type) {
        for (size_t i = 0; i < EXAMPLES; i++)
                if (try_message(examples[i]).data[0] == (uint8_t)type)
                        return examples[i];
        fail();
        return NULL;
}

static size_t place_of_symbol(uint8_t type) {
        switch (type) {
        case 'A':
        case 'F':
        case 'P':
                return 24;
        case 'L':
                return 15;
        case 'Q':
                return 19;
        case 'I':
                return 28;
        default:
                return strchr("SVWECXDUB", type) ? 0 : 11;
        }
}

static void test_every_type(void **state) {
        (void)state;
        try_unknown_types(&itch50_decoder);
        try_one_of_each(&itch50_decoder, examples, EXAMPLES);
        try_truncated(&itch50_decoder, examples, EXAMPLES);
        try_longer(&itch50_decoder, examples, EXAMPLES);
        try_symbols(&itch50_decoder, examples, EXAMPLES, place_of_symbol);
}

/* Decodes, and looks at what every message has. */
static struct event decode(const char *hex, enum event_type type, uint16_t flags) {
        struct event event = try_event(&itch50_decoder, hex);

        assert_int_equal(event.type, type);
        assert_int_equal(event.flags, flags);
        return event;
}

static void refuse(const char *hex) {
        assert_int_equal(try_refused(&itch50_decoder, hex), DECODE_E_VALUE);
}

static void test_head(void **state) {
        struct event event =
                decode("44 fedc 1234 ffffffffffff" REF, EVENT_ORDER_DELETE, MD_FLAG_PRE_POST);

        (void)state;
        assert_int_equal(event.locate, 0xfedc);
        assert_int_equal(event.ts_event, INT64_C(0xffffffffffff));
        event = decode(example('A'), EVENT_ORDER_ADD, 0);
        assert_int_equal(event.locate, 13);
        assert_int_equal(event.ts_event, NS_HEAD);
        assert_memory_equal(&event.symbol, "AAPL    ", 8);
}

static void test_system(void **state) {
        static const char from[] = "OSQMEC", to[] = "OSRMEC";

        (void)state;
        for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
                const char *known = byte ? strchr(from, (int)byte) : NULL;
                char hex[64];

                snprintf(hex, sizeof(hex), "53" MARKET "%02x", byte);
                if (known)
                        assert_int_equal(decode(hex, EVENT_SYSTEM, 0).u.system, to[known - from]);
                else
                        refuse(hex);
        }
}

static void test_breaker(void **state) {
        (void)state;
        assert_int_equal(decode(example('W'), EVENT_SYSTEM, 0).u.system, '2');
        decode(example('V'), EVENT_NONE, 0);
        refuse("57" MARKET "30");
        refuse("57" MARKET "34");
}

static void test_directory(void **state) {
        struct event event = decode(example('R'), EVENT_INSTRUMENT, 0);

        (void)state;
        assert_int_equal(event.u.instrument.lot, 100);
        assert_int_equal(event.u.instrument.flags, 0);
        assert_int_equal(event.u.instrument.luld, 1);
        assert_int_equal(event.u.instrument.close_px, MD_PX_NONE);

        event = decode("52" HEAD AAPL "51 4e 0000000a 4e 43 5a20 54 4e 20 20 59 00000001 4e",
                       EVENT_INSTRUMENT, 0);
        assert_int_equal(event.u.instrument.lot, 10);
        assert_int_equal(event.u.instrument.flags, EVENT_INSTRUMENT_TEST | EVENT_INSTRUMENT_ETP);
        assert_int_equal(event.u.instrument.luld, 0);
        decode(example('L'), EVENT_NONE, 0);
}

static struct md_status status_of(const char *hex, unsigned fields) {
        struct event event = decode(hex, EVENT_STATUS, 0);

        assert_int_equal(event.u.status.fields, fields);
        return event.u.status.status;
}

static void test_trading(void **state) {
        struct md_status status = status_of(example('H'), STATUS_TRADING);

        (void)state;
        assert_int_equal(status.trading, 'H');
        assert_memory_equal(status.reason, "T1\0\0", 4);
        status = status_of("48" HEAD AAPL "50 20 4c554450", STATUS_TRADING);
        assert_int_equal(status.trading, 'P');
        assert_memory_equal(status.reason, "LUDP", 4);
        status = status_of("48" HEAD AAPL "54 20 20202020", STATUS_TRADING);
        assert_memory_equal(status.reason, "\0\0\0\0", 4);
        refuse("48" HEAD AAPL "00 20 54312020");
        refuse("48" HEAD AAPL "48 20 54000020");
}

static void test_other_statuses(void **state) {
        static const char shorts[][3] = { "0 ", "1A", "1C" }, retails[][2] = { "BA", "SB", "AC" };
        struct md_status status;
        char hex[64];

        (void)state;
        for (unsigned i = 0; i < 3; i++) {
                snprintf(hex, sizeof(hex), "59" HEAD AAPL "3%u", i);
                status = status_of(hex, STATUS_SHORT_SALE);
                assert_int_equal(status.short_sale, shorts[i][0]);
                assert_int_equal(status.short_detail, shorts[i][1]);
                snprintf(hex, sizeof(hex), "4e" HEAD AAPL "%02x", retails[i][0]);
                assert_int_equal(status_of(hex, STATUS_RETAIL).retail, retails[i][1]);
        }
        assert_int_equal(status_of("4e" HEAD AAPL "4e", STATUS_RETAIL).retail, ' ');
        refuse("59" HEAD AAPL "33");
        refuse("59" HEAD AAPL "00");
        refuse("4e" HEAD AAPL "00");
        refuse("4e" HEAD AAPL "43");

        assert_int_equal(status_of(example('h'), STATUS_OPERATIONAL).operational, 'O');
        assert_int_equal(status_of("68" HEAD AAPL "51 54", STATUS_OPERATIONAL).operational, 'N');
        decode("68" HEAD AAPL "42 48", EVENT_NONE, 0); /* at another market */
        refuse("68" HEAD AAPL "51 20");
}

static void test_add(void **state) {
        static const char types[] = "AF";

        (void)state;
        for (unsigned i = 0; i < 2; i++) {
                struct event event = decode(example(types[i]), EVENT_ORDER_ADD, 0);

                assert_int_equal(event.u.order.ref, 0x1234);
                assert_int_equal(event.u.order.ask, types[i] == 'F');
                assert_int_equal(event.u.order.sz, 100);
                assert_int_equal(event.u.order.px, NS_PX);
        }
        refuse("41" HEAD REF "42 00000000" AAPL PX);
        refuse("41" HEAD REF "62 00000064" AAPL PX);
        refuse("46" HEAD REF "00 00000064" AAPL PX "56495254");
}

static void test_execute(void **state) {
        struct event event = decode(example('E'), EVENT_ORDER_EXECUTE, 0);

        (void)state;
        assert_int_equal(event.symbol, 0);
        assert_int_equal(event.u.order.ref, 0x1234);
        assert_int_equal(event.u.order.sz, 50);
        assert_int_equal(event.u.order.px, MD_PX_NONE);
        assert_int_equal(event.u.order.trade_id, 1000000);
        assert_true(event.u.order.printable);

        event = decode(example('C'), EVENT_ORDER_EXECUTE, 0);
        assert_int_equal(event.u.order.ref, 0x1234);
        assert_int_equal(event.u.order.sz, 50);
        assert_int_equal(event.u.order.px, NS_PX);
        assert_int_equal(event.u.order.trade_id, 1000000);
        assert_true(event.u.order.printable);
        event = decode("43" HEAD REF "00000032" MATCH "4e" PX, EVENT_ORDER_EXECUTE, 0);
        assert_false(event.u.order.printable);
        refuse("43" HEAD REF "00000032" MATCH "20" PX);
}

static void test_other_orders(void **state) {
        struct event event = decode(example('X'), EVENT_ORDER_CANCEL, 0);

        (void)state;
        assert_int_equal(event.u.order.ref, 0x1234);
        assert_int_equal(event.u.order.sz, 10);
        event = decode(example('D'), EVENT_ORDER_DELETE, 0);
        assert_int_equal(event.u.order.ref, 0x1234);
        event = decode(example('U'), EVENT_ORDER_REPLACE, 0);
        assert_int_equal(event.u.order.ref, 0x1234);
        assert_int_equal(event.u.order.new_ref, 0x5678);
        assert_int_equal(event.u.order.sz, 200);
        assert_int_equal(event.u.order.px, NS_PX);
        refuse("55" HEAD REF "0000000000005678 00000000" PX);
}

static void test_trade(void **state) {
        struct event event = decode(example('P'), EVENT_TRADE, 0);

        (void)state;
        assert_int_equal(event.u.trade.px, NS_PX);
        assert_int_equal(event.u.trade.sz, 100);
        assert_int_equal(event.u.trade.trade_id, 1000000);
        assert_int_equal(event.u.trade.cross, 0);
        assert_true(event.u.trade.sets_range && event.u.trade.sets_last);
}

static void test_cross(void **state) {
        struct event event = decode(example('Q'), EVENT_TRADE, MD_FLAG_CROSS);

        (void)state;
        assert_int_equal(event.u.trade.px, NS_PX);
        assert_int_equal(event.u.trade.sz, 100);
        assert_int_equal(event.u.trade.trade_id, 1000000);
        assert_int_equal(event.u.trade.cross, 'O');
        assert_true(event.u.trade.sets_range && event.u.trade.sets_last);

        /* after the close, and of the session all the same */
        event = decode("51" CLOSED "0000000000000064" AAPL PX MATCH "43", EVENT_TRADE,
                       MD_FLAG_CROSS);
        assert_true(event.u.trade.sets_last);
        assert_int_equal(event.u.trade.cross, 'C');
        /* nothing was traded */
        decode("51" HEAD "0000000000000000" AAPL "00000000" MATCH "4f", EVENT_NONE, 0);
        refuse("51" HEAD "8000000000000000" AAPL PX MATCH "4f");
        refuse("51" HEAD "0000000000000064" AAPL PX MATCH "00");
}

static void test_broken(void **state) {
        struct event event = decode(example('B'), EVENT_BREAK, 0);

        (void)state;
        assert_int_equal(event.u.broken.trade_id, 1000000);
        assert_int_equal(event.u.broken.px, MD_PX_NONE);
        assert_int_equal(event.u.broken.sz, 0);
}

static void test_hours(void **state) {
        const uint16_t outside = MD_FLAG_PRE_POST | MD_FLAG_EXTENDED;

        (void)state;
        decode("41" EARLY REF "42 00000064" AAPL PX, EVENT_ORDER_ADD, MD_FLAG_PRE_POST);
        decode("44" EARLY REF, EVENT_ORDER_DELETE, MD_FLAG_PRE_POST);
        decode("44" OPENED REF, EVENT_ORDER_DELETE, 0);
        decode("44" CLOSED REF, EVENT_ORDER_DELETE, MD_FLAG_PRE_POST);
        decode("45" EARLY REF "00000032" MATCH, EVENT_ORDER_EXECUTE, outside);
        decode("45" OPENED REF "00000032" MATCH, EVENT_ORDER_EXECUTE, 0);
        decode("43" CLOSED REF "00000032" MATCH "59" PX, EVENT_ORDER_EXECUTE, outside);
        decode("50" OPENED REF "42 00000064" AAPL PX MATCH, EVENT_TRADE, 0);
        assert_false(
                decode("50" EARLY REF "42 00000064" AAPL PX MATCH, EVENT_TRADE, MD_FLAG_EXTENDED)
                        .u.trade.sets_last);
}

static void test_imbalance(void **state) {
        struct event event = decode(example('I'), EVENT_AUCTION, 0);
        const struct md_auction *auction = &event.u.auction.auction;
        const struct md_clearing *clearing = &event.u.auction.clearing;

        (void)state;
        assert_int_equal(event.u.auction.fields,
                         AUCTION_REFERENCE | AUCTION_IMBALANCE | AUCTION_CLEARING);
        assert_int_equal(auction->paired, 1000);
        assert_int_equal(auction->imbalance, 500);
        assert_int_equal(auction->side, 'S');
        assert_int_equal(auction->type, 'O');
        assert_int_equal(auction->variation, 'L');
        assert_int_equal(auction->ref_px, NS_3);
        assert_int_equal(clearing->book_px, NS_1);
        assert_int_equal(clearing->clearing_px, NS_2);

        event = decode("49" HEAD "0000000000000000 0000000000000000 4f" AAPL
                       "00000000 00000000 00000000 43 20",
                       EVENT_AUCTION, 0);
        assert_int_equal(auction->ref_px, MD_PX_NONE);
        assert_int_equal(clearing->book_px, MD_PX_NONE);
        assert_int_equal(clearing->clearing_px, MD_PX_NONE);
        refuse("49" HEAD "8000000000000000 0000000000000000 4f" AAPL PX_1 PX_2 PX_3 "43 20");
        refuse("49" HEAD "0000000000000000 8000000000000000 4f" AAPL PX_1 PX_2 PX_3 "43 20");
        refuse("49" HEAD "0000000000000000 0000000000000000 00" AAPL PX_1 PX_2 PX_3 "43 20");
        refuse("49" HEAD "0000000000000000 0000000000000000 4f" AAPL PX_1 PX_2 PX_3 "00 20");
        refuse("49" HEAD "0000000000000000 0000000000000000 4f" AAPL PX_1 PX_2 PX_3 "43 00");
}

static void test_collar(void **state) {
        struct event event = decode(example('J'), EVENT_AUCTION, 0);

        (void)state;
        assert_int_equal(event.u.auction.fields, AUCTION_COLLAR);
        assert_int_equal(event.u.auction.clearing.collar_hi, NS_3);
        assert_int_equal(event.u.auction.clearing.collar_lo, NS_1);
        assert_int_equal(event.u.auction.auction.extension, 2);
        event = decode("4a" HEAD AAPL PX_2 PX_3 PX_1 "00010002", EVENT_AUCTION, 0);
        assert_int_equal(event.u.auction.auction.extension, UINT8_MAX);
}

static void test_ipo(void **state) {
        struct event event = decode(example('K'), EVENT_AUCTION, 0);

        (void)state;
        assert_int_equal(event.u.auction.fields, AUCTION_REFERENCE | AUCTION_SCHEDULE);
        assert_int_equal(event.u.auction.auction.type, 'I');
        assert_int_equal(event.u.auction.auction.ref_px, NS_PX);
        assert_int_equal(event.u.auction.auction.scheduled, 43200);
        event = decode("4b" HEAD AAPL "0000a8c0 43 00000000", EVENT_AUCTION, 0);
        assert_int_equal(event.u.auction.auction.scheduled, 0);
        assert_int_equal(event.u.auction.auction.ref_px, MD_PX_NONE);
        refuse("4b" HEAD AAPL "0000a8c0 20" PX);
}

static void test_listing(void **state) {
        struct event event = decode(example('O'), EVENT_AUCTION, 0);

        (void)state;
        assert_int_equal(event.u.auction.fields, AUCTION_CLEARING | AUCTION_COLLAR);
        assert_int_equal(event.u.auction.clearing.clearing_px, NS_2);
        assert_int_equal(event.u.auction.clearing.book_px, MD_PX_NONE);
        assert_int_equal(event.u.auction.clearing.collar_lo, NS_1);
        assert_int_equal(event.u.auction.clearing.collar_hi, NS_3);
        assert_int_equal(event.u.auction.auction.extension, 0);
}

static void test_find(void **state) {
        (void)state;
        assert_ptr_equal(decoder_find("itch50"), &itch50_decoder);
        assert_string_equal(itch50_decoder.venue, "XNAS");
        assert_int_equal(itch50_decoder.height, HEIGHT_ORDERS);
        assert_null(itch50_decoder.iextp);
        assert_true(itch50_decoder.since_midnight);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_type),
                cmocka_unit_test(test_head),
                cmocka_unit_test(test_system),
                cmocka_unit_test(test_breaker),
                cmocka_unit_test(test_directory),
                cmocka_unit_test(test_trading),
                cmocka_unit_test(test_other_statuses),
                cmocka_unit_test(test_add),
                cmocka_unit_test(test_execute),
                cmocka_unit_test(test_other_orders),
                cmocka_unit_test(test_trade),
                cmocka_unit_test(test_cross),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_hours),
                cmocka_unit_test(test_imbalance),
                cmocka_unit_test(test_collar),
                cmocka_unit_test(test_ipo),
                cmocka_unit_test(test_listing),
                cmocka_unit_test(test_find),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
