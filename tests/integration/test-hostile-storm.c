/*
 * Ten thousand peers that keep to no rule, while twenty clients read
 *
 * Each reader sleeps until a quote comes, and looks at the clock: first while all is quiet, then while
 * other users' processes come in by the thousands and break every rule there is. The latencies are
 * printed, for people to judge. What is checked is that each reader gets every quote there was, that the
 * daemon holds no more descriptors and no more memory afterwards, and that the log is not flooded.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "as-user.h"
#include "exchange.h"
#include "harness.h"
#include "wire/conn.h"
#include "wire/wire.h"

#define READERS     20
#define HOSTILES    4    /* processes, */
#define CONNECTIONS 2500 /* of each, one after the other */
#define PAUSE_MS    2    /* between two quotes */
#define QUIET       1000 /* quotes before the storm */
#define PER_USER    40
#define NOBODY      65534
#define GROWTH      (1 << 20) /* bytes of the daemon's own memory */
#define LOG_LINES   200       /* of a storm that would make ten thousand */
#define SAMPLES     100000

enum { BEFORE, DURING, PHASES };

static struct board {
        _Atomic unsigned phase, ready;
        _Atomic uint64_t last; /* number of the last quote, 0: there may be more */
        struct latencies {
                unsigned n;
                int64_t ns[SAMPLES];
        } latencies[READERS][PHASES];
} * board;

static struct rig rig;
static struct exchange exchange;

/* ---- readers ---- */

static int64_t now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void note(unsigned reader, int64_t ns) {
        struct latencies *latencies = &board->latencies[reader][atomic_load(&board->phase)];

        if (latencies->n < SAMPLES)
                latencies->ns[latencies->n++] = ns;
}

static void read_all(unsigned reader) {
        struct md_client *client = rig_connect_child(&rig, "reader");
        uint64_t at = md_cursor(client) - 1, missed, last;
        struct md_tick tick;

        CHILD_CHECK(md_subscribe_all(client) == 0);
        atomic_fetch_add(&board->ready, 1);
        do {
                int r = md_dispatch(client, 100);

                CHILD_CHECK(r >= 0);
                while (md_follow(client, &tick, &missed) > 0) {
                        CHILD_CHECK(!missed && tick.seq == ++at);
                        note(reader, now_ns() - tick.ts_recv);
                }
                last = atomic_load(&board->last);
        } while (!last || at < last);
        md_free(client);
        _exit(0);
}

/* ---- hostile peers ---- */

static void say(int fd, const void *bytes, size_t size) {
        (void)!send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say_hello(int fd, uint32_t role) {
        struct wire_hello hello = {
                .header = { WIRE_HELLO, sizeof(hello) },
                .version = WIRE_VERSION,
                .role = role,
                .name = "hostile",
                .feed = "own",
        };

        say(fd, &hello, sizeof(hello));
}

static void say_noise(int fd) {
        char bytes[WIRE_SIZE_MAX + 64];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (char)random();
        say(fd, bytes, (size_t)random() % sizeof(bytes) + 1);
}

static void hand_over_descriptors(int fd) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(8 * sizeof(int))];
        } control = { 0 };
        char bytes[] = "descriptors";
        struct iovec vector = { bytes, sizeof(bytes) };
        struct msghdr header = { .msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control) };
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);

        *cmsg = (struct cmsghdr){ CMSG_LEN(8 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
        for (unsigned i = 0; i < 8; i++)
                memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(int));
        (void)!sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void flood(int fd, uint32_t opcode) {
        struct wire_request request = { { opcode, sizeof(request) } };

        for (unsigned i = 0; i < 100; i++)
                say(fd, &request, sizeof(request));
}

/* Takes a reader's descriptors, fills its control page with noise, and arms it again and again. */
static void misuse_page(int fd) {
        int fds[WIRE_FDS_READER];
        char buffer[WIRE_SIZE_MAX];
        unsigned n = WIRE_FDS_READER;
        uint32_t *page;

        if (conn_recv_wait(fd, buffer, fds, &n, 1000) != CONN_OK || n != WIRE_FDS_READER)
                return;
        page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[WIRE_FD_CONTROL], 0);
        if (page != MAP_FAILED) {
                for (unsigned round = 0; round < 20; round++)
                        for (unsigned i = 0; i < 1024; i++)
                                page[i] = (uint32_t)random();
                munmap(page, 4096);
        }
        for (unsigned i = 0; i < n; i++)
                close(fds[i]);
}

static void misbehave(int fd) {
        switch (random() % 10) {
        case 0:
                break; /* leaves without a word */
        case 1:
                say(fd, "", 0);
                break;
        case 2:
                say_noise(fd);
                break;
        case 3:
                hand_over_descriptors(fd);
                break;
        case 4:
                say_hello(fd, WIRE_ROLE_READER);
                break; /* dies between two messages */
        case 5:
                say_hello(fd, WIRE_ROLE_READER);
                misuse_page(fd);
                break;
        case 6:
                say_hello(fd, WIRE_ROLE_READER);
                say_noise(fd);
                break;
        case 7:
                say_hello(fd, WIRE_ROLE_CONTROL);
                flood(fd, WIRE_CLIENTS);
                break;
        case 8:
                say_hello(fd, WIRE_ROLE_PUBLISHER);
                flood(fd, WIRE_DEFINE);
                break;
        case 9:
                say_hello(fd, (uint32_t)random());
                shutdown(fd, random() % 2 ? SHUT_RD : SHUT_WR);
                break;
        }
}

