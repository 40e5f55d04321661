#pragma once

/*
 * The counters: every figure that a monitor shows
 *
 * A counter is a number with an id and a label, on a cache line of its own. The label is written
 * before the id (release), so whoever sees an id sees its label; ids are never taken back. The
 * fixed counters of the daemon come first, from the table below; each feed then adds its own, for
 * message types and causes of refusal.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COUNTERS_PER_FEED  96
#define COUNTER_LABEL_SIZE 44
#define COUNTER_FEED_NONE  UINT32_MAX

/* COUNTER(NAME, label) */
#define COUNTERS(COUNTER)                                                                          \
        COUNTER(TICKS, "ticks published")                                                          \
        COUNTER(BURSTS, "bursts flushed")                                                          \
        COUNTER(WAKES, "clients woken")                                                            \
        COUNTER(INSTRUMENTS_REFUSED, "instruments refused: directory full")                        \
        COUNTER(CLIENTS_ACCEPTED, "clients accepted")                                              \
        COUNTER(CLIENTS_REFUSED_ACCESS, "clients refused: not permitted")                          \
        COUNTER(CLIENTS_REFUSED_LIMIT, "clients refused: too many")                                \
        COUNTER(CLIENTS_REFUSED_VERSION, "clients refused: protocol version")                      \
        COUNTER(CLIENTS_CLOSED_PROTOCOL, "clients closed: broke the protocol")                     \
        COUNTER(CLIENTS_CLOSED_TIMEOUT, "clients closed: said nothing")                            \
        COUNTER(CLIENTS_LEFT, "clients left")                                                      \
        COUNTER(LOG_SUPPRESSED, "log lines held back")

#define COUNTER_ENUM_(NAME, label) COUNTER_##NAME,
enum { COUNTERS(COUNTER_ENUM_) _COUNTERS_N };
#undef COUNTER_ENUM_

struct shm_counter {
        _Atomic uint64_t value;
        _Atomic uint32_t id;            /* 0: not in use; fixed counters: COUNTER_... + 1 */
        uint32_t feed;                  /* index of the feed, or COUNTER_FEED_NONE */
        char label[COUNTER_LABEL_SIZE]; /* NUL-terminated */
        char unused[4];                 /* zero */
};

_Static_assert(sizeof(struct shm_counter) == 64, "a cache line");
_Static_assert(offsetof(struct shm_counter, label) == 16, "published layout");

/* A view of them; `used` is the daemon's. */
struct counters {
        struct shm_counter *base;
        uint32_t capacity;
        uint32_t used;
};

static inline void counter_add(struct shm_counter *counter, uint64_t n) {
        /* one writer: no need for an atomic read-modify-write */
        atomic_store_explicit(&counter->value,
                              atomic_load_explicit(&counter->value, memory_order_relaxed) + n,
                              memory_order_relaxed);
}

static inline uint64_t counter_get(const struct shm_counter *counter) {
        return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* Adds a counter; NULL when there is no room. `feed` is COUNTER_FEED_NONE for the daemon's own. A
 * counter of the same feed and label that is there already is returned as it stands. */
static inline struct shm_counter *counters_add(struct counters *counters, uint32_t feed,
                                               const char *label) {
        struct shm_counter *counter;

        for (uint32_t i = 0; i < counters->used; i++) {
                counter = &counters->base[i];
                if (counter->feed == feed &&
                    !strncmp(counter->label, label, COUNTER_LABEL_SIZE - 1))
                        return counter;
        }
        if (counters->used == counters->capacity)
                return NULL;

        counter = &counters->base[counters->used++];
        counter->feed = feed;
        memcpy(counter->label, label, strnlen(label, COUNTER_LABEL_SIZE - 1));
        atomic_store_explicit(&counter->id, counters->used, memory_order_release);
        return counter;
}
