#pragma once

/*
 * The window: packets that came before their turn
 *
 * A packet whose first number is not the next one is kept here, as a copy, until those before it have
 * come or are given up. All memory is taken once:
 *
 *   - a ring of bytes, in which packets stand one after the other as they came. One that goes leaves
 *     its bytes behind until all that came before it are gone, too: nothing waits longer than a hole
 *     may stay open, so the ring turns.
 *   - an index by number, WINDOW_SPAN numbers wide: where the packet is that begins with that number,
 *     and one bit for each, so that the lowest is found by looking at whole words.
 *
 * So to put, to find a copy and to take the lowest cost the same whatever the order of arrival; what
 * does not fit is refused, and nothing that a line sends can make more of it.
 *
 * The packet that has been here longest stands at the end of the ring: it says since when the lowest
 * hole is known, for every packet here was sent after what is missing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "feed/framing.h"

#define WINDOW_SPAN       (UINT64_C(1) << 20) /* numbers, from the next one on */
#define WINDOW_PACKET_MAX 65535               /* bytes, as UDP has it */
#define WINDOW_MIN        (UINT64_C(1) << 18) /* bytes: room for the largest packet, twice */

/* What is kept of a packet; its data and messages are those of the copy. */
struct window_item {
        struct packet packet;
        struct framed framed;
};

struct window {
        uint8_t *ring;
        size_t size;       /* of the ring */
        size_t head, tail; /* where the next one goes, where the oldest is */
        size_t used;       /* bytes between them */

        uint32_t *slots;  /* by number: where its packet is in the ring, and 1 */
        uint64_t *marks;  /* by number: a bit where there is a packet */
        uint64_t lowest;  /* first number of the lowest packet */
        uint32_t packets; /* here */
};

enum {
        WINDOW_OK = 0,
        WINDOW_E_COPY, /* one with that number and as many messages is here */
        WINDOW_E_FULL, /* no room before others are gone */
};

/* A window with a ring of at least WINDOW_MIN bytes. -ENOMEM. */
int window_init(struct window *window, size_t bytes);
void window_deinit(struct window *window);

/* Keeps a copy of a packet whose number is less than WINDOW_SPAN above all that are here, and above the
 * number that all of them wait for. A packet with more messages takes the place of one with fewer. */
int window_put(struct window *window, const struct packet *packet, const struct framed *framed);

/* The lowest packet; there must be one. */
const struct window_item *window_peek(const struct window *window);

/* Takes it out; it can be read until the next window_put(). */
const struct window_item *window_take(struct window *window);

/* When the packet that has been here longest came (packet.now); there must be one. */
int64_t window_since(struct window *window);

/* Everything goes. */
void window_clear(struct window *window);

static inline bool window_is_empty(const struct window *window) {
        return !window->packets;
}
