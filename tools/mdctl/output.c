/*
 * Output: rows for people and for programs
 *
 * Values are kept as text in one arena, with a cell each that says where. A row is written when it is
 * whole, and arena and cells are used again; only a table keeps the first HOLD rows.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

#define HOLD 1024 /* rows that a table holds back to learn its widths */
#define GAP  2    /* spaces between the columns of a table */

enum cell_kind { CELL_TEXT, CELL_NUMBER, CELL_NULL, CELL_ABSENT };

struct cell {
        size_t at; /* in the arena */
        size_t size;
        enum cell_kind kind;
        enum tone tone;
};

struct output {
        FILE *file;
        enum output_format format;
        unsigned flags;
        struct output_column *columns;
        size_t n_columns;
        size_t last; /* the last column shown */

        struct cell *cells; /* of the rows not written yet */
        size_t n_cells, room_cells;
        char *arena;
        size_t n_arena, room_arena;

        unsigned spaces; /* due before the next text of this line */
        enum tone tone;  /* of the next value */
        bool headed;     /* the line of names, or the opening bracket, is written */
        uint64_t rows;   /* written */
        int error;       /* the first one */
};

bool output_is_table(const struct output *output) {
        return output->format == OUTPUT_TABLE;
}

static bool for_people(const struct output *output) {
        return output_is_table(output) || output->format == OUTPUT_PLAIN;
}

static bool shown(const struct output *output, size_t column) {
        switch (output->columns[column].where) {
        case OUTPUT_FOR_PEOPLE:
                return for_people(output);
        case OUTPUT_FOR_PROGRAMS:
                return !for_people(output);
        case OUTPUT_FOR_JSON:
                return output->format == OUTPUT_JSON;
        default:
                return true;
        }
}

static bool same_group(const char *a, const char *b) {
        return a && b ? !strcmp(a, b) : a == b;
}

/* The length of a column's name outside JSON and records. */
static size_t name_size(const struct output_column *column) {
        return strlen(column->name) + (column->group ? strlen(column->group) + 1 : 0);
}

int output_new(struct output **outputp, FILE *file, enum output_format format, unsigned flags,
               const struct output_column *columns, size_t n_columns) {
        struct output *output;

        output = calloc(1, sizeof(*output));
        if (!output)
                return -ENOMEM;
        *output = (struct output){
                .file = file,
                .format = format,
                .flags = flags,
                .n_columns = n_columns,
        };
        output->columns = calloc(n_columns, sizeof(*columns));
        if (!output->columns) {
                output_free(output);
                return -ENOMEM;
        }
        memcpy(output->columns, columns, n_columns * sizeof(*columns));
        for (size_t i = 0; i < n_columns; i++) {
                if (output->columns[i].width < name_size(&columns[i]))
                        output->columns[i].width = (unsigned)name_size(&columns[i]);
                if (shown(output, i))
                        output->last = i;
        }
        *outputp = output;
        return 0;
}

struct output *output_free(struct output *output) {
        if (!output)
                return NULL;

        free(output->arena);
        free(output->cells);
        free(output->columns);
        free(output);
        return NULL;
}

/* ---- values ---- */

/* Keeps the first error. */
static void check(struct output *output, bool ok) {
        if (!ok && !output->error)
                output->error = errno ? -errno : -EIO;
}

/* Makes room for n more of `size` bytes each; false without memory. */
static bool reserve(struct output *output, void **base, size_t used, size_t *room, size_t n,
                    size_t size) {
        size_t wanted = *room ? *room : 256;
        void *grown;

        while (wanted - used < n)
                wanted *= 2;
        if (wanted == *room)
                return true;
        grown = realloc(*base, wanted * size);
        check(output, grown);
        if (!grown)
                return false;
        *base = grown;
        *room = wanted;
        return true;
}

static void push(struct output *output, enum cell_kind kind, const char *text) {
        size_t size = strlen(text);
        void *cells = output->cells, *arena = output->arena;
        bool ok;

        ok = reserve(output, &cells, output->n_cells, &output->room_cells, 1,
                     sizeof(*output->cells)) &&
             reserve(output, &arena, output->n_arena, &output->room_arena, size, 1);
        output->cells = cells;
        output->arena = arena;
        if (ok) {
                memcpy(output->arena + output->n_arena, text, size);
                output->cells[output->n_cells++] = (struct cell){
                        .at = output->n_arena,
                        .size = size,
                        .kind = kind,
                        .tone = output->tone,
                };
                output->n_arena += size;
        }
        output->tone = TONE_NORMAL;
}

void output_text(struct output *output, const char *text) {
        push(output, text ? CELL_TEXT : CELL_NULL, text ? text : "");
}

void output_number(struct output *output, const char *decimal) {
        if (decimal && decimal[0])
                push(output, CELL_NUMBER, decimal);
        else
                output_null(output);
}

