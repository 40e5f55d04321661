/*
 * Programs survive whatever answers them
 *
 * The other end is not mdshmd but a child of the test that speaks its protocol, and lies: in its answers,
 * and in the memory that both have mapped. The program gets an error at most.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "harness.h"
#include "shm/control.h"
#include "shm/ring.h"
#include "shm/segment.h"
#include "wire/conn.h"

#define RING 64

/* What it lies about, in the n-th connection (0, 1, ...). */
struct lie {
        uint32_t instrument; /* in its answer to a definition */
        uint64_t tail;       /* in its ring, once it has been asked for an instrument */
        bool unsealed;       /* its ring, or its control page */
        bool waits;          /* the socket by which it wakes */
        uint32_t dies_of;    /* an opcode, instead of an answer; 0: of none */
        unsigned after;      /* so many of them that it answers */
};

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static pid_t pid;

static int make_memory(size_t size, bool unsealed) {
        int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        CHILD_CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
        CHILD_CHECK(unsealed || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
        return fd;
}

static struct ring *make_ring(int *fd, bool unsealed) {
        struct ring *ring;

        *fd = make_memory(ring_bytes(RING), unsealed);
        ring = mmap(NULL, ring_bytes(RING), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
        CHILD_CHECK(ring != MAP_FAILED);
        ring->size = RING;
        return ring;
}

/* The program's end of a socket. One who waits there does so for more than will ever come, although there
 * is something. */
static int make_bell(bool waits) {
        const int more = 64;
        int ends[2];

        CHILD_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        if (waits) {
                CHILD_CHECK(setsockopt(ends[1], SOL_SOCKET, SO_RCVLOWAT, &more, sizeof(more)) == 0);
                CHILD_CHECK(send(ends[0], "", 1, 0) == 1);
        }
        return ends[1];
}

static void welcome_publisher(int fd, const struct lie *lie, struct ring **ring) {
        struct wire_welcome message = {
                .header = { WIRE_WELCOME, sizeof(message) },
                .version = WIRE_VERSION,
                .client = 1,
                .fds = WIRE_FDS_PUBLISHER,
        };
        int fds[WIRE_FDS_PUBLISHER];

        *ring = make_ring(&fds[WIRE_FD_RING], lie->unsealed);
        fds[WIRE_FD_DOORBELL] = make_bell(false);
        fds[WIRE_FD_ROOM] = make_bell(lie->waits);
        CHILD_CHECK(conn_send(fd, &message, fds, WIRE_FDS_PUBLISHER, 0) == CONN_OK);
}

/* With a segment that is as it should be. */
static void welcome_reader(int fd, const struct lie *lie) {
        const struct segment_params params = { .instruments = 1, .journal = 64 };
        struct wire_welcome message = {
                .header = { WIRE_WELCOME, sizeof(message) },
                .version = WIRE_VERSION,
                .client = 1,
                .fds = WIRE_FDS_READER,
                .generation = 1,
                .control_size = control_size(1),
        };
        int fds[WIRE_FDS_READER];
        struct segment segment;
        struct segment_why why;
        char name[64];

        snprintf(name, sizeof(name), "/mdshmd-test-false.%d", getpid());
        CHILD_CHECK(segment_open(&segment, name, &params, &why) == 0);
        segment_publish(&segment, "test", 0);
        message.identity = segment.header->identity;
        message.segment_size = segment.size;
        fds[WIRE_FD_SEGMENT] = segment_open_readonly(&segment);
        fds[WIRE_FD_WAKE] = make_bell(lie->waits);
        fds[WIRE_FD_CONTROL] = make_memory(control_size(1), lie->unsealed);
        CHILD_CHECK(conn_send(fd, &message, fds, WIRE_FDS_READER, 0) == CONN_OK);
        shm_unlink(name);
        strcat(name, ".lock");
        shm_unlink(name);
}

static void welcome(int fd, const struct lie *lie, const void *packet, struct ring **ring) {
        struct wire_hello hello;

        memcpy(&hello, packet, sizeof(hello));
        if (hello.role == WIRE_ROLE_PUBLISHER)
                welcome_publisher(fd, lie, ring);
        else
                welcome_reader(fd, lie);
}

/* One connection, until the other end hangs up, or the lie about the tail is told. */
static void serve(int fd, const struct lie *lie) {
        struct wire_defined answer = { .header = { WIRE_DEFINED, sizeof(answer) } };
        _Alignas(8) char buffer[WIRE_SIZE_MAX];
        struct ring *ring = NULL;
        struct wire_header header;
        unsigned n = 0, asked = 0;

        answer.instrument = lie->instrument;
        while (conn_recv_wait(fd, buffer, NULL, &n, PATIENCE_MS) == CONN_OK) {
                memcpy(&header, buffer, sizeof(header));
                if (header.opcode == lie->dies_of && asked++ == lie->after)
                        break;
                if (header.opcode == WIRE_HELLO) {
                        welcome(fd, lie, buffer, &ring);
                        continue;
                }
                if (lie->tail)
                        atomic_store(&ring->tail, lie->tail);
                if (conn_send(fd, &answer, NULL, 0, 0) != CONN_OK || lie->tail)
                        break;
        }
        close(fd);
}

static void begin(const struct lie *lies, unsigned n) {
        int fd;

        snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/mdshmd-test-false.%d", getpid());
        unlink(address.sun_path);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 4), 0);
        pid = fork_child();
        if (pid == 0) {
                for (unsigned i = 0; i < n; i++) {
                        int peer = accept(fd, NULL, NULL);

                        CHILD_CHECK(peer >= 0);
                        serve(peer, &lies[i]);
                }
                _exit(0);
        }
        close(fd);
}

