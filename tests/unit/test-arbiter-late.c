/* Who joins a session late catches up with it, or knows that he cannot. */

#include "arbiter-try.h"

#define A ARBITER_LINE_A
#define B ARBITER_LINE_B
#define C ARBITER_LINE_RECOVERY

static int set_up(void **state) {
        static struct trial trial;

        trial_init(&trial, HOLE, RECOVERY, WINDOW_MIN);
        trial.can_catch_up = true;
        *state = &trial;
        return 0;
}

static int tear_down(void **state) {
        trial_deinit(*state);
        return 0;
}

static void sent_on(struct trial *trial, unsigned line, uint64_t sequence, uint32_t count) {
        const struct sent sent = sends(trial, sequence, count);

        arrives(trial, line, &sent);
}

/* Late by so many messages, and catching up. */
static void join_at(struct trial *trial, uint64_t sequence) {
        sent_on(trial, A, sequence, 10);
        passes(trial, HOLE);
        assert_true(trial->catching_up);
}

/* What is asked for again comes, up to that number. */
static void answered_up_to(struct trial *trial, uint64_t end) {
        while (trial->next < end)
                sent_on(trial, C, trial->next,
                        end - trial->next < COUNT_MAX ? (uint32_t)(end - trial->next) : COUNT_MAX);
}

static void everything_comes_in_order(void **state) {
        struct trial *trial = *state;

        join_at(trial, 1001);
        answered_up_to(trial, 1001);
        assert_true(trial->catching_up); /* what came first did not wait */
        answered_up_to(trial, 1011);
        assert_int_equal(trial->caught_up, 1);
        assert_int_equal(trial->taken, 1010);
        sent_on(trial, A, 1011, 5);
        assert_int_equal(trial->taken, 1015);
        assert_int_equal(trial->gaps + trial->asks + trial->resets, 0);
        assert_int_equal(trial->joined, 1);
}

static void a_first_packet_that_was_overtaken_is_not_late(void **state) {
        struct trial *trial = *state;

        sent_on(trial, A, 4, 3);
        passes(trial, HOLE - 1);
        sent_on(trial, A, 1, 3);
        assert_int_equal(trial->taken, 6);
        passes(trial, 10 * RECOVERY);
        assert_false(trial->catching_up);
        assert_int_equal(trial->caught_up, 0);
}

static void what_is_near_waits_and_what_is_far_is_dropped(void **state) {
        struct trial *trial = *state;
        uint64_t far = 2 * ARBITER_NEAR;

        join_at(trial, far);
        for (uint64_t i = 1; i < 100; i++)
                sent_on(trial, i % 2 ? A : B, far + 10 * i, 10);
        assert_true(window_is_empty(&trial->arbiter.window));
        answered_up_to(trial, far);
        assert_int_equal(trial->arbiter.catching_up.goal, far + 1000);
        for (uint64_t i = 100; i < 110; i++)
                sent_on(trial, i % 2 ? A : B, far + 10 * i, 10);
        assert_int_equal(trial->arbiter.window.packets, 10);
        answered_up_to(trial, far + 1000);
        assert_int_equal(trial->caught_up, 1);
        assert_int_equal(trial->next, far + 1100); /* with those that waited */
}

static void the_goal_moves_while_there_is_no_room(void **state) {
        struct trial *trial = *state;
        uint64_t at = 5001;

        join_at(trial, at);
        for (at += 10; !(trial->arbiter.catching_up.goal > 5011); at += COUNT_MAX)
                sent_on(trial, A, at, COUNT_MAX);
        assert_true(trial->arbiter.window.used < trial->arbiter.window.size);
        sent_on(trial, C, 100, 10); /* there is still some for what is asked for */
        assert_int_equal(trial->arbiter.window.lowest, 100);
        for (unsigned i = 0; i < 1000; i++, at += COUNT_MAX)
                sent_on(trial, A, at, COUNT_MAX);
        answered_up_to(trial, at);
        assert_int_equal(trial->caught_up, 1);
        assert_int_equal(trial->next, at);
        assert_int_equal(trial->gaps, 0);
}

static void answers_come_in_any_order(void **state) {
        struct trial *trial = *state;

        join_at(trial, 501);
        for (uint64_t i = 50; i-- > 0;)
                sent_on(trial, C, 1 + 10 * i, 10);
        assert_int_equal(trial->next, 501);
        sent_on(trial, C, 481, 30); /* overlaps */
        sent_on(trial, C, 11, 10);
        assert_int_equal(trial->caught_up, 1);
        assert_int_equal(trial->taken, 510);
}

