/* DEEP messages become events: the examples of the specification, and what must be refused. */

#include "decode-try.h"

#define TIME_2016 "ac63c020 96866d14" /* 2016-08-23 19:30:32.572715948 */
#define NS_2016   INT64_C(1471980632572715948)
#define ZIEXT     "5a49455854202020"
#define PX_99_05  "241d0f0000000000"
#define NS_99_05  (INT64_C(9905) * MD_PX_ONE / 100)

/* One message of each type. */
static const char *const examples[] = {
        "38 01" TIME_2016 ZIEXT "e4250000" PX_99_05,
        "35 01" TIME_2016 ZIEXT "e8030000" PX_99_05,
        "53 45 00a09997e93db614",
        "44 80 0020897b5a1fb614" ZIEXT "64000000" PX_99_05 "01",
        "48 48" TIME_2016 ZIEXT "54312020",
        "49 41" TIME_2016 ZIEXT,
        "4f 4f" TIME_2016 ZIEXT,
        "50 01" TIME_2016 ZIEXT "41",
        "45 4f 00f0302a5b25b614" ZIEXT,
        "54 00" TIME_2016 ZIEXT "64000000" PX_99_05 "968f060000000000",
        "42 00" TIME_2016 ZIEXT "64000000" PX_99_05 "968f060000000000",
        "58 51" TIME_2016 ZIEXT PX_99_05,
        "41 43" TIME_2016 ZIEXT "a0860100" PX_99_05 "181f0f0000000000 10270000 42 00"
        "80e6f458 ec1d0f0000000000 241d0f0000000000 20e10d0000000000 e8580f0000000000",
};

#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static size_t place_of_symbol(uint8_t type) {
        return type == 'S' ? 0 : 10;
}

static void test_every_type(void **state) {
        (void)state;
        try_unknown_types(&deep_decoder);
        try_one_of_each(&deep_decoder, examples, EXAMPLES);
        try_truncated(&deep_decoder, examples, EXAMPLES);
        try_longer(&deep_decoder, examples, EXAMPLES);
        try_symbols(&deep_decoder, examples, EXAMPLES, place_of_symbol);
}

static void expect_level(const char *hex, bool ask, bool complete, int64_t px, int64_t sz) {
        struct event event = try_event(&deep_decoder, hex);

        assert_int_equal(event.type, EVENT_LEVEL);
        assert_int_equal(event.flags, 0);
        assert_int_equal(event.locate, 0);
        assert_int_equal(event.ts_event, NS_2016);
        assert_memory_equal(&event.symbol, "ZIEXT   ", 8);
        assert_int_equal(event.u.level.ask, ask);
        assert_int_equal(event.u.level.complete, complete);
        assert_int_equal(event.u.level.px, px);
        assert_int_equal(event.u.level.sz, sz);
}

static void test_levels(void **state) {
        (void)state;
        expect_level(examples[0], false, true, NS_99_05, 9700);
        expect_level(examples[1], true, true, NS_99_05, 1000);
        /* in the middle of an event */
        expect_level("38 00" TIME_2016 ZIEXT "e4250000" PX_99_05, false, false, NS_99_05, 9700);
        /* other bits of the flags mean nothing yet */
        expect_level("35 fe" TIME_2016 ZIEXT "e4250000" PX_99_05, true, false, NS_99_05, 9700);
        expect_level("35 ff" TIME_2016 ZIEXT "e4250000" PX_99_05, true, true, NS_99_05, 9700);
        /* a level goes */
        expect_level("38 01" TIME_2016 ZIEXT "00000000" PX_99_05, false, true, NS_99_05, 0);
        /* the largest of both */
        expect_level("38 01" TIME_2016 ZIEXT "ffffffff a38d23d6e2530000", false, true,
                     INT64_C(92233720368547) * 100000, UINT32_MAX);
}

static void test_prices(void **state) {
        (void)state;
        assert_int_equal(
                try_refused(&deep_decoder, "38 01" TIME_2016 ZIEXT "01000000 0000000000000000"),
                DECODE_E_VALUE);
        assert_int_equal(
                try_refused(&deep_decoder, "35 01" TIME_2016 ZIEXT "01000000 ffffffffffffffff"),
                DECODE_E_VALUE);
        assert_int_equal(
                try_refused(&deep_decoder, "35 01" TIME_2016 ZIEXT "01000000 ffffffffffffff7f"),
                DECODE_E_VALUE);
        /* the largest that can be said in 1e-9, and the one above */
        assert_int_equal(
                try_refused(&deep_decoder, "35 01" TIME_2016 ZIEXT "01000000 a38d23d6e2530000"),
                DECODE_OK);
        assert_int_equal(
                try_refused(&deep_decoder, "35 01" TIME_2016 ZIEXT "01000000 a48d23d6e2530000"),
                DECODE_E_VALUE);
}

/* What it shares with TOPS is tested there; here, that it is shared. */
static void test_shared(void **state) {
        (void)state;
        for (size_t i = 2; i < EXAMPLES; i++) {
                struct event deep, tops;
                struct try_message m = try_message(examples[i]);

                memset(&deep, 0, sizeof(deep));
                memset(&tops, 0, sizeof(tops));
                assert_int_equal(try_decode(&deep_decoder, &m, &deep), DECODE_OK);
                assert_int_equal(try_decode(&tops_decoder, &m, &tops), DECODE_OK);
                assert_memory_equal(&deep, &tops, sizeof(deep));
        }
}

static void test_find(void **state) {
        (void)state;
        assert_ptr_equal(decoder_find("iex-deep"), &deep_decoder);
        assert_string_equal(deep_decoder.venue, "IEXG");
        assert_int_equal(deep_decoder.height, HEIGHT_LEVELS);
        assert_int_equal(deep_decoder.iextp[0], 0x8004);
        assert_int_equal(deep_decoder.iextp[1], 0);
        assert_false(deep_decoder.since_midnight);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_type), cmocka_unit_test(test_levels),
                cmocka_unit_test(test_prices),     cmocka_unit_test(test_shared),
                cmocka_unit_test(test_find),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
