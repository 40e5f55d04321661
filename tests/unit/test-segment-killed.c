/*
 * A daemon killed at any instruction has a successor that finds everything
 *
 * The memory that a killed process leaves is the memory at its last instruction. So a writer is
 * stepped through its work, and whenever that has changed the segment, a copy of the segment is adopted
 * by another daemon: as if the writer had been killed there.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "segment-try.h"
#include "step-try.h"

/* ---- the segment at one instruction ---- */

struct moment {
        const struct segment *segment; /* of the writer */
        void *bytes;                   /* as they were at the last change */
};

static void moment_init(struct moment *moment, const struct segment *segment) {
        moment->segment = segment;
        moment->bytes = malloc(segment->size);
        assert_non_null(moment->bytes);
        memcpy(moment->bytes, segment->header, segment->size);
}

static void moment_deinit(struct moment *moment) {
        free(moment->bytes);
}

static bool moment_changed(struct moment *moment) {
        if (!memcmp(moment->bytes, moment->segment->header, moment->segment->size))
                return false;
        memcpy(moment->bytes, moment->segment->header, moment->segment->size);
        return true;
}

/* Lays the segment of this moment out under a name of its own. */
static void moment_copy(const struct moment *moment, struct segment_try *copy, const char *suffix) {
        int fd;

        segment_try_name(copy, suffix);
        fd = shm_open(copy->name, O_RDWR | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, moment->bytes, moment->segment->size), moment->segment->size);
        close(fd);
}

/* ---- publishing ---- */

#define SALT 4711 /* of the tick whose number may be used again */

struct put {
        struct segment *segment;
        struct md_tick tick;
};

static void put_one(void *argument) {
        struct put *args = argument;

        segment_put(args->segment, &args->tick);
}

/* What the successor finds: the tick everywhere, or nowhere; all others as they were. */
static void check_successor(struct segment *segment, const uint64_t last[8],
                            const struct md_tick *tick) {
        uint64_t newest = segment_newest(segment);
        struct md_tick other;
        bool published = newest == tick->seq;

        assert_true(published || newest == tick->seq - 1);
        assert_int_equal(journal_look(&segment->journal, tick->seq),
                         published ? JOURNAL_OK : JOURNAL_EMPTY);
        for (uint32_t i = 0; i < 8; i++) {
                if (published && i == tick->instrument && tick->kind < MD_PLACES)
                        assert_place(segment, i, MD_TRADE, tick->seq, SALT);
                else
                        assert_place(segment, i, MD_TRADE, last[i], 0);
        }

        /* and it goes on */
        other = tick_make(newest + 1, 7, MD_TRADE, 1);
        segment_put(segment, &other);
        assert_place(segment, 7, MD_TRADE, newest + 1, 1);
}

/* A tick of that kind is published; the writer is killed after each of its stores. */
static void kill_while_publishing(struct segment_try *try, uint64_t last[8], unsigned kind) {
        uint64_t seq = segment_newest(&try->segment) + 1;
        struct put args = { &try->segment, tick_make(seq, seq % 7, kind, SALT) };
        struct segment_try copy;
        struct moment moment;
        unsigned moments = 0;
        pid_t pid;

        moment_init(&moment, &try->segment);
        pid = step_begin(put_one, &args);
        while (step(pid)) {
                if (!moment_changed(&moment))
                        continue;
                moments++;
                moment_copy(&moment, &copy, ".copy");
                assert_int_equal(segment_try_open(&copy, &segment_try_params), 0);
                assert_true(copy.segment.adopted);
                check_successor(&copy.segment, last, &args.tick);
                segment_retire(&copy.segment);
        }
        /* it could be killed between any two words at least */
        assert_true(moments >= LINE_WORDS + (kind < MD_PLACES ? LINE_WORDS : 0));
        moment_deinit(&moment);
}

static void test_while_publishing(void **state) {
        uint64_t last[8] = { 0 }, seq;
        struct segment_try try;

        (void)state;
        segment_try_init(&try, "");
        kill_while_publishing(&try, last, MD_TRADE);
        for (seq = segment_newest(&try.segment) + 1; seq <= 200; seq++) {
                struct md_tick tick = tick_make(seq, seq % 8, MD_TRADE, 0);

                segment_put(&try.segment, &tick);
                last[tick.instrument] = seq;
        }
        kill_while_publishing(&try, last, MD_SYSTEM); /* has no place */
        kill_while_publishing(&try, last, MD_TRADE);
        segment_retire(&try.segment);
}

