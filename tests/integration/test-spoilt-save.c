/*
 * A saved segment that something has spoilt is an error or a plain reading, never a crash, never without end
 *
 * A copy is saved from a daemon that has published a little. Then it is spoilt ten thousand times: bits and
 * bytes, words that are dangerous wherever a number is expected, ends cut off; the header more often than
 * its size deserves, for that is where the numbers are. Each time it is opened and read by every call
 * that the library has, in a child: whatever goes wrong there, the number of the try makes it again.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "harness.h"
#include "shm/layout.h"

#define TRIES       10000
#define INSTRUMENTS 16
#define JOURNAL     64
#define SPOTS_MOST  8      /* spoilt at once */
#define TAKEN_MOST  100000 /* ticks or changes of so small a segment: many times what there can be */
#define TRY_SECONDS 60     /* for one try; it takes less than a millisecond */

static struct rig rig;
static char path[80], again[96];
static char *whole; /* the copy as it was saved */
static size_t size;
static int file = -1;

/* How far the child has come; shared memory. */
static struct board {
        _Atomic unsigned attempt;
        unsigned opened, refused, taken, saved;
} * board;

/* ---- a copy ---- */

static void publish(void) {
        struct md_publisher *publisher;
        uint32_t handle;

        assert_int_equal(md_publisher_new(&publisher), 0);
        assert_int_equal(md_publisher_connect(publisher, rig.socket, "own"), 0);
        for (uint32_t i = 0; i < INSTRUMENTS - 2; i++) {
                struct md_instrument instrument = { .lot = 100 };

                snprintf(instrument.symbol, sizeof(instrument.symbol), "I%u", i);
                assert_int_equal(md_publisher_define(publisher, &instrument, &handle), 0);
        }
        for (int64_t n = 1; n <= 2 * JOURNAL + 10; n++) {
                handle = (uint32_t)n % (INSTRUMENTS - 2);
                assert_int_equal(md_publisher_quote(publisher, handle, n, n, 1, n + 1, 1), 0);
                assert_int_equal(md_publisher_trade(publisher, handle, n, n, 1, n, n), 0);
        }
        assert_int_equal(md_publisher_drain(publisher, PATIENCE_MS), 1);
        md_publisher_free(publisher);
}

static void save(void) {
        struct md_client *client;
        struct stat st;

        rig_start(&rig);
        publish();
        client = rig_connect(&rig, "saver");
        if (md_save(client, path) < 0)
                fail_msg("%s", md_error(client));
        md_free(client);
        rig_stop(&rig);

        file = open(path, O_RDWR | O_CLOEXEC);
        assert_true(file >= 0);
        assert_int_equal(fstat(file, &st), 0);
        size = (size_t)st.st_size;
        whole = malloc(size);
        assert_non_null(whole);
        assert_int_equal(pread(file, whole, size, 0), size);
}

/* ---- spoiling ---- */

static uint64_t draw(uint64_t n) {
        return ((uint64_t)random() << 31 | (uint64_t)random()) % n;
}

/* A place in the header, or in one of the sections, however large the others are. */
static size_t draw_place(void) {
        const struct shm_header *header = (const struct shm_header *)(const void *)whole;
        const struct shm_section *section;

        if (draw(2))
                return draw(sizeof(*header));
        do
                section = &header->section[draw(LAYOUT_SECTIONS)];
        while (!section->kind);
        return section->offset + draw(section->count * section->stride);
}

static void write_at(size_t place, const void *bytes, size_t n) {
        if (place + n <= size)
                CHILD_CHECK(pwrite(file, bytes, n, (off_t)place) == (ssize_t)n);
}

