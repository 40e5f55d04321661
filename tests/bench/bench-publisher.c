/*
 * From one program to another, and the newest value: beside what else there is
 *
 * One way: a publisher sends 64 bytes with the time in them, a reader looks at the clock when it has them in
 * hand. All ways take turns, message by message, so what disturbs one disturbs them all. Between two
 * messages everybody comes to rest. The publisher and the servers (our daemon, Redis) have one processor,
 * the reader has another; it never sleeps, or it sleeps until it is woken.
 *
 * Newest value: one of ten thousand, drawn at random, copied out.
 */

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bench.h"
#include "rivals.h"

#define SAMPLES  2001 /* messages of each way */
#define WARM_UP  200  /* of each, that are not counted */
#define PAUSE_US 200
#define PATIENCE INT64_C(10000000000) /* ns; the reader is dead by then */
#define KEYS     10000
#define READS    2000 /* per round */

/* The first is ours. */
static const struct rival *const rivals[] = {
        &rival_mdshmd,
        &rival_socket,
#ifdef HAVE_ZMQ
        &rival_zmq,
#endif
#ifdef HAVE_REDIS
        &rival_redis,
#endif
};

static const struct store *const stores[] = {
        &store_mdshmd,
#ifdef HAVE_LMDB
        &store_lmdb,
#endif
#ifdef HAVE_REDIS
        &store_redis,
#endif
};

#define WAYS   (sizeof(rivals) / sizeof(*rivals))
#define STORES (sizeof(stores) / sizeof(*stores))

/* What publisher and reader share, beside the ways. */
static struct shared {
        _Atomic uint64_t ready, done; /* the reader can begin; messages that have arrived */
        double ns[WAYS][SAMPLES];
} * shared;

static char folder[] = "/tmp/mdshmd-bench.XXXXXX";

/* ---- for the rivals ---- */

void rival_abort(const char *what, const char *why) {
        fprintf(stderr, "%s: %s\n", what, why);
        exit(EXIT_FAILURE);
}

static void check(const char *name, int r) {
        if (r < 0)
                rival_abort(name, strerror(-r));
}

/* ---- one way ---- */

static void be_reader(bool spin) {
        char message[RIVAL_MESSAGE];
        int64_t sent;

        for (size_t w = 0; w < WAYS; w++)
                check(rivals[w]->name, rivals[w]->open_reader());
        atomic_store(&shared->ready, 1);
        for (unsigned i = 0; i < WARM_UP + SAMPLES; i++) {
                for (size_t w = 0; w < WAYS; w++) {
                        rivals[w]->receive(spin, message);
                        memcpy(&sent, message, sizeof(sent));
                        if (i >= WARM_UP)
                                shared->ns[w][i - WARM_UP] = (double)(bench_now() - sent);
                        atomic_fetch_add(&shared->done, 1);
                }
        }
}

static void await(_Atomic uint64_t *word, uint64_t value, const char *whom) {
        int64_t start = bench_now();

        while (atomic_load(word) < value) {
                if (bench_now() - start > PATIENCE)
                        rival_abort(whom, "the reader does not answer");
                usleep(PAUSE_US / 4);
        }
}

static void be_publisher(void) {
        char message[RIVAL_MESSAGE] = { 0 };
        uint64_t sent = 0;

        for (size_t w = 0; w < WAYS; w++)
                check(rivals[w]->name, rivals[w]->open_publisher());
        await(&shared->ready, 1, "all");
        for (unsigned i = 0; i < WARM_UP + SAMPLES; i++) {
                for (size_t w = 0; w < WAYS; w++) {
                        int64_t now;

                        usleep(PAUSE_US);
                        now = bench_now();
                        memcpy(message, &now, sizeof(now));
                        rivals[w]->send(message);
                        await(&shared->done, ++sent, rivals[w]->name);
                }
        }
}

static void print(const char *how, double part, const char *which) {
        double ns[WAYS];
        char name[64];

        for (size_t w = 0; w < WAYS; w++)
                ns[w] = bench_quantile(shared->ns[w], SAMPLES, part);
        snprintf(name, sizeof(name), "publisher to a %s reader: %s", how, which);
        for (size_t w = 1; w < WAYS; w++)
                bench_row(name, ns[0], rivals[w]->name, ns[w]);
}

static void send_one_way(const cpu_set_t *allowed, bool spin) {
        pid_t child;

        atomic_store(&shared->ready, 0);
        atomic_store(&shared->done, 0);
        bench_pin(allowed, 0);
        for (size_t w = 0; w < WAYS; w++)
                check(rivals[w]->name, rivals[w]->begin(folder));
        child = fork();
        check("fork()", child < 0 ? -errno : 0);
        if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                bench_pin(allowed, 1);
                be_reader(spin);
                _exit(EXIT_SUCCESS);
        }
        be_publisher();
        waitpid(child, NULL, 0);
        for (size_t w = 0; w < WAYS; w++)
                rivals[w]->end();
        print(spin ? "spinning" : "sleeping", 0.5, "median");
        print(spin ? "spinning" : "sleeping", 0.99, "99th");
}

/* ---- newest value ---- */

struct reading {
        const struct store *store;
        uint64_t random;
};

static void get_at_random(void *userdata, uint64_t n) {
        struct reading *reading = userdata;
        char value[RIVAL_MESSAGE];

        for (; n; n--) {
                reading->store->get((uint32_t)((bench_random(&reading->random) >> 32) * KEYS >> 32),
                                    value);
                bench_keep(value);
        }
}

static void get_newest(void) {
        struct bench_contender contenders[STORES];
        struct reading readings[STORES];

        for (size_t s = 0; s < STORES; s++) {
                check(stores[s]->name, stores[s]->begin(folder, KEYS));
                readings[s] = (struct reading){ stores[s], 1 };
                contenders[s] = (struct bench_contender){
                        .name = stores[s]->name,
                        .run = get_at_random,
                        .userdata = &readings[s],
                };
        }
        bench_compete(contenders, STORES, READS);
        for (size_t s = 0; s < STORES; s++)
                stores[s]->end();
        for (size_t s = 1; s < STORES; s++) /* how many times ours: less would be nought */
                bench_row(stores[s]->name, contenders[s].ns, stores[0]->name, contenders[0].ns);
}

/* ---- both ---- */

static void remove_folder(void) {
        DIR *dir = opendir(folder);
        const struct dirent *entry;

        while (dir && (entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        unlinkat(dirfd(dir), entry->d_name, 0);
        if (dir)
                closedir(dir);
        rmdir(folder);
}

static void say_what_is_missing(void) {
#ifndef HAVE_ZMQ
        printf("  left out: ZeroMQ; libzmq3-dev was not installed\n");
#endif
#ifndef HAVE_REDIS
        printf("  left out: Redis; libhiredis-dev or redis-server was not installed\n");
#endif
#ifndef HAVE_LMDB
        printf("  left out: LMDB; liblmdb-dev was not installed\n");
#endif
}

int main(void) {
        cpu_set_t allowed;

        sched_getaffinity(0, sizeof(allowed), &allowed);
        bench_title("From one program to another, and the newest value");
        say_what_is_missing();
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (shared == MAP_FAILED || !mkdtemp(folder))
                rival_abort("cannot begin", strerror(errno));
        atexit(remove_folder);
        if (CPU_COUNT(&allowed) < 2)
                printf("  with one processor nobody can spin: that part is left out\n");
        else
                send_one_way(&allowed, true);
        send_one_way(&allowed, false);
        get_newest();
        return EXIT_SUCCESS;
}
