/* A changed mdshmd.conf under a running daemon: what moves over, and what is said of the rest. */

#include "config-try.h"

#include <errno.h>

static void reload(struct attempt *old, struct attempt *new, const char *before,
                   const char *after) {
        int saved;

        attempt_text(old, before);
        attempt_text(new, after);
        assert_int_equal(old->r, 0);
        assert_int_equal(new->r, 0);
        saved = listen_begin();
        config_reload(old->config, new->config);
        listen_end(new, saved);
}

static void free_both(struct attempt *old, struct attempt *new) {
        config_free(old->config);
        config_free(new->config);
}

static void test_the_same(void **state) {
        static const char text[] = "[segment]\nname = a\n[feed a]\nsource = udp\nprotocol = x\n"
                                   "port = 1\ninterface = eth0\n";
        struct attempt old, new;

        (void)state;
        reload(&old, &new, text, text);
        assert_string_equal(new.said, "");
        free_both(&old, &new);
}

static void test_the_same_in_other_words(void **state) {
        struct attempt old, new;

        (void)state;
        reload(&old, &new, "[segment]\nname = /a\njournal = 1M\n[listen]\nmode = 0666\n",
               "[listen]\nmode = 666\n[segment]\nname = a\njournal = 1024k\n");
        assert_string_equal(new.said, "");
        free_both(&old, &new);
}

static void test_what_can_change(void **state) {
        struct attempt old, new;

        (void)state;
        reload(&old, &new, "[access]\nread = 5\npublish = @6\n",
               "[access]\nread = *\npublish = 7, 8\ncontrol = @9\n[limits]\nclients = 11\n"
               "clients_per_user = 10\nhello_ms = 12\n[log]\nlevel = error\n");
        assert_string_equal(new.said, "");
        assert_true(old.config->access.read.all);
        assert_string_equal(old.config->access.read.text, "*");
        assert_int_equal(old.config->access.publish.n_uids, 2);
        assert_int_equal(old.config->access.publish.uids[1], 8);
        assert_int_equal(old.config->access.publish.n_gids, 0);
        assert_int_equal(old.config->access.control.gids[0], 9);
        assert_int_equal(old.config->limits.clients, 11);
        assert_int_equal(old.config->limits.clients_per_user, 10);
        assert_int_equal(old.config->limits.hello_ms, 12);
        assert_int_equal(old.config->log.level, LOG_ERROR);
        free_both(&old, &new);
}

static void test_what_cannot(void **state) {
        struct attempt old, new;

        (void)state;
        reload(&old, &new,
               "[segment]\ninstruments = 100\n"
               "[feed a]\nsource = udp\nprotocol = x\nport = 1\n[feed gone]\nsource = pcap\n"
               "protocol = x\nfile = f\n",
               "[segment]\ninstruments = 200\nname = b\nlock = yes\n[listen]\nsocket = /s\n"
               "[feed new]\nsource = pcap\nprotocol = x\nfile = f\n"
               "[feed a]\nsource = udp\nprotocol = x\nport = 2\ninterface = eth0\n");
        assert_non_null(strstr(new.said, "[segment] instruments: 100 → 200 needs a restart\n"));
        assert_non_null(strstr(new.said, "[segment] name: mdshmd → b needs a restart\n"));
        assert_non_null(strstr(new.said, "[segment] lock: no → yes needs a restart\n"));
        assert_non_null(strstr(new.said, "mdshmd.sock → /s needs a restart\n"));
        assert_non_null(strstr(new.said, "[feed a] port: 1 → 2 needs a restart\n"));
        assert_non_null(strstr(new.said, "[feed a] interface: nothing → eth0 needs a restart\n"));
        assert_non_null(strstr(new.said, "[feed gone]: taking it out needs a restart\n"));
        assert_non_null(strstr(new.said, "[feed new]: adding it needs a restart\n"));
        assert_int_equal(new.lines, 8);

        assert_int_equal(old.config->segment.instruments, 100);
        assert_string_equal(old.config->segment.name, "/mdshmd");
        assert_int_equal(old.config->n_feeds, 2);
        assert_int_equal(old.config->feeds[0].port, 1);
        free_both(&old, &new);
}

/* A second reload is measured against what runs, not against the file before. */
static void test_twice(void **state) {
        struct attempt old, new;

        (void)state;
        reload(&old, &new, "[limits]\nclients = 70\n",
               "[limits]\nclients = 71\n[segment]\ndepth = 5\n");
        assert_int_equal(new.lines, 1);
        config_free(new.config);
        attempt_text(&new, "[limits]\nclients = 72\n");
        config_reload(old.config, new.config);
        assert_int_equal(old.config->limits.clients, 72);
        assert_int_equal(old.config->segment.depth, 0);
        free_both(&old, &new);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_same),
                cmocka_unit_test(test_the_same_in_other_words),
                cmocka_unit_test(test_what_can_change),
                cmocka_unit_test(test_what_cannot),
                cmocka_unit_test(test_twice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
