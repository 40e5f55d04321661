#pragma once

/*
 * Rows: named values, line by line
 *
 * Either CSV with a header, as RFC 4180 has it but for line breaks within a value, or JSON lines: an object
 * without depth on each. The first line that is not empty says which. Numbers stay the text that
 * they were, so that no digit is lost.
 */

#include <stddef.h>
#include <stdio.h>

#define ROWS_COLUMNS_MAX 128

struct rows;

struct row {
        const char *names[ROWS_COLUMNS_MAX];
        const char *values[ROWS_COLUMNS_MAX]; /* "" where there is none */
        size_t n;
};

enum {
        ROWS_END,
        ROWS_ROW,
        ROWS_E_BAD, /* this line cannot be used; rows_why() says why. The next one may be */
};

/* Reads from a stream that stays the caller's. -ENOMEM. */
int rows_new(struct rows **rowsp, FILE *stream);
struct rows *rows_free(struct rows *rows);

/* The next row, valid until the next call; or an outcome as above. Negative errno: it cannot be read on,
 * and rows_why() says why. */
int rows_next(struct rows *rows, const struct row **row);

/* The number of the line last read, from 1. */
unsigned long long rows_line(const struct rows *rows);
const char *rows_why(const struct rows *rows);

/* From the beginning again: lines are counted anew, and the header is read once more. */
void rows_rewind(struct rows *rows);
