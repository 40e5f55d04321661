#pragma once

/* For tests of the segment: one of a name of its own, opened as a daemon does. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "shm/segment.h"
#include "tick-try.h"

struct segment_try {
        char name[SEGMENT_NAME_MAX];
        struct segment segment;
        struct segment_why why;
};

static const struct segment_params segment_try_params = { .instruments = 8, .journal = 64 };

static inline void segment_try_name(struct segment_try *try, const char *suffix) {
        snprintf(try->name, sizeof(try->name), "/mdshmd-test-segment.%d%s", getpid(), suffix);
}

/* Opens that name as a daemon; publishes it where that went well. */
static inline int segment_try_open(struct segment_try *try, const struct segment_params *params) {
        int r;

        memset(&try->why, 0, sizeof(try->why));
        r = segment_open(&try->segment, try->name, params, &try->why);
        if (r == 0)
                segment_publish(&try->segment, "1.2.3", 4711);
        return r;
}

static inline void segment_try_init(struct segment_try *try, const char *suffix) {
        segment_try_name(try, suffix);
        assert_int_equal(segment_try_open(try, &segment_try_params), 0);
}

/* Group teardown: a test that fails leaves nothing behind either. */
static inline int segment_try_clean(void **state) {
        static const char *const suffixes[] = { "", ".lock", ".copy", ".copy.lock" };
        struct segment_try try;

        (void)state;
        for (unsigned i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
                segment_try_name(&try, suffixes[i]);
                shm_unlink(try.name);
        }
        return 0;
}

static inline bool name_exists(const char *name) {
        int fd = shm_open(name, O_RDWR, 0);

        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

/* What publishing one tick is. */
static inline void segment_put(struct segment *segment, const struct md_tick *tick) {
        journal_write(&segment->journal, tick);
        if (tick->kind < MD_PLACES)
                table_write(&segment->table, tick);
        atomic_store_explicit(&segment->header->newest, tick->seq, memory_order_release);
}

static inline void assert_place(const struct segment *segment, uint32_t instrument, unsigned kind,
                                uint64_t seq, uint64_t salt) {
        struct md_tick tick;

        assert_int_equal(table_read(&segment->table, &segment->journal, instrument, kind, &tick),
                         0);
        assert_int_equal(tick.seq, seq);
        assert_int_equal(line_seq(table_line(&segment->table, instrument, kind)), seq);
        if (seq)
                assert_true(tick_whole(&tick, salt));
}
