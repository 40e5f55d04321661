#pragma once

/*
 * What was sent, to be sent again
 *
 * The newest packets of a session, as many as fit into a ring of bytes; older ones are gone. Whoever asks
 * for messages gets a packet with as many of them as fit into one.
 */

#include "sim/packet.h"

#define STORE_BYTES   (64u << 20)
#define STORE_PACKETS (1u << 17)

struct store_packet {
        uint64_t sequence;
        uint32_t at; /* in the ring */
        uint16_t size, count;
};

struct store {
        uint8_t *bytes;
        struct store_packet *packets; /* a ring, too: number n is at n % STORE_PACKETS */
        uint64_t first, next;         /* of them */
        uint32_t head;                /* where the next one's bytes go */
};

/* -ENOMEM. */
int store_init(struct store *store);
void store_deinit(struct store *store);

/* A session begins afresh. */
void store_clear(struct store *store);

/* Keeps a packet that begins with that number, header and all. */
void store_put(struct store *store, uint64_t sequence, uint16_t count, const uint8_t *data,
               size_t size);

/* Writes a packet with up to `n` messages from that number on, and returns its size; 0: they are not
 * here. `writer` knows session and transport. */
size_t store_answer(const struct store *store, const struct packet_writer *writer,
                    uint64_t sequence, uint64_t n, struct packet_writer *answer);
