/*
 * MoldUDP64: header and messages; moldudp64.h says what they are.
 */

#include "feed/moldudp64.h"

#include <endian.h>
#include <string.h>

/* where the header's fields are */
enum {
        AT_SESSION = 0,
        AT_SEQUENCE = 10,
        AT_COUNT = 18,
};

/* Six bits for a character: the place in this row. */
static const char characters[64] =
        "\0 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#define CHARACTER_BITS 6
#define CHARACTER_NONE 64

/* The place of a character in that row, CHARACTER_NONE if it has none. */
static unsigned place(uint8_t c) {
        if (c >= '0' && c <= '9')
                return 2u + c - '0';
        if (c >= 'A' && c <= 'Z')
                return 12u + c - 'A';
        if (c >= 'a' && c <= 'z')
                return 38u + c - 'a';
        if (c == ' ')
                return 1;
        return c ? CHARACTER_NONE : 0;
}

bool moldudp64_pack(const uint8_t id[MOLDUDP64_SESSION_SIZE], uint64_t *session) {
        uint64_t packed = 0;
        unsigned p;

        for (unsigned i = 0; i < MOLDUDP64_SESSION_SIZE; i++) {
                p = place(id[i]);
                if (p == CHARACTER_NONE)
                        return false;
                packed = packed << CHARACTER_BITS | p;
        }
        *session = packed;
        return true;
}

void moldudp64_unpack(uint64_t session, uint8_t id[MOLDUDP64_SESSION_SIZE]) {
        for (unsigned i = MOLDUDP64_SESSION_SIZE; i-- > 0; session >>= CHARACTER_BITS)
                id[i] = (uint8_t)characters[session % 64];
}

static uint16_t read_u16(const uint8_t *at) {
        uint16_t value;

        memcpy(&value, at, sizeof(value));
        return be16toh(value);
}

static uint64_t read_u64(const uint8_t *at) {
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return be64toh(value);
}

static int check_messages(const uint8_t *data, size_t size, uint32_t count) {
        switch (framed_check(data, size, count, true)) {
        case FRAMED_E_MESSAGE:
                return MOLDUDP64_E_MESSAGE;
        case FRAMED_E_COUNT:
                return MOLDUDP64_E_COUNT;
        default:
                return MOLDUDP64_OK;
        }
}

static int moldudp64_parse(struct framed *framed, const uint8_t *data, size_t size) {
        uint64_t session, sequence;
        uint32_t count;
        bool ends;
        int r;

        if (size < MOLDUDP64_HEADER_SIZE)
                return MOLDUDP64_E_SHORT;
        if (!moldudp64_pack(data + AT_SESSION, &session))
                return MOLDUDP64_E_SESSION;

        count = read_u16(data + AT_COUNT);
        ends = count == MOLDUDP64_END;
        if (ends)
                count = 0;
        sequence = read_u64(data + AT_SEQUENCE);
        if (sequence && !framed_sequence_is_sane(sequence, count))
                return MOLDUDP64_E_SEQUENCE;
        r = check_messages(data + MOLDUDP64_HEADER_SIZE, size - MOLDUDP64_HEADER_SIZE, count);
        if (r)
                return r;

        *framed = (struct framed){
                .session = session,
                .sequence = sequence,
                .count = count,
                .ends = ends,
                .big_endian = true,
                .rest = data + MOLDUDP64_HEADER_SIZE,
                .size = size - MOLDUDP64_HEADER_SIZE,
        };
        return MOLDUDP64_OK;
}

static const char *moldudp64_cause(int outcome) {
        static const char *const causes[_MOLDUDP64_E_N] = {
                [MOLDUDP64_OK] = "sound",
                [MOLDUDP64_E_SHORT] = "shorter than a MoldUDP64 header",
                [MOLDUDP64_E_SESSION] = "session id of other characters",
                [MOLDUDP64_E_MESSAGE] = "message runs past its packet",
                [MOLDUDP64_E_COUNT] = "message count is not what follows",
                [MOLDUDP64_E_SEQUENCE] = "sequence number out of range",
        };

        return causes[outcome];
}

/* Spaces in front and NULs are left out: both only fill up. */
static void moldudp64_session(uint64_t session, char text[FRAMING_SESSION_SIZE]) {
        uint8_t id[MOLDUDP64_SESSION_SIZE];
        size_t n = 0;

        moldudp64_unpack(session, id);
        for (unsigned i = 0; i < MOLDUDP64_SESSION_SIZE; i++)
                if (id[i] && (n || id[i] != ' '))
                        text[n++] = (char)id[i];
        text[n] = '\0';
}

static size_t moldudp64_request(uint64_t session, uint16_t protocol, uint64_t first, uint64_t n,
                                uint8_t packet[FRAMING_REQUEST_MAX]) {
        uint64_t sequence = htobe64(first);
        uint16_t count = htobe16(n < MOLDUDP64_END ? (uint16_t)n : MOLDUDP64_END - 1);

        (void)protocol;
        moldudp64_unpack(session, packet + AT_SESSION);
        memcpy(packet + AT_SEQUENCE, &sequence, sizeof(sequence));
        memcpy(packet + AT_COUNT, &count, sizeof(count));
        return MOLDUDP64_HEADER_SIZE;
}

const struct framing moldudp64_framing = {
        .name = "moldudp64",
        .parse = moldudp64_parse,
        .cause = moldudp64_cause,
        .session = moldudp64_session,
        .request = moldudp64_request,
};
