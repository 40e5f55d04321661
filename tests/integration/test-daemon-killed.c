/*
 * The daemon is killed under full load, over and over, and its readers read on
 *
 * It plays a recording in a loop, as fast as can be, and is killed with SIGKILL: while it plays, and
 * while it starts. Three readers keep the segment that the first daemon gave them: one looks at all
 * places, one follows every tick, one takes changes and sleeps in between, woken by whichever daemon
 * there is. None of them may see a torn tick or one older than before, none may be kept waiting, and the
 * numbers of the ticks go on without a hole from daemon to daemon.
 */

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"
#include "ramp.h"

#define KILLS      200
#define KILLS_LONG 2000
#define PLAY_US    20000 /* a daemon plays at most so long */
#define PAUSE_US   50    /* of a reader that is up to date: the load is the daemon's */
#define STEP       1000
#define PACKETS    2000

enum { LOOKER, FOLLOWER, SLEEPER, READERS };

struct board {
        _Atomic unsigned ready;           /* readers that have connected */
        _Atomic unsigned dead;            /* kills so far */
        _Atomic unsigned passed[READERS]; /* a reader got through everything after so many */
        _Atomic uint64_t followed, laps, wakes, registrations;
        _Atomic bool over;
};

static struct rig rig;
static struct board *board;
static pid_t readers[READERS];

/* ---- the readers ---- */

static struct md_client *connect_child(void) {
        struct md_client *client;

        client = rig_connect_child(&rig, "reader");
        CHILD_CHECK(md_subscribe_all(client) == 0);
        atomic_fetch_add(&board->ready, 1);
        return client;
}

static uint64_t last[RAMP_INSTRUMENTS][MD_PLACES];

/* One tick that was read or given out: whole, and no older than the one before. */
static void check_tick(const struct md_tick *tick) {
        uint64_t *before;

        CHILD_CHECK(ramp_is_whole(tick, STEP));
        if (tick->kind >= MD_PLACES)
                return;
        CHILD_CHECK(tick->instrument < RAMP_INSTRUMENTS);
        before = &last[tick->instrument][tick->kind];
        CHILD_CHECK(tick->seq >= *before);
        *before = tick->seq;
}

static void look_at_all(struct md_client *client) {
        struct md_tick tick;
        int r;

        for (uint32_t i = 0; i < md_instruments(client); i++) {
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        r = md_read(client, i, kind, &tick);
                        CHILD_CHECK(r >= 0);
                        if (r)
                                check_tick(&tick);
                }
        }
}

static void look(void) {
        struct md_client *client = connect_child();

        while (!atomic_load(&board->over)) {
                unsigned dead = atomic_load(&board->dead);

                look_at_all(client);
                atomic_store(&board->passed[LOOKER], dead);
                usleep(PAUSE_US);
        }
        md_free(client);
        _exit(0);
}

static void follow(void) {
        struct md_client *client = connect_child();
        uint64_t at = md_cursor(client) - 1, missed;
        struct md_health health;
        struct md_tick tick;

        while (!atomic_load(&board->over)) {
                unsigned dead = atomic_load(&board->dead);
                int r;

                while ((r = md_follow(client, &tick, &missed)) > 0) {
                        at += missed + 1;
                        CHILD_CHECK(tick.seq == at);
                        check_tick(&tick);
                }
                CHILD_CHECK(r == 0);
                at += missed;
                atomic_store(&board->followed, at);
                atomic_store(&board->passed[FOLLOWER], dead);
                usleep(PAUSE_US);
        }
        CHILD_CHECK(md_health(client, &health) == 0);
        atomic_store(&board->laps, health.laps);
        md_free(client);
        _exit(0);
}

/* What was given out, merged or missed is all that there was, from whichever daemon. */
static void check_sums(struct md_client *client, uint64_t start) {
        struct md_health health;

        CHILD_CHECK(md_health(client, &health) == 0);
        CHILD_CHECK(health.ticks + health.merged + health.missed - health.recovered ==
                    health.cursor - start);
        atomic_store(&board->registrations, health.reconnects);
}