static struct md_instrument definition(void) {
        return (struct md_instrument){ .symbol = "X", .close_px = MD_PX_NONE };
}

static void an_instrument_that_cannot_be(void **state) {
        static const struct lie lies[] = {
                { .instrument = 1 << 24 },        { .instrument = 1431655766 },
                { .instrument = 3000000000 },     { .instrument = INT32_MAX },
                { .instrument = UINT32_MAX - 1 }, { .instrument = UINT32_MAX },
        };
        const unsigned n = sizeof(lies) / sizeof(*lies);
        struct md_instrument instrument = definition();
        struct md_publisher *publisher;
        uint32_t handle;

        (void)state;
        begin(lies, n);
        assert_int_equal(md_publisher_new(&publisher), 0);
        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), 0);
                assert_int_equal(md_publisher_define(publisher, &instrument, &handle), -EPIPE);
                assert_non_null(strstr(md_publisher_error(publisher), "none can have that"));
        }
        md_publisher_free(publisher);
        await_child(pid);
}

/* It says that it has taken what never was there, or has given back what it had taken. */
static void a_tail_that_cannot_be(void **state) {
        static const struct lie lies[] = { { .instrument = 5, .tail = 1000 },
                                           { .instrument = 6, .tail = UINT64_MAX / 2 },
                                           { .instrument = 7, .tail = UINT64_MAX - 100 },
                                           { .instrument = 8 } };
        const unsigned n = sizeof(lies) / sizeof(*lies);
        struct md_instrument instrument = definition();
        struct md_publisher *publisher;
        uint32_t handle;

        (void)state;
        begin(lies, n);
        assert_int_equal(md_publisher_new(&publisher), 0);
        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), 0);
                if (i == 0)
                        assert_int_equal(md_publisher_define(publisher, &instrument, &handle), 0);
                for (unsigned k = 0; k < 2 * RING; k++) {
                        int r = md_publisher_quote(publisher, handle, 1, 1, 1, 2, 1);

                        assert_true(r == 0 || r == -EAGAIN || r == -EPIPE);
                }
                assert_true(md_publisher_pending(publisher) <= RING);
                if (i + 1 < n)
                        AWAIT(md_publisher_define(publisher, &instrument, &handle) == -EPIPE);
        }
        md_publisher_free(publisher);
        await_child(pid);
}

/* What could be cut off later, so that the program dies of a bus error, is not taken. */
static void memory_that_could_be_cut_off(void **state) {
        static const struct lie lies[] = {
                { .unsealed = true }, { 0 }, { .unsealed = true }, { 0 }
        };
        struct md_publisher *publisher;
        struct md_client *client;

        (void)state;
        begin(lies, sizeof(lies) / sizeof(*lies));
        assert_int_equal(md_publisher_new(&publisher), 0);
        assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), -EPROTO);
        assert_non_null(strstr(md_publisher_error(publisher), "ring that is not sealed"));
        assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), 0);
        md_publisher_free(publisher);

        assert_int_equal(md_new(&client), 0);
        assert_int_equal(md_connect(client, address.sun_path), -EPROTO);
        assert_non_null(strstr(md_error(client), "control page that is not sealed"));
        assert_int_equal(md_connect(client, address.sun_path), 0);
        md_free(client);
        await_child(pid);
}

