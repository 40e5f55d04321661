/* A segment whose descriptors were handed on from one daemon to the next. */

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

/* A daemon that was killed, and what somebody kept of it. */
struct estate {
        struct segment_try try;
        uint64_t identity;
        int fd, lock_fd;
};

static void estate_init(struct estate *estate) {
        segment_try_init(&estate->try, "");
        estate->identity = estate->try.segment.header->identity;
        estate->fd = dup(estate->try.segment.fd);
        estate->lock_fd = dup(estate->try.segment.lock_fd);
        assert_true(estate->fd >= 0 && estate->lock_fd >= 0);
        segment_detach(&estate->try.segment);
}

static int inherit(struct estate *estate, const struct segment_params *params) {
        return segment_inherit(&estate->try.segment, estate->try.name, params, estate->fd,
                               estate->lock_fd, &estate->try.why);
}

static void assert_gone(const struct estate *estate) {
        char lock[SEGMENT_NAME_MAX + 8];

        snprintf(lock, sizeof(lock), "%s.lock", estate->try.name);
        assert_false(name_exists(estate->try.name));
        assert_false(name_exists(lock));
}

/* The next one goes on with it, and as long as somebody keeps the lock nobody else can. */
static void test_handed_on(void **state) {
        struct segment *segment;
        struct segment_try other;
        struct estate estate;

        (void)state;
        estate_init(&estate);
        segment = &estate.try.segment;
        segment_try_name(&other, "");
        assert_int_equal(segment_try_open(&other, &segment_try_params), -EBUSY);

        assert_int_equal(inherit(&estate, &segment_try_params), 0);
        assert_true(segment->adopted && segment->inherited && segment->locked);
        assert_int_equal(segment->header->identity, estate.identity);
        assert_int_equal(segment->fd, estate.fd);
        assert_int_equal(segment_try_open(&other, &segment_try_params), -EBUSY);
        segment_publish(segment, "1.2.4", 4712);
        assert_int_equal(segment->header->generation, 2);

        segment_retire(segment);
        assert_gone(&estate);
        assert_int_equal(segment_try_open(&other, &segment_try_params), 0);
        segment_retire(&other.segment);
}

/* Somebody has taken the name away: it goes on without one. */
static void test_without_a_name(void **state) {
        struct estate estate;

        (void)state;
        estate_init(&estate);
        assert_int_equal(shm_unlink(estate.try.name), 0);
        assert_int_equal(inherit(&estate, &segment_try_params), 0);
        assert_true(estate.try.segment.inherited);
        assert_int_equal(estate.try.segment.header->identity, estate.identity);
        assert_false(name_exists(estate.try.name));
        segment_retire(&estate.try.segment);
        assert_gone(&estate);
}

/* Another segment has got the name: it ends, and says so to those who read it. */
static void test_a_namesake(void **state) {
        char from[SEGMENT_NAME_MAX + 16], to[SEGMENT_NAME_MAX + 16];
        struct segment_try namesake;
        struct segment reader;
        struct estate estate;

        (void)state;
        estate_init(&estate);
        segment_try_init(&namesake, ".copy");
        assert_int_equal(segment_attach(&reader, namesake.segment.fd, &namesake.why), 0);
        snprintf(from, sizeof(from), "/dev/shm%s", namesake.name);
        snprintf(to, sizeof(to), "/dev/shm%s", estate.try.name);
        assert_int_equal(rename(from, to), 0);

        assert_int_equal(inherit(&estate, &segment_try_params), 0);
        assert_int_equal(estate.try.segment.header->identity, estate.identity);
        assert_int_equal(atomic_load(&reader.header->state), SEGMENT_STOPPED);
        assert_int_equal(atomic_load(&reader.header->magic), 0);
        assert_false(name_exists(estate.try.name));

        segment_detach(&reader);
        segment_retire(&namesake.segment);
        segment_retire(&estate.try.segment);
        assert_gone(&estate);
}

/* The lock is not the one of this name: the segment may be somebody else's, and is left alone. What stands
 * under the name is taken over under a lock of its own. */
