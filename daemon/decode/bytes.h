#pragma once

/* Numbers in a message, at any address: little endian, and those named _be_ big endian. */

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t bytes_u32(const uint8_t *p) {
        uint32_t n;

        memcpy(&n, p, sizeof(n));
        return le32toh(n);
}

static inline uint64_t bytes_u64(const uint8_t *p) {
        uint64_t n;

        memcpy(&n, p, sizeof(n));
        return le64toh(n);
}

static inline int64_t bytes_i64(const uint8_t *p) {
        return (int64_t)bytes_u64(p);
}

static inline uint16_t bytes_be_u16(const uint8_t *p) {
        uint16_t n;

        memcpy(&n, p, sizeof(n));
        return be16toh(n);
}

static inline uint32_t bytes_be_u32(const uint8_t *p) {
        uint32_t n;

        memcpy(&n, p, sizeof(n));
        return be32toh(n);
}

static inline uint64_t bytes_be_u48(const uint8_t *p) {
        return (uint64_t)bytes_be_u16(p) << 32 | bytes_be_u32(p + 2);
}

static inline uint64_t bytes_be_u64(const uint8_t *p) {
        uint64_t n;

        memcpy(&n, p, sizeof(n));
        return be64toh(n);
}

/* One character for people: ASCII, a space or something to see. */
static inline bool bytes_printable(uint8_t c) {
        return c >= 0x20 && c <= 0x7e;
}

/* The same for eight of them at once. A byte is refused if its top bit is set, if taking 0x20 from it
 * borrows, or if it is 0x7f. */
static inline bool bytes_printable8(uint64_t word) {
        const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
        uint64_t del = word ^ (ones * 0x7f);

        return !((word | (word - ones * 0x20) | ((del - ones) & ~del)) & tops);
}

/* A symbol of eight bytes, left-justified and space-padded: what is not empty does not begin with a
 * space. As they stand in the message, little endian. */
static inline bool bytes_symbol(const uint8_t *p, uint64_t *symbol) {
        *symbol = bytes_u64(p);
        return p[0] != ' ' && bytes_printable8(*symbol);
}