static void spoil(size_t place) {
        static const uint64_t words[] = { 0,          1,         INT64_MAX,  UINT64_MAX,
                                          UINT32_MAX, INT32_MAX, 1ULL << 63, 1ULL << 62 };
        uint64_t word;
        char byte;

        switch (draw(4)) {
        case 0:
                byte = whole[place] ^ (char)(1 << draw(8));
                write_at(place, &byte, 1);
                break;
        case 1:
                byte = (char)draw(256);
                write_at(place, &byte, 1);
                break;
        case 2:
                word = words[draw(sizeof(words) / sizeof(*words))] - draw(3);
                write_at(place & ~(size_t)7, &word, sizeof(word));
                break;
        default:
                /* what stands there, a little more or less */
                place = place & ~(size_t)7;
                memcpy(&word, whole + place, sizeof(word));
                word += draw(2) ? UINT64_C(1) << draw(64) : -(UINT64_C(1) << draw(64));
                write_at(place, &word, sizeof(word));
        }
}

/* The same number spoils in the same way. */
static void spoil_all(unsigned attempt, size_t places[SPOTS_MOST], unsigned *n) {
        srandom(attempt);
        *n = 1 + (unsigned)draw(SPOTS_MOST);
        for (unsigned i = 0; i < *n; i++) {
                places[i] = draw_place();
                spoil(places[i]);
        }
        if (draw(8) == 0)
                CHILD_CHECK(ftruncate(file, (off_t)draw(size)) == 0);
}

static void mend(const size_t places[SPOTS_MOST], unsigned n) {
        struct stat st;

        CHILD_CHECK(fstat(file, &st) == 0);
        if ((size_t)st.st_size < size)
                write_at((size_t)st.st_size, whole + st.st_size, size - (size_t)st.st_size);
        for (unsigned i = 0; i < n; i++)
                write_at(places[i] & ~(size_t)7, whole + (places[i] & ~(size_t)7), 8);
}

/* ---- reading by every call ---- */

/* A call that ends well, or with an error and a sentence. */
static int checked(struct md_client *client, int r) {
        if (r < 0)
                CHILD_CHECK(*md_error(client));
        return r;
}

static void read_instruments(struct md_client *client) {
        uint32_t n = md_instruments(client), index;
        struct md_instrument instrument;

        CHILD_CHECK(n <= size / sizeof(struct shm_instrument));
        for (uint32_t i = 0; i < n; i++) {
                CHILD_CHECK(md_instrument(client, i, &instrument) == 0);
                CHILD_CHECK(strlen(instrument.symbol) <= SYMBOL_SIZE);
                CHILD_CHECK(strlen(instrument.venue) <= VENUE_SIZE);
                checked(client, md_lookup(client, instrument.symbol, instrument.venue, &index));
        }
        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                snprintf(instrument.symbol, sizeof(instrument.symbol), "I%u", i);
                if (checked(client, md_lookup(client, instrument.symbol, NULL, &index)) == 0)
                        checked(client, md_subscribe(client, index));
        }
}

static void read_places(struct md_client *client) {
        struct md_tick ticks[INSTRUMENTS * MD_PLACES], tick;
        unsigned char moved[INSTRUMENTS * MD_PLACES];
        size_t n = 0;

        for (uint32_t i = 0; i < md_instruments(client) && i < INSTRUMENTS; i++)
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        checked(client, md_read(client, i, kind, &tick));
                        ticks[n].instrument = i;
                        ticks[n++].kind = (uint16_t)kind;
                }
        checked(client, md_read_many(client, ticks, n, moved));
}

static void read_figures(struct md_client *client) {
        struct md_counter counter;
        struct md_health health;
        struct md_feed_line line;
        struct md_feed feed;

        CHILD_CHECK(md_health(client, &health) == 0 && health.file);
        CHILD_CHECK(strlen(health.version) < sizeof(health.version));
        for (uint32_t i = 0; i < md_feeds(client); i++) {
                CHILD_CHECK(md_feed(client, i, &feed) == 0 &&
                            strlen(feed.name) < sizeof(feed.name));
                CHILD_CHECK(feed.lines <= 2);
                for (uint32_t k = 0; k < 3; k++)
                        CHILD_CHECK(md_feed_line(client, i, k, &line) ==
                                    (k < feed.lines ? 0 : -EINVAL));
        }
        for (uint32_t i = 0; i < md_counters(client); i++)
                CHILD_CHECK(md_counter(client, i, &counter) == 0 &&
                            strlen(counter.label) < sizeof(counter.label));
}

