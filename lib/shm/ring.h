#pragma once

/*
 * The ring: ticks from one publisher to the daemon
 *
 * A memfd, sealed against shrinking and growing, mapped by that publisher and by the daemon. One side
 * writes ticks and moves the head, the other reads them and moves the tail; both only ever grow, and
 * the tick number i stands in slot i mod size. The daemon trusts nothing in here: it keeps its own
 * tail, copies a tick before it looks at it, and ends the connection of a publisher whose head is
 * behind the tail or more than a ring ahead of it. What a publisher killed half-way leaves behind its
 * head was never published.
 *
 * Neither side makes a system call while the other is awake. To sleep, the daemon sets `dozing`, fences,
 * and looks once more; the publisher moves the head, fences, and looks at `dozing`. As in control.h,
 * one of the two sees the other. A publisher that finds the ring full may do the same the other way
 * round with `waiting`, and is woken when half of the ring is free again.
 *
 * A ring may outlive its daemon, and the next one shall publish each tick once. taken.h tells how that is
 * known. Where no daemon has the old ring, its publisher learns from the new one what was published of it. A
 * publisher that writes to these words makes its own ticks come twice, or not at all.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/line.h"

#define RING_SIZE_MIN (UINT32_C(1) << 6)
#define RING_SIZE_MAX (UINT32_C(1) << 24)

struct ring {
        /* The publisher's. */
        _Atomic uint64_t head;    /* ticks written since the start */
        _Atomic uint32_t waiting; /* 1: wake me when there is room */
        char unused0[52];         /* zero */

        /* The daemon's. */
        _Atomic uint64_t tail;   /* ticks taken since the start */
        _Atomic uint32_t dozing; /* 1: ring the doorbell when there is something */
        uint32_t size;           /* slots, a power of two; for the publisher to read once */
        /* Written before the publisher is given it. */
        uint64_t id; /* random, not 0 */
        uint64_t
                last_id; /* of the last ring of which ticks of this feed were taken; 0: not known */
        uint64_t last_taken; /* ticks that were published of that one */
        char unused1[24];    /* zero */

        struct line slots[];
};

_Static_assert(offsetof(struct ring, tail) == 64, "its own cache line");
_Static_assert(offsetof(struct ring, slots) == 128, "part of the protocol");

static inline size_t ring_bytes(uint32_t size) {
        return sizeof(struct ring) + (size_t)size * sizeof(struct line);
}

/* ---- the publisher's side; `size` and `head` are its own copies ---- */

/* Slots that are free, as far as is known now. */
static inline uint64_t ring_room(const struct ring *ring, uint32_t size, uint64_t head) {
        return size - (head - atomic_load_explicit(&ring->tail, memory_order_acquire));
}

/* Writes tick number `head`, for which there is room. */
static inline void ring_put(struct ring *ring, uint32_t size, uint64_t head,
                            const struct md_tick *tick) {
        struct line *slot = &ring->slots[head & (size - 1)];
        uint64_t word[LINE_WORDS];

        memcpy(word, tick, sizeof(word));
        for (unsigned i = 0; i < LINE_WORDS; i++)
                atomic_store_explicit(&slot->word[i], word[i], memory_order_relaxed);
        atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

/* After one or more puts: true when the daemon sleeps and wants its doorbell rung, once. */
static inline bool ring_must_knock(struct ring *ring) {
        atomic_thread_fence(memory_order_seq_cst);
        return atomic_load_explicit(&ring->dozing, memory_order_relaxed) &&
               atomic_exchange_explicit(&ring->dozing, 0, memory_order_relaxed);
}

/* Before sleeping for want of room; afterwards it looks at ring_room() once more. */
static inline void ring_wait(struct ring *ring) {
        atomic_store_explicit(&ring->waiting, 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
}

/* Looks in the new ring for what has been published of the last one, whose daemon may have died before it
 * could say so there. `head` is the last one's. */
static inline void ring_learn(struct ring *last, uint64_t head, const struct ring *fresh) {
        uint64_t tail = atomic_load_explicit(&last->tail, memory_order_acquire);

        if (fresh->last_id == last->id && fresh->last_taken - tail <= head - tail)
                atomic_store_explicit(&last->tail, fresh->last_taken, memory_order_relaxed);
}

/* ---- the daemon's side; `size` and `tail` are its own copies ---- */

/* Ticks that are there, or -1 where the publisher's head cannot be true. */
static inline int64_t ring_pending(const struct ring *ring, uint32_t size, uint64_t tail) {
        uint64_t n = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;

        return n <= size ? (int64_t)n : -1;
}

/* Copies tick number `tail`. Whatever the publisher writes meanwhile, the copy stays as it is. */
static inline void ring_take(const struct ring *ring, uint32_t size, uint64_t tail,
                             struct md_tick *tick) {
        const struct line *slot = &ring->slots[tail & (size - 1)];
        uint64_t word[LINE_WORDS];

        for (unsigned i = 0; i < LINE_WORDS; i++)
                word[i] = atomic_load_explicit(&slot->word[i], memory_order_relaxed);
        memcpy(tick, word, sizeof(*tick));
}

/* Gives back all slots before `tail`: true when the publisher waits for room and half is free. */
static inline bool ring_release(struct ring *ring, uint32_t size, uint64_t tail) {
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
        atomic_thread_fence(memory_order_seq_cst); /* pairs with the one in ring_wait() */
        if (!atomic_load_explicit(&ring->waiting, memory_order_relaxed))
                return false;
        if (ring_pending(ring, size, tail) > (int64_t)(size / 2))
                return false;
        return atomic_exchange_explicit(&ring->waiting, 0, memory_order_relaxed) != 0;
}

/* Before sleeping: afterwards it looks at ring_pending() once more. */
static inline void ring_doze(struct ring *ring) {
        atomic_store_explicit(&ring->dozing, 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
}

static inline void ring_rouse(struct ring *ring) {
        atomic_store_explicit(&ring->dozing, 0, memory_order_relaxed);
}
