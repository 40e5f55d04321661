/* The arbiter tells new beginnings from late copies, and strangers from both. */

#include "arbiter-lines.h"

/* The same, after as many packets as make any copy too late. */
static void run_for_long(struct trial *trial) {
        run_to_100(trial, 0);
        for (unsigned i = 0; i < ARBITER_LATE; i++)
                send(trial, A, 100, 0);
}

/* ---- beginnings ---- */

static void who_comes_late_joins_where_the_session_stands(void **state) {
        struct trial trial;

        (void)state;
        trial_init(&trial, HOLE, 0, WINDOW_MIN);
        send(&trial, A, 1000, 5);
        send(&trial, B, 995, 5);
        passes(&trial, HOLE);
        assert_int_equal(trial.joined, 995);
        assert_int_equal(trial.next, 1005);
        assert_quiet(&trial); /* what was before us is no gap */
        send(&trial, A, 1006, 1);
        passes(&trial, HOLE);
        assert_int_equal(trial.gaps, 1);
        trial_deinit(&trial);

        /* so far into it that nothing before can be waited for */
        trial_init(&trial, HOLE, 0, WINDOW_MIN);
        send(&trial, A, 14764496, 5);
        assert_int_equal(trial.next, 14764501);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void the_first_packets_may_overtake_each_other(void **state) {
        struct trial trial;
        struct sent first, second;

        (void)state;
        trial_init(&trial, HOLE, 0, WINDOW_MIN);
        first = sends(&trial, 1, 5);
        second = sends(&trial, 6, 5);
        arrives(&trial, A, &second);
        arrives(&trial, A, &first);
        assert_int_equal(trial.next, 11);
        assert_int_equal(trial.joined, 1);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void another_session_begins_afresh(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send_by(&trial, A, OTHER, 1, 2);
        send_by(&trial, A, OTHER, 3, 2);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.session, OTHER);
        assert_int_equal(trial.next, 5);
        /* and says what is missing of it */
        send_by(&trial, A, OLDEST, 8, 2);
        send_by(&trial, A, OLDEST, 10, 2);
        passes(&trial, HOLE);
        assert_int_equal(trial.resets, 2);
        assert_int_equal(trial.lost, 7);
        assert_int_equal(trial.next, 12);
        trial_deinit(&trial);
}

static void one_packet_of_another_session_is_believed_in_silence_only(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send_by(&trial, B, OTHER, 1, 2);
        send(&trial, A, 100, 1);
        passes(&trial, HOLE);
        assert_int_equal(trial.resets, 0);
        assert_int_equal(trial.arbiter.strangers, 1);

        send_by(&trial, B, OTHER, 1, 2);
        passes(&trial, ARBITER_SILENCE - 1);
        assert_int_equal(trial.resets, 0);
        passes(&trial, 1);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.session, OTHER);
        trial_deinit(&trial);
}

/* What waited behind a hole goes on after it, and belies a stranger that is older than a hole may be: the
 * arbiter does not ask to be woken for a time that is over. */
static void a_hole_that_ends_belies_an_old_stranger(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send_by(&trial, B, OTHER, 1, 2);
        passes(&trial, 2 * HOLE);
        send(&trial, A, 105, 1);
        passes(&trial, HOLE);
        assert_int_equal(trial.lost, 5);
        assert_int_equal(trial.arbiter.strangers, 1);
        assert_true(arbiter_deadline(&trial.arbiter) == ARBITER_NEVER);
        trial_deinit(&trial);
}

/* What it proves to be missing is waited for as ever, from then on. */
static void a_leap_that_is_believed_late_leaves_a_hole_like_any_other(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send(&trial, A, 100 + 2 * ARBITER_FAR, 1);
        passes(&trial, ARBITER_SILENCE - 1);
        send(&trial, A, 101 + 2 * ARBITER_FAR, 1);
        assert_int_equal(trial.lost, 0);
        passes(&trial, HOLE - 1);
        assert_int_equal(trial.lost, 0);
        passes(&trial, 1);
        assert_int_equal(trial.lost, 2 * ARBITER_FAR);
        trial_deinit(&trial);
}

/* Between its heartbeats a quiet session says nothing for a second. */
static void one_packet_from_nowhere_does_not_end_a_quiet_session(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        for (unsigned i = 0; i < 100; i++) {
                send_by(&trial, B, OTHER + i, 1 + 1000 * i, 2);
                passes(&trial, 999 * MS);
                send(&trial, A, 100 + i, i % 2);
                send(&trial, A, 100 + i, 1);
                passes(&trial, 1 * MS);
        }
        assert_int_equal(trial.resets, 0);
        assert_int_equal(trial.gaps, 0);
        assert_int_equal(trial.next, 200);
        assert_int_equal(trial.arbiter.strangers, 100);
        trial_deinit(&trial);
}

