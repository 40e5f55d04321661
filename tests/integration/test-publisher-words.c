/*
 * What a publisher asks for on the socket, and is refused: each with its reason, and nobody else notices
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "as-user.h"
#include "offender.h"
#include "wire/conn.h"

#define BROKEN  "clients closed: broke the protocol"
#define REFUSED "clients refused: not permitted"

/* ---- registration ---- */

static void refused(const char *feed, int expected, const char *words) {
        uint64_t before = market_count(REFUSED);
        struct md_publisher *publisher;

        assert_int_equal(md_publisher_new(&publisher), 0);
        assert_int_equal(md_publisher_connect(publisher, market.rig.socket, feed), expected);
        if (!strstr(md_publisher_error(publisher), words))
                fail_msg("\"%s\" does not say \"%s\"", md_publisher_error(publisher), words);
        assert_null(md_publisher_free(publisher));
        AWAIT(market_count(REFUSED) == before + 1);
        market_expect_served();
}

static void feeds_that_cannot_be_had(void **state) {
        char pid[32];

        (void)state;
        snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
        refused("none", -ENODEV, "the config has no [feed none]");
        refused("", -ENODEV, "the config has no [feed ]");
        refused("udp", -ENODEV, "[feed udp] takes no publisher");
        refused(NEIGHBOUR_FEED, -EBUSY, "has a publisher already");
        refused(NEIGHBOUR_FEED, -EBUSY, pid);
}

static void try_as_nobody(void) {
        struct md_publisher *publisher;
        char words[64];

        become(NOBODY, NOBODY, NOBODY);
        snprintf(words, sizeof(words), "uid %d (gid %d) may not publish", NOBODY, NOBODY);
        CHILD_CHECK(md_publisher_new(&publisher) == 0);
        CHILD_CHECK(md_publisher_connect(publisher, market.rig.socket, OFFENDER_FEED) == -EACCES);
        CHILD_CHECK(strstr(md_publisher_error(publisher), words));
        CHILD_CHECK(strstr(md_publisher_error(publisher), "[access] publish"));
        md_free(rig_connect_child(&market.rig, "nobody"));
        _exit(0);
}

/* To read is something else, and nobody may. */
static void one_that_may_not_publish(void **state) {
        uint64_t before = market_count(REFUSED);
        pid_t pid;

        (void)state;
        if (geteuid() != 0) {
                print_message("skipped: other users can be played by root alone\n");
                skip();
        }
        pid = fork_child();
        if (pid == 0)
                try_as_nobody();
        await_child(pid);
        AWAIT(market_count(REFUSED) == before + 1);
        market_expect_served();
}

static void one_that_comes_and_goes(void **state) {
        struct offender offender;

        (void)state;
        for (unsigned i = 0; i < 100; i++) {
                offender_come(&offender);
                if (i % 2)
                        offender_behave(&offender);
                offender_leave(&offender);
                AWAIT(market_feed().state == MD_FEED_DOWN);
        }
        market_expect_unharmed();
}

/* ---- instruments ---- */

static void answered(struct offender *offender, const struct wire_define *define, int expected,
                     const char *words) {
        struct wire_defined answer = offender_define(offender, define);

        assert_int_equal(answer.result, expected);
        if (!strstr(answer.text, words))
                fail_msg("\"%s\" does not say \"%s\"", answer.text, words);
}

static void names_that_cannot_be(void **state) {
        static const char *const symbols[] = { "", " A", "A ", "A\nB", "\x1b[2J", "\xc3\xa9" };
        struct wire_define define;
        struct offender offender;

        (void)state;
        offender_come(&offender);
        for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
                define = offender_definition(symbols[i]);
                answered(&offender, &define, -EINVAL, "the symbol or venue");
        }
        define = offender_definition("A");
        memset(define.symbol, 'A', sizeof(define.symbol));
        answered(&offender, &define, -EINVAL, "too long");
        define = offender_definition("A");
        define.symbol[2] = 'B'; /* behind the NUL */
        answered(&offender, &define, -EINVAL, "the symbol or venue");
        define = offender_definition("A");
        define.venue[0] = '\t';
        answered(&offender, &define, -EINVAL, "the symbol or venue");

        /* none of it has cost it anything */
        offender_behave(&offender);
        offender_leave(&offender);
        market_expect_unharmed();
}

static void values_that_cannot_be(void **state) {
        struct wire_define define = offender_definition("A");
        struct offender offender;

        (void)state;
        offender_come(&offender);
        define.size_exp = 19;
        answered(&offender, &define, -EINVAL, "size_exp is -18 to 18");
        define.size_exp = INT32_MIN;
        answered(&offender, &define, -EINVAL, "size_exp is -18 to 18");
        define.size_exp = 0;
        define.lot = -1;
        answered(&offender, &define, -EINVAL, "lot is not negative");
        define = offender_definition("BAD0");
        define.size_exp = 2;
        answered(&offender, &define, -EPERM, "has size_exp 0, which cannot change");
        define = offender_definition("GOOD");
        answered(&offender, &define, -EEXIST, "an instrument of another feed");
        offender_behave(&offender);
        offender_leave(&offender);
        market_expect_unharmed();
}

