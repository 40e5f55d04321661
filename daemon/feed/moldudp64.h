#pragma once

/*
 * MoldUDP64 1.00: the framing of Nasdaq's feeds
 *
 * A datagram begins with 20 bytes: the session (10 characters), the number of the first message, and
 * how many there are; then come the messages, each after its length. All numbers are big endian. A
 * datagram without messages is a heartbeat, and has the number of the next message. So has the one
 * with a count of 0xFFFF, which says that the session is over; it is sent for a while instead of
 * heartbeats, as long as messages can still be asked for.
 *
 * Who misses messages asks for them with a packet of the same 20 bytes, and gets a datagram like any
 * other back, from the asked server alone, with as many of them as fit into one.
 *
 * Characters of a session are letters, digits, spaces, and NUL in recordings that were made
 * anonymous: 64 in all, so that ten of them fit into 60 bits, with nothing lost. Such recordings also
 * have no sequence numbers: 0.
 */

#include "feed/framing.h"

#define MOLDUDP64_HEADER_SIZE  20
#define MOLDUDP64_SESSION_SIZE 10
#define MOLDUDP64_END          0xffff /* the count that ends a session */

enum {
        MOLDUDP64_OK = 0,
        MOLDUDP64_E_SHORT,    /* shorter than the header */
        MOLDUDP64_E_SESSION,  /* no id that a session can have */
        MOLDUDP64_E_MESSAGE,  /* a message runs past the packet */
        MOLDUDP64_E_COUNT,    /* fewer or more messages than the header says */
        MOLDUDP64_E_SEQUENCE, /* no number that a message can have */
        _MOLDUDP64_E_N,
};

_Static_assert(_MOLDUDP64_E_N <= FRAMING_CAUSES, "room for all causes");

extern const struct framing moldudp64_framing;

/* Ten characters as the number that stands for them, and back. False: other characters. */
bool moldudp64_pack(const uint8_t id[MOLDUDP64_SESSION_SIZE], uint64_t *session);
void moldudp64_unpack(uint64_t session, uint8_t id[MOLDUDP64_SESSION_SIZE]);
