#pragma once

/*
 * Output: rows for people and for programs
 *
 * A command declares its columns once and pushes one value after the other, a row at a time. What
 * comes of them is the format's matter:
 *
 *      table   aligned columns, or, with OUTPUT_RECORDS, a "name value" line for each
 *      plain   the same without any padding: a tab between columns. What a pipe gets by default
 *      csv     RFC 4180, but lines end with a mere newline
 *      json    an array of objects; with OUTPUT_STREAM one object a line, since an array that never
 *              ends is never valid
 *
 * Three ways of not being there: output_null() is a value that is undefined (JSON null, "-" in a
 * table, else empty), output_absent() one that the row has no use for (left out where the format can
 * leave out, else empty), and a column that a format does not show at all (output_column.where).
 *
 * A value may be an array or object of its own, where the format has such: in JSON alone.
 *
 * Columns of one group must stand together. In JSON they are an object of the group's name, in a
 * record they have a heading, elsewhere their names are "group.name".
 *
 * A table holds its first rows back to learn how wide the columns are; later rows, and all rows with
 * OUTPUT_STREAM, go out as they come, and a column grows when it must.
 *
 * Writing never fails in between: the first error, a negative errno, is kept, nothing is written after
 * it, and output_finish() returns it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "text.h"

enum output_format {
        OUTPUT_TABLE,
        OUTPUT_PLAIN,
        OUTPUT_CSV,
        OUTPUT_JSON,
};

enum {
        OUTPUT_COLOUR = 1 << 0,  /* a table may use colours */
        OUTPUT_STREAM = 1 << 1,  /* rows go out as they come */
        OUTPUT_RECORDS = 1 << 2, /* table and plain: a line per value, not per row */
};

enum output_where {
        OUTPUT_EVERYWHERE,
        OUTPUT_FOR_PEOPLE,   /* table and plain */
        OUTPUT_FOR_PROGRAMS, /* csv and json */
        OUTPUT_FOR_JSON,
};

struct output_column {
        const char *name;
        const char *group; /* NULL: none */
        bool right;        /* in a table, aligned to the right */
        unsigned width;    /* in a table, at least so wide */
        enum output_where where;
};

struct output;

/* The columns are copied, their names are not. -ENOMEM. */
int output_new(struct output **outputp, FILE *file, enum output_format format, unsigned flags,
               const struct output_column *columns, size_t n_columns);
struct output *output_free(struct output *output);

/* Whether what is written stands in columns, for people. */
bool output_is_table(const struct output *output);

void output_text(struct output *output, const char *text);      /* NULL: undefined */
void output_number(struct output *output, const char *decimal); /* NULL, "": undefined */
void output_int(struct output *output, int64_t value);
void output_uint(struct output *output, uint64_t value);
void output_time(struct output *output, int64_t ns);       /* ISO 8601, UTC; 0: undefined */
void output_duration(struct output *output, int64_t ns);   /* for programs in seconds */
void output_json(struct output *output, const char *json); /* of a column for JSON, as it is */
void output_null(struct output *output);
void output_absent(struct output *output);

/* The tone of the next value. */
void output_tone(struct output *output, enum tone tone);

/* Ends a row, for which as many values as there are columns have been pushed. */
void output_row(struct output *output);

/* Writes the line of names now; without it, it comes before the first row. */
void output_header(struct output *output);

/* Hands what has been written so far to the operating system. Returns the first error until now. */
int output_flush(struct output *output);

/* What is held back, the end of the format, and a flush. Returns the first error. */
int output_finish(struct output *output);

/* For _cleanup_. */
static inline void output_freep(struct output **output) {
        output_free(*output);
}