/* To the end of the stream; there must be one. */
static void read_stream(struct md_client *client) {
        unsigned taken = 0;
        struct md_tick tick;
        uint64_t missed;

        checked(client, md_seek(client, 1 + draw(4 * JOURNAL)));
        while (checked(client, md_follow(client, &tick, &missed)) > 0)
                CHILD_CHECK(++taken < TAKEN_MOST);
        md_lagging(client);
        checked(client, md_dispatch(client, 0));
        board->taken += taken;
}

static void read_changes(struct md_client *client) {
        struct md_change change;
        unsigned taken = 0;

        checked(client, md_seek(client, 1 + draw(4 * JOURNAL)));
        while (checked(client, md_next(client, &change)) != 0)
                CHILD_CHECK(++taken < TAKEN_MOST);
        checked(client, md_dispatch(client, 0));
        CHILD_CHECK(md_segment_fd(client) >= 0 && md_fd(client) >= 0);
        board->taken += taken;
}

/* A copy of the copy can be opened if it could be made. */
static void save_again(struct md_client *client) {
        struct md_client *other;

        if (checked(client, md_save(client, again)) < 0)
                return;
        board->saved++;
        CHILD_CHECK(md_new(&other) == 0);
        if (md_open_file(other, again) < 0) {
                fprintf(stderr, "%s\n", md_error(other));
                CHILD_CHECK(!"what was saved can be opened");
        }
        read_places(other);
        md_free(other);
}

static void read_all(void) {
        struct md_client *client;

        CHILD_CHECK(md_new(&client) == 0);
        if (checked(client, md_open_file(client, path)) < 0) {
                board->refused++;
                md_free(client);
                return;
        }
        board->opened++;
        read_instruments(client);
        if (draw(2))
                checked(client, md_subscribe_pattern(client, "I*", NULL));
        else
                checked(client, md_subscribe_all(client));
        read_places(client);
        read_figures(client);
        read_stream(client);
        read_changes(client);
        save_again(client);
        md_free(client);
}

/* ---- the test ---- */

/* A crash shall be one: cmocka would go on. */
static void let_crash(void) {
        static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS };

        for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
                signal(signals[i], SIG_DFL);
}

static void try_all(unsigned tries) {
        size_t places[SPOTS_MOST];
        unsigned n;

        let_crash();
        for (unsigned attempt = 1; attempt <= tries; attempt++) {
                atomic_store(&board->attempt, attempt);
                alarm(TRY_SECONDS);
                spoil_all(attempt, places, &n);
                read_all();
                mend(places, n);
        }
        _exit(0);
}

static void a_spoilt_copy_is_an_error_or_a_plain_reading(void **state) {
        unsigned tries = long_run() ? 10 * TRIES : TRIES;
        int status;
        pid_t pid;

        (void)state;
        save();
        pid = fork_child();
        if (pid == 0)
                try_all(tries);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("try %u ended with status 0x%x", atomic_load(&board->attempt),
                         (unsigned)status);
        print_message("%u opened, %u refused; %u ticks and changes, %u saved again\n",
                      board->opened, board->refused, board->taken, board->saved);
        assert_int_equal(board->opened + board->refused, tries);
        assert_true(board->opened > tries / 10 && board->refused > tries / 10);
        assert_true(board->saved > tries / 10 && board->taken > tries);
}

static int setup(void **state) {
        (void)state;
        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
        if (board == MAP_FAILED)
                return -1;
        rig_init(&rig);
        /* in memory, where it does not matter how often it is written */
        snprintf(path, sizeof(path), "/dev/shm/%s.save", rig.segment);
        snprintf(again, sizeof(again), "%s.again", path);
        rig_configure(&rig, "instruments = 16\njournal = 64\ndepth = 2\n",
                      "[feed own]\nsource = publisher\n");
        return 0;
}

static int teardown(void **state) {
        (void)state;
        unlink(path);
        unlink(again);
        if (file >= 0)
                close(file);
        free(whole);
        munmap(board, sizeof(*board));
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_spoilt_copy_is_an_error_or_a_plain_reading, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
