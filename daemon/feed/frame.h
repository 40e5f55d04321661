#pragma once

/*
 * A recorded frame: from the link layer down to the payload of UDP
 *
 * A recording may hold less of a frame than there was on the wire. Lengths are checked against the
 * wire, bytes are read only where they were recorded: a payload that lost its end is handed on as
 * `cut`, a header that did is refused. Checksums are not looked at, since network cards fill them in
 * after a recording on the sending host has been made. Fragments are not put together again: no
 * venue sends any.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        FRAME_OK = 0,
        FRAME_E_LINK,     /* of a link layer that we do not know */
        FRAME_E_NOT_IP,   /* ARP, spanning tree, ... */
        FRAME_E_NOT_UDP,  /* TCP, IGMP, ... */
        FRAME_E_FRAGMENT, /* of an IP packet */
        FRAME_E_CUT,      /* recorded too short, before the payload begins */
        FRAME_E_LENGTH,   /* a length in it runs past the frame, or says less than its own header */
        FRAME_E_VERSION,  /* IP of another version than the link layer says */
        _FRAME_E_N,
};

struct frame {
        const uint8_t *to; /* address that it was sent to, in the network's order, */
        size_t to_size;    /* and its size, which tells the version of IP */
        uint16_t to_port;
        const uint8_t *payload;
        size_t size; /* bytes of it that are here */
        bool cut;    /* there were more */
};

/* Whether frames of that link layer (a DLT_... of libpcap) can be read at all. */
bool frame_knows(int link);

/*
 * Finds the payload in a frame of which `captured` bytes are at `data`, and which had `length` bytes.
 * Returns FRAME_OK, or FRAME_E_... and leaves *frame unset.
 */
int frame_parse(struct frame *frame, int link, const uint8_t *data, size_t captured, size_t length);

/* A FRAME_E_... in words that do not change. */
const char *frame_cause(int outcome);
