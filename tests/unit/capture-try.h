#pragma once

/* Captures made by hand in memory, saved to a file of the test, and played. */

#include <fcntl.h>
#include <pcap/dlt.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "feed-tape.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)
#define START     (INT64_C(1517058015) * NS_PER_S + 910701987)
#define HEADERS   (14 + 20 + 8) /* before the payload of our frames */
#define FILE_MAX  (1 << 20)

/* A capture file in memory. */
struct capture {
        uint8_t data[FILE_MAX];
        size_t size;
};

static char path[] = "/tmp/mdshmd-test-XXXXXX";
static struct capture capture;

/* ---- writing captures ---- */

static inline void put(const void *data, size_t size) {
        assert_true(capture.size + size <= FILE_MAX);
        memcpy(capture.data + capture.size, data, size);
        capture.size += size;
}

static inline void put_u16(uint16_t value) {
        put(&value, sizeof(value));
}

static inline void put_u32(uint32_t value) {
        put(&value, sizeof(value));
}

/* An Ethernet frame with a datagram of `size` bytes, all of them `fill`; not UDP if so wished. */
static inline size_t make_frame(uint8_t frame[static 2048], size_t size, uint8_t fill,
                                uint8_t protocol) {
        const size_t udp = 8 + size, ip = 20 + udp;

        memset(frame, 0, HEADERS);
        frame[12] = 0x08;
        frame[14] = 0x45;
        frame[16] = (uint8_t)(ip >> 8);
        frame[17] = (uint8_t)ip;
        frame[23] = protocol;
        frame[38] = (uint8_t)(udp >> 8);
        frame[39] = (uint8_t)udp;
        memset(frame + HEADERS, fill, size);
        return HEADERS + size;
}

/* The header of a classic file: stamps of micro- or nanoseconds. */
static inline void begin_classic(bool nano, uint32_t link) {
        capture.size = 0;
        put_u32(nano ? 0xa1b23c4d : 0xa1b2c3d4);
        put_u16(2);
        put_u16(4);
        put_u32(0);
        put_u32(0);
        put_u32(262144);
        put_u32(link);
}

static inline void put_record(int64_t time, bool nano, const void *frame, size_t captured,
                              size_t length) {
        put_u32((uint32_t)(time / NS_PER_S));
        put_u32((uint32_t)(time % NS_PER_S) / (nano ? 1 : 1000));
        put_u32((uint32_t)captured);
        put_u32((uint32_t)length);
        put(frame, captured);
}

/* The header of a pcapng file, with one interface whose stamps are nanoseconds. */
static inline void begin_pcapng(void) {
        capture.size = 0;
        put_u32(0x0a0d0d0a);
        put_u32(28);
        put_u32(0x1a2b3c4d);
        put_u16(1);
        put_u16(0);
        put_u32(UINT32_MAX);
        put_u32(UINT32_MAX);
        put_u32(28);

        put_u32(1);
        put_u32(32);
        put_u16(DLT_EN10MB);
        put_u16(0);
        put_u32(262144);
        put_u16(9); /* resolution of stamps: */
        put_u16(1);
        put_u32(9); /* 10^-9 */
        put_u32(0);
        put_u32(32);
}

static inline void put_block(int64_t time, const void *frame, size_t size) {
        const size_t padded = (size + 3) / 4 * 4;

        put_u32(6);
        put_u32((uint32_t)(32 + padded));
        put_u32(0);
        put_u32((uint32_t)((uint64_t)time >> 32));
        put_u32((uint32_t)time);
        put_u32((uint32_t)size);
        put_u32((uint32_t)size);
        put(frame, size);
        put("\0\0\0", padded - size);
        put_u32((uint32_t)(32 + padded));
}

/* A classic file of `n` datagrams, one per `step`; number i holds i+1 bytes of value i, up to 1000. */
static inline void make_classic(unsigned n, int64_t step) {
        uint8_t frame[2048];

        begin_classic(true, DLT_EN10MB);
        for (unsigned i = 0; i < n; i++) {
                const size_t size = make_frame(frame, i % 1000 + 1, (uint8_t)i, 17);

                put_record(START + i * step, true, frame, size, size);
        }
}

/* Writes the first bytes of the capture to the file. */
static inline void save_part(size_t size) {
        int fd = open(path, O_WRONLY | O_TRUNC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, capture.data, size), size);
        close(fd);
}

static inline void save(void) {
        save_part(capture.size);
}

/* Packs the capture in gzip, in its place. */
static inline void pack(void) {
        z_stream stream = { .next_in = capture.data, .avail_in = (unsigned)capture.size };
        uint8_t *packed = malloc(FILE_MAX);

        assert_non_null(packed);
        assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
                         Z_OK);
        stream.next_out = packed;
        stream.avail_out = FILE_MAX;
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        capture.size = stream.total_out;
        memcpy(capture.data, packed, capture.size);
        deflateEnd(&stream);
        free(packed);
}

/* ---- playing them ---- */

static inline struct config_feed config(void) {
        static char name[] = "tester";

        return (struct config_feed){
                .name = name,
                .source = CONFIG_SOURCE_PCAP,
                .file = path,
        };
}

static inline void play_with(struct tape *tape, const struct config_feed *config) {
        assert_int_equal(tape_play(tape, config), 0);
        assert_false(tape->is_late);
        assert_int_equal(tape->unflushed, 0);
}

static inline struct tape play(void) {
        const struct config_feed defaults = config();
        struct tape tape = { 0 };

        play_with(&tape, &defaults);
        return tape;
}

static inline int make_file(void **state) {
        int fd = mkstemp(path);

        (void)state;
        log_init(LOG_NOTICE);
        return fd < 0 || close(fd) < 0 ? -1 : 0;
}

static inline int remove_file(void **state) {
        (void)state;
        return unlink(path);
}