static void after_the_end_of_a_session_the_next_is_believed_at_once(void **state) {
        struct trial trial;
        struct sent end;

        (void)state;
        run_to_100(&trial, 0);
        end = sends(&trial, 100, 0);
        end.ends = true;
        arrives(&trial, A, &end);
        arrives(&trial, B, &end);
        assert_int_equal(trial.ends, 2);
        send_by(&trial, A, OTHER, 1, 1);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.next, 2);
        trial_deinit(&trial);
}

static void the_end_of_a_session_waits_for_what_is_missing(void **state) {
        struct trial trial;
        struct sent end;

        (void)state;
        run_to_100(&trial, 0);
        end = sends(&trial, 103, 0);
        end.ends = true;
        arrives(&trial, A, &end);
        assert_int_equal(trial.ends, 0);
        send(&trial, B, 100, 3);
        assert_int_equal(trial.ends, 1);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void a_line_behind_is_not_a_return(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        for (unsigned i = 0; i < 10000; i++)
                send_by(&trial, A, OTHER, 1 + i, 1);
        assert_int_equal(trial.resets, 1);
        /* B brings the rest of the old session, while A goes on in the new one */
        for (unsigned i = 0; i < 10000; i++) {
                struct sent old = { .session = SESSION, .sequence = 100 + i, .count = 1 };

                arrives(&trial, B, &old);
                send_by(&trial, A, OTHER, 10001 + i, 1);
        }
        for (unsigned i = 0; i < 100; i++)
                send_by(&trial, B, OTHER, 1 + i, 1);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.gaps, 0);
        assert_int_equal(trial.next, 20001);
        assert_int_equal(trial.arbiter.strangers, 0);
        trial_deinit(&trial);
}

static void a_line_that_went_astray_alone_does_not_hold_the_other(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send_by(&trial, A, OTHER, 1, 1);
        send_by(&trial, A, OTHER, 2, 1);
        assert_int_equal(trial.resets, 1);
        /* nothing more of that: after a while, B is believed again */
        for (unsigned i = 0; i < ARBITER_LATE + 2; i++)
                send(&trial, B, 100 + i, 1);
        passes(&trial, HOLE);
        assert_int_equal(trial.resets, 2);
        assert_int_equal(trial.session, SESSION);
        trial_deinit(&trial);
}

static void stragglers_of_the_last_session_are_copies(void **state) {
        struct trial trial;
        struct sent straggler;

        (void)state;
        run_to_100(&trial, 0);
        straggler = sends(&trial, 100, 5);
        send_by(&trial, A, OTHER, 1, 2);
        send_by(&trial, A, OTHER, 3, 2);
        arrives(&trial, A, &straggler);
        send_by(&trial, A, OTHER, 5, 2);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.arbiter.strangers, 0);
        /* and no straggler is as late as this */
        for (unsigned i = 0; i < ARBITER_LATE; i++)
                send_by(&trial, A, OTHER, 7, 0);
        arrives(&trial, A, &straggler);
        passes(&trial, ARBITER_SILENCE);
        assert_int_equal(trial.resets, 2);
        trial_deinit(&trial);
}

static void a_restart_under_the_same_id_begins_afresh(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send(&trial, A, 1, 0);
        assert_int_equal(trial.resets, 1);
        send(&trial, A, 1, 0);
        send(&trial, A, 1, 7);
        send(&trial, A, 8, 1);
        assert_int_equal(trial.next, 9);
        send(&trial, A, 1, 7);
        assert_int_equal(trial.resets, 2);
        assert_int_equal(trial.next, 8);
        trial_deinit(&trial);
}

static void the_other_line_restarts_later(void **state) {
        struct trial trial;
        struct sent old[50], copy;

        (void)state;
        run_to_100(&trial, 0);
        for (unsigned i = 0; i < 50; i++)
                old[i] = sends(&trial, 100 + i, 1);
        for (unsigned i = 0; i < 30; i++)
                send(&trial, A, 1 + i, 1);
        assert_int_equal(trial.resets, 1);
        for (unsigned i = 0; i < 50; i++)
                arrives(&trial, B, &old[i]);
        for (unsigned i = 0; i < 40; i++) {
                copy = sends(&trial, 1 + i, 1); /* stamped by B's own sender */
                arrives(&trial, B, &copy);
        }
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.gaps, 0);
        assert_int_equal(trial.next, 41);
        trial_deinit(&trial);
}

