/*
 * A daemon that takes ticks from a ring is killed at any instruction
 *
 * It takes batches of several sizes, while ticks of other feeds are published in between. Whenever it dies,
 * its successor knows from what was noted, and from the journal, which ticks of the ring have been
 * published: here, those that stand in a list that is written beside. It may be killed itself before it
 * has settled that, or after it has published something.
 */

#include <string.h>
#include <sys/mman.h>

#include "shm/ring.h"
#include "shm/taken.h"
#include "step-try.h"

#define BATCHES 9
#define TICKS   (BATCHES * 8)

#define RING      UINT64_C(0x1234567890)
#define LAST_RING UINT64_C(0x9876543210)

struct world {
        _Atomic uint64_t newest; /* of the journal */
        bool of_ring[TICKS];     /* by number of the journal */
        struct shm_taken taken;
};

static void publish(struct world *world, bool of_ring) {
        uint64_t seq = atomic_load(&world->newest) + 1;

        world->of_ring[seq] = of_ring;
        atomic_store(&world->newest, seq);
}

static void take_batches(void *argument) {
        struct world *world = argument;
        uint64_t tail = 0;

        for (unsigned i = 0; i < BATCHES; i++) {
                unsigned n = 1 + i * 3 % 5;

                for (unsigned k = 0; k < i % 4; k++)
                        publish(world, false);
                taken_begin(&world->taken, RING, i, tail, atomic_load(&world->newest) + 1, n);
                for (unsigned k = 0; k < n; k++, tail++)
                        publish(world, true);
        }
        taken_set(&world->taken, tail);
        publish(world, false);
}

static uint64_t published_of_ring(const struct world *world, uint64_t newest) {
        uint64_t n = 0;

        for (uint64_t seq = 1; seq <= newest; seq++)
                n += world->of_ring[seq];
        return n;
}

static void expect(const struct shm_taken *taken, uint64_t ticks) {
        /* what is known of no ring, is known of none; nothing has been taken of this one then */
        if (atomic_load(&taken->ring) == RING)
                assert_int_equal(atomic_load(&taken->ticks), ticks);
        else
                assert_int_equal(ticks, 0);
}

static void test_each_tick_once(void **state) {
        struct world *world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        unsigned steps = 0;
        uint64_t newest;
        pid_t pid;

        (void)state;
        assert_true(world != MAP_FAILED);
        atomic_store(&world->taken.ring, LAST_RING);
        atomic_store(&world->taken.ticks, TICKS); /* of that one */
        pid = step_begin(take_batches, world);
        do {
                struct shm_taken left = world->taken;

                newest = atomic_load(&world->newest);
                taken_settle(&left, newest);
                expect(&left, published_of_ring(world, newest));
                taken_settle(&left, newest + TICKS); /* by the next but one */
                expect(&left, published_of_ring(world, newest));
                steps++;
        } while (step(pid));
        assert_true(steps > TICKS);
        assert_true(published_of_ring(world, newest) > BATCHES);
        munmap(world, sizeof(*world));
}

struct death {
        struct shm_taken taken;
        uint64_t newest;
};

static void settle(void *argument) {
        struct death *death = argument;

        taken_settle(&death->taken, death->newest);
}

/* A daemon that dies while it settles has published nothing. */
static void test_killed_while_it_settles(void **state) {
        struct death *death = mmap(NULL, sizeof(*death), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t pid;

        (void)state;
        assert_true(death != MAP_FAILED);
        taken_begin(&death->taken, RING, 0, 0, 11, 4);
        taken_begin(&death->taken, RING, 1, 4, 20, 8); /* 20 to 25 have been published */
        death->newest = 25;
        pid = step_begin(settle, death);
        do {
                struct shm_taken left = death->taken;

                taken_settle(&left, death->newest);
                expect(&left, 10);
        } while (step(pid));
        taken_settle(&death->taken, death->newest + TICKS);
        expect(&death->taken, 10);
        munmap(death, sizeof(*death));
}

/* Its publisher is told by the next ring, and believes what can be. */
static void test_told_by_the_next_ring(void **state) {
        static const struct {
                uint64_t last_id, last_taken, tail; /* and what comes of it */
        } told[] = {
                { RING, 10, 10 },     { RING, 5, 5 },  { RING, 12, 12 },
                { RING, 4, 5 },       { RING, 13, 5 }, { RING, 0, 5 },
                { LAST_RING, 10, 5 }, { 0, 10, 5 },    { RING, UINT64_MAX, 5 },
        };
        struct ring last = { .head = 12, .tail = 5, .id = RING }, fresh = { .id = RING + 1 };

        (void)state;
        for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
                atomic_store(&last.tail, 5);
                fresh.last_id = told[i].last_id;
                fresh.last_taken = told[i].last_taken;
                ring_learn(&last, 12, &fresh);
                assert_int_equal(atomic_load(&last.tail), told[i].tail);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_tick_once),
                cmocka_unit_test(test_killed_while_it_settles),
                cmocka_unit_test(test_told_by_the_next_ring),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
