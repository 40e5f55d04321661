/* Named values, line by line. */

#include "rows.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* with which spreadsheets begin what they write */

struct rows {
        FILE *stream;
        unsigned long long line;
        char why[256];

        char *text; /* the line */
        size_t room;
        bool begun, json;

        char *header; /* of CSV; its names point into it */
        const char *names[ROWS_COLUMNS_MAX];
        size_t n_names;

        struct json_object *object; /* of the present line; its texts are the row's */
        struct row row;
};

__attribute__((format(printf, 2, 3))) static int bad(struct rows *rows, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(rows->why, sizeof(rows->why), format, args);
        va_end(args);
        return ROWS_E_BAD;
}

int rows_new(struct rows **rowsp, FILE *stream) {
        struct rows *rows = calloc(1, sizeof(*rows));

        if (!rows)
                return -ENOMEM;
        rows->stream = stream;
        *rowsp = rows;
        return 0;
}

struct rows *rows_free(struct rows *rows) {
        if (rows) {
                json_object_put(rows->object);
                free(rows->header);
                free(rows->text);
                free(rows);
        }
        return NULL;
}

unsigned long long rows_line(const struct rows *rows) {
        return rows->line;
}

const char *rows_why(const struct rows *rows) {
        return rows->why;
}

void rows_rewind(struct rows *rows) {
        rewind(rows->stream);
        rows->line = 0;
        rows->begun = false;
}

/* The next line that is not empty, without its end: an outcome, or negative errno. */
static int read_line(struct rows *rows) {
        ssize_t n;

        for (;;) {
                errno = 0;
                n = getline(&rows->text, &rows->room, rows->stream);
                if (n < 0) {
                        if (!ferror(rows->stream))
                                return ROWS_END;
                        bad(rows, "cannot be read: %s", strerror(errno));
                        return errno ? -errno : -EIO;
                }
                if (rows->line++ == 0 && n >= 3 && !memcmp(rows->text, BYTE_ORDER_MARK, 3))
                        memmove(rows->text, rows->text + 3, (size_t)(n -= 3) + 1);
                while (n > 0 && (rows->text[n - 1] == '\n' || rows->text[n - 1] == '\r'))
                        rows->text[--n] = '\0';
                if (strlen(rows->text) != (size_t)n)
                        memset(rows->text, '\1',
                               (size_t)n); /* a NUL inside: refused as what it is */
                if (n > 0)
                        return 1;
        }
}

/* ---- CSV ---- */

/* Takes one value off the line, quotes and all; NULL where the quotes do not match. *end says whether
 * it was the last. */
static char *take_value(char **rest, bool *end) {
        char *value = *rest, *from = value, *to = value;
        bool quoted = *from == '"';

        if (quoted)
                from++;
        for (; *from && (quoted || *from != ','); from++) {
                if (quoted && *from == '"') {
                        if (from[1] != '"') {
                                quoted = false;
                                continue;
                        }
                        from++;
                }
                *to++ = *from;
        }
        if (quoted)
                return NULL;
        *end = !*from;
        *rest = from + !*end;
        *to = '\0';
        return value;
}

/* Splits a line in place; ROWS_ROW, or ROWS_E_BAD. */
static int split(struct rows *rows, char *line, const char *values[ROWS_COLUMNS_MAX], size_t *n) {
        bool end = false;

        for (*n = 0; !end; (*n)++) {
                if (*n == ROWS_COLUMNS_MAX)
                        return bad(rows, "it has more than %d columns", ROWS_COLUMNS_MAX);
                values[*n] = take_value(&line, &end);
                if (!values[*n])
                        return bad(rows, "a quoted value does not end");
        }
        return ROWS_ROW;
}

static int read_header(struct rows *rows) {
        free(rows->header);
        rows->header = strdup(rows->text);
        if (!rows->header) {
                bad(rows, "no memory");
                return -ENOMEM;
        }
        if (split(rows, rows->header, rows->names, &rows->n_names) != ROWS_ROW)
                return -EINVAL;
        for (size_t i = 0; i < rows->n_names; i++)
                if (!strcmp(rows->names[i], "symbol"))
                        return 0;
        bad(rows,
            "it is neither a header of CSV with a column \"symbol\" nor a line of JSON, an object");
        return -EINVAL;
}

static int csv_row(struct rows *rows) {
        int r;

        r = split(rows, rows->text, rows->row.values, &rows->row.n);
        if (r != ROWS_ROW)
                return r;
        if (rows->row.n != rows->n_names)
                return bad(rows, "it has %zu values, and the header has %zu", rows->row.n,
                           rows->n_names);
        memcpy(rows->row.names, rows->names, sizeof(rows->names));
        return ROWS_ROW;
}

/* ---- JSON ---- */

static int json_row(struct rows *rows) {
        struct json_tokener *tokener = json_tokener_new_ex(2);
        enum json_tokener_error error;

        if (!tokener)
                return bad(rows, "no memory");
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        json_object_put(rows->object);
        /* the final NUL is part of it: a number at the end is then known to be whole */
        rows->object = json_tokener_parse_ex(tokener, rows->text, (int)strlen(rows->text) + 1);
        error = json_tokener_get_error(tokener);
        json_tokener_free(tokener);
        if (error != json_tokener_success)
                return bad(rows, "it is no JSON: %s", json_tokener_error_desc(error));
        if (!json_object_is_type(rows->object, json_type_object))
                return bad(rows, "it is no JSON object");

        rows->row.n = 0;
        json_object_object_foreach(rows->object, name, value) {
                if (rows->row.n == ROWS_COLUMNS_MAX)
                        return bad(rows, "it has more than %d members", ROWS_COLUMNS_MAX);
                if (json_object_is_type(value, json_type_object) ||
                    json_object_is_type(value, json_type_array))
                        return bad(rows, "%s: neither a text nor a number", name);
                if (json_object_is_type(value, json_type_string) &&
                    strlen(json_object_get_string(value)) !=
                            (size_t)json_object_get_string_len(value))
                        return bad(rows, "%s: a text with a NUL in it", name);
                rows->row.names[rows->row.n] = name;
                rows->row.values[rows->row.n++] = value ? json_object_get_string(value) : "";
        }
        return ROWS_ROW;
}

int rows_next(struct rows *rows, const struct row **row) {
        int r;

        r = read_line(rows);
        if (r != ROWS_ROW)
                return r;
        if (!rows->begun) {
                rows->json = rows->text[strspn(rows->text, " \t")] == '{';
                rows->begun = true;
                if (!rows->json) {
                        r = read_header(rows);
                        return r < 0 ? r : rows_next(rows, row);
                }
        }
        *row = &rows->row;
        return rows->json ? json_row(rows) : csv_row(rows);
}
