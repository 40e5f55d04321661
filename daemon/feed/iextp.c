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
        AT_SEQUENCE = 24, /* behind the offset in the stream */
        AT_SENT = 32,
};

/* and those of a request, which begins like a header */
enum {
        AT_REQUEST = 1, /* what the ranges are of */
        AT_RANGES = 12, /* how many there are */
        AT_FROM = 16,
        AT_TO = 24,
        REQUEST_SIZE = 32,
};

#define REQUEST_MESSAGES 1

_Static_assert((int)REQUEST_SIZE <= FRAMING_REQUEST_MAX, "there is room for it");

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

static int iextp_parse(struct framed *framed, const uint8_t *data, size_t size) {
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

        *framed = (struct framed){
                .session =
                        (uint64_t)read_u32(data + AT_CHANNEL) << 32 | read_u32(data + AT_SESSION),
                .sequence = sequence,
                .count = count,
                .protocol = read_u16(data + AT_PROTOCOL),
                .sent = (int64_t)read_u64(data + AT_SENT),
                .rest = data + IEXTP_HEADER_SIZE,
                .size = length,
        };
        return IEXTP_OK;
}

static const char *iextp_cause(int outcome) {
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

static void iextp_session(uint64_t session, char text[FRAMING_SESSION_SIZE]) {
        snprintf(text, FRAMING_SESSION_SIZE, "%u", (unsigned)session);
}

static void put(uint8_t *at, uint64_t value, size_t size) {
        value = htole64(value);
        memcpy(at, &value, size);
}

/* The message behind those that are missing is here, or there is none yet; to ask for it, too, makes no
 * difference whether a server takes the end of a range to be part of it. */
static size_t iextp_request(uint64_t session, uint16_t protocol, uint64_t first, uint64_t n,
                            uint8_t packet[FRAMING_REQUEST_MAX]) {
        packet[AT_VERSION] = IEXTP_VERSION;
        packet[AT_REQUEST] = REQUEST_MESSAGES;
        put(packet + AT_PROTOCOL, protocol, 2);
        put(packet + AT_CHANNEL, session >> 32, 4);
        put(packet + AT_SESSION, session, 4);
        put(packet + AT_RANGES, 1, 4);
        put(packet + AT_FROM, first, 8);
        put(packet + AT_TO, first + (n < IEXTP_REQUEST_MAX ? n : IEXTP_REQUEST_MAX), 8);
        return REQUEST_SIZE;
}

const struct framing iextp_framing = {
        .name = "iextp",
        .protocols = true,
        .behind = true,
        .parse = iextp_parse,
        .cause = iextp_cause,
        .session = iextp_session,
        .request = iextp_request,
};
