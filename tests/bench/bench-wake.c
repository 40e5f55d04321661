/*
 * From the writer to a client: one way
 *
 * The writer is this process: the daemon's publisher and notifier. The client is another one, with the
 * library. A tick carries the time at which the writer took it up, and the client looks at the clock
 * when it has it in hand. In turns with the ticks, bare signals go the same way:
 *
 *      a client that spins     a word in shared memory
 *      a client that sleeps    an eventfd and a pipe, each with a reader blocked in read()
 *
 * Between two signals the writer waits until the client is sure to spin or to sleep. Writer and client
 * have a processor each; where there is only one, nobody can spin, and that part is left out.
 */

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bench.h"
#include "host.h"
#include "mdclient.h"

#define WAYS    3    /* that take turns */
#define SAMPLES 2001 /* of each */
#define JOURNAL 1024 /* ticks */
#define WARM_UP 600  /* turns that are not counted: by then all of the journal has been touched */

#define SPIN_PAUSE  INT64_C(3000)       /* ns before the next signal */
#define SLEEP_PAUSE INT64_C(300000)     /* a sleeper's processor is idle by then */
#define PATIENCE    INT64_C(5000000000) /* the client is dead by then */

/* What writer and client share, beside the segment. */
struct shared {
        _Alignas(64) _Atomic int64_t sent;  /* when the newest bare signal was */
        _Alignas(64) _Atomic uint64_t done; /* signals that have arrived, of any kind */
        double ns[2][WAYS][SAMPLES];        /* how long each took: [spinning or sleeping] */
};

struct wake {
        struct host host;
        struct shared *shared;
        int eventfd;
        int pipe[2];
        struct md_client *clients[WAYS]; /* in the client's process; of the library's ways */
};

/* A way to send a signal, and to wait for it until it is there: then to say when it was sent. */
struct way {
        const char *name;
        void (*send)(struct wake *wake, uint32_t instrument, int64_t now);
        int64_t (*receive)(struct wake *wake, uint32_t instrument);
        bool library;
};

/* ---- the library: a tick of an instrument that only this way's client has subscribed to ---- */

static void send_tick(struct wake *wake, uint32_t instrument, int64_t now) {
        struct md_tick tick = {
                .instrument = instrument,
                .kind = MD_QUOTE,
                .flags = MD_FLAG_LAST,
                .ts_event = now,
        };

        publisher_put(&wake->host.publisher, &tick);
        notifier_flush(&wake->host.notifier);
}

static int64_t spin_follow(struct wake *wake, uint32_t instrument) {
        struct md_tick tick;

        while (md_follow(wake->clients[instrument], &tick, NULL) == 0)
                continue;
        return tick.ts_event;
}

static int64_t spin_next(struct wake *wake, uint32_t instrument) {
        struct md_change change;

        while (md_next(wake->clients[instrument], &change) == 0)
                continue;
        return change.tick.ts_event;
}

static int64_t sleep_dispatch(struct wake *wake, uint32_t instrument) {
        struct md_client *client = wake->clients[instrument];
        struct md_change change;

        while (md_dispatch(client, -1) == 1)
                if (md_next(client, &change) == 1)
                        return change.tick.ts_event;
        fprintf(stderr, "%s\n", md_error(client));
        exit(EXIT_FAILURE);
}

/* ---- bare signals ---- */

static void send_word(struct wake *wake, uint32_t instrument, int64_t now) {
        (void)instrument;
        atomic_store_explicit(&wake->shared->sent, now, memory_order_release);
}

static int64_t spin_word(struct wake *wake, uint32_t instrument) {
        static int64_t last;
        int64_t sent;

        (void)instrument;
        do
                sent = atomic_load_explicit(&wake->shared->sent, memory_order_acquire);
        while (sent == last);
        last = sent;
        return sent;
}

static void send_eventfd(struct wake *wake, uint32_t instrument, int64_t now) {
        (void)instrument;
        atomic_store(&wake->shared->sent, now);
        if (eventfd_write(wake->eventfd, 1) < 0)
                abort();
}

static int64_t sleep_eventfd(struct wake *wake, uint32_t instrument) {
        eventfd_t n;

        (void)instrument;
        if (eventfd_read(wake->eventfd, &n) < 0)
                abort();
        return atomic_load(&wake->shared->sent);
}

static void send_pipe(struct wake *wake, uint32_t instrument, int64_t now) {
        (void)instrument;
        atomic_store(&wake->shared->sent, now);
        if (write(wake->pipe[1], "", 1) != 1)
                abort();
}

static int64_t sleep_pipe(struct wake *wake, uint32_t instrument) {
        char byte;

        (void)instrument;
        if (read(wake->pipe[0], &byte, 1) != 1)
                abort();
        return atomic_load(&wake->shared->sent);
}

static const struct way ways[2][WAYS] = {
        {
                { "md_follow(), spinning", send_tick, spin_follow, true },
                { "md_next(), spinning", send_tick, spin_next, true },
                { "word in shared memory", send_word, spin_word, false },
        },
        {
                { "md_dispatch(), md_next(), sleeping", send_tick, sleep_dispatch, true },
                { "eventfd, read()", send_eventfd, sleep_eventfd, false },
                { "pipe, read()", send_pipe, sleep_pipe, false },
        },
};

