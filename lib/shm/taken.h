#pragma once

/*
 * What has been published of a publisher's ring
 *
 * A daemon may die between any two instructions, and each tick of a ring shall be published once. So this
 * stands in the record of its feed, which only daemons can write. Before one takes a batch from the ring, it
 * notes where in the ring the batch begins, and under which number of the journal its first tick will be
 * published: how far the journal has got then tells how many of the batch have been. A daemon that adopts
 * the segment settles that before it publishes anything, for afterwards the journal's number says nothing
 * of that batch any more.
 *
 * The ring is known by its id. Either it is handed on to the next daemon, or its publisher comes with it
 * and is given a new one, in which it is told how far the last one was taken (ring.h). The record goes over
 * to the new ring with the first batch that is taken of it. Before, the publisher may have to come
 * again, without having seen the new one; afterwards it has nothing to do with the last one.
 */

#include <stdatomic.h>
#include <stdint.h>

struct shm_taken {
        _Atomic uint64_t ring;          /* id of the ring; 0: nothing has been taken of any */
        _Atomic uint64_t ticks;         /* of it that have been published, but for these batches: */
        _Atomic uint64_t batch_tail[2]; /* number in the ring of the first tick */
        _Atomic uint64_t batch_seq[2];  /* its number in the journal; those of the others follow */
        _Atomic uint64_t batch_n[2];    /* ticks; 0: not in use. Batches take the two in turn */
};

_Static_assert(sizeof(struct shm_taken) == 64, "published layout");

/* That so many ticks of the ring have been published, and all that is noted is over. */
static inline void taken_set(struct shm_taken *taken, uint64_t ticks) {
        atomic_store_explicit(&taken->ticks, ticks, memory_order_release);
        for (unsigned i = 0; i < 2; i++)
                atomic_store_explicit(&taken->batch_n[i], 0, memory_order_release);
}

/* Before a batch of n ticks is taken of a ring, from its tick number `tail` on, of which the first will be
 * published under number `seq`; `turn` is 0 and 1 in turn. A note that is half-written says that it is not
 * there, and the other one is whole. */
static inline void taken_begin(struct shm_taken *taken, uint64_t ring, unsigned turn, uint64_t tail,
                               uint64_t seq, uint64_t n) {
        if (atomic_load_explicit(&taken->ring, memory_order_relaxed) != ring) {
                atomic_store_explicit(&taken->ring, 0, memory_order_release);
                taken_set(taken, tail);
                atomic_store_explicit(&taken->ring, ring, memory_order_release);
        }
        atomic_store_explicit(&taken->batch_n[turn & 1], 0, memory_order_release);
        atomic_store_explicit(&taken->batch_tail[turn & 1], tail, memory_order_release);
        atomic_store_explicit(&taken->batch_seq[turn & 1], seq, memory_order_release);
        atomic_store_explicit(&taken->batch_n[turn & 1], n, memory_order_release);
}

/* For a daemon whose predecessor's last tick was number `newest`, before it publishes one. */
static inline void taken_settle(struct shm_taken *taken, uint64_t newest) {
        uint64_t ticks = atomic_load_explicit(&taken->ticks, memory_order_acquire);

        for (unsigned i = 0; i < 2; i++) {
                uint64_t n = atomic_load_explicit(&taken->batch_n[i], memory_order_acquire);
                uint64_t seq = atomic_load_explicit(&taken->batch_seq[i], memory_order_relaxed);
                uint64_t published = newest < seq ? 0 : newest - seq + 1;
                uint64_t after = atomic_load_explicit(&taken->batch_tail[i], memory_order_relaxed) +
                                 (published < n ? published : n);

                if (n && (int64_t)(after - ticks) > 0)
                        ticks = after;
        }
        taken_set(taken, ticks);
}
