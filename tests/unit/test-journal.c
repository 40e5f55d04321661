/* The ring of the last ticks: what a reader finds in it, at every moment of the writing. */

#include "shm/journal.h"

#include <pthread.h>
#include <unistd.h>

#include "step-try.h"
#include "tick-try.h"

#define SIZE 64

static struct journal journal_make(void) {
        return (struct journal){ .lines = lines_new(SIZE), .size = SIZE };
}

static void put(struct journal *journal, uint64_t seq) {
        struct md_tick tick = tick_make(seq, (uint32_t)seq % 7, seq % 9, 0);

        journal_write(journal, &tick);
}

static void assert_outcome(const struct journal *journal, uint64_t seq, int expected) {
        struct md_tick tick;

        assert_int_equal(journal_look(journal, seq), expected);
        assert_int_equal(journal_read(journal, seq, &tick), expected);
        if (expected == JOURNAL_OK) {
                assert_int_equal(tick.seq, seq);
                assert_true(tick_whole(&tick, 0));
        }
}

static void test_new_is_empty(void **state) {
        struct journal journal = journal_make();

        (void)state;
        for (uint64_t seq = 1; seq <= 3 * SIZE; seq++)
                assert_outcome(&journal, seq, JOURNAL_EMPTY);
        lines_free(journal.lines, SIZE);
}

static void test_last_ticks_are_there(void **state) {
        struct journal journal = journal_make();

        (void)state;
        for (uint64_t newest = 1; newest <= 3 * SIZE; newest++) {
                put(&journal, newest);
                for (uint64_t seq = 1; seq <= newest + SIZE; seq++)
                        assert_outcome(&journal, seq,
                                       seq > newest          ? JOURNAL_EMPTY
                                       : seq + SIZE > newest ? JOURNAL_OK
                                                             : JOURNAL_LAPPED);
        }
        lines_free(journal.lines, SIZE);
}

struct put {
        struct journal *journal;
        uint64_t seq;
};

static void put_one(void *argument) {
        struct put *args = argument;

        put(args->journal, args->seq);
}

/* A writer that is stopped anywhere: its own tick is there whole or not yet, the one that it overwrites
 * is there whole or no longer, and all others are there. */
static void stop_anywhere(struct journal *journal, uint64_t seq) {
        int ours = JOURNAL_EMPTY, theirs = seq > SIZE ? JOURNAL_OK : JOURNAL_LAPPED;
        uint64_t oldest = journal_oldest(journal, seq - 1);
        pid_t pid = step_begin(put_one, &(struct put){ journal, seq });

        while (step(pid)) {
                if (journal_look(journal, seq) == JOURNAL_OK)
                        ours = JOURNAL_OK;
                assert_outcome(journal, seq, ours);
                if (seq > SIZE) {
                        if (journal_look(journal, seq - SIZE) == JOURNAL_LAPPED)
                                theirs = JOURNAL_LAPPED;
                        assert_outcome(journal, seq - SIZE, theirs);
                }
                /* never both, never one before the other is gone */
                assert_true(ours == JOURNAL_EMPTY || theirs == JOURNAL_LAPPED);

                /* where a reader goes on that was lapped */
                for (uint64_t s = oldest; s < seq; s++)
                        assert_outcome(journal, s, JOURNAL_OK);
        }
        assert_outcome(journal, seq, JOURNAL_OK);
}

static void test_stopped_writer(void **state) {
        struct journal journal = journal_make();
        uint64_t seq = 0;

        (void)state;
        stop_anywhere(&journal, ++seq);
        while (seq < SIZE - 1)
                put(&journal, ++seq);
        stop_anywhere(&journal, ++seq);
        stop_anywhere(&journal, ++seq);
        while (seq < 3 * SIZE + 5)
                put(&journal, ++seq);
        stop_anywhere(&journal, ++seq);
        lines_free(journal.lines, SIZE);
}

static void test_oldest_is_the_oldest(void **state) {
        struct journal journal = journal_make();
        struct md_tick tick;

        (void)state;
        for (uint64_t seq = 1; seq < 3 * SIZE; seq++) {
                /* the next one has been begun */
                tick = tick_make(seq, 0, 0, 0);
                line_write_part(journal_line(&journal, seq), &tick, 1);
                if (seq > 1)
                        assert_outcome(&journal, journal_oldest(&journal, seq - 1), JOURNAL_OK);
                if (seq > SIZE)
                        assert_outcome(&journal, journal_oldest(&journal, seq - 1) - 1,
                                       JOURNAL_LAPPED);
                put(&journal, seq);
        }
        lines_free(journal.lines, SIZE);
}

