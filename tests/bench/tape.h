#pragma once

/* A capture in memory: the packets of a recording, read once and walked as often as one likes. */

#include <stdint.h>

#include "event.h"

struct tape {
        struct packet *packets;
        uint64_t n_packets;
        uint64_t messages; /* in those that are sound IEX-TP */
        uint8_t *bytes;    /* of all packets */
};

/* Reads a capture. Negative errno, with a sentence on stderr. */
int tape_init(struct tape *tape, const char *path);
void tape_deinit(struct tape *tape);
