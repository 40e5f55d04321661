/* The segment's life, as its daemons see it: built, locked, adopted, retired. */

#include "shm/segment.h"

#include <errno.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "segment-try.h"

static void assert_why(const struct segment_try *try, const char *words) {
        if (!strstr(try->why.text, words))
                fail_msg("\"%s\" does not say \"%s\"", try->why.text, words);
}

static void assert_gone(const struct segment_try *try) {
        char lock[SEGMENT_NAME_MAX + 8];

        snprintf(lock, sizeof(lock), "%s.lock", try->name);
        assert_false(name_exists(try->name));
        assert_false(name_exists(lock));
}

/* ---- what cannot be ---- */

static void test_wrong_names(void **state) {
        static const char *const names[] = {
                "",
                "/",
                "mdshmd",
                "/a/b",
                "/mdshmd/",
                "//mdshmd",
                "/0123456789012345678901234567890123456789012345678901234567890123456789",
        };
        struct segment_try try;

        (void)state;
        for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
                assert_int_equal(
                        segment_open(&try.segment, names[i], &segment_try_params, &try.why),
                        -EINVAL);
                assert_why(&try, names[i]);
                assert_why(&try, "cannot be a segment's name");
                segment_retire(&try.segment);
        }
}

static void test_wrong_shapes(void **state) {
        static const struct segment_params shapes[] = {
                { 0, 64 },  { SEGMENT_INSTRUMENTS_MAX + 1, 64 },
                { 8, 0 },   { 8, SEGMENT_JOURNAL_MIN / 2 },
                { 8, 100 }, { 8, SEGMENT_JOURNAL_MAX * 2 },
        };
        struct segment_try try;

        (void)state;
        segment_try_name(&try, "");
        for (unsigned i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
                assert_int_equal(segment_footprint(&shapes[i]), 0);
                assert_int_equal(segment_try_open(&try, &shapes[i]), -EINVAL);
                assert_why(&try, "cannot be");
        }
        assert_gone(&try);
}

static void test_too_big_is_said_at_once(void **state) {
        static const struct segment_params largest = { SEGMENT_INSTRUMENTS_MAX,
                                                       SEGMENT_JOURNAL_MAX };
        struct segment_try try;
        struct statvfs vfs;
        uint64_t room;

        (void)state;
        assert_int_equal(statvfs("/dev/shm", &vfs), 0);
        room = vfs.f_blocks * vfs.f_frsize;
        if (!room || room >= segment_footprint(&largest)) {
                print_message("/dev/shm has room for the largest segment\n");
                skip();
        }
        segment_try_name(&try, "");
        assert_int_equal(segment_try_open(&try, &largest), -ENOSPC);
        assert_why(&try, "MiB free");
        assert_why(&try, try.name);
        assert_gone(&try);
}

/* ---- birth and death ---- */

static void test_new_segment(void **state) {
        struct segment_try try;
        struct segment reader;
        struct segment_why why;
        struct shm_header *header;
        struct stat st;
        int fd;

        (void)state;
        segment_try_name(&try, "");
        assert_int_equal(segment_open(&try.segment, try.name, &segment_try_params, &try.why), 0);
        assert_false(try.segment.adopted);
        header = try.segment.header;
        assert_int_equal(fstat(try.segment.fd, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(st.st_size, segment_footprint(&segment_try_params));
        assert_int_equal(st.st_blocks * 512, st.st_size); /* no SIGBUS later */

        /* nobody reads it before it says so */
        fd = segment_open_readonly(&try.segment);
        assert_true(fd >= 0);
        assert_int_equal(segment_attach(&reader, fd, &why), -EUCLEAN);
        segment_publish(&try.segment, "1.2.3", 4711);
        assert_int_equal(segment_attach(&reader, fd, &why), 0);

        assert_int_equal(header->generation, 1);
        assert_int_equal(header->state, SEGMENT_RUNNING);
        assert_int_equal(header->pid, getpid());
        assert_int_equal(header->started, 4711);
        assert_string_equal(header->version, "1.2.3");
        assert_true(header->identity != 0);
        assert_int_equal(try.segment.counters.used, _COUNTERS_N);
        assert_string_equal(try.segment.counters.base[COUNTER_TICKS].label, "ticks published");
        segment_detach(&reader);
        close(fd);
        segment_retire(&try.segment);
}

static void test_retired_leaves_nothing(void **state) {
        struct md_tick tick = tick_make(1, 3, MD_TRADE, 0);
        struct segment_try try;
        struct segment reader;
        struct segment_why why;
        int fd;

        (void)state;
        segment_try_init(&try, "");
        segment_put(&try.segment, &tick);
        fd = segment_open_readonly(&try.segment);
        assert_int_equal(segment_attach(&reader, fd, &why), 0);
        segment_retire(&try.segment);
        assert_gone(&try);

        /* who reads it can go on, and knows */
        assert_int_equal(reader.header->state, SEGMENT_STOPPED);
        assert_int_equal(reader.header->magic, 0);
        assert_place(&reader, 3, MD_TRADE, 1, 0);
        segment_detach(&reader);
        assert_int_equal(segment_attach(&reader, fd, &why), -EUCLEAN);
        close(fd);

        /* and the name is free */
        segment_try_init(&try, "");
        assert_false(try.segment.adopted);
        segment_retire(&try.segment);
}

static void test_only_one_daemon(void **state) {
        struct segment_try first, second;
        int status;
        pid_t pid;

        (void)state;
        segment_try_init(&first, "");
        segment_try_name(&second, "");
        assert_int_equal(segment_try_open(&second, &segment_try_params), -EBUSY);
        assert_why(&second, "another mdshmd is at work");
        assert_why(&second, first.name);
        /* the loser takes nothing away */
        segment_retire(&second.segment);
        assert_true(name_exists(first.name));
        assert_int_equal(first.segment.header->magic, LAYOUT_MAGIC);

        pid = fork();
        if (!pid)
                _exit(-segment_open(&second.segment, second.name, &segment_try_params,
                                    &second.why));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), EBUSY);

        segment_retire(&first.segment);
        assert_int_equal(segment_try_open(&second, &segment_try_params), 0);
        segment_retire(&second.segment);
}

