/*
 * What a client is given and what it is told that it missed add up, to the tick
 *
 * The test writes the segment itself, so it knows what every call must give. The last tests draw what
 * happens at random, laps at any moment included, and hold the sums against the numbers of the ticks
 * after each step.
 */

#include <string.h>

#include "pen.h"

#define INSTRUMENTS 8
#define JOURNAL     64 /* the smallest: laps come quickly */
#define STEPS       200000

static struct pen pen;
static struct md_client *client;

static struct md_health health(void) {
        struct md_health health;

        assert_int_equal(md_health(client, &health), 0);
        return health;
}

/* Takes all changes there are; how many. */
static unsigned drain(void) {
        struct md_change change;
        unsigned n = 0;
        int r;

        while ((r = md_next(client, &change)) > 0)
                n++;
        assert_int_equal(r, 0);
        return n;
}

static void expect_change(uint64_t seq, uint64_t merged, uint64_t missed) {
        struct md_change change;

        assert_int_equal(md_next(client, &change), 1);
        assert_int_equal(change.tick.seq, seq);
        assert_int_equal(change.tick.u.word[3], seq);
        assert_int_equal(change.merged, merged);
        assert_int_equal(change.missed, missed);
}

static void expect_no_change(void) {
        struct md_change change;

        assert_int_equal(md_next(client, &change), 0);
}

/* Every tick so far was given out, merged or missed. */
static void expect_sums(void) {
        struct md_health h = health();

        assert_int_equal(h.cursor, pen_newest(&pen) + 1);
        assert_int_equal(h.ticks + h.merged + h.missed - h.recovered, pen_newest(&pen));
}

/* ---- newest only ---- */

static void quotes_merge_and_trades_do_not(void **state) {
        (void)state;
        for (unsigned i = 0; i < 3; i++) {
                pen_put(&pen, 0, MD_QUOTE);
                pen_put(&pen, 0, MD_TRADE);
        }
        expect_change(2, 0, 0);
        expect_change(4, 0, 0);
        expect_change(6, 0, 0);
        expect_change(5, 2, 0);
        expect_no_change();
        expect_sums();
}

static void a_change_is_given_before_the_table_has_it(void **state) {
        struct md_tick half;

        (void)state;
        pen_put(&pen, 0, MD_QUOTE);
        expect_change(1, 0, 0);
        half = pen_put_half(&pen, 0, MD_QUOTE);
        assert_int_equal(md_dispatch(client, 0), 1);
        expect_change(2, 0, 0);
        expect_no_change();
        pen_finish(&pen, &half);
        expect_no_change();
        assert_int_equal(md_dispatch(client, 0), 0);
        expect_sums();
}

static void a_first_change_is_given_before_the_table_has_it(void **state) {
        struct md_tick half;

        (void)state;
        half = pen_put_half(&pen, 3, MD_STATUS);
        expect_change(1, 0, 0);
        pen_finish(&pen, &half);
        expect_no_change();
        expect_sums();
}

static void a_change_newer_than_the_walk_counts_once(void **state) {
        (void)state;
        pen_put(&pen, 0, MD_QUOTE);
        pen_put(&pen, 1, MD_QUOTE);
        expect_change(1, 0, 0);
        /* the client has passed 2 and not given it out yet */
        pen_put(&pen, 1, MD_QUOTE);
        pen_put(&pen, 1, MD_QUOTE);
        expect_change(4, 1, 0);
        expect_no_change();
        expect_sums();
        assert_int_equal(health().merged, 2);
}

static void a_lapped_client_ends_at_the_newest_state(void **state) {
        struct md_tick tick;

        (void)state;
        pen_put(&pen, 0, MD_QUOTE);
        pen_put(&pen, 0, MD_TRADE);
        for (unsigned i = 0; i < 2 * JOURNAL; i++)
                pen_put(&pen, 1, MD_QUOTE);
        /* 2 trade, 1 quote of the first instrument, 130 - 64 + 1 of the second: gone from the journal */
        drain();
        for (uint32_t i = 0; i < 2; i++) {
                assert_int_equal(md_read(client, i, MD_QUOTE, &tick), 1);
                assert_int_equal(tick.seq, i ? pen_newest(&pen) : 1);
        }
        assert_int_equal(health().laps, 1);
        assert_int_equal(health().missed, 130 - JOURNAL + 1);
        assert_int_equal(health().recovered, 2);
        expect_sums();
}

