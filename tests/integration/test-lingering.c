/*
 * A peer cannot hold the daemon by what it makes it throw away
 *
 * Whoever drops the last hold on a TCP socket that lingers, and whose other end takes nothing, waits. Such
 * sockets are sent to the daemon in each way in which a peer can send it anything: to be taken with a
 * message, to be found unread in a socket that it closes, to be read from a doorbell. All of it happens
 * twice: with the kernel that is there, and with one that cannot refuse descriptors for the daemon.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "offender.h"
#include "wire/conn.h"

#define MOST    4 /* in one message */
#define HOLDS_S 3600

/* Both ends of connections: ours, that nobody reads from, and those that are sent away. */
static int kept[16], n_kept;

static int lingering_socket(void) {
        static const char bytes[1 << 16];
        struct linger linger = { 1, HOLDS_S };
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);
        int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(bind(door, (struct sockaddr *)&address, size), 0);
        assert_int_equal(listen(door, 1), 0);
        assert_int_equal(getsockname(door, (struct sockaddr *)&address, &size), 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
        kept[n_kept] = accept(door, NULL, NULL);
        assert_true(kept[n_kept++] >= 0);
        close(door);
        while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
                ;
        assert_true(errno == EAGAIN);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
        return fd;
}

/* While it is stopped nothing is thrown away, and what we let go is not the last hold. */
static void stop_daemon(void) {
        int status;

        assert_int_equal(kill(market.rig.pid, SIGSTOP), 0);
        assert_int_equal(waitpid(market.rig.pid, &status, WUNTRACED), market.rig.pid);
        assert_true(WIFSTOPPED(status));
}

static void let_go(int fd, bool sent) {
        const struct linger none = { 0 };

        if (!sent)
                assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
        close(fd);
}

/* Sends n of them with these bytes and keeps none. The daemon is stopped. */
static void send_lingering(int to, const void *bytes, size_t size, unsigned n) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(MOST * sizeof(int))];
        } control = { .bytes = { 0 } };
        struct iovec iov = { (void *)(uintptr_t)bytes, size };
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = CMSG_SPACE(n * sizeof(int)),
        };
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
        int fds[MOST];
        bool sent;

        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
        for (unsigned i = 0; i < n; i++)
                fds[i] = lingering_socket();
        memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
        sent = sendmsg(to, &msg, MSG_NOSIGNAL) > 0;
        assert_true(sent || errno == EPERM); /* where the kernel refuses them for the daemon */
        for (unsigned i = 0; i < n; i++)
                let_go(fds[i], sent);
}

static int dial(void) {
        int fd = conn_connect(market.rig.socket, PATIENCE_MS);

        assert_true(fd >= 0);
        return fd;
}

static struct wire_hello hello_of_a_reader(void) {
        return (struct wire_hello){
                .header = { WIRE_HELLO, sizeof(struct wire_hello) },
                .version = WIRE_VERSION,
                .role = WIRE_ROLE_READER,
                .name = "lingering",
        };
}

/* The others' other ends go as well, so that the kernel forgets them. */
static void expect_unharmed(void) {
        market_expect_served();
        while (n_kept)
                close(kept[--n_kept]);
        market_expect_unharmed();
}

static void with_a_message(void **state) {
        static const unsigned numbers[] = { 1, MOST };
        struct wire_hello hello = hello_of_a_reader();

        (void)state;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
                int fd = dial();

                stop_daemon();
                send_lingering(fd, &hello, sizeof(hello), numbers[i]);
                assert_int_equal(kill(market.rig.pid, SIGCONT), 0);
                market_expect_served();
                close(fd);
                expect_unharmed();
        }
}

/* The first message ends the connection, with the second one still in it. */
static void behind_a_message(void **state) {
        struct wire_hello hello = hello_of_a_reader();
        int fd = dial();

        (void)state;
        stop_daemon();
        assert_int_equal(send(fd, "", 1, MSG_NOSIGNAL), 1);
        send_lingering(fd, &hello, sizeof(hello), MOST);
        assert_int_equal(kill(market.rig.pid, SIGCONT), 0);
        market_expect_served();
        close(fd);
        expect_unharmed();
}

/* It leaves before it was let in. */
static void before_the_door(void **state) {
        struct wire_hello hello = hello_of_a_reader();
        int fd;

        (void)state;
        stop_daemon();
        fd = dial();
        send_lingering(fd, &hello, sizeof(hello), MOST);
        close(fd);
        assert_int_equal(kill(market.rig.pid, SIGCONT), 0);
        expect_unharmed();
}

static void with_a_knock(void **state) {
        struct offender offender;

        (void)state;
        offender_come(&offender);
        offender_behave(&offender);
        stop_daemon();
        send_lingering(offender.doorbell_fd, "", 1, MOST);
        assert_int_equal(kill(market.rig.pid, SIGCONT), 0);
        market_expect_served();
        offender_leave(&offender);
        expect_unharmed();
}

/* It leaves, and its doorbell is closed with what is in there. */
static void with_a_last_knock(void **state) {
        struct offender offender;

        (void)state;
        offender_come(&offender);
        offender_behave(&offender);
        stop_daemon();
        send_lingering(offender.doorbell_fd, "", 1, MOST);
        offender_leave(&offender);
        assert_int_equal(kill(market.rig.pid, SIGCONT), 0);
        expect_unharmed();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(with_a_message),    cmocka_unit_test(behind_a_message),
                cmocka_unit_test(before_the_door),   cmocka_unit_test(with_a_knock),
                cmocka_unit_test(with_a_last_knock),
        };

        int failed = cmocka_run_group_tests(tests, market_setup, market_teardown);

        if (rig_older_kernel())
                failed += cmocka_run_group_tests(tests, market_setup, market_teardown);
        return failed;
}