static void test_feeds_keep_their_index(void **state) {
        char name[FEED_NAME_SIZE];
        struct segment_try try;

        (void)state;
        segment_try_init(&try, "");
        assert_int_equal(segment_claim_feed(&try.segment, "iex", "pcap", "iex-tops"), 0);
        assert_int_equal(segment_claim_feed(&try.segment, "iex2", "udp", "iex-tops"), 1);
        assert_int_equal(segment_feed(&try.segment, 1)->state, FEED_DOWN);
        assert_string_equal(segment_feed(&try.segment, 1)->source, "udp");
        segment_detach(&try.segment); /* without a word, as by a crash */

        segment_try_init(&try, "");
        assert_true(try.segment.adopted);
        assert_int_equal(segment_claim_feed(&try.segment, "new", "udp", "iex-tops"), 2);
        assert_int_equal(segment_claim_feed(&try.segment, "iex2", "file", "itch"), 1);
        assert_string_equal(segment_feed(&try.segment, 1)->source, "file");
        assert_string_equal(segment_feed(&try.segment, 1)->protocol, "itch");
        for (unsigned i = 3; i < FEEDS_MAX; i++) {
                snprintf(name, sizeof(name), "feed%u", i);
                assert_int_equal(segment_claim_feed(&try.segment, name, "udp", "iex-tops"), i);
        }
        assert_int_equal(segment_claim_feed(&try.segment, "more", "udp", "iex-tops"), -ENOSPC);
        assert_int_equal(segment_claim_feed(&try.segment, "iex", "udp", "iex-tops"), 0);
        segment_retire(&try.segment);
}

/* ---- what a predecessor left ---- */

static void live_and_die(struct segment_try *try) {
        struct shm_instrument instrument = { .symbol = "AAPL", .venue = "IEXG" };

        segment_try_open(try, &segment_try_params);
        directory_add(&try->segment.directory, &instrument);
        counters_add(&try->segment.counters, 0, "a feed's own");
        for (uint64_t seq = 1; seq <= 100; seq++) {
                struct md_tick tick = tick_make(seq, seq % 8, seq % 9, 0);

                segment_put(&try->segment, &tick);
        }
        kill(getpid(), SIGKILL);
}

static void test_killed_daemon_is_succeeded(void **state) {
        struct segment_try try;
        struct segment reader;
        struct segment_why why;
        uint64_t identity;
        int fd, status;
        pid_t pid;

        (void)state;
        segment_try_name(&try, "");
        pid = fork();
        if (!pid)
                live_and_die(&try);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        fd = shm_open(try.name, O_RDONLY, 0);
        assert_int_equal(segment_attach(&reader, fd, &why), 0);
        identity = reader.header->identity;
        assert_int_equal(segment_try_open(&try, &segment_try_params), 0);
        assert_true(try.segment.adopted);
        assert_int_equal(reader.header->generation, 2);
        assert_int_equal(reader.header->pid, getpid());
        assert_int_equal(try.segment.header->identity, identity);
        assert_int_equal(segment_newest(&reader), 100);
        assert_int_equal(try.segment.counters.used, _COUNTERS_N + 1);
        assert_int_equal(directory_count(&reader.directory), 1);
        assert_place(&reader, 100 % 8, 100 % 9, 100, 0);
        segment_detach(&reader);
        close(fd);
        segment_retire(&try.segment);
}

