#pragma once

/*
 * The depth: the best levels of each instrument, both sides
 *
 * What a tick is too small for. Per instrument there is one record: a word, the latch, and behind it two
 * copies of the levels, written in turn. The latch counts the writes that are finished, so the newest
 * whole copy is the one at latch mod 2, and the writer is always in the other:
 *
 *      writer                                  reader
 *      release fence                           l = latch                 (acquire)
 *      words of copy (latch + 1) mod 2         words of copy l mod 2     (relaxed)
 *                            (relaxed)         acquire fence
 *      latch = latch + 1     (release)         latch still l?            (acquire)
 *
 * A reader that finds l at both looks has a whole copy. For what could have been written over it is
 * write l + 2, and that comes after the store of l + 1: if the reader has seen one word of it, the
 * two fences pair, and the second look sees l + 1 or more. And the first look is an acquire, so every
 * word of write l is there.
 *
 * No reader ever waits. A round fails only if the writer has finished a write meanwhile; a writer that
 * is stopped or killed within a write leaves the latch, and with it a whole copy, as they were. Its
 * successor begins the same copy again. A reader that is overtaken round after round gives up, and says
 * so: no latch, however spoilt, holds it.
 *
 * Depth is written at the end of a burst: what happened to a book within it is shown at once.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/tick.h"

#define DEPTH_MAX    64 /* levels a side */
#define DEPTH_ROUNDS 64 /* in which a reader tries for a whole copy */

struct shm_depth_level {
        _Atomic int64_t px;      /* PRICE */
        _Atomic int64_t sz;      /* SIZE */
        _Atomic uint64_t orders; /* 0: the venue does not speak of orders */
};

/* One copy: this, then the bids and then the offers, the best of each first, as many as there are and the
 * section has room for. The offers begin where the last of the bids would end. */
struct shm_depth_copy {
        _Atomic uint64_t seq;        /* number of the newest tick of all when it was made */
        _Atomic int64_t ts_event;    /* TIME of the newest change of the book */
        _Atomic uint64_t flags;      /* MD_FLAG_... */
        _Atomic uint64_t bid_levels; /* of the book, however many are here */
        _Atomic uint64_t ask_levels;
        _Atomic uint64_t orders; /* on all levels */
        char unused[16];         /* zero */
};

/* A record begins with this; its two copies follow. */
struct shm_depth {
        _Atomic uint64_t latch; /* writes finished */
        char unused[56];        /* zero */
};

_Static_assert(sizeof(struct shm_depth_level) == 24, "published layout");
_Static_assert(sizeof(struct shm_depth_copy) == 64, "published layout");
_Static_assert(sizeof(struct shm_depth) == 64, "published layout");

/* The same in anybody's own memory. */
struct depth_image {
        uint64_t seq;
        int64_t ts_event;
        uint64_t flags, bid_levels, ask_levels, orders;
        struct md_level bid[DEPTH_MAX], ask[DEPTH_MAX];
};

/* A view of the section. */
struct depth {
        char *base;
        uint64_t count;  /* instruments; 0: there is no such section */
        uint64_t stride; /* bytes per instrument; at least depth_stride(levels) */
        uint32_t levels; /* a side */
};

/* Bytes of one copy, whole cache lines. */
static inline uint64_t depth_copy_size(uint32_t levels) {
        uint64_t size = sizeof(struct shm_depth_copy) + 2 * levels * sizeof(struct shm_depth_level);

        return (size + 63) / 64 * 64;
}

static inline uint64_t depth_stride(uint32_t levels) {
        return sizeof(struct shm_depth) + 2 * depth_copy_size(levels);
}

static inline struct shm_depth *depth_record(const struct depth *depth, uint32_t instrument) {
        return (struct shm_depth *)(void *)(depth->base + instrument * depth->stride);
}

static inline struct shm_depth_copy *depth_copy(const struct depth *depth, struct shm_depth *record,
                                                uint64_t latch) {
        return (struct shm_depth_copy *)(void *)((char *)(record + 1) +
                                                 (latch & 1) * depth_copy_size(depth->levels));
}

/* How many of a side's levels are in a copy. */
static inline uint32_t depth_shown(const struct depth *depth, uint64_t levels) {
        return levels < depth->levels ? (uint32_t)levels : depth->levels;
}

