/*
 * A sleeping client is woken once, by what it waits for
 *
 * From the packet on the wire to the descriptor that becomes readable, and each wake counted.
 */

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "exchange.h"
#include "harness.h"
#include "wire/wire.h"

#define SLEEPS 200

static struct rig rig;
static struct exchange exchange;
static struct md_client *client;

/* ---- what happens ---- */

/* Each packet is a burst of its own; once it is counted, whoever was to be woken has been. */
static void await_taken(void) {
        AWAIT(counter_value(client, "bursts flushed") == exchange.packets);
}

static void quote(const char *symbol) {
        exchange_quote(&exchange, symbol, 10000 + (int64_t)exchange.packets, 100, 20000, 100);
        exchange_send(&exchange);
        await_taken();
}

static void trade(const char *symbol) {
        exchange_trade(&exchange, symbol, 15000, 100, (int64_t)exchange.packets);
        exchange_send(&exchange);
        await_taken();
}

static uint64_t wakes(void) {
        return counter_value(client, "clients woken");
}

static bool is_readable(int timeout_ms) {
        struct pollfd poller = { .fd = md_fd(client), .events = POLLIN };

        return poll(&poller, 1, timeout_ms) == 1;
}

/* Takes all changes; how many. */
static unsigned drain(void) {
        struct md_change change;
        unsigned n = 0;

        while (md_next(client, &change) > 0)
                n++;
        return n;
}

/* Reads everything, and is armed then. */
static void fall_asleep(void) {
        while (md_dispatch(client, 0) > 0)
                drain();
        assert_false(is_readable(0));
}

/* ---- tests ---- */

static void only_its_instrument_wakes(void **state) {
        uint64_t before = wakes();

        (void)state;
        assert_int_equal(md_subscribe_symbol(client, "AAPL", NULL), 0);
        fall_asleep();
        for (unsigned i = 0; i < 20; i++)
                quote("MSFT");
        assert_int_equal(wakes(), before);
        assert_false(is_readable(0));

        quote("AAPL");
        assert_true(is_readable(PATIENCE_MS));
        assert_int_equal(wakes(), before + 1);
        assert_int_equal(md_dispatch(client, 0), 1);
        assert_int_equal(drain(), 1);
        assert_int_equal(md_dispatch(client, 0), 0);
        assert_false(is_readable(0));
}

static void one_sleep_is_one_wake(void **state) {
        uint64_t before = wakes();

        (void)state;
        assert_int_equal(md_subscribe_symbol(client, "AAPL", NULL), 0);
        fall_asleep();
        for (unsigned i = 0; i < 20; i++)
                quote("AAPL");
        assert_int_equal(wakes(), before + 1);
        assert_int_equal(md_dispatch(client, 0), 1);
        assert_int_equal(drain(), 1);
        /* not asleep: it has not been told that there is nothing more */
        quote("AAPL");
        assert_int_equal(wakes(), before + 1);
        fall_asleep();
        quote("AAPL");
        assert_int_equal(wakes(), before + 2);
}

static void who_never_sleeps_is_never_woken(void **state) {
        uint64_t before = wakes();
        unsigned n = 0;

        (void)state;
        assert_int_equal(md_subscribe_all(client), 0);
        drain();
        for (unsigned i = 0; i < 20; i++) {
                quote("AAPL");
                n += drain();
        }
        assert_int_equal(n, 20);
        assert_int_equal(wakes(), before);
        assert_false(is_readable(0));
}

/* However long there is nothing to see; but the descriptor is for who waits there. */
static void who_spins_for_ever_is_never_woken(void **state) {
        uint64_t before = wakes();

        (void)state;
        assert_int_equal(md_subscribe_all(client), 0);
        drain();
        md_set_spin(client, -1);
        assert_int_equal(md_dispatch(client, 300), 0);
        quote("AAPL");
        assert_int_equal(wakes(), before);
        assert_int_equal(md_dispatch(client, -1), MD_NEWS);
        assert_int_equal(drain(), 1);

        fall_asleep();
        quote("AAPL");
        assert_int_equal(wakes(), before + 1);
        assert_true(is_readable(PATIENCE_MS));
}

static void only_its_kinds_wake(void **state) {
        uint64_t before = wakes();

        (void)state;
        assert_int_equal(md_subscribe_all(client), 0);
        assert_int_equal(md_subscribe_kinds(client, 1u << MD_TRADE), 0);
        fall_asleep();
        quote("AAPL");
        quote("MSFT");
        assert_int_equal(wakes(), before);
        assert_int_equal(md_dispatch(client, 0), 0);
        trade("MSFT");
        assert_int_equal(wakes(), before + 1);
        assert_int_equal(md_dispatch(client, 0), 1);
        assert_int_equal(drain(), 1);
}

static void who_left_is_not_woken(void **state) {
        uint64_t before = wakes();

        (void)state;
        assert_int_equal(md_subscribe_symbol(client, "AAPL", NULL), 0);
        fall_asleep();
        assert_int_equal(md_unsubscribe(client, 0), 0);
        quote("AAPL");
        assert_int_equal(wakes(), before);
        assert_int_equal(md_dispatch(client, 0), 0);
}

static void an_instrument_not_known_yet_wakes_those_who_want_all(void **state) {
        char symbol[9];

        (void)state;
        assert_int_equal(md_subscribe_all(client), 0);
        fall_asleep();
        snprintf(symbol, sizeof(symbol), "N%u", md_instruments(client));
        quote(symbol);
        assert_true(is_readable(PATIENCE_MS));
        assert_int_equal(md_dispatch(client, 0), 1);
        assert_int_equal(drain(), 1);
}

