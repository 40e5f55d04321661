/*
 * What a daemon answers to a publisher is looked at before it is used
 *
 * A thread listens in the daemon's place, welcomes whoever comes with a real ring, and answers each DEFINE
 * with the number that the test says.
 */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "mdclient.h"
#include "shm/ring.h"
#include "shm/segment.h"
#include "wire/conn.h"

struct stand_in {
        char folder[32], path[64];
        int fd;
        int fds[WIRE_FDS_PUBLISHER];
        uint32_t instrument; /* what it says of every one */
        pthread_t thread;
};

static void answer(struct stand_in *daemon, int fd, uint32_t opcode) {
        const struct wire_welcome welcome = {
                .header = { WIRE_WELCOME, sizeof(welcome) },
                .version = WIRE_VERSION,
                .client = 1,
                .fds = WIRE_FDS_PUBLISHER,
        };
        const struct wire_defined defined = {
                .header = { WIRE_DEFINED, sizeof(defined) },
                .instrument = daemon->instrument,
        };

        if (opcode == WIRE_HELLO)
                conn_send(fd, &welcome, daemon->fds, WIRE_FDS_PUBLISHER, 0);
        else
                conn_send(fd, &defined, NULL, 0, 0);
}

static void *serve_one(void *userdata) {
        _Alignas(8) char message[WIRE_SIZE_MAX];
        struct stand_in *daemon = userdata;
        int fd = accept(daemon->fd, NULL, NULL);

        while (recv(fd, message, sizeof(message), 0) > 0)
                answer(daemon, fd, ((const struct wire_header *)(void *)message)->opcode);
        close(fd);
        return NULL;
}

static void open_ring(struct stand_in *daemon) {
        struct ring *ring;
        int fd = memfd_create("ring", MFD_CLOEXEC);

        assert_int_equal(ftruncate(fd, (off_t)ring_bytes(RING_SIZE_MIN)), 0);
        ring = mmap(NULL, ring_bytes(RING_SIZE_MIN), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true(ring != MAP_FAILED);
        ring->size = RING_SIZE_MIN;
        munmap(ring, ring_bytes(RING_SIZE_MIN));
        daemon->fds[WIRE_FD_RING] = fd;
        assert_int_equal(pipe(&daemon->fds[WIRE_FD_DOORBELL]), 0);
}

static void stand_in_init(struct stand_in *daemon, uint32_t instrument) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        *daemon =
                (struct stand_in){ .folder = "/tmp/mdshmd-test.XXXXXX", .instrument = instrument };
        assert_non_null(mkdtemp(daemon->folder));
        snprintf(daemon->path, sizeof(daemon->path), "%s/socket", daemon->folder);
        strcpy(address.sun_path, daemon->path);
        daemon->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(daemon->fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(daemon->fd, 1), 0);
        open_ring(daemon);
        assert_int_equal(pthread_create(&daemon->thread, NULL, serve_one, daemon), 0);
}

/* Its publisher has gone. */
static void stand_in_deinit(struct stand_in *daemon) {
        pthread_join(daemon->thread, NULL);
        close(daemon->fd);
        for (unsigned i = 0; i < WIRE_FDS_PUBLISHER; i++)
                close(daemon->fds[i]);
        unlink(daemon->path);
        rmdir(daemon->folder);
}

/* What becomes of a definition that is answered so. */
static int define(uint32_t instrument) {
        const struct md_instrument definition = { .symbol = "ACME", .close_px = MD_PX_NONE };
        struct md_publisher *publisher;
        struct stand_in daemon;
        uint32_t handle;
        int r;

        stand_in_init(&daemon, instrument);
        assert_int_equal(md_publisher_new(&publisher), 0);
        assert_int_equal(md_publisher_connect(publisher, daemon.path, "own"), 0);
        r = md_publisher_define(publisher, &definition, &handle);
        if (r < 0) {
                assert_true(*md_publisher_error(publisher));
                /* it is over: nothing that such a daemon says can be trusted */
                assert_int_equal(md_publisher_quote(publisher, 0, 1, 1, 1, 2, 1), -EPIPE);
        } else {
                assert_int_equal(md_publisher_quote(publisher, handle, 1, 1, 1, 2, 1), 0);
        }
        md_publisher_free(publisher);
        stand_in_deinit(&daemon);
        return r;
}

static void numbers_that_no_instrument_has_end_the_connection(void **state) {
        (void)state;
        assert_int_equal(define(SEGMENT_INSTRUMENTS_MAX), -EPIPE);
        assert_int_equal(define(UINT32_MAX / 2), -EPIPE);
        /* with this one, half as much again and a little more is a small number */
        assert_int_equal(define(UINT32_MAX / 3 * 2), -EPIPE);
        assert_int_equal(define(UINT32_MAX), -EPIPE);
}

static void the_largest_number_of_an_instrument_is_one(void **state) {
        (void)state;
        assert_int_equal(define(0), 0);
        assert_int_equal(define(SEGMENT_INSTRUMENTS_MAX - 1), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_that_no_instrument_has_end_the_connection),
                cmocka_unit_test(the_largest_number_of_an_instrument_is_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
