/*
 * IEX-TP: header and messages; iextp.h says what is refused.
 */

#include "feed/iextp.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define IEXTP_VERSION 1

/* where the header's fields are */
enum {
        AT_VERSION = 0,
        AT_PROTOCOL = 2, /* byte 1 is reserved */
        AT_CHANNEL = 4,
        AT_SESSION = 8,
        AT_LENGTH = 12,
        AT_COUNT = 14,
        AT_OFFSET = 16,
        AT_SEQUENCE = 24,
        AT_SENT = 32,
};

static uint16_t read_u16(const uint8_t *at) {
        uint16_t value;

        memcpy(&value, at, sizeof(value));
        return le16toh(value);
}

static uint32_t read_u32(const uint8_t *at) {
        uint32_t value;

        memcpy(&value, at, sizeof(value));
        return le32toh(value);
}

static uint64_t read_u64(const uint8_t *at) {
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return le64toh(value);
}

static int check_messages(const uint8_t *payload, size_t size, unsigned count) {
        switch (framed_check(payload, size, count, false)) {
        case FRAMED_E_MESSAGE:
                return IEXTP_E_MESSAGE;
        case FRAMED_E_COUNT:
                return IEXTP_E_COUNT;
        default:
                return IEXTP_OK;
        }
}

int iextp_parse(struct iextp *segment, const uint8_t *data, size_t size) {
        size_t length;
        uint16_t count;
        uint64_t sequence;
        int r;

        if (size < IEXTP_HEADER_SIZE)
                return IEXTP_E_SHORT;
        if (data[AT_VERSION] != IEXTP_VERSION)
                return IEXTP_E_VERSION;

        length = read_u16(data + AT_LENGTH);
        if (size - IEXTP_HEADER_SIZE < length)
                return IEXTP_E_LENGTH;
        count = read_u16(data + AT_COUNT);
        sequence = read_u64(data + AT_SEQUENCE);
        if (!framed_sequence_is_sane(sequence, count))
                return IEXTP_E_SEQUENCE;
        r = check_messages(data + IEXTP_HEADER_SIZE, length, count);
        if (r)
                return r;

        *segment = (struct iextp){
                .protocol = read_u16(data + AT_PROTOCOL),
                .count = count,
                .channel = read_u32(data + AT_CHANNEL),
                .session = read_u32(data + AT_SESSION),
                .offset = read_u64(data + AT_OFFSET),
                .sequence = sequence,
                .sent = (int64_t)read_u64(data + AT_SENT),
                .rest = data + IEXTP_HEADER_SIZE,
                .size = length,
        };
        return IEXTP_OK;
}

bool iextp_next(struct iextp *segment, struct iextp_message *message) {
        if (!segment->size)
                return false;

        *message = (struct iextp_message){ segment->rest + 2, read_u16(segment->rest) };
        segment->rest += 2 + message->size;
        segment->size -= 2 + message->size;
        return true;
}

const char *iextp_cause(int outcome) {
        static const char *const causes[_IEXTP_E_N] = {
                [IEXTP_OK] = "sound",
                [IEXTP_E_SHORT] = "shorter than an IEX-TP header",
                [IEXTP_E_VERSION] = "unknown version of IEX-TP",
                [IEXTP_E_LENGTH] = "payload runs past its packet",
                [IEXTP_E_MESSAGE] = "message runs past its payload",
                [IEXTP_E_COUNT] = "message count is not what follows",
                [IEXTP_E_SEQUENCE] = "sequence number out of range",
        };

        return causes[outcome];
}

static int parse(struct framed *framed, const uint8_t *data, size_t size) {
        struct iextp segment;
        int r;

        r = iextp_parse(&segment, data, size);
        if (r)
                return r;

        *framed = (struct framed){
                .session = segment.session,
                .sequence = segment.sequence,
                .count = segment.count,
                .protocol = segment.protocol,
                .sent = segment.sent,
                .rest = segment.rest,
                .size = segment.size,
        };
        return IEXTP_OK;
}

static void session(uint64_t id, char text[FRAMING_SESSION_SIZE]) {
        snprintf(text, FRAMING_SESSION_SIZE, "%u", (unsigned)id);
}

const struct framing iextp_framing = {
        .name = "iextp",
        .parse = parse,
        .cause = iextp_cause,
        .session = session,
};
