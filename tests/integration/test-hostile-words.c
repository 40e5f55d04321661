/*
 * A peer that breaks the protocol ends its own connection, and nothing else
 */

#include <string.h>
#include <sys/socket.h>

#include "hostile.h"

/* Says something on a fresh connection that ends it. */
static void expect_broken(const void *bytes, size_t size) {
        uint64_t before = hostile_count(HOSTILE_BROKEN);
        int fd = hostile_dial();

        hostile_say(fd, bytes, size);
        hostile_expect_hung_up(fd);
        assert_int_equal(hostile_count(HOSTILE_BROKEN), before + 1);
}

/* ---- first words ---- */

/* The first test of all, for its line must be in the log before too many are held back. */
static void names_that_are_no_text(void **state) {
        struct wire_hello hello = hostile_hello(WIRE_ROLE_READER);
        char buffer[WIRE_SIZE_MAX];
        int fd = hostile_dial();

        (void)state;
        memset(hello.name, '\n', sizeof(hello.name));
        hostile_say(fd, &hello, sizeof(hello));
        assert_int_equal(recv(fd, buffer, sizeof(buffer), 0), sizeof(struct wire_welcome));
        hostile_say(fd, &hello, sizeof(hello));
        hostile_expect_hung_up(fd);
        /* named in the log, without a line of its own making */
        assert_int_equal(rig_log_count(&hostile.rig, "\"?????????"), 1);
        hostile_expect_unharmed();
}

static void a_first_message_that_is_not_hello(void **state) {
        static const uint32_t opcodes[] = { 0,           WIRE_CLIENTS, WIRE_RELOAD,
                                            WIRE_DEFINE, WIRE_WELCOME, UINT32_MAX };
        struct wire_hello hello;

        (void)state;
        for (size_t i = 0; i < sizeof(opcodes) / sizeof(*opcodes); i++) {
                hello = hostile_hello(WIRE_ROLE_READER);
                hello.header.opcode = opcodes[i];
                expect_broken(&hello, sizeof(hello));
        }
        hostile_expect_unharmed();
}

static void a_hello_of_any_other_size(void **state) {
        static char bytes[65536];
        struct wire_hello hello = hostile_hello(WIRE_ROLE_READER);

        (void)state;
        memcpy(bytes, &hello, sizeof(hello));
        for (uint32_t size = 1; size < 2 * sizeof(hello); size++) {
                if (size == sizeof(hello))
                        continue;
                /* both with the size that it says, and with the one that it has */
                expect_broken(bytes, size);
                hello.header.size = size;
                memcpy(bytes, &hello, size < sizeof(hello) ? size : sizeof(hello));
                expect_broken(bytes, size);
                hello.header.size = sizeof(hello);
                memcpy(bytes, &hello, sizeof(hello));
        }
        expect_broken(bytes, WIRE_SIZE_MAX);
        expect_broken(bytes, WIRE_SIZE_MAX + 1);
        expect_broken(bytes, sizeof(bytes));
        hostile_expect_unharmed();
}

static void a_hello_that_lies_about_its_size(void **state) {
        static const uint32_t sizes[] = { 0, 1, sizeof(struct wire_header), UINT32_MAX };
        struct wire_hello hello;

        (void)state;
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
                hello = hostile_hello(WIRE_ROLE_READER);
                hello.header.size = sizes[i];
                expect_broken(&hello, sizeof(hello));
        }
        hostile_expect_unharmed();
}

static void an_empty_packet(void **state) {
        int fd = hostile_dial();

        (void)state;
        hostile_say(fd, "", 0);
        hostile_expect_hung_up(fd);
        hostile_expect_unharmed();
}

