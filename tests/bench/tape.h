#pragma once

/* A feed in memory: packets that are read or made once, and walked as often as one likes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct framing;

struct tape {
        const struct framing *framing;
        struct packet *packets;
        uint64_t n_packets;
        uint64_t messages; /* in those that are sound */
        uint8_t *bytes;    /* of all packets */
        size_t size;
        uint64_t room[2]; /* for packets, and for bytes */
};

/* Reads a capture of IEX-TP, or so many packets of it; 0: all. Negative errno, with a sentence on
 * stderr. */
int tape_init(struct tape *tape, const char *path, uint64_t most);

/* Reads a file of messages as Nasdaq publishes them, and frames them as MoldUDP64. The same. */
int tape_init_file(struct tape *tape, const char *path);

/* A tape to put messages on, which come as MoldUDP64. -ENOMEM. */
void tape_begin(struct tape *tape);
int tape_put(struct tape *tape, const void *message, size_t size);
void tape_end(struct tape *tape);

void tape_deinit(struct tape *tape);
