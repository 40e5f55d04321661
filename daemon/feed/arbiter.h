#pragma once

/*
 * The arbiter: which messages of a packet are new
 *
 * A venue numbers the messages of a session 1, 2, 3, ..., and says in each packet the number of the
 * first that it holds. The arbiter knows the number that must come next, and so tells for each packet
 * how much of it came before, and how much is missing in front of it.
 *
 * A session that begins afresh falls back to 1, often under the same id, and so looks like a late
 * copy of its own first packets. Two things tell them apart:
 *
 *   - A venue sends in order. A packet that was sent after the newest one and yet has a lower number
 *     is no copy. (One such packet may be another sender's, if two were led into one line; so only
 *     number 1 is believed at once, and any other number when ARBITER_DOUBT of them come in a row.)
 *   - No copy is late by more than ARBITER_LATE packets. This one holds for protocols and replays
 *     whose packets do not say when they were sent, or not the truth.
 *
 * So even a line that loses the first packets after a restart finds its way back, and a single
 * packet with a wild number cannot silence it for good.
 */

#include <stdbool.h>
#include <stdint.h>

#define ARBITER_LATE  4096
#define ARBITER_DOUBT 16

/* What the framing says of a packet. */
struct arbiter_packet {
        uint64_t session; /* the same for the same session; whatever the protocol makes of it */
        uint64_t
                sequence; /* of its first message, 1 or more; of the next to come, if it has none */
        uint32_t count;   /* messages */
        int64_t sent;     /* TIME, by the venue's clock; 0: the protocol does not say */
};

enum {
        ARBITER_OK = 0,      /* it follows the last one; or overlaps it, see `skip` */
        ARBITER_E_BEGIN,     /* the first packet of all; `missed` came before we did */
        ARBITER_E_GAP,       /* `missed` messages are lost */
        ARBITER_E_DUPLICATE, /* all of it came before */
        ARBITER_E_RESET,     /* of a session that began afresh; `missed` messages of it are lost */
};

struct arbiter_verdict {
        uint64_t missed; /* messages between the last one and this packet's first */
        uint32_t skip;   /* leading messages of this packet that came before */
};

struct arbiter {
        bool begun;
        uint64_t session;
        uint64_t before;  /* the session before this one; itself, if there was none */
        uint64_t next;    /* number of the next message */
        int64_t sent;     /* the newest packet's */
        uint32_t carried; /* packets since the session left its first number, up to ARBITER_LATE */
        uint32_t older;   /* packets with nothing new since the newest one */
        uint32_t doubted; /* of these, sent after it */
};

/* Everything before is forgotten. */
void arbiter_init(struct arbiter *arbiter);

/* Takes a packet's numbers, in the order of arrival. Returns ARBITER_OK or ARBITER_E_...; *verdict
 * is always set. */
int arbiter_accept(struct arbiter *arbiter, const struct arbiter_packet *packet,
                   struct arbiter_verdict *verdict);
