/*
 * soak-publisher SOCKET NUMBER COUNTER RATE: puts ticks of the pattern on feed "pubNUMBER"
 *
 * The file COUNTER holds the last number that was used, so one that is killed goes on where it was. It
 * outlives its daemon by itself. SIGTERM: it puts every instrument once more, waits until all is taken,
 * and ends with status 0.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pattern.h"

#define BURSTS     100 /* per second */
#define RETRY_US   100000
#define WAIT_MS    100
#define DRAIN_MS   1000
#define LAST_TICKS (PATTERN_INSTRUMENTS * PATTERN_TRADE_EVERY * 8) /* each instrument has some */

static struct md_publisher *publisher;
static uint32_t handles[PATTERN_INSTRUMENTS];
static uint64_t *counter;
static unsigned number;
static const char *path;
static volatile sig_atomic_t is_over;

static void on_term(int signal_number) {
        (void)signal_number;
        is_over = 1;
}

_Noreturn static void fail(const char *what) {
        fprintf(stderr, "publisher %u: %s: %s\n", number, what, md_publisher_error(publisher));
        exit(EXIT_FAILURE);
}

static int define_all(void) {
        struct md_instrument instrument = { .venue = "SOAK", .close_px = MD_PX_NONE };
        int r = 0;

        for (uint32_t i = 0; i < PATTERN_INSTRUMENTS && r == 0; i++) {
                pattern_symbol(instrument.symbol, number, i);
                r = md_publisher_define(publisher, &instrument, &handles[i]);
        }
        return r;
}

/* Until there is a daemon that takes us. What it refuses for a reason of ours is a failure. */
static void connect_again(void) {
        char feed[16];
        int r;

        snprintf(feed, sizeof(feed), "pub%u", number);
        for (;;) {
                r = md_publisher_connect(publisher, path, feed);
                if (r == 0)
                        r = define_all();
                if (r == 0)
                        return;
                if (r == -EBADMSG || r == -EINVAL || r == -EEXIST)
                        fail("is refused");
                usleep(RETRY_US);
        }
}

static void put(void) {
        uint64_t n = ++*counter;
        struct md_tick tick = pattern_tick(n, number);
        int r;

        tick.instrument = handles[pattern_instrument(n)];
        while ((r = md_publisher_put(publisher, &tick)) != 0) {
                if (r == -EAGAIN)
                        r = md_publisher_wait(publisher, WAIT_MS);
                if (r == -EPIPE)
                        connect_again();
                else if (r < 0 && r != -EINTR)
                        fail("put");
        }
}

static void flush(void) {
        int r = md_publisher_flush(publisher);

        if (r == -EPIPE)
                connect_again();
        else if (r < 0)
                fail("flush");
}

static void drain(void) {
        int r;

        while ((r = md_publisher_drain(publisher, DRAIN_MS)) != 1) {
                if (r == -EPIPE)
                        connect_again();
                else if (r < 0 && r != -EINTR)
                        fail("drain");
        }
}

static void *map_counter(const char *file) {
        int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        void *map;

        if (fd < 0 || ftruncate(fd, sizeof(*counter)) < 0)
                return NULL;
        map = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        return map == MAP_FAILED ? NULL : map;
}

int main(int argc, char **argv) {
        const struct sigaction action = { .sa_handler = on_term };
        const struct timespec pause = { .tv_nsec = 1000000000 / BURSTS };
        unsigned rate;

        if (argc != 5)
                return 2;
        path = argv[1];
        number = (unsigned)atoi(argv[2]);
        counter = map_counter(argv[3]);
        rate = (unsigned)atoi(argv[4]);
        if (!counter || md_publisher_new(&publisher) < 0)
                return EXIT_FAILURE;
        sigaction(SIGTERM, &action, NULL);

        connect_again();
        while (!is_over) {
                for (unsigned i = 0; i < rate / BURSTS; i++)
                        put();
                flush();
                nanosleep(&pause, NULL);
        }
        for (unsigned i = 0; i < LAST_TICKS; i++)
                put();
        flush();
        drain();
        md_publisher_free(publisher);
        return EXIT_SUCCESS;
}