/* The caller's own loop has more than one thing to wait for. */
static void a_loop_of_our_own(void **state) {
        int ends[2];
        struct pollfd pollers[] = { { .events = POLLIN }, { .events = POLLIN } };

        (void)state;
        assert_int_equal(pipe(ends), 0);
        pollers[0].fd = md_fd(client);
        pollers[1].fd = ends[0];
        assert_int_equal(md_subscribe_all(client), 0);
        fall_asleep();
        assert_int_equal(poll(pollers, 2, 0), 0);

        assert_int_equal(write(ends[1], "", 1), 1);
        assert_int_equal(poll(pollers, 2, PATIENCE_MS), 1);
        assert_int_equal(pollers[0].revents, 0);
        quote("AAPL");
        assert_int_equal(poll(pollers, 2, PATIENCE_MS), 2);
        fall_asleep();
        assert_int_equal(poll(pollers, 2, 0), 1);
        close(ends[0]);
        close(ends[1]);
}

static void time_is_kept(void **state) {
        int64_t start = now_ms();

        (void)state;
        assert_int_equal(md_dispatch(client, 0), 0);
        assert_int_equal(md_dispatch(client, 50), 0);
        assert_true(now_ms() - start >= 49);

        /* what is there already is said at once, however long one would wait */
        assert_int_equal(md_subscribe_all(client), 0);
        quote("AAPL");
        assert_int_equal(md_dispatch(client, -1), 1);
        assert_int_equal(md_dispatch(client, 1000000), 1);
}

static void on_alarm(int number) {
        (void)number;
}

static void a_signal_ends_the_wait(void **state) {
        const struct sigaction action = { .sa_handler = on_alarm },
                               none = { .sa_handler = SIG_DFL };
        /* again and again, in case the first one comes before the wait */
        const struct itimerval soon = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };

        (void)state;
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &soon, NULL);
        assert_int_equal(md_dispatch(client, -1), -EINTR);
        setitimer(ITIMER_REAL, &never, NULL);
        sigaction(SIGALRM, &none, NULL);
        assert_true(strlen(md_error(client)) > 10);
}

static void sleep_and_count(_Atomic unsigned *taken) {
        struct md_client *sleeper = rig_connect_child(&rig, "sleeper");
        struct md_change change;

        CHILD_CHECK(md_subscribe_symbol(sleeper, "AAPL", NULL) == 0);
        while (atomic_load(taken) < SLEEPS) {
                CHILD_CHECK(md_dispatch(sleeper, -1) == 1);
                CHILD_CHECK(md_next(sleeper, &change) == 1);
                CHILD_CHECK(change.merged == 0 && change.missed == 0);
                CHILD_CHECK(md_next(sleeper, &change) == 0);
                atomic_fetch_add(taken, 1);
        }
        md_dispatch(sleeper, PATIENCE_MS); /* stays, so that it can be looked at */
        md_free(sleeper);
        _exit(0);
}

static bool is_asleep(struct wire_client *record) {
        return rig_client(&rig, "sleeper", record) && record->armed;
}

static void every_sleep_is_counted(void **state) {
        void *map = mmap(NULL, sizeof(_Atomic unsigned), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        _Atomic unsigned *taken = map;
        struct wire_client record = { 0 };
        pid_t pid;

        (void)state;
        assert_true(map != MAP_FAILED);
        pid = fork_child();
        if (pid == 0)
                sleep_and_count(taken);

        for (unsigned i = 0; i < SLEEPS; i++) {
                AWAIT(is_asleep(&record));
                assert_int_equal(record.sleeps, i + 1);
                assert_int_equal(record.wakes, i);
                quote("MSFT");
                quote("AAPL");
                AWAIT(atomic_load(taken) == i + 1);
        }
        AWAIT(is_asleep(&record));
        assert_int_equal(record.sleeps, SLEEPS + 1);
        assert_int_equal(record.wakes, SLEEPS);
        assert_int_equal(record.ticks, SLEEPS);
        assert_int_equal(record.missed + record.merged, 0);
        assert_int_equal(record.instruments, 1);
        assert_int_equal(record.pid, pid);

        quote("AAPL");
        await_child(pid);
        munmap(map, sizeof(*taken));
}

/* ---- before and after ---- */

static int setup_group(void **state) {
        uint16_t port = exchange_free_port();

        (void)state;
        rig_init(&rig);
        rig_configure(&rig, "instruments = 64\njournal = 4096\n", "[feed own]\n" EXCHANGE_KEYS,
                      port);
        rig_start(&rig);
        exchange_to_port(&exchange, port);
        return 0;
}

static int teardown_group(void **state) {
        (void)state;
        exchange_deinit(&exchange);
        rig_stop(&rig);
        rig_deinit(&rig);
        return 0;
}

static int setup(void **state) {
        (void)state;
        client = rig_connect(&rig, "client");
        quote("AAPL");
        quote("MSFT");
        return 0;
}

static int teardown(void **state) {
        (void)state;
        client = md_free(client);
        return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(only_its_instrument_wakes),
                TEST(one_sleep_is_one_wake),
                TEST(who_never_sleeps_is_never_woken),
                TEST(who_spins_for_ever_is_never_woken),
                TEST(only_its_kinds_wake),
                TEST(who_left_is_not_woken),
                TEST(an_instrument_not_known_yet_wakes_those_who_want_all),
                TEST(a_loop_of_our_own),
                TEST(time_is_kept),
                TEST(a_signal_ends_the_wait),
                TEST(every_sleep_is_counted),
        };

        return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
