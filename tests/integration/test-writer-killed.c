/*
 * Readers survive a killed writer
 *
 * A process writes ticks as fast as it can and is killed with SIGKILL, over and over: while it writes,
 * and while it takes the segment over. Readers look at places at random and follow the journal all the
 * while. Every word of a tick is a function of its number, so a torn one is known at once. After
 * each kill, while nobody writes, every reader must get through all places: whatever the dead left
 * half-written keeps nobody waiting.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "harness.h"
#include "publish/publisher.h"
#include "shm/segment.h"

#define INSTRUMENTS 16
#define JOURNAL     256 /* small: readers are lapped often */
#define READERS     3   /* the last of them follows the journal */
#define KILLS       500
#define KILLS_LONG  10000
#define WRITE_US    1500 /* a writer lives at most so long */

#define PLACES (INSTRUMENTS * MD_PLACES)

/* What the processes say to each other. */
struct board {
        _Atomic unsigned writing; /* the writer of that round writes */
        _Atomic unsigned dead;    /* the writer of that round is dead */
        _Atomic unsigned
                passed[READERS]; /* a reader got through everything after that round's death */
        _Atomic uint64_t reads[READERS];
        _Atomic uint64_t followed; /* number of the newest tick that the follower has seen */
        _Atomic bool over;
};

static const struct segment_params params = { .instruments = INSTRUMENTS, .journal = JOURNAL };

static struct rig rig;
static struct board *board;
static pid_t readers[READERS];
static char name[80];

/* ---- ticks ---- */

static uint64_t mix(uint64_t n) {
        n = (n ^ (n >> 31)) * UINT64_C(0x9e3779b97f4a7c15);
        return n ^ (n >> 29);
}

/* Tick number seq: everything follows from the number. One kind in nine has no place. */
static struct md_tick tick_of(uint64_t seq) {
        struct md_tick tick = {
                .seq = seq,
                .instrument = (uint32_t)(mix(seq) % INSTRUMENTS),
                .kind = (uint16_t)(mix(seq + 1) % (MD_PLACES + 1)),
                .flags = (uint16_t)mix(seq + 2),
                .ts_event = (int64_t)mix(seq + 3),
                .ts_recv = (int64_t)mix(seq + 4),
        };

        for (unsigned i = 0; i < 4; i++)
                tick.u.word[i] = (int64_t)mix(seq + 5 + i);
        return tick;
}

static bool is_whole(const struct md_tick *tick) {
        struct md_tick expected = tick_of(tick->seq);

        return !memcmp(tick, &expected, sizeof(expected));
}

/* ---- the writer ---- */

/* What a successor finds: no place half-written, and the newest tick where it belongs. */
static void check_redone(const struct segment *segment) {
        uint64_t newest = segment_newest(segment);
        struct md_tick tick = tick_of(newest);

        for (uint32_t i = 0; i < INSTRUMENTS; i++)
                for (unsigned kind = 0; kind < MD_PLACES; kind++)
                        CHILD_CHECK(!(line_seq(table_line(&segment->table, i, kind)) & LINE_BUSY));
        if (newest && tick.kind < MD_PLACES)
                CHILD_CHECK(table_seq(&segment->table, tick.instrument, tick.kind) == newest);
        CHILD_CHECK(journal_look(&segment->journal, newest + 1) == JOURNAL_EMPTY);
}

static void write_for_ever(unsigned round) {
        struct publisher publisher;
        struct segment segment;
        struct segment_why why;

        CHILD_CHECK(segment_open(&segment, name, &params, &why) == 0);
        CHILD_CHECK(segment.adopted == (round > 0));
        check_redone(&segment);
        publisher_init(&publisher, &segment);
        segment_publish(&segment, "test", 0);
        atomic_store(&board->writing, round);
        for (;;) {
                struct md_tick tick = tick_of(publisher.next);

                publisher_put(&publisher, &tick);
        }
}

/* ---- the readers ---- */

static void attach(struct segment *segment) {
        struct segment_why why;
        int fd = shm_open(name, O_RDONLY, 0);

        CHILD_CHECK(fd >= 0);
        CHILD_CHECK(segment_attach(segment, fd, &why) == 0);
        close(fd);
}

static void read_place(const struct segment *segment, unsigned place, uint64_t *last) {
        struct md_tick tick;
        uint32_t instrument = place / MD_PLACES;
        unsigned kind = place % MD_PLACES;

        CHILD_CHECK(table_read(&segment->table, &segment->journal, instrument, kind, &tick) == 0);
        if (!tick.seq)
                return;
        CHILD_CHECK(is_whole(&tick));
        CHILD_CHECK(tick.instrument == instrument && tick.kind == kind);
        CHILD_CHECK(tick.seq >= last[place]);
        last[place] = tick.seq;
}

