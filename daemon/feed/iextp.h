#pragma once

/*
 * IEX-TP 1.25: the framing of IEX's feeds
 *
 * A datagram holds one segment: a header of 40 bytes, then messages, each after its length. All
 * numbers are little endian. A segment without messages is a heartbeat: its sequence number is that
 * of the next message to come. Lines A and B carry the same messages under the same numbers, but need
 * not cut them into segments alike.
 *
 * Who misses messages asks a Gap Fill Server for them, and gets segments like any other back, alone:
 *
 *      0  version     1  what the ranges are of (1: messages)     2  protocol     4  channel
 *      8  session    12  ranges     16  the first message's number     24  the last one's
 *
 * Sessions are told apart by channel and session together.
 *
 * Bytes after the payload are none of ours. A message may be empty; that is for the decoder to refuse.
 */

#include "feed/framing.h"

#define IEXTP_HEADER_SIZE 40
#define IEXTP_REQUEST_MAX 1000 /* messages that are asked for at once: servers have a limit */

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
