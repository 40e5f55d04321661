/*
 * A publisher hears of its daemon's death, however it died, and loses nothing
 *
 * A daemon that sleeps wants its doorbell rung, and one that is gone does not answer it. One that was killed
 * while it was awake never asked to be woken: its publisher must not go on into a ring that nobody reads.
 */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "harness.h"

#define FEW 1000 /* ticks; the ring has room for many more */

static struct rig rig;
static struct md_publisher *publisher;
static uint32_t handle;
static int64_t put; /* quotes so far; each has its number for a price */

/* -EPIPE, too: the tick is in the ring by then. */
static int put_one(void) {
        put++;
        return md_publisher_quote(publisher, handle, put, put, 1, put + 1, 1);
}

static void come(void) {
        const struct md_instrument instrument = { .symbol = "AAPL", .close_px = MD_PX_NONE };

        rig_start(&rig);
        assert_int_equal(md_publisher_new(&publisher), 0);
        md_publisher_set_timeout(publisher, PATIENCE_MS);
        assert_int_equal(md_publisher_connect(publisher, rig.socket, "own"), 0);
        assert_int_equal(md_publisher_define(publisher, &instrument, &handle), 0);
        assert_int_equal(put_one(), 0);
        assert_int_equal(md_publisher_drain(publisher, PATIENCE_MS), 1);
}

/* It is told, after few ticks; and all of them reach the next daemon, each once. */
static void expect_told_and_whole(void) {
        struct md_client *client;
        struct md_tick tick;
        int r = 0;

        for (unsigned n = 0; n < FEW && r == 0; n++) {
                sleep_ms(5);
                r = put_one();
        }
        assert_int_equal(r, -EPIPE);
        assert_true(md_publisher_pending(publisher) > 0);

        rig_start(&rig);
        client = rig_connect(&rig, "client");
        assert_int_equal(md_seek(client, 1), 0);
        assert_int_equal(md_subscribe_all(client), 0);
        assert_int_equal(md_publisher_connect(publisher, rig.socket, "own"), 0);
        assert_int_equal(put_one(), 0);
        assert_int_equal(md_publisher_drain(publisher, PATIENCE_MS), 1);
        for (int64_t n = 1; n <= put;) {
                assert_int_equal(md_dispatch(client, PATIENCE_MS), MD_NEWS);
                while (md_follow(client, &tick, NULL) > 0) {
                        if (tick.kind != MD_QUOTE || tick.flags & MD_FLAG_SNAPSHOT)
                                continue; /* that publisher or daemon is gone, or has come */
                        assert_int_equal(tick.u.quote.bid_px, n);
                        n++;
                }
        }
        md_free(client);
}

static void asleep(void **state) {
        (void)state;
        come();
        sleep_ms(100);
        rig_kill(&rig);
        expect_told_and_whole();
}

static void awake(void **state) {
        (void)state;
        come();
        assert_int_equal(kill(rig.pid, SIGSTOP), 0);
        /* it has been rung for, and does not come */
        assert_int_equal(put_one(), 0);
        assert_int_equal(put_one(), 0);
        rig_kill(&rig);
        expect_told_and_whole();
}

/* It need not be dead: one that only stands still is waited for. */
static void stopped(void **state) {
        (void)state;
        come();
        assert_int_equal(kill(rig.pid, SIGSTOP), 0);
        for (unsigned n = 0; n < 50; n++) {
                sleep_ms(5);
                assert_int_equal(put_one(), 0);
        }
        assert_int_equal(kill(rig.pid, SIGCONT), 0);
        assert_int_equal(md_publisher_drain(publisher, PATIENCE_MS), 1);
}

static int setup(void **state) {
        (void)state;
        put = 0;
        rig_init(&rig);
        rig_configure(&rig, "instruments = 8\njournal = 4096\n",
                      "[feed own]\nsource = publisher\n");
        return 0;
}

static int teardown(void **state) {
        (void)state;
        publisher = md_publisher_free(publisher);
        rig_deinit(&rig);
        return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = { TEST(asleep), TEST(awake), TEST(stopped) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