void output_int(struct output *output, int64_t value) {
        char text[24];

        snprintf(text, sizeof(text), "%" PRId64, value);
        push(output, CELL_NUMBER, text);
}

void output_uint(struct output *output, uint64_t value) {
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, value);
        push(output, CELL_NUMBER, text);
}

void output_time(struct output *output, int64_t ns) {
        char text[TEXT_TIME_SIZE];

        if (ns)
                output_text(output, text_time(text, ns));
        else
                output_null(output);
}

void output_duration(struct output *output, int64_t ns) {
        char text[TEXT_DURATION_SIZE];
        int64_t rest = ns % 1000000000;

        if (for_people(output)) {
                output_text(output, text_duration(text, ns));
                return;
        }
        snprintf(text, sizeof(text), "%s%" PRId64 ".%09" PRId64, ns < 0 ? "-" : "",
                 imaxabs(ns / 1000000000), imaxabs(rest));
        output_number(output, text);
}

void output_json(struct output *output, const char *json) {
        push(output, CELL_NUMBER, json); /* which is not quoted either */
}

void output_null(struct output *output) {
        push(output, CELL_NULL, "");
}

void output_absent(struct output *output) {
        push(output, CELL_ABSENT, "");
}

void output_tone(struct output *output, enum tone tone) {
        output->tone = tone;
}

/* ---- lines ---- */

static bool coloured(const struct output *output) {
        return output_is_table(output) && (output->flags & OUTPUT_COLOUR);
}

/* Writes text after the spaces that are due. */
static void write_text(struct output *output, enum tone tone, const char *text, size_t size) {
        if (!size)
                return;
        fprintf(output->file, "%*s", (int)output->spaces, "");
        output->spaces = 0;
        text_write(output->file, coloured(output), tone, text, size);
}

/* Spaces are due when something follows them on the line. */
static void pad(struct output *output, unsigned n) {
        if (output_is_table(output))
                output->spaces += n;
}

/* After a column: what stands between two, or the end of the line. */
static void write_gap(struct output *output, size_t column) {
        if (column == output->last) {
                output->spaces = 0;
                putc('\n', output->file);
        } else if (output_is_table(output)) {
                pad(output, GAP);
        } else {
                putc(output->format == OUTPUT_CSV ? ',' : '\t', output->file);
        }
}

/* ---- csv and json ---- */

static void write_csv_row(struct output *output, const struct cell *cells) {
        for (size_t i = 0; i < output->n_columns; i++) {
                if (!shown(output, i))
                        continue;
                text_write_csv(output->file, output->arena + cells[i].at, cells[i].size);
                write_gap(output, i);
        }
}

static void write_json_value(struct output *output, const struct cell *cell) {
        const char *text = output->arena + cell->at;

        if (cell->kind == CELL_NULL)
                fputs("null", output->file);
        else if (cell->kind == CELL_NUMBER)
                fwrite(text, 1, cell->size, output->file);
        else
                text_write_json(output->file, text, cell->size);
}

static void write_json_row(struct output *output, const struct cell *cells) {
        FILE *file = output->file;
        const char *group = NULL;
        bool first = true;

        putc('{', file);
        for (size_t i = 0; i < output->n_columns; i++) {
                const struct output_column *column = &output->columns[i];

                if (cells[i].kind == CELL_ABSENT || !shown(output, i))
                        continue;
                if (group && !same_group(group, column->group))
                        putc('}', file);
                if (!first)
                        putc(',', file);
                if (column->group && !same_group(group, column->group)) {
                        text_write_json(file, column->group, strlen(column->group));
                        fputs(":{", file);
                }
                text_write_json(file, column->name, strlen(column->name));
                putc(':', file);
                write_json_value(output, &cells[i]);
                group = column->group;
                first = false;
        }
        fputs(group ? "}}" : "}", file);
}

/* ---- table and plain ---- */

static void write_cell(struct output *output, const struct cell *cell) {
        if (cell->kind == CELL_NULL && output_is_table(output))
                write_text(output, TONE_FAINT, "-", 1);
        else
                write_text(output, cell->tone, output->arena + cell->at, cell->size);
}

static unsigned cell_width(const struct cell *cell) {
        return cell->kind == CELL_NULL ? 1 : (unsigned)cell->size;
}

static void write_table_row(struct output *output, const struct cell *cells) {
        for (size_t i = 0; i < output->n_columns; i++) {
                struct output_column *column = &output->columns[i];
                unsigned width = cell_width(&cells[i]);

                if (!shown(output, i))
                        continue;
                if (column->width < width)
                        column->width = width;
                if (column->right)
                        pad(output, column->width - width);
                write_cell(output, &cells[i]);
                if (!column->right)
                        pad(output, column->width - width);
                write_gap(output, i);
        }
}