/* ---- writing ---- */

static inline void depth_write_levels(struct shm_depth_level *to, const struct md_level *from,
                                      uint32_t n) {
        for (uint32_t i = 0; i < n; i++) {
                atomic_store_explicit(&to[i].px, from[i].px, memory_order_relaxed);
                atomic_store_explicit(&to[i].sz, from[i].sz, memory_order_relaxed);
                atomic_store_explicit(&to[i].orders, from[i].orders, memory_order_relaxed);
        }
}

/* Only the daemon may. The image holds as many levels a side as the book and the section have. */
static inline void depth_write(struct depth *depth, uint32_t instrument,
                               const struct depth_image *image) {
        struct shm_depth *record = depth_record(depth, instrument);
        uint64_t next = atomic_load_explicit(&record->latch, memory_order_relaxed) + 1;
        struct shm_depth_copy *copy = depth_copy(depth, record, next);
        struct shm_depth_level *levels = (struct shm_depth_level *)(copy + 1);

        atomic_thread_fence(memory_order_release);
        atomic_store_explicit(&copy->seq, image->seq, memory_order_relaxed);
        atomic_store_explicit(&copy->ts_event, image->ts_event, memory_order_relaxed);
        atomic_store_explicit(&copy->flags, image->flags, memory_order_relaxed);
        atomic_store_explicit(&copy->bid_levels, image->bid_levels, memory_order_relaxed);
        atomic_store_explicit(&copy->ask_levels, image->ask_levels, memory_order_relaxed);
        atomic_store_explicit(&copy->orders, image->orders, memory_order_relaxed);
        depth_write_levels(levels, image->bid, depth_shown(depth, image->bid_levels));
        depth_write_levels(levels + depth->levels, image->ask,
                           depth_shown(depth, image->ask_levels));
        atomic_store_explicit(&record->latch, next, memory_order_release);
}

/* ---- reading ---- */

static inline void depth_read_levels(struct md_level *to, const struct shm_depth_level *from,
                                     uint32_t n) {
        for (uint32_t i = 0; i < n; i++) {
                to[i].px = atomic_load_explicit(&from[i].px, memory_order_relaxed);
                to[i].sz = atomic_load_explicit(&from[i].sz, memory_order_relaxed);
                to[i].orders = atomic_load_explicit(&from[i].orders, memory_order_relaxed);
        }
}

static inline void depth_read_copy(const struct depth *depth, struct shm_depth *record,
                                   uint64_t latch, struct depth_image *image) {
        const struct shm_depth_copy *copy = depth_copy(depth, record, latch);
        const struct shm_depth_level *levels = (const struct shm_depth_level *)(copy + 1);

        image->seq = atomic_load_explicit(&copy->seq, memory_order_relaxed);
        image->ts_event = atomic_load_explicit(&copy->ts_event, memory_order_relaxed);
        image->flags = atomic_load_explicit(&copy->flags, memory_order_relaxed);
        image->bid_levels = atomic_load_explicit(&copy->bid_levels, memory_order_relaxed);
        image->ask_levels = atomic_load_explicit(&copy->ask_levels, memory_order_relaxed);
        image->orders = atomic_load_explicit(&copy->orders, memory_order_relaxed);
        depth_read_levels(image->bid, levels, depth_shown(depth, image->bid_levels));
        depth_read_levels(image->ask, levels + depth->levels,
                          depth_shown(depth, image->ask_levels));
}

/* The newest whole copy of an instrument that is inside the section: 1, or 0 where none was written yet.
 * -EAGAIN: the writer was faster in every round. */
static inline int depth_read(const struct depth *depth, uint32_t instrument,
                             struct depth_image *image) {
        struct shm_depth *record = depth_record(depth, instrument);
        uint64_t latch = atomic_load_explicit(&record->latch, memory_order_acquire), before;

        if (!latch)
                return 0;
        for (unsigned round = 0; round < DEPTH_ROUNDS; round++) {
                before = latch;
                depth_read_copy(depth, record, latch, image);
                atomic_thread_fence(memory_order_acquire);
                latch = atomic_load_explicit(&record->latch, memory_order_acquire);
                if (latch == before)
                        return 1;
        }
        return -EAGAIN;
}
