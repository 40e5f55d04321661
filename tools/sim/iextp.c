/* The header of IEX-TP, written. */

#include "sim/bytes.h"
#include "sim/packet.h"

#define HEADER  40
#define CHANNEL 1

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

const struct transport iextp_transport = {
        .name = "iextp",
        .header = HEADER,
        .put_header = put_header,
};
