/* Segments of IEX-TP, written. */

#include "sim/iextp.h"

#include <string.h>

#include "sim/bytes.h"

void iextp_writer_init(struct iextp_writer *writer, uint32_t session) {
        *writer = (struct iextp_writer){ .session = session, .sequence = 1 };
}

static void begin(struct iextp_writer *writer) {
        if (!writer->size)
                writer->size = IEXTP_SEGMENT_EMPTY;
}

bool iextp_writer_add(struct iextp_writer *writer, const uint8_t *message, size_t size) {
        begin(writer);
        if (writer->size + 2 + size > IEXTP_SEGMENT_MAX)
                return false;

        put_u16(writer->data + writer->size, (uint16_t)size);
        memcpy(writer->data + writer->size + 2, message, size);
        writer->size += 2 + size;
        writer->count++;
        return true;
}

size_t iextp_writer_finish(struct iextp_writer *writer, int64_t time) {
        uint8_t *header = writer->data;
        size_t size, payload;

        begin(writer);
        size = writer->size;
        payload = size - IEXTP_SEGMENT_EMPTY;

        header[0] = 1; /* version */
        header[1] = 0;
        put_u16(header + 2, IEXTP_TOPS_1_6);
        put_u32(header + 4, IEXTP_CHANNEL);
        put_u32(header + 8, writer->session);
        put_u16(header + 12, (uint16_t)payload);
        put_u16(header + 14, writer->count);
        put_u64(header + 16, writer->offset);
        put_u64(header + 24, writer->sequence);
        put_i64(header + 32, time);

        writer->offset += payload;
        writer->sequence += writer->count;
        writer->count = 0;
        writer->size = 0;
        return size;
}
