#pragma once

/* Fields: every field of every kind of tick, by its name and in its unit, from the table in shm/tick.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdclient.h"
#include "output.h"

#define FIELDS_KINDS 32 /* kinds have numbers below this, so that they fit a mask */

/* One bit for each kind that there is. */
uint32_t fields_kinds(void);

enum field_unit {
        FIELD_PRICE,
        FIELD_SIZE,
        FIELD_MONEY,
        FIELD_TIME,
        FIELD_COUNT,
        FIELD_ID,
        FIELD_CHAR,
        FIELD_TEXT,
        FIELD_FEED,
        FIELD_NONE,
};

struct field {
        const char *name;
        uint16_t offset; /* in the body */
        uint16_t size;   /* bytes */
        enum field_unit unit;
};

/* The fields of a kind, unused ones left out: *field is the first, each call moves on to the next.
 * Begins with *field NULL; false at the end. */
bool field_next(unsigned kind, const struct field **field);

/* Whether programs take it for a number. */
bool field_is_number(const struct field *field);

/* As text, in its unit; "" where it is undefined. size_exp is that of the tick's instrument. */
#define FIELD_TEXT_SIZE 64
char *field_format(char buf[FIELD_TEXT_SIZE], struct md_client *client, const struct field *field,
                   const struct md_tick *tick, int size_exp);

/* Pushes it as a value of the row. */
void field_put(struct output *output, struct md_client *client, const struct field *field,
               const struct md_tick *tick, int size_exp);

/* Pushes a price, a size; MD_PX_NONE: undefined. In a table a price has two decimals or more, so that
 * the points of most stand below one another. */
char *price_format(char buf[FIELD_TEXT_SIZE], const struct output *output, int64_t px);
void price_put(struct output *output, int64_t px);
void size_put(struct output *output, int64_t sz, int size_exp);

/* The names of the flags, with spaces between them; "" for none. */
#define FLAGS_TEXT_SIZE 256
char *flags_format(char buf[FLAGS_TEXT_SIZE], unsigned flags);
