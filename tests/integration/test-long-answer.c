/*
 * A long answer reaches a slow reader whole
 *
 * With each client more, the list of clients is one message longer. Somewhere on the way it no longer
 * fits into the socket; from then on the daemon must go on whenever there is room again, and whichever
 * message it is that did not fit.
 */

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "harness.h"
#include "wire/conn.h"

#define CLIENTS 400

static struct rig rig;
static int fds[CLIENTS];

static int dial(uint32_t role) {
        struct wire_hello hello = {
                .header = { WIRE_HELLO, sizeof(hello) },
                .version = WIRE_VERSION,
                .role = role,
        };
        char buffer[WIRE_SIZE_MAX];
        int fd = conn_connect(rig.socket, PATIENCE_MS);

        assert_true(fd >= 0);
        assert_int_equal(conn_send(fd, &hello, NULL, 0, 0), CONN_OK);
        assert_int_equal(recv(fd, buffer, sizeof(buffer), 0), sizeof(struct wire_welcome));
        return fd;
}

/* How many clients the daemon lists to somebody who begins to read late. */
static unsigned list_late(int control) {
        struct wire_request request = { { WIRE_CLIENTS, sizeof(request) } };
        struct wire_header header;
        char buffer[WIRE_SIZE_MAX];
        unsigned n = 0, n_fds;

        assert_int_equal(conn_send(control, &request, NULL, 0, 0), CONN_OK);
        sleep_ms(2);
        for (;;) {
                n_fds = 0;
                assert_int_equal(conn_recv_wait(control, buffer, NULL, &n_fds, PATIENCE_MS),
                                 CONN_OK);
                memcpy(&header, buffer, sizeof(header));
                if (header.opcode == WIRE_DONE)
                        return n;
                assert_int_equal(header.opcode, WIRE_CLIENT);
                n++;
        }
}

static void every_length_comes_whole(void **state) {
        int control;

        (void)state;
        rig_start(&rig);
        control = dial(WIRE_ROLE_CONTROL);
        for (unsigned i = 0; i < CLIENTS; i++) {
                fds[i] = dial(WIRE_ROLE_READER);
                assert_int_equal(list_late(control), i + 2);
        }
        for (unsigned i = 0; i < CLIENTS; i++)
                close(fds[i]);
        close(control);
        rig_stop(&rig);
}

static int setup(void **state) {
        (void)state;
        rig_init(&rig);
        rig_configure(&rig, "instruments = 8\njournal = 1024\n",
                      "[limits]\nclients = %d\nhello_ms = 60000\n", CLIENTS);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(every_length_comes_whole, setup, teardown),
        };
        struct rlimit limit;

        /* a descriptor for each client, here and there */
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