/* Some connections are kept for a while, so that there are many at once. */
static void storm(unsigned number) {
        int kept[PER_USER / HOSTILES];

        memset(kept, -1, sizeof(kept));
        srandom(number);
        if (geteuid() == 0)
                become(NOBODY, NOBODY, NOBODY);
        for (unsigned i = 0; i < CONNECTIONS; i++) {
                int fd = conn_connect(rig.socket, PATIENCE_MS);
                int *keep = &kept[i % (sizeof(kept) / sizeof(*kept))];

                CHILD_CHECK(fd >= 0);
                misbehave(fd);
                if (*keep >= 0)
                        close(*keep);
                *keep = fd;
        }
        _exit(0);
}

/* ---- the test ---- */

static void quote(void) {
        exchange_quote(&exchange, "AAPL", 10000 + (int64_t)(exchange.packets % 1000), 1, 20000, 1);
        exchange_send(&exchange);
        sleep_ms(PAUSE_MS);
}

static size_t own_memory(void) {
        unsigned long kib = 0;
        char path[64], line[128];
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)rig.pid);
        file = fopen(path, "re");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
                if (sscanf(line, "RssAnon: %lu", &kib) == 1)
                        break;
        fclose(file);
        return (size_t)kib << 10;
}

static int compare(const void *a, const void *b) {
        const int64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void print_latencies(const char *what, unsigned phase) {
        static int64_t all[READERS * SAMPLES];
        size_t n = 0;

        for (unsigned i = 0; i < READERS; i++) {
                const struct latencies *latencies = &board->latencies[i][phase];

                memcpy(all + n, latencies->ns, latencies->n * sizeof(*all));
                n += latencies->n;
        }
        assert_true(n > 0);
        qsort(all, n, sizeof(*all), compare);
        print_message("%s: %zu wakes, median %lld us, 99 %% %lld us, 99.9 %% %lld us, worst "
                      "%lld us\n",
                      what, n, (long long)all[n / 2] / 1000, (long long)all[n * 99 / 100] / 1000,
                      (long long)all[n * 999 / 1000] / 1000, (long long)all[n - 1] / 1000);
}

static void run_storm(void) {
        pid_t hostiles[HOSTILES];
        unsigned running = HOSTILES;

        for (unsigned i = 0; i < HOSTILES; i++) {
                hostiles[i] = fork_child();
                if (hostiles[i] == 0)
                        storm(i);
        }
        while (running) {
                int status;

                quote();
                for (unsigned i = 0; i < HOSTILES; i++) {
                        if (!hostiles[i] || waitpid(hostiles[i], &status, WNOHANG) == 0)
                                continue;
                        assert_int_equal(status, 0);
                        hostiles[i] = 0;
                        running--;
                }
        }
}

/* Comes to rest: nobody is there but those who were before, and each counter has been written. */
static void expect_unharmed(struct md_client *witness, unsigned fds, size_t memory) {
        AWAIT(rig_fds(&rig) == fds);
#ifndef SANITIZED
        assert_true(own_memory() <= memory + GROWTH);
#else
        print_message("its own memory: %zu bytes, then %zu\n", memory, own_memory());
#endif
        assert_true(rig_log_count(&rig, "") <= LOG_LINES);
        assert_true(counter_value(witness, "clients closed: broke the protocol") >
                    HOSTILES * CONNECTIONS / 10);
}

static void readers_get_everything(void **state) {
        struct md_client *witness;
        pid_t readers[READERS];
        struct md_health health;
        size_t memory;
        unsigned fds;

        (void)state;
        rig_start(&rig);
        witness = rig_connect(&rig, "witness");
        for (unsigned i = 0; i < READERS; i++) {
                readers[i] = fork_child();
                if (readers[i] == 0)
                        read_all(i);
        }
        AWAIT(atomic_load(&board->ready) == READERS);
        AWAIT(counter_value(witness, "clients left") >= 1); /* the harness's own */
        for (unsigned i = 0; i < QUIET; i++)
                quote();

        fds = rig_fds(&rig);
        memory = own_memory();
        atomic_store(&board->phase, DURING);
        run_storm();
        AWAIT(feed_of(witness).packets == exchange.packets);
        expect_unharmed(witness, fds, memory);

        assert_int_equal(md_health(witness, &health), 0);
        atomic_store(&board->last, health.newest);
        for (unsigned i = 0; i < READERS; i++)
                await_child(readers[i]);
        print_latencies("quiet", BEFORE);
        print_latencies("storm", DURING);
        md_free(witness);
        rig_stop(&rig);
}

static int setup(void **state) {
        uint16_t port = exchange_free_port();

        (void)state;
        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
        if (board == MAP_FAILED)
                return -1;
        rig_init(&rig);
        rig_configure(&rig, "instruments = 64\njournal = 262144\n",
                      "[access]\nread = *\npublish = *\ncontrol = *\n"
                      "[limits]\nclients = 100\nclients_per_user = %d\nhello_ms = 60000\n"
                      "[feed exchange]\n" EXCHANGE_KEYS "[feed own]\nsource = publisher\n",
                      PER_USER, port);
        exchange_to_port(&exchange, port);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        munmap(board, sizeof(*board));
        exchange_deinit(&exchange);
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(readers_get_everything, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