static void a_copy_of_the_first_packet_is_no_restart(void **state) {
        struct trial trial;
        struct sent heartbeat, first;

        (void)state;
        trial_init(&trial, HOLE, 0, WINDOW_MIN);
        heartbeat = sends(&trial, 1, 0);
        first = sends(&trial, 1, 5);
        /* however long the venue took to begin */
        for (unsigned i = 0; i < ARBITER_LATE; i++)
                arrives(&trial, A, &heartbeat);
        arrives(&trial, A, &first);
        arrives(&trial, A, &first);
        arrives(&trial, A, &heartbeat);
        send(&trial, A, 6, 5);
        arrives(&trial, A, &first);
        assert_int_equal(trial.next, 11);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void a_replay_of_old_packets_is_a_restart(void **state) {
        struct trial trial;
        struct sent first;

        (void)state;
        run_for_long(&trial);
        first = sends(&trial, 1, 5);
        first.sent = INT64_C(1517058015909382289);
        arrives(&trial, A, &first);
        assert_int_equal(trial.resets, 1);
        first.sequence = 6;
        arrives(&trial, A, &first);
        assert_int_equal(trial.next, 11);
        trial_deinit(&trial);
}

static void a_restart_without_send_times_is_seen(void **state) {
        const struct sent first = { .session = SESSION, .sequence = 1, .count = 5 };
        struct trial trial;

        (void)state;
        run_for_long(&trial);
        arrives(&trial, A, &first);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.next, 6);
        trial_deinit(&trial);
}

/* Without send times, the first message tells: in another session it is another one. */
static void another_first_message_is_a_restart(void **state) {
        struct sent first = { .session = SESSION, .sequence = 1, .count = 3 };
        struct sent next = { .session = SESSION, .sequence = 4, .count = 2, .day = 1 };
        struct trial trial;

        (void)state;
        trial_init(&trial, HOLE, 0, WINDOW_MIN);
        arrives(&trial, A, &first);
        first.count = 2; /* lines need not cut alike */
        arrives(&trial, B, &first);
        arrives(&trial, A, &first);
        assert_quiet(&trial);
        assert_int_equal(trial.arbiter.duplicates, 4);

        first.day = 1;
        first.count = 3;
        arrives(&trial, A, &first);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.next, 4);
        arrives(&trial, B, &first);
        arrives(&trial, B, &next);
        arrives(&trial, A, &next);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.next, 6);
        assert_int_equal(trial.gaps, 0);
        trial_deinit(&trial);
}

/* The other line is still in the session before: it goes on where it was, past all of the new one. */
static void a_line_that_lags_behind_a_restart_is_no_part_of_it(void **state) {
        struct sent first = { .session = SESSION, .sequence = 1, .count = 50 };
        struct sent lags = { .session = SESSION, .sequence = 51, .count = 10 };
        struct trial trial;

        (void)state;
        trial_init(&trial, HOLE, 0, WINDOW_MIN);
        arrives(&trial, A, &first);
        arrives(&trial, B, &first);
        arrives(&trial, A, &lags);
        first.day = 1;
        first.count = 5;
        arrives(&trial, A, &first);
        assert_int_equal(trial.resets, 1);
        arrives(&trial, B, &lags);
        lags.sequence = 61;
        arrives(&trial, B, &lags);
        passes(&trial, 10 * HOLE);
        assert_int_equal(trial.next, 6);
        assert_int_equal(trial.gaps, 0);

        arrives(&trial, B, &first);
        first.sequence = 6;
        arrives(&trial, B, &first);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.next, 11);
        trial_deinit(&trial);
}

/* Also after the word that the session is over, and without an id of its own. */
static void what_follows_an_end_under_the_same_id_begins_afresh(void **state) {
        struct sent first = { .session = SESSION, .sequence = 1, .count = 3 };
        struct sent end = { .session = SESSION, .sequence = 4, .ends = true };
        struct trial trial;

        (void)state;
        trial_init(&trial, HOLE, 0, WINDOW_MIN);
        arrives(&trial, A, &first);
        arrives(&trial, A, &end);
        arrives(&trial, A, &first);
        assert_int_equal(trial.resets, 0);
        first.day = 1;
        arrives(&trial, A, &first);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.next, 4);
        trial_deinit(&trial);
}

static void a_restart_whose_beginning_was_lost_is_seen(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        for (unsigned i = 0; i < ARBITER_DOUBT - 1; i++)
                send(&trial, A, 30 + i, 1);
        assert_int_equal(trial.resets, 0);
        send(&trial, A, 45, 1);
        assert_int_equal(trial.resets, 1);
        passes(&trial, HOLE);
        assert_int_equal(trial.lost, 44);
        send(&trial, A, 46, 1);
        assert_int_equal(trial.next, 47);
        trial_deinit(&trial);
}

