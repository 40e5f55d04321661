#pragma once

/*
 * The control page: what one client and the daemon say to each other without a system call
 *
 * A memfd of its own per client, sealed against shrinking and growing, mapped by that client and by
 * the daemon and by nobody else. The client may fill it with noise: the daemon takes nothing from it
 * as more than a wish, never uses a number in it as an index or a size, and reads each word once.
 *
 * The wake handshake. A client that has read everything and wants to sleep, and the notifier that
 * has just published a burst:
 *
 *      client                                  notifier
 *      armed = 1                               the journal's new lines
 *      full fence                              full fence
 *      look at the journal once more           armed?
 *      poll the wake socket                    armed = 0, write to the wake socket
 *
 * Both store first and look second, with a full fence between. So it cannot be that the client
 * misses the burst and the notifier misses the arming: one of them sees the other, and no wake is
 * lost. That both do costs one needless wake, which is harmless: the wake is a hint, the numbers in
 * the journal are the truth.
 *
 * Disarming before writing keeps it to one system call per sleep, whatever the rate of ticks.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control {
        /* The client's, read by the notifier after each burst. */
        _Atomic uint32_t armed; /* 1: wake me when something of interest is published */
        _Atomic uint32_t all;   /* 1: everything is of interest, whatever the bitmap says */
        _Atomic uint32_t kinds; /* bit k: ticks of kind k are of interest */
        _Atomic uint32_t
                growth;   /* 1: a new instrument is of interest: it may fit one of my patterns */
        char unused0[48]; /* zero */

        /* The client's, so that anybody can see who lags. */
        _Atomic uint64_t cursor; /* number of the next tick it wants to read */
        _Atomic uint64_t ticks;  /* taken */
        _Atomic uint64_t merged; /* passed over because a newer one replaced them */
        _Atomic uint64_t missed; /* overwritten before it came */
        _Atomic uint64_t laps;   /* times that it was lapped */
        _Atomic uint64_t sleeps; /* times that it armed itself */
        char unused1[16];        /* zero */

        /* The daemon's. */
        _Atomic uint64_t wakes; /* bytes written to this client's socket */
        char unused2[56];       /* zero */

        /* The client's: bit i % 64 of word i / 64 is instrument i. */
        _Atomic uint64_t interest[];
};

_Static_assert(offsetof(struct control, cursor) == 64, "its own cache line");
_Static_assert(offsetof(struct control, wakes) == 128, "its own cache line");
_Static_assert(offsetof(struct control, interest) == 192, "part of the protocol");

/* Bytes of a control page for that many instruments. */
static inline size_t control_size(uint32_t instruments) {
        return sizeof(struct control) + ((size_t)instruments + 63) / 64 * sizeof(uint64_t);
}

static inline void control_interest_set(struct control *control, uint32_t instrument, bool on) {
        _Atomic uint64_t *word = &control->interest[instrument / 64];
        uint64_t bit = UINT64_C(1) << (instrument % 64);
        uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

        atomic_store_explicit(word, on ? old | bit : old & ~bit, memory_order_relaxed);
}

static inline bool control_interest_get(const struct control *control, uint32_t instrument) {
        uint64_t word =
                atomic_load_explicit(&control->interest[instrument / 64], memory_order_relaxed);

        return word >> (instrument % 64) & 1;
}

/* The client's half: afterwards it looks at the journal once more, and sleeps if nothing is there. */
static inline void control_arm(struct control *control) {
        atomic_store_explicit(&control->armed, 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
}

static inline void control_disarm(struct control *control) {
        atomic_store_explicit(&control->armed, 0, memory_order_relaxed);
}

/* The notifier's half, after its own full fence (one for all clients). */
static inline bool control_armed(const struct control *control) {
        return atomic_load_explicit(&control->armed, memory_order_relaxed) == 1;
}

static inline bool control_growth(const struct control *control) {
        return atomic_load_explicit(&control->growth, memory_order_relaxed) == 1;
}