static void what_was_given_before_the_lap_is_not_missed(void **state) {
        (void)state;
        pen_put(&pen, 0, MD_QUOTE);
        pen_put(&pen, 1, MD_QUOTE);
        expect_change(1, 0, 0);
        pen_put(&pen, 1, MD_QUOTE);
        expect_change(3, 1, 0);
        /* 3 was given out and not passed: now it is overwritten */
        for (unsigned i = 0; i < 2 * JOURNAL; i++)
                pen_put(&pen, 2, MD_QUOTE);
        drain();
        assert_int_equal(health().recovered, 1);
        expect_sums();
}

/* ---- every tick ---- */

static void a_follower_knows_what_it_missed(void **state) {
        struct md_tick tick;
        uint64_t missed, sum = 0;

        (void)state;
        for (unsigned i = 0; i < 3 * JOURNAL; i++)
                pen_put(&pen, 0, MD_QUOTE);
        for (uint64_t seq = 0; md_follow(client, &tick, &missed) > 0; seq = tick.seq) {
                assert_int_equal(tick.seq, seq + 1 + missed);
                assert_int_equal(tick.u.word[0], tick.seq);
                sum += 1 + missed;
        }
        assert_int_equal(sum, pen_newest(&pen));
        expect_sums();
}

/* ---- at random ---- */

static unsigned draw(unsigned n) {
        return (unsigned)(random() % n);
}

/* A burst now and then long enough to lap the client, or twice. */
static void write_at_random(void) {
        static const uint16_t kinds[] = { MD_QUOTE, MD_QUOTE, MD_TRADE, MD_BAR, MD_BREAK };
        unsigned n = draw(50) ? draw(6) : draw(3 * JOURNAL);

        while (n--) {
                uint32_t instrument = draw(INSTRUMENTS);
                uint16_t kind = kinds[draw(sizeof(kinds) / sizeof(*kinds))];

                pen_put(&pen, instrument, kind);
        }
}

/* What the client was given last of each place. */
static uint64_t given[INSTRUMENTS][MD_PLACES];

static void next_at_random(unsigned n) {
        struct md_change change;

        while (n-- && md_next(client, &change) > 0) {
                uint64_t *last;

                assert_int_equal(change.tick.u.word[2], change.tick.seq);
                if (change.tick.kind >= MD_PLACES)
                        continue;
                last = &given[change.tick.instrument][change.tick.kind];
                assert_true(change.tick.seq > *last);
                *last = change.tick.seq;
        }
}

static void expect_newest_state(void) {
        struct md_tick tick;

        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        md_read(client, i, kind, &tick);
                        assert_int_equal(tick.seq, given[i][kind]);
                }
        }
}

static void changes_add_up(void **state) {
        (void)state;
        memset(given, 0, sizeof(given));
        srandom(1);
        for (unsigned i = 0; i < STEPS; i++) {
                write_at_random();
                next_at_random(draw(8));
                if (draw(4))
                        continue;
                next_at_random(UINT32_MAX);
                expect_sums();
                expect_newest_state();
        }
        assert_true(health().laps > 100 && health().recovered > 100 && health().merged > 100);
}

static void ticks_add_up(void **state) {
        uint64_t at = 0, missed;
        struct md_tick tick;

        (void)state;
        srandom(2);
        for (unsigned i = 0; i < STEPS; i++) {
                write_at_random();
                for (unsigned n = draw(8); n; n--) {
                        int r = md_follow(client, &tick, &missed);

                        at += missed + (unsigned)r;
                        if (r)
                                assert_int_equal(tick.seq, at);
                        assert_int_equal(md_cursor(client), at + 1);
                }
        }
        while (md_follow(client, &tick, &missed) > 0)
                at += missed + 1;
        assert_int_equal(at + missed, pen_newest(&pen));
        assert_true(health().laps > 100);
        expect_sums();
}

/* ---- before and after ---- */

static int setup(void **state) {
        (void)state;
        pen_init(&pen, INSTRUMENTS, JOURNAL);
        client = pen_connect(&pen);
        assert_int_equal(md_subscribe_all(client), 0);
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
                TEST(quotes_merge_and_trades_do_not),
                TEST(a_change_is_given_before_the_table_has_it),
                TEST(a_first_change_is_given_before_the_table_has_it),
                TEST(a_change_newer_than_the_walk_counts_once),
                TEST(a_lapped_client_ends_at_the_newest_state),
                TEST(what_was_given_before_the_lap_is_not_missed),
                TEST(a_follower_knows_what_it_missed),
                TEST(changes_add_up),
                TEST(ticks_add_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