/* Flags that are the daemon's to say are not taken over. */
static void flags_of_the_daemon(void **state) {
        struct wire_define define = offender_definition("BAD0");
        struct md_instrument instrument;
        struct offender offender;

        (void)state;
        offender_come(&offender);
        define.flags = UINT32_MAX;
        answered(&offender, &define, 0, "");
        assert_int_equal(md_instrument(market.witness, offender.instrument, &instrument), 0);
        assert_int_equal(instrument.flags,
                         MD_INSTRUMENT_TEST | MD_INSTRUMENT_ETP | MD_INSTRUMENT_WHEN_ISSUED);
        offender_leave(&offender);
        market_expect_unharmed();
}

static void more_instruments_than_there_is_room_for(void **state) {
        struct md_instrument instrument = { .symbol = "" };
        struct wire_define define;
        struct offender offender;
        uint32_t handle;
        char symbol[16];
        int r;

        (void)state;
        offender_come(&offender);
        for (unsigned i = 0; i < OFFENDER_MOST + 3; i++) {
                snprintf(symbol, sizeof(symbol), "BAD%u", i);
                define = offender_definition(symbol);
                if (i < OFFENDER_MOST)
                        answered(&offender, &define, 0, "");
                else
                        answered(&offender, &define, -ENOSPC,
                                 "[feed offended] instruments allows 8, and has them");
        }
        offender_leave(&offender);

        /* the neighbour has no such limit, but the segment has */
        do {
                snprintf(instrument.symbol, sizeof(instrument.symbol), "GOOD%u",
                         md_instruments(market.witness));
                r = md_publisher_define(market.neighbour, &instrument, &handle);
        } while (r == 0);
        assert_int_equal(r, -ENOSPC);
        assert_non_null(strstr(md_publisher_error(market.neighbour), "the segment is full"));
        assert_int_equal(md_instruments(market.witness), 16);
        market_expect_unharmed();
}

/* ---- messages ---- */

static void expect_cut_off(struct offender *offender, uint64_t broken) {
        char buffer[WIRE_SIZE_MAX];
        unsigned n = 0;
        int r;

        do
                r = conn_recv_wait(offender->fd, buffer, NULL, &n, PATIENCE_MS);
        while (r == CONN_OK);
        assert_true(r == CONN_E_CLOSED || r == -ECONNRESET);
        offender_leave(offender);
        AWAIT(market_count(BROKEN) == broken + 1);
        market_expect_unharmed();
}

static void messages_that_no_publisher_sends(void **state) {
        struct wire_define define = offender_definition("BAD0");

        (void)state;
        for (uint32_t opcode = 0; opcode < 8; opcode++) {
                static const size_t sizes[] = {
                        1, 8, 79, 80, sizeof(define) - 8, sizeof(define), sizeof(define) + 8
                };

                for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
                        uint64_t broken = market_count(BROKEN);
                        char bytes[WIRE_SIZE_MAX] = { 0 };
                        struct offender offender;

                        if (opcode == WIRE_DEFINE && sizes[i] == sizeof(define))
                                continue;
                        define.header.opcode = opcode;
                        define.header.size = (uint32_t)sizes[i];
                        memcpy(bytes, &define, sizeof(define));
                        offender_come(&offender);
                        offender_behave(&offender);
                        assert_true(send(offender.fd, bytes, sizes[i], MSG_NOSIGNAL) > 0);
                        expect_cut_off(&offender, broken);
                }
        }
}

static void one_that_sends_descriptors(void **state) {
        struct wire_define define = offender_definition("BAD0");
        uint64_t broken = market_count(BROKEN);
        struct offender offender;
        int fd = STDERR_FILENO;

        (void)state;
        offender_come(&offender);
        assert_int_equal(conn_send(offender.fd, &define, &fd, 1, 0), CONN_OK);
        expect_cut_off(&offender, broken);
}

/* Asks and asks, and never looks at an answer. */
static void a_flood_of_definitions(void **state) {
        struct wire_define define = offender_definition("BAD0");
        uint64_t broken = market_count(BROKEN);
        struct offender offender;

        (void)state;
        offender_come(&offender);
        for (unsigned i = 0; send(offender.fd, &define, sizeof(define), MSG_NOSIGNAL) > 0; i++)
                if (i % 100 == 0)
                        market_expect_served();
        assert_true(errno == EPIPE || errno == ECONNRESET);
        AWAIT(market_count(BROKEN) == broken + 1);
        assert_true(rig_log_count(&market.rig, "does not read its answers") == 1);
        offender_leave(&offender);
        market_expect_unharmed();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_flood_of_definitions),
                cmocka_unit_test(feeds_that_cannot_be_had),
                cmocka_unit_test(one_that_may_not_publish),
                cmocka_unit_test(one_that_comes_and_goes),
                cmocka_unit_test(names_that_cannot_be),
                cmocka_unit_test(values_that_cannot_be),
                cmocka_unit_test(flags_of_the_daemon),
                cmocka_unit_test(more_instruments_than_there_is_room_for),
                cmocka_unit_test(messages_that_no_publisher_sends),
                cmocka_unit_test(one_that_sends_descriptors),
        };

        if (!rig_older_kernel())
                return SKIPPED;
        return cmocka_run_group_tests(tests, market_setup, market_teardown);
}
