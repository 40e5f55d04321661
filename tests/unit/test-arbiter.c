/* The arbiter tells new messages from copies, holes and new beginnings. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feed/arbiter.h"

#define SESSION 1150681088
#define OTHER   1150681089
#define OLDEST  1150681087

static int64_t clock_ns; /* of the venue; it goes on by itself with each packet sent */

static struct arbiter_packet sent(uint64_t sequence, uint32_t count) {
        return (struct arbiter_packet){
                .session = SESSION,
                .sequence = sequence,
                .count = count,
                .sent = clock_ns += 1000,
        };
}

static struct arbiter_packet sent_by(uint64_t session, uint64_t sequence, uint32_t count) {
        struct arbiter_packet packet = sent(sequence, count);

        packet.session = session;
        return packet;
}

static struct arbiter_packet straggler_of(uint64_t session, const struct arbiter_packet *packet) {
        struct arbiter_packet straggler = *packet;

        straggler.session = session;
        return straggler;
}

#define expect(arbiter, packet, outcome, m, s)                                                     \
        do {                                                                                       \
                struct arbiter_packet p = (packet);                                                \
                struct arbiter_verdict v = { 77, 77 };                                             \
                                                                                                   \
                assert_int_equal(arbiter_accept((arbiter), &p, &v), (outcome));                    \
                assert_int_equal(v.missed, (m));                                                   \
                assert_int_equal(v.skip, (s));                                                     \
        } while (0)

/* An arbiter in the midst of a session: 100 comes next, and the session is older than any copy. */
static struct arbiter running(void) {
        struct arbiter arbiter;

        clock_ns = INT64_C(1517058015909382289);
        arbiter_init(&arbiter);
        expect(&arbiter, sent(1, 99), ARBITER_E_BEGIN, 0, 0);
        return arbiter;
}

/* The same, after as many packets as make any copy too late. */
static struct arbiter running_for_long(void) {
        struct arbiter arbiter = running();

        for (unsigned i = 0; i < ARBITER_LATE; i++)
                expect(&arbiter, sent(100, 0), ARBITER_OK, 0, 0);
        return arbiter;
}

static void order_is_quiet(void **state) {
        struct arbiter arbiter = running();

        (void)state;
        expect(&arbiter, sent(100, 5), ARBITER_OK, 0, 0);
        expect(&arbiter, sent(105, 0), ARBITER_OK, 0, 0);
        expect(&arbiter, sent(105, 0), ARBITER_OK, 0, 0);
        expect(&arbiter, sent(105, 1), ARBITER_OK, 0, 0);
        assert_int_equal(arbiter.next, 106);
        assert_int_equal(arbiter.session, SESSION);
}

static void a_late_start_says_what_came_before(void **state) {
        struct arbiter arbiter;

        (void)state;
        arbiter_init(&arbiter);
        expect(&arbiter, sent(1000, 5), ARBITER_E_BEGIN, 999, 0);
        expect(&arbiter, sent(1005, 5), ARBITER_OK, 0, 0);
}

static void gaps_are_counted(void **state) {
        struct arbiter arbiter = running();

        (void)state;
        expect(&arbiter, sent(107, 5), ARBITER_E_GAP, 7, 0);
        expect(&arbiter, sent(112, 5), ARBITER_OK, 0, 0);
        /* a heartbeat tells of them as well */
        expect(&arbiter, sent(118, 0), ARBITER_E_GAP, 1, 0);
        expect(&arbiter, sent(118, 3), ARBITER_OK, 0, 0);
        /* as far as numbers go */
        expect(&arbiter, sent(INT64_MAX - 1, 1), ARBITER_E_GAP, INT64_MAX - 1 - 121, 0);
}

static void copies_are_skipped(void **state) {
        struct arbiter arbiter = running();
        struct arbiter_packet copy = sent(100, 10);

        (void)state;
        expect(&arbiter, copy, ARBITER_OK, 0, 0);
        expect(&arbiter, copy, ARBITER_E_DUPLICATE, 0, 10);
        expect(&arbiter, copy, ARBITER_E_DUPLICATE, 0, 10);
        /* a copy of a part, and a heartbeat that was overtaken */
        copy.count = 4;
        expect(&arbiter, copy, ARBITER_E_DUPLICATE, 0, 4);
        copy.count = 0;
        expect(&arbiter, copy, ARBITER_E_DUPLICATE, 0, 0);
        expect(&arbiter, sent(110, 1), ARBITER_OK, 0, 0);
}

