/* The descriptor store, with a socket in systemd's place that takes what is said or does not. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/store.h"

#define MANY 5000 /* more than any socket has room for */

static struct {
        int fd;
        struct sockaddr_un address;
        char said[256];
        int fds[STORE_FDS_MAX];
        unsigned n;
} manager;

static struct store store;

static int setup(void **state) {
        (void)state;
        log_init(LOG_ERROR);
        manager.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        snprintf(manager.address.sun_path, sizeof(manager.address.sun_path), "/tmp/test-store.%d",
                 getpid());
        manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (manager.fd < 0 ||
            bind(manager.fd, (struct sockaddr *)&manager.address, sizeof(manager.address)) < 0)
                return -1;
        setenv("NOTIFY_SOCKET", manager.address.sun_path, 1);
        return store_init(&store);
}

static int teardown(void **state) {
        (void)state;
        store_deinit(&store);
        close(manager.fd);
        unlink(manager.address.sun_path);
        unsetenv("NOTIFY_SOCKET");
        return 0;
}

/* What was said next, with its descriptors in manager.fds; "" for nothing. */
static const char *hear(void) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(STORE_FDS_MAX * sizeof(int))];
        } control;
        struct iovec part = { manager.said, sizeof(manager.said) - 1 };
        struct msghdr message = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;

        for (unsigned i = 0; i < manager.n; i++)
                close(manager.fds[i]);
        manager.n = 0;
        n = recvmsg(manager.fd, &message, MSG_CMSG_CLOEXEC);
        manager.said[n < 0 ? 0 : n] = '\0';
        if (n >= 0 && message.msg_controllen) {
                manager.n = (unsigned)((control.header.cmsg_len - CMSG_LEN(0)) / sizeof(int));
                memcpy(manager.fds, CMSG_DATA(&control.header), manager.n * sizeof(int));
        }
        return manager.said;
}