/* A killed writer's number is used again, for another tick. */
static void test_number_is_used_again(void **state) {
        struct journal journal = journal_make();
        struct md_tick lost = tick_make(1, 5, 5, 4711);

        (void)state;
        line_write_part(journal_line(&journal, 1), &lost, LINE_STORES - 1);
        assert_outcome(&journal, 1, JOURNAL_EMPTY);
        put(&journal, 1);
        assert_outcome(&journal, 1, JOURNAL_OK);
        lines_free(journal.lines, SIZE);
}

/* A line that was overwritten between the look and the copy. */
static void test_copy_is_overtaken(void **state) {
        struct journal journal = journal_make();
        struct md_tick tick;

        (void)state;
        put(&journal, 3);
        assert_true(line_copy(journal_line(&journal, 3), 3, &tick));
        assert_true(tick_whole(&tick, 0));
        put(&journal, 3 + SIZE);
        assert_false(line_copy(journal_line(&journal, 3), 3, &tick));
        tick = tick_make(3 + 2 * SIZE, 0, 0, 0);
        line_write_part(journal_line(&journal, 3), &tick, 1);
        assert_false(line_copy(journal_line(&journal, 3), 3 + SIZE, &tick));
        lines_free(journal.lines, SIZE);
}

/* ---- followers ---- */

#define TICKS     2000000
#define FOLLOWERS 3

struct follower {
        pthread_t thread;
        const struct journal *journal;
        const _Atomic uint64_t *newest;
        unsigned pause_us; /* now and then */

        uint64_t taken, missed, torn, strange;
};

static void *follow(void *argument) {
        struct follower *follower = argument;
        struct md_tick tick;
        uint64_t cursor = 1, oldest;

        while (cursor <= TICKS) {
                switch (journal_read(follower->journal, cursor, &tick)) {
                case JOURNAL_OK:
                        follower->taken++;
                        follower->torn += !tick_whole(&tick, 0);
                        follower->strange += tick.seq != cursor;
                        cursor++;
                        if (follower->pause_us && cursor % 10000 == 0)
                                usleep(follower->pause_us);
                        break;
                case JOURNAL_LAPPED:
                        oldest = journal_oldest(
                                follower->journal,
                                atomic_load_explicit(follower->newest, memory_order_acquire));
                        /* the writer stored the number before it lapped us */
                        follower->strange += oldest <= cursor;
                        follower->missed += oldest - cursor;
                        cursor = oldest;
                        break;
                }
        }
        return NULL;
}

static void test_followers(void **state) {
        struct journal journal = journal_make();
        struct follower followers[FOLLOWERS] = { 0 };
        _Atomic uint64_t newest = 0;

        (void)state;
        for (unsigned i = 0; i < FOLLOWERS; i++) {
                followers[i].journal = &journal;
                followers[i].newest = &newest;
                followers[i].pause_us = 500 * i;
                assert_int_equal(pthread_create(&followers[i].thread, NULL, follow, &followers[i]),
                                 0);
        }
        for (uint64_t seq = 1; seq <= TICKS; seq++) {
                put(&journal, seq);
                atomic_store_explicit(&newest, seq, memory_order_release);
        }
        for (unsigned i = 0; i < FOLLOWERS; i++) {
                assert_int_equal(pthread_join(followers[i].thread, NULL), 0);
                assert_int_equal(followers[i].torn, 0);
                assert_int_equal(followers[i].strange, 0);
                assert_int_equal(followers[i].taken + followers[i].missed, TICKS);
                assert_true(followers[i].taken > 0);
        }
        lines_free(journal.lines, SIZE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_new_is_empty),
                cmocka_unit_test(test_last_ticks_are_there),
                cmocka_unit_test(test_stopped_writer),
                cmocka_unit_test(test_oldest_is_the_oldest),
                cmocka_unit_test(test_number_is_used_again),
                cmocka_unit_test(test_copy_is_overtaken),
                cmocka_unit_test(test_followers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
