/* The daemon without its feeds, and its peers; host.h tells the idea. */

#include "host.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../older-kernel.h"
#include "base/log.h"
#include "base/store.h"
#include "publishers.h"
#include "shm/control.h"
#include "shm/ring.h"

#define NOBODY 65534
#define TURNS  64 /* more than it takes to see that somebody has gone */

static char nothing[] = "", anybody[] = "*", name_own[] = "own", name_other[] = "other",
            config_path[] = "fuzz.conf", segment_name[32];

/* ---- set-up ---- */

static void note_descriptors(uint64_t bits[4]) {
        memset(bits, 0, 4 * sizeof(*bits));
        for (int fd = 0; fd < 256; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        bits[fd / 64] |= UINT64_C(1) << fd % 64;
}

static struct store no_store = STORE_INIT;

static void open_segment(struct host *host) {
        const struct segment_params params = { .instruments = HOST_INSTRUMENTS,
                                               .journal = HOST_JOURNAL,
                                               .depth = HOST_DEPTH };
        struct segment_why why;
        char lock[48];

        snprintf(segment_name, sizeof(segment_name), "/mdshmd-fuzz-%d", getpid());
        CHECK(segment_open(&host->segment, segment_name, &params, &why) == 0);
        /* nothing stays behind, whatever becomes of us */
        snprintf(lock, sizeof(lock), "%s.lock", segment_name);
        shm_unlink(segment_name);
        shm_unlink(lock);
        segment_publish(&host->segment, "fuzz", 1);
}

static void make_config(struct host *host) {
        struct config_access all = { .all = true, .text = anybody };

        for (unsigned i = 0; i < 2; i++)
                host->feeds[i] = (struct config_feed){
                        .name = i ? name_other : name_own,
                        .source = CONFIG_SOURCE_PUBLISHER,
                        .ring = HOST_RING,
                        .instruments = i ? 0 : 4,
                };
        host->config = (struct config){
                .path = config_path,
                .segment = { .name = segment_name,
                             .instruments = HOST_INSTRUMENTS,
                             .journal = HOST_JOURNAL },
                .listen = { .socket = nothing },
                .access = { all, all, all },
                .limits = { .clients = HOST_CLIENTS,
                            .clients_per_user = HOST_PER_USER,
                            .hello_ms = 3600000 },
                .feeds = host->feeds,
                .n_feeds = 2,
        };
}

static int open_socket(struct host *host) {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        CHECK(fd >= 0);
        host->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        host->address_size = sizeof(host->address.sun_family);
        CHECK(bind(fd, (struct sockaddr *)&host->address, host->address_size) == 0);
        host->address_size = sizeof(host->address);
        CHECK(getsockname(fd, (struct sockaddr *)&host->address, &host->address_size) == 0);
        CHECK(listen(fd, 64) == 0);
        return fd;
}

static int reload(void *userdata) {
        (void)userdata;
        return -EINVAL;
}

void host_init(struct host *host) {
        static bool older; /* descriptors shall come */

        memset(host, 0, sizeof(*host));
        older = older || older_kernel();
        CHECK(older);
        signal(SIGPIPE, SIG_IGN);
        log_init(LOG_DEBUG);
        note_descriptors(host->descriptors);
        open_segment(host);
        make_config(host);
        host->loop = ev_loop_new(EVFLAG_AUTO);
        CHECK(host->loop);
        notifier_init(&host->notifier, &host->segment);
        pipeline_init(&host->pipeline, host->loop, &host->segment, &host->notifier);
        for (unsigned i = 0; i < 2; i++)
                CHECK(pipeline_add(&host->pipeline, &host->feeds[i]) == 0);
        CHECK(listener_init(&host->listener, host->loop, &host->config, &host->segment,
                            &host->notifier, &no_store, open_socket(host)) == 0);
        publishers_init(&host->listener.publishing, &host->pipeline);
        host->listener.reload = reload;
        pipeline_start(&host->pipeline);
        listener_start(&host->listener);
}

void host_turn(struct host *host) {
        do
                ev_run(host->loop, EVRUN_NOWAIT);
        while (host->listener.turns.first);
}

void host_publish(struct host *host, uint32_t instrument, int64_t n) {
        struct md_tick tick = {
                .instrument = instrument,
                .kind = MD_QUOTE,
                .flags = MD_FLAG_LAST,
                .u.quote = { n, n + 1, 1, 1 },
        };

        publisher_put(&host->pipeline.publisher, &tick);
}

/* ---- the end ---- */

static void check_served(struct host *host) {
        struct peer_try reader = PEER_NONE;
        struct control *page;
        char byte;

        host->config.limits.clients = HOST_CLIENTS;
        host->config.limits.hello_ms = 3600000;
        CHECK(peer_register(&reader, host, WIRE_ROLE_READER, ""));
        page = reader.map;
        atomic_store(&page->kinds, UINT32_MAX);
        atomic_store(&page->all, 1);
        control_arm(page);
        host_publish(host, 0, 1);
        notifier_flush(&host->notifier);
        CHECK(read(reader.fds[WIRE_FD_WAKE], &byte, 1) == 1);
        peer_close(&reader);
}

static void check_empty(struct host *host) {
        for (unsigned i = 0; i < TURNS && host->listener.n_sessions; i++)
                host_turn(host);
        CHECK(!host->listener.n_sessions && !host->listener.n_clients);
        CHECK(!host->listener.first && !host->listener.last && !host->notifier.first);
}

void host_deinit(struct host *host) {
        uint64_t descriptors[4];

        host_turn(host);
        check_empty(host);
        check_served(host);
        host_turn(host);
        check_empty(host);

        listener_deinit(&host->listener);
        pipeline_deinit(&host->pipeline);
        ev_loop_destroy(host->loop);
        segment_retire(&host->segment);
        note_descriptors(descriptors);
        CHECK(!memcmp(descriptors, host->descriptors, sizeof(descriptors)));
}

/* ---- peers ---- */

static void be(uid_t uid) {
        CHECK(seteuid(uid) == 0);
}

void peer_connect(struct peer_try *peer, struct host *host, bool stranger) {
        bool other = stranger && getuid() == 0;

        peer_close(peer);
        peer->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        CHECK(peer->fd >= 0);
        if (other)
                be(NOBODY);
        /* EAGAIN: too many wait to be let in */
        if (connect(peer->fd, (struct sockaddr *)&host->address, host->address_size) < 0) {
                CHECK(errno == EAGAIN);
                close(peer->fd);
                peer->fd = -1;
        }
        if (other)
                be(0);
}

void peer_close(struct peer_try *peer) {
        if (peer->map)
                munmap(peer->map, peer->map_size);
        for (unsigned i = 0; i < 3; i++)
                if (peer->fds[i] >= 0)
                        close(peer->fds[i]);
        if (peer->fd >= 0)
                close(peer->fd);
        *peer = PEER_NONE;
}

/* The first HELLO of a connection, if it is one, says what WELCOME brings. */
static void note_role(struct peer_try *peer, const void *message, size_t size) {
        struct wire_hello hello;

        if (peer->role || size != sizeof(hello))
                return;
        memcpy(&hello, message, sizeof(hello));
        if (hello.header.opcode == WIRE_HELLO)
                peer->role = hello.role;
}

bool peer_send(struct peer_try *peer, const void *message, size_t size, unsigned n_fds) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(8 * sizeof(int))];
        } control = { .bytes = { 0 } };
        struct iovec iov = { (void *)(uintptr_t)message, size };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        int fds[8], null;
        bool sent;

        if (peer->fd < 0)
                return false;
        note_role(peer, message, size);
        if (n_fds) {
                null = open("/dev/null", O_RDONLY | O_CLOEXEC);
                CHECK(null >= 0 && n_fds <= 8);
                for (unsigned i = 0; i < n_fds; i++)
                        fds[i] = null;
                msg.msg_control = control.bytes;
                msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                *CMSG_FIRSTHDR(&msg) = (struct cmsghdr){
                        .cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                };
                memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, n_fds * sizeof(int));
        }
        sent = sendmsg(peer->fd, &msg, MSG_NOSIGNAL) >= 0;
        CHECK(sent || errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
        if (n_fds)
                close(null);
        return sent;
}

