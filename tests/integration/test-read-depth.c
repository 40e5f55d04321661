/*
 * A book is read whole, from a live segment and a saved one, whoever dies
 *
 * A process writes books into a segment as fast as it can and is killed with SIGKILL, over and over.
 * Readers go through md_read_depth() all the while, and save the segment. Every word of a book is a
 * function of its number, so a torn one is known at once.
 */

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"
#include "publish/publisher.h"
#include "shm/segment.h"

#define BOOKS      3 /* instruments 0 to 2; the third is never written */
#define WRITTEN    2
#define BOOKLESS   3
#define LEVELS     64
#define READERS    2
#define KILLS      300
#define KILLS_LONG 5000
#define WRITE_US   1500 /* a writer lives at most so long */

struct board {
        _Atomic unsigned dead;            /* the writer of that round is dead */
        _Atomic unsigned passed[READERS]; /* a reader has read every book after that */
        _Atomic uint64_t changes[READERS];
        _Atomic bool over;
};

static struct segment_params params = { .instruments = 8, .journal = 1024, .depth = LEVELS };
static struct rig rig;
static struct board *board;
static char name[80], path[96];

/* ---- books ---- */

/* Book number n: of 0 to 78 and 0 to 82 levels, more than there is room for. */
static struct depth_image image_of(uint64_t n) {
        struct depth_image image = {
                .ts_event = (int64_t)n,
                .flags = n % 3 ? 0 : MD_FLAG_MAYBE_BAD_BOOK,
                .bid_levels = n % 79,
                .ask_levels = n % 83,
                .orders = 2 * n,
        };

        for (unsigned i = 0; i < LEVELS; i++) {
                image.bid[i] = (struct md_level){ (int64_t)(n - i), (int64_t)(n + 7 * i), n ^ i };
                image.ask[i] = (struct md_level){ (int64_t)(n + i), (int64_t)(n + 9 * i), n + i };
        }
        return image;
}

static bool same_levels(const struct md_level *a, const struct md_level *b, uint32_t shown,
                        uint64_t all) {
        return shown == (all < LEVELS ? all : LEVELS) && !memcmp(a, b, shown * sizeof(*a));
}

static bool is_whole(const struct md_depth *depth) {
        struct depth_image expected = image_of((uint64_t)depth->ts_event);

        return depth->flags == expected.flags && depth->bid_levels == expected.bid_levels &&
               depth->ask_levels == expected.ask_levels && depth->orders == expected.orders &&
               depth->capacity == LEVELS &&
               same_levels(depth->bid, expected.bid, depth->bids, expected.bid_levels) &&
               same_levels(depth->ask, expected.ask, depth->asks, expected.ask_levels);
}

/* ---- the writer ---- */

static void add_instruments(struct segment *segment) {
        for (uint32_t i = directory_count(&segment->directory); i <= BOOKLESS; i++) {
                struct shm_instrument entry = { .close_px = MD_PX_NONE };

                snprintf(entry.symbol, sizeof(entry.symbol), "SYM%u", i);
                entry.flags = i < BOOKS ? INSTRUMENT_BOOK : 0;
                CHILD_CHECK(directory_add(&segment->directory, &entry) == i);
        }
}

/* The segment with instruments in it; books go on where a predecessor was killed. */
static void take_over(struct segment *segment, struct publisher *publisher) {
        struct segment_why why;

        CHILD_CHECK(segment_open(segment, name, &params, &why) == 0);
        publisher_init(publisher, segment);
        add_instruments(segment);
        segment_publish(segment, "test", 0);
}

/* A tick and the book after it, for one instrument after the other. */
static void write_book(struct publisher *publisher, uint32_t instrument) {
        struct md_tick tick = { .instrument = instrument, .kind = MD_QUOTE };
        struct depth_image image = image_of(publisher->next);

        publisher_put(publisher, &tick);
        publisher_put_depth(publisher, instrument, &image);
}

static void write_for_ever(void) {
        struct publisher publisher;
        struct segment segment;

        take_over(&segment, &publisher);
        for (;;)
                write_book(&publisher, (uint32_t)(publisher.next % WRITTEN));
}

/* ---- the readers ---- */

static struct md_client *open_segment(const char *file) {
        struct md_client *client;

        CHILD_CHECK(md_new(&client) == 0);
        if (md_open_file(client, file) < 0) {
                fprintf(stderr, "%s\n", md_error(client));
                _exit(1);
        }
        return client;
}

/* Reads a book that there must be, whole and not older than *last. Where the writer is too fast, the
 * caller must be told so. */
static void read_book(struct md_client *client, uint32_t instrument, int64_t *last, bool live) {
        struct md_depth depth;
        int r = md_read_depth(client, instrument, &depth);

        if (live && r == -EAGAIN)
                return;
        CHILD_CHECK(r == 1);
        CHILD_CHECK(is_whole(&depth));
        CHILD_CHECK(depth.seq == (uint64_t)depth.ts_event);
        CHILD_CHECK(depth.ts_event >= *last);
        *last = depth.ts_event;
}

static void read_for_ever(unsigned reader) {
        struct md_client *client = open_segment(path);
        int64_t last[WRITTEN] = { 0 }, before = 0;

        while (!atomic_load(&board->over)) {
                unsigned dead = atomic_load(&board->dead);
                bool live = dead == atomic_load(&board->passed[reader]);

                for (uint32_t i = 0; i < WRITTEN; i++)
                        read_book(client, i, &last[i], live);
                if (last[0] != before)
                        atomic_fetch_add(&board->changes[reader], 1);
                before = last[0];
                atomic_store(&board->passed[reader], dead);
        }
        md_free(client);
        _exit(0);
}