static void a_second_sender_on_the_line_is_no_restart(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        /* the same messages, in other packets, sent a moment later */
        for (unsigned i = 0; i < 10 * ARBITER_DOUBT; i++) {
                send(&trial, A, 100 + 3 * i, 3);
                send(&trial, A, 100 + 3 * i, 2);
                send(&trial, A, 102 + 3 * i, 1);
        }
        assert_int_equal(trial.next, 100 + 30 * ARBITER_DOUBT);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

/* ---- wild numbers ---- */

static void a_wild_number_is_not_believed(void **state) {
        struct trial trial;
        struct sent wild;

        (void)state;
        run_to_100(&trial, 0);
        wild = sends(&trial, INT64_MAX - 10, 1);
        arrives(&trial, B, &wild);
        for (unsigned i = 0; i < 100; i++) {
                send(&trial, i % 2 ? A : B, 100 + i, 1);
                passes(&trial, HOLE / 10);
        }
        assert_int_equal(trial.next, 200);
        assert_int_equal(trial.gaps, 0);
        assert_int_equal(trial.arbiter.strangers, 1);
        trial_deinit(&trial);
}

static void a_leap_is_believed_with_the_second_packet(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send(&trial, A, 500000, 5);
        assert_int_equal(trial.next, 100);
        send(&trial, A, 505000, 5);
        passes(&trial, HOLE);
        assert_int_equal(trial.gaps, 2);
        assert_int_equal(trial.lost, 499900 + 4995);
        assert_int_equal(trial.next, 505005);
        /* further than the window is wide, nothing is waited for */
        send(&trial, A, 19009117, 38);
        send(&trial, A, 19009155, 1);
        assert_int_equal(trial.gaps, 3);
        assert_int_equal(trial.next, 19009156);
        assert_int_equal(trial.arbiter.strangers, 0);
        trial_deinit(&trial);
}

static void a_leap_at_the_end_is_believed_when_nothing_follows(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send(&trial, A, 19009117, 38);
        arbiter_drain(&trial.arbiter);
        assert_int_equal(trial.gaps, 1);
        assert_int_equal(trial.next, 19009155);
        trial_deinit(&trial);
}

static void a_believed_wild_number_does_not_silence_the_line_for_good(void **state) {
        struct trial trial;
        struct sent wild;
        uint64_t sequence = 100;

        (void)state;
        run_to_100(&trial, 0);
        wild = sends(&trial, INT64_MAX - 10, 1);
        wild.sent = INT64_MAX;
        arrives(&trial, A, &wild);
        arrives(&trial, A, &wild);
        assert_int_equal(trial.gaps, 1);
        for (; !trial.resets; sequence++) {
                assert_true(sequence < 100 + ARBITER_LATE);
                send(&trial, A, sequence, 1);
        }
        passes(&trial, HOLE);
        send(&trial, A, sequence, 1);
        assert_int_equal(trial.next, sequence + 1);
        trial_deinit(&trial);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_comes_late_joins_where_the_session_stands),
                cmocka_unit_test(the_first_packets_may_overtake_each_other),
                cmocka_unit_test(another_session_begins_afresh),
                cmocka_unit_test(one_packet_of_another_session_is_believed_in_silence_only),
                cmocka_unit_test(a_hole_that_ends_belies_an_old_stranger),
                cmocka_unit_test(a_leap_that_is_believed_late_leaves_a_hole_like_any_other),
                cmocka_unit_test(one_packet_from_nowhere_does_not_end_a_quiet_session),
                cmocka_unit_test(after_the_end_of_a_session_the_next_is_believed_at_once),
                cmocka_unit_test(the_end_of_a_session_waits_for_what_is_missing),
                cmocka_unit_test(a_line_behind_is_not_a_return),
                cmocka_unit_test(a_line_that_went_astray_alone_does_not_hold_the_other),
                cmocka_unit_test(stragglers_of_the_last_session_are_copies),
                cmocka_unit_test(a_restart_under_the_same_id_begins_afresh),
                cmocka_unit_test(the_other_line_restarts_later),
                cmocka_unit_test(a_copy_of_the_first_packet_is_no_restart),
                cmocka_unit_test(a_replay_of_old_packets_is_a_restart),
                cmocka_unit_test(a_restart_without_send_times_is_seen),
                cmocka_unit_test(another_first_message_is_a_restart),
                cmocka_unit_test(a_line_that_lags_behind_a_restart_is_no_part_of_it),
                cmocka_unit_test(what_follows_an_end_under_the_same_id_begins_afresh),
                cmocka_unit_test(a_restart_whose_beginning_was_lost_is_seen),
                cmocka_unit_test(a_second_sender_on_the_line_is_no_restart),
                cmocka_unit_test(a_wild_number_is_not_believed),
                cmocka_unit_test(a_leap_is_believed_with_the_second_packet),
                cmocka_unit_test(a_leap_at_the_end_is_believed_when_nothing_follows),
                cmocka_unit_test(a_believed_wild_number_does_not_silence_the_line_for_good),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
