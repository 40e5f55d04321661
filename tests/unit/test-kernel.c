/*
 * What we take for granted about the kernel
 *
 * The segment rests on some promises that Linux makes in a manual page or only in its source. Each is
 * put to the test here by itself, so that a kernel (or a sandbox that plays one) that does not keep it
 * is found out as such, and not as a fault of ours.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE   8192
#define NOBODY 65534

/* In a child there is no test to fail: say what is wrong and leave. */
#define CHECK(condition)                                                                           \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        dprintf(STDERR_FILENO, "line %d: %s (%s)\n", __LINE__, #condition,         \
                                strerror(errno));                                                  \
                        _exit(1);                                                                  \
                }                                                                                  \
        } while (0)

#define CHECK_FAILS(call, code) CHECK((call) < 0 && errno == (code))

static void join(pid_t pid) {
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void kill_and_join(pid_t pid) {
        int status;

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
}

/* ---- shared memory ---- */

struct object {
        char name[64], path[80];
        int fd, readonly;
        char *map;
};

static void object_init(struct object *object) {
        char path[64];

        snprintf(object->name, sizeof(object->name), "/mdshmd-test-kernel.%d", getpid());
        snprintf(object->path, sizeof(object->path), "/dev/shm%s", object->name);
        object->fd = shm_open(object->name, O_RDWR | O_CREAT | O_EXCL, 0600);
        assert_true(object->fd >= 0);
        assert_int_equal(posix_fallocate(object->fd, 0, SIZE), 0);
        object->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, object->fd, 0);
        assert_true(object->map != MAP_FAILED);
        object->map[0] = 'x';

        snprintf(path, sizeof(path), "/proc/self/fd/%d", object->fd);
        object->readonly = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(object->readonly >= 0);
}

static void object_deinit(struct object *object) {
        munmap(object->map, SIZE);
        close(object->readonly);
        close(object->fd);
        shm_unlink(object->name);
}

static void check_no_way_to_write(int fd, bool owner) {
        char *map, *private, path[64];

        CHECK(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
        CHECK(errno == EACCES);
        CHECK(mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);

        map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
        CHECK(map != MAP_FAILED && map[0] == 'x');
        CHECK_FAILS(mprotect(map, SIZE, PROT_READ | PROT_WRITE), EACCES);

        private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        CHECK(private != MAP_FAILED);
        private[0] = 'y';
        CHECK(map[0] == 'x');

        CHECK_FAILS(ftruncate(fd, 0), EINVAL);
        CHECK_FAILS(ftruncate(fd, SIZE * 2), EINVAL);
        CHECK_FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE), EBADF);
        CHECK_FAILS(pwrite(fd, "y", 1, 0), EBADF);
        CHECK_FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
        CHECK(fcntl(fd, F_SETFL, O_RDWR) == 0 && pwrite(fd, "y", 1, 0) < 0);

        if (owner)
                return;
        /* whoever is not the owner cannot get a better descriptor out of this one, or by name */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        CHECK_FAILS(open(path, O_RDWR), EACCES);
        CHECK_FAILS(open(path, O_WRONLY), EACCES);
        CHECK_FAILS(truncate(path, 0), EACCES);
        CHECK_FAILS(fchmod(fd, 0666), EPERM);
        CHECK_FAILS(fchown(fd, NOBODY, NOBODY), EPERM);
}

static void test_readonly_cannot_become_writable(void **state) {
        struct object object;
        pid_t pid;

        (void)state;
        object_init(&object);
        pid = fork();
        if (!pid) {
                check_no_way_to_write(object.readonly, true);
                _exit(0);
        }
        join(pid);
        object_deinit(&object);
}

