/* Rows come out exactly as each format says. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mdctl/output.h"

/* An output into memory. */
struct sink {
        struct output *output;
        FILE *file;
        char *text;
        size_t size;
};

static const struct output_column columns[] = {
        { "symbol" },
        { "px", .right = true },
        { "note" },
        { "id", .right = true, .where = OUTPUT_FOR_PROGRAMS },
};
#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

static void sink_init(struct sink *sink, enum output_format format, unsigned flags,
                      const struct output_column *cols, size_t n) {
        sink->file = open_memstream(&sink->text, &sink->size);
        assert_non_null(sink->file);
        assert_int_equal(output_new(&sink->output, sink->file, format, flags, cols, n), 0);
}

/* Ends the output, and compares all of it. */
static void sink_expect(struct sink *sink, const char *expected) {
        assert_int_equal(output_finish(sink->output), 0);
        fclose(sink->file);
        assert_string_equal(sink->text, expected);
        output_free(sink->output);
        free(sink->text);
}

static void put(struct output *output, const char *symbol, const char *px, const char *note,
                uint64_t id) {
        output_text(output, symbol);
        output_number(output, px);
        output_text(output, note);
        output_uint(output, id);
        output_row(output);
}

static void put_three(struct output *output) {
        put(output, "A", "171.2345", "plain", 1);
        put(output, "BRK.B", "", NULL, UINT64_MAX);
        put(output, "C,D", "-0.5", "says \"no\"", 0);
}

static void test_csv(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_CSV, 0, columns, N_COLUMNS);
        put_three(sink.output);
        sink_expect(&sink, "symbol,px,note,id\n"
                           "A,171.2345,plain,1\n"
                           "BRK.B,,,18446744073709551615\n"
                           "\"C,D\",-0.5,\"says \"\"no\"\"\",0\n");
}

static void test_csv_keeps_spaces_and_drops_controls(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_CSV, 0, columns, N_COLUMNS);
        put(sink.output, " ", "1", "a\nb\033[1m", 1);
        sink_expect(&sink, "symbol,px,note,id\n\" \",1,a?b?[1m,1\n");
}

static void test_json(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_JSON, 0, columns, N_COLUMNS);
        put_three(sink.output);
        sink_expect(
                &sink,
                "[\n"
                "{\"symbol\":\"A\",\"px\":171.2345,\"note\":\"plain\",\"id\":1},\n"
                "{\"symbol\":\"BRK.B\",\"px\":null,\"note\":null,\"id\":18446744073709551615},\n"
                "{\"symbol\":\"C,D\",\"px\":-0.5,\"note\":\"says \\\"no\\\"\",\"id\":0}\n"
                "]\n");
}

static void test_json_escapes(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_JSON, 0, columns, N_COLUMNS);
        put(sink.output, "\\\"/\x01\n\x7f\xe9", "1", "", 1);
        sink_expect(&sink, "[\n{\"symbol\":\"\\\\\\\"/\\u0001\\u000a\\u007f\\u00e9\",\"px\":1,"
                           "\"note\":\"\",\"id\":1}\n]\n");
}

static void test_json_without_rows(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_JSON, 0, columns, N_COLUMNS);
        sink_expect(&sink, "[]\n");
}

static void test_json_stream(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_JSON, OUTPUT_STREAM, columns, N_COLUMNS);
        put(sink.output, "A", "1", "x", 1);
        assert_int_equal(output_flush(sink.output), 0);
        assert_string_equal(sink.text, "{\"symbol\":\"A\",\"px\":1,\"note\":\"x\",\"id\":1}\n");
        put(sink.output, "B", "2", "y", 2);
        sink_expect(&sink, "{\"symbol\":\"A\",\"px\":1,\"note\":\"x\",\"id\":1}\n"
                           "{\"symbol\":\"B\",\"px\":2,\"note\":\"y\",\"id\":2}\n");
}

static void test_table_is_aligned(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_TABLE, 0, columns, N_COLUMNS);
        put_three(sink.output);
        sink_expect(&sink, "symbol        px  note\n"
                           "A       171.2345  plain\n"
                           "BRK.B          -  -\n"
                           "C,D         -0.5  says \"no\"\n");
}

