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

/* A header without messages: the number of the first, and how many. */
static bool read_request(const struct packet_writer *writer, const uint8_t *request, size_t size,
                         uint64_t *first, uint64_t *n) {
        uint8_t header[HEADER];

        if (size != HEADER)
                return false;
        put_header(writer, 0, 0, header);
        *first = get_be_u64(request + SESSION_SIZE);
        *n = (uint64_t)request[HEADER - 2] << 8 | request[HEADER - 1];
        return !memcmp(header, request, SESSION_SIZE);
}

const struct transport moldudp64_transport = {
        .name = "moldudp64",
        .header = HEADER,
        .big_endian = true,
        .end = END,
        .put_header = put_header,
        .read_request = read_request,
};
