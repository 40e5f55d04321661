/*
 * What a daemon may say that is none, or has gone mad, to the library
 *
 * A thread listens where the library looks for the daemon, and answers each HELLO and each DEFINE with
 * what the input says: a WELCOME or REFUSED that is right but for a few bytes, or noise, with any
 * descriptors: a segment, sockets, pages of any size. A reader and a publisher connect and go on as far as
 * they come. Every error has its sentence, and nothing waits for ever.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "file.h"
#include "mdclient.h"
#include "publish/publisher.h"
#include "shm/control.h"
#include "shm/ring.h"
#include "shm/segment.h"
#include "wire/conn.h"

#define CAPACITY  4
#define INPUT_MAX 4096

static struct {
        int listen_fd, stop_fd;
        char folder[64], path[80];
        pthread_t thread;
        pthread_mutex_t lock;
        struct input input; /* of what it will say; guarded by the lock, as `over` */
        uint8_t bytes[INPUT_MAX];
        bool over; /* it has nothing to say any more */
        struct segment segment;
        int segment_fd, ring_fd, page_fd, bell[2];
} liar;

/* ---- the daemon ---- */

static int pick_descriptor(struct input *input, unsigned place) {
        const int reader[] = { liar.segment_fd, liar.bell[0], liar.page_fd };
        const int publisher[] = { liar.ring_fd, liar.bell[1], liar.bell[0] };
        uint8_t which = input_u8(input);

        if (which < 160)
                return reader[place];
        if (which < 240)
                return publisher[place];
        return reader[which % 3];
}

static void mix(void *message, size_t size, struct input *input) {
        for (uint8_t n = input_u8(input) % 4; n > 0; n--) {
                uint8_t at = input_u8(input);

                ((uint8_t *)message)[at % size] = input_u8(input);
        }
}

static bool send_welcome(int fd, struct input *input) {
        struct wire_welcome welcome = {
                .header = { WIRE_WELCOME, sizeof(welcome) },
                .version = WIRE_VERSION,
                .client = 1,
                .fds = 3,
                .identity = liar.segment.header->identity,
                .generation = 1,
                .segment_size = liar.segment.size,
                .control_size = control_size(CAPACITY),
                .newest = segment_newest(&liar.segment),
        };
        uint8_t n = input_u8(input);
        int fds[8];

        n = n < 200 ? 3 : n % 9;
        for (unsigned i = 0; i < n; i++)
                fds[i] = pick_descriptor(input, i % 3);
        mix(&welcome, sizeof(welcome), input);
        /* conn_send() sends as many bytes as the header says */
        if (welcome.header.size > sizeof(welcome) || welcome.header.size < sizeof(welcome.header))
                welcome.header.size = sizeof(welcome);
        return conn_send(fd, &welcome, fds, n, MSG_DONTWAIT) == CONN_OK;
}

static bool send_other(int fd, struct input *input, uint32_t opcode) {
        struct {
                struct wire_header header;
                uint8_t bytes[WIRE_SIZE_MAX];
        } message = { .header = { opcode, 0 } };

        switch (opcode) {
        case WIRE_REFUSED:
                message.header.size = sizeof(struct wire_refused);
                break;
        case WIRE_DEFINED:
                message.header.size = sizeof(struct wire_defined);
                break;
        default:
                message.header.size = 8 + input_u8(input);
        }
        /* of DEFINED: result and instrument */
        if (opcode == WIRE_DEFINED)
                input_take(input, message.bytes + 4, 4);
        else
                input_take(input, message.bytes, message.header.size - sizeof(message.header));
        return conn_send(fd, &message, NULL, 0, MSG_DONTWAIT) == CONN_OK;
}

/* False: hang up. So is what could not be sent, or it would be waited for. */
static bool answer(int fd) {
        bool stays = true;

        pthread_mutex_lock(&liar.lock);
        switch (liar.over ? 0 : input_u8(&liar.input) % 16) {
        case 0:
                stays = false;
                break;
        case 1:
                stays = send_other(fd, &liar.input, WIRE_REFUSED);
                break;
        case 2:
        case 3:
        case 4:
                stays = send_other(fd, &liar.input, WIRE_DEFINED);
                break;
        case 5:
                stays = send_other(fd, &liar.input, input_u16(&liar.input));
                break;
        case 6:
                if (send(fd, liar.input.data, liar.input.size % 600, MSG_DONTWAIT | MSG_NOSIGNAL) <
                    0)
                        stays = false;
                break;
        default:
                stays = send_welcome(fd, &liar.input);
        }
        pthread_mutex_unlock(&liar.lock);
        return stays;
}

/* One connection after the other; each message is answered. */
static void *listen_on(void *userdata) {
        char message[WIRE_SIZE_MAX];
        int fd;

        (void)userdata;
        for (;;) {
                fd = accept4(liar.listen_fd, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0)
                        return NULL;
                while (recv(fd, message, sizeof(message), 0) > 0 && answer(fd))
                        continue;
                close(fd);
        }
}

/* ---- those who believe it ---- */