static void the_new_part_of_a_packet_is_taken(void **state) {
        struct arbiter arbiter = running();

        (void)state;
        expect(&arbiter, sent(98, 5), ARBITER_OK, 0, 2);
        assert_int_equal(arbiter.next, 103);
        expect(&arbiter, sent(1, 103), ARBITER_E_RESET, 0, 0);
        expect(&arbiter, sent(103, 2), ARBITER_OK, 0, 1);
        assert_int_equal(arbiter.next, 105);
}

static void what_comes_out_of_order_is_a_gap_and_a_copy(void **state) {
        struct arbiter arbiter = running();
        struct arbiter_packet first = sent(100, 5), second = sent(105, 5);

        (void)state;
        expect(&arbiter, second, ARBITER_E_GAP, 5, 0);
        expect(&arbiter, first, ARBITER_E_DUPLICATE, 0, 5);
        expect(&arbiter, sent(110, 5), ARBITER_OK, 0, 0);
}

static void another_session_begins_afresh(void **state) {
        struct arbiter arbiter = running();

        (void)state;
        expect(&arbiter, sent_by(OTHER, 1, 2), ARBITER_E_RESET, 0, 0);
        expect(&arbiter, sent_by(OTHER, 3, 2), ARBITER_OK, 0, 0);
        assert_int_equal(arbiter.session, OTHER);
        /* and says what is missing of it */
        expect(&arbiter, sent_by(SESSION, 8, 2), ARBITER_E_RESET, 7, 0);
        expect(&arbiter, sent_by(SESSION, 10, 2), ARBITER_OK, 0, 0);
}

static void stragglers_of_the_last_session_are_copies(void **state) {
        struct arbiter arbiter = running();
        struct arbiter_packet straggler = sent(100, 5);

        (void)state;
        expect(&arbiter, sent_by(OTHER, 1, 2), ARBITER_E_RESET, 0, 0);
        expect(&arbiter, straggler, ARBITER_E_DUPLICATE, 0, 5);
        expect(&arbiter, sent_by(OTHER, 3, 2), ARBITER_OK, 0, 0);
        /* but what no session before can have sent is a beginning, whenever it was sent */
        expect(&arbiter, straggler_of(OLDEST, &straggler), ARBITER_E_RESET, 99, 0);
        expect(&arbiter, sent_by(OTHER, 5, 0), ARBITER_E_RESET, 4, 0);
        expect(&arbiter, straggler_of(OLDEST, &straggler), ARBITER_E_DUPLICATE, 0, 5);
        /* and no straggler is as late as this */
        for (unsigned i = 0; i < ARBITER_LATE; i++)
                expect(&arbiter, sent_by(OTHER, 5, 0), ARBITER_OK, 0, 0);
        expect(&arbiter, straggler_of(OLDEST, &straggler), ARBITER_E_RESET, 99, 0);
}

static void a_restart_under_the_same_id_begins_afresh(void **state) {
        struct arbiter arbiter = running();

        (void)state;
        expect(&arbiter, sent(1, 0), ARBITER_E_RESET, 0, 0);
        expect(&arbiter, sent(1, 0), ARBITER_OK, 0, 0);
        expect(&arbiter, sent(1, 7), ARBITER_OK, 0, 0);
        expect(&arbiter, sent(8, 1), ARBITER_OK, 0, 0);
        expect(&arbiter, sent(1, 7), ARBITER_E_RESET, 0, 0);
}

static void a_copy_of_the_first_packet_is_no_restart(void **state) {
        struct arbiter arbiter;
        struct arbiter_packet heartbeat = sent(1, 0), first = sent(1, 5);

        (void)state;
        arbiter_init(&arbiter);
        expect(&arbiter, heartbeat, ARBITER_E_BEGIN, 0, 0);
        /* however long the venue took to begin */
        for (unsigned i = 0; i < ARBITER_LATE; i++)
                expect(&arbiter, heartbeat, ARBITER_OK, 0, 0);
        expect(&arbiter, first, ARBITER_OK, 0, 0);
        expect(&arbiter, first, ARBITER_E_DUPLICATE, 0, 5);
        expect(&arbiter, heartbeat, ARBITER_E_DUPLICATE, 0, 0);
        expect(&arbiter, sent(6, 5), ARBITER_OK, 0, 0);
        expect(&arbiter, first, ARBITER_E_DUPLICATE, 0, 5);
}

