/* The arbiter makes one stream of two lines, and tells copies from holes. */

#include "arbiter-lines.h"

/* ---- one line ---- */

static void order_is_quiet(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send(&trial, A, 100, 5);
        send(&trial, A, 105, 0);
        send(&trial, A, 105, 0);
        send(&trial, A, 105, 1);
        assert_int_equal(trial.next, 106);
        assert_int_equal(trial.taken, 105);
        assert_int_equal(trial.heartbeats, 2);
        assert_int_equal(arbiter_deadline(&trial.arbiter), ARBITER_NEVER);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void a_hole_stays_open_for_so_long_and_no_longer(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send(&trial, A, 107, 5);
        passes(&trial, HOLE - 1);
        assert_int_equal(trial.next, 100);
        assert_int_equal(trial.gaps, 0);
        passes(&trial, 1);
        assert_int_equal(trial.gaps, 1);
        assert_int_equal(trial.lost, 7);
        assert_int_equal(trial.next, 112);

        /* a packet that comes when it is due is late, whether or not the clock was looked at */
        send(&trial, A, 115, 5);
        trial.now += HOLE;
        send(&trial, B, 112, 3);
        assert_int_equal(trial.gaps, 2);
        assert_int_equal(trial.next, 120);
        trial_deinit(&trial);
}

static void a_heartbeat_tells_of_a_hole_as_well(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send(&trial, A, 103, 0);
        send(&trial, A, 103, 0);
        passes(&trial, HOLE);
        assert_int_equal(trial.gaps, 1);
        assert_int_equal(trial.lost, 3);
        assert_int_equal(trial.heartbeats, 1);
        send(&trial, A, 103, 3);
        assert_int_equal(trial.next, 106);
        trial_deinit(&trial);
}

static void what_overtakes_is_put_in_order(void **state) {
        struct trial trial;
        struct sent first, second, third;

        (void)state;
        run_to_100(&trial, 0);
        first = sends(&trial, 100, 5);
        second = sends(&trial, 105, 5);
        third = sends(&trial, 110, 5);
        arrives(&trial, A, &third);
        arrives(&trial, A, &second);
        passes(&trial, HOLE - 1);
        arrives(&trial, A, &first);
        assert_int_equal(trial.next, 115);
        passes(&trial, 10 * HOLE);
        assert_quiet(&trial);
        assert_int_equal(trial.arbiter.line[A].figures.filled, 0);
        trial_deinit(&trial);
}

static void two_holes_are_two_gaps(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send(&trial, A, 102, 1);
        send(&trial, A, 105, 1);
        passes(&trial, HOLE);
        assert_int_equal(trial.gaps, 2);
        assert_int_equal(trial.lost, 4);
        assert_int_equal(trial.next, 106);
        trial_deinit(&trial);
}

static void copies_are_dropped(void **state) {
        struct trial trial;
        struct sent copy;

        (void)state;
        run_to_100(&trial, 0);
        trial.arbiter.duplicates = 0;
        copy = sends(&trial, 100, 10);
        arrives(&trial, A, &copy);
        arrives(&trial, A, &copy);
        arrives(&trial, B, &copy);
        assert_int_equal(trial.arbiter.duplicates, 20);
        copy.count = 4;
        arrives(&trial, B, &copy);
        assert_int_equal(trial.arbiter.duplicates, 24);
        copy.count = 0; /* a heartbeat that was overtaken */
        arrives(&trial, B, &copy);
        assert_int_equal(trial.next, 110);
        assert_int_equal(trial.arbiter.duplicates, 24);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void copies_of_what_waits_are_dropped(void **state) {
        struct trial trial;
        struct sent early;

        (void)state;
        run_to_100(&trial, 0);
        trial.arbiter.duplicates = 0;
        early = sends(&trial, 105, 5);
        arrives(&trial, A, &early);
        arrives(&trial, A, &early);
        arrives(&trial, B, &early);
        assert_int_equal(trial.arbiter.duplicates, 10);
        /* one with more in it takes its place, and its time */
        trial.now += HOLE - 1;
        early.count = 8;
        arrives(&trial, B, &early);
        passes(&trial, 1);
        assert_int_equal(trial.gaps, 1);
        assert_int_equal(trial.next, 113);
        trial_deinit(&trial);
}

static void the_new_part_of_a_packet_is_taken(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        send(&trial, A, 98, 5);
        assert_int_equal(trial.next, 103);
        /* of what waits, too */
        send(&trial, A, 110, 10);
        send(&trial, B, 115, 15);
        send(&trial, B, 103, 9);
        assert_int_equal(trial.next, 130);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

/* ---- two lines ---- */

static void the_other_line_fills_a_hole(void **state) {
        struct trial trial;
        struct sent lost;

        (void)state;
        run_to_100(&trial, 0);
        lost = sends(&trial, 100, 5);
        send(&trial, A, 105, 5);
        passes(&trial, HOLE - 1);
        arrives(&trial, B, &lost);
        assert_int_equal(trial.next, 110);
        assert_int_equal(trial.arbiter.line[B].figures.filled, 1);
        assert_int_equal(trial.arbiter.line[A].figures.filled, 0);
        /* a line that is behind misses what the one ahead has brought */
        send(&trial, A, 110, 10);
        send(&trial, B, 115, 5);
        assert_int_equal(trial.arbiter.line[A].figures.filled, 1);
        passes(&trial, HOLE);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void a_gap_is_what_both_lines_lack(void **state) {
        struct trial trial;
        struct sent a, b;

        (void)state;
        run_to_100(&trial, 0);
        a = sends(&trial, 103, 7); /* A lacks 100 to 102, B 101 to 105 */
        b = sends(&trial, 100, 1);
        arrives(&trial, A, &a);
        arrives(&trial, B, &b);
        b = sends(&trial, 106, 4);
        arrives(&trial, B, &b);
        passes(&trial, HOLE);
        assert_int_equal(trial.gaps, 1);
        assert_int_equal(trial.lost, 2);
        assert_int_equal(trial.next, 110);
        trial_deinit(&trial);
}

static void who_wins_and_by_how_much_is_told(void **state) {
        struct trial trial;
        struct sent packet;

        (void)state;
        run_to_100(&trial, 0);
        packet = sends(&trial, 100, 1);
        arrives(&trial, A, &packet);
        arrives(&trial, B, &packet); /* the first copy of all that is remembered */
        memset(&trial.arbiter.line[A].figures, 0, sizeof(struct arbiter_figures));
        memset(&trial.arbiter.line[B].figures, 0, sizeof(struct arbiter_figures));
        for (unsigned i = 0; i < 10; i++) {
                packet = sends(&trial, 101 + i, 1);
                arrives(&trial, i < 7 ? A : B, &packet);
                trial.now += 1000;
                arrives(&trial, i < 7 ? B : A, &packet);
        }
        assert_int_equal(trial.arbiter.line[A].figures.won, 7);
        assert_int_equal(trial.arbiter.line[A].figures.lost, 3);
        assert_int_equal(trial.arbiter.line[A].figures.led, 7);
        assert_int_equal(trial.arbiter.line[A].figures.lead_sum, 7000);
        assert_int_equal(trial.arbiter.line[B].figures.won, 3);
        assert_int_equal(trial.arbiter.line[B].figures.lost, 7);
        assert_int_equal(trial.arbiter.line[B].figures.led, 3);
        assert_int_equal(trial.arbiter.line[B].figures.lead_sum, 3000);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

/* By how much a line leads is a matter of first copies, and between A and B alone. */
static void a_lead_is_told_once(void **state) {
        struct trial trial;
        struct sent packet;

        (void)state;
        run_to_100(&trial, 100 * MS);
        memset(&trial.arbiter.line[A].figures, 0, sizeof(struct arbiter_figures));
        memset(&trial.arbiter.line[B].figures, 0, sizeof(struct arbiter_figures));
        for (unsigned i = 0; i < 4; i++) {
                packet = sends(&trial, 101 + i, 1);
                arrives(&trial, i == 3 ? R : A, &packet);
                trial.now += 1000;
                arrives(&trial, i == 2 ? R : A, &packet);
                trial.now += 1000;
                arrives(&trial, B, &packet);
                trial.now += 5000;
                arrives(&trial, B, &packet);
        }
        assert_int_equal(trial.arbiter.line[A].figures.won, 3);
        assert_int_equal(trial.arbiter.line[A].figures.led, 3);
        assert_int_equal(trial.arbiter.line[A].figures.lead_sum, 6000);
        assert_int_equal(trial.arbiter.line[B].figures.led, 0);
        assert_int_equal(trial.arbiter.line[B].figures.lead_sum, 0);
        assert_int_equal(trial.arbiter.line[B].figures.lost, 8);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void a_dead_line_is_no_matter(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, 0);
        for (unsigned i = 0; i < 100; i++)
                send(&trial, B, 100 + i, 1);
        assert_int_equal(trial.next, 200);
        /* and when it is back, it is behind */
        for (unsigned i = 0; i < 200; i++)
                send(&trial, i % 2 ? A : B, i % 2 ? 150 + i / 2 : 200 + i / 2, 1);
        assert_int_equal(trial.next, 300);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

/* ---- the window ---- */

static void what_does_not_fit_is_given_up_early(void **state) {
        struct trial trial;
        unsigned n = 0;

        (void)state;
        run_to_100(&trial, 0);
        for (; !trial.gaps; n++) {
                assert_true(n < 10000);
                send(&trial, A, 200 + n * COUNT_MAX, COUNT_MAX);
        }
        assert_true(n > 100); /* so many of this size there is room for */
        assert_int_equal(trial.arbiter.squeezed, 1);
        assert_int_equal(trial.lost, 100);
        assert_int_equal(trial.next, 200 + n * COUNT_MAX);
        assert_int_equal(arbiter_deadline(&trial.arbiter), ARBITER_NEVER);
        trial_deinit(&trial);
}

static void the_window_turns_while_holes_are_open(void **state) {
        struct trial trial;
        uint64_t number = 100;

        (void)state;
        run_to_100(&trial, 0);
        /* every tenth packet is lost, and some hole is always open: a hundred times the window */
        for (unsigned i = 0; i < 40000; i++) {
                if (i % 10)
                        send(&trial, A, number, COUNT_MAX);
                number += COUNT_MAX;
                passes(&trial, HOLE / 50);
        }
        passes(&trial, HOLE);
        assert_int_equal(trial.arbiter.squeezed, 0);
        assert_int_equal(trial.gaps, 4000);
        assert_int_equal(trial.lost, 4000 * COUNT_MAX);
        assert_int_equal(trial.next, number);
        trial_deinit(&trial);
}

static void nothing_waits_when_holes_are_not_to_stay_open(void **state) {
        struct trial trial;

        (void)state;
        trial_init(&trial, 0, 0, WINDOW_MIN);
        send(&trial, A, 1000, 5);
        assert_int_equal(trial.next, 1005);
        assert_int_equal(trial.joined, 1000);
        send(&trial, A, 1007, 5);
        assert_int_equal(trial.gaps, 1);
        assert_int_equal(trial.next, 1012);
        send(&trial, A, 1000000, 5);
        assert_int_equal(trial.gaps, 2);
        send_by(&trial, A, OTHER, 1, 5);
        assert_int_equal(trial.resets, 1);
        assert_int_equal(trial.next, 6);
        trial_deinit(&trial);
}

/* ---- asking again ---- */

static void what_is_missing_is_asked_for_after_the_hole(void **state) {
        struct trial trial;
        struct sent lost;

        (void)state;
        run_to_100(&trial, RECOVERY);
        lost = sends(&trial, 100, 7);
        send(&trial, A, 107, 5);
        passes(&trial, HOLE - 1);
        assert_int_equal(trial.asks, 0);
        passes(&trial, 1);
        assert_int_equal(trial.asks, 1);
        assert_int_equal(trial.asked_first, 100);
        assert_int_equal(trial.asked_n, 7);
        /* half an answer: the rest is asked for */
        lost.count = 3;
        arrives(&trial, R, &lost);
        send(&trial, A, 112, 1);
        assert_int_equal(trial.asks, 2);
        assert_int_equal(trial.asked_first, 103);
        assert_int_equal(trial.asked_n, 4);
        lost = sends(&trial, 103, 4);
        arrives(&trial, R, &lost);
        assert_int_equal(trial.next, 113);
        assert_int_equal(trial.arbiter.line[R].figures.won, 2);
        passes(&trial, 10 * RECOVERY);
        assert_int_equal(trial.asks, 2);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

static void an_answer_that_never_comes_is_a_gap_in_the_end(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, RECOVERY);
        send(&trial, A, 107, 5);
        passes(&trial, HOLE + RECOVERY - 1);
        assert_int_equal(trial.gaps, 0);
        assert_true(trial.asks > 1); /* an ask may have been lost itself */
        assert_true(trial.asks <= 8);
        passes(&trial, 1);
        assert_int_equal(trial.gaps, 1);
        assert_int_equal(trial.lost, 7);
        assert_int_equal(trial.next, 112);
        trial_deinit(&trial);
}

static void an_answer_to_another_question_is_dropped(void **state) {
        struct trial trial;
        struct sent answer;

        (void)state;
        run_to_100(&trial, RECOVERY);
        send(&trial, A, 107, 5);
        passes(&trial, HOLE);
        answer = sends_by(&trial, OTHER, 1, 7);
        arrives(&trial, R, &answer);
        answer = sends(&trial, 5000000, 7);
        arrives(&trial, R, &answer);
        assert_int_equal(trial.next, 100);
        passes(&trial, RECOVERY);
        assert_int_equal(trial.gaps, 1);
        assert_int_equal(trial.next, 112);
        assert_int_equal(trial.resets, 0);
        trial_deinit(&trial);
}

static void who_comes_late_asks_for_the_beginning(void **state) {
        struct trial trial;
        struct sent answer;

        (void)state;
        trial_init(&trial, HOLE, RECOVERY, WINDOW_MIN);
        send(&trial, A, 50, 5);
        passes(&trial, HOLE);
        assert_int_equal(trial.asked_first, 1);
        assert_int_equal(trial.asked_n, 49);
        answer = sends(&trial, 1, 49);
        arrives(&trial, R, &answer);
        assert_int_equal(trial.next, 55);
        assert_int_equal(trial.taken, 54);
        assert_int_equal(trial.joined, 1);
        assert_quiet(&trial);
        trial_deinit(&trial);
}

/* ---- the end ---- */

static void what_waits_goes_on_at_the_end(void **state) {
        struct trial trial;

        (void)state;
        run_to_100(&trial, RECOVERY);
        send(&trial, A, 107, 5);
        send(&trial, A, 115, 5);
        arbiter_drain(&trial.arbiter);
        assert_int_equal(trial.gaps, 2);
        assert_int_equal(trial.next, 120);
        assert_int_equal(arbiter_deadline(&trial.arbiter), ARBITER_NEVER);
        arbiter_forget(&trial.arbiter);
        /* and a first packet joins again */
        trial.taken = 0;
        send(&trial, A, 3000000, 5);
        assert_int_equal(trial.joined, 3000000);
        assert_int_equal(trial.resets, 0);
        trial_deinit(&trial);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(order_is_quiet),
                cmocka_unit_test(a_hole_stays_open_for_so_long_and_no_longer),
                cmocka_unit_test(a_heartbeat_tells_of_a_hole_as_well),
                cmocka_unit_test(what_overtakes_is_put_in_order),
                cmocka_unit_test(two_holes_are_two_gaps),
                cmocka_unit_test(copies_are_dropped),
                cmocka_unit_test(copies_of_what_waits_are_dropped),
                cmocka_unit_test(the_new_part_of_a_packet_is_taken),
                cmocka_unit_test(the_other_line_fills_a_hole),
                cmocka_unit_test(a_gap_is_what_both_lines_lack),
                cmocka_unit_test(who_wins_and_by_how_much_is_told),
                cmocka_unit_test(a_lead_is_told_once),
                cmocka_unit_test(a_dead_line_is_no_matter),
                cmocka_unit_test(what_does_not_fit_is_given_up_early),
                cmocka_unit_test(the_window_turns_while_holes_are_open),
                cmocka_unit_test(nothing_waits_when_holes_are_not_to_stay_open),
                cmocka_unit_test(what_is_missing_is_asked_for_after_the_hole),
                cmocka_unit_test(an_answer_that_never_comes_is_a_gap_in_the_end),
                cmocka_unit_test(an_answer_to_another_question_is_dropped),
                cmocka_unit_test(who_comes_late_asks_for_the_beginning),
                cmocka_unit_test(what_waits_goes_on_at_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
