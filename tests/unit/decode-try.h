#pragma once

/* For tests of decoders: messages from hexadecimal digits, and what must hold for every one of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/decoder.h"

#define TRY_MESSAGE_MAX 128

struct try_message {
        uint8_t data[TRY_MESSAGE_MAX];
        size_t size;
};

/* Reads pairs of hexadecimal digits; blanks are for the reader. */
static inline struct try_message try_message(const char *hex) {
        struct try_message m = { .size = 0 };
        unsigned byte;

        for (; *hex; hex += 2) {
                while (*hex == ' ')
                        hex++;
                assert_true(m.size < TRY_MESSAGE_MAX);
                assert_int_equal(sscanf(hex, "%2x", &byte), 1);
                m.data[m.size++] = (uint8_t)byte;
        }
        return m;
}

/* Decodes from memory that ends where the message ends, so that a sanitizer sees every step beyond. */
static inline int try_decode(const struct decoder *decoder, const struct try_message *m,
                             struct event *event) {
        uint8_t *copy = malloc(m->size ? m->size : 1);
        int r;

        assert_non_null(copy);
        memcpy(copy, m->data, m->size);
        r = decoder->decode(copy, m->size, event);
        free(copy);
        return r;
}

static inline struct event try_event(const struct decoder *decoder, const char *hex) {
        struct try_message m = try_message(hex);
        struct event event;

        memset(&event, 0x5a, sizeof(event));
        assert_int_equal(try_decode(decoder, &m, &event), DECODE_OK);
        return event;
}

static inline int try_refused(const struct decoder *decoder, const char *hex) {
        struct try_message m = try_message(hex);
        struct event event;

        return try_decode(decoder, &m, &event);
}

/* ---- what holds for the examples of a decoder, one of each type ---- */

static inline void try_unknown_types(const struct decoder *decoder) {
        struct try_message m = { .size = TRY_MESSAGE_MAX };
        struct event event;

        memset(m.data, '1', m.size);
        for (unsigned type = 0; type <= UINT8_MAX; type++) {
                const struct decoder_type *known = decoder->types;

                while (known->type && (unsigned char)known->type != type)
                        known++;
                m.data[0] = (uint8_t)type;
                if (!known->type)
                        assert_int_equal(try_decode(decoder, &m, &event), DECODE_E_TYPE);
                else
                        assert_int_not_equal(try_decode(decoder, &m, &event), DECODE_E_TYPE);
        }
}

static inline void try_one_of_each(const struct decoder *decoder, const char *const *examples,
                                   size_t n) {
        size_t types = 0;

        for (const struct decoder_type *type = decoder->types; type->type; type++, types++) {
                unsigned found = 0;

                for (size_t i = 0; i < n; i++)
                        found += try_message(examples[i]).data[0] == (uint8_t)type->type;
                assert_int_equal(found, 1);
                assert_true(strlen(type->name) > 0);
        }
        assert_int_equal(types, n);
}

static inline void try_truncated(const struct decoder *decoder, const char *const *examples,
                                 size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct try_message m = try_message(examples[i]);
                struct event event;
                size_t size = m.size;

                for (m.size = 0; m.size < size; m.size++)
                        assert_int_equal(try_decode(decoder, &m, &event), DECODE_E_SHORT);
                assert_int_equal(try_decode(decoder, &m, &event), DECODE_OK);
        }
}

/* Later versions add at the end. */
static inline void try_longer(const struct decoder *decoder, const char *const *examples,
                              size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct try_message m = try_message(examples[i]);
                struct event plain, longer;

                memset(&plain, 0, sizeof(plain));
                memset(&longer, 0, sizeof(longer));
                assert_int_equal(try_decode(decoder, &m, &plain), DECODE_OK);
                memset(m.data + m.size, 0xff, 7);
                m.size += 7;
                assert_int_equal(try_decode(decoder, &m, &longer), DECODE_OK);
                assert_memory_equal(&plain, &longer, sizeof(plain));
        }
}

/* `place` gives where the symbol stands in a message of that type; 0: nowhere. */
static inline void try_symbols(const struct decoder *decoder, const char *const *examples, size_t n,
                               size_t (*place)(uint8_t type)) {
        static const char *const bad[] = { "        ",    " ZIEXT  ",    "\0\0\0\0\0\0\0\0",
                                           "ZIEXT\0\0\0", "ZIE\x7fT   ", "\xffIEXT   " };
        static const char *const good[] = { "A       ", "ZIEXTABC", "BRK.A   ", "A-\x20@^=   " };

        for (size_t i = 0; i < n; i++) {
                struct try_message m = try_message(examples[i]);
                size_t at = place(m.data[0]);
                struct event event;

                if (!at) {
                        assert_int_equal(try_decode(decoder, &m, &event), DECODE_OK);
                        assert_int_equal(event.symbol, 0);
                        continue;
                }
                for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
                        memcpy(m.data + at, bad[k], 8);
                        assert_int_equal(try_decode(decoder, &m, &event), DECODE_E_SYMBOL);
                }
                for (size_t k = 0; k < sizeof(good) / sizeof(good[0]); k++) {
                        memcpy(m.data + at, good[k], 8);
                        assert_int_equal(try_decode(decoder, &m, &event), DECODE_OK);
                        assert_memory_equal(&event.symbol, good[k], 8);
                }
        }
}
