#pragma once

/*
 * The segment's life
 *
 *      footprint       how big it would be
 *      format          the daemon builds a new one: whole first, the magic last
 *      adopt           a daemon takes over what its predecessor left, and redoes the log: by its name,
 *                      or by descriptors that were handed on
 *      attach          anybody maps one, read-only, after looking at every number in its header
 *      detach          the mapping goes
 *      retire          the daemon says that nothing will come any more, and takes the name away
 *
 * One daemon at a time may write; shm/name.h says how.
 *
 * Functions that can fail for a reason worth a sentence take a `struct segment_why`, and leave that
 * sentence in it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/layout.h"
#include "shm/table.h"

struct segment_params {
        uint32_t instruments; /* capacity, 1 to SEGMENT_INSTRUMENTS_MAX */
        uint64_t journal; /* ticks, a power of two, SEGMENT_JOURNAL_MIN to SEGMENT_JOURNAL_MAX */
        uint32_t depth;   /* levels a side, 0 to DEPTH_MAX; 0: no depth section */
};

#define SEGMENT_INSTRUMENTS_MAX (UINT32_C(1) << 24)
#define SEGMENT_JOURNAL_MIN     (UINT64_C(1) << 6)
#define SEGMENT_JOURNAL_MAX     (UINT64_C(1) << 32)
#define SEGMENT_NAME_MAX        64

struct segment_why {
        char text[256];
};

/* A view of a mapped segment. Embedded in its owner; init with SEGMENT_INIT. */
struct segment {
        char name[SEGMENT_NAME_MAX]; /* "/mdshmd"; empty where it came by descriptor or file */
        int fd;                      /* read-write for the daemon, read-only for others; -1 */
        int lock_fd;                 /* the daemon's; -1 */
        size_t size;
        bool adopted;           /* what a predecessor left, not built afresh */
        bool inherited, locked; /* fd and lock_fd are a predecessor's own, that were handed on */

        struct shm_header *header; /* NULL: not mapped. Read-only memory unless we are the daemon */
        char *feeds;
        uint64_t feeds_count, feeds_stride;
        struct directory directory;
        struct table table;
        struct journal journal;
        struct depth depth; /* count 0: there is none */
        struct counters counters;
};

#define SEGMENT_INIT                                                                               \
        { .fd = -1, .lock_fd = -1 }

/* Bytes of a segment of that shape, 0 if there can be none. */
size_t segment_footprint(const struct segment_params *params);

/*
 * For the daemon: takes the lock, then adopts the object of that name when it fits `params`, else
 * builds a new one in its place. `name` begins with a slash and has no other. The caller then claims
 * its feeds and calls segment_publish().
 *
 * -EBUSY: another daemon has it. -EPERM: what stands there is not this user's. -ENOSPC: /dev/shm is too full. -EINVAL: bad name or shape.
 */
int segment_open(struct segment *segment, const char *name, const struct segment_params *params,
                 struct segment_why *why);

/*
 * The same for a daemon that was handed descriptors of its predecessor's segment and lock (-1: not), which
 * are the segment's from then on. That segment comes first, if its lock is the one of this name; whatever
 * else stands under the name is then ended and taken away. Without its lock it is not touched.
 */
int segment_inherit(struct segment *segment, const char *name, const struct segment_params *params,
                    int fd, int lock_fd, struct segment_why *why);

/* The index of the feed of that name, a new record where there was none; -ENOSPC. Its state becomes
 * FEED_DOWN, or FEED_RECOVERING where a predecessor had it alive. */
int64_t segment_claim_feed(struct segment *segment, const char *name, const char *source,
                           const char *protocol);

/* Says in the header that this daemon is at work, and stores the magic of a new segment. */
void segment_publish(struct segment *segment, const char *version, int64_t now);

/* For the daemon: a second, read-only descriptor of the segment, to hand out. Negative errno. */
int segment_open_readonly(const struct segment *segment);

/* Maps what `fd` refers to, read-only, and checks it; the descriptor remains the caller's. -EUCLEAN
 * and a reason where it is no segment that this code can read. */
int segment_attach(struct segment *segment, int fd, struct segment_why *why);

void segment_detach(struct segment *segment);

/* The daemon's clean end: STOPPED, no magic, no name. Then detaches. */
void segment_retire(struct segment *segment);

static inline struct shm_feed *segment_feed(const struct segment *segment, uint32_t feed) {
        return (struct shm_feed *)(void *)(segment->feeds + feed * segment->feeds_stride);
}

/* The number of the newest tick, 0: none yet. Whatever a spoilt segment says, there is a number after it. */
static inline uint64_t segment_newest(const struct segment *segment) {
        return atomic_load_explicit(&segment->header->newest, memory_order_acquire) & ~LINE_BUSY;
}
