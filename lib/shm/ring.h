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
 * A ring may outlive its daemon, which may die between any two instructions, and the next one shall publish
 * each tick once. So before it takes a batch, the daemon notes where in the ring it begins, and under which
 * number of the journal its first tick will be published. How far the journal has got then tells how
 * many of the batch have been. A publisher that writes to these words makes its own ticks come twice, or
 * not at all.
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
        /* Batches that it was about to publish, written in turn; for its successor. */
        _Atomic uint64_t batch_tail[2]; /* of the first tick */
        _Atomic uint64_t batch_seq[2];  /* its number in the journal; those of the others follow */
        _Atomic uint64_t batch_n[2];    /* ticks; 0: not in use */

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

/* ---- the daemon's side; `size` and `tail` are its own copies ---- */

/* Ticks that are there, or -1 where the publisher's head cannot be true. */
static inline int64_t ring_pending(const struct ring *ring, uint32_t size, uint64_t tail) {
        uint64_t n = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;

        return n <= size ? (int64_t)n : -1;
}

/* Before a batch of n ticks is taken, of which the first will be published under number `seq`; `turn` is 0
 * and 1 in turn. A note that is half-written says that it is not there, and the other one is whole. */
static inline void ring_begin(struct ring *ring, unsigned turn, uint64_t tail, uint64_t seq,
                              uint64_t n) {
        atomic_store_explicit(&ring->batch_n[turn & 1], 0, memory_order_relaxed);
        atomic_store_explicit(&ring->batch_tail[turn & 1], tail, memory_order_release);
        atomic_store_explicit(&ring->batch_seq[turn & 1], seq, memory_order_release);
        atomic_store_explicit(&ring->batch_n[turn & 1], n, memory_order_release);
}

/* The tail at which a daemon goes on whose predecessor's last tick was number `newest`. */
static inline uint64_t ring_resume(const struct ring *ring, uint64_t newest) {
        uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

        for (unsigned i = 0; i < 2; i++) {
                uint64_t n = atomic_load_explicit(&ring->batch_n[i], memory_order_acquire);
                uint64_t seq = atomic_load_explicit(&ring->batch_seq[i], memory_order_relaxed);
                uint64_t published = newest < seq ? 0 : newest - seq + 1;
                uint64_t after = atomic_load_explicit(&ring->batch_tail[i], memory_order_relaxed) +
                                 (published < n ? published : n);

                if (n && (int64_t)(after - tail) > 0)
                        tail = after;
        }
        return tail;
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
