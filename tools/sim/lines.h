#pragma once

/*
 * The lines that packets go out on, and what happens to them on the way
 *
 * Every packet goes out on line A, and on line B where there is one. Each line loses some, doubles some,
 * lets some be overtaken, and is late by a time of its own: by chance, but the same for the same seed, and
 * one line's independent of the other's. What was lost on all lines is known.
 *
 * Time is the schedule's: nanoseconds since the start. With sockets it is waited for; without (what is sent
 * goes into a capture alone) it passes by itself.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/capture.h"
#include "sim/queue.h"
#include "sim/random.h"
#include "sim/sender.h"

enum {
        LINE_A,
        LINE_B,
        LINES,
};

struct line_faults {
        uint32_t loss, duplicates, reorder; /* of LINE_ALL packets */
        int64_t delay;                      /* ns */
};

#define LINE_ALL 1000000

struct line {
        bool there;
        struct line_faults faults;
        struct random random;
        struct sender sender;
        struct queue queue;
        uint64_t sent, lost, doubled, overtaken; /* packets */
};

struct lines {
        struct line line[LINES];
        struct capture capture;
        bool live;           /* they have sockets */
        int64_t began;       /* CLOCK_MONOTONIC; the start of the schedule */
        int64_t stamp;       /* the same, in ns since the epoch, for the capture */
        int64_t passed;      /* of the schedule: what was due by then has gone out */
        int (*idle)(void *); /* what to do besides while waiting: looks at `idle_fd` */
        void *userdata;
        int idle_fd; /* -1: nothing */
};

/* Sets the chances of each line apart. */
void lines_seed(struct lines *lines, uint64_t seed);
void lines_deinit(struct lines *lines);

/* Nanoseconds since the start, by the clock. */
int64_t lines_clock(const struct lines *lines);

/* Sends a packet that is due at `now`, or that should have been, and whatever is due before. Returns 1 if no line will bring it,
 * else 0; negative errno with a sentence on stderr. */
int lines_send(struct lines *lines, int64_t now, const uint8_t *data, size_t size);

/* Lets time pass until then, while what is due goes out; less when *stopped becomes true. */
int lines_wait(struct lines *lines, int64_t until, const volatile sig_atomic_t *stopped);

/* Waits until all has gone out. */
int lines_drain(struct lines *lines, int64_t now, const volatile sig_atomic_t *stopped);
