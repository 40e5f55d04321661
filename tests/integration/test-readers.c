/*
 * Two hundred readers at once
 *
 * The daemon plays a recording in a loop, as fast as can be. Readers of all kinds are at it: they spin or
 * sleep, take every tick or only changes, of everything or of one instrument. Some are killed, some
 * are stopped for seconds. At the end the daemon has lost nothing, each survivor stands at the newest
 * state, and each knows to the tick what it missed.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"
#include "ramp.h"

#define READERS 200
#define KILLED  20
#define STOPPED 40
#define ROUNDS  20 /* of 200 ms while the feed runs; ten times as many in a long run */
#define STEP    1000
#define PACKETS 2000

enum role { SPIN_FOLLOW, SPIN_NEXT, SLEEP_FOLLOW, SLEEP_NEXT, SLEEP_ONE, ROLES };

struct reader {
        enum role role;
        pid_t pid; /* 0: killed */
        _Atomic bool connected;
        uint64_t ticks, missed, laps; /* by itself, when it is done */
};

static struct rig rig;
static struct reader *readers; /* shared memory */

/* ---- a reader ---- */

struct work {
        struct md_client *client;
        enum role role;
        uint32_t only;  /* SLEEP_ONE: the instrument */
        uint64_t start; /* number of the tick before the first */
        uint64_t received, missed;
        uint64_t given[RAMP_INSTRUMENTS][MD_PLACES]; /* number of the newest, by place */
};

static struct md_health health_of(struct md_client *client) {
        struct md_health health;

        CHILD_CHECK(md_health(client, &health) == 0);
        return health;
}

static void take(struct work *work, const struct md_tick *tick) {
        CHILD_CHECK(ramp_is_whole(tick, STEP));
        work->received++;
        if (tick->kind >= MD_PLACES)
                return;
        CHILD_CHECK(tick->instrument < RAMP_INSTRUMENTS);
        CHILD_CHECK(tick->seq > work->given[tick->instrument][tick->kind]);
        work->given[tick->instrument][tick->kind] = tick->seq;
}

static void take_ticks(struct work *work) {
        struct md_tick tick;
        uint64_t missed;
        int r;

        while ((r = md_follow(work->client, &tick, &missed)) > 0) {
                work->missed += missed;
                take(work, &tick);
                CHILD_CHECK(work->start + work->received + work->missed == tick.seq);
        }
        CHILD_CHECK(r == 0);
        work->missed += missed;
}

static void take_changes(struct work *work) {
        struct md_change change;
        int r;

        while ((r = md_next(work->client, &change)) > 0) {
                work->missed += change.missed;
                take(work, &change.tick);
        }
        CHILD_CHECK(r == 0);
}

static bool is_follower(const struct work *work) {
        return work->role == SPIN_FOLLOW || work->role == SLEEP_FOLLOW;
}

/* Reads until the daemon has stopped, and all that it left. */
static void read_to_end(struct work *work) {
        bool over;

        do {
                over = health_of(work->client).state == MD_STATE_STOPPED;
                if (is_follower(work))
                        take_ticks(work);
                else
                        take_changes(work);
                if (work->role >= SLEEP_FOLLOW && !over)
                        md_dispatch(work->client, 1000);
        } while (!over);
}

/* What was given out last is what stands in the table, where anything changed since the start. */
static void check_newest(struct work *work) {
        struct md_tick tick;
        int r;

        for (uint32_t i = 0; i < md_instruments(work->client); i++) {
                if (work->role == SLEEP_ONE && i != work->only)
                        continue;
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        r = md_read(work->client, i, kind, &tick);
                        CHILD_CHECK(r >= 0);
                        if (r && tick.seq > work->start && !is_follower(work))
                                CHILD_CHECK(work->given[i][kind] == tick.seq);
                }
        }
}

static void check_sums(struct work *work) {
        struct md_health health = health_of(work->client);

        CHILD_CHECK(health.cursor == health.newest + 1);
        CHILD_CHECK(health.ticks == work->received);
        if (work->role != SLEEP_ONE)
                CHILD_CHECK(health.ticks + health.merged + health.missed - health.recovered ==
                            health.newest - work->start);
        if (is_follower(work))
                CHILD_CHECK(health.missed == work->missed && !health.merged && !health.recovered);
}

static void begin(struct work *work, unsigned number) {
        char name[16];

        snprintf(name, sizeof(name), "reader-%u", number);
        work->client = rig_connect_child(&rig, name);
        work->start = md_cursor(work->client) - 1;
        work->only = number % RAMP_INSTRUMENTS;
        if (work->role == SLEEP_ONE)
                CHILD_CHECK(md_subscribe(work->client, work->only) == 0);
        else
                CHILD_CHECK(md_subscribe_all(work->client) == 0);
}

