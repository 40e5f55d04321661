#pragma once

/*
 * Segments of IEX-TP, written
 *
 * Messages are added until the segment is full or its time has come; finishing it writes the header
 * in front of them and goes on to the next one. A segment finished without a message is a heartbeat.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IEXTP_SEGMENT_MAX   1400 /* so that a datagram is one frame of Ethernet */
#define IEXTP_SEGMENT_EMPTY 40   /* the header */

#define IEXTP_TOPS_1_6 0x8003
#define IEXTP_CHANNEL  1

struct iextp_writer {
        uint32_t session;
        uint64_t offset;   /* of the segment in the stream, bytes */
        uint64_t sequence; /* of the first message in it; the session's first is 1 */
        uint16_t count;
        size_t size; /* 0: the last segment is finished, the next one not begun */
        uint8_t data[IEXTP_SEGMENT_MAX];
};

void iextp_writer_init(struct iextp_writer *writer, uint32_t session);

/* False: there is no room left in this segment. */
bool iextp_writer_add(struct iextp_writer *writer, const uint8_t *message, size_t size);

/* Returns the size of the segment, which stands in `data` until the next message is added. */
size_t iextp_writer_finish(struct iextp_writer *writer, int64_t time);
