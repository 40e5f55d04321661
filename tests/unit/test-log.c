/* What the log makes of sentences: whom they are about, and what a peer's words cannot do to them. */

#include "config-try.h"

#include <errno.h>

/* The text that one call of the log puts on stderr, in attempt.said. */
#define SAID(attempt, call)                                                                        \
        do {                                                                                       \
                int saved = listen_begin();                                                        \
                call;                                                                              \
                listen_end((attempt), saved);                                                      \
        } while (0)

static void test_levels(void **state) {
        struct attempt attempt;

        (void)state;
        log_init(LOG_NOTICE);
        SAID(&attempt, log_error("%d is wrong", 1));
        assert_string_equal(attempt.said, "mdshmd: error: 1 is wrong\n");
        SAID(&attempt, log_warning("odd"));
        assert_string_equal(attempt.said, "mdshmd: warning: odd\n");
        SAID(&attempt, log_notice("so it is"));
        assert_string_equal(attempt.said, "mdshmd: so it is\n");
        SAID(&attempt, log_info("by the way"));
        assert_string_equal(attempt.said, "");
}

static void test_subjects(void **state) {
        static const struct log_client known = { 3, "scalper", 1234, 1000 };
        static const struct log_client unknown = { 4, "", 1235, 1001 };
        struct attempt attempt;

        (void)state;
        log_init(LOG_NOTICE);
        SAID(&attempt, log_feed(LOG_NOTICE, LOG_FEED_LIVE, "iex", " is %s", "live"));
        assert_string_equal(attempt.said, "mdshmd: feed iex is live\n");
        SAID(&attempt, log_client(LOG_NOTICE, LOG_CLIENT_CLOSED, &known, " leaves"));
        assert_string_equal(attempt.said,
                            "mdshmd: client 3 \"scalper\" (pid 1234, uid 1000) leaves\n");
        SAID(&attempt, log_client(LOG_NOTICE, LOG_CLIENT_CLOSED, &unknown, " leaves"));
        assert_string_equal(attempt.said, "mdshmd: a connection of uid 1001 (pid 1235) leaves\n");
}

/* Neither a second line, nor what a terminal obeys, nor what would make the journal call it binary. */
static void test_words_of_others(void **state) {
        static const char *const words[][2] = {
                { "a\nmdshmd: error: forged", "a?mdshmd: error: forged" },
                { "\x1b[2J", "?[2J" },
                { "\x7f\t\r", "???" },
                { "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8e",
                  "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8e" },
                { "\xff\xfe", "??" },
                { "\xc2\x9b"
                  "2J",
                  "??2J" },
                { "cut \xe2\x82", "cut ??" },
                { "\xc0\xaf", "??" },
        };
        char expected[128];
        struct attempt attempt;

        (void)state;
        log_init(LOG_NOTICE);
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
                SAID(&attempt, log_notice("%s", words[i][0]));
                snprintf(expected, sizeof(expected), "mdshmd: %s\n", words[i][1]);
                assert_string_equal(attempt.said, expected);
        }
}

static void test_too_long(void **state) {
        char name[3000];
        struct log_client client = { 1, name, 2, 3 };
        struct attempt attempt;

        (void)state;
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        log_init(LOG_NOTICE);
        SAID(&attempt, log_notice("%s%s", name, name));
        assert_int_equal(attempt.lines, 1);
        SAID(&attempt, log_client(LOG_NOTICE, LOG_PLAIN, &client, ": %s", name));
        assert_int_equal(attempt.lines, 1);
        SAID(&attempt, log_feed(LOG_NOTICE, LOG_PLAIN, name, ": %s", name));
        assert_int_equal(attempt.lines, 1);
}

/* Set for a service and inherited by what that starts, the variable alone says nothing. */
static void test_a_journal_that_is_not_ours(void **state) {
        struct attempt attempt;

        (void)state;
        setenv("JOURNAL_STREAM", "1:2", 1);
        log_init(LOG_NOTICE);
        SAID(&attempt, log_notice("to a file"));
        assert_string_equal(attempt.said, "mdshmd: to a file\n");
        setenv("JOURNAL_STREAM", "nonsense", 1);
        log_init(LOG_NOTICE);
        SAID(&attempt, log_notice("to a file"));
        assert_string_equal(attempt.said, "mdshmd: to a file\n");
        unsetenv("JOURNAL_STREAM");
}

static void test_errno_is_left_alone(void **state) {
        struct attempt attempt;

        (void)state;
        log_init(LOG_NOTICE);
        SAID(&attempt, {
                errno = EXDEV;
                log_notice("%s", "\xff");
                assert_int_equal(errno, EXDEV);
        });
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_levels),
                cmocka_unit_test(test_subjects),
                cmocka_unit_test(test_words_of_others),
                cmocka_unit_test(test_too_long),
                cmocka_unit_test(test_a_journal_that_is_not_ours),
                cmocka_unit_test(test_errno_is_left_alone),
        };

        unsetenv("JOURNAL_STREAM");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
