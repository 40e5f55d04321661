/*
 * Fields: every field of every kind of tick, by its name and in its unit
 */

#include "fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint32_t fields_kinds(void) {
#define BIT(number, NAME, name, text) | UINT32_C(1) << (number)
        return 0 MD_KINDS(BIT);
#undef BIT
}

/* The fields of a kind with unused ones, ended by one without a name; NULL where there is no such
 * kind. */
static const struct field *fields_of(unsigned kind) {
        switch (kind) {
#define FIELD(type, name_, array, UNIT, text)                                                      \
        { .name = #name_,                                                                          \
          .offset = offsetof(__typeof__(*body), name_),                                            \
          .size = sizeof(body->name_),                                                             \
          .unit = FIELD_##UNIT },
#define FIELDS(number, NAME, name_, text)                                                          \
        case number: {                                                                             \
                const struct md_##name_ *body;                                                     \
                static const struct field fields[] = { MD_##NAME##_FIELDS(FIELD){                  \
                        .name = NULL } };                                                          \
                return fields;                                                                     \
        }
                MD_KINDS(FIELDS)
#undef FIELDS
#undef FIELD
        default:
                return NULL;
        }
}

bool field_next(unsigned kind, const struct field **field) {
        const struct field *next = *field ? *field + 1 : fields_of(kind);

        while (next && next->name && next->unit == FIELD_NONE)
                next++;
        *field = next && next->name ? next : NULL;
        return *field;
}

bool field_is_number(const struct field *field) {
        switch (field->unit) {
        case FIELD_PRICE:
        case FIELD_SIZE:
        case FIELD_MONEY:
        case FIELD_COUNT:
        case FIELD_ID:
                return true;
        default:
                return false;
        }
}

/* All fields of four bytes or fewer are unsigned. */
static int64_t load(const void *at, size_t size) {
        uint64_t value = 0;

        memcpy(&value, at, size);
        return (int64_t)value;
}

char *field_format(char buf[FIELD_TEXT_SIZE], struct md_client *client, const struct field *field,
                   const struct md_tick *tick, int size_exp) {
        const char *at = (const char *)&tick->u + field->offset;
        struct md_feed feed;

        switch (field->unit) {
        case FIELD_PRICE:
                return md_format(buf, load(at, field->size), -9);
        case FIELD_SIZE:
                return md_format(buf, load(at, field->size), size_exp);
        case FIELD_MONEY:
                return md_format(buf, load(at, field->size), -4);
        case FIELD_TIME:
                return text_time(buf, load(at, field->size));
        case FIELD_COUNT:
        case FIELD_ID:
                snprintf(buf, FIELD_TEXT_SIZE, "%" PRId64, load(at, field->size));
                return buf;
        case FIELD_FEED:
                if (md_feed(client, (uint32_t)load(at, field->size), &feed) == 0)
                        snprintf(buf, FIELD_TEXT_SIZE, "%s", feed.name);
                else
                        buf[0] = '\0';
                return buf;
        default:
                snprintf(buf, FIELD_TEXT_SIZE, "%.*s", (int)field->size, at);
                return buf;
        }
}

void field_put(struct output *output, struct md_client *client, const struct field *field,
               const struct md_tick *tick, int size_exp) {
        char text[FIELD_TEXT_SIZE];

        field_format(text, client, field, tick, size_exp);
        if (!text[0])
                output_null(output);
        else if (field_is_number(field))
                output_number(output, text);
        else
                output_text(output, text);
}

char *price_format(char buf[FIELD_TEXT_SIZE], const struct output *output, int64_t px) {
        const char *point;
        size_t decimals;

        md_format(buf, px, -9);
        point = strchr(buf, '.');
        decimals = point ? strlen(point + 1) : 0;
        if (*buf && output_is_table(output) && decimals < 2)
                strcat(buf, !point ? ".00" : "0");
        return buf;
}

void price_put(struct output *output, int64_t px) {
        char number[FIELD_TEXT_SIZE];

        output_number(output, price_format(number, output, px));
}

void size_put(struct output *output, int64_t sz, int size_exp) {
        char number[MD_NUMBER_SIZE];

        output_number(output, md_format(number, sz, size_exp));
}

char *flags_format(char buf[FLAGS_TEXT_SIZE], unsigned flags) {
        size_t n = 0;

        buf[0] = '\0';
#define NAME(bit, NAME_, name, text)                                                               \
        if (flags >> (bit)&1)                                                                      \
                n += (size_t)snprintf(buf + n, FLAGS_TEXT_SIZE - n, "%s%s", n ? " " : "", #name);
        MD_FLAGS(NAME)
#undef NAME
        return buf;
}
