/* The header of IEX-TP, written. */

#include <string.h>

#include "sim/bytes.h"
#include "sim/packet.h"

#define HEADER  40
#define CHANNEL 1

#define REQUEST  32
#define ANSWER   1000
#define MESSAGES 1 /* that a request is for them, and not for bytes of the stream */

static void put_header(const struct packet_writer *writer, uint16_t count, int64_t time,
                       uint8_t *header) {
        header[0] = 1; /* version */
        header[1] = 0;
        put_u16(header + 2, writer->protocol);
        put_u32(header + 4, CHANNEL);
        put_u32(header + 8, writer->session);
        put_u16(header + 12, (uint16_t)(writer->size - HEADER));
        put_u16(header + 14, count);
        put_u64(header + 16, writer->offset);
        put_u64(header + 24, writer->sequence);
        put_i64(header + 32, time);
}

/* A range of messages, from the first to the last. Only one is taken. */
static bool read_request(const struct packet_writer *writer, const uint8_t *request, size_t size,
                         uint64_t *first, uint64_t *n) {
        uint8_t wanted[16] = { 1, MESSAGES };
        uint64_t last;

        if (size != REQUEST)
                return false;
        put_u16(wanted + 2, writer->protocol);
        put_u32(wanted + 4, CHANNEL);
        put_u32(wanted + 8, writer->session);
        put_u32(wanted + 12, 1);
        *first = get_u64(request + 16);
        last = get_u64(request + 24);
        *n = last - *first + 1;
        return !memcmp(wanted, request, sizeof(wanted)) && last >= *first;
}

const struct transport iextp_transport = {
        .name = "iextp",
        .header = HEADER,
        .answer = ANSWER,
        .put_header = put_header,
        .read_request = read_request,
};