static void a_hole_is_no_gap_before_its_time_is_over(void **state) {
        struct trial *trial = *state;

        join_at(trial, 1001);
        sent_on(trial, A, 1021, 10); /* both lines lose 1011 to 1020 */
        passes(trial, 100 * RECOVERY);
        assert_int_equal(trial->gaps + trial->asks, 0);
        answered_up_to(trial, 1011);
        assert_int_equal(trial->caught_up, 1);
        passes(trial, HOLE - 1);
        assert_int_equal(trial->asks, 0);
        passes(trial, 1);
        assert_int_equal(trial->asks, 1);
        assert_int_equal(trial->asked_first, 1011);
        assert_int_equal(trial->asked_n, 10);
        passes(trial, RECOVERY);
        assert_int_equal(trial->gaps, 1);
        assert_int_equal(trial->lost, 10);
        assert_int_equal(trial->next, 1031);
}

static void who_gives_in_joins_where_the_lines_are(void **state) {
        struct trial *trial = *state;

        join_at(trial, 1001);
        sent_on(trial, C, 50, 10);
        sent_on(trial, B, 1011, 10);
        arbiter_give_in(&trial->arbiter, trial->now);
        assert_false(trial->catching_up);
        assert_int_equal(trial->joined, 1011); /* what did not wait is gone */
        assert_int_equal(trial->next, 1021);
        sent_on(trial, A, 1021, 1);
        sent_on(trial, C, 1, 50); /* too late */
        assert_int_equal(trial->taken, 11);
        assert_int_equal(trial->gaps, 0);
        passes(trial, 10 * RECOVERY);
        assert_false(trial->catching_up);
}

/* Somebody before us had carried all that was before that number. */
static void go_back_from(struct trial *trial, uint64_t next) {
        arbiter_resume(&trial->arbiter, SESSION, next, trial->sent);
        arbiter_go_back(&trial->arbiter, trial->now);
        assert_true(trial->catching_up);
}

static void what_is_known_to_be_there_has_to_come(void **state) {
        struct trial *trial = *state;

        go_back_from(trial, 1101);
        sent_on(trial, C, 1, 50);
        sent_on(trial, A, 1091, 10);
        answered_up_to(trial, 1051);
        assert_int_equal(trial->caught_up, 0);
        answered_up_to(trial, 1101);
        assert_int_equal(trial->caught_up, 1);
        sent_on(trial, A, 1101, 10);
        assert_int_equal(trial->next, 1111);
}

static void what_was_missed_between_the_two_has_to_come_too(void **state) {
        struct trial *trial = *state;

        go_back_from(trial, 1101);
        sent_on(trial, B, 1091, 10); /* a late copy */
        sent_on(trial, A, 2001, 10);
        sent_on(trial, A, 2021, 10);
        answered_up_to(trial, 2000);
        assert_int_equal(trial->caught_up, 0);
        answered_up_to(trial, 2001);
        assert_int_equal(trial->caught_up, 1);
        assert_int_equal(trial->next, 2011);
        passes(trial, HOLE);
        assert_int_equal(trial->asked_first, 2011);
}

static void what_only_the_predecessor_knew_need_not(void **state) {
        struct trial *trial = *state;

        go_back_from(trial, 1101);
        answered_up_to(trial, 1051);
        passes(trial, ARBITER_SILENCE); /* and no copy is so late */
        sent_on(trial, A, 1051, 10);
        arbiter_give_in(&trial->arbiter, trial->now);
        assert_int_equal(trial->caught_up, 1);
        sent_on(trial, A, 1061, 50);
        assert_int_equal(trial->taken, 1110);
        assert_int_equal(trial->gaps, 0);
}

static void who_was_wrong_is_not_waited_for(void **state) {
        struct trial *trial = *state;

        go_back_from(trial, 1101);
        sent_on(trial, A, 301, 10);
        answered_up_to(trial, 311);
        assert_int_equal(trial->caught_up, 0); /* it may be a late copy */
        passes(trial, ARBITER_SILENCE);
        sent_on(trial, A, 311, 10);
        assert_int_equal(trial->caught_up, 1);
        assert_int_equal(trial->next, 321);
        sent_on(trial, A, 321, 10);
        assert_int_equal(trial->gaps + trial->resets, 0);
}

