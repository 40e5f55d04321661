/*
 * Several instruments at one moment
 *
 * A writer gives a tick to one instrument after the other, round and round. So at each moment the newest
 * ticks of n instruments are the last n of the stream: n numbers without a hole. A cut that is said to
 * be true must look like that; one that is not must name what moved.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "pen.h"

#define INSTRUMENTS 8
#define JOURNAL     64
#define WIDE        65536   /* places of a cut that takes long: each instrument many times over */
#define MOVE_US     100     /* far less than it takes */
#define TICKS       1000000 /* to write while cuts are made, without pauses; a tenth with them */

static struct pen pen;
static struct md_client *client;

/* With a rest of up to `rest` turns after each tick. */
static void write_round_and_round(unsigned rest) {
        uint64_t n = 0;

        publisher_init(&pen.publisher, &pen.segment);
        for (;;) {
                pen_put(&pen, (uint32_t)(n % INSTRUMENTS), MD_QUOTE);
                n++;
                for (unsigned i = 0; i < n * 2654435761u % (rest + 1); i++)
                        atomic_signal_fence(memory_order_seq_cst);
        }
}

static void expect_whole(const struct md_tick *tick, uint32_t instrument) {
        assert_int_equal(tick->instrument, instrument);
        assert_int_equal(tick->kind, MD_QUOTE);
        assert_int_equal(tick->u.word[0], tick->seq);
        assert_int_equal(tick->u.word[3], tick->seq);
}

/* The newest of all instruments, in so many places, and how many of them moved meanwhile. */
static int read_all(struct md_tick ticks[], unsigned char moved[], unsigned places) {
        int r, n = 0;

        for (uint32_t i = 0; i < places; i++)
                ticks[i] = (struct md_tick){ .instrument = i % INSTRUMENTS, .kind = MD_QUOTE };
        r = md_read_many(client, ticks, places, moved);
        assert_in_range(r, 0, places);
        for (uint32_t i = 0; i < places; i++) {
                expect_whole(&ticks[i], i % INSTRUMENTS);
                n += moved[i];
        }
        assert_int_equal(n, r);
        return r;
}

static void expect_no_hole(const struct md_tick ticks[], unsigned places) {
        uint64_t least = UINT64_MAX, most = 0;

        for (unsigned i = 0; i < places; i++) {
                least = ticks[i].seq < least ? ticks[i].seq : least;
                most = ticks[i].seq > most ? ticks[i].seq : most;
        }
        assert_int_equal(most - least, INSTRUMENTS - 1);
}

/* Cuts while somebody writes so many ticks; how many were true. */
static unsigned cut(unsigned rest, uint64_t ticks) {
        uint64_t begin = segment_newest(&pen.segment);
        struct md_tick cut[INSTRUMENTS];
        unsigned char moved[INSTRUMENTS];
        unsigned cuts = 0, n = 0;
        pid_t pid;

        pid = fork_child();
        if (pid == 0)
                write_round_and_round(rest);
        AWAIT(segment_newest(&pen.segment) > begin + 2 * INSTRUMENTS);
        for (; segment_newest(&pen.segment) < begin + ticks; cuts++) {
                if (read_all(cut, moved, INSTRUMENTS))
                        continue;
                expect_no_hole(cut, INSTRUMENTS);
                n++;
        }
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        print_message("%u of %u cuts were true\n", n, cuts);
        return n;
}

static void a_cut_in_a_quiet_market_is_true(void **state) {
        struct md_tick ticks[INSTRUMENTS];
        unsigned char moved[INSTRUMENTS];

        (void)state;
        for (uint32_t i = 0; i < INSTRUMENTS; i++)
                pen_put(&pen, i, MD_QUOTE);
        assert_int_equal(read_all(ticks, moved, INSTRUMENTS), 0);
        expect_no_hole(ticks, INSTRUMENTS);
}

static void a_cut_in_a_moving_market_is_true(void **state) {
        (void)state;
        assert_true(cut(10000, TICKS / 10) > 0);
        cut(0, TICKS); /* perhaps none: it may move faster than anybody can read */
}

static void move(int number) {
        (void)number;
        pen_put(&pen, (uint32_t)(pen_newest(&pen) % INSTRUMENTS), MD_QUOTE);
}

/* The market moves again and again while the places are read, for its writer is a signal's handler. */
static void a_cut_that_takes_too_long_says_what_moved(void **state) {
        static struct md_tick ticks[WIDE];
        static unsigned char moved[WIDE];
        const struct sigaction action = { .sa_handler = move, .sa_flags = SA_RESTART };
        const struct sigaction none = { .sa_handler = SIG_DFL };
        const struct itimerval often = { { 0, MOVE_US }, { 0, MOVE_US } }, never = { 0 };
        int r;

        (void)state;
        for (uint32_t i = 0; i < INSTRUMENTS; i++)
                pen_put(&pen, i, MD_QUOTE);
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
        r = read_all(ticks, moved, WIDE);
        setitimer(ITIMER_REAL, &never, NULL);
        sigaction(SIGALRM, &none, NULL);
        assert_in_range(r, 1, WIDE);
}

/* A place that its writer left half-written when it died stands still: the cut is true. */
static void a_dead_writer_does_not_move(void **state) {
        struct md_tick ticks[INSTRUMENTS], half;
        unsigned char moved[INSTRUMENTS];

        (void)state;
        for (uint32_t i = 0; i < INSTRUMENTS; i++)
                pen_put(&pen, i, MD_QUOTE);
        half = pen_put_half(&pen, 3, MD_QUOTE);
        atomic_store(&table_line(&pen.segment.table, 3, MD_QUOTE)->word[0], half.seq | LINE_BUSY);
        assert_int_equal(read_all(ticks, moved, INSTRUMENTS), 0);
        assert_int_equal(ticks[3].seq, half.seq);
        assert_int_equal(ticks[2].seq, 3);
}

static void what_never_was_is_empty(void **state) {
        struct md_tick ticks[2] = { { .instrument = 1, .kind = MD_QUOTE },
                                    { .instrument = 2, .kind = MD_TRADE } };

        (void)state;
        pen_put(&pen, 1, MD_QUOTE);
        assert_int_equal(md_read_many(client, ticks, 2, NULL), 0);
        assert_int_equal(ticks[0].seq, 1);
        assert_int_equal(ticks[1].seq, 0);
        assert_int_equal(ticks[1].instrument, 2);
        assert_int_equal(ticks[1].kind, MD_TRADE);
        ticks[0].instrument = INSTRUMENTS;
        assert_int_equal(md_read_many(client, ticks, 2, NULL), -EINVAL);
        assert_int_equal(md_read_many(client, NULL, 0, NULL), 0);
}

static int setup(void **state) {
        (void)state;
        pen_init(&pen, INSTRUMENTS, JOURNAL);
        client = pen_connect(&pen);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        client = md_free(client);
        pen_deinit(&pen);
        return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(what_never_was_is_empty),
                TEST(a_cut_in_a_quiet_market_is_true),
                TEST(a_cut_in_a_moving_market_is_true),
                TEST(a_cut_that_takes_too_long_says_what_moved),
                TEST(a_dead_writer_does_not_move),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
