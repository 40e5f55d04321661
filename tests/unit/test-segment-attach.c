/*
 * Attaching to a segment: nothing in it is taken on trust
 *
 * A good segment in a memfd is spoilt in one way at a time; each is refused, in words that say which.
 * Then at random, where being refused or not are both fine, and what is accepted must be readable.
 * Last while it is being spoilt.
 */

#include "shm/segment.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "segment-try.h"

/* ---- a good segment, by descriptor ---- */

static char *good; /* the bytes of one */
static size_t size;

static int setup(void **state) {
        struct shm_instrument instrument = { .symbol = "AAPL", .venue = "IEXG", .lot = 100 };
        struct segment_try try;

        (void)state;
        segment_try_init(&try, "");
        segment_claim_feed(&try.segment, "iex", "udp", "iex-tops");
        directory_add(&try.segment.directory, &instrument);
        for (uint64_t seq = 1; seq <= 200; seq++) {
                struct md_tick tick = tick_make(seq, seq % 8, seq % 9, 0);

                segment_put(&try.segment, &tick);
        }
        size = try.segment.size;
        good = malloc(size);
        memcpy(good, try.segment.header, size);
        segment_retire(&try.segment);
        ((struct shm_header *)(void *)good)->state = SEGMENT_RUNNING;
        return 0;
}

static int teardown(void **state) {
        free(good);
        return segment_try_clean(state);
}

static int memfd_of(const void *bytes, size_t n) {
        int fd = memfd_create("segment", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, n), n);
        return fd;
}

static void assert_refused_file(const void *bytes, size_t n, const char *words) {
        struct segment_why why = { "" };
        struct segment segment;
        int fd = memfd_of(bytes, n);

        assert_int_equal(segment_attach(&segment, fd, &why), -EUCLEAN);
        if (!strstr(why.text, words))
                fail_msg("\"%s\" does not say \"%s\"", why.text, words);
        assert_null(segment.header);
        segment_detach(&segment);
        close(fd);
}

/* The good one with `n` bytes at `offset` replaced. */
static void assert_refused(size_t offset, uint64_t value, size_t n, const char *words) {
        char saved[8];

        memcpy(saved, good + offset, n);
        memcpy(good + offset, &value, n);
        assert_refused_file(good, size, words);
        memcpy(good + offset, saved, n);
}

/* Whatever an accepted segment says of itself, reading it stays inside. */
static void read_everything(const struct segment *segment) {
        static const char symbol[SYMBOL_SIZE] = "AAPL", venue[VENUE_SIZE] = "IEXG";
        uint64_t last = segment->table.count - 1;
        struct md_tick tick;
        uint64_t sum = 0;

        for (uint32_t i = 0; i < segment->table.count && i < 16; i++)
                for (unsigned kind = 0; kind < MD_PLACES; kind++)
                        table_read(&segment->table, &segment->journal, i, kind, &tick);
        table_read(&segment->table, &segment->journal, (uint32_t)last, MD_PLACES - 1, &tick);
        for (uint64_t seq = 0; seq < segment->journal.size && seq < 256; seq++)
                journal_read(&segment->journal, segment_newest(segment) - seq, &tick);
        directory_find(&segment->directory, symbol, venue);
        directory_find(&segment->directory, symbol, NULL);
        if (directory_count(&segment->directory))
                sum += directory_get(&segment->directory, directory_count(&segment->directory) - 1)
                               ->luld;
        sum += segment_feed(segment, (uint32_t)segment->feeds_count - 1)->line[1].packets;
        sum += counter_get(&segment->counters.base[segment->counters.capacity - 1]);
        (void)*(volatile uint64_t *)&sum;
}

/* ---- the tests ---- */

static void test_good_one_is_read(void **state) {
        static const char symbol[SYMBOL_SIZE] = "AAPL", venue[VENUE_SIZE] = "IEXG";
        struct segment segment;
        struct segment_why why;
        int fd = memfd_of(good, size);

        (void)state;
        assert_int_equal(segment_attach(&segment, fd, &why), 0);
        close(fd); /* the caller's; the mapping stays */
        assert_int_equal(segment_newest(&segment), 200);
        assert_int_equal(segment.journal.size, 64);
        assert_int_equal(segment.directory.capacity, 8);
        assert_int_equal(segment.table.count, 8);
        assert_int_equal(segment.feeds_count, FEEDS_MAX);
        assert_string_equal(segment_feed(&segment, 0)->name, "iex");
        assert_int_equal(directory_find(&segment.directory, symbol, venue), 0);
        assert_place(&segment, 200 % 8, 200 % 9, 200, 0);
        read_everything(&segment);
        segment_detach(&segment);
        assert_null(segment.header);
}

