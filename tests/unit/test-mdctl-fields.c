/* Fields of ticks are written in their units, every one of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mdctl/fields.h"

/* All fields of a tick, as "name=value" with spaces between. */
static const char *written(const struct md_tick *tick, int size_exp) {
        static char text[1024];
        const struct field *field = NULL;
        char value[FIELD_TEXT_SIZE];
        struct md_client *client;
        size_t n = 0;

        text[0] = '\0';
        assert_int_equal(md_new(&client), 0);
        while (field_next(tick->kind, &field))
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%s", n ? " " : "",
                                      field->name,
                                      field_format(value, client, field, tick, size_exp));
        md_free(client);
        return text;
}

static void test_units(void **state) {
        static const struct {
                struct md_tick tick;
                int size_exp;
                const char *text;
        } cases[] = {
                { { .kind = MD_QUOTE, .u.quote = { 171234500000, MD_PX_NONE, 100, 0 } },
                  0,
                  "bid_px=171.2345 ask_px= bid_sz=100 ask_sz=0" },
                { { .kind = MD_QUOTE, .u.quote = { 1, -1, 123456789, 5 } },
                  -8,
                  "bid_px=0.000000001 ask_px=-0.000000001 bid_sz=1.23456789 ask_sz=0.00000005" },
                { { .kind = MD_TRADE, .u.trade = { 10000000000, 40, 1000, 8777290 } },
                  2,
                  "px=10 sz=4000 volume=100000 trade_id=8777290" },
                { { .kind = MD_TOTALS, .u.totals = { 23748631001, 118, 0, 7 } },
                  0,
                  "notional=2374863.1001 trades=118 breaks=0 broken_volume=7" },
                /* a text may fill its field, and then has no NUL */
                { { .kind = MD_STATUS,
                    .u.status = { 'H', { 'I', 'P', 'O', '1' }, 'N', '1', ' ', 'A', 0, { 0 } } },
                  0,
                  "trading=H reason=IPO1 operational=N short_sale=1 short_detail=  retail=A "
                  "security=" },
                /* narrow numbers have no sign */
                { { .kind = MD_AUCTION,
                    .u.auction = { MD_PX_ONE, 1, 2, UINT32_MAX, 'O', 'B', UINT8_MAX, 0 } },
                  0,
                  "ref_px=1 paired=1 imbalance=2 scheduled=4294967295 type=O side=B "
                  "extension=255 variation=" },
                { { .kind = MD_OFFICIAL,
                    .u.official = { MD_PX_ONE, MD_PX_NONE, 1517072400000356870, 0 } },
                  0,
                  "open_px=1 close_px= open_ts=2018-01-27T17:00:00.000356870Z close_ts=" },
                /* a feed has a name, and this client knows none */
                { { .kind = MD_SYSTEM, .u.system = { 3, 'O', { 0 } } }, 0, "feed= event=O" },
                { { .kind = 31 }, 0, "" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                assert_string_equal(written(&cases[i].tick, cases[i].size_exp), cases[i].text);
}

static void test_every_kind_has_fields_inside_the_body(void **state) {
        (void)state;
        for (unsigned kind = 0; kind < FIELDS_KINDS; kind++) {
                const struct field *field = NULL;
                unsigned end = 0;

                while (field_next(kind, &field)) {
                        assert_true(field->offset >= end);
                        end = field->offset + field->size;
                }
                assert_true(end <= sizeof(((struct md_tick *)0)->u));
                assert_int_equal(end > 0, fields_kinds() >> kind & 1);
                assert_int_equal(end > 0, strcmp(md_kind_name(kind), "?") != 0);
        }
}

static void test_flags(void **state) {
        char text[FLAGS_TEXT_SIZE];

        (void)state;
        assert_string_equal(flags_format(text, 0), "");
        assert_string_equal(flags_format(text, MD_FLAG_LAST), "last");
        assert_string_equal(flags_format(text, MD_FLAG_ODD_LOT | MD_FLAG_LAST), "last odd_lot");
        flags_format(text, UINT16_MAX);
        assert_string_equal(strrchr(text, ' '), " pre_post");
}

static void test_prices_in_tables(void **state) {
        static const struct output_column column = { "px" };
        static const struct {
                int64_t px;
                const char *table, *csv;
        } cases[] = {
                { 10 * MD_PX_ONE, "10.00", "10" },
                { 10500000000, "10.50", "10.5" },
                { 10050000000, "10.05", "10.05" },
                { 123456, "0.000123456", "0.000123456" },
                { 0, "0.00", "0" },
                { MD_PX_NONE, "", "" },
        };
        struct output *table, *csv;
        char text[FIELD_TEXT_SIZE];

        (void)state;
        assert_int_equal(output_new(&table, stdout, OUTPUT_TABLE, 0, &column, 1), 0);
        assert_int_equal(output_new(&csv, stdout, OUTPUT_CSV, 0, &column, 1), 0);
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                assert_string_equal(price_format(text, table, cases[i].px), cases[i].table);
                assert_string_equal(price_format(text, csv, cases[i].px), cases[i].csv);
        }
        output_free(table);
        output_free(csv);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_units),
                cmocka_unit_test(test_every_kind_has_fields_inside_the_body),
                cmocka_unit_test(test_flags),
                cmocka_unit_test(test_prices_in_tables),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
