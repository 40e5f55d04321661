#pragma once

/* Words for trials of the arbiter: its lines, packets made on the spot, and a session under way. */

#include "arbiter-try.h"

#define A ARBITER_LINE_A
#define B ARBITER_LINE_B
#define R ARBITER_LINE_RECOVERY

/* The lines once more, for a packet made on the spot. */
#define send(trial, line, ...)                                                                     \
        do {                                                                                       \
                const struct sent sent_ = sends((trial), __VA_ARGS__);                             \
                arrives((trial), (line), &sent_);                                                  \
        } while (0)

#define send_by(trial, line, ...)                                                                  \
        do {                                                                                       \
                const struct sent sent_ = sends_by((trial), __VA_ARGS__);                          \
                arrives((trial), (line), &sent_);                                                  \
        } while (0)

/* In the midst of a session: 100 comes next, and both lines are there. */
static inline void run_to_100(struct trial *trial, int64_t recovery) {
        struct sent begin;

        trial_init(trial, HOLE, recovery, WINDOW_MIN);
        for (unsigned i = 0; i < 3; i++) {
                begin = sends(trial, 1 + 33 * i, 33);
                arrives(trial, A, &begin);
                arrives(trial, B, &begin);
        }
        assert_int_equal(trial->next, 100);
        assert_int_equal(trial->joined, 1);
}

#define assert_quiet(trial)                                                                        \
        do {                                                                                       \
                assert_int_equal((trial)->gaps, 0);                                                \
                assert_int_equal((trial)->resets, 0);                                              \
                assert_int_equal((trial)->arbiter.strangers, 0);                                   \
        } while (0)
