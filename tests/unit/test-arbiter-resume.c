/* A stream that somebody else carried so far goes on as if nothing had been. */

#include "arbiter-lines.h"

/* 100 comes next, and not a packet was seen; what was sent up to now was. */
static void resume_at_100(struct trial *trial, int64_t recovery) {
        trial_init(trial, HOLE, recovery, WINDOW_MIN);
        trial->next = 100;
        arbiter_resume(&trial->arbiter, SESSION, 100, trial->sent);
}

static void the_next_number_follows(void **state) {
        struct trial trial;

        (void)state;
        resume_at_100(&trial, 0);
        send(&trial, B, 100, 0);
        send(&trial, A, 100, 5);
        send(&trial, B, 100, 5);
        send(&trial, B, 105, 5);
        assert_int_equal(trial.next, 110);
        assert_int_equal(trial.arbiter.duplicates, 5);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void what_is_missing_before_the_first_packet_is_a_gap(void **state) {
        struct trial trial;

        (void)state;
        resume_at_100(&trial, 0);
        send(&trial, A, 103, 5);
        passes(&trial, HOLE - 1);
        assert_quiet(&trial);
        passes(&trial, 1);
        assert_int_equal(trial.gaps, 1);
        assert_int_equal(trial.lost, 3);
        assert_int_equal(trial.next, 108);
        trial_deinit(&trial);

        /* a heartbeat says it, too */
        resume_at_100(&trial, 0);
        send(&trial, A, 103, 0);
        passes(&trial, HOLE);
        assert_int_equal(trial.lost, 3);
        trial_deinit(&trial);

        /* however much it is, when a second packet bears it out */
        resume_at_100(&trial, 0);
        send(&trial, A, 100 + 3 * ARBITER_FAR, 1);
        send(&trial, A, 101 + 3 * ARBITER_FAR, 1);
        passes(&trial, HOLE);
        assert_int_equal(trial.lost, 3 * ARBITER_FAR);
        trial_deinit(&trial);
}

static void the_other_line_fills_it_or_it_is_asked_for(void **state) {
        struct trial trial;

        (void)state;
        resume_at_100(&trial, RECOVERY);
        send(&trial, A, 103, 5);
        send(&trial, B, 100, 3);
        assert_int_equal(trial.next, 108);
        send(&trial, A, 110, 1);
        passes(&trial, HOLE);
        assert_int_equal(trial.asked_first, 108);
        assert_int_equal(trial.asked_n, 2);
        send(&trial, R, 108, 2);
        assert_int_equal(trial.next, 111);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void a_line_that_is_behind_brings_copies(void **state) {
        struct trial trial;
        struct sent late[2 * ARBITER_DOUBT];

        (void)state;
        trial_init(&trial, HOLE, 0, WINDOW_MIN);
        for (unsigned i = 0; i < 2 * ARBITER_DOUBT; i++)
                late[i] = sends(&trial, 1 + i, 1);
        trial.next = 100;
        arbiter_resume(&trial.arbiter, SESSION, 100, trial.sent);
        send(&trial, A, 100, 5);
        for (unsigned i = 0; i < 2 * ARBITER_DOUBT; i++)
                arrives(&trial, B, &late[i]);
        assert_int_equal(trial.next, 105);
        assert_int_equal(trial.arbiter.duplicates, 2 * ARBITER_DOUBT);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void a_session_that_began_afresh_meanwhile_is_seen(void **state) {
        struct trial trial;

        (void)state;
        resume_at_100(&trial, 0);
        send(&trial, A, 1, 5);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.next, 6);
        trial_deinit(&trial);

        resume_at_100(&trial, 0);
        for (unsigned i = 0; i < ARBITER_DOUBT; i++)
                send(&trial, A, 10 + i, 1);
        assert_int_equal(trial.resets, 1);
        trial_deinit(&trial);

        resume_at_100(&trial, 0);
        send_by(&trial, A, OTHER, 1, 5);
        assert_quiet(&trial);
        send_by(&trial, A, OTHER, 6, 5);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.session, OTHER);
        assert_int_equal(trial.next, 11);
        trial_deinit(&trial);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_next_number_follows),
                cmocka_unit_test(what_is_missing_before_the_first_packet_is_a_gap),
                cmocka_unit_test(the_other_line_fills_it_or_it_is_asked_for),
                cmocka_unit_test(a_line_that_is_behind_brings_copies),
                cmocka_unit_test(a_session_that_began_afresh_meanwhile_is_seen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
