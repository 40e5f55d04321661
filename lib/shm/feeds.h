#pragma once

/*
 * The feeds: where the ticks come from, and how that goes
 *
 * One record per feed, found by its name and never taken back: a feed keeps its index, which its
 * instruments carry, whatever a later config says. The names are written before the state leaves
 * FEED_NONE (release); the rest by the writer, once per burst. Each word can be read by itself;
 * together they are a picture, not a cut.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/taken.h"

#define FEED_NAME_SIZE 32
#define FEED_LINES     2
#define FEEDS_MAX      64

enum {
        FEED_NONE,       /* a record that is not in use */
        FEED_DOWN,       /* no source, or none yet */
        FEED_RECOVERING, /* alive, but with something missing */
        FEED_LIVE,
        FEED_ENDED, /* a recording read to its end */
};

/* One of the two copies (A, B) in which a venue sends the same packets. */
struct shm_feed_line {
        _Atomic uint64_t packets;  /* arrived here */
        _Atomic uint64_t won;      /* packets that brought something new */
        _Atomic uint64_t lost;     /* that did not: the other line had, or a copy on this one */
        _Atomic uint64_t dropped;  /* by the kernel, for want of room */
        _Atomic uint64_t filled;   /* holes of the other line that this one filled */
        _Atomic int64_t lead_sum;  /* ns by which it was ahead, over all `led` */
        _Atomic int64_t last_recv; /* TIME of its last packet */
        _Atomic uint64_t led;      /* packets that both lines brought, and this one first */
};

struct shm_feed {
        char name[FEED_NAME_SIZE]; /* of the section [feed NAME] */
        char source[16];           /* "pcap", "udp", ... */
        char protocol[16];         /* "iex-tops", ... */

        _Atomic uint32_t state;      /* FEED_... */
        _Atomic uint32_t session;    /* the venue's session id, 0 where it has none */
        _Atomic uint64_t next;       /* sequence number of the next message expected */
        _Atomic uint64_t packets;    /* taken in, heartbeats and refused ones included */
        _Atomic uint64_t bytes;      /* their payload */
        _Atomic uint64_t heartbeats; /* packets without a message */
        _Atomic uint64_t messages;   /* taken in, each once */
        _Atomic uint64_t ticks;      /* published */
        _Atomic uint64_t bad; /* packets and messages that could not be used; causes: counters */

        _Atomic uint64_t gaps;        /* holes in the sequence, however long */
        _Atomic uint64_t missed;      /* messages that were in them */
        _Atomic uint64_t duplicates;  /* messages that had come before */
        _Atomic uint64_t resets;      /* sessions that began afresh */
        _Atomic int64_t last_recv;    /* TIME of the last packet's arrival */
        _Atomic int64_t last_event;   /* TIME of the last message, by the venue's clock */
        _Atomic uint64_t instruments; /* that it brought */
        _Atomic uint32_t lines;       /* that it comes on: 0 where its source has none, 1, 2 */
        char unused[4];               /* zero */

        struct shm_feed_line line[FEED_LINES];
        struct shm_taken taken; /* of its publisher's ring */
};

_Static_assert(offsetof(struct shm_feed, state) == 64, "its own cache line");
_Static_assert(offsetof(struct shm_feed, gaps) == 128, "published layout");
_Static_assert(offsetof(struct shm_feed, line) == 192, "published layout");
_Static_assert(offsetof(struct shm_feed, taken) == 320, "its own cache line");
_Static_assert(sizeof(struct shm_feed) == 384, "published layout");
