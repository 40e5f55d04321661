#pragma once

/*
 * What every fuzzer begins with
 *
 * An input is taken apart from its front: numbers, choices, blocks of bytes. Behind its end there are
 * zeros, so that each input means something. Blocks are copied into memory of exactly their size:
 * the sanitizer sees the first byte that is read beyond.
 *
 * What must hold is said with CHECK(), in every build.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define CHECK(condition)                                                                           \
        ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, __func__, #condition))

__attribute__((noreturn)) static inline void fuzz_fail(const char *file, int line,
                                                       const char *function, const char *what) {
        fprintf(stderr, "%s:%d: %s(): %s does not hold\n", file, line, function, what);
        abort();
}

struct input {
        const uint8_t *data;
        size_t size;
};

static inline void input_take(struct input *input, void *out, size_t size) {
        size_t n = size < input->size ? size : input->size;

        memset(out, 0, size);
        if (n)
                memcpy(out, input->data, n);
        input->data += n;
        input->size -= n;
}

static inline uint8_t input_u8(struct input *input) {
        uint8_t n;

        input_take(input, &n, sizeof(n));
        return n;
}

static inline uint16_t input_u16(struct input *input) {
        uint16_t n;

        input_take(input, &n, sizeof(n));
        return n;
}

static inline uint32_t input_u32(struct input *input) {
        uint32_t n;

        input_take(input, &n, sizeof(n));
        return n;
}

static inline uint64_t input_u64(struct input *input) {
        uint64_t n;

        input_take(input, &n, sizeof(n));
        return n;
}

/* Up to `size` bytes of what is left, in memory of their own; the caller frees it. */
static inline uint8_t *input_block(struct input *input, size_t size, size_t *taken) {
        uint8_t *block;

        *taken = size < input->size ? size : input->size;
        block = malloc(*taken);
        CHECK(block || !*taken);
        input_take(input, block, *taken);
        return block;
}