static void a_replay_of_old_packets_is_a_restart(void **state) {
        struct arbiter arbiter = running_for_long();
        struct arbiter_packet first = sent(1, 5);

        (void)state;
        first.sent = INT64_C(1517058015909382289);
        expect(&arbiter, first, ARBITER_E_RESET, 0, 0);
        first.sequence = 6;
        expect(&arbiter, first, ARBITER_OK, 0, 0);
}

static void a_restart_without_send_times_is_seen(void **state) {
        struct arbiter arbiter = running_for_long();
        struct arbiter_packet first = { .session = SESSION, .sequence = 1, .count = 5 };

        (void)state;
        expect(&arbiter, first, ARBITER_E_RESET, 0, 0);
}

static void a_restart_whose_beginning_was_lost_is_seen(void **state) {
        struct arbiter arbiter = running();

        (void)state;
        for (unsigned i = 0; i < ARBITER_DOUBT - 1; i++)
                expect(&arbiter, sent(30 + i, 1), ARBITER_E_DUPLICATE, 0, 1);
        expect(&arbiter, sent(45, 1), ARBITER_E_RESET, 44, 0);
        expect(&arbiter, sent(46, 1), ARBITER_OK, 0, 0);
}

static void a_second_sender_on_the_line_is_no_restart(void **state) {
        struct arbiter arbiter = running();

        (void)state;
        /* the same messages, in other packets, sent a moment later */
        for (unsigned i = 0; i < 10 * ARBITER_DOUBT; i++) {
                expect(&arbiter, sent(100 + 3 * i, 3), ARBITER_OK, 0, 0);
                expect(&arbiter, sent(100 + 3 * i, 2), ARBITER_E_DUPLICATE, 0, 2);
                expect(&arbiter, sent(102 + 3 * i, 1), ARBITER_E_DUPLICATE, 0, 1);
        }
}

static void a_wild_number_does_not_silence_the_line(void **state) {
        struct arbiter arbiter = running();
        struct arbiter_packet wild = sent(INT64_MAX - 10, 1);
        unsigned refused = 0;

        (void)state;
        wild.sent = INT64_MAX;
        expect(&arbiter, wild, ARBITER_E_GAP, INT64_MAX - 110, 0);
        for (uint64_t sequence = 100;; sequence++, refused++) {
                struct arbiter_packet packet = sent(sequence, 1);
                struct arbiter_verdict verdict;

                if (arbiter_accept(&arbiter, &packet, &verdict) != ARBITER_E_DUPLICATE)
                        break;
        }
        assert_int_equal(refused, ARBITER_LATE - 1);
        expect(&arbiter, sent(100 + ARBITER_LATE, 1), ARBITER_OK, 0, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(order_is_quiet),
                cmocka_unit_test(a_late_start_says_what_came_before),
                cmocka_unit_test(gaps_are_counted),
                cmocka_unit_test(copies_are_skipped),
                cmocka_unit_test(the_new_part_of_a_packet_is_taken),
                cmocka_unit_test(what_comes_out_of_order_is_a_gap_and_a_copy),
                cmocka_unit_test(another_session_begins_afresh),
                cmocka_unit_test(stragglers_of_the_last_session_are_copies),
                cmocka_unit_test(a_restart_under_the_same_id_begins_afresh),
                cmocka_unit_test(a_copy_of_the_first_packet_is_no_restart),
                cmocka_unit_test(a_replay_of_old_packets_is_a_restart),
                cmocka_unit_test(a_restart_without_send_times_is_seen),
                cmocka_unit_test(a_restart_whose_beginning_was_lost_is_seen),
                cmocka_unit_test(a_second_sender_on_the_line_is_no_restart),
                cmocka_unit_test(a_wild_number_does_not_silence_the_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
