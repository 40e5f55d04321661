/* Packets, written. */

#include "sim/packet.h"

#include <string.h>

#include "sim/bytes.h"

void transport_put_length(const struct transport *transport, uint8_t *at, size_t size) {
        if (transport->big_endian)
                put_be_u16(at, (uint16_t)size);
        else
                put_u16(at, (uint16_t)size);
}

size_t transport_length(const struct transport *transport, const uint8_t *at) {
        return transport->big_endian ? (size_t)at[0] << 8 | at[1] : (size_t)at[1] << 8 | at[0];
}

void packet_init(struct packet_writer *writer, const struct transport *transport, uint16_t protocol,
                 uint32_t session) {
        *writer = (struct packet_writer){
                .transport = transport,
                .protocol = protocol,
                .session = session,
                .sequence = 1,
        };
}

static void begin(struct packet_writer *writer) {
        if (!writer->size)
                writer->size = writer->transport->header;
}

bool packet_add(struct packet_writer *writer, const uint8_t *message, size_t size) {
        begin(writer);
        if (writer->size + 2 + size > PACKET_MAX)
                return false;

        transport_put_length(writer->transport, writer->data + writer->size, size);
        memcpy(writer->data + writer->size + 2, message, size);
        writer->size += 2 + size;
        writer->count++;
        return true;
}

size_t packet_finish(struct packet_writer *writer, int64_t time) {
        size_t size;

        begin(writer);
        size = writer->size;
        writer->transport->put_header(writer, writer->count, time, writer->data);
        writer->offset += size - writer->transport->header;
        writer->sequence += writer->count;
        writer->count = 0;
        writer->size = 0;
        return size;
}

size_t packet_end(struct packet_writer *writer, int64_t time) {
        begin(writer);
        writer->transport->put_header(writer, writer->transport->end, time, writer->data);
        writer->size = 0;
        return writer->transport->header;
}