static void test_another_lock(void **state) {
        struct segment reader;
        struct estate estate;

        (void)state;
        for (unsigned i = 0; i < 3; i++) {
                estate_init(&estate);
                assert_int_equal(segment_attach(&reader, estate.fd, &estate.try.why), 0);
                close(estate.lock_fd);
                estate.lock_fd = i == 0 ? dup(0) : i == 1 ? memfd_create("lock", 0) : -1;
                assert_int_equal(inherit(&estate, &segment_try_params), 0);
                assert_false(estate.try.segment.inherited || estate.try.segment.locked);
                assert_true(estate.try.segment.adopted);
                assert_int_equal(estate.try.segment.header->identity, estate.identity);
                segment_detach(&reader);
                segment_retire(&estate.try.segment);
                assert_gone(&estate);
        }

        /* somebody has come meanwhile, who found the lock's name free */
        estate_init(&estate);
        close(estate.lock_fd);
        estate.lock_fd = memfd_create("lock", 0);
        assert_int_equal(segment_try_open(&estate.try, &segment_try_params), 0);
        assert_int_equal(segment_attach(&reader, estate.fd, &estate.try.why), 0);
        struct segment_try late = estate.try;
        assert_int_equal(segment_inherit(&late.segment, late.name, &segment_try_params, estate.fd,
                                         estate.lock_fd, &late.why),
                         -EBUSY);
        assert_int_equal(atomic_load(&reader.header->state), SEGMENT_RUNNING);
        segment_detach(&reader);
        segment_retire(&estate.try.segment);
}

/* What comes as a segment and is none, or cannot be written to: the name decides. */
static void test_rubbish(void **state) {
        struct estate estate;
        int ends[2];

        (void)state;
        for (unsigned i = 0; i < 4; i++) {
                estate_init(&estate);
                assert_int_equal(pipe(ends), 0);
                close(estate.fd);
                estate.fd = i == 0   ? ends[0]
                            : i == 1 ? memfd_create("segment", 0)
                            : i == 2 ? shm_open(estate.try.name, O_RDONLY, 0)
                                     : -1;
                if (i)
                        close(ends[0]);
                if (i == 1)
                        assert_int_equal(ftruncate(estate.fd, 1 << 20), 0);
                close(ends[1]);
                assert_int_equal(inherit(&estate, &segment_try_params), 0);
                assert_true(estate.try.segment.locked && !estate.try.segment.inherited);
                assert_true(estate.try.segment.adopted);
                assert_int_equal(estate.try.segment.header->identity, estate.identity);
                segment_retire(&estate.try.segment);
                assert_gone(&estate);
        }
}

/* Another shape is wanted: the old one ends, and says so. */
static void test_another_shape(void **state) {
        const struct segment_params wanted = { .instruments = 16, .journal = 64 };
        struct segment reader;
        struct estate estate;

        (void)state;
        estate_init(&estate);
        assert_int_equal(segment_attach(&reader, estate.fd, &estate.try.why), 0);
        assert_int_equal(inherit(&estate, &wanted), 0);
        assert_true(estate.try.segment.locked);
        assert_false(estate.try.segment.adopted || estate.try.segment.inherited);
        assert_true(estate.try.segment.header->identity != estate.identity);
        assert_int_equal(atomic_load(&reader.header->state), SEGMENT_STOPPED);
        assert_int_equal(atomic_load(&reader.header->magic), 0);
        assert_true(name_exists(estate.try.name));
        segment_detach(&reader);
        segment_retire(&estate.try.segment);
        assert_gone(&estate);
}

/* Parameters that cannot be are refused, and the descriptors do not leak. */
static void test_refused(void **state) {
        const struct segment_params wrong = { .instruments = 0, .journal = 64 };
        struct estate estate;

        (void)state;
        estate_init(&estate);
        assert_int_equal(inherit(&estate, &wrong), -EINVAL);
        assert_int_equal(fcntl(estate.fd, F_GETFD), -1);
        assert_int_equal(fcntl(estate.lock_fd, F_GETFD), -1);
        assert_int_equal(segment_try_open(&estate.try, &segment_try_params), 0);
        segment_retire(&estate.try.segment);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_handed_on),  cmocka_unit_test(test_without_a_name),
                cmocka_unit_test(test_a_namesake), cmocka_unit_test(test_another_lock),
                cmocka_unit_test(test_rubbish),    cmocka_unit_test(test_another_shape),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, segment_try_clean);
}
