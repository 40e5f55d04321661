/* The depth section is there when it is asked for, and looked at before it is believed. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "segment-try.h"

static const struct segment_params with_depth = { .instruments = 8, .journal = 64, .depth = 3 };

/* Its place in the table of sections; LAYOUT_SECTIONS: there is none. */
static unsigned depth_section(const struct segment *segment) {
        unsigned i = 0;

        while (i < LAYOUT_SECTIONS && segment->header->section[i].kind != SECTION_DEPTH)
                i++;
        return i;
}

static void test_footprint(void **state) {
        struct segment_params params = with_depth;
        size_t none, some;

        (void)state;
        params.depth = 0;
        none = segment_footprint(&params);
        params.depth = DEPTH_MAX;
        some = segment_footprint(&params);
        assert_true(none > 0 && some >= none + params.instruments * depth_stride(DEPTH_MAX));
        params.depth = DEPTH_MAX + 1;
        assert_int_equal(segment_footprint(&params), 0);
}

static void test_there_when_asked_for(void **state) {
        struct segment_try try;

        (void)state;
        segment_try_name(&try, "");
        assert_int_equal(segment_try_open(&try, &segment_try_params), 0);
        assert_int_equal(depth_section(&try.segment), LAYOUT_SECTIONS);
        assert_int_equal(try.segment.depth.count, 0);
        segment_retire(&try.segment);

        assert_int_equal(segment_try_open(&try, &with_depth), 0);
        assert_true(depth_section(&try.segment) < LAYOUT_SECTIONS);
        assert_int_equal(try.segment.depth.count, 8);
        assert_int_equal(try.segment.depth.levels, 3);
        segment_retire(&try.segment);
}

/* What was written is there for the next daemon, unless it wants another depth. */
static void test_adopted(void **state) {
        const struct depth_image image = { .seq = 7, .bid_levels = 1, .bid = { { 1, 2, 3 } } };
        struct segment_params other = with_depth;
        struct depth_image found;
        struct segment_try try;

        (void)state;
        segment_try_name(&try, "");
        assert_int_equal(segment_try_open(&try, &with_depth), 0);
        depth_write(&try.segment.depth, 7, &image);
        segment_detach(&try.segment);

        assert_int_equal(segment_try_open(&try, &with_depth), 0);
        assert_true(try.segment.adopted);
        assert_int_equal(depth_read(&try.segment.depth, 7, &found), 1);
        assert_int_equal(found.seq, 7);
        assert_memory_equal(&found.bid[0], &image.bid[0], sizeof(image.bid[0]));
        segment_detach(&try.segment);

        other.depth = 4;
        assert_int_equal(segment_try_open(&try, &other), 0);
        assert_false(try.segment.adopted);
        assert_int_equal(depth_read(&try.segment.depth, 7, &found), 0);
        segment_retire(&try.segment);
}

static void test_spoilt(void **state) {
        static const struct {
                size_t offset; /* in struct shm_section */
                uint64_t value;
                size_t size;
                const char *words;
        } spoilt[] = {
                { offsetof(struct shm_section, items), 0, 4, "0 levels a side" },
                { offsetof(struct shm_section, items), DEPTH_MAX + 1, 4, "65 levels a side" },
                { offsetof(struct shm_section, items), DEPTH_MAX, 4, "its depth section" },
                { offsetof(struct shm_section, offset), 0, 8, "its depth section" },
                { offsetof(struct shm_section, offset), UINT64_MAX - 4095, 8, "its depth section" },
                { offsetof(struct shm_section, count), 0, 8, "its depth section" },
                { offsetof(struct shm_section, count), 7, 8, "7 instruments, its directory 8" },
                { offsetof(struct shm_section, count), UINT64_MAX / 8, 8, "its depth section" },
                { offsetof(struct shm_section, stride), 64, 8, "its depth section" },
                { offsetof(struct shm_section, stride), 8193, 8, "its depth section" },
        };
        struct shm_section *section, saved;
        struct segment_try try;

        (void)state;
        segment_try_name(&try, "");
        assert_int_equal(segment_try_open(&try, &with_depth), 0);
        assert_true(depth_section(&try.segment) < LAYOUT_SECTIONS);
        section = &try.segment.header->section[depth_section(&try.segment)];
        saved = *section;
        for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
                struct segment reader;
                int fd = segment_open_readonly(&try.segment);

                memcpy((char *)section + spoilt[i].offset, &spoilt[i].value, spoilt[i].size);
                assert_true(fd >= 0);
                assert_int_equal(segment_attach(&reader, fd, &try.why), -EUCLEAN);
                if (!strstr(try.why.text, spoilt[i].words))
                        fail_msg("\"%s\" does not say \"%s\"", try.why.text, spoilt[i].words);
                close(fd);
                *section = saved;
        }
        segment_retire(&try.segment);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_footprint),
                cmocka_unit_test(test_there_when_asked_for),
                cmocka_unit_test(test_adopted),
                cmocka_unit_test(test_spoilt),
        };

        return cmocka_run_group_tests(tests, NULL, segment_try_clean);
}