static void a_late_copy_does_not_tell_how_far_it_is(void **state) {
        struct trial *trial = *state;

        go_back_from(trial, 1101);
        sent_on(trial, A, 11, 10);
        passes(trial, ARBITER_SILENCE - 1);
        sent_on(trial, B, 11, 10);
        assert_int_equal(trial->resets, 0);
        answered_up_to(trial, 51); /* and then the server is silent */
        passes(trial, 10 * ARBITER_SILENCE);
        arbiter_give_in(&trial->arbiter, trial->now);
        assert_int_equal(trial->caught_up, 0);
        assert_false(trial->catching_up);
        assert_int_equal(trial->arbiter.next, 1101);
        assert_int_equal(trial->gaps, 0);
}

static void what_the_predecessor_had_is_no_gap(void **state) {
        struct trial *trial = *state;

        go_back_from(trial, 1101);
        sent_on(trial, A, 60000, 10);
        answered_up_to(trial, 51);
        arbiter_give_in(&trial->arbiter, trial->now);
        assert_int_equal(trial->lost, 60000 - 1101);
        assert_int_equal(trial->next, 60010);
}

static void who_cannot_go_back_goes_on(void **state) {
        struct trial *trial = *state;

        trial->can_catch_up = false;
        trial->next = 101;
        arbiter_resume(&trial->arbiter, SESSION, 101, trial->sent);
        arbiter_go_back(&trial->arbiter, trial->now);
        sent_on(trial, A, 101, 10);
        assert_int_equal(trial->next, 111);
        assert_int_equal(trial->taken, 10);
}

static void what_went_on_until_then_went_on(void **state) {
        struct trial *trial = *state;

        join_at(trial, 1001);
        answered_up_to(trial, 301);
        sent_on(trial, C, 400, 10);
        arbiter_give_in(&trial->arbiter, trial->now);
        assert_int_equal(trial->gaps, 1);
        assert_int_equal(trial->lost, 710);
        assert_int_equal(trial->next, 1011);
}

/* Answers keep coming, for a server knows a session that is over. */
static void keeps_answering(struct trial *trial, int64_t ns) {
        for (int64_t end = trial->now + ns; trial->now < end && !trial->resets;) {
                sent_on(trial, C, trial->next, 1);
                passes(trial, 10 * MS);
        }
}

static void another_session_ends_it(void **state) {
        struct trial *trial = *state;
        struct sent sent = sends_by(trial, OTHER, 1, 3);

        join_at(trial, 1001);
        keeps_answering(trial, 100 * MS);
        sent_on(trial, C, 201, 10);
        arrives(trial, A, &sent);
        keeps_answering(trial, 100 * MS);
        assert_int_equal(trial->resets, 0);
        sent = sends_by(trial, OTHER, 4, 3);
        arrives(trial, A, &sent);
        assert_int_equal(trial->resets, 1);
        assert_int_equal(trial->session, OTHER);
        assert_false(trial->catching_up);
        assert_int_equal(trial->next, 7);
}

static void another_session_is_believed_when_the_old_one_is_silent(void **state) {
        struct trial *trial = *state;
        struct sent sent = sends_by(trial, OTHER, 1, 3);

        join_at(trial, 1001);
        arrives(trial, A, &sent);
        keeps_answering(trial, ARBITER_SILENCE + 20 * MS);
        assert_int_equal(trial->resets, 1);
        assert_int_equal(trial->next, 4);
}

static void a_single_packet_from_elsewhere_ends_nothing(void **state) {
        struct trial *trial = *state;
        const struct sent sent = sends_by(trial, OTHER, 1, 3);

        join_at(trial, 2 * ARBITER_NEAR);
        arrives(trial, A, &sent);
        for (uint64_t i = 1; i < 300; i++) {
                sent_on(trial, A, 2 * ARBITER_NEAR + 10 * i, 10);
                passes(trial, 10 * MS);
        }
        assert_int_equal(trial->resets, 0);
        assert_int_equal(trial->arbiter.strangers, 1);
        assert_true(trial->catching_up);
}

static void a_session_that_begins_again_ends_it(void **state) {
        struct trial *trial = *state;

        join_at(trial, 1001);
        answered_up_to(trial, 101);
        sent_on(trial, C, 201, 10);
        sent_on(trial, A, 1, 3); /* sent after 1001 */
        assert_int_equal(trial->resets, 1);
        assert_false(trial->catching_up);
        assert_int_equal(trial->next, 4);
        sent_on(trial, A, 4, 3);
        assert_int_equal(trial->next, 7);
}

