/*
 * Each tick of a publisher is published once, whenever its daemon dies
 *
 * A publisher puts numbered ticks as fast as the daemon takes them, and comes back whenever that has been
 * killed, which is in the middle of a batch as good as always: published already, and not yet given back to
 * the publisher. No service manager holds the ring for the next daemon, so the publisher carries over what
 * was not taken of it. Another feed's ticks are published in between, and daemons die that the publisher has
 * never met, or has met in passing.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"

#define KILLS   12
#define JOURNAL "1048576"
#define EACH    50000 /* ticks from one kill to the next, at least */
#define OTHERS                                                                                     \
        700 /* of another feed, by a daemon that the publisher does not meet; more than a batch */

static struct rig rig;
static struct md_client *client;
static struct board {
        _Atomic uint64_t put; /* ticks that have been put */
        _Atomic bool over;
} * board;

/* ---- the publisher ---- */

static void connect_again(struct md_publisher *publisher, uint32_t *handle) {
        const struct md_instrument instrument = { .symbol = "ONCE", .close_px = MD_PX_NONE };

        while (md_publisher_connect(publisher, rig.socket, "own") < 0 ||
               md_publisher_define(publisher, &instrument, handle) < 0)
                usleep(1000);
}

static void publish(void) {
        struct md_publisher *publisher;
        struct md_tick tick = { .kind = MD_TRADE, .flags = MD_FLAG_LAST };
        int r;

        CHILD_CHECK(md_publisher_new(&publisher) == 0);
        connect_again(publisher, &tick.instrument);
        while (!atomic_load(&board->over)) {
                tick.u.trade = (struct md_trade){ .px = 1, .trade_id = (int64_t)board->put + 1 };
                r = md_publisher_put(publisher, &tick);
                if (r == 0)
                        atomic_fetch_add(&board->put, 1);
                else if (r == -EAGAIN)
                        r = md_publisher_wait(publisher, PATIENCE_MS);
                if (r == -EPIPE)
                        connect_again(publisher, &tick.instrument);
                else
                        CHILD_CHECK(r >= 0);
        }
        while ((r = md_publisher_drain(publisher, PATIENCE_MS)) == -EPIPE)
                connect_again(publisher, &tick.instrument);
        CHILD_CHECK(r == 1);
        md_publisher_free(publisher);
        _exit(0);
}

/* ---- what must hold ---- */

static uint64_t seen; /* the last number that was followed */

/* Takes what is there; a new daemon says of each instrument that its feed is down, with its last tick. */
static void follow(void) {
        struct md_tick tick;
        uint64_t missed;

        while (md_follow(client, &tick, &missed) > 0) {
                assert_int_equal(missed, 0);
                if (tick.kind != MD_TRADE || tick.flags & MD_FLAG_SNAPSHOT ||
                    !tick.u.trade.trade_id)
                        continue;
                assert_int_equal(tick.u.trade.trade_id, seen + 1);
                seen++;
        }
}

static void follow_more(uint64_t n) {
        for (n += seen; seen < n;) {
                assert_true(md_dispatch(client, PATIENCE_MS) >= 0);
                follow();
        }
}

/* ---- kills ---- */

static void kill_in_full_speed(pid_t publisher) {
        (void)publisher;
        rig_kill(&rig);
}

/* Ticks of another feed take the numbers that the batch would have had. */
static void kill_one_unmet(pid_t publisher) {
        const struct md_instrument instrument = { .symbol = "OTHER", .close_px = MD_PX_NONE };
        struct md_publisher *other;
        uint32_t handle;

        assert_int_equal(kill(publisher, SIGSTOP), 0);
        rig_kill(&rig);
        rig_start(&rig);
        assert_int_equal(md_publisher_new(&other), 0);
        assert_int_equal(md_publisher_connect(other, rig.socket, "other"), 0);
        assert_int_equal(md_publisher_define(other, &instrument, &handle), 0);
        for (unsigned i = 0; i < OTHERS; i++)
                assert_int_equal(md_publisher_trade(other, handle, 1, 1, 1, 1, 0), 0);
        assert_int_equal(md_publisher_drain(other, PATIENCE_MS), 1);
        md_publisher_free(other);
        rig_kill(&rig);
        assert_int_equal(kill(publisher, SIGCONT), 0);
}

/* It may have taken the publisher in, or not, or have taken some ticks. */
static void kill_one_young(pid_t publisher) {
        (void)publisher;
        rig_kill(&rig);
        rig_start(&rig);
        usleep((useconds_t)(rand() % 3000));
        rig_kill(&rig);
}

static void play(void) {
        static void (*const ways[])(pid_t) = { kill_in_full_speed, kill_one_unmet, kill_one_young };
        pid_t publisher;

        memset(board, 0, sizeof(*board));
        seen = 0;
        rig_start(&rig);
        client = rig_connect(&rig, "follower");
        assert_int_equal(md_subscribe_all(client), 0);
        publisher = fork_child();
        if (!publisher)
                publish();

        for (unsigned i = 0; i < KILLS; i++) {
                follow_more(EACH);
                ways[i % 3](publisher);
                follow();
                rig_start(&rig);
        }
        follow_more(EACH);
        atomic_store(&board->over, true);
        await_child(publisher);
        follow();
        assert_int_equal(seen, atomic_load(&board->put));
        md_free(client);
        rig_stop(&rig);
}

static void once(void **state) {
        (void)state;
        for (unsigned rounds = long_run() ? 20 : 1; rounds; rounds--)
                play();
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(once) };
        int failed;

        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
        rig_init(&rig);
        rig_configure(&rig, "instruments = 8\njournal = " JOURNAL "\n",
                      "[feed own]\nsource = publisher\n[feed other]\nsource = publisher\n");
        failed = cmocka_run_group_tests(tests, NULL, NULL);
        rig_deinit(&rig);
        return failed;
}