/* The names of records and what stands before them take no more room than this. */
static unsigned record_width(const struct output *output) {
        size_t width = 0, size;

        for (size_t i = 0; i < output->n_columns; i++) {
                size = strlen(output->columns[i].name) + (output->columns[i].group ? GAP : 0);
                if (shown(output, i) && size > width)
                        width = size;
        }
        return (unsigned)width;
}

/* Under the heading of its group, of which it may be the first. */
static void write_record_name(struct output *output, const struct output_column *column,
                              bool first) {
        unsigned indent = column->group ? GAP : 0, size = (unsigned)strlen(column->name);

        if (output->format == OUTPUT_PLAIN) {
                fprintf(output->file, "%s%s%s\t", column->group ? column->group : "",
                        column->group ? "." : "", column->name);
                return;
        }
        if (column->group && first) {
                write_text(output, TONE_BOLD, column->group, strlen(column->group));
                putc('\n', output->file);
        }
        pad(output, indent);
        write_text(output, TONE_NORMAL, column->name, size);
        pad(output, record_width(output) - indent - size + GAP);
}

static void write_record(struct output *output, const struct cell *cells) {
        const char *group = NULL;

        if (output->rows)
                putc('\n', output->file);
        for (size_t i = 0; i < output->n_columns; i++) {
                const struct output_column *column = &output->columns[i];

                if (cells[i].kind == CELL_ABSENT || !shown(output, i))
                        continue;
                write_record_name(output, column, !same_group(group, column->group));
                write_cell(output, &cells[i]);
                write_gap(output, output->last);
                group = column->group;
        }
}

/* The names, padded like what stands below them. */
static void write_names(struct output *output) {
        for (size_t i = 0; i < output->n_columns; i++) {
                const struct output_column *column = &output->columns[i];
                unsigned room = column->width - (unsigned)name_size(column);

                if (!shown(output, i))
                        continue;
                if (column->right)
                        pad(output, room);
                if (column->group) {
                        write_text(output, TONE_BOLD, column->group, strlen(column->group));
                        write_text(output, TONE_BOLD, ".", 1);
                }
                write_text(output, TONE_BOLD, column->name, strlen(column->name));
                if (!column->right)
                        pad(output, room);
                write_gap(output, i);
        }
}

/* ---- rows ---- */

static void write_head(struct output *output) {
        output->headed = true;
        if (output->format == OUTPUT_JSON) {
                if (!(output->flags & OUTPUT_STREAM))
                        putc('[', output->file);
        } else if (output->format == OUTPUT_CSV || !(output->flags & OUTPUT_RECORDS)) {
                write_names(output);
        }
}

static void write_row(struct output *output, const struct cell *cells) {
        bool stream = output->flags & OUTPUT_STREAM;

        switch (output->format) {
        case OUTPUT_CSV:
                write_csv_row(output, cells);
                break;
        case OUTPUT_JSON:
                if (!stream)
                        fputs(output->rows ? ",\n" : "\n", output->file);
                write_json_row(output, cells);
                if (stream)
                        putc('\n', output->file);
                break;
        default:
                if (output->flags & OUTPUT_RECORDS)
                        write_record(output, cells);
                else
                        write_table_row(output, cells);
        }
        output->rows++;
}

static void learn_widths(struct output *output) {
        for (size_t i = 0; i < output->n_cells; i++) {
                struct output_column *column = &output->columns[i % output->n_columns];

                if (column->width < cell_width(&output->cells[i]))
                        column->width = cell_width(&output->cells[i]);
        }
}

/* Writes the rows that are whole. */
static void write_held(struct output *output) {
        learn_widths(output);
        if (!output->headed)
                write_head(output);
        for (size_t i = 0; i < output->n_cells && !output->error; i += output->n_columns) {
                write_row(output, &output->cells[i]);
                check(output, !ferror(output->file));
        }
        output->n_cells = 0;
        output->n_arena = 0;
}

void output_row(struct output *output) {
        bool hold = output_is_table(output) &&
                    !(output->flags & (OUTPUT_STREAM | OUTPUT_RECORDS)) && !output->headed;

        if (output->n_cells % output->n_columns && !output->error)
                output->error = -EINVAL; /* columns and values do not fit each other */
        if (!hold || output->n_cells >= HOLD * output->n_columns)
                write_held(output);
}

void output_header(struct output *output) {
        if (output->n_cells)
                write_held(output);
        write_head(output);
}

int output_flush(struct output *output) {
        check(output, !fflush(output->file) && !ferror(output->file));
        return output->error;
}

int output_finish(struct output *output) {
        write_held(output);
        if (output->format == OUTPUT_JSON && !(output->flags & OUTPUT_STREAM))
                fputs(output->rows ? "\n]\n" : "]\n", output->file);
        return output_flush(output);
}