static void test_other_shape_is_not_adopted(void **state) {
        static const struct segment_params larger = { .instruments = 9, .journal = 64 };
        struct segment_try try;
        struct segment reader;
        struct segment_why why;
        int fd;

        (void)state;
        segment_try_init(&try, "");
        fd = segment_open_readonly(&try.segment);
        assert_int_equal(segment_attach(&reader, fd, &why), 0);
        segment_detach(&try.segment);

        assert_int_equal(segment_try_open(&try, &larger), 0);
        assert_false(try.segment.adopted);
        assert_int_equal(try.segment.header->generation, 1);
        assert_int_equal(try.segment.directory.capacity, 9);
        assert_true(try.segment.header->identity != reader.header->identity);
        /* its readers learn that nothing will come any more */
        assert_int_equal(reader.header->state, SEGMENT_STOPPED);
        assert_int_equal(reader.header->magic, 0);
        segment_detach(&reader);
        close(fd);
        segment_retire(&try.segment);
}

/* What a daemon killed while it built or retired one has left, or somebody else. */
static void test_rubbish_is_replaced(void **state) {
        static const off_t sizes[] = { 0, 1, 4095, 4096, 1 << 20 };
        struct segment_try try;
        int fd;

        (void)state;
        segment_try_name(&try, "");
        for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
                fd = shm_open(try.name, O_RDWR | O_CREAT | O_EXCL, 0600);
                assert_int_equal(ftruncate(fd, sizes[i]), 0);
                close(fd);
                assert_int_equal(segment_try_open(&try, &segment_try_params), 0);
                assert_false(try.segment.adopted);
                segment_retire(&try.segment);
        }

        /* stopped, but not yet unlinked */
        segment_try_init(&try, "");
        atomic_store(&try.segment.header->state, SEGMENT_STOPPED);
        segment_detach(&try.segment);
        segment_try_init(&try, "");
        assert_false(try.segment.adopted);

        /* another minor version: its records may have grown */
        try.segment.header->minor++;
        segment_detach(&try.segment);
        segment_try_init(&try, "");
        assert_false(try.segment.adopted);
        segment_retire(&try.segment);
        assert_gone(&try);
}

/* Makes it another's, for everybody to write to. */
static void give_away(const char *name) {
        int fd = shm_open(name, O_RDWR, 0);

        assert_true(fd >= 0);
        assert_int_equal(fchmod(fd, 0666), 0);
        assert_int_equal(fchown(fd, 65533, 65533), 0);
        close(fd);
}

/* A whole segment, or the lock, that another user has put there: he could write to it at any time. */
static void test_another_users_is_not_taken(void **state) {
        static const char *const suffixes[] = { "", ".lock" };

        (void)state;
        if (geteuid() != 0) {
                print_message("skipped: an object can be given away by root alone\n");
                skip();
        }
        for (unsigned i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
                struct segment_try try, named;

                segment_try_init(&try, "");
                segment_detach(&try.segment);
                segment_try_name(&named, suffixes[i]);
                give_away(named.name);

                assert_int_equal(segment_try_open(&try, &segment_try_params), -EPERM);
                assert_non_null(strstr(try.why.text, "belongs to uid 65533"));
                assert_non_null(strstr(try.why.text, named.name));
                assert_null(try.segment.header);
                assert_true(name_exists(try.name));

                /* once it is gone, all is well */
                shm_unlink(named.name);
                segment_try_init(&try, "");
                segment_retire(&try.segment);
                assert_gone(&try);
        }
}

/* A second name for a segment of our own: there, another daemon may be at work on it. */
static void test_a_second_name_is_not_taken(void **state) {
        struct segment_try try, other;
        char from[80], to[80];

        (void)state;
        segment_try_init(&other, ".copy");
        segment_try_name(&try, "");
        snprintf(from, sizeof(from), "/dev/shm%s", other.name);
        snprintf(to, sizeof(to), "/dev/shm%s", try.name);
        assert_int_equal(link(from, to), 0);
        assert_int_equal(segment_try_open(&try, &segment_try_params), -EPERM);
        assert_non_null(strstr(try.why.text, "has 2 names"));
        assert_int_equal(atomic_load(&other.segment.header->state), SEGMENT_RUNNING);
        assert_int_equal(unlink(to), 0);
        segment_retire(&other.segment);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wrong_names),
                cmocka_unit_test(test_wrong_shapes),
                cmocka_unit_test(test_too_big_is_said_at_once),
                cmocka_unit_test(test_new_segment),
                cmocka_unit_test(test_another_users_is_not_taken),
                cmocka_unit_test(test_a_second_name_is_not_taken),
                cmocka_unit_test(test_retired_leaves_nothing),
                cmocka_unit_test(test_only_one_daemon),
                cmocka_unit_test(test_feeds_keep_their_index),
                cmocka_unit_test(test_killed_daemon_is_succeeded),
                cmocka_unit_test(test_other_shape_is_not_adopted),
                cmocka_unit_test(test_rubbish_is_replaced),
        };

        return cmocka_run_group_tests(tests, NULL, segment_try_clean);
}
