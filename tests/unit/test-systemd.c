/* What systemd hands over, and what it is told: with the sockets and variables that it uses. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/systemd.h"

/* ---- descriptors ---- */

/* What the child does with the two descriptors it is started with; its sum is its exit status. */
static int child_take(const char *names) {
        struct systemd_fds fds;
        char pid[16];
        int sum = 0;

        snprintf(pid, sizeof(pid), "%d", getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "2", 1);
        setenv("LISTEN_FDNAMES", names, 1);

        sum += systemd_fds_init(&fds) == 0;
        sum += fds.n == 2;
        sum += getenv("LISTEN_FDS") == NULL; /* no child of ours would take them for its own */
        sum += systemd_fds_take(&fds, "absent") == -ENOENT;
        sum += systemd_fds_take(&fds, "control") == (names[0] == 'c' ? 3 : 4);
        sum += systemd_fds_take(&fds, "control") == -ENOENT;
        systemd_fds_deinit(&fds);
        sum += fcntl(3, F_GETFD) == (names[0] == 'c' ? FD_CLOEXEC : -1);
        sum += fcntl(4, F_GETFD) == (names[0] == 'c' ? -1 : FD_CLOEXEC);
        return sum;
}

static int run_child(const char *names) {
        int status, pipes[2];
        pid_t pid;

        assert_int_equal(pipe(pipes), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (!pid) {
                /* out of the way of 3 and 4 first */
                pipes[0] = fcntl(pipes[0], F_DUPFD, 10);
                pipes[1] = fcntl(pipes[1], F_DUPFD, 10);
                if (dup2(pipes[0], 3) != 3 || dup2(pipes[1], 4) != 4)
                        _exit(100);
                _exit(child_take(names));
        }
        close(pipes[0]);
        close(pipes[1]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void test_descriptors_go_by_name(void **state) {
        (void)state;
        assert_int_equal(run_child("control:other"), 8);
        assert_int_equal(run_child("other:control"), 8);
}

/* A child with a descriptor of each of these names, out of order and some of them several times. */
static int child_take_parcels(void) {
        static const char names[] =
                "c2:control:c1:s.x:c1:p7:c2:c1:d:d:d:d:d:d:d:d:d"; /* 9 of the last */
        struct systemd_parcel parcel;
        struct systemd_fds fds;
        char pid[16];
        int sum = 0, fd;

        for (int i = 3; i < 3 + 17; i++) {
                close(i);
                fd = open("/dev/null", O_RDONLY);
                if (fd != i && dup2(fd, i) != i)
                        return 100;
        }
        snprintf(pid, sizeof(pid), "%d", getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "17", 1);
        setenv("LISTEN_FDNAMES", names, 1);
        sum += systemd_fds_init(&fds) == 0;
        sum += systemd_fds_take_parcel(&fds, "c", &parcel) && !strcmp(parcel.name, "c1") &&
               parcel.n == 3 && parcel.fds[0] + parcel.fds[1] + parcel.fds[2] == 5 + 7 + 10;
        sum += systemd_fds_take(&fds, "control") == 4;
        sum += systemd_fds_take_parcel(&fds, "c", &parcel) && !strcmp(parcel.name, "c2") &&
               parcel.n == 2 && parcel.fds[0] + parcel.fds[1] == 3 + 9;
        sum += !systemd_fds_take_parcel(&fds, "c", &parcel) && parcel.n == 0;
        sum += systemd_fds_take_parcel(&fds, "p", &parcel) && parcel.n == 1 && parcel.fds[0] == 8;
        sum += !systemd_fds_take_parcel(&fds, "q", &parcel);
        sum += systemd_fds_take_parcel(&fds, "d", &parcel) && !strcmp(parcel.name, "d") &&
               parcel.n == 0;
        for (int i = 11; i < 20; i++)
                sum += fcntl(i, F_GETFD) < 0;
        systemd_fds_deinit(&fds);
        sum += fcntl(6, F_GETFD) < 0 && fcntl(3, F_GETFD) >= 0; /* nobody took s.x */
        return sum;
}

static void test_parcels(void **state) {
        int status;
        pid_t pid = fork();

        (void)state;
        if (!pid)
                _exit(child_take_parcels());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 18);
}

static void test_descriptors_of_another_process(void **state) {
        struct systemd_fds fds;

        (void)state;
        setenv("LISTEN_PID", "1", 1);
        setenv("LISTEN_FDS", "2", 1);
        assert_int_equal(systemd_fds_init(&fds), 0);
        assert_int_equal(fds.n, 0);
        assert_int_equal(systemd_fds_take(&fds, "control"), -ENOENT);
        systemd_fds_deinit(&fds);
}

static void test_descriptors_of_nobody(void **state) {
        struct systemd_fds fds;

        (void)state;
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        assert_int_equal(systemd_fds_init(&fds), 0);
        assert_int_equal(fds.n, 0);
        systemd_fds_deinit(&fds);
}

/* ---- news ---- */

struct manager {
        int fd;
        struct sockaddr_un address;
        char said[512];
};

static void manager_begin(struct manager *manager) {
        manager->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        snprintf(manager->address.sun_path, sizeof(manager->address.sun_path),
                 "/tmp/test-systemd.%d", getpid());
        manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(manager->fd >= 0);
        assert_int_equal(
                bind(manager->fd, (struct sockaddr *)&manager->address, sizeof(manager->address)),
                0);
        setenv("NOTIFY_SOCKET", manager->address.sun_path, 1);
}

static void manager_end(struct manager *manager) {
        unsetenv("NOTIFY_SOCKET");
        close(manager->fd);
        unlink(manager->address.sun_path);
}

/* What was said last, "" for nothing. */
static const char *heard(struct manager *manager) {
        ssize_t n = recv(manager->fd, manager->said, sizeof(manager->said) - 1, 0);

        manager->said[n < 0 ? 0 : n] = '\0';
        return manager->said;
}

static void test_news_without_systemd(void **state) {
        (void)state;
        unsetenv("NOTIFY_SOCKET");
        assert_false(systemd_listens());
        systemd_ready();
        systemd_status("nobody %s", "listens");
        systemd_alive();
}

static void test_news(void **state) {
        struct manager manager;
        unsigned long long us;

        (void)state;
        manager_begin(&manager);
        assert_string_equal(heard(&manager), "");

        systemd_ready();
        assert_string_equal(heard(&manager), "READY=1");
        systemd_status("%d feeds, %s", 3, "all live");
        assert_string_equal(heard(&manager), "STATUS=3 feeds, all live");
        systemd_alive();
        assert_string_equal(heard(&manager), "WATCHDOG=1");
        systemd_stopping();
        assert_string_equal(heard(&manager), "STOPPING=1");
        systemd_reloading();
        assert_int_equal(sscanf(heard(&manager), "RELOADING=1\nMONOTONIC_USEC=%llu", &us), 1);
        assert_true(us > 0);
        assert_string_equal(heard(&manager), "");
        manager_end(&manager);
}

/* Systemd takes a newline for the end of a field: a status cannot be made to say more than that. */
static void test_status_is_one_line(void **state) {
        struct manager manager;

        (void)state;
        manager_begin(&manager);
        assert_true(systemd_listens());
        systemd_status("feed %s", "a\nSTOPPING=1");
        assert_null(strstr(heard(&manager), "\nSTOPPING"));
        manager_end(&manager);
}

/* It hears nothing, and its socket fills up: we go on. If we did not, it would be for ever. */
static void test_a_systemd_that_stands_still(void **state) {
        struct manager manager;

        (void)state;
        manager_begin(&manager);
        for (unsigned i = 0; i < 2000; i++) {
                systemd_status("%u", i);
                systemd_alive();
        }
        systemd_reloading();
        systemd_ready();
        assert_string_equal(heard(&manager), "STATUS=0");
        while (*heard(&manager))
                ;
        systemd_alive();
        assert_string_equal(heard(&manager), "WATCHDOG=1");
        manager_end(&manager);
}

static void test_watchdog(void **state) {
        char pid[16];

        (void)state;
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
        assert_true(systemd_watchdog_interval() == 0);

        setenv("WATCHDOG_USEC", "3000000", 1);
        assert_true(systemd_watchdog_interval() == 1.5);
        setenv("WATCHDOG_PID", "1", 1);
        assert_true(systemd_watchdog_interval() == 0);
        snprintf(pid, sizeof(pid), "%d", getpid());
        setenv("WATCHDOG_PID", pid, 1);
        assert_true(systemd_watchdog_interval() == 1.5);
        setenv("WATCHDOG_USEC", "soon", 1);
        assert_true(systemd_watchdog_interval() == 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_descriptors_go_by_name),
                cmocka_unit_test(test_parcels),
                cmocka_unit_test(test_descriptors_of_another_process),
                cmocka_unit_test(test_descriptors_of_nobody),
                cmocka_unit_test(test_news_without_systemd),
                cmocka_unit_test(test_news),
                cmocka_unit_test(test_status_is_one_line),
                cmocka_unit_test(test_a_systemd_that_stands_still),
                cmocka_unit_test(test_watchdog),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
