/*
 * A daemon that takes ticks from a ring is killed at any instruction
 *
 * It takes batches of several sizes, while ticks of other feeds are published in between. Whenever it dies,
 * its successor knows from ring and journal which ticks of the ring have been published: here, those that
 * stand in a list that is written beside.
 */

#include <string.h>
#include <sys/mman.h>

#include "shm/ring.h"
#include "step-try.h"

#define SIZE    64
#define BATCHES 9
#define TICKS   (BATCHES * 8)

struct world {
        _Atomic uint64_t newest; /* of the journal */
        bool of_ring[TICKS];     /* by number of the journal */
        _Alignas(64) char ring[sizeof(struct ring) + SIZE * sizeof(struct line)];
};

static struct ring *ring_of(struct world *world) {
        return (struct ring *)(void *)world->ring;
}

static void publish(struct world *world, bool of_ring) {
        uint64_t seq = atomic_load(&world->newest) + 1;

        world->of_ring[seq] = of_ring;
        atomic_store(&world->newest, seq);
}

static void take_batches(void *argument) {
        struct world *world = argument;
        struct ring *ring = ring_of(world);
        uint64_t tail = 0;

        for (unsigned i = 0; i < BATCHES; i++) {
                unsigned n = 1 + i * 3 % 5;

                for (unsigned k = 0; k < i % 4; k++)
                        publish(world, false);
                ring_begin(ring, i, tail, atomic_load(&world->newest) + 1, n);
                for (unsigned k = 0; k < n; k++, tail++)
                        publish(world, true);
                ring_release(ring, SIZE, tail);
        }
        publish(world, false);
}

static uint64_t published_of_ring(const struct world *world, uint64_t newest) {
        uint64_t n = 0;

        for (uint64_t seq = 1; seq <= newest; seq++)
                n += world->of_ring[seq];
        return n;
}

static void test_each_tick_once(void **state) {
        struct world *world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        unsigned steps = 0;
        uint64_t newest;
        pid_t pid;

        (void)state;
        assert_true(world != MAP_FAILED);
        atomic_store(&ring_of(world)->head, TICKS);
        pid = step_begin(take_batches, world);
        do {
                newest = atomic_load(&world->newest);
                assert_int_equal(ring_resume(ring_of(world), newest),
                                 published_of_ring(world, newest));
                steps++;
        } while (step(pid));
        assert_true(steps > TICKS);
        assert_true(published_of_ring(world, newest) > BATCHES);
        munmap(world, sizeof(*world));
}

/* Whatever a publisher writes there, what comes out is a number; whether there can be ticks behind it is
 * looked at as always. */
static void test_forged_notes(void **state) {
        static const uint64_t odd[] = { 0, 1, 63, 64, UINT64_MAX, UINT64_MAX - 1, 1ull << 63 };
        static _Alignas(64) char memory[sizeof(struct ring) + SIZE * sizeof(struct line)];
        struct ring *ring = (struct ring *)(void *)memory;
        const unsigned n = sizeof(odd) / sizeof(*odd);

        (void)state;
        for (unsigned i = 0; i < n * n * n * n; i++) {
                uint64_t tail;
                int64_t pending;

                atomic_store(&ring->head, odd[i % n]);
                for (unsigned k = 0; k < 2; k++) {
                        atomic_store(&ring->batch_tail[k], odd[(i / n + k) % n]);
                        atomic_store(&ring->batch_seq[k], odd[(i / n / n + 2 * k) % n]);
                        atomic_store(&ring->batch_n[k], odd[(i / n / n / n + k) % n]);
                }
                tail = ring_resume(ring, 1000);
                pending = ring_pending(ring, SIZE, tail);
                assert_true(pending >= -1 && pending <= SIZE);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_tick_once),
                cmocka_unit_test(test_forged_notes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
