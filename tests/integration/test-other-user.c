/*
 * A reader of another user reads, and cannot write
 *
 * It registers as any client does, but keeps the descriptors that the daemon sends, and tries everything
 * that the kernel offers to make more of them than a reading.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "as-user.h"
#include "exchange.h"
#include "shm/control.h"
#include "shm/segment.h"
#include "wire/conn.h"

static struct rig rig;
static struct exchange exchange;

/* Registers by hand; the descriptors are ours. */
static void register_reader(int fds[WIRE_FDS_READER], struct wire_welcome *welcome) {
        struct wire_hello hello = {
                .header = { WIRE_HELLO, sizeof(hello) },
                .version = WIRE_VERSION,
                .role = WIRE_ROLE_READER,
        };
        char buffer[WIRE_SIZE_MAX];
        unsigned n_fds = WIRE_FDS_READER;
        int fd = conn_connect(rig.socket, PATIENCE_MS);

        CHILD_CHECK(fd >= 0);
        CHILD_CHECK(conn_send(fd, &hello, NULL, 0, 0) == CONN_OK);
        CHILD_CHECK(conn_recv_wait(fd, buffer, fds, &n_fds, PATIENCE_MS) == CONN_OK);
        memcpy(welcome, buffer, sizeof(*welcome));
        CHILD_CHECK(welcome->header.opcode == WIRE_WELCOME && n_fds == WIRE_FDS_READER);
}

/* What cannot be done, each with the error that the kernel gives for it. */
#define REFUSED(call, error) CHILD_CHECK((call) < 0 && errno == (error))

static void cannot_reopen(int fd, int flags) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        REFUSED(open(path, flags), EACCES);
}

static void cannot_map(int fd, size_t size) {
        void *map;

        errno = 0;
        CHILD_CHECK(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
        CHILD_CHECK(errno == EACCES);

        map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        CHILD_CHECK(map != MAP_FAILED);
        REFUSED(mprotect(map, size, PROT_READ | PROT_WRITE), EACCES);
        REFUSED(mprotect(map, size, PROT_WRITE), EACCES);
        /* punching a hole in the mapping would be writing as well */
        REFUSED(madvise(map, size, MADV_REMOVE), EACCES);
        munmap(map, size);
}

static void cannot_write_segment(int fd, size_t size) {
        char path[80];

        cannot_map(fd, size);
        cannot_reopen(fd, O_RDWR);
        cannot_reopen(fd, O_WRONLY | O_TRUNC);
        CHILD_CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
        REFUSED(write(fd, "", 1), EBADF);
        REFUSED(pwrite(fd, "", 1, 0), EBADF);
        REFUSED(ftruncate(fd, 0), EINVAL);
        REFUSED(ftruncate(fd, 1 << 30), EINVAL);
        REFUSED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), EBADF);
        REFUSED(fchmod(fd, 0666), EPERM);
        REFUSED(fchown(fd, NOBODY, NOBODY), EPERM);

        snprintf(path, sizeof(path), "/dev/shm/%s", rig.segment);
        REFUSED(open(path, O_RDONLY), EACCES);
        REFUSED(open(path, O_RDWR), EACCES);
        REFUSED(unlink(path), EPERM);
        strcat(path, ".lock");
        REFUSED(open(path, O_RDONLY), EACCES);
}

/* The page is the client's to write, but neither end can be made to fault by its size. */
static void cannot_resize_control(int fd, size_t size) {
        struct stat st;

        CHILD_CHECK(fstat(fd, &st) == 0 && (size_t)st.st_size >= size);
        REFUSED(ftruncate(fd, 0), EPERM);
        REFUSED(ftruncate(fd, st.st_size + 4096), EPERM);
        REFUSED(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
}

static void cannot_write_memory(void) {
        struct iovec iov = { &rig, 1 };
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/mem", (int)rig.pid);
        CHILD_CHECK(open(path, O_RDWR) < 0);
        REFUSED(process_vm_writev(rig.pid, &iov, 1, &iov, 1, 0), EPERM);
        REFUSED(kill(rig.pid, SIGSTOP), EPERM);
}

static void read_with_library(void) {
        struct md_client *client = rig_connect_child(&rig, "nobody");
        struct md_tick tick;

        CHILD_CHECK(md_read(client, 0, MD_QUOTE, &tick) == 1);
        CHILD_CHECK(tick.u.quote.bid_px == 100 * MD_PX_ONE);
        md_free(client);
}

static void be_nobody(void) {
        struct wire_welcome welcome;
        struct segment segment;
        struct segment_why why;
        int fds[WIRE_FDS_READER];

        become(NOBODY, NOBODY, NOBODY);
        read_with_library();

        register_reader(fds, &welcome);
        CHILD_CHECK(segment_attach(&segment, fds[WIRE_FD_SEGMENT], &why) == 0);
        CHILD_CHECK(segment_newest(&segment) > 0);
        cannot_write_segment(fds[WIRE_FD_SEGMENT], welcome.segment_size);
        cannot_resize_control(fds[WIRE_FD_CONTROL], welcome.control_size);
        cannot_write_memory();
        /* nor can it hold up the next daemon, by a lock on what it was given */
        CHILD_CHECK(flock(fds[WIRE_FD_SEGMENT], LOCK_EX | LOCK_NB) == 0);
        _exit(0);
}

static void start(void) {
        uint16_t port = exchange_free_port();
        struct md_client *client;

        rig_configure(&rig, "instruments = 8\njournal = 1024\n",
                      "[access]\nread = *\n"
                      "[feed own]\n" EXCHANGE_KEYS,
                      port);
        rig_start(&rig);
        exchange_to_port(&exchange, port);
        exchange_quote(&exchange, "AAPL", 1000000, 100, 1010000, 300);
        exchange_send(&exchange);
        client = rig_connect(&rig, "witness");
        feed_await_packets(client, 1);
        md_free(client);
}

static void nobody_reads_and_cannot_write(void **state) {
        struct md_client *client;
        struct md_tick tick;
        pid_t pid;

        (void)state;
        start();
        pid = fork_child();
        if (pid == 0)
                be_nobody();
        await_child(pid);

        client = rig_connect(&rig, "witness");
        assert_int_equal(md_read(client, 0, MD_QUOTE, &tick), 1);
        assert_int_equal(tick.seq, 1);
        md_free(client);
        rig_stop(&rig);
}

static int setup(void **state) {
        (void)state;
        exchange.fd = -1;
        rig_init(&rig);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        exchange_deinit(&exchange);
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(nobody_reads_and_cannot_write, setup, teardown),
        };

        as_user_or_skip();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
