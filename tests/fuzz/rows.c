/* What mdctl publish reads: rows out of any text, and numbers out of any value. */

#include "mdctl/rows.h"

#include "fuzz.h"
#include "mdclient.h"

/* A number that was read is written so that it is read again. */
static void check_number(const char *text) {
        char again[MD_NUMBER_SIZE];
        int64_t value, same;

        for (int exp = -18; exp <= 18; exp += 9) {
                if (md_parse(text, exp, &value) < 0)
                        continue;
                md_format(again, value, exp);
                CHECK(strlen(again) < sizeof(again));
                CHECK(value == MD_PX_NONE || (md_parse(again, exp, &same) == 0 && same == value));
        }
}

static void check_row(const struct row *row, size_t size) {
        CHECK(row->n <= ROWS_COLUMNS_MAX);
        for (size_t i = 0; i < row->n; i++) {
                CHECK(strlen(row->names[i]) <= size);
                /* JSON has escapes of six characters for one of up to three bytes, and "false" */
                CHECK(strlen(row->values[i]) <= size + 8);
                check_number(row->values[i]);
        }
}

static void read_all(struct rows *rows, size_t size) {
        unsigned long long line, before = 0;
        const struct row *row;
        int r;

        while ((r = rows_next(rows, &row)) != ROWS_END) {
                line = rows_line(rows);
                CHECK(line > before && line <= size);
                before = line;
                CHECK(r == ROWS_ROW || *rows_why(rows));
                if (r < 0)
                        break;
                if (r == ROWS_ROW)
                        check_row(row, size);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct rows *rows;
        FILE *stream;

        if (!size)
                return 0;
        stream = fmemopen((uint8_t *)(uintptr_t)data, size, "r");
        CHECK(stream);
        CHECK(rows_new(&rows, stream) == 0);
        read_all(rows, size);
        rows_rewind(rows);
        read_all(rows, size);
        rows_free(rows);
        fclose(stream);
        return 0;
}
