/* Recordings keep their pace, and leave others theirs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture-try.h"

struct witness {
        ev_io io;
        struct tape *tape;
        uint64_t seen, most;
};

static void witness_dispatch(struct ev_loop *loop, ev_io *io, int events) {
        struct witness *witness = (struct witness *)io;
        uint64_t since = witness->tape->packets - witness->seen;

        (void)loop;
        (void)events;
        if (witness->most < since)
                witness->most = since;
        witness->seen = witness->tape->packets;
}

static void others_are_served_between_bursts(void **state) {
        const struct config_feed defaults = config();
        struct tape tape = { .loop = ev_loop_new(EVFLAG_AUTO) };
        struct witness witness = { .tape = &tape };
        struct feed *feed;
        int ends[2];

        (void)state;
        make_classic(1000, 0);
        save();
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(feed_new(&feed, &defaults, tape.loop, NULL, &tape_sink, &tape), 0);
        ev_io_init(&witness.io, witness_dispatch, ends[1], EV_WRITE); /* always ready */
        ev_io_start(tape.loop, &witness.io);
        feed_start(feed);
        tape_run(&tape);
        assert_int_equal(tape.packets, 1000);
        assert_true(tape.burst <= 256);
        assert_true(tape.flushes <= 1000 / 256 + 1);
        assert_true(witness.most >= 1 && witness.most <= 256);
        feed_free(feed);
        ev_io_stop(tape.loop, &witness.io);
        ev_loop_destroy(tape.loop);
        close(ends[0]);
        close(ends[1]);
}

/* The pace begins with the first packet, which may be late on a busy machine; the others are then due
 * later, too, and never before they would be without that. */
static void assert_never_early(const struct tape *tape, unsigned n, int64_t step) {
        for (unsigned i = 1; i < n; i++)
                assert_true(tape->packet[i].came - tape->began >= i * step);
}

static void the_recorded_pace_is_kept(void **state) {
        struct config_feed paced = config();
        struct tape tape = { 0 };

        (void)state;
        make_classic(20, 10 * NS_PER_MS);
        save();
        paced.speed = 1;
        play_with(&tape, &paced);
        assert_int_equal(tape.packets, 20);
        assert_never_early(&tape, 20, 10 * NS_PER_MS);
}

/* Three minutes; at its own pace it would be cut off by the patience of the tape. */
static void a_multiple_of_the_pace_is_kept(void **state) {
        struct config_feed paced = config();
        struct tape tape = { 0 };

        (void)state;
        make_classic(20, 10 * NS_PER_S);
        save();
        paced.speed = 1000;
        play_with(&tape, &paced);
        assert_int_equal(tape.packets, 20);
        assert_false(tape.is_late);
        assert_never_early(&tape, 20, 10 * NS_PER_MS);
}

/* The sink is slow once: what was due meanwhile comes at once, and the rest when it would have. */
static void be_slow_once(struct tape *tape, const struct packet *packet) {
        (void)packet;
        if (tape->packets == 3)
                usleep(105000);
}

static void the_pace_does_not_drift(void **state) {
        struct config_feed paced = config();
        struct tape tape = { .then = be_slow_once };

        (void)state;
        make_classic(20, 10 * NS_PER_MS);
        save();
        paced.speed = 1;
        play_with(&tape, &paced);
        assert_int_equal(tape.packets, 20);
        assert_true(tape.burst >= 10);
        assert_never_early(&tape, 20, 10 * NS_PER_MS);
}

static void steps_back_in_time_do_not_wait(void **state) {
        struct config_feed paced = config();
        struct tape tape = { 0 };
        uint8_t frame[2048];
        size_t size;

        (void)state;
        begin_classic(true, DLT_EN10MB);
        size = make_frame(frame, 10, 'a', 17);
        put_record(START, true, frame, size, size);
        put_record(START - 3600 * NS_PER_S, true, frame, size, size);
        put_record(0, true, frame, size, size);
        put_record(START + NS_PER_MS, true, frame, size, size);
        save();
        paced.speed = 1;
        play_with(&tape, &paced);
        assert_int_equal(tape.packets, 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(others_are_served_between_bursts),
                cmocka_unit_test(the_recorded_pace_is_kept),
                cmocka_unit_test(a_multiple_of_the_pace_is_kept),
                cmocka_unit_test(the_pace_does_not_drift),
                cmocka_unit_test(steps_back_in_time_do_not_wait),
        };

        return cmocka_run_group_tests(tests, make_file, remove_file);
}
