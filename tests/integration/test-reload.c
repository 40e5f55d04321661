/*
 * A running daemon reads its config again
 *
 * What can change while it runs does, what cannot is named, and a file with errors changes nothing. Who
 * is connected stays so.
 */

#include <errno.h>
#include <string.h>

#include "harness.h"
#include "wire/wire.h"

#define SEGMENT "instruments = 8\njournal = 1024\n"

static struct rig rig;
static struct md_client *witness;
static unsigned reloads;

static void hang_up(const char *answer) {
        reloads++;
        assert_int_equal(kill(rig.pid, SIGHUP), 0);
        AWAIT(rig_log_count(&rig, answer) == reloads);
}

static int try_connect(void) {
        struct md_client *client;
        int r;

        assert_int_equal(md_new(&client), 0);
        r = md_connect(client, rig.socket);
        md_free(client);
        return r;
}

static void expect_connected(void) {
        struct md_health health;

        assert_int_equal(md_dispatch(witness, 0), 0);
        assert_int_equal(md_health(witness, &health), 0);
        assert_int_equal(health.connected, 1);
}

static void limits_change(void **state) {
        (void)state;
        assert_int_equal(try_connect(), 0);
        rig_configure(&rig, SEGMENT, "[limits]\nclients = 1\nclients_per_user = 1\n");
        hang_up("read again");
        assert_int_equal(try_connect(), -EUSERS);
        expect_connected();

        rig_configure(&rig, SEGMENT, "[limits]\nclients = 2\nclients_per_user = 2\n");
        hang_up("read again");
        assert_int_equal(try_connect(), 0);
        expect_connected();
}

static void the_log_level_changes(void **state) {
        (void)state;
        assert_int_equal(rig_log_count(&rig, "debug:"), 0);
        rig_configure(&rig, SEGMENT, "[log]\nlevel = debug\n");
        hang_up("read again");
        assert_int_equal(try_connect(), 0);
        AWAIT(rig_log_count(&rig, "debug:") > 0);
}

static void what_needs_a_restart_is_named(void **state) {
        (void)state;
        rig_configure(&rig, "instruments = 16\njournal = 2048\n",
                      "[feed new]\nsource = udp\nprotocol = iex-tops\nport = 1\n");
        hang_up("read again");
        assert_int_equal(rig_log_count(&rig, "[segment] instruments: 8 → 16 needs a restart"), 1);
        assert_int_equal(rig_log_count(&rig, "[segment] journal: 1024 → 2048 needs a restart"), 1);
        assert_int_equal(rig_log_count(&rig, "[feed new]: adding it needs a restart"), 1);
        expect_connected();
        assert_int_equal(try_connect(), 0);
}

static void a_file_with_errors_changes_nothing(void **state) {
        (void)state;
        rig_configure(&rig, SEGMENT, "[limits]\nclients = none\nclient = 1\n");
        hang_up("not read again; what was read before stays");
        assert_int_equal(rig_log_count(&rig, "the nearest is clients"), 1);
        expect_connected();
        assert_int_equal(try_connect(), 0);

        /* and when it is mended, the next time does it */
        reloads = 0;
        rig_configure(&rig, SEGMENT, "[limits]\nclients = 1\nclients_per_user = 1\n");
        hang_up("config: read again");
        assert_int_equal(try_connect(), -EUSERS);
}

static void a_file_that_is_gone_changes_nothing(void **state) {
        (void)state;
        assert_int_equal(unlink(rig.config), 0);
        hang_up("not read again; what was read before stays");
        expect_connected();
        assert_int_equal(try_connect(), 0);
}

static void it_can_be_asked_for_over_the_socket(void **state) {
        (void)state;
        rig_configure(&rig, SEGMENT, "[limits]\nclients = 1\nclients_per_user = 1\n");
        assert_int_equal(rig_request(&rig, WIRE_RELOAD), 0);
        assert_int_equal(try_connect(), -EUSERS);
        rig_configure(&rig, SEGMENT, "[limit]\n");
        assert_int_equal(rig_request(&rig, WIRE_RELOAD), -EINVAL);
        expect_connected();
}

static int setup(void **state) {
        (void)state;
        reloads = 0;
        rig_init(&rig);
        rig_configure(&rig, SEGMENT, "%s", "");
        rig_start(&rig);
        witness = rig_connect(&rig, "witness");
        return 0;
}

static int teardown(void **state) {
        (void)state;
        witness = md_free(witness);
        if (rig.pid)
                rig_stop(&rig);
        rig_deinit(&rig);
        return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(limits_change),
                TEST(the_log_level_changes),
                TEST(what_needs_a_restart_is_named),
                TEST(a_file_with_errors_changes_nothing),
                TEST(a_file_that_is_gone_changes_nothing),
                TEST(it_can_be_asked_for_over_the_socket),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