/* Also with a descriptor that would permit more. */
static void test_mapping_is_readonly(void **state) {
        struct segment segment;
        struct segment_why why;
        int fd = memfd_of(good, size), status;
        pid_t pid;

        (void)state;
        assert_int_equal(segment_attach(&segment, fd, &why), 0);
        pid = fork();
        if (!pid) {
                signal(SIGSEGV, SIG_DFL);
                atomic_store(&segment.header->newest, 0);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        segment_detach(&segment);
        close(fd);
}

static void test_what_is_no_segment(void **state) {
        static const char text[LAYOUT_PAGE] = "symbol,venue,bid_px\n";
        struct segment_why why;
        struct segment segment;
        int ends[2];

        (void)state;
        assert_refused_file("", 0, "it has 0 bytes");
        assert_refused_file(good, LAYOUT_PAGE - 1, "it has 4095 bytes");
        assert_refused_file(good, LAYOUT_PAGE, "it says that it has");
        assert_refused_file(good, size - 1, "it says that it has");
        assert_refused_file(text, sizeof(text), "not an mdshmd segment");

        assert_int_equal(segment_attach(&segment, -1, &why), -EBADF);
        assert_non_null(strstr(why.text, "cannot be looked at"));
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(segment_attach(&segment, ends[0], &why), -EUCLEAN);
        close(ends[0]);
        close(ends[1]);
}

#define HEADER(member) offsetof(struct shm_header, member), sizeof(((struct shm_header *)0)->member)

static void test_each_field_of_the_header(void **state) {
        static const struct {
                size_t offset, bytes;
                uint64_t value;
                const char *words;
        } cases[] = {
                { HEADER(magic), 0, "retired" },
                { HEADER(magic), LAYOUT_MAGIC ^ 1, "not an mdshmd segment" },
                { HEADER(major), LAYOUT_MAJOR + 1, "layout version 2." },
                { HEADER(major), 0, "layout version 0." },
                { HEADER(fingerprint), LAYOUT_FINGERPRINT ^ 1, "fingerprint" },
                { HEADER(size), 0, "it says that it has 0 bytes" },
                { HEADER(size), UINT64_MAX, "it says that it has 18446744073709551615 bytes" },
                { HEADER(size), LAYOUT_PAGE, "does not lie inside its 4096 bytes" },
        };

        (void)state;
        for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                assert_refused(cases[i].offset, cases[i].value, cases[i].bytes, cases[i].words);
}

static struct shm_section *section_of(uint32_t kind) {
        struct shm_header *header = (struct shm_header *)(void *)good;
        unsigned i = 0;

        while (header->section[i].kind != kind)
                assert_true(++i < LAYOUT_SECTIONS);
        return &header->section[i];
}

static void assert_section_refused(uint32_t kind, struct shm_section spoilt, const char *words) {
        struct shm_section *section = section_of(kind), saved = *section;

        *section = spoilt;
        assert_refused_file(good, size, words);
        *section = saved;
}

static void test_each_section(void **state) {
        static const char *const names[] = {
                [SECTION_FEEDS] = "feeds",     [SECTION_DIRECTORY] = "directory",
                [SECTION_INDEX] = "index",     [SECTION_TABLE] = "table",
                [SECTION_JOURNAL] = "journal", [SECTION_COUNTERS] = "counters",
        };

        (void)state;
        for (uint32_t kind = SECTION_FEEDS; kind <= SECTION_COUNTERS; kind++) {
                const struct shm_section fine = *section_of(kind);
                const struct shm_section spoilt[] = {
                        { kind, 0, 0, fine.count, fine.stride },
                        { kind, 0, fine.offset + 64, fine.count, fine.stride },
                        { kind, 0, size, fine.count, fine.stride },
                        { kind, 0, UINT64_MAX - LAYOUT_PAGE + 1, fine.count, fine.stride },
                        { kind, 0, fine.offset, 0, fine.stride },
                        { kind, 0, fine.offset, size / fine.stride + 1, fine.stride },
                        { kind, 0, fine.offset, UINT64_MAX, fine.stride },
                        { kind, 0, fine.offset, UINT64_MAX / fine.stride + 2, fine.stride },
                        { kind, 0, fine.offset, fine.count, 0 },
                        { kind, 0, fine.offset, fine.count, fine.stride + 4 },
                        { kind, 0, fine.offset, 1, fine.stride - 4 },
                };
                char words[64];

                snprintf(words, sizeof(words), "no %s section", names[kind]);
                assert_section_refused(kind, (struct shm_section){ 0 }, words);
                assert_section_refused(kind, (struct shm_section){ .kind = 99 }, words);
                snprintf(words, sizeof(words), "its %s section (offset", names[kind]);
                for (unsigned i = 0; i < sizeof(spoilt) / sizeof(*spoilt); i++)
                        assert_section_refused(kind, spoilt[i], words);
        }
}

static void test_sections_go_together(void **state) {
        const struct shm_section table = *section_of(SECTION_TABLE),
                                 index = *section_of(SECTION_INDEX),
                                 journal = *section_of(SECTION_JOURNAL),
                                 counters = *section_of(SECTION_COUNTERS);
        const struct shm_section spoilt[] = {
                { table.kind, 0, table.offset, 7, table.stride },
                { index.kind, 0, index.offset, 15, index.stride },
                { index.kind, 0, index.offset, 8, index.stride },
                { index.kind, 0, index.offset, index.count, 16 },
                { journal.kind, 0, journal.offset, 63, journal.stride },
                { journal.kind, 0, journal.offset, 32, 128 },
                { counters.kind, 0, counters.offset, 64, 128 },
        };

        (void)state;
        for (unsigned i = 0; i < sizeof(spoilt) / sizeof(*spoilt); i++)
                assert_section_refused(spoilt[i].kind, spoilt[i], "do not go together");
}

/* A later minor version: more sections, longer records, another fingerprint. */
static void test_later_minor_is_read(void **state) {
        struct shm_section *table = section_of(SECTION_TABLE), saved_table = *table;
        struct shm_header *header = (struct shm_header *)(void *)good;
        struct shm_header saved = *header;
        struct segment segment;
        struct segment_why why;
        char *longer;
        int fd;

        (void)state;
        /* the table anew at the end, each of its records 64 bytes longer */
        longer = calloc(1, size + 2 * LAYOUT_PAGE);
        assert_true(8 * (table->stride + 64) <= 2 * LAYOUT_PAGE);
        header->minor++;
        header->fingerprint ^= 1;
        header->size += 2 * LAYOUT_PAGE;
        header->section[LAYOUT_SECTIONS - 1] = (struct shm_section){ 99, 1, 2, 3, 4 };
        *table = (struct shm_section){ SECTION_TABLE, 0, size, 8, saved_table.stride + 64 };
        memcpy(longer, good, size);
        for (unsigned i = 0; i < 8; i++)
                memcpy(longer + size + i * table->stride,
                       good + saved_table.offset + i * saved_table.stride, saved_table.stride);

        fd = memfd_of(longer, size + 2 * LAYOUT_PAGE);
        assert_int_equal(segment_attach(&segment, fd, &why), 0);
        for (uint64_t seq = 200; seq > 200 - 64; seq--)
                if (seq % 9 < MD_PLACES)
                        assert_place(&segment, seq % 8, seq % 9, seq, 0);
        segment_detach(&segment);
        close(fd);
        free(longer);
        *header = saved;
}

/* More bytes than the header speaks of, whole pages or not, are left alone. */
static void test_longer_file(void **state) {
        static const size_t more[] = { 1, 64, LAYOUT_PAGE, LAYOUT_PAGE + 1, 100 * LAYOUT_PAGE };
        struct segment segment;
        struct segment_why why;

        (void)state;
        for (unsigned i = 0; i < sizeof(more) / sizeof(*more); i++) {
                int fd = memfd_of(good, size);

                assert_int_equal(ftruncate(fd, (off_t)(size + more[i])), 0);
                assert_int_equal(segment_attach(&segment, fd, &why), 0);
                assert_int_equal(segment.size, size);
                read_everything(&segment);
                segment_detach(&segment);
                close(fd);
        }
}

#define FLIPS 10000

static void test_random_flips(void **state) {
        struct shm_header *spoilt;
        uint64_t noise = 1;
        unsigned accepted = 0;
        int fd = memfd_of(good, size);

        (void)state;
        spoilt = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true(spoilt != MAP_FAILED);
        for (unsigned i = 0; i < FLIPS; i++) {
                struct segment segment;
                struct segment_why why = { "" };

                memcpy((void *)spoilt, good, sizeof(*spoilt));
                for (unsigned n = 0; n <= i % 4; n++) {
                        noise = noise * UINT64_C(6364136223846793005) + 1442695040888963407;
                        ((unsigned char *)spoilt)[(noise >> 40) % sizeof(*spoilt)] ^=
                                (unsigned char)(noise >> 32 | 1);
                }
                if (segment_attach(&segment, fd, &why) == 0) {
                        read_everything(&segment);
                        accepted++;
                } else {
                        assert_true(why.text[0]);
                }
                segment_detach(&segment);
        }
        /* a header has bytes that do not matter, and bytes that do */
        assert_true(accepted > FLIPS / 100 && accepted < FLIPS * 99 / 100);
        munmap((void *)spoilt, size);
        close(fd);
}

/* ---- an owner who writes other numbers while they are looked at ---- */

#define ATTACHES 20000

struct owner {
        struct shm_header *header; /* writable */
        _Atomic bool over;
};

/* Wrong and right again, for times of many lengths. */
static void lie(volatile uint64_t *number, uint64_t wrong) {
        uint64_t right = *number;

        for (unsigned i = 0; i < 1000; i++) {
                *number = wrong;
                for (volatile unsigned pause = i % 37; pause; pause--)
                        ;
                *number = right;
                for (volatile unsigned pause = i % 53; pause; pause--)
                        ;
        }
}

/* Each number of each section in turn. */
static void *owner_lies(void *userdata) {
        struct owner *owner = userdata;
        struct shm_section *section = owner->header->section;

        for (unsigned i = 0; !atomic_load(&owner->over); i = (i + 1) % LAYOUT_SECTIONS) {
                if (!section[i].kind)
                        continue;
                /* kind and items */
                lie((void *)&section[i], section[i].kind | UINT64_C(4096) << 32);
                lie(&section[i].offset, UINT64_MAX / 2);
                lie(&section[i].count, UINT64_MAX / 4);
                lie(&section[i].stride, UINT64_MAX / 8);
        }
        return NULL;
}

static void assert_inside(const struct segment *segment, const void *begin, uint64_t count,
                          uint64_t stride) {
        uint64_t offset = (uint64_t)((const char *)begin - (const char *)segment->header);

        assert_true(offset <= segment->size);
        assert_true(stride && count <= (segment->size - offset) / stride);
}

static void test_numbers_that_change(void **state) {
        const struct segment_params params = { .instruments = 8, .journal = 64, .depth = 3 };
        struct segment_why why = { "" };
        struct owner owner = { 0 };
        struct segment_try try;
        unsigned accepted = 0;
        pthread_t thread;

        (void)state;
        segment_try_name(&try, "");
        assert_int_equal(segment_try_open(&try, &params), 0);
        owner.header = try.segment.header;
        assert_int_equal(pthread_create(&thread, NULL, owner_lies, &owner), 0);
        for (unsigned i = 0; i < ATTACHES || !accepted; i++) {
                struct segment segment;

                if (segment_attach(&segment, try.segment.fd, &why) < 0)
                        continue;
                accepted++;
                assert_inside(&segment, segment.feeds, segment.feeds_count, segment.feeds_stride);
                assert_inside(&segment, segment.directory.base, segment.directory.capacity,
                              segment.directory.stride);
                assert_inside(&segment, segment.directory.index, segment.directory.slots,
                              sizeof(uint64_t));
                assert_inside(&segment, segment.table.base, segment.table.count,
                              segment.table.stride);
                assert_inside(&segment, segment.journal.lines, segment.journal.size,
                              sizeof(struct line));
                assert_inside(&segment, segment.counters.base, segment.counters.capacity,
                              sizeof(struct shm_counter));
                if (segment.depth.count) {
                        assert_true(segment.depth.levels <= DEPTH_MAX);
                        assert_inside(&segment, segment.depth.base, segment.depth.count,
                                      segment.depth.stride);
                }
                segment_detach(&segment);
        }
        atomic_store(&owner.over, true);
        pthread_join(thread, NULL);
        segment_retire(&try.segment);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good_one_is_read),
                cmocka_unit_test(test_mapping_is_readonly),
                cmocka_unit_test(test_what_is_no_segment),
                cmocka_unit_test(test_each_field_of_the_header),
                cmocka_unit_test(test_each_section),
                cmocka_unit_test(test_sections_go_together),
                cmocka_unit_test(test_later_minor_is_read),
                cmocka_unit_test(test_longer_file),
                cmocka_unit_test(test_random_flips),
                cmocka_unit_test(test_numbers_that_change),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
