/*
 * A peer that misuses what it was given harms nobody but itself
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "as-user.h"
#include "hostile.h"
#include "shm/control.h"
#include "wire/conn.h"

/* Registers as a reader, and takes the descriptors. */
static int dial_reader(int taken[WIRE_FDS_READER]) {
        struct wire_hello hello = hostile_hello(WIRE_ROLE_READER);
        char buffer[WIRE_SIZE_MAX];
        unsigned n = WIRE_FDS_READER;
        int fd = hostile_dial();

        hostile_say(fd, &hello, sizeof(hello));
        assert_int_equal(conn_recv_wait(fd, buffer, taken, &n, PATIENCE_MS), CONN_OK);
        assert_int_equal(n, WIRE_FDS_READER);
        return fd;
}

/* The control page of a reader, armed for everything; unmap with munmap(). */
static struct control *map_armed(int fd, size_t *size) {
        struct control *control;
        struct stat st;

        assert_int_equal(fstat(fd, &st), 0);
        *size = (size_t)st.st_size;
        control = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true((void *)control != MAP_FAILED);
        atomic_store(&control->all, 1);
        atomic_store(&control->kinds, UINT32_MAX);
        atomic_store(&control->armed, 1);
        return control;
}

/* ---- answers ---- */

static void one_that_does_not_read_its_answers(void **state) {
        struct wire_request request = { { WIRE_CLIENTS, sizeof(request) } };
        int fd[8];

        (void)state;
        for (unsigned i = 0; i < 8; i++) {
                request.header.opcode = i % 2 ? WIRE_CLIENTS : WIRE_ABOUT;
                fd[i] = hostile_dial_as(WIRE_ROLE_CONTROL);
                while (send(fd[i], &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
                        ;
                hostile_expect_served();
        }
        for (unsigned i = 0; i < 8; i++)
                close(fd[i]);
        hostile_expect_unharmed();
}

/* ---- come and go ---- */

static void one_that_leaves_at_each_step(void **state) {
        struct wire_hello hello = hostile_hello(WIRE_ROLE_READER);
        struct wire_request request = { { WIRE_CLIENTS, sizeof(request) } };
        int fd;

        (void)state;
        for (unsigned i = 0; i < 50; i++) {
                close(hostile_dial());
                fd = hostile_dial();
                hostile_say(fd, &hello, sizeof(hello));
                close(fd);
                close(hostile_dial_as(WIRE_ROLE_READER));
                fd = hostile_dial_as(WIRE_ROLE_CONTROL);
                hostile_say(fd, &request, sizeof(request));
                close(fd);

                fd = hostile_dial();
                shutdown(fd, SHUT_RD);
                hostile_say(fd, &hello, sizeof(hello));
                close(fd);
                fd = hostile_dial_as(WIRE_ROLE_READER);
                shutdown(fd, SHUT_WR);
                hostile_expect_hung_up(fd);
        }
        hostile_expect_unharmed();
}

/* Asks to be woken, and throws away what it would be woken by. */
static void one_that_closes_its_wake(void **state) {
        int taken[WIRE_FDS_READER], fd = dial_reader(taken);
        struct control *control;
        size_t size;

        (void)state;
        control = map_armed(taken[WIRE_FD_CONTROL], &size);
        for (unsigned i = 0; i < WIRE_FDS_READER; i++)
                close(taken[i]);
        hostile_expect_served();
        /* the witness may have been woken before it */
        AWAIT(atomic_load(&control->wakes) == 1);
        assert_int_equal(atomic_load(&control->armed), 0);
        munmap(control, size);
        close(fd);
        hostile_expect_unharmed();
}

static void one_that_says_nothing(void **state) {
        uint64_t before = hostile_count(HOSTILE_SILENT);
        int64_t start = now_ms();
        int fd = hostile_dial(), half = hostile_dial();

        (void)state;
        hostile_expect_served();
        hostile_expect_hung_up(fd);
        assert_true(now_ms() - start >= HOSTILE_HELLO_MS - 1);
        hostile_expect_hung_up(half);
        assert_int_equal(hostile_count(HOSTILE_SILENT), before + 2);
        hostile_expect_unharmed();
}

static void keep_a_hundred(int ready) {
        struct wire_hello hello = hostile_hello(WIRE_ROLE_READER);

        become(NOBODY, NOBODY, NOBODY);
        for (unsigned i = 0; i < 100; i++) {
                int fd = conn_connect(hostile.rig.socket, PATIENCE_MS);

                CHILD_CHECK(fd >= 0);
                if (i % 2)
                        CHILD_CHECK(conn_send(fd, &hello, NULL, 0, 0) >= 0);
        }
        CHILD_CHECK(write(ready, "", 1) == 1);
        for (;;)
                pause();
}

static void one_that_keeps_a_hundred_connections(void **state) {
        uint64_t before = hostile_count(HOSTILE_TOO_MANY);
        int ready[2];
        char byte;
        pid_t pid;

        (void)state;
        if (geteuid() != 0) {
                print_message("skipped: other users can be played by root alone\n");
                skip();
        }
        assert_int_equal(pipe(ready), 0);
        pid = fork_child();
        if (pid == 0)
                keep_a_hundred(ready[1]);
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);

        /* a few at a time is all that it can have; those that say nothing make room for others */
        AWAIT(hostile_count(HOSTILE_TOO_MANY) >= before + 80);
        assert_true(rig_fds(&hostile.rig) <= hostile.fds + 4 * HOSTILE_PER_USER);
        hostile_expect_served();
        md_free(rig_connect(&hostile.rig, "newcomer"));
        assert_int_equal(kill(pid, SIGKILL), 0);
        hostile_expect_unharmed();
}

/* ---- noise ---- */

/* A control page full of noise, again and again, while ticks are published. */
static void a_control_page_full_of_noise(void **state) {
        int taken[WIRE_FDS_READER], fd = dial_reader(taken);
        struct wire_client record;
        struct control *control;
        uint32_t *words;
        size_t size;

        (void)state;
        control = map_armed(taken[WIRE_FD_CONTROL], &size);
        words = (uint32_t *)(void *)control;
        for (unsigned round = 0; round < 100; round++) {
                for (size_t i = 0; i < size / sizeof(*words); i++)
                        words[i] = (uint32_t)random() << 1 ^ (uint32_t)random();
                hostile_expect_served();
                assert_true(rig_client(&hostile.rig, "hostile", &record));
        }
        munmap(control, size);
        for (unsigned i = 0; i < WIRE_FDS_READER; i++)
                close(taken[i]);
        close(fd);
        hostile_expect_unharmed();
}

/* Always asleep, never awake: its socket fills up, and nobody waits for it. */
static void a_wake_that_nobody_takes(void **state) {
        int taken[WIRE_FDS_READER], fd = dial_reader(taken), waiting;
        struct control *control;
        size_t size;

        (void)state;
        /* the flags of our end are not those of the other */
        assert_int_equal(fcntl(taken[WIRE_FD_WAKE], F_SETFL, 0), 0);
        control = map_armed(taken[WIRE_FD_CONTROL], &size);
        for (int i = 0; i < 100; i++) {
                atomic_store(&control->armed, 1);
                hostile_expect_served();
                AWAIT(!atomic_load(&control->armed));
        }
        AWAIT(atomic_load(&control->wakes) >= 100);
        assert_int_equal(ioctl(taken[WIRE_FD_WAKE], FIONREAD, &waiting), 0);
        assert_in_range(waiting, 1, 99);
        /* nor does anything come in there */
        assert_true(send(taken[WIRE_FD_WAKE], "", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
        munmap(control, size);
        for (unsigned i = 0; i < WIRE_FDS_READER; i++)
                close(taken[i]);
        close(fd);
        hostile_expect_unharmed();
}

/* Who touches it waits for whoever reads *faults; NULL where that is not allowed. */
static char *page_that_never_comes(int *faults) {
        struct uffdio_api api = { .api = UFFD_API };
        struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
        void *page;

        *faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
        if (*faults < 0)
                return NULL;
        page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        area.range = (struct uffdio_range){ (uintptr_t)page, 4096 };
        return page != MAP_FAILED && ioctl(*faults, UFFDIO_API, &api) == 0 &&
                               ioctl(*faults, UFFDIO_REGISTER, &area) == 0
                       ? page
                       : NULL;
}

/* Reads its wake to a page that never comes: whatever it holds meanwhile, it holds alone. */
static void take_without_end(int inside) {
        int taken[WIRE_FDS_READER], faults;
        struct pollfd poller = { .events = POLLIN };
        struct control *control;
        char *page;
        size_t size;

        page = page_that_never_comes(&faults);
        CHILD_CHECK(page);
        dial_reader(taken);
        control = map_armed(taken[WIRE_FD_CONTROL], &size);
        poller.fd = taken[WIRE_FD_WAKE];
        CHILD_CHECK(poll(&poller, 1, PATIENCE_MS) == 1);
        atomic_store(&control->armed, 1);
        if (fork_child() == 0) {
                poller.fd = faults;
                CHILD_CHECK(poll(&poller, 1, PATIENCE_MS) == 1);
                CHILD_CHECK(write(inside, "", 1) == 1);
                pause();
        }
        CHILD_CHECK(read(taken[WIRE_FD_WAKE], page, 1) < 0);
        _exit(1);
}

static void a_wake_that_is_never_done_taking(void **state) {
        struct pollfd poller = { .events = POLLIN };
        int inside[2];
        pid_t child;

        (void)state;
        if (!page_that_never_comes(&inside[0]))
                skip(); /* only root may */
        close(inside[0]);
        assert_int_equal(pipe(inside), 0);
        child = fork_child();
        if (!child)
                take_without_end(inside[1]);
        poller.fd = inside[0];
        for (int64_t end = now_ms() + PATIENCE_MS; poll(&poller, 1, 0) == 0; sleep_ms(2)) {
                assert_true(now_ms() < end);
                hostile_expect_served();
        }
        for (int i = 0; i < 20; i++)
                hostile_expect_served();
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(inside[0]);
        close(inside[1]);
        hostile_expect_unharmed();
}

/* Messages drawn at random, most of them with a good header. */
static void babble(int fd) {
        struct wire_header header;
        char bytes[WIRE_SIZE_MAX + 64];
        size_t size = (size_t)random() % sizeof(bytes) + 1;

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (char)random();
        header.opcode = (uint32_t)random() % 8;
        header.size = (uint32_t)size;
        if (random() % 8)
                memcpy(bytes, &header, size < sizeof(header) ? size : sizeof(header));
        hostile_say(fd, bytes, size);
}

static void a_flood(void **state) {
        unsigned logged = rig_log_count(&hostile.rig, "its connection is closed");
        uint64_t held_back = hostile_count(HOSTILE_HELD_BACK);
        int64_t start = now_ms();

        (void)state;
        for (unsigned i = 0; i < 2000; i++) {
                int fd = i % 4 ? hostile_dial() : hostile_dial_as(WIRE_ROLE_CONTROL);

                for (unsigned n = 0; n < 4; n++)
                        babble(fd);
                close(fd);
                if (i % 100 == 0)
                        hostile_expect_served();
        }
        hostile_expect_unharmed();
        /* ten lines in ten seconds, and a figure for the rest */
        assert_true(rig_log_count(&hostile.rig, "its connection is closed") - logged <=
                    10 * (2 + (now_ms() - start) / 10000));
        AWAIT(hostile_count(HOSTILE_HELD_BACK) > held_back + 500);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_that_does_not_read_its_answers),
                cmocka_unit_test(one_that_leaves_at_each_step),
                cmocka_unit_test(one_that_closes_its_wake),
                cmocka_unit_test(one_that_says_nothing),
                cmocka_unit_test(one_that_keeps_a_hundred_connections),
                cmocka_unit_test(a_control_page_full_of_noise),
                cmocka_unit_test(a_wake_that_nobody_takes),
                cmocka_unit_test(a_wake_that_is_never_done_taking),
                cmocka_unit_test(a_flood),
        };

        return cmocka_run_group_tests(tests, hostile_setup, hostile_teardown);
}