static void test_another_user_cannot_write(void **state) {
        struct object object;
        pid_t pid;

        (void)state;
        if (getuid() != 0) {
                print_message("only root can become another user\n");
                skip();
        }
        object_init(&object);
        pid = fork();
        if (!pid) {
                CHECK(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
                munmap(object.map, SIZE);
                close(object.fd);
                check_no_way_to_write(object.readonly, false);
                CHECK_FAILS(open(object.path, O_RDWR), EACCES);
                CHECK_FAILS(open(object.path, O_RDONLY), EACCES);
                CHECK(unlink(object.path) < 0);
                _exit(0);
        }
        join(pid);
        object_deinit(&object);
}

/* A mapping outlives the name, and a new object of that name is another one. */
static void test_name_is_not_the_object(void **state) {
        struct object object;
        struct stat st;
        int fd;

        (void)state;
        object_init(&object);
        assert_int_equal(shm_unlink(object.name), 0);
        assert_int_equal(shm_open(object.name, O_RDWR, 0), -1);
        assert_int_equal(errno, ENOENT);
        assert_int_equal(object.map[0], 'x');
        fd = shm_open(object.name, O_RDWR | O_CREAT | O_EXCL, 0600);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, 0);
        close(fd);
        object_deinit(&object);
}

/* A killed process has made a prefix of its stores, in the order of its program, and they last. */
static void test_killed_stores_are_a_prefix(void **state) {
        _Atomic uint64_t *words =
                mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        (void)state;
        assert_true(words != MAP_FAILED);
        for (unsigned kills = 0; kills < 50; kills++) {
                uint64_t begin = words[0], first, second, third;
                pid_t pid = fork();

                if (!pid)
                        for (uint64_t n = begin + 1;; n++)
                                for (unsigned i = 0; i < 3; i++) /* on lines of their own */
                                        atomic_store_explicit(&words[8 * i], n,
                                                              memory_order_release);
                while (words[16] < begin + 1000)
                        ;
                usleep(100 * (kills % 10));
                kill_and_join(pid);
                first = words[0], second = words[8], third = words[16];
                assert_true(first == second || first == second + 1);
                assert_true(second == third || second == third + 1);
                assert_true(first - third <= 1);
        }
        munmap((void *)(uintptr_t)words, SIZE);
}

/* ---- descriptors that are handed over ---- */

#define FDS 3

static void send_fds(int socket, const int *fds, unsigned n) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(8 * sizeof(int))];
        } control = { .bytes = { 0 } };
        struct iovec iov = { (char[]){ "x" }, 1 };
        struct msghdr msg = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
        assert_int_equal(sendmsg(socket, &msg, MSG_NOSIGNAL), 1);
}

/* Receives one message with room for that many descriptors; its flags. */
static int recv_fds(int socket, int *fds, unsigned room, unsigned *came) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(8 * sizeof(int))];
        } control;
        char byte;
        struct iovec iov = { &byte, 1 };
        struct msghdr msg = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = room ? CMSG_LEN(room * sizeof(int)) : 0 };
        struct cmsghdr *cmsg;

        assert_int_equal(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC), 1);
        cmsg = CMSG_FIRSTHDR(&msg);
        *came = cmsg ? (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
        memcpy(fds, cmsg ? CMSG_DATA(cmsg) : (unsigned char *)fds, *came * sizeof(int));
        return msg.msg_flags;
}

