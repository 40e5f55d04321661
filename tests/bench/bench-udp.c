/*
 * A feed over UDP: how many packets a second come in without a drop
 *
 * A sender on one processor sends a recorded day of TOPS over the loopback, round after round with
 * numbers that go on, at a steady rate. On the other processor they are received: by a bare loop that
 * takes them in batches and looks at none, the yardstick; and by the daemon itself, which puts them in
 * order, decodes them, and publishes what they say. Both have the same room in the kernel.
 *
 * The rate that one holds is the highest one at which nothing is dropped. The sender has to do the
 * kernel's work of delivery, too, so it may be the one who can do no more.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench.h"
#include "child.h"
#include "feeds.h"
#include "mdclient.h"

#define BATCH       16                 /* packets per system call of the sender */
#define RECEIVED    64                 /* and of the receiver, as many as the daemon takes */
#define DATAGRAM    2048               /* bytes; those of the capture are smaller */
#define ROOM        (8u << 20)         /* bytes that wait in the kernel */
#define TRIAL       INT64_C(500000000) /* ns that a rate is tried for */
#define LONG_TRIAL  INT64_C(3000000000)
#define STEP        0.9 /* the next rate, where there were drops */
#define RATES       30  /* that are tried */
#define AT_SEQUENCE 24  /* in the header of IEX-TP 1.0 */
#define SETTLE_US   20000
#define PATIENCE_MS 10000

/* ---- the sender ---- */

struct sender {
        struct tape tape;
        uint64_t round; /* numbers in a round */
        int fd;
        uint64_t next;   /* packet of the tape */
        uint64_t number; /* what the round's numbers are behind */
        struct mmsghdr headers[BATCH];
        struct iovec vectors[BATCH];
        uint8_t datagrams[BATCH][DATAGRAM];
};

/* With the recorded day in its hands. */
static int sender_init(struct sender *sender) {
        sender->round = sender->tape.messages;
        for (unsigned i = 0; i < BATCH; i++) {
                sender->vectors[i].iov_base = sender->datagrams[i];
                sender->headers[i].msg_hdr = (struct msghdr){
                        .msg_iov = &sender->vectors[i],
                        .msg_iovlen = 1,
                };
        }
        sender->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return sender->fd < 0 ? -errno : 0;
}

