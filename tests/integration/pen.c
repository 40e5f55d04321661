/* The writer's pen in the test's own hand; pen.h tells the idea. */

#include "pen.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shm/control.h"
#include "wire/conn.h"

void pen_init(struct pen *pen, uint32_t instruments, uint64_t journal) {
        const struct segment_params params = { .instruments = instruments, .journal = journal };
        struct segment_why why;
        char name[80];

        *pen = (struct pen){ .wake_fd = -1, .peer_fd = -1 };
        rig_init(&pen->rig);
        snprintf(name, sizeof(name), "/%s", pen->rig.segment);
        if (segment_open(&pen->segment, name, &params, &why) < 0)
                fail_msg("%s", why.text);
        for (uint32_t i = 0; i < instruments; i++) {
                struct shm_instrument entry = { .close_px = MD_PX_NONE };

                snprintf(entry.symbol, sizeof(entry.symbol), "I%u", i);
                assert_int_equal(directory_add(&pen->segment.directory, &entry), i);
        }
        publisher_init(&pen->publisher, &pen->segment);
        segment_publish(&pen->segment, "test", 0);
}

void pen_deinit(struct pen *pen) {
        if (pen->control)
                munmap(pen->control, pen->control_size);
        if (pen->wake_fd >= 0)
                close(pen->wake_fd);
        if (pen->peer_fd >= 0)
                close(pen->peer_fd);
        segment_retire(&pen->segment);
        rig_deinit(&pen->rig);
}

/* ---- the client ---- */

static int listen_at(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 1), 0);
        return fd;
}

/* The client's control page. */
static int make_control(struct pen *pen) {
        int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        pen->control_size = control_size(pen->segment.directory.capacity);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t)pen->control_size), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
        pen->control = mmap(NULL, pen->control_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true((void *)pen->control != MAP_FAILED);
        return fd;
}

struct connecting {
        struct md_client *client;
        const char *socket;
        int r;
};

static void *connect_client(void *userdata) {
        struct connecting *connecting = userdata;

        connecting->r = md_connect(connecting->client, connecting->socket);
        return NULL;
}

/* Takes HELLO and answers WELCOME, as a daemon does. */
static void welcome(struct pen *pen, int listener) {
        struct wire_welcome message = {
                .header = { WIRE_WELCOME, sizeof(message) },
                .version = WIRE_VERSION,
                .client = 1,
                .fds = WIRE_FDS_READER,
                .identity = pen->segment.header->identity,
                .generation = 1,
                .segment_size = pen->segment.size,
                .newest = segment_newest(&pen->segment),
        };
        int fds[WIRE_FDS_READER], ends[2];
        char buffer[WIRE_SIZE_MAX];
        unsigned n_fds = 0;

        pen->peer_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(pen->peer_fd >= 0);
        assert_int_equal(conn_recv_wait(pen->peer_fd, buffer, NULL, &n_fds, PATIENCE_MS), CONN_OK);

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                         0);
        pen->wake_fd = ends[1];
        fds[WIRE_FD_SEGMENT] = segment_open_readonly(&pen->segment);
        fds[WIRE_FD_WAKE] = ends[0];
        fds[WIRE_FD_CONTROL] = make_control(pen);
        message.control_size = pen->control_size;
        assert_int_equal(conn_send(pen->peer_fd, &message, fds, WIRE_FDS_READER, 0), CONN_OK);
        for (size_t i = 0; i < WIRE_FDS_READER; i++)
                close(fds[i]);
}

struct md_client *pen_connect(struct pen *pen) {
        struct connecting connecting = { .socket = pen->rig.socket };
        int listener = listen_at(pen->rig.socket);
        pthread_t thread;

        assert_int_equal(md_new(&connecting.client), 0);
        assert_int_equal(pthread_create(&thread, NULL, connect_client, &connecting), 0);
        welcome(pen, listener);
        assert_int_equal(pthread_join(thread, NULL), 0);
        close(listener);
        if (connecting.r < 0)
                fail_msg("%s", md_error(connecting.client));
        return connecting.client;
}

/* ---- writing ---- */

uint64_t pen_newest(const struct pen *pen) {
        return pen->publisher.next - 1;
}

struct md_tick pen_tick(const struct pen *pen, uint32_t instrument, uint16_t kind) {
        struct md_tick tick = { .instrument = instrument, .kind = kind };

        tick.seq = pen->publisher.next;
        for (size_t i = 0; i < 4; i++)
                tick.u.word[i] = (int64_t)tick.seq;
        return tick;
}

void pen_put(struct pen *pen, uint32_t instrument, uint16_t kind) {
        struct md_tick tick = pen_tick(pen, instrument, kind);

        publisher_put(&pen->publisher, &tick);
}

struct md_tick pen_put_half(struct pen *pen, uint32_t instrument, uint16_t kind) {
        struct md_tick tick = pen_tick(pen, instrument, kind);

        journal_write(&pen->segment.journal, &tick);
        return tick;
}

void pen_finish(struct pen *pen, const struct md_tick *tick) {
        struct md_tick again = *tick;

        assert_int_equal(tick->seq, pen->publisher.next);
        publisher_put(&pen->publisher, &again);
}
