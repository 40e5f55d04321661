#pragma once

/* Random numbers that are the same everywhere for the same seed (SplitMix64). Not for secrets. */

#include <stdbool.h>
#include <stdint.h>

struct random {
        uint64_t state;
};

static inline uint64_t random_next(struct random *random) {
        uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* 0 to n - 1; n is at least 1. */
static inline uint32_t random_below(struct random *random, uint32_t n) {
        return (uint32_t)((random_next(random) >> 32) * n >> 32);
}

static inline bool random_coin(struct random *random) {
        return random_next(random) >> 63;
}
