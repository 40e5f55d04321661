/* A long row of messages comes whole, or it is known that it never will. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feed/requests.h"

#define MS INT64_C(1000000)

#define ROW_MAX    200000
#define FLYING_MAX 4096
#define FITS       37        /* messages in a packet */
#define BEHIND     (MS / 10) /* between the packets of an answer */

/* Someone who asks, and a server behind a network that takes time and loses packets. */
struct world {
        struct requests requests;
        int64_t now;
        uint64_t next, end; /* of the row; what is before `next` has come in order */
        bool came[ROW_MAX]; /* before its turn */
        uint64_t room,
                keeps;     /* messages that can come before their turn, as was said, and in truth */
        uint64_t held;     /* that did */
        uint64_t lacks;    /* the server has this one not; 0: it has all */
        unsigned losing;   /* of 100 packets, so many are lost */
        unsigned doubling; /* and so many come twice */
        int64_t way, jitter;   /* ns there and back, and at random beyond that */
        bool sends_on;         /* all that it was asked for, and not one packet only */
        bool silent, gone;     /* it answers nothing; there is nobody */
        uint64_t asked, taken; /* requests; answers */
        unsigned random;

        struct {
                uint64_t first, end;
                int64_t when;
        } flying[FLYING_MAX]; /* answers under way */
        unsigned n_flying;
};

static unsigned chance(struct world *world, unsigned n) {
        world->random = world->random * 1103515245 + 12345;
        return (world->random >> 16) % n;
}

static void fly(struct world *world, uint64_t first, uint64_t end, int64_t after) {
        if (chance(world, 100) < world->losing)
                return;
        assert_true(world->n_flying < FLYING_MAX);
        world->flying[world->n_flying].first = first;
        world->flying[world->n_flying].end = end;
        world->flying[world->n_flying++].when =
                world->now + world->way + after +
                (world->jitter ? chance(world, (unsigned)world->jitter) : 0);
}

/* One packet, or as many as it takes. */
static void answer(struct world *world, uint64_t first, uint64_t end) {
        int64_t after = 0;

        for (; end - first > FITS; first += FITS, after += BEHIND)
                fly(world, first, first + FITS, after);
        fly(world, first, end, after);
}

static bool ask(void *userdata, uint64_t first, uint64_t n) {
        struct world *world = userdata;
        uint64_t end = first + n;

        if (world->gone)
                return false;
        assert_true(n > 0 && first >= world->next && end <= world->end);
        assert_true(end - world->next <= world->room);
        world->asked++;
        if (world->silent || (world->lacks && first == world->lacks))
                return true;
        if (n > FITS && !world->sends_on)
                end = first + 1 + chance(world, FITS); /* some packets hold more than others */
        if (world->lacks > first && world->lacks < end)
                end = world->lacks;
        for (unsigned i = 0; i < 1 + (chance(world, 100) < world->doubling); i++)
                answer(world, first, end);
        return true;
}

static void take(struct world *world, uint64_t first, uint64_t end) {
        world->taken++;
        requests_answer(&world->requests, first, end, world->now);
        for (uint64_t i = first; i < end; i++) {
                if (i < world->next || world->came[i] ||
                    (i > world->next && world->held >= world->keeps))
                        continue;
                world->came[i] = true;
                world->held++;
                for (; world->next < world->end && world->came[world->next]; world->next++)
                        world->held--;
        }
}

/* Time passes up to the next thing that happens; what requests_send() says. */
static int turn(struct world *world) {
        int64_t due = requests_deadline(&world->requests);
        unsigned first = 0;
        int r;

        for (unsigned i = 1; i < world->n_flying; i++)
                if (world->flying[i].when < world->flying[first].when)
                        first = i;
        if (world->n_flying && world->flying[first].when <= due) {
                if (world->flying[first].when > world->now)
                        world->now = world->flying[first].when;
                take(world, world->flying[first].first, world->flying[first].end);
                world->flying[first] = world->flying[--world->n_flying];
        } else {
                assert_true(due != INT64_MAX); /* or it would wait for ever */
                if (due > world->now)
                        world->now = due;
        }
        if (world->next == world->end)
                return REQUESTS_OK;
        r = requests_send(&world->requests, world->next, world->end, world->now, ask, world);
        assert_true(r || requests_deadline(&world->requests) > world->now);
        return r;
}

static void begin(struct world *world, uint64_t end, uint32_t rate) {
        world->next = 1;
        world->end = end;
        world->now = 5000 * MS;
        world->random = 7;
        if (!world->room)
                world->room = REQUESTS_PIECE * REQUESTS_PIECES;
        world->keeps = world->room;
        requests_begin(&world->requests, rate, world->room, world->now);
        assert_int_equal(requests_send(&world->requests, 1, world->end, world->now, ask, world),
                         world->gone ? REQUESTS_E_NOBODY : REQUESTS_OK);
}

static int run(struct world *world) {
        int r = REQUESTS_OK;

        while (!r && world->next < world->end)
                r = turn(world);
        return r;
}

static struct world world;

static int set_up(void **state) {
        memset(&world, 0, sizeof(world));
        world.way = MS;
        *state = &world;
        return 0;
}

