/*
 * From the newest state into the stream, without a hole and without a step back
 *
 * A publisher runs. Ten thousand times, at moments that nobody chose, a client reads the newest quote of
 * an instrument and goes on in the stream behind it. Each quote carries its number among those of its
 * instrument: so whatever the library says, the next one that comes must be the next one that was put.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"

#define STARTS      10000
#define LAPPED_MOST 1000 /* of them, on a machine with more to do than it can */
#define INSTRUMENTS 16
#define BURST       512
#define PAUSE_US    400

static struct rig rig;
static struct { _Atomic uint64_t ticks; } * published; /* shared memory */

/* ---- the publisher ---- */

static void define_all(struct md_publisher *publisher) {
        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                struct md_instrument definition = { .close_px = MD_PX_NONE };
                uint32_t handle;

                snprintf(definition.symbol, sizeof(definition.symbol), "I%u", i);
                CHILD_CHECK(md_publisher_define(publisher, &definition, &handle) == 0);
                CHILD_CHECK(handle == i);
        }
}

/* Quotes of instruments drawn at random, bursts and pauses of any length, until it is killed. */
static void publish(void) {
        int64_t count[INSTRUMENTS] = { 0 };
        struct md_publisher *publisher;
        uint32_t instrument;

        srandom(1);
        CHILD_CHECK(md_publisher_new(&publisher) == 0);
        CHILD_CHECK(md_publisher_connect(publisher, rig.socket, "own") == 0);
        define_all(publisher);
        for (;;) {
                for (long n = random() % BURST; n >= 0; n--) {
                        int64_t number;
                        int r;

                        instrument = (uint32_t)random() % INSTRUMENTS;
                        number = ++count[instrument];
                        while ((r = md_publisher_quote(publisher, instrument, number, number, 1,
                                                       number + 1, 1)) == -EAGAIN)
                                CHILD_CHECK(md_publisher_wait(publisher, PATIENCE_MS) == 1);
                        CHILD_CHECK(r == 0);
                        atomic_fetch_add(&published->ticks, 1);
                }
                usleep((useconds_t)(random() % PAUSE_US));
        }
}

/* ---- the reader ---- */

/* One start: false when the client was lapped, which says nothing of starts. */
static bool start(struct md_client *client, uint32_t instrument, unsigned steps) {
        int64_t count[INSTRUMENTS] = { 0 };
        struct md_tick tick;
        uint64_t missed, seq;

        assert_int_equal(md_read(client, instrument, MD_QUOTE, &tick), 1);
        assert_int_equal(tick.instrument, instrument);
        assert_int_equal(md_seek(client, tick.seq + 1), 0);
        assert_int_equal(md_cursor(client), tick.seq + 1);
        count[instrument] = tick.u.quote.bid_px;
        seq = tick.seq;

        while (steps) {
                int r = md_follow(client, &tick, &missed);

                assert_true(r >= 0);
                if (missed)
                        return false;
                if (!r)
                        continue;
                assert_int_equal(tick.seq, ++seq);
                assert_int_equal(tick.ts_event, tick.u.quote.bid_px);
                if (count[tick.instrument])
                        assert_int_equal(tick.u.quote.bid_px, count[tick.instrument] + 1);
                count[tick.instrument] = tick.u.quote.bid_px;
                steps -= tick.instrument == instrument;
        }
        return true;
}

static bool all_have_quotes(struct md_client *client) {
        struct md_tick tick;

        for (uint32_t i = 0; i < INSTRUMENTS; i++)
                if (md_instruments(client) <= i || md_read(client, i, MD_QUOTE, &tick) != 1)
                        return false;
        return true;
}

static void the_stream_goes_on_from_the_tick_that_was_read(void **state) {
        unsigned starts = 0, lapped = 0;
        struct md_client *client;
        uint64_t before;
        pid_t pid;

        (void)state;
        rig_start(&rig);
        pid = fork_child();
        if (pid == 0)
                publish();
        client = rig_connect(&rig, "reader");
        assert_int_equal(md_subscribe_all(client), 0);
        AWAIT(all_have_quotes(client));

        before = atomic_load(&published->ticks);
        while (starts < STARTS && lapped < LAPPED_MOST) {
                bool whole =
                        start(client, (uint32_t)random() % INSTRUMENTS, 1 + (unsigned)random() % 8);

                starts += whole;
                lapped += !whole;
        }
        print_message("%u starts, %u more were lapped; %llu ticks meanwhile\n", starts, lapped,
                      (unsigned long long)(atomic_load(&published->ticks) - before));
        assert_int_equal(starts, STARTS);
        assert_true(atomic_load(&published->ticks) - before > STARTS);

        kill(pid, SIGKILL);
        md_free(client);
        rig_stop(&rig);
}

static int setup(void **state) {
        (void)state;
        srandom(2);
        published = mmap(NULL, sizeof(*published), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (published == MAP_FAILED)
                return -1;
        rig_init(&rig);
        rig_configure(&rig, "instruments = 16\njournal = 262144\n",
                      "[feed own]\nsource = publisher\nring = 4096\n");
        return 0;
}

static int teardown(void **state) {
        (void)state;
        munmap(published, sizeof(*published));
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_stream_goes_on_from_the_tick_that_was_read,
                                                setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