static void another_version_or_role_is_refused_in_words(void **state) {
        static const uint32_t roles[] = { 0, 4, UINT32_MAX };
        struct md_client *client;
        struct wire_refused refused;
        struct wire_hello hello = hostile_hello(WIRE_ROLE_READER);
        int fd = hostile_dial();

        (void)state;
        hello.version = WIRE_VERSION + 1;
        hostile_say(fd, &hello, sizeof(hello));
        assert_int_equal(recv(fd, &refused, sizeof(refused), 0), sizeof(refused));
        assert_int_equal(refused.code, WIRE_E_VERSION);
        assert_non_null(strstr(refused.text, "speaks version 1 of the protocol, not 2"));
        hostile_expect_hung_up(fd);

        for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
                hello = hostile_hello(roles[i]);
                fd = hostile_dial();
                hostile_say(fd, &hello, sizeof(hello));
                assert_int_equal(recv(fd, &refused, sizeof(refused), 0), sizeof(refused));
                assert_int_equal(refused.code, WIRE_E_ROLE);
                hostile_expect_hung_up(fd);
        }
        client = rig_connect(&hostile.rig, "client");
        assert_int_equal(counter_value(client, "clients refused: protocol version"), 1);
        md_free(client);
        hostile_expect_unharmed();
}

/* ---- descriptors that nobody asked for ---- */

static void say_with_fds(int fd, const void *bytes, size_t size, unsigned n) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(200 * sizeof(int))];
        } control = { .bytes = { 0 } };
        struct iovec iov = { (void *)(uintptr_t)bytes, size };
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = CMSG_SPACE(n * sizeof(int)),
        };
        struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
        for (unsigned i = 0; i < n; i++)
                memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(int));
        assert_true(sendmsg(fd, &msg, MSG_NOSIGNAL) > 0);
}

static void descriptors_come_along(void **state) {
        static const unsigned numbers[] = { 1, 8, 9, 200 };
        struct wire_hello hello = hostile_hello(WIRE_ROLE_READER);
        struct wire_request request = { { WIRE_CLIENTS, sizeof(request) } };
        uint64_t before = hostile_count(HOSTILE_BROKEN);
        int fd;

        (void)state;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
                fd = hostile_dial();
                say_with_fds(fd, &hello, sizeof(hello), numbers[i]);
                hostile_expect_hung_up(fd);
                fd = hostile_dial_as(WIRE_ROLE_CONTROL);
                say_with_fds(fd, &request, sizeof(request), numbers[i]);
                hostile_expect_hung_up(fd);
        }
        assert_int_equal(hostile_count(HOSTILE_BROKEN), before + 8);
        hostile_expect_unharmed();
}

/* ---- after the welcome ---- */

static void a_reader_that_speaks(void **state) {
        struct wire_hello hello = hostile_hello(WIRE_ROLE_READER);
        uint64_t before = hostile_count(HOSTILE_BROKEN);
        int fd = hostile_dial_as(WIRE_ROLE_READER);

        (void)state;
        hostile_say(fd, &hello, sizeof(hello));
        hostile_expect_hung_up(fd);
        assert_int_equal(hostile_count(HOSTILE_BROKEN), before + 1);
        hostile_expect_unharmed();
}

static void a_request_that_does_not_exist(void **state) {
        struct wire_request request = { { 99, sizeof(request) } };
        struct wire_hello hello = hostile_hello(WIRE_ROLE_CONTROL);
        uint64_t before = hostile_count(HOSTILE_BROKEN);
        int fd = hostile_dial_as(WIRE_ROLE_CONTROL);

        (void)state;
        hostile_say(fd, &request, sizeof(request));
        hostile_expect_hung_up(fd);
        fd = hostile_dial_as(WIRE_ROLE_CONTROL);
        hello.header.opcode = WIRE_CLIENTS; /* which has no arguments */
        hostile_say(fd, &hello, sizeof(hello));
        hostile_expect_hung_up(fd);
        assert_int_equal(hostile_count(HOSTILE_BROKEN), before + 2);
        hostile_expect_unharmed();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_that_are_no_text),
                cmocka_unit_test(a_first_message_that_is_not_hello),
                cmocka_unit_test(a_hello_of_any_other_size),
                cmocka_unit_test(a_hello_that_lies_about_its_size),
                cmocka_unit_test(an_empty_packet),
                cmocka_unit_test(another_version_or_role_is_refused_in_words),
                cmocka_unit_test(descriptors_come_along),
                cmocka_unit_test(a_reader_that_speaks),
                cmocka_unit_test(a_request_that_does_not_exist),
        };

        if (!rig_older_kernel())
                return SKIPPED;
        return cmocka_run_group_tests(tests, hostile_setup, hostile_teardown);
}
