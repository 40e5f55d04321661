/*
 * With nothing to do, nobody does anything
 *
 * A daemon with a silent feed and ten clients that sleep. What counts is the CPU time that they use, not how
 * long anything takes. Others on the machine can only add to it, so it is looked at several times, and
 * the least is the truth. And where merely to wake up is dear (a virtual machine under load), the daemon
 * may use some times as much as a process that does nothing else as often: its caches are cold, too. One that
 * does not sleep uses a thousand times as much.
 */

#include <string.h>

#include "base/cleanup.h"
#include "exchange.h"
#include "harness.h"

#define CLIENTS    10
#define LOOKS      10 /* at most */
#define SECONDS    2  /* each */
#define HEARTBEATS 10 /* a second */

#define BOUND_US (SECONDS * 1000) /* 0.1 % */
#define TIMES    3                /* of what the yardstick used */

static struct rig rig;
static pid_t sleepers[CLIENTS], yardstick;

/* CPU time so far, in microseconds. */
static uint64_t cpu_us(pid_t pid) {
        _cleanup_(fclosep) FILE *file = NULL;
        unsigned long long ns;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
        file = fopen(path, "re");
        assert_non_null(file);
        assert_int_equal(fscanf(file, "%llu", &ns), 1);
        return ns / 1000;
}

/* Times that it went to sleep by itself. */
static uint64_t sleeps(pid_t pid) {
        _cleanup_(fclosep) FILE *file = NULL;
        unsigned long long n;
        char path[64], line[256];

        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        file = fopen(path, "re");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
                if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
                        return n;
        fail_msg("the kernel does not say how often it slept");
        return 0;
}

static void sleep_for_ever(unsigned number) {
        char name[16];
        struct md_client *client;

        snprintf(name, sizeof(name), "sleeper-%u", number);
        client = rig_connect_child(&rig, name);
        CHILD_CHECK(md_subscribe_all(client) == 0);
        for (;;)
                md_dispatch(client, -1);
}

static bool all_connected(struct md_client *client) {
        return counter_value(client, "clients accepted") >= CLIENTS + 1;
}

/* What was used so far. */
struct usage {
        uint64_t daemon_us, clients_us, yardstick_us;
        uint64_t turns; /* of the daemon */
};

static struct usage usage_now(void) {
        struct usage usage = {
                .daemon_us = cpu_us(rig.pid),
                .yardstick_us = cpu_us(yardstick),
                .turns = sleeps(rig.pid),
        };

        for (unsigned i = 0; i < CLIENTS; i++)
                usage.clients_us += cpu_us(sleepers[i]);
        return usage;
}

/* Whether next to nothing was used for a while; it wakes for its heartbeat, and for nothing else. */
static bool look(void) {
        struct usage before = usage_now(), after;
        uint64_t daemon_us, clients_us, yardstick_us;

        sleep_ms(SECONDS * 1000);
        after = usage_now();
        daemon_us = after.daemon_us - before.daemon_us;
        clients_us = after.clients_us - before.clients_us;
        yardstick_us = after.yardstick_us - before.yardstick_us;
        print_message(
                "in %d s the daemon used %llu us, its clients %llu us; the yardstick %llu us\n",
                SECONDS, (unsigned long long)daemon_us, (unsigned long long)clients_us,
                (unsigned long long)yardstick_us);
        assert_in_range(after.turns - before.turns, 1, SECONDS * HEARTBEATS * 3 / 2);
        return clients_us < BOUND_US && (daemon_us < BOUND_US || daemon_us < TIMES * yardstick_us);
}

static void only_wake_up(void) {
        for (;;)
                sleep_ms(1000 / HEARTBEATS);
}

static void next_to_nothing_is_used(void **state) {
        struct md_client *witness;
        unsigned looks = 0;

        (void)state;
        rig_start(&rig);
        witness = rig_connect(&rig, "witness");
        for (unsigned i = 0; i < CLIENTS; i++) {
                sleepers[i] = fork_child();
                if (sleepers[i] == 0)
                        sleep_for_ever(i);
        }
        yardstick = fork_child();
        if (yardstick == 0)
                only_wake_up();
        AWAIT(all_connected(witness));
        sleep_ms(500);

        while (!look())
                assert_true(++looks < LOOKS);

        for (unsigned i = 0; i < CLIENTS; i++)
                kill(sleepers[i], SIGKILL);
        kill(yardstick, SIGKILL);
        md_free(witness);
        rig_stop(&rig);
}

static int setup(void **state) {
        (void)state;
        rig_init(&rig);
        rig_configure(&rig, "", "[feed own]\n" EXCHANGE_KEYS, exchange_free_port());
        return 0;
}

static int teardown(void **state) {
        (void)state;
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(next_to_nothing_is_used, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