/* ---- redoing ---- */

static void adopt_one(void *argument) {
        struct segment_try *try = argument;

        if (segment_open(&try->segment, try->name, &segment_try_params, &try->why) < 0)
                _exit(1);
}

/* Every successor may be killed as well, while it takes over. */
static void test_while_taking_over(void **state) {
        struct md_tick before = tick_make(1, 3, MD_TRADE, 0),
                       tick = tick_make(2, 3, MD_TRADE, SALT);
        struct segment_try try, copy;
        const uint64_t last[8] = { [3] = 1 };
        struct moment moment;
        unsigned moments = 0;
        pid_t pid;

        (void)state;
        segment_try_init(&try, "");
        segment_put(&try.segment, &before);
        journal_write(&try.segment.journal, &tick);
        line_write_part(table_line(&try.segment.table, 3, MD_TRADE), &tick, 4);

        /* we look at the memory through a mapping of our own */
        moment_init(&moment, &try.segment);
        close(try.segment.lock_fd);
        try.segment.lock_fd = -1;
        pid = step_begin(adopt_one, &try);
        while (step(pid)) {
                if (!moment_changed(&moment))
                        continue;
                moments++;
                moment_copy(&moment, &copy, ".copy");
                assert_int_equal(segment_try_open(&copy, &segment_try_params), 0);
                assert_true(copy.segment.adopted);
                assert_int_equal(segment_newest(&copy.segment), 2);
                check_successor(&copy.segment, last, &tick);
                segment_retire(&copy.segment);
        }
        assert_true(moments > 4);
        assert_place(&try.segment, 3, MD_TRADE, 2, SALT);
        moment_deinit(&moment);

        segment_detach(&try.segment);
        segment_try_init(&try, "");
        assert_true(try.segment.adopted);
        segment_retire(&try.segment);
}

/* ---- a new instrument ---- */

struct add {
        struct segment *segment;
        struct shm_instrument instrument;
};

static void add_one(void *argument) {
        struct add *args = argument;

        directory_add(&args->segment->directory, &args->instrument);
}

/* It is there, or it is not; a successor that meets it again has it once. */
static void check_directory(struct directory *directory, const struct shm_instrument *instrument) {
        int64_t found = directory_find(directory, instrument->symbol, instrument->venue);
        uint32_t count = directory_count(directory);

        assert_true(count == 1 || count == 2);
        assert_int_equal(found, count == 2 ? 1 : -ENOENT);
        assert_int_equal(directory_find(directory, instrument->symbol, "XNYS\0\0\0"), 0);
        if (found < 0)
                assert_int_equal(directory_add(directory, instrument), 1);
        assert_int_equal(directory_find(directory, instrument->symbol, instrument->venue), 1);
        assert_int_equal(directory_get(directory, 1)->lot, 100);
}

static void test_while_adding_an_instrument(void **state) {
        struct shm_instrument first = { .symbol = "IBM", .venue = "XNYS" };
        struct segment_try try, copy;
        struct moment moment;
        struct add args;
        unsigned moments = 0;
        pid_t pid;

        (void)state;
        segment_try_init(&try, "");
        directory_add(&try.segment.directory, &first);
        args = (struct add){ &try.segment, { .symbol = "IBM", .venue = "IEXG", .lot = 100 } };
        moment_init(&moment, &try.segment);
        pid = step_begin(add_one, &args);
        while (step(pid)) {
                if (!moment_changed(&moment))
                        continue;
                moments++;
                moment_copy(&moment, &copy, ".copy");
                assert_int_equal(segment_try_open(&copy, &segment_try_params), 0);
                check_directory(&copy.segment.directory, &args.instrument);
                segment_retire(&copy.segment);
        }
        assert_true(moments >= 3); /* the instrument, the count, the slot */
        moment_deinit(&moment);
        segment_retire(&try.segment);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_while_publishing),
                cmocka_unit_test(test_while_taking_over),
                cmocka_unit_test(test_while_adding_an_instrument),
        };

        return cmocka_run_group_tests(tests, NULL, segment_try_clean);
}
