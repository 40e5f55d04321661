#pragma once

/*
 * Benchmarks: numbers beside yardsticks
 *
 * A number by itself says how good the machine is. So each thing measured here stands beside a
 * yardstick: the least that the hardware or the kernel asks for the same work. Both are measured in
 * the same run, by turns, round after round: what disturbs the one disturbs the other, and their
 * ratio holds where the numbers do not. What is printed are medians of the rounds, or the best
 * ones.
 *
 * A benchmark prints and never fails because something was slow.
 */

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/line.h"

#define BENCH_ROUNDS 21

/* Which time is measured, and which of the rounds counts: the time of the wall, and the median. */
static struct {
        clockid_t clock;
        double part;
} bench_way = { CLOCK_MONOTONIC, 0.5 };

/* For what only computes: the time of its own thread, and the best round. Other programs can make
 * it slower, and nothing makes it faster. */
static inline void bench_computes(void) {
        bench_way.clock = CLOCK_THREAD_CPUTIME_ID;
        bench_way.part = 0;
}

static inline int64_t bench_now(void) {
        struct timespec now;

        clock_gettime(bench_way.clock, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Whoever reads this has used what `p` points to, and may have changed anything: the compiler can
 * neither leave a computation out nor move it across. It costs no instruction. */
static inline void bench_keep(const void *p) {
        __asm__ volatile("" : : "r"(p) : "memory");
}

/* The next of a row of numbers without a pattern that hardware could foresee (xorshift64). */
static inline uint64_t bench_random(uint64_t *state) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

/* ---- processors ---- */

static inline unsigned bench_cpus(void) {
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (unsigned)CPU_COUNT(&set);
}

/* Keeps this thread and its children on the n-th processor of those that it may use, from 0. With
 * too few of them it stays free. */
static inline void bench_pin(const cpu_set_t *allowed, unsigned n) {
        cpu_set_t one;

        CPU_ZERO(&one);
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
                if (!CPU_ISSET(cpu, allowed) || n--)
                        continue;
                CPU_SET(cpu, &one);
                sched_setaffinity(0, sizeof(one), &one);
                return;
        }
}

/* ---- medians ---- */

static inline int bench_compare_(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

/* The value below which that part of them lies; sorts them. */
static inline double bench_quantile(double *values, size_t n, double part) {
        qsort(values, n, sizeof(*values), bench_compare_);
        return values[(size_t)(part * (double)(n - 1) + 0.5)];
}

/* ---- rounds ---- */

/* One of those that take turns. */
struct bench_contender {
        const char *name;
        void (*run)(void *userdata, uint64_t n); /* does it n times */
        void (*prepare)(void *userdata);         /* before each round, off the clock; or NULL */
        void *userdata;
        double ns; /* the result: nanoseconds for one time */
};

/* Nanoseconds for one time, out of n. */
static inline double bench_run_(struct bench_contender *contender, uint64_t n) {
        int64_t start;

        if (contender->prepare)
                contender->prepare(contender->userdata);
        start = bench_now();
        contender->run(contender->userdata, n);
        return (double)(bench_now() - start) / (double)n;
}

/* Each of them `n` times per round, and one round before that is not counted. */
static inline void bench_compete_for(unsigned rounds, struct bench_contender *contenders,
                                     size_t n_contenders, uint64_t n) {
        double *ns = calloc(n_contenders * rounds, sizeof(*ns));

        if (!ns)
                abort();
        for (size_t i = 0; i < n_contenders; i++)
                bench_run_(&contenders[i], n);
        for (unsigned round = 0; round < rounds; round++)
                for (size_t i = 0; i < n_contenders; i++)
                        ns[i * rounds + round] = bench_run_(&contenders[i], n);
        for (size_t i = 0; i < n_contenders; i++)
                contenders[i].ns = bench_quantile(ns + i * rounds, rounds, bench_way.part);
        free(ns);
}

static inline void bench_compete(struct bench_contender *contenders, size_t n_contenders,
                                 uint64_t n) {
        bench_compete_for(BENCH_ROUNDS, contenders, n_contenders, n);
}

/* ---- yardsticks in memory ---- */

/* What a tick would cost if nobody else were there. */
static inline void bench_copy(void *to, const void *from) {
        memcpy(to, from, sizeof(struct line));
}

/*
 * The same line as a plain seqlock: LINE_BUSY says that it is being written, and a reader waits
 * until it is not; for ever, if the writer died.
 */
static inline void bench_seqlock_write(struct line *line, const struct md_tick *tick) {
        uint64_t n = tick->seq;

        atomic_store_explicit(&line->word[0], n | LINE_BUSY, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
#pragma GCC unroll 8
        for (unsigned i = 1; i < LINE_WORDS; i++)
                atomic_store_explicit(&line->word[i], line_get_word(tick, i), memory_order_relaxed);
        atomic_store_explicit(&line->word[0], n, memory_order_release);
}

static inline void bench_seqlock_read(const struct line *line, struct md_tick *tick) {
        do {
                do
                        tick->seq = line_seq(line);
                while (tick->seq & LINE_BUSY);
#pragma GCC unroll 8
                for (unsigned i = 1; i < LINE_WORDS; i++)
                        line_set_word(tick, i,
                                      atomic_load_explicit(&line->word[i], memory_order_relaxed));
                atomic_thread_fence(memory_order_acquire);
        } while (atomic_load_explicit(&line->word[0], memory_order_relaxed) != tick->seq);
}

/* ---- the table ---- */

static inline void bench_title(const char *title) {
        printf("%s (ns; %u CPUs; machines are noisy, the ratios less so)\n", title, bench_cpus());
        printf("  %-40s %10s   %-34s %10s %8s\n", "what", "ns", "yardstick", "ns", "ratio");
}

static inline void bench_row(const char *what, double ns, const char *yardstick,
                             double yardstick_ns) {
        printf("  %-40s %10.2f   %-34s %10.2f %8.2f\n", what, ns, yardstick, yardstick_ns,
               ns / yardstick_ns);
        fflush(stdout);
}

/* A thing that has no equal to be held against. */
static inline void bench_note(const char *what, double value, const char *unit) {
        printf("  %-40s %10.2f   %s\n", what, value, unit);
        fflush(stdout);
}
