/* The header of MoldUDP64, written. */

#include <stdio.h>
#include <string.h>

#include "sim/bytes.h"
#include "sim/packet.h"

#define HEADER       20
#define SESSION_SIZE 10
#define END          0xffff

static void put_header(const struct packet_writer *writer, uint16_t count, int64_t time,
                       uint8_t *header) {
        char session[SESSION_SIZE + 1];

        (void)time; /* it does not say */
        snprintf(session, sizeof(session), "%0*u", SESSION_SIZE, writer->session);
        memcpy(header, session, SESSION_SIZE);
        put_be_u64(header + 10, writer->sequence);
        put_be_u16(header + 18, count);
}

const struct transport moldudp64_transport = {
        .name = "moldudp64",
        .header = HEADER,
        .big_endian = true,
        .asked = true,
        .end = END,
        .put_header = put_header,
};