static void sleep_and_take(void) {
        struct md_client *client = connect_child();
        uint64_t start = md_cursor(client);
        struct md_change change;

        while (!atomic_load(&board->over)) {
                unsigned dead = atomic_load(&board->dead);
                int r;

                while ((r = md_next(client, &change)) > 0)
                        check_tick(&change.tick);
                CHILD_CHECK(r == 0);
                check_sums(client, start);
                atomic_store(&board->passed[SLEEPER], dead);
                r = md_dispatch(client, 20);
                CHILD_CHECK(r == 0 || r == MD_NEWS);
                atomic_fetch_add(&board->wakes, (unsigned)r);
        }
        md_free(client);
        _exit(0);
}

/* ---- the test ---- */

static void start_readers(void) {
        static void (*const work[READERS])(void) = {
                [LOOKER] = look,
                [FOLLOWER] = follow,
                [SLEEPER] = sleep_and_take,
        };

        for (unsigned i = 0; i < READERS; i++) {
                readers[i] = fork_child();
                if (readers[i] == 0)
                        work[i]();
        }
}

static bool all_passed(unsigned kills) {
        for (unsigned i = 0; i < READERS; i++) {
                if (waitpid(readers[i], NULL, WNOHANG))
                        fail_msg("reader %u has ended", i);
                if (atomic_load(&board->passed[i]) != kills)
                        return false;
        }
        return true;
}

/* Kills a daemon that has hardly begun to start. */
static void kill_young(void) {
        rig_launch(&rig);
        usleep((useconds_t)(random() % PLAY_US));
        rig_kill(&rig);
}

static void kill_at_work(void) {
        rig_start(&rig);
        usleep((useconds_t)(random() % PLAY_US));
        rig_kill(&rig);
}

static struct md_health health_of(struct md_client *client) {
        struct md_health health;

        assert_int_equal(md_health(client, &health), 0);
        return health;
}

static void readers_read_on(void **state) {
        unsigned kills = long_run() ? KILLS_LONG : KILLS;
        struct md_health before, now;
        struct md_client *client;
        uint64_t registrations;

        (void)state;
        rig_start(&rig);
        client = rig_connect(&rig, "witness");
        start_readers();
        AWAIT(atomic_load(&board->ready) == READERS);
        AWAIT(atomic_load(&board->followed) > 0 && atomic_load(&board->wakes) > 0);
        before = health_of(client);
        rig_kill(&rig);

        for (unsigned n = 1; n <= kills; n++) {
                if (n % 4)
                        kill_at_work();
                else
                        kill_young();
                atomic_store(&board->dead, n);
                AWAIT(all_passed(n));

                now = health_of(client);
                assert_true(now.newest >= before.newest);
                assert_true(now.generation >= before.generation + (n % 4 != 0));
                /* what the header says may be one tick behind the journal */
                assert_in_range(atomic_load(&board->followed), now.newest, now.newest + 1);
                before = now;
        }

        registrations = atomic_load(&board->registrations);
        rig_start(&rig);
        AWAIT(atomic_load(&board->registrations) > registrations);
        AWAIT(health_of(client).newest > now.newest);
        atomic_store(&board->over, true);
        for (unsigned i = 0; i < READERS; i++)
                await_child(readers[i]);
        now = health_of(client);
        print_message(
                "%u kills, %llu daemons that came to play, %llu ticks; %llu laps, %llu wakes, "
                "%llu registrations\n",
                kills, (unsigned long long)now.generation, (unsigned long long)now.newest,
                (unsigned long long)board->laps, (unsigned long long)board->wakes,
                (unsigned long long)board->registrations);
        assert_true(rig_log_count(&rig, "taken over from a daemon that is gone") >= kills * 3 / 4);
        md_free(client);
        rig_stop(&rig);
}

static int setup(void **state) {
        char capture[80];

        (void)state;
        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
        if (board == MAP_FAILED)
                return -1;
        rig_init(&rig);
        snprintf(capture, sizeof(capture), "%s/capture", rig.folder);
        ramp_write(capture, PACKETS, STEP);
        rig_configure(&rig, "instruments = 128\njournal = 16384\n",
                      "[feed ramp]\nsource = pcap\nprotocol = iex-tops\nfile = %s\n"
                      "speed = max\nloop = yes\n",
                      capture);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        munmap(board, sizeof(*board));
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(readers_read_on, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