static void read_table(unsigned reader) {
        uint64_t last[PLACES] = { 0 }, n = reader;
        struct segment segment;
        unsigned dead;

        attach(&segment);
        while (!atomic_load(&board->over)) {
                n = mix(n + 1);
                read_place(&segment, (unsigned)(n % PLACES), last);
                atomic_fetch_add_explicit(&board->reads[reader], 1, memory_order_relaxed);

                dead = atomic_load(&board->dead);
                if (dead == atomic_load(&board->passed[reader]))
                        continue;
                for (unsigned place = 0; place < PLACES; place++)
                        read_place(&segment, place, last);
                atomic_store(&board->passed[reader], dead);
        }
        _exit(0);
}

/* Takes what there is; the number of the next tick. */
static uint64_t follow_to_end(const struct segment *segment, uint64_t next) {
        uint64_t oldest;
        struct md_tick tick;

        for (;;) {
                switch (journal_read(&segment->journal, next, &tick)) {
                case JOURNAL_OK:
                        CHILD_CHECK(tick.seq == next);
                        CHILD_CHECK(is_whole(&tick));
                        next++;
                        break;
                case JOURNAL_LAPPED:
                        oldest = journal_oldest(&segment->journal, segment_newest(segment));
                        next = oldest > next ? oldest : next + 1;
                        break;
                default:
                        return next;
                }
        }
}

static void read_journal(unsigned reader) {
        struct segment segment;
        uint64_t next = 1;
        unsigned dead;

        attach(&segment);
        while (!atomic_load(&board->over)) {
                dead = atomic_load(&board->dead);
                next = follow_to_end(&segment, next);
                atomic_store(&board->followed, next - 1);
                atomic_fetch_add_explicit(&board->reads[reader], 1, memory_order_relaxed);
                atomic_store(&board->passed[reader], dead);
                sched_yield();
        }
        _exit(0);
}

/* ---- the test ---- */

static pid_t start_writer(unsigned round) {
        pid_t pid = fork_child();

        if (pid == 0)
                write_for_ever(round);
        return pid;
}

static void kill_writer(pid_t pid) {
        int status;

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static bool all_passed(unsigned round) {
        for (unsigned i = 0; i < READERS; i++) {
                if (waitpid(readers[i], NULL, WNOHANG))
                        fail_msg("reader %u has ended", i);
                if (atomic_load(&board->passed[i]) != round)
                        return false;
        }
        return true;
}

/* Lines that the dead left half-written: at most one in the table, or one in the journal. */
static unsigned count_busy(const struct segment *segment) {
        unsigned n = 0;

        for (uint32_t i = 0; i < INSTRUMENTS; i++)
                for (unsigned kind = 0; kind < MD_PLACES; kind++)
                        n += (line_seq(table_line(&segment->table, i, kind)) & LINE_BUSY) != 0;
        for (uint64_t i = 0; i < JOURNAL; i++)
                n += (line_seq(&segment->journal.lines[i]) & LINE_BUSY) != 0;
        return n;
}

static void start_readers(void) {
        for (unsigned i = 0; i < READERS; i++) {
                readers[i] = fork_child();
                if (readers[i] == 0 && i == READERS - 1)
                        read_journal(i);
                if (readers[i] == 0)
                        read_table(i);
        }
}

static void stop_readers(void) {
        atomic_store(&board->over, true);
        for (unsigned i = 0; i < READERS; i++)
                await_child(readers[i]);
}

/* One writer's life: at times so short that it dies while it takes over. */
static void live_and_die(unsigned round) {
        pid_t pid = start_writer(round);

        if (random() % 4)
                while (atomic_load(&board->writing) != round)
                        sched_yield();
        usleep((useconds_t)(random() % WRITE_US));
        kill_writer(pid);
        atomic_store(&board->dead, round);
        AWAIT(all_passed(round));
}

static void readers_survive(void **state) {
        unsigned busy = 0, kills = long_run() ? KILLS_LONG : KILLS;
        uint64_t newest = 0, generation;
        struct segment segment;
        struct segment_why why;
        pid_t pid;
        int fd;

        (void)state;
        pid = start_writer(0);
        AWAIT((fd = shm_open(name, O_RDONLY, 0)) >= 0 && segment_attach(&segment, fd, &why) == 0 &&
              segment_newest(&segment) > 0);
        close(fd);
        kill_writer(pid);
        start_readers();

        for (unsigned round = 1; round <= kills; round++) {
                live_and_die(round);
                assert_true(segment_newest(&segment) >= newest);
                newest = segment_newest(&segment);
                assert_true(count_busy(&segment) <= 1);
                busy += count_busy(&segment);
                /* what the header says may be one tick behind */
                assert_in_range(atomic_load(&board->followed), newest, newest + 1);
        }
        generation = atomic_load(&segment.header->generation);
        stop_readers();

        print_message("%u kills, %u left a line half-written; %llu takeovers, %llu ticks\n", kills,
                      busy, (unsigned long long)generation, (unsigned long long)newest);
        assert_in_range(generation, kills / 2, kills + 1);
        assert_true(busy > 0);
        for (unsigned i = 0; i < READERS; i++)
                assert_true(atomic_load(&board->reads[i]) > kills);
        segment_detach(&segment);
}

static int setup(void **state) {
        (void)state;
        rig_init(&rig);
        snprintf(name, sizeof(name), "/%s", rig.segment);
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
                cmocka_unit_test_setup_teardown(readers_survive, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