/* Where it sends from now on: a session of its own. */
static int sender_direct(struct sender *sender, uint16_t port) {
        const struct sockaddr_in to = {
                .sin_family = AF_INET,
                .sin_port = htons(port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };

        sender->next = sender->number = 0;
        return connect(sender->fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

/* The next packet, with the number that it has in this round. */
static void prepare(struct sender *sender, unsigned i) {
        const struct packet *packet = &sender->tape.packets[sender->next];
        uint64_t sequence;

        memcpy(sender->datagrams[i], packet->data, packet->size);
        memcpy(&sequence, packet->data + AT_SEQUENCE, sizeof(sequence));
        sequence += sender->number;
        memcpy(sender->datagrams[i] + AT_SEQUENCE, &sequence, sizeof(sequence));
        sender->vectors[i].iov_len = packet->size;
        if (++sender->next == sender->tape.n_packets) {
                sender->next = 0;
                sender->number += sender->round;
        }
}

/* Sends so many packets per second for so long, 0: as many as can be. How many it sent. */
static uint64_t send_at(struct sender *sender, double rate, int64_t duration) {
        int64_t start = bench_now(), now = start;
        uint64_t sent = 0;

        while (now - start < duration) {
                int n;

                for (unsigned i = 0; i < BATCH; i++)
                        prepare(sender, i);
                for (unsigned i = 0; i < BATCH; i += (unsigned)n) {
                        n = sendmmsg(sender->fd, sender->headers + i, BATCH - i, 0);
                        if (n < 0) {
                                perror("sendmmsg()");
                                exit(EXIT_FAILURE);
                        }
                }
                sent += BATCH;
                do
                        now = bench_now();
                while (rate > 0 && (double)sent > rate * (double)(now - start) / 1e9 &&
                       now - start < duration);
        }
        return sent;
}

/* ---- receivers ---- */

/* Whoever receives, in a process of its own. */
struct receiving {
        uint16_t port;
        uint64_t (*received)(void); /* packets so far */
        clockid_t clock;            /* of the processor's time that it used */
};

static struct shared { _Atomic uint64_t received; } * shared;

static uint64_t bare_received(void);
static uint64_t daemon_received(void);
static struct receiving bare = { .received = bare_received };
static struct receiving ours = { .received = daemon_received };
static cpu_set_t allowed;
static char folder[] = "/tmp/mdshmd-bench.XXXXXX";
static int bare_pid, daemon_pid;
static struct md_client *client;

static void receive_for_ever(int fd) {
        static uint8_t datagrams[RECEIVED][DATAGRAM];
        static struct mmsghdr headers[RECEIVED];
        static struct iovec vectors[RECEIVED];

        for (unsigned i = 0; i < RECEIVED; i++) {
                vectors[i] = (struct iovec){ datagrams[i], DATAGRAM };
                headers[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
        }
        for (;;) {
                int n = recvmmsg(fd, headers, RECEIVED, MSG_WAITFORONE, NULL);

                if (n > 0)
                        atomic_fetch_add_explicit(&shared->received, (unsigned)n,
                                                  memory_order_relaxed);
        }
}

static int begin_bare(void) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = ROOM;
        socklen_t size = sizeof(address);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
        bare.port = ntohs(address.sin_port);
        bare_pid = fork();
        if (bare_pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                bench_pin(&allowed, 0);
                receive_for_ever(fd);
        }
        close(fd);
        return bare_pid < 0 ? -errno : clock_getcpuclockid(bare_pid, &bare.clock) ? -ESRCH : 0;
}

static uint64_t bare_received(void) {
        return atomic_load(&shared->received);
}

/* A port that was free a moment ago. */
static uint16_t free_port(void) {
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0)
                address.sin_port = 0;
        close(fd);
        return ntohs(address.sin_port);
}

static int write_config(const char *path, const char *socket_path) {
        FILE *file = fopen(path, "we");

        if (!file)
                return -errno;
        fprintf(file,
                "[segment]\nname = mdshmd-bench-%d\ninstruments = 16384\njournal = 1048576\n"
                "[listen]\nsocket = %s\n[log]\nlevel = warning\n"
                "[feed bench]\nsource = udp\nprotocol = iex-tops\naddress = 127.0.0.1\n"
                "port = %u\nreceive_buffer = %u\n",
                (int)getpid(), socket_path, ours.port, ROOM);
        return fclose(file) ? -errno : 0;
}

static int begin_daemon(void) {
        char config[128], path[128];
        int r;

        ours.port = free_port();
        snprintf(config, sizeof(config), "%s/mdshmd.conf", folder);
        snprintf(path, sizeof(path), "%s/sock", folder);
        r = write_config(config, path);
        if (r < 0)
                return r;
        bench_pin(&allowed, 0); /* for the daemon, which inherits it */
        daemon_pid = child_run("exec " MDSHMD " -c %s", config);
        bench_pin(&allowed, 1);
        if (daemon_pid < 0)
                return daemon_pid;
        r = md_new(&client);
        for (unsigned i = 0; r == 0 && md_connect(client, path) < 0; i++) {
                if (i == PATIENCE_MS / 10)
                        return -ETIMEDOUT;
                usleep(10000);
        }
        return r < 0 ? r : clock_getcpuclockid(daemon_pid, &ours.clock) ? -ESRCH : 0;
}

static uint64_t daemon_received(void) {
        struct md_feed feed = { 0 };

        md_feed(client, 0, &feed);
        return feed.packets;
}

/* ---- trials ---- */

struct trial {
        uint64_t sent, dropped;
        double rate;   /* packets per second that were sent */
        double cpu_ns; /* of the receiver, per packet */
};

static int64_t used_ns(clockid_t clock) {
        struct timespec used = { 0 };

        clock_gettime(clock, &used);
        return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

/* Waits until nothing comes any more. */
static uint64_t settled(const struct receiving *receiving) {
        uint64_t before, now = receiving->received();

        do {
                before = now;
                usleep(SETTLE_US);
                now = receiving->received();
        } while (now != before);
        return now;
}

static struct trial try_rate(struct sender *sender, const struct receiving *receiving, double rate,
                             int64_t duration) {
        uint64_t before = settled(receiving), received;
        int64_t cpu = used_ns(receiving->clock), start = bench_now(), took;
        struct trial trial;

        trial.sent = send_at(sender, rate, duration);
        took = bench_now() - start;
        received = settled(receiving) - before;
        cpu = used_ns(receiving->clock) - cpu;
        trial.dropped = trial.sent - received;
        trial.rate = (double)trial.sent * 1e9 / (double)took;
        trial.cpu_ns = (double)cpu / (double)(received ? received : 1);
        return trial;
}

/* The highest rate without a drop, from as much as can be sent downwards. */
static struct trial highest(struct sender *sender, const struct receiving *receiving) {
        struct trial trial = try_rate(sender, receiving, 0, TRIAL);
        double rate = trial.rate;

        for (unsigned i = 0; trial.dropped && i < RATES; i++) {
                rate *= STEP;
                trial = try_rate(sender, receiving, rate, TRIAL);
        }
        return trial;
}

static int compare(struct sender *sender) {
        struct trial yardstick, trial, slower;
        int r = sender_direct(sender, bare.port);

        if (r < 0)
                return r;
        yardstick = highest(sender, &bare);
        slower = try_rate(sender, &bare, 0.8 * yardstick.rate, LONG_TRIAL);
        r = sender_direct(sender, ours.port);
        if (r < 0)
                return r;
        try_rate(sender, &ours, 100000, TRIAL); /* so that all instruments are known */
        trial = highest(sender, &ours);
        bench_row("ns between packets, none dropped", 1e9 / trial.rate, "a bare recvmmsg() loop",
                  1e9 / yardstick.rate);
        bench_note("that is", trial.rate / 1e6, "million packets per second");
        trial = try_rate(sender, &ours, 0.8 * yardstick.rate, LONG_TRIAL);
        bench_row("processor's time per packet", trial.cpu_ns, "a bare recvmmsg() loop",
                  slower.cpu_ns);
        bench_note("dropped at 80 % of the loop's rate", (double)trial.dropped, "packets");
        bench_note("out of", (double)trial.sent, "packets");
        return 0;
}

static void clean_up(void) {
        char path[128];

        client = md_free(client);
        child_stop(daemon_pid);
        child_stop(bare_pid);
        snprintf(path, sizeof(path), "%s/mdshmd.conf", folder);
        unlink(path);
        rmdir(folder);
}

int main(void) {
        static struct sender sender;
        int r;

        bench_title("A feed over UDP, per packet");
        if (!bench_feed_init(&sender.tape, &bench_feeds[FEED_TOPS]))
                return 77;
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        sched_getaffinity(0, sizeof(allowed), &allowed);
        r = shared == MAP_FAILED || !mkdtemp(folder) ? -errno : sender_init(&sender);
        if (r == 0)
                r = begin_bare();
        if (r == 0)
                r = begin_daemon();
        if (r == 0)
                r = compare(&sender);
        if (r < 0)
                fprintf(stderr, "%s\n", strerror(-r));
        clean_up();
        tape_deinit(&sender.tape);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