/* ---- the tests ---- */

static pid_t start_writer(void) {
        pid_t pid = fork_child();

        if (pid == 0)
                write_for_ever();
        return pid;
}

static void kill_writer(pid_t pid) {
        int status;

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static bool all_passed(const pid_t readers[READERS], unsigned round) {
        for (unsigned i = 0; i < READERS; i++) {
                if (waitpid(readers[i], NULL, WNOHANG))
                        fail_msg("reader %u has ended", i);
                if (atomic_load(&board->passed[i]) != round)
                        return false;
        }
        return true;
}

/* A segment with both books written once. */
static void prepare(void) {
        struct publisher publisher;
        struct segment segment;

        take_over(&segment, &publisher);
        for (uint32_t i = 0; i < WRITTEN; i++)
                write_book(&publisher, i);
        segment_detach(&segment);
}

static void books_are_whole(void **state) {
        unsigned kills = long_run() ? KILLS_LONG : KILLS;
        pid_t readers[READERS], writer;

        (void)state;
        prepare();
        for (unsigned i = 0; i < READERS; i++) {
                readers[i] = fork_child();
                if (readers[i] == 0)
                        read_for_ever(i);
        }
        for (unsigned round = 1; round <= kills; round++) {
                writer = start_writer();
                usleep((useconds_t)(random() % WRITE_US));
                kill_writer(writer);
                atomic_store(&board->dead, round);
                AWAIT(all_passed(readers, round));
        }
        atomic_store(&board->over, true);
        for (unsigned i = 0; i < READERS; i++) {
                await_child(readers[i]);
                assert_true(atomic_load(&board->changes[i]) > 0);
        }
}

static uint64_t newest_of(struct md_client *client) {
        struct md_health health;

        assert_int_equal(md_health(client, &health), 0);
        return health.newest;
}

/* Whatever is written meanwhile, a saved book is whole, and no newer than what was saved beside it. */
static void saved_books_are_whole(void **state) {
        struct md_client *client, *reader;
        unsigned saved = 0;
        char file[100];
        pid_t writer;

        (void)state;
        prepare();
        snprintf(file, sizeof(file), "%s/saved", rig.folder);
        client = open_segment(path);
        writer = start_writer();
        AWAIT(newest_of(client) > 1000);
        for (unsigned i = 0; i < 50; i++) {
                int64_t last[WRITTEN] = { 0 };
                int r = md_save(client, file);

                if (r == -EAGAIN)
                        continue; /* the writer was faster */
                assert_int_equal(r, 0);
                saved++;
                reader = open_segment(file);
                for (uint32_t book = 0; book < WRITTEN; book++) {
                        read_book(reader, book, &last[book], false);
                        assert_true((uint64_t)last[book] <= newest_of(reader));
                }
                md_free(reader);
        }
        kill_writer(writer);
        assert_int_equal(md_save(client, file), 0);
        reader = open_segment(file);
        for (uint32_t book = 0; book < WRITTEN; book++) {
                struct md_depth there, here;

                assert_int_equal(md_read_depth(client, book, &there), 1);
                assert_int_equal(md_read_depth(reader, book, &here), 1);
                assert_true(is_whole(&here));
                assert_int_equal(here.ts_event, there.ts_event);
        }
        assert_true(saved > 0);
        assert_int_equal(unlink(file), 0);
        md_free(reader);
        md_free(client);
}

static void refused(struct md_client *client, uint32_t instrument, int r, const char *words) {
        struct md_depth depth;

        assert_int_equal(md_read_depth(client, instrument, &depth), r);
        if (!strstr(md_error(client), words))
                fail_msg("\"%s\" does not say \"%s\"", md_error(client), words);
}

static void what_is_not_there_is_said(void **state) {
        struct md_depth depth = { .bids = 9, .asks = 9, .seq = 9 };
        struct md_client *client;

        (void)state;
        prepare();
        client = open_segment(path);
        assert_int_equal(md_read_depth(client, WRITTEN, &depth), 0);
        assert_int_equal(depth.bids + depth.asks + depth.bid_levels + depth.ask_levels, 0);
        assert_int_equal(depth.seq, 0);
        assert_int_equal(depth.capacity, LEVELS);
        refused(client, BOOKLESS, -ENODATA, "SYM3 has no book");
        refused(client, BOOKLESS + 1, -EINVAL, "no instrument 4");
        md_free(client);
}

static void no_depth_at_all(void **state) {
        struct publisher publisher;
        struct md_client *client;
        struct segment segment;

        (void)state;
        params.depth = 0;
        take_over(&segment, &publisher);
        client = open_segment(path);
        refused(client, 0, -EOPNOTSUPP, "[segment] depth");
        refused(client, BOOKLESS, -ENODATA, "SYM3 has no book");
        md_free(client);
        segment_retire(&segment);
        params.depth = LEVELS;
}

static int setup(void **state) {
        (void)state;
        rig_init(&rig);
        snprintf(name, sizeof(name), "/%s", rig.segment);
        snprintf(path, sizeof(path), "/dev/shm%s", name);
        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
        return board == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state) {
        (void)state;
        munmap(board, sizeof(*board));
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(books_are_whole, setup, teardown),
                cmocka_unit_test_setup_teardown(saved_books_are_whole, setup, teardown),
                cmocka_unit_test_setup_teardown(what_is_not_there_is_said, setup, teardown),
                cmocka_unit_test_setup_teardown(no_depth_at_all, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
