#pragma once

/*
 * IEX-TP 1.25: the framing of IEX's feeds
 *
 * A datagram holds one segment: a header of 40 bytes, then messages, each after its length. All
 * numbers are little endian. A segment without messages is a heartbeat: its sequence number is that
 * of the next message to come. Lines A and B carry the same messages under the same numbers, but need
 * not cut them into segments alike.
 *
 * A segment is used whole or not at all: iextp_parse() walks over every message before it says yes.
 * So a broken copy takes no number away from the good one on the other line, and iextp_next() has
 * nothing left to check. Bytes after the payload are none of ours. A message may be empty; that is
 * for the decoder to refuse.
 */

#include "feed/framing.h"

#define IEXTP_HEADER_SIZE 40

enum {
        IEXTP_OK = 0,
        IEXTP_E_SHORT,    /* shorter than the header */
        IEXTP_E_VERSION,  /* another version than 1 */
        IEXTP_E_LENGTH,   /* the payload runs past the packet */
        IEXTP_E_MESSAGE,  /* a message runs past the payload */
        IEXTP_E_COUNT,    /* fewer or more messages than the header says */
        IEXTP_E_SEQUENCE, /* no number that a message can have */
        _IEXTP_E_N,
};

_Static_assert(_IEXTP_E_N <= FRAMING_CAUSES, "room for all causes");

extern const struct framing iextp_framing;

struct iextp {
        uint16_t protocol; /* of the messages: 0x8003 is TOPS 1.6 */
        uint16_t count;    /* messages; 0: a heartbeat */
        uint32_t channel;
        uint32_t session;
        uint64_t offset;   /* of the payload in the session's stream, bytes */
        uint64_t sequence; /* of the first message; the session's first is 1 */
        int64_t sent;      /* TIME */

        const uint8_t *rest; /* messages not yet taken; the packet's bytes */
        size_t size;         /* bytes of them */
};

struct iextp_message {
        const uint8_t *data;
        size_t size;
};

/* Reads and checks a whole segment. Returns IEXTP_OK, or IEXTP_E_... and leaves *segment unset. */
int iextp_parse(struct iextp *segment, const uint8_t *data, size_t size);

/* Takes the next message; false when there is none left. */
bool iextp_next(struct iextp *segment, struct iextp_message *message);

/* An IEXTP_E_... in words that do not change. */
const char *iextp_cause(int outcome);