static void read_all(struct md_client *client) {
        struct md_change change;
        unsigned taken = 0;

        CHECK(md_subscribe_all(client) == 0);
        if (md_dispatch(client, 0) < 0)
                CHECK(*md_error(client));
        while (md_next(client, &change) > 0)
                CHECK(taken++ < 100000);
}

static void be_reader(bool comes_back) {
        struct md_client *client;

        CHECK(md_new(&client) == 0);
        md_set_reconnect(client, comes_back);
        if (md_connect(client, liar.path) < 0)
                CHECK(*md_error(client));
        else
                for (unsigned i = 0; i < 4; i++)
                        read_all(client);
        md_free(client);
}

static void put_some(struct md_publisher *publisher) {
        struct md_instrument instrument = { .symbol = "A", .close_px = MD_PX_NONE };
        uint32_t handle;
        int r;

        for (unsigned i = 0; i < 4; i++) {
                instrument.symbol[0] = (char)('A' + i);
                r = md_publisher_define(publisher, &instrument, &handle);
                CHECK(r == 0 || *md_publisher_error(publisher));
                if (r < 0)
                        continue;
                CHECK(handle < 4);
                for (int64_t n = 0; n < 80 && r == 0; n++)
                        r = md_publisher_quote(publisher, handle, 1, n, 1, n, 1);
                CHECK(r == 0 || *md_publisher_error(publisher));
                r = md_publisher_drain(publisher, 0);
                CHECK(r >= 0 || *md_publisher_error(publisher));
                r = md_publisher_wait(publisher, 0);
                CHECK(r >= 0 || *md_publisher_error(publisher));
        }
}

static void be_publisher(void) {
        struct md_publisher *publisher;

        CHECK(md_publisher_new(&publisher) == 0);
        for (unsigned i = 0; i < 2; i++) {
                if (md_publisher_connect(publisher, liar.path, "own") < 0)
                        CHECK(*md_publisher_error(publisher));
                else
                        put_some(publisher);
        }
        md_publisher_free(publisher);
}

/* ---- set-up ---- */

static void open_segment(void) {
        const struct segment_params params = { CAPACITY, 64, 0 };
        struct segment_why why;
        char name[32], lock[40];

        snprintf(name, sizeof(name), "/mdshmd-fuzz-%d", getpid());
        CHECK(segment_open(&liar.segment, name, &params, &why) == 0);
        snprintf(lock, sizeof(lock), "%s.lock", name);
        shm_unlink(name);
        shm_unlink(lock);
        segment_publish(&liar.segment, "fuzz", 1);
        liar.segment_fd = segment_open_readonly(&liar.segment);
        CHECK(liar.segment_fd >= 0);
}

static void open_socket(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *temporary = getenv("TMPDIR");

        snprintf(liar.folder, sizeof(liar.folder), "%s/mdshmd-fuzz.XXXXXX",
                 temporary ? temporary : "/tmp");
        CHECK(mkdtemp(liar.folder));
        snprintf(liar.path, sizeof(liar.path), "%s/socket", liar.folder);
        strcpy(address.sun_path, liar.path);
        liar.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        CHECK(liar.listen_fd >= 0);
        CHECK(bind(liar.listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0);
        CHECK(listen(liar.listen_fd, 16) == 0);
}

static void leave(void) {
        unlink(liar.path);
        rmdir(liar.folder);
}

static int make_memory(size_t size, uint32_t ring_size) {
        int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
        CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
        if (ring_size)
                CHECK(pwrite(fd, &ring_size, sizeof(ring_size), offsetof(struct ring, size)) > 0);
        return fd;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        (void)argc;
        (void)argv;
        open_segment();
        open_socket();
        atexit(leave);
        liar.page_fd = make_memory(control_size(CAPACITY), 0);
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, liar.bell) == 0);
        pthread_mutex_init(&liar.lock, NULL);
        CHECK(pthread_create(&liar.thread, NULL, listen_on, NULL) == 0);
        return 0;
}

/* Until the thread is done with all who came, and waits for the next. */
static void wait_for_thread(void) {
        int fd = conn_connect(liar.path, 30000);
        char byte = 0;

        CHECK(fd >= 0);
        CHECK(send(fd, &byte, 1, MSG_NOSIGNAL) == 1);
        CHECK(recv(fd, &byte, 1, 0) == 0);
        close(fd);
}

static void set_input(const struct input *input, bool over) {
        pthread_mutex_lock(&liar.lock);
        liar.over = over;
        liar.input =
                (struct input){ liar.bytes, input->size < INPUT_MAX ? input->size : INPUT_MAX };
        if (liar.input.size)
                memcpy(liar.bytes, input->data, liar.input.size);
        pthread_mutex_unlock(&liar.lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        uint8_t how = input_u8(&input), ring = input_u8(&input);

        /* a ring that is one, or says another size than it has */
        liar.ring_fd = make_memory(ring_bytes(64), ring < 200 ? 64 : ring);
        set_input(&input, false);
        if (how & 1)
                be_publisher();
        else
                be_reader(how & 2);
        set_input(&(struct input){ 0 }, true);
        wait_for_thread();
        close(liar.ring_fd);
        return 0;
}