/* What was asked for of the messages before may still be on its way. */
static void no_answer_of_before_comes_into_it(void **state) {
        struct trial *trial = *state;
        struct sent near, far;

        join_at(trial, 1001);
        answered_up_to(trial, 101);
        near = sends(trial, 1, 40);
        far = sends(trial, 201, 40);
        sent_on(trial, A, 1, 3);
        assert_int_equal(trial->resets, 1);
        arrives(trial, C, &near);
        arrives(trial, C, &far);
        assert_int_equal(trial->next, 4);
        assert_true(window_is_empty(&trial->arbiter.window));
        sent_on(trial, A, 8, 3); /* and what is asked for of those now comes */
        sent_on(trial, C, 4, 4);
        assert_int_equal(trial->next, 11);
}

static void a_new_session_is_caught_up_with_too(void **state) {
        struct trial *trial = *state;
        struct sent sent = sends_by(trial, OTHER, 31, 3);

        sent_on(trial, A, 1, 10);
        arrives(trial, A, &sent);
        sent = sends_by(trial, OTHER, 34, 3);
        arrives(trial, A, &sent);
        assert_int_equal(trial->resets, 1);
        assert_false(trial->catching_up);
        passes(trial, HOLE);
        assert_true(trial->catching_up);
        sent = sends_by(trial, OTHER, 1, 40);
        arrives(trial, C, &sent);
        assert_int_equal(trial->caught_up, 1);
        assert_int_equal(trial->next, 41);
}

static void a_session_that_is_over_is_caught_up_with(void **state) {
        struct trial *trial = *state;
        struct sent end = { .session = SESSION, .sequence = 301, .ends = true };

        arrives(trial, A, &end);
        passes(trial, HOLE);
        assert_true(trial->catching_up);
        answered_up_to(trial, 301);
        assert_int_equal(trial->caught_up, 1);
        assert_int_equal(trial->ends, 0);
        arrives(trial, A, &end); /* it is said for a while */
        assert_int_equal(trial->ends, 1);
}

static void without_holes_it_is_the_same(void **state) {
        struct trial *trial = *state;

        trial->arbiter.params.hole = 0;
        sent_on(trial, A, 1001, 10);
        assert_true(trial->catching_up);
        answered_up_to(trial, 1011);
        assert_int_equal(trial->caught_up, 1);
        assert_int_equal(trial->gaps, 0);
}

static void far_beyond_the_window_it_is_the_same(void **state) {
        struct trial *trial = *state;

        sent_on(trial, A, 10 * WINDOW_SPAN, 10); /* no hole can be so wide */
        assert_true(trial->catching_up);
        answered_up_to(trial, 1001);
        arbiter_drain(&trial->arbiter);
        assert_false(trial->catching_up);
        assert_int_equal(trial->next, 10 * WINDOW_SPAN + 10);
        assert_int_equal(trial->arbiter.squeezed, 0);
}

static void who_cannot_catch_up_joins_as_ever(void **state) {
        struct trial *trial = *state;

        trial->can_catch_up = false;
        sent_on(trial, A, 1001, 10);
        passes(trial, HOLE);
        assert_int_equal(trial->asks, 1);
        assert_int_equal(trial->asked_n, 1000);
        passes(trial, RECOVERY);
        assert_int_equal(trial->joined, 1001);
        assert_int_equal(trial->taken, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(who_cannot_catch_up_joins_as_ever),
                TEST(everything_comes_in_order),
                TEST(a_first_packet_that_was_overtaken_is_not_late),
                TEST(what_is_near_waits_and_what_is_far_is_dropped),
                TEST(the_goal_moves_while_there_is_no_room),
                TEST(answers_come_in_any_order),
                TEST(a_hole_is_no_gap_before_its_time_is_over),
                TEST(who_gives_in_joins_where_the_lines_are),
                TEST(what_is_known_to_be_there_has_to_come),
                TEST(what_only_the_predecessor_knew_need_not),
                TEST(who_was_wrong_is_not_waited_for),
                TEST(a_late_copy_does_not_tell_how_far_it_is),
                TEST(what_was_missed_between_the_two_has_to_come_too),
                TEST(what_the_predecessor_had_is_no_gap),
                TEST(who_cannot_go_back_goes_on),
                TEST(what_went_on_until_then_went_on),
                TEST(another_session_ends_it),
                TEST(another_session_is_believed_when_the_old_one_is_silent),
                TEST(a_single_packet_from_elsewhere_ends_nothing),
                TEST(a_session_that_begins_again_ends_it),
                TEST(no_answer_of_before_comes_into_it),
                TEST(a_new_session_is_caught_up_with_too),
                TEST(a_session_that_is_over_is_caught_up_with),
                TEST(without_holes_it_is_the_same),
                TEST(far_beyond_the_window_it_is_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
