/* The daemon without its feeds. */

#include "host.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/store.h"
#include "bench.h"
#include "mdclient.h"

#define PATIENCE INT64_C(5000000000) /* ns that a client may take to register */

static int complain(const char *what, const char *why, int r) {
        fprintf(stderr, "%s: %s\n", what, why);
        return r;
}

static struct store no_store = STORE_INIT;

static int open_segment(struct host *host, uint32_t instruments, uint64_t journal) {
        struct segment_params params = { .instruments = instruments, .journal = journal };
        struct segment_why why;
        char name[SEGMENT_NAME_MAX];
        int r;

        snprintf(name, sizeof(name), "/mdshmd-bench-%d", getpid());
        r = segment_open(&host->segment, name, &params, &why);
        if (r < 0)
                return complain(name, why.text, r);
        segment_publish(&host->segment, "bench", 0);
        return 0;
}

static int open_socket(struct host *host) {
        int r;

        strcpy(host->folder, "/tmp/mdshmd-bench.XXXXXX");
        if (!mkdtemp(host->folder))
                return complain(host->folder, strerror(errno), -errno);
        snprintf(host->socket, sizeof(host->socket), "%s/sock", host->folder);
        host->config = (struct config){
                .listen = { .socket = host->socket, .mode = 0600 },
                .limits = { .clients = 16, .clients_per_user = 16, .hello_ms = 5000 },
        };
        r = listener_init(&host->listener, host->loop, &host->config, &host->segment,
                          &host->notifier, &no_store, -1);
        if (r < 0)
                return r;
        listener_start(&host->listener);
        return 0;
}

int host_init(struct host *host, uint32_t instruments, uint64_t journal) {
        int r;

        *host = (struct host){ .segment = SEGMENT_INIT };
        log_init(LOG_WARNING);
        r = open_segment(host, instruments, journal);
        if (r < 0)
                return r;
        publisher_init(&host->publisher, &host->segment);
        notifier_init(&host->notifier, &host->segment);
        host->loop = ev_loop_new(EVFLAG_AUTO);
        r = host->loop ? open_socket(host) : -ENOMEM;
        if (r < 0)
                host_deinit(host);
        return r;
}

void host_deinit(struct host *host) {
        if (host->loop) {
                listener_deinit(&host->listener);
                ev_loop_destroy(host->loop);
        }
        if (host->folder[0])
                rmdir(host->folder);
        segment_retire(&host->segment);
}

/* ---- clients ---- */

int host_admit(struct host *host, uint32_t clients) {
        int64_t start = bench_now();

        while (host->listener.n_clients != clients) {
                ev_run(host->loop, EVRUN_NOWAIT);
                if (bench_now() - start > PATIENCE)
                        return complain(host->socket, "clients do not come or go", -ETIMEDOUT);
        }
        return 0;
}

struct guest {
        const char *socket;
        struct md_client *client;
        int r;
};

static void *guest_connect(void *userdata) {
        struct guest *guest = userdata;

        guest->r = md_new(&guest->client);
        if (guest->r == 0)
                guest->r = md_connect(guest->client, guest->socket);
        return NULL;
}

int host_connect(struct host *host, struct md_client **clientp) {
        struct guest guest = { .socket = host->socket };
        pthread_t thread;
        int r;

        /* it waits for us, so it has to do so elsewhere */
        r = pthread_create(&thread, NULL, guest_connect, &guest);
        if (r)
                return complain(host->socket, strerror(r), -r);
        r = host_admit(host, host->listener.n_clients + 1);
        pthread_join(thread, NULL);
        if (guest.r < 0)
                r = complain("cannot connect", guest.client ? md_error(guest.client) : "no memory",
                             guest.r);
        if (r < 0) {
                md_free(guest.client);
                return r;
        }
        *clientp = guest.client;
        return 0;
}

/* ---- instruments and ticks ---- */

void host_fill(struct host *host) {
        struct directory *directory = &host->segment.directory;

        for (uint32_t i = 0; i < directory->capacity; i++) {
                struct shm_instrument entry = { .venue = "XXXX", .close_px = MD_PX_NONE };

                snprintf(entry.symbol, sizeof(entry.symbol), "I%07u", i);
                directory_add(directory, &entry);
        }
}

void host_quote(struct host *host, uint32_t instrument, int64_t n) {
        struct md_tick tick = {
                .instrument = instrument,
                .kind = MD_QUOTE,
                .flags = MD_FLAG_LAST,
                .u.quote = { .bid_px = n, .ask_px = n + 1, .bid_sz = 100, .ask_sz = 200 },
        };

        publisher_put(&host->publisher, &tick);
}