static void each_message_is_asked_for_once(void **state) {
        (void)state;
        begin(&world, 100001, 1000000);
        assert_int_equal(run(&world), REQUESTS_OK);
        assert_int_equal(world.asked, world.taken);
        assert_true(world.now - 5000 * MS < 1000 * MS); /* and not one after the other */
}

static void what_is_on_its_way_is_not_asked_for(void **state) {
        (void)state;
        world.sends_on = true;
        begin(&world, 256 * 400 + 1, 1000000);
        assert_int_equal(run(&world), REQUESTS_OK);
        assert_int_equal(world.asked, 400);
}

static void a_short_row_is_one_request(void **state) {
        (void)state;
        begin(&world, 2, 1);
        assert_int_equal(run(&world), REQUESTS_OK);
        assert_int_equal(world.asked, 1);
}

static void whatever_is_lost_comes_in_the_end(void **state) {
        static const struct {
                unsigned losing, doubling;
                int64_t jitter;
                uint64_t room;
                bool sends_on;
        } ways[] = {
                { 20, 0, 0, 0, false },          { 35, 10, 5 * MS, 0, false },
                { 0, 100, 50 * MS, 0, false },   { 0, 0, 150 * MS, 0, false },
                { 20, 5, 50 * MS, 2000, false }, { 5, 5, 5 * MS, 300, false },
                { 20, 5, MS, 0, true },          { 5, 5, 50 * MS, 2000, true },
        };

        (void)state;
        for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
                set_up(state);
                world.losing = ways[i].losing;
                world.doubling = ways[i].doubling;
                world.jitter = ways[i].jitter;
                world.room = ways[i].room;
                world.sends_on = ways[i].sends_on;
                begin(&world, 30001, 1000000);
                assert_int_equal(run(&world), REQUESTS_OK);
        }
}

/* Whoever takes the answers has less room than he said. */
static void what_there_was_no_room_for_is_asked_for_again(void **state) {
        (void)state;
        world.jitter = 10 * MS;
        world.losing = 5;
        begin(&world, 20001, 1000000);
        world.keeps = 100;
        assert_int_equal(run(&world), REQUESTS_OK);
}

static void the_rate_holds(void **state) {
        int64_t took;

        (void)state;
        begin(&world, 20001, 100);
        assert_int_equal(run(&world), REQUESTS_OK);
        took = world.now - 5000 * MS;
        assert_true(world.asked > 500);
        assert_true((int64_t)world.asked <= 100 + 1 + 100 * took / (1000 * MS));
}

static void a_server_that_is_silent_is_given_up(void **state) {
        (void)state;
        world.silent = true;
        begin(&world, 100001, 1000000);
        assert_int_equal(run(&world), REQUESTS_E_SILENT);
        assert_in_range(world.now - 5000 * MS, 5000 * MS, 20000 * MS);
        assert_true(world.asked <= REQUESTS_PIECES * REQUESTS_TRIES);
}

static void a_server_that_has_no_more_is_given_up(void **state) {
        (void)state;
        for (uint64_t lacks = 1; lacks < 30000; lacks += 9973) {
                set_up(state);
                world.lacks = lacks;
                begin(&world, 30001, 1000000);
                assert_int_equal(run(&world), REQUESTS_E_SILENT);
                assert_int_equal(world.next, lacks);
        }
}

static void nobody_is_nobody(void **state) {
        (void)state;
        world.gone = true;
        begin(&world, 101, 1000);
}

/* It grows by so many messages each millisecond, until it is nearly caught up with. */
static int run_after(uint64_t growth) {
        int64_t grown = world.now;
        int r = REQUESTS_OK;

        while (!r && world.next + 1000 < world.end && world.end < ROW_MAX - 1000) {
                r = turn(&world);
                for (; grown < world.now; grown += MS)
                        world.end += growth;
        }
        return r;
}

static void a_row_that_grows_is_caught_up_with(void **state) {
        (void)state;
        begin(&world, 20001, 1000000);
        assert_int_equal(run_after(100), REQUESTS_OK);
        assert_true(world.end < 40000);
}

static void a_row_that_grows_too_fast_is_given_up(void **state) {
        (void)state;
        begin(&world, 20001, 50);
        world.requests.throttle.full = world.now + 1000 * MS;
        assert_int_equal(run_after(2), REQUESTS_E_SLOW);
        assert_in_range(world.now - 5000 * MS, REQUESTS_LAP, 2 * REQUESTS_LAP);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(nobody_is_nobody),
                TEST(a_server_that_is_silent_is_given_up),
                TEST(a_server_that_has_no_more_is_given_up),
                TEST(a_row_that_grows_too_fast_is_given_up),
                TEST(a_short_row_is_one_request),
                TEST(what_is_on_its_way_is_not_asked_for),
                TEST(each_message_is_asked_for_once),
                TEST(whatever_is_lost_comes_in_the_end),
                TEST(what_there_was_no_room_for_is_asked_for_again),
                TEST(the_rate_holds),
                TEST(a_row_that_grows_is_caught_up_with),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