static void test_table_in_colour(void **state) {
        static const struct output_column cols[] = { { "state" }, { "n", .right = true } };
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_TABLE, OUTPUT_COLOUR, cols, 2);
        output_tone(sink.output, TONE_GOOD);
        output_text(sink.output, "up");
        output_uint(sink.output, 10);
        output_row(sink.output);
        /* colours take no room: the columns stand as without them */
        sink_expect(&sink, "\033[1mstate\033[0m   \033[1mn\033[0m\n"
                           "\033[32mup\033[0m     10\n");
}

/* The first rows of a stream cannot know the later ones. */
static void test_table_stream_grows(void **state) {
        static const struct output_column cols[] = { { "a", .width = 3 }, { "b" } };
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_TABLE, OUTPUT_STREAM, cols, 2);
        for (unsigned i = 0; i < 3; i++) {
                output_text(sink.output, i == 1 ? "long" : "x");
                output_uint(sink.output, i);
                output_row(sink.output);
        }
        sink_expect(&sink, "a    b\n"
                           "x    0\n"
                           "long  1\n"
                           "x     2\n");
}

/* A table that holds its first rows back lets go of them at some point, and loses none. */
static void test_long_table(void **state) {
        static const struct output_column cols[] = { { "n", .right = true } };
        enum { ROWS = 5000 };
        struct sink sink;
        char *text;

        (void)state;
        sink_init(&sink, OUTPUT_TABLE, 0, cols, 1);
        for (uint64_t i = 0; i < ROWS; i++) {
                output_uint(sink.output, i);
                output_row(sink.output);
        }
        assert_int_equal(output_finish(sink.output), 0);
        fclose(sink.file);
        text = sink.text;
        text = strchr(text, '\n') + 1;
        for (uint64_t i = 0; i < ROWS; i++) {
                assert_int_equal(strtoull(text, &text, 10), i);
                assert_int_equal(*text++, '\n');
        }
        assert_int_equal(*text, '\0');
        output_free(sink.output);
        free(sink.text);
}

static void test_plain(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_PLAIN, OUTPUT_COLOUR, columns, N_COLUMNS);
        put_three(sink.output);
        sink_expect(&sink, "symbol\tpx\tnote\n"
                           "A\t171.2345\tplain\n"
                           "BRK.B\t\t\n"
                           "C,D\t-0.5\tsays \"no\"\n");
}

static const struct output_column grouped[] = {
        { "name" },
        { "bid", "quote", .right = true },
        { "ask", "quote", .right = true },
        { "px", "trade", .right = true },
        { "end" },
};

/* One row with all values, one without the group "quote", one with an undefined value in "trade". */
static void put_groups(struct output *output) {
        output_text(output, "A");
        output_number(output, "1");
        output_number(output, "2");
        output_number(output, "3");
        output_text(output, "x");
        output_row(output);
        output_text(output, "B");
        output_absent(output);
        output_absent(output);
        output_null(output);
        output_text(output, "y");
        output_row(output);
}

static void test_groups_in_json(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_JSON, 0, grouped, 5);
        put_groups(sink.output);
        sink_expect(&sink, "[\n"
                           "{\"name\":\"A\",\"quote\":{\"bid\":1,\"ask\":2},\"trade\":{\"px\":3},"
                           "\"end\":\"x\"},\n"
                           "{\"name\":\"B\",\"trade\":{\"px\":null},\"end\":\"y\"}\n"
                           "]\n");
}

/* A value of its own form is for JSON alone, and is written as it is. */
static void test_a_value_for_json(void **state) {
        static const struct output_column nested[] = {
                { "name" },
                { "parts", .where = OUTPUT_FOR_JSON },
                { "end" },
        };
        static const char *const expected[] = {
                [OUTPUT_TABLE] = "name  end\nA     x\n",
                [OUTPUT_PLAIN] = "name\tend\nA\tx\n",
                [OUTPUT_CSV] = "name,end\nA,x\n",
                [OUTPUT_JSON] = "[\n{\"name\":\"A\",\"parts\":[{\"n\":1}],\"end\":\"x\"}\n]\n",
        };
        struct sink sink;

        (void)state;
        for (enum output_format format = OUTPUT_TABLE; format <= OUTPUT_JSON; format++) {
                sink_init(&sink, format, 0, nested, 3);
                output_text(sink.output, "A");
                output_json(sink.output, "[{\"n\":1}]");
                output_text(sink.output, "x");
                output_row(sink.output);
                sink_expect(&sink, expected[format]);
        }
}