static unsigned count_fds(void) {
        unsigned n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void test_descriptors_keep_their_order(void **state) {
        int ends[2], fds[FDS], taken[FDS];
        struct stat sent, came;
        unsigned n;

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
        for (unsigned i = 0; i < FDS; i++)
                fds[i] = memfd_create("kernel", 0);
        send_fds(ends[0], fds, FDS);
        assert_int_equal(recv_fds(ends[1], taken, FDS, &n) & (MSG_CTRUNC | MSG_TRUNC), 0);
        assert_int_equal(n, FDS);
        for (unsigned i = 0; i < FDS; i++) {
                assert_int_equal(fstat(fds[i], &sent) | fstat(taken[i], &came), 0);
                assert_int_equal(sent.st_ino, came.st_ino);
                assert_int_equal(fcntl(taken[i], F_GETFD), FD_CLOEXEC);
                close(taken[i]);
        }

        /* what there is no room for is thrown away by the kernel, which says so */
        n = count_fds();
        send_fds(ends[0], fds, FDS);
        assert_true(recv_fds(ends[1], taken, 0, &n) & MSG_CTRUNC);
        assert_int_equal(n, 0);
        n = count_fds();
        send_fds(ends[0], fds, FDS);
        assert_true(recv_fds(ends[1], taken, 1, &(unsigned){ 0 }) & MSG_CTRUNC);
        close(taken[0]);
        assert_int_equal(count_fds(), n);

        for (unsigned i = 0; i < FDS; i++)
                close(fds[i]);
        close(ends[0]);
        close(ends[1]);
}

static void test_sealed_memory_keeps_its_size(void **state) {
        int fd = memfd_create("kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        char *map;

        (void)state;
        assert_int_equal(ftruncate(fd, SIZE), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
        assert_true(ftruncate(fd, 0) < 0 && errno == EPERM);
        assert_true(ftruncate(fd, SIZE * 2) < 0 && errno == EPERM);
        assert_true(fallocate(fd, 0, SIZE, SIZE) < 0 && errno == EPERM);
        assert_true(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EPERM);

        /* it can be emptied, but what is mapped then reads as zero: no SIGBUS */
        map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true(map != MAP_FAILED);
        map[SIZE - 1] = 'x';
        assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE), 0);
        assert_int_equal(map[SIZE - 1], 0);
        munmap(map, SIZE);
        close(fd);
}

/* ---- waking ---- */

static ssize_t wake(int fd) {
        return send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Nothing that a client does to its end of a socket makes the daemon wait at the other, or reaches it. */
static void test_socket_cannot_block_its_sender(void **state) {
        char path[64];
        int ends[2];
        pid_t pid;

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                         0);
        assert_int_equal(shutdown(ends[1], SHUT_RD), 0);
        pid = fork();
        if (!pid) {
                close(ends[1]);
                CHECK(fcntl(ends[0], F_SETFL, 0) == 0);
                snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
                CHECK_FAILS(open(path, O_RDWR | O_NONBLOCK), ENXIO);
                CHECK_FAILS(wake(ends[0]), EPIPE);
                _exit(0);
        }
        join(pid);
        assert_true(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
        while (wake(ends[1]) > 0)
                ;
        assert_int_equal(errno, EAGAIN);

        close(ends[0]);
        assert_true(wake(ends[1]) < 0 && errno == EPIPE);
        close(ends[1]);
}

/* Whoever reads a pipe to a page that is not there holds up its writer; who reads a socket so, does not. The
 * page comes when we have sent: if that waited, it would be for ever. */
static void test_socket_is_not_held_by_its_reader(void **state) {
        struct uffdio_api api = { .api = UFFD_API };
        struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
        struct pollfd poller = { .events = POLLIN };
        int ends[2], come[2];
        void *page;
        pid_t pid;

        (void)state;
        poller.fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
        if (poller.fd < 0)
                skip(); /* only root may */
        close(poller.fd);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, come), 0);
        assert_int_equal(wake(ends[1]), 1);
        pid = fork();
        if (!pid) {
                poller.fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
                page = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                area.range = (struct uffdio_range){ (uintptr_t)page, SIZE };
                CHECK(ioctl(poller.fd, UFFDIO_API, &api) == 0);
                CHECK(ioctl(poller.fd, UFFDIO_REGISTER, &area) == 0);
                send_fds(come[1], &poller.fd, 1);
                CHECK(read(ends[0], page, 1) == 1);
                _exit(0);
        }
        recv_fds(come[0], &poller.fd, 1, &(unsigned){ 0 });
        assert_int_equal(poll(&poller, 1, -1), 1);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(wake(ends[1]), 1);
        kill_and_join(pid);
        close(poller.fd);
        close(ends[0]);
        close(ends[1]);
        close(come[0]);
        close(come[1]);
}

/* Why not an eventfd, which coalesces wakes better: it has no ends. */
static void test_eventfd_is_one_for_all(void **state) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        uint64_t n;
        pid_t pid;

        (void)state;
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(eventfd_write(fd, 1), 0);
        assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
        assert_int_equal(n, 3);
        assert_true(read(fd, &n, sizeof(n)) < 0 && errno == EAGAIN);

        pid = fork();
        if (!pid) {
                CHECK(eventfd_write(fd, UINT64_MAX - 1) == 0);
                CHECK(fcntl(fd, F_SETFL, 0) == 0);
                _exit(0);
        }
        join(pid);
        assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
        assert_true(eventfd_write(fd, 1) < 0 && errno == EAGAIN);
        close(fd);
}

/* ---- the lock ---- */

