/*
 * The depth shows a whole copy, whatever the writer is at
 *
 * Every image carries its number in all its words, so a mixture of two is seen at once. One thread
 * writes as fast as it can, others read; and a writer that was stopped after any of its stores leaves
 * the copy before.
 */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/depth.h"

#define LEVELS  5
#define READERS 2
#define WRITES  300000

struct depth_try {
        struct depth depth;
        _Atomic bool over;
        uint64_t seen[READERS];
};

static void depth_try_init(struct depth_try *try, uint32_t levels) {
        memset(try, 0, sizeof(*try));
        try->depth.stride = depth_stride(levels);
        try->depth.count = 2;
        try->depth.levels = levels;
        try->depth.base = aligned_alloc(64, try->depth.count * try->depth.stride);
        assert_non_null(try->depth.base);
        memset(try->depth.base, 0, try->depth.count * try->depth.stride);
}

static void depth_try_deinit(struct depth_try *try) {
        free(try->depth.base);
}

/* Image number n: n levels of each side, modulo something. */
static struct depth_image image_of(uint64_t n) {
        struct depth_image image = {
                .seq = n,
                .ts_event = (int64_t)n * 3,
                .flags = n * 5,
                .bid_levels = n % 7,
                .ask_levels = n % 9,
                .orders = n * 7,
        };

        for (uint64_t i = 0; i < DEPTH_MAX; i++) {
                image.bid[i] = (struct md_level){ (int64_t)(n + i), (int64_t)(n - i), n ^ i };
                image.ask[i] = (struct md_level){ (int64_t)(n * i), (int64_t)n, n + 2 * i };
        }
        return image;
}

static bool same_levels(const struct md_level *a, const struct md_level *b, uint64_t levels,
                        uint32_t room) {
        return !memcmp(a, b, (levels < room ? levels : room) * sizeof(*a));
}

/* Whether an image is one of ours, whole. */
static bool is_whole(const struct depth_image *image, uint32_t levels) {
        struct depth_image expected = image_of(image->seq);

        return image->ts_event == expected.ts_event && image->flags == expected.flags &&
               image->bid_levels == expected.bid_levels &&
               image->ask_levels == expected.ask_levels && image->orders == expected.orders &&
               same_levels(image->bid, expected.bid, image->bid_levels, levels) &&
               same_levels(image->ask, expected.ask, image->ask_levels, levels);
}

static void test_empty(void **state) {
        struct depth_image image;
        struct depth_try try;

        (void)state;
        depth_try_init(&try, LEVELS);
        assert_int_equal(depth_read(&try.depth, 0, &image), 0);
        assert_int_equal(depth_read(&try.depth, 1, &image), 0);
        depth_try_deinit(&try);
}

static void test_every_size(void **state) {
        (void)state;
        for (uint32_t levels = 1; levels <= DEPTH_MAX; levels++) {
                struct depth_image image;
                struct depth_try try;

                depth_try_init(&try, levels);
                for (uint64_t n = 1; n < 70; n++) {
                        struct depth_image next = image_of(n);

                        next.bid_levels = next.ask_levels = n;
                        depth_write(&try.depth, n & 1, &next);
                        assert_int_equal(depth_read(&try.depth, n & 1, &image), 1);
                        assert_int_equal(image.seq, n);
                        assert_int_equal(image.bid_levels, n);
                        assert_true(same_levels(image.bid, next.bid, n, levels));
                        assert_true(same_levels(image.ask, next.ask, n, levels));
                }
                depth_try_deinit(&try);
        }
}

/* Stopped after any number of its stores, a writer leaves the image before; and so does the successor who
 * begins again. */
static void test_stopped_writer(void **state) {
        struct depth_image older = image_of(41), newer = image_of(42), image;
        struct depth_try try, done;
        uint64_t *words, *after;

        (void)state;
        depth_try_init(&try, LEVELS);
        depth_try_init(&done, LEVELS);
        depth_write(&try.depth, 0, &older);
        depth_write(&done.depth, 0, &older);
        depth_write(&done.depth, 0, &newer);
        words = (uint64_t *)(void *)try.depth.base;
        after = (uint64_t *)(void *)done.depth.base;

        /* all but the latch, which is the first word and written last */
        for (size_t i = 1; i < try.depth.stride / sizeof(*words); i++) {
                words[i] = after[i];
                assert_int_equal(depth_read(&try.depth, 0, &image), 1);
                assert_int_equal(image.seq, 41);
                assert_true(is_whole(&image, LEVELS));
        }
        depth_write(&try.depth, 0, &newer);
        assert_int_equal(depth_read(&try.depth, 0, &image), 1);
        assert_int_equal(image.seq, 42);
        assert_true(is_whole(&image, LEVELS));
        depth_try_deinit(&try);
        depth_try_deinit(&done);
}

struct reader {
        struct depth_try *try;
        unsigned n;
        bool torn, backwards;
};

static void *read_all(void *userdata) {
        struct reader *reader = userdata;
        struct depth_try *try = reader->try;
        struct depth_image image;
        uint64_t last = 0;

        while (!atomic_load(&try->over) || last < WRITES) {
                if (depth_read(&try->depth, 1, &image) <= 0)
                        continue;
                reader->torn |= !is_whole(&image, LEVELS);
                reader->backwards |= image.seq < last;
                try->seen[reader->n] += image.seq != last;
                last = image.seq;
        }
        return NULL;
}

static void test_readers(void **state) {
        struct reader readers[READERS] = { 0 };
        pthread_t threads[READERS];
        struct depth_try try;

        (void)state;
        depth_try_init(&try, LEVELS);
        for (unsigned i = 0; i < READERS; i++) {
                readers[i] = (struct reader){ .try = &try, .n = i };
                assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
        }
        for (uint64_t n = 1; n <= WRITES; n++) {
                struct depth_image image = image_of(n);

                depth_write(&try.depth, 1, &image);
        }
        atomic_store(&try.over, true);
        for (unsigned i = 0; i < READERS; i++) {
                pthread_join(threads[i], NULL);
                assert_false(readers[i].torn);
                assert_false(readers[i].backwards);
                assert_true(try.seen[i] > 0);
        }
        depth_try_deinit(&try);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_every_size),
                cmocka_unit_test(test_stopped_writer),
                cmocka_unit_test(test_readers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
