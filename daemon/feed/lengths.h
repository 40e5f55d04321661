#pragma once

/*
 * The framing "file": nothing but messages, each after its length
 *
 * So Nasdaq keeps whole days of its feeds: the length in two bytes, big endian, then the message. There
 * is no session and there are no numbers, for nothing can be lost on the way. A piece of such a file is
 * a packet here; the source has cut it between two messages.
 */

#include "feed/framing.h"

enum {
        LENGTHS_OK = 0,
        LENGTHS_E_MESSAGE, /* a message runs past the piece */
        _LENGTHS_E_N,
};

_Static_assert(_LENGTHS_E_N <= FRAMING_CAUSES, "room for all causes");

extern const struct framing lengths_framing;