/* It ends before it has answered: the call has failed, and the next one begins anew. */
static void one_that_dies_of_a_question(void **state) {
        static const struct lie lies[] = {
                { .dies_of = WIRE_HELLO },
                { .dies_of = WIRE_DEFINE },
                { .instrument = 3, .dies_of = WIRE_DEFINE, .after = 1 },
                { .dies_of = WIRE_HELLO },
                { .dies_of = WIRE_DEFINE },
                { .instrument = 4 },
                { .dies_of = WIRE_HELLO },
                { .dies_of = 0 },
        };
        struct md_instrument instrument = definition();
        struct md_publisher *publisher;
        struct md_client *client;
        uint32_t handle = 7;

        (void)state;
        begin(lies, sizeof(lies) / sizeof(*lies));
        assert_int_equal(md_publisher_new(&publisher), 0);
        assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), -EPROTO);
        assert_non_null(strstr(md_publisher_error(publisher), "without an answer"));
        assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), 0);
        assert_int_equal(md_publisher_define(publisher, &instrument, &handle), -EPIPE);
        assert_int_equal(md_publisher_define(publisher, &instrument, &handle), -EPIPE);
        assert_int_equal(handle, 7);
        assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), 0);
        assert_int_equal(md_publisher_define(publisher, &instrument, &handle), 0);
        assert_int_equal(handle, 0);
        assert_int_equal(md_publisher_quote(publisher, handle, 1, 1, 1, 2, 1), 0);
        assert_int_equal(md_publisher_define(publisher, &instrument, &handle), -EPIPE);

        /* what was defined is asked for again, and what was put is still there */
        assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), -EPROTO);
        assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), -EPIPE);
        assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), 0);
        assert_int_equal(md_publisher_pending(publisher), 1);
        assert_int_equal(md_publisher_define(publisher, &instrument, &handle), 0);
        assert_int_equal(handle, 0);
        md_publisher_free(publisher);

        assert_int_equal(md_new(&client), 0);
        assert_int_equal(md_connect(client, address.sun_path), -EPROTO);
        assert_non_null(strstr(md_error(client), "without an answer"));
        assert_int_equal(md_connect(client, address.sun_path), 0);
        md_free(client);
        await_child(pid);
}

/* It has made the sockets, so how they are read is for it to set as well. */
static void sockets_that_would_wait(void **state) {
        static const struct lie lies[] = { { .waits = true }, { .waits = true } };
        struct md_instrument instrument = definition();
        struct md_publisher *publisher;
        struct md_client *client;
        uint32_t handle;

        (void)state;
        begin(lies, sizeof(lies) / sizeof(*lies));
        assert_int_equal(md_new(&client), 0);
        assert_int_equal(md_connect(client, address.sun_path), 0);
        assert_int_equal(md_subscribe_all(client), 0);
        assert_int_equal(md_dispatch(client, 0), 0);
        assert_int_equal(md_dispatch(client, 20), 0);
        md_free(client);

        assert_int_equal(md_publisher_new(&publisher), 0);
        assert_int_equal(md_publisher_connect(publisher, address.sun_path, "f"), 0);
        assert_int_equal(md_publisher_define(publisher, &instrument, &handle), 0);
        assert_int_equal(md_publisher_quote(publisher, handle, 1, 1, 1, 2, 1), 0);
        assert_int_equal(md_publisher_drain(publisher, 20), 0);
        md_publisher_free(publisher);
        await_child(pid);
}

static int teardown(void **state) {
        (void)state;
        unlink(address.sun_path);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_instrument_that_cannot_be),
                cmocka_unit_test(a_tail_that_cannot_be),
                cmocka_unit_test(memory_that_could_be_cut_off),
                cmocka_unit_test(one_that_dies_of_a_question),
                cmocka_unit_test(sockets_that_would_wait),
        };

        return cmocka_run_group_tests(tests, NULL, teardown);
}