void peer_hello(struct peer_try *peer, uint32_t role, const char *feed) {
        struct wire_hello hello = {
                .header = { WIRE_HELLO, sizeof(hello) },
                .version = WIRE_VERSION,
                .role = role,
                .name = "fuzz",
        };

        strncpy(hello.feed, feed, sizeof(hello.feed) - 1);
        peer_send(peer, &hello, sizeof(hello), 0);
}

static bool ends(const char *text, size_t size) {
        return strnlen(text, size) < size;
}

/* What WELCOME brings is of the size that it must have, and the segment cannot be written. */
static void welcomed(struct peer_try *peer, const struct wire_welcome *welcome, unsigned n_fds) {
        struct stat st;

        CHECK(welcome->version == WIRE_VERSION && welcome->client && welcome->fds == n_fds);
        CHECK(n_fds == (peer->role == WIRE_ROLE_CONTROL ? 0 : 3));
        CHECK(!peer->map);
        peer->client = welcome->client;
        if (!n_fds)
                return;
        if (peer->role == WIRE_ROLE_READER) {
                CHECK((fcntl(peer->fds[WIRE_FD_SEGMENT], F_GETFL) & O_ACCMODE) == O_RDONLY);
                peer->map_size = welcome->control_size;
        } else {
                peer->map_size = ring_bytes(HOST_RING);
        }
        int fd = peer->fds[peer->role == WIRE_ROLE_READER ? WIRE_FD_CONTROL : WIRE_FD_RING];

        CHECK(fstat(fd, &st) == 0 && (size_t)st.st_size == peer->map_size);
        CHECK(ftruncate(fd, 0) < 0 && errno == EPERM);
        peer->map = mmap(NULL, peer->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CHECK(peer->map != MAP_FAILED);
}

static void check_said(struct peer_try *peer, const void *message, unsigned n_fds) {
        const struct wire_header *header = message;

        CHECK(n_fds == 0 || header->opcode == WIRE_WELCOME);
        switch (header->opcode) {
        case WIRE_WELCOME:
                CHECK(header->size == sizeof(struct wire_welcome));
                welcomed(peer, message, n_fds);
                break;
        case WIRE_REFUSED: {
                const struct wire_refused *refused = message;

                CHECK(header->size == sizeof(*refused));
                CHECK(refused->code >= WIRE_E_VERSION && refused->code <= WIRE_E_LIAR);
                CHECK(*refused->text && ends(refused->text, WIRE_TEXT));
                break;
        }
        case WIRE_CLIENT: {
                const struct wire_client *client = message;

                CHECK(header->size == sizeof(*client) && ends(client->name, WIRE_NAME));
                CHECK(client->client && client->role >= 1 && client->role <= 3);
                break;
        }
        case WIRE_TEXT_LINE: {
                const struct wire_text *text = message;

                CHECK(header->size == sizeof(*text) && ends(text->text, WIRE_TEXT));
                break;
        }
        case WIRE_DONE:
                CHECK(header->size == sizeof(struct wire_done));
                break;
        case WIRE_DEFINED: {
                const struct wire_defined *defined = message;

                CHECK(header->size == sizeof(*defined) && ends(defined->text, WIRE_TEXT));
                CHECK(defined->result ? defined->result < 0 && *defined->text
                                      : defined->instrument < HOST_INSTRUMENTS);
                break;
        }
        default:
                CHECK(!"a message that the daemon says");
        }
}

uint32_t peer_take(struct peer_try *peer, void *message) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(8 * sizeof(int))];
        } control;
        struct iovec iov = { message, WIRE_SIZE_MAX };
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes),
        };
        const struct wire_header *header = message;
        unsigned n_fds = 0;
        ssize_t n;

        if (peer->fd < 0)
                return 0;
        n = recvmsg(peer->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n <= 0)
                return 0;
        CHECK(n >= (ssize_t)sizeof(*header) && (size_t)n == header->size);
        CHECK(!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)));
        if (CMSG_FIRSTHDR(&msg)) {
                n_fds = (unsigned)((CMSG_FIRSTHDR(&msg)->cmsg_len - CMSG_LEN(0)) / sizeof(int));
                CHECK(n_fds == 3 && peer->fds[0] < 0);
                memcpy(peer->fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(peer->fds));
        }
        check_said(peer, message, n_fds);
        return header->opcode;
}

bool peer_register(struct peer_try *peer, struct host *host, uint32_t role, const char *feed) {
        _Alignas(8) char message[WIRE_SIZE_MAX];

        peer_connect(peer, host, false);
        peer_hello(peer, role, feed);
        for (unsigned i = 0; i < TURNS; i++) {
                host_turn(host);
                switch (peer_take(peer, message)) {
                case WIRE_WELCOME:
                        return true;
                case WIRE_REFUSED:
                        return false;
                }
        }
        return false;
}
