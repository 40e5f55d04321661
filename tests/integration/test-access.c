/*
 * Who may enter, and how many
 *
 * Whoever is refused is told in words what is missing; the others never notice.
 */

#include <errno.h>
#include <string.h>

#include "as-user.h"
#include "wire/conn.h"
#include "wire/wire.h"

#define SEGMENT "instruments = 8\njournal = 1024\n"

static struct rig rig;

static void start(const char *config) {
        rig_configure(&rig, SEGMENT, "%s", config);
        rig_start(&rig);
}

/* In a child: connects, and expects that result; of a refusal, these words too. */
static struct md_client *try(int expected, const char *words) {
        struct md_client *client;
        int r;

        CHILD_CHECK(md_new(&client) == 0);
        md_set_timeout(client, PATIENCE_MS);
        r = md_connect(client, rig.socket);
        if (r != expected || (r < 0 && !strstr(md_error(client), words))) {
                fprintf(stderr, "got %d instead of %d, and was told: %s\n", r, expected,
                        md_error(client));
                _exit(1);
        }
        return client;
}

static void try_as(uid_t uid, gid_t gid, gid_t extra, int expected, const char *words) {
        pid_t pid = fork_child();

        if (pid == 0) {
                become(uid, gid, extra);
                md_free(try(expected, words));
                _exit(0);
        }
        await_child(pid);
}

static uint64_t counted(const char *label) {
        struct md_client *client = rig_connect(&rig, "witness");
        uint64_t value = counter_value(client, label);

        md_free(client);
        return value;
}

/* ---- tests ---- */

static void a_stranger_is_told_what_is_missing(void **state) {
        (void)state;
        start("[access]\nread = 12345, @54321\n");
        try_as(NOBODY, NOBODY, NOBODY, -EACCES, "uid 65534");
        try_as(NOBODY, NOBODY, NOBODY, -EACCES, "[access] read is \"12345, @54321\"");
        assert_int_equal(counted("clients refused: not permitted"), 2);
        assert_int_equal(rig_log_count(&rig, "uid 65534 (gid 65534) may not read"), 2);
        rig_stop(&rig);
}

static void nobody_enters_without_a_rule(void **state) {
        (void)state;
        start("");
        try_as(NOBODY, NOBODY, NOBODY, -EACCES, "may not read");
        rig_stop(&rig);
}

static void users_and_groups_are_let_in(void **state) {
        (void)state;
        start("[access]\nread = 12345, @54321\n");
        try_as(12345, NOBODY, NOBODY, 0, "");
        try_as(OTHER, 54321, NOBODY, 0, "");
        try_as(OTHER, NOBODY, 54321, 0, "");
        try_as(54321, 12345, 12345, -EACCES, "may not read");
        rig_stop(&rig);
}

static void the_socket_itself_can_be_closed_to_others(void **state) {
        (void)state;
        start("mode = 0600\n[access]\nread = *\n");
        try_as(NOBODY, NOBODY, NOBODY, -EACCES, rig.socket);
        rig_stop(&rig);
}

static void no_more_clients_than_the_limit(void **state) {
        struct md_client *clients[3], *one_more;

        (void)state;
        start("[limits]\nclients = 3\nclients_per_user = 3\n");
        for (unsigned i = 0; i < 3; i++)
                clients[i] = rig_connect(&rig, "one");
        assert_int_equal(md_new(&one_more), 0);
        assert_int_equal(md_connect(one_more, rig.socket), -EUSERS);
        assert_non_null(strstr(md_error(one_more), "[limits] clients"));

        /* whoever leaves makes room */
        md_free(clients[0]);
        AWAIT(md_connect(one_more, rig.socket) == 0);
        assert_true(counter_value(one_more, "clients refused: too many") >= 1);
        md_free(clients[1]);
        md_free(clients[2]);
        md_free(one_more);
        rig_stop(&rig);
}

/* Two of one user's, and a third; then waits to be killed. */
static void be_greedy(int ready) {
        become(NOBODY, NOBODY, NOBODY);
        try(0, "");
        try(0, "");
        try(-EUSERS, "clients_per_user");
        CHILD_CHECK(write(ready, "", 1) == 1);
        for (;;)
                pause();
}

