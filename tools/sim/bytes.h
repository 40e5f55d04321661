#pragma once

/* Numbers in a message, at any address: little endian, and those named _be_ big endian. */

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void put_u16(uint8_t *p, uint16_t n) {
        n = htole16(n);
        memcpy(p, &n, sizeof(n));
}

static inline void put_u32(uint8_t *p, uint32_t n) {
        n = htole32(n);
        memcpy(p, &n, sizeof(n));
}

static inline void put_u64(uint8_t *p, uint64_t n) {
        n = htole64(n);
        memcpy(p, &n, sizeof(n));
}

static inline void put_i64(uint8_t *p, int64_t n) {
        put_u64(p, (uint64_t)n);
}

static inline void put_be_u16(uint8_t *p, uint16_t n) {
        n = htobe16(n);
        memcpy(p, &n, sizeof(n));
}

static inline void put_be_u32(uint8_t *p, uint32_t n) {
        n = htobe32(n);
        memcpy(p, &n, sizeof(n));
}

static inline void put_be_u48(uint8_t *p, uint64_t n) {
        put_be_u16(p, (uint16_t)(n >> 32));
        put_be_u32(p + 2, (uint32_t)n);
}

static inline void put_be_u64(uint8_t *p, uint64_t n) {
        n = htobe64(n);
        memcpy(p, &n, sizeof(n));
}

static inline uint64_t get_u64(const uint8_t *p) {
        uint64_t n;

        memcpy(&n, p, sizeof(n));
        return le64toh(n);
}

static inline uint64_t get_be_u64(const uint8_t *p) {
        uint64_t n;

        memcpy(&n, p, sizeof(n));
        return be64toh(n);
}