/* ---- the client ---- */

static void connect_client(struct wake *wake, uint32_t instrument) {
        struct md_client **client = &wake->clients[instrument];

        if (md_new(client) < 0)
                exit(EXIT_FAILURE);
        if (md_connect(*client, wake->host.socket) == 0 && md_subscribe(*client, instrument) == 0)
                return;
        fprintf(stderr, "%s\n", md_error(*client));
        exit(EXIT_FAILURE);
}

static void be_client(struct wake *wake, bool sleeps) {
        struct shared *shared = wake->shared;
        uint64_t done = 0;

        for (uint32_t w = 0; w < WAYS; w++)
                if (ways[sleeps][w].library)
                        connect_client(wake, w);
        for (unsigned i = 0; i < WARM_UP + SAMPLES; i++) {
                for (uint32_t w = 0; w < WAYS; w++) {
                        int64_t sent = ways[sleeps][w].receive(wake, w);
                        double ns = (double)(bench_now() - sent);

                        if (i >= WARM_UP)
                                shared->ns[sleeps][w][i - WARM_UP] = ns;
                        atomic_store_explicit(&shared->done, ++done, memory_order_release);
                }
        }
}

/* ---- the writer ---- */

/* Waits for the last signal to arrive, and for the client to be ready for the next. */
static int await(struct wake *wake, uint64_t done, int64_t pause) {
        int64_t start = bench_now(), arrived;

        while (atomic_load_explicit(&wake->shared->done, memory_order_acquire) < done)
                if (bench_now() - start > PATIENCE)
                        return -ETIMEDOUT;
        arrived = bench_now();
        while (bench_now() - arrived < pause)
                continue;
        return 0;
}

static int be_writer(struct wake *wake, bool sleeps) {
        uint64_t done = 0;
        uint32_t clients = 0;
        int r;

        for (unsigned w = 0; w < WAYS; w++)
                clients += ways[sleeps][w].library;
        r = host_admit(&wake->host, clients);
        for (unsigned i = 0; i < WARM_UP + SAMPLES && r == 0; i++) {
                for (uint32_t w = 0; w < WAYS && r == 0; w++) {
                        r = await(wake, done++, sleeps ? SLEEP_PAUSE : SPIN_PAUSE);
                        if (r == 0)
                                ways[sleeps][w].send(wake, w, bench_now());
                }
        }
        return r < 0 ? r : await(wake, done, 0);
}

/* ---- the two of them ---- */

static void print(struct wake *wake, bool sleeps, double part, const char *which) {
        double ns[WAYS];
        char name[64];

        for (unsigned w = 0; w < WAYS; w++)
                ns[w] = bench_quantile(wake->shared->ns[sleeps][w], SAMPLES, part);
        for (unsigned w = 0; w < WAYS; w++) {
                if (!ways[sleeps][w].library)
                        continue;
                snprintf(name, sizeof(name), "%s: %s", ways[sleeps][w].name, which);
                for (unsigned y = 0; y < WAYS; y++)
                        if (!ways[sleeps][y].library)
                                bench_row(name, ns[w], ways[sleeps][y].name, ns[y]);
        }
}

static int compete(struct wake *wake, const cpu_set_t *allowed, bool sleeps) {
        pid_t child;
        int r;

        atomic_store(&wake->shared->done, 0);
        child = fork();
        if (child < 0)
                return -errno;
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                bench_pin(allowed, 1);
                be_client(wake, sleeps);
                _exit(EXIT_SUCCESS);
        }
        bench_pin(allowed, 0);
        r = be_writer(wake, sleeps);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (r < 0) {
                fprintf(stderr, "the client does not answer\n");
                return r;
        }
        host_admit(&wake->host, 0); /* its session goes, before there are others */
        print(wake, sleeps, 0.5, "median");
        print(wake, sleeps, 0.99, "99th");
        return 0;
}

static int open_ends(struct wake *wake) {
        wake->shared = mmap(NULL, sizeof(*wake->shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        wake->eventfd = eventfd(0, EFD_CLOEXEC);
        if (wake->shared == MAP_FAILED || wake->eventfd < 0 || pipe(wake->pipe) < 0)
                return -errno;
        return 0;
}

int main(void) {
        struct wake wake;
        cpu_set_t allowed;
        int r;

        sched_getaffinity(0, sizeof(allowed), &allowed);
        bench_title("One way, from the writer to a client");
        r = open_ends(&wake);
        if (r < 0) {
                fprintf(stderr, "cannot begin: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        if (host_init(&wake.host, WAYS, JOURNAL) < 0)
                return EXIT_FAILURE;
        host_fill(&wake.host);
        if (CPU_COUNT(&allowed) < 2)
                printf("  with one processor nobody can spin: that part is left out\n");
        else
                r = compete(&wake, &allowed, false);
        if (r == 0)
                r = compete(&wake, &allowed, true);
        host_deinit(&wake.host);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