static void one_user_cannot_have_it_all(void **state) {
        int ready[2];
        char byte;
        pid_t pid;

        (void)state;
        start("[access]\nread = *\n[limits]\nclients_per_user = 2\n");
        assert_int_equal(pipe(ready), 0);
        pid = fork_child();
        if (pid == 0)
                be_greedy(ready[1]);
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);

        try_as(NOBODY, NOBODY, NOBODY, -EUSERS, "uid 65534 has 2 connections already");
        try_as(OTHER, OTHER, OTHER, 0, "");
        assert_int_equal(counted("clients refused: too many"), 2);
        assert_int_equal(kill(pid, SIGKILL), 0);
        rig_stop(&rig);
}

/* ---- who was let in, and would not be any more ---- */

#define FEED "[feed own]\nsource = publisher\n"

static int ask_for_reload(int fd) {
        const struct wire_request request = { { WIRE_RELOAD, sizeof(request) } };
        union {
                struct wire_done done;
                char bytes[WIRE_SIZE_MAX];
        } answer;
        unsigned n = 0;

        CHILD_CHECK(conn_send(fd, &request, NULL, 0, 0) == CONN_OK);
        CHILD_CHECK(conn_recv_wait(fd, &answer, NULL, &n, PATIENCE_MS) == CONN_OK);
        CHILD_CHECK(answer.done.header.opcode == WIRE_DONE);
        return answer.done.result;
}

/* What the library says at last. */
static int publish_on(struct md_publisher *publisher, uint32_t handle) {
        const struct md_tick tick = { .instrument = handle, .kind = MD_TRADE, .u.trade.px = 1 };
        int r = 0;

        for (unsigned ms = 0; r == 0 && ms < PATIENCE_MS; ms++) {
                r = md_publisher_put(publisher, &tick);
                if (r == 0)
                        r = md_publisher_flush(publisher);
                usleep(1000);
        }
        return r;
}

/* Has the config read again, which then has no place for it. */
static void be_shut_out(int ready, int changed) {
        struct md_instrument instrument = { .symbol = "ACME" };
        struct md_publisher *publisher;
        uint32_t handle;
        char byte;
        int control;

        become(NOBODY, NOBODY, NOBODY);
        control = rig_control(&rig);
        CHILD_CHECK(control >= 0);
        CHILD_CHECK(md_publisher_new(&publisher) == 0);
        CHILD_CHECK(md_publisher_connect(publisher, rig.socket, "own") == 0);
        CHILD_CHECK(md_publisher_define(publisher, &instrument, &handle) == 0);
        CHILD_CHECK(write(ready, "", 1) == 1 && read(changed, &byte, 1) == 1);

        CHILD_CHECK(ask_for_reload(control) == 0);
        CHILD_CHECK(ask_for_reload(control) == -EACCES);
        CHILD_CHECK(publish_on(publisher, handle) == -EPIPE);
        CHILD_CHECK(strstr(md_publisher_error(publisher), "uid 65534 (gid 65534) may not publish"));
        CHILD_CHECK(strstr(md_publisher_error(publisher), "[access] publish is \"54321\""));
        md_publisher_free(publisher);
        _exit(0);
}

static void what_one_may_do_is_asked_each_time(void **state) {
        int ready[2], changed[2];
        char byte;
        pid_t pid;

        (void)state;
        start("[access]\nread = *\npublish = 65534\ncontrol = 65534\n" FEED);
        assert_int_equal(pipe(ready) | pipe(changed), 0);
        pid = fork_child();
        if (pid == 0)
                be_shut_out(ready[1], changed[0]);
        close(ready[1]);
        close(changed[0]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        rig_configure(&rig, SEGMENT, "[access]\nread = *\npublish = 54321\n" FEED);
        assert_int_equal(write(changed[1], "", 1), 1);
        await_child(pid);
        close(ready[0]);
        close(changed[1]);

        assert_int_equal(counted("clients refused: not permitted"), 1);
        assert_int_equal(counted("clients closed: broke the protocol"), 0);
        assert_int_equal(rig_log_count(&rig, "is refused: uid 65534 (gid 65534) may not publish"),
                         1);
        rig_stop(&rig);
}

static int setup(void **state) {
        (void)state;
        rig_init(&rig);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        rig_deinit(&rig);
        return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_stranger_is_told_what_is_missing),
                TEST(nobody_enters_without_a_rule),
                TEST(users_and_groups_are_let_in),
                TEST(the_socket_itself_can_be_closed_to_others),
                TEST(no_more_clients_than_the_limit),
                TEST(one_user_cannot_have_it_all),
                TEST(what_one_may_do_is_asked_each_time),
        };

        as_user_or_skip();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