static void test_groups_in_csv(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_CSV, 0, grouped, 5);
        put_groups(sink.output);
        sink_expect(&sink, "name,quote.bid,quote.ask,trade.px,end\n"
                           "A,1,2,3,x\n"
                           "B,,,,y\n");
}

static void test_records(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_TABLE, OUTPUT_RECORDS, grouped, 4);
        output_text(sink.output, "A");
        output_number(sink.output, "1");
        output_null(sink.output);
        output_absent(sink.output);
        output_row(sink.output);
        output_text(sink.output, "B");
        output_absent(sink.output);
        output_absent(sink.output);
        output_number(sink.output, "3");
        output_row(sink.output);
        sink_expect(&sink, "name   A\n"
                           "quote\n"
                           "  bid  1\n"
                           "  ask  -\n"
                           "\n"
                           "name   B\n"
                           "trade\n"
                           "  px   3\n");
}

static void test_records_plain(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_PLAIN, OUTPUT_RECORDS, grouped, 5);
        put_groups(sink.output);
        sink_expect(&sink, "name\tA\nquote.bid\t1\nquote.ask\t2\ntrade.px\t3\nend\tx\n"
                           "\nname\tB\ntrade.px\t\nend\ty\n");
}

static void test_times(void **state) {
        static const struct output_column cols[] = { { "t" }, { "d" } };
        static const int64_t times[] = { 0, 1, 1517072400000356870, -1 };
        static const int64_t durations[] = { 0, 35999999, 4200000000, 97530 * INT64_C(1000000000) };
        struct sink csv, plain;

        (void)state;
        sink_init(&csv, OUTPUT_CSV, 0, cols, 2);
        sink_init(&plain, OUTPUT_PLAIN, 0, cols, 2);
        for (unsigned i = 0; i < 4; i++) {
                output_time(csv.output, times[i]);
                output_duration(csv.output, durations[i]);
                output_row(csv.output);
                output_time(plain.output, times[i]);
                output_duration(plain.output, durations[i]);
                output_row(plain.output);
        }
        sink_expect(&csv, "t,d\n"
                          ",0.000000000\n"
                          "1970-01-01T00:00:00.000000001Z,0.035999999\n"
                          "2018-01-27T17:00:00.000356870Z,4.200000000\n"
                          "1969-12-31T23:59:59.999999999Z,97530.000000000\n");
        sink_expect(&plain, "t\td\n"
                            "\t0 ms\n"
                            "1970-01-01T00:00:00.000000001Z\t35 ms\n"
                            "2018-01-27T17:00:00.000356870Z\t4.2 s\n"
                            "1969-12-31T23:59:59.999999999Z\t27:05:30\n");
}

static void test_values_must_fit_the_columns(void **state) {
        struct sink sink;

        (void)state;
        sink_init(&sink, OUTPUT_CSV, 0, columns, N_COLUMNS);
        output_text(sink.output, "A");
        output_row(sink.output);
        assert_int_equal(output_finish(sink.output), -EINVAL);
        output_free(sink.output);
        fclose(sink.file);
        free(sink.text);
}

static void test_a_full_disk_is_told(void **state) {
        struct output *output;
        FILE *file;

        (void)state;
        file = fopen("/dev/full", "w");
        if (!file)
                skip();
        assert_int_equal(output_new(&output, file, OUTPUT_CSV, 0, columns, N_COLUMNS), 0);
        put_three(output);
        assert_int_equal(output_finish(output), -ENOSPC);
        output_free(output);
        fclose(file);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_csv),
                cmocka_unit_test(test_csv_keeps_spaces_and_drops_controls),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_json_escapes),
                cmocka_unit_test(test_json_without_rows),
                cmocka_unit_test(test_json_stream),
                cmocka_unit_test(test_table_is_aligned),
                cmocka_unit_test(test_table_in_colour),
                cmocka_unit_test(test_table_stream_grows),
                cmocka_unit_test(test_long_table),
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_groups_in_json),
                cmocka_unit_test(test_a_value_for_json),
                cmocka_unit_test(test_groups_in_csv),
                cmocka_unit_test(test_records),
                cmocka_unit_test(test_records_plain),
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_values_must_fit_the_columns),
                cmocka_unit_test(test_a_full_disk_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