static bool same_object(int a, int b) {
        struct stat one, other;

        assert_int_equal(fstat(a, &one), 0);
        assert_int_equal(fstat(b, &other), 0);
        return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

static unsigned open_fds(void) {
        unsigned n = 0;

        for (int fd = 0; fd < 2 * MANY; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void test_without_systemd(void **state) {
        struct store none;
        int fd = 0;

        (void)state;
        unsetenv("NOTIFY_SOCKET");
        assert_int_equal(store_init(&none), 0);
        assert_null(store_keep(&none, "name", &fd, 1));
        assert_null(store_known(&none, "name", 1));
        store_drop(&none, NULL);
        assert_false(store_is_waiting(&none));
        store_deinit(&none);

        setenv("NOTIFY_SOCKET", "nowhere", 1);
        assert_int_equal(store_init(&none), -EINVAL);
        setenv("NOTIFY_SOCKET", "/tmp/there is no such socket", 1);
        assert_int_equal(store_init(&none), -ENOENT);
        assert_null(store_keep(&none, "name", &fd, 1));
        store_deinit(&none);
        setenv("NOTIFY_SOCKET", manager.address.sun_path, 1);
}

/* What belongs together goes in one datagram, and out by its name. */
static void test_keep_and_drop(void **state) {
        struct kept *kept;
        int ends[2], fds[3];

        (void)state;
        assert_int_equal(pipe(ends), 0);
        fds[0] = ends[1];
        fds[1] = ends[0];
        fds[2] = manager.fd;
        kept = store_keep(&store, "c0000001f", fds, 3);
        assert_non_null(kept);
        assert_string_equal(hear(), "FDSTORE=1\nFDNAME=c0000001f\nFDPOLL=0");
        assert_int_equal(manager.n, 3);
        for (unsigned i = 0; i < 3; i++)
                assert_true(same_object(manager.fds[i], fds[i]));

        store_drop(&store, kept);
        assert_string_equal(hear(), "FDSTOREREMOVE=1\nFDNAME=c0000001f");
        assert_int_equal(manager.n, 0);
        assert_string_equal(hear(), "");
        close(ends[0]);
        close(ends[1]);
}

/* What came from systemd is not sent there again, and goes out like everything else. */
static void test_known(void **state) {
        struct kept *kept = store_known(&store, "lock", 1);

        (void)state;
        assert_non_null(kept);
        assert_string_equal(hear(), "");
        store_drop(&store, kept);
        assert_string_equal(hear(), "FDSTOREREMOVE=1\nFDNAME=lock");
}

/* Systemd has no time: nothing waits for it, nothing is lost, and nothing overtakes anything. */
static void test_systemd_is_busy(void **state) {
        static struct kept *kept[MANY];
        unsigned before = open_fds(), heard = 0, n_fds = 0;
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        char expected[64];

        (void)state;
        for (unsigned i = 0; i < MANY; i++) {
                char name[16];

                snprintf(name, sizeof(name), "c%08x", i);
                kept[i] = store_keep(&store, name, &fd, 1);
                assert_non_null(kept[i]);
        }
        close(fd); /* those that wait are copies */
        assert_true(store_is_waiting(&store));

        /* one that waits is dropped without a word, one that is there has to wait for its turn */
        store_drop(&store, kept[MANY - 1]);
        store_drop(&store, kept[0]);
        for (;;) {
                if (!*hear()) {
                        if (!store_is_waiting(&store))
                                break;
                        store_flush(&store);
                        continue;
                }
                if (heard < MANY - 1)
                        snprintf(expected, sizeof(expected), "FDSTORE=1\nFDNAME=c%08x\nFDPOLL=0",
                                 heard);
                else
                        snprintf(expected, sizeof(expected), "FDSTOREREMOVE=1\nFDNAME=c00000000");
                assert_string_equal(manager.said, expected);
                n_fds += manager.n;
                heard++;
        }
        assert_int_equal(heard, MANY);
        assert_int_equal(n_fds, MANY - 1);
        for (unsigned i = 1; i < MANY - 1; i++) {
                store_drop(&store, kept[i]);
                while (*hear())
                        ;
        }
        assert_false(store_is_waiting(&store));
        assert_int_equal(store.names, 0);
        assert_int_equal(open_fds(), before);
}

/* Who else has something to say finds room, however much is to be kept. */
static void test_others_have_room(void **state) {
        int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), fd = manager.fd;
        static struct kept *kept[MANY];

        (void)state;
        for (unsigned i = 0; i < MANY; i++)
                kept[i] = store_keep(&store, "lock", &fd, 1);
        assert_true(store_is_waiting(&store));
        assert_int_equal(sendto(other, "WATCHDOG=1", 10, 0, (struct sockaddr *)&manager.address,
                                sizeof(manager.address)),
                         10);
        close(other);
        for (unsigned i = MANY; i-- > 0;)
                store_drop(&store, kept[i]);
        while (*hear() || store_is_waiting(&store))
                store_flush(&store);
}

/* A socket that somebody waits for with poll(), as the daemon does, becomes writable. */
static void test_room_again(void **state) {
        struct pollfd poller = { .fd = store.fd, .events = POLLOUT };
        struct kept *kept[MANY];
        unsigned n = 0;
        int fd = manager.fd;

        (void)state;
        while (!store_is_waiting(&store) && n < MANY)
                kept[n++] = store_keep(&store, "lock", &fd, 1);
        assert_true(store_is_waiting(&store));
        assert_int_equal(poll(&poller, 1, 0), 0);
        while (*hear())
                ;
        assert_int_equal(poll(&poller, 1, 60000), 1);
        while (n)
                store_drop(&store, kept[--n]);
        while (*hear() || store_is_waiting(&store))
                store_flush(&store);
}

/* No program can be started with a variable of the environment of 128 KiB: "LISTEN_FDNAMES=", the
 * names with a character between, and the one that systemd knows beside ours. */
static void test_names_have_an_end(void **state) {
        size_t length = strlen("LISTEN_FDNAMES=control") + 1;
        static struct kept *kept[10000];
        int fds[3] = { 0, 0, 0 };
        unsigned n = 0;

        (void)state;
        for (; n < 10000; n++) {
                char name[64];

                snprintf(name, sizeof(name), "c%08x", n);
                kept[n] = store_keep(&store, name, fds, 3);
                while (*hear())
                        ;
                if (!kept[n])
                        break;
                length += 3 * (strlen(name) + 1);
        }
        assert_in_range(n, 4096, 9999); /* clients that the config allows */
        assert_true(length <= 128 * 1024 - 512);

        /* room again */
        store_drop(&store, kept[--n]);
        kept[n] = store_keep(&store, "c00000000", fds, 3);
        assert_non_null(kept[n++]);
        while (n) {
                store_drop(&store, kept[--n]);
                while (*hear())
                        ;
        }
}

/* The process ends: what was still to be said is said, and what is kept stays there. */
static void test_the_end(void **state) {
        static struct kept *kept[MANY];
        unsigned before = open_fds(), there = 0;
        int fd = manager.fd;
        pid_t pid;

        (void)state;
        for (unsigned i = 0; i < MANY; i++)
                kept[i] = store_keep(&store, "lock", &fd, 1);
        assert_true(store_is_waiting(&store));
        pid = fork();
        if (pid == 0) {
                store_deinit(&store);
                _exit(store_is_waiting(&store));
        }
        for (struct pollfd poller = { .fd = manager.fd, .events = POLLIN };
             there < MANY && poll(&poller, 1, 60000) > 0; there++)
                hear();
        assert_int_equal(there, MANY);
        assert_string_equal(hear(), "");

        /* nobody listens: all the same it comes to an end */
        store_deinit(&store);
        while (*hear())
                ;
        for (unsigned i = 0; i < MANY; i++)
                store_drop(&store, kept[i]);
        assert_string_equal(hear(), "");
        assert_int_equal(open_fds(), before - 1); /* its own */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_without_systemd, setup, teardown),
                cmocka_unit_test_setup_teardown(test_keep_and_drop, setup, teardown),
                cmocka_unit_test_setup_teardown(test_known, setup, teardown),
                cmocka_unit_test_setup_teardown(test_systemd_is_busy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_others_have_room, setup, teardown),
                cmocka_unit_test_setup_teardown(test_room_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_names_have_an_end, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_end, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