static int try_lock(const struct object *object) {
        int fd = open(object->path, O_RDWR), r;

        assert_true(fd >= 0);
        r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
        close(fd);
        return r;
}

/* It belongs to an open file description: whoever has it from us holds it when we are gone. */
static void test_lock_goes_with_the_description(void **state) {
        int ends[2], fd, taken;
        struct object object;
        unsigned n;
        pid_t pid;

        (void)state;
        object_init(&object);
        assert_int_equal(flock(object.fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(try_lock(&object), -EWOULDBLOCK);

        /* inherited: outlives our own descriptor, and goes with the process that is killed */
        pid = fork();
        if (!pid)
                for (;;)
                        pause();
        close(object.fd);
        munmap(object.map, SIZE); /* a mapping would hold it, too */
        assert_int_equal(try_lock(&object), -EWOULDBLOCK);
        kill_and_join(pid);
        assert_int_equal(try_lock(&object), 0);

        /* passed on: in flight and at its new place alike */
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
        fd = open(object.path, O_RDWR);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        send_fds(ends[0], &fd, 1);
        close(fd);
        assert_int_equal(try_lock(&object), -EWOULDBLOCK);
        recv_fds(ends[1], &taken, 1, &n);
        assert_int_equal(try_lock(&object), -EWOULDBLOCK);
        close(taken);
        assert_int_equal(try_lock(&object), 0);

        /* why it is not on the segment itself: who may only read may lock all the same */
        assert_int_equal(flock(object.readonly, LOCK_EX | LOCK_NB), 0);
        close(ends[0]);
        close(ends[1]);
        close(object.readonly);
        shm_unlink(object.name);
}

/* ---- sockets that follow each other ---- */

static int bound(const struct sockaddr_in *at, bool shared) {
        const int yes = 1, no = 0;
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        if (shared)
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0) {
                close(fd);
                return -1;
        }
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &no, sizeof(no));
        return fd;
}

static void assert_waits(int fd, const char *all) {
        char text[8];

        for (; *all; all++) {
                assert_int_equal(recv(fd, text, sizeof(text), 0), 1);
                assert_int_equal(text[0], *all);
        }
        assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
}

/* At one address, the newer one gets all that comes from then on, the older one keeps what it has, and nobody
 * else can have it; a filter that lets nothing in takes nothing out. */
static void test_a_newer_socket_succeeds_the_older(void **state) {
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sock_filter nothing = { .code = BPF_RET | BPF_K };
        const struct sock_fprog filter = { .len = 1, .filter = &nothing };
        socklen_t size = sizeof(at);
        int older, newer, sender;
        const int yes = 1;

        (void)state;
        older = bound(&at, false);
        assert_int_equal(getsockname(older, (struct sockaddr *)&at, &size), 0);
        sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(sender, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(send(sender, "1", 1, 0), 1);
        assert_int_equal(bound(&at, true), -1);
        assert_int_equal(setsockopt(older, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
        newer = bound(&at, true);
        assert_true(newer >= 0);
        assert_int_equal(send(sender, "2", 1, 0), 1);
        assert_int_equal(setsockopt(older, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)),
                         0);
        assert_int_equal(send(sender, "3", 1, 0), 1);
        assert_int_equal(bound(&at, true), -1);
        assert_waits(older, "1");
        assert_waits(newer, "23");
        close(older);
        assert_int_equal(send(sender, "4", 1, 0), 1);
        assert_waits(newer, "4");
        close(newer);
        close(sender);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_readonly_cannot_become_writable),
                cmocka_unit_test(test_another_user_cannot_write),
                cmocka_unit_test(test_name_is_not_the_object),
                cmocka_unit_test(test_killed_stores_are_a_prefix),
                cmocka_unit_test(test_descriptors_keep_their_order),
                cmocka_unit_test(test_sealed_memory_keeps_its_size),
                cmocka_unit_test(test_socket_cannot_block_its_sender),
                cmocka_unit_test(test_socket_is_not_held_by_its_reader),
                cmocka_unit_test(test_eventfd_is_one_for_all),
                cmocka_unit_test(test_lock_goes_with_the_description),
                cmocka_unit_test(test_a_newer_socket_succeeds_the_older),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
