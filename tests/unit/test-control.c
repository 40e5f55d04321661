/*
 * The control page, and the wake handshake with two threads and a real pipe
 *
 * The rounds go one by one: the notifier publishes a tick when the client has taken the last one, while
 * the client is on its way from its last look into its sleep. A lost wake leaves the client asleep.
 */

#include "shm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS   100000
#define PATIENCE 10000 /* ms; far more than any scheduler takes */

static struct control *control_new(uint32_t instruments) {
        size_t size = (control_size(instruments) + 63) / 64 * 64;
        struct control *control = aligned_alloc(64, size);

        assert_non_null(control);
        memset((void *)control, 0, size);
        return control;
}

static void test_size_holds_each_bit(void **state) {
        (void)state;
        assert_int_equal(control_size(0), 192);
        assert_int_equal(control_size(1), 200);
        assert_int_equal(control_size(64), 200);
        assert_int_equal(control_size(65), 208);
        assert_int_equal(control_size(UINT32_C(1) << 24), 192 + (1 << 21));
}

static void test_interest_is_one_bit(void **state) {
        static const uint32_t instruments[] = { 0, 1, 31, 32, 63, 64, 127, 128, 199 };
        struct control *control = control_new(200);

        (void)state;
        for (unsigned i = 0; i < sizeof(instruments) / sizeof(*instruments); i++) {
                control_interest_set(control, instruments[i], true);
                for (uint32_t other = 0; other < 200; other++)
                        assert_int_equal(control_interest_get(control, other),
                                         other == instruments[i]);
                control_interest_set(control, instruments[i], true);
                assert_true(control_interest_get(control, instruments[i]));
                control_interest_set(control, instruments[i], false);
                assert_false(control_interest_get(control, instruments[i]));
        }
        free(control);
}

static void test_armed_is_one_and_nothing_else(void **state) {
        struct control *control = control_new(1);

        (void)state;
        assert_false(control_armed(control));
        control_arm(control);
        assert_true(control_armed(control));
        control_disarm(control);
        assert_false(control_armed(control));
        atomic_store(&control->armed, UINT32_MAX); /* noise */
        assert_false(control_armed(control));
        free(control);
}

/* ---- the handshake ---- */

struct handshake {
        struct control *control;
        _Atomic uint64_t newest; /* the journal, as far as it matters here */
        int pipe[2];

        uint64_t taken, arms, sleeps; /* the client's */
        _Atomic bool lost;            /* the client waited for too long */
        uint64_t wakes;               /* the notifier's */
};

/* A short while, another one each time: so the two meet at every point of each other's way. */
static void dawdle(uint64_t *noise) {
        *noise = *noise * UINT64_C(6364136223846793005) + 1442695040888963407;
        for (_Atomic uint64_t i = 0; i < *noise >> 58; i++)
                ;
}

/* 1 when something has come, 0 when nothing came for far too long. */
static int sleep_until_woken(struct handshake *handshake) {
        struct pollfd poller = { .fd = handshake->pipe[0], .events = POLLIN };
        char bytes[64];

        handshake->sleeps++;
        if (poll(&poller, 1, PATIENCE) <= 0)
                return 0;
        return read(handshake->pipe[0], bytes, sizeof(bytes)) > 0;
}

static void *client(void *argument) {
        struct handshake *handshake = argument;
        struct control *control = handshake->control;
        uint64_t noise = 2;

        while (handshake->taken < ROUNDS) {
                uint64_t newest = atomic_load_explicit(&handshake->newest, memory_order_acquire);

                if (newest > handshake->taken) {
                        handshake->taken = newest;
                        atomic_store_explicit(&control->cursor, newest + 1, memory_order_release);
                        continue;
                }
                dawdle(&noise);
                handshake->arms++;
                control_arm(control);
                if (atomic_load_explicit(&handshake->newest, memory_order_acquire) >
                    handshake->taken) {
                        control_disarm(control);
                        continue;
                }
                if (!sleep_until_woken(handshake)) {
                        atomic_store(&handshake->lost, true);
                        break;
                }
        }
        return NULL;
}

/* Until the client has taken everything; false when it never will. */
static bool wait_for_client(const struct handshake *handshake, uint64_t cursor) {
        unsigned spins = 0;

        while (atomic_load_explicit(&handshake->control->cursor, memory_order_acquire) != cursor) {
                if (atomic_load(&handshake->lost))
                        return false;
                if (++spins % 1024 == 0)
                        sched_yield();
        }
        return true;
}

static void notify(struct handshake *handshake) {
        atomic_thread_fence(memory_order_seq_cst);
        if (!control_armed(handshake->control))
                return;
        control_disarm(handshake->control);
        handshake->wakes++;
        assert_true(write(handshake->pipe[1], "", 1) == 1 || errno == EAGAIN);
}

static void test_no_wake_is_lost(void **state) {
        struct handshake handshake = { .control = control_new(1) };
        uint64_t noise = 1;
        pthread_t thread;

        (void)state;
        atomic_store(&handshake.control->cursor, 1);
        assert_int_equal(pipe2(handshake.pipe, O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(pthread_create(&thread, NULL, client, &handshake), 0);
        for (uint64_t n = 1; n <= ROUNDS; n++) {
                if (!wait_for_client(&handshake, n))
                        break;
                dawdle(&noise);
                atomic_store_explicit(&handshake.newest, n, memory_order_release);
                notify(&handshake);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);

        assert_false(handshake.lost);
        assert_int_equal(handshake.taken, ROUNDS);
        /* at most one system call for each arming; and the client did sleep */
        assert_true(handshake.wakes <= handshake.arms);
        assert_true(handshake.sleeps >= ROUNDS / 1000);
        close(handshake.pipe[0]);
        close(handshake.pipe[1]);
        free(handshake.control);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_size_holds_each_bit),
                cmocka_unit_test(test_interest_is_one_bit),
                cmocka_unit_test(test_armed_is_one_and_nothing_else),
                cmocka_unit_test(test_no_wake_is_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