static void run_reader(unsigned number) {
        struct reader *reader = &readers[number];
        static struct work work;

        work.role = reader->role;
        begin(&work, number);
        atomic_store(&reader->connected, true);
        read_to_end(&work);
        check_newest(&work);
        check_sums(&work);

        reader->ticks = work.received;
        reader->missed = work.missed;
        reader->laps = health_of(work.client).laps;
        md_free(work.client);
        _exit(0);
}

/* ---- the test ---- */

static enum role role_of(unsigned number) {
        if (number < 8)
                return number % 2 ? SPIN_FOLLOW : SPIN_NEXT;
        return SLEEP_FOLLOW + number % (ROLES - SLEEP_FOLLOW);
}

static bool all_connected(void) {
        for (unsigned i = 0; i < READERS; i++)
                if (!atomic_load(&readers[i].connected))
                        return false;
        return true;
}

static void start_readers(void) {
        for (unsigned i = 0; i < READERS; i++) {
                pid_t pid;

                readers[i].role = role_of(i);
                pid = fork_child();
                if (pid == 0)
                        run_reader(i);
                readers[i].pid = pid;
        }
        AWAIT(all_connected());
}

static void signal_random(unsigned n, int number) {
        while (n--) {
                struct reader *reader = &readers[random() % READERS];

                if (!reader->pid)
                        continue;
                assert_int_equal(kill(reader->pid, number), 0);
                if (number == SIGKILL) {
                        assert_int_equal(waitpid(reader->pid, NULL, 0), reader->pid);
                        reader->pid = 0;
                }
        }
}

static void continue_all(void) {
        for (unsigned i = 0; i < READERS; i++)
                if (readers[i].pid)
                        kill(readers[i].pid, SIGCONT);
}

/* Some are killed now and then, some stopped and let go on a second or two later, the last ones after the
 * daemon has gone. */
static void disturb(unsigned rounds) {
        for (unsigned i = 0; i < rounds; i++) {
                signal_random(i % (rounds / KILLED) == 0, SIGKILL);
                if (i % 8 == 7)
                        continue_all();
                signal_random(STOPPED / 8, SIGSTOP);
                sleep_ms(200);
        }
}

static void await_survivors(void) {
        uint64_t ticks = 0, missed = 0;
        unsigned lapped = 0, survivors = 0;

        for (unsigned i = 0; i < READERS; i++) {
                if (!readers[i].pid)
                        continue;
                await_child(readers[i].pid);
                assert_true(readers[i].ticks > 0);
                survivors++;
                ticks += readers[i].ticks;
                missed += readers[i].missed;
                lapped += readers[i].laps > 0;
        }
        print_message("%u survivors took %llu ticks; %u of them were lapped, and missed %llu\n",
                      survivors, (unsigned long long)ticks, lapped, (unsigned long long)missed);
        assert_in_range(survivors, READERS - KILLED, READERS - KILLED / 2);
        assert_true(lapped > 0);
}

static void nobody_is_lost(void **state) {
        struct md_client *witness;
        struct md_health health;
        struct md_feed feed;

        (void)state;
        rig_start(&rig);
        witness = rig_connect(&rig, "witness");
        start_readers();
        assert_true(rig_fds(&rig) > 2 * READERS);
        disturb(long_run() ? 10 * ROUNDS : ROUNDS);

        rig_stop(&rig);
        assert_int_equal(md_health(witness, &health), 0);
        assert_int_equal(health.state, MD_STATE_STOPPED);
        feed = feed_of(witness);
        print_message("%llu packets, %llu ticks\n", (unsigned long long)feed.packets,
                      (unsigned long long)feed.ticks);
        assert_true(feed.packets > PACKETS);
        assert_int_equal(feed.messages, feed.packets * RAMP_MESSAGES);
        assert_int_equal(feed.ticks, health.newest);
        assert_int_equal(feed.gaps + feed.missed + feed.duplicates + feed.bad, 0);

        continue_all();
        await_survivors();
        md_free(witness);
}

static int setup(void **state) {
        char capture[80];

        (void)state;
        readers = mmap(NULL, READERS * sizeof(*readers), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (readers == MAP_FAILED)
                return -1;
        srandom(1);
        rig_init(&rig);
        snprintf(capture, sizeof(capture), "%s/capture", rig.folder);
        ramp_write(capture, PACKETS, STEP);
        rig_configure(&rig, "instruments = 128\njournal = 65536\n",
                      "[limits]\nclients = 256\nhello_ms = 60000\n"
                      "[feed ramp]\nsource = pcap\nprotocol = iex-tops\nfile = %s\n"
                      "speed = max\nloop = yes\n",
                      capture);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        munmap(readers, READERS * sizeof(*readers));
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(nobody_is_lost, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
