/* The last tick of each place, read while the writer is at any point of its work, or dead there. */

#include "shm/table.h"

#include <errno.h>
#include <pthread.h>

#include "step-try.h"
#include "tick-try.h"

#define SIZE        64 /* of the journal */
#define INSTRUMENTS 3
#define STRIDE      ((MD_PLACES + 1) * sizeof(struct line)) /* records may have grown */

struct store {
        struct journal journal;
        struct table table;
};

static void store_init(struct store *store) {
        store->journal = (struct journal){ .lines = lines_new(SIZE), .size = SIZE };
        store->table = (struct table){
                .base = (char *)lines_new(INSTRUMENTS * (MD_PLACES + 1)),
                .count = INSTRUMENTS,
                .stride = STRIDE,
        };
}

static void store_deinit(struct store *store) {
        lines_free(store->journal.lines, SIZE);
        lines_free((struct line *)(void *)store->table.base, INSTRUMENTS * (MD_PLACES + 1));
}

/* Tick `seq` of a stream that goes through all places in an order of its own. */
static struct md_tick tick_of(uint64_t seq) {
        return tick_make(seq, tick_mix(seq) % INSTRUMENTS, tick_mix(seq + 9) % MD_PLACES, 0);
}

static void put(struct store *store, const struct md_tick *tick) {
        journal_write(&store->journal, tick);
        table_write(&store->table, tick);
}

static void assert_place(const struct store *store, uint32_t instrument, unsigned kind,
                         uint64_t seq) {
        struct md_tick tick;

        assert_int_equal(table_read(&store->table, &store->journal, instrument, kind, &tick), 0);
        assert_int_equal(tick.seq, seq);
        assert_int_equal(table_seq(&store->table, instrument, kind), seq);
        if (seq) {
                assert_int_equal(tick.instrument, instrument);
                assert_int_equal(tick.kind, kind);
                assert_true(tick_whole(&tick, 0));
        }
}

static void test_each_place_is_its_own(void **state) {
        struct store store;
        uint64_t seq = 0;

        (void)state;
        store_init(&store);
        for (uint32_t i = 0; i < INSTRUMENTS; i++)
                for (unsigned kind = 0; kind < MD_PLACES; kind++)
                        assert_place(&store, i, kind, 0);
        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        struct md_tick tick = tick_make(++seq, i, kind, 0);

                        put(&store, &tick);
                }
        }
        for (uint32_t i = 0; i < INSTRUMENTS; i++)
                for (unsigned kind = 0; kind < MD_PLACES; kind++)
                        assert_place(&store, i, kind, i * MD_PLACES + kind + 1);
        store_deinit(&store);
}

struct put {
        struct store *store;
        struct md_tick tick;
};

static void put_one(void *argument) {
        struct put *args = argument;

        put(args->store, &args->tick);
}

/* A writer that is stopped anywhere: each place shows its last tick whole, be it the one before or
 * this one. Returns whether a place was seen BUSY. */
static bool stop_anywhere(struct store *store, uint64_t last[INSTRUMENTS][MD_PLACES],
                          uint64_t seq) {
        struct put args = { store, tick_of(seq) };
        uint32_t instrument = args.tick.instrument;
        unsigned kind = args.tick.kind;
        bool busy = false;
        pid_t pid;

        pid = step_begin(put_one, &args);
        while (step(pid)) {
                busy |= (line_seq(table_line(&store->table, instrument, kind)) & LINE_BUSY) != 0;
                if (table_seq(&store->table, instrument, kind) == seq)
                        last[instrument][kind] = seq;
                for (uint32_t i = 0; i < INSTRUMENTS; i++)
                        for (unsigned k = 0; k < MD_PLACES; k++)
                                assert_place(store, i, k, last[i][k]);
                /* whoever has seen it in the table can go on from it in the journal */
                if (last[instrument][kind] == seq)
                        assert_int_equal(journal_look(&store->journal, seq), JOURNAL_OK);
        }
        assert_place(store, instrument, kind, seq);
        return busy;
}

static void test_stopped_writer(void **state) {
        uint64_t last[INSTRUMENTS][MD_PLACES] = { 0 }, seq = 0;
        struct store store;

        (void)state;
        store_init(&store);
        for (unsigned i = 0; i < 4; i++) {
                assert_true(stop_anywhere(&store, last, ++seq));
                for (unsigned n = 0; n < SIZE / 2; n++) {
                        struct md_tick tick = tick_of(++seq);

                        put(&store, &tick);
                        last[tick.instrument][tick.kind] = seq;
                }
        }
        store_deinit(&store);
}

/* What no writer can leave behind is named, not waited for. */
static void test_damage_is_told(void **state) {
        struct md_tick tick = tick_make(7, 1, MD_TRADE, 0), other;
        struct store store;

        (void)state;
        store_init(&store);
        line_write_part(table_line(&store.table, 1, MD_TRADE), &tick, 3);
        assert_int_equal(table_read(&store.table, &store.journal, 1, MD_TRADE, &other), -EUCLEAN);
        other = tick_make(7 + SIZE, 2, MD_QUOTE, 0);
        journal_write(&store.journal, &other);
        assert_int_equal(table_read(&store.table, &store.journal, 1, MD_TRADE, &other), -EUCLEAN);
        journal_write(&store.journal, &tick);
        assert_place(&store, 1, MD_TRADE, 7);
        store_deinit(&store);
}

/* ---- readers beside a writer ---- */

#define TICKS   2000000
#define READERS 3

struct reader {
        pthread_t thread;
        const struct store *store;
        const _Atomic bool *over;
        uint64_t reads, torn, older, damaged, strange;
};

static void *read_places(void *argument) {
        struct reader *reader = argument;
        uint64_t last[INSTRUMENTS][MD_PLACES] = { 0 };
        struct md_tick tick;

        while (!atomic_load(reader->over) || reader->reads < 1000) {
                uint64_t n = tick_mix(reader->reads++);
                uint32_t i = n % INSTRUMENTS;
                unsigned kind = n / INSTRUMENTS % MD_PLACES;

                if (table_read(&reader->store->table, &reader->store->journal, i, kind, &tick) <
                    0) {
                        reader->damaged++;
                        continue;
                }
                reader->older += tick.seq < last[i][kind];
                last[i][kind] = tick.seq;
                if (!tick.seq)
                        continue;
                reader->torn += !tick_whole(&tick, 0);
                reader->strange += tick.instrument != i || tick.kind != kind;
        }
        return NULL;
}

static void test_readers(void **state) {
        struct reader readers[READERS] = { 0 };
        _Atomic bool over = false;
        struct md_tick tick;
        struct store store;

        (void)state;
        store_init(&store);
        for (unsigned i = 0; i < READERS; i++) {
                readers[i].store = &store;
                readers[i].over = &over;
                assert_int_equal(pthread_create(&readers[i].thread, NULL, read_places, &readers[i]),
                                 0);
        }
        for (uint64_t seq = 1; seq <= TICKS; seq++) {
                /* most of them to few places, so that they are met being written */
                tick = tick_of(seq % 4 ? seq % 2 : seq);
                tick = tick_make(seq, tick.instrument, tick.kind, 0);
                put(&store, &tick);
        }
        atomic_store(&over, true);
        for (unsigned i = 0; i < READERS; i++) {
                assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
                assert_int_equal(readers[i].damaged, 0);
                assert_int_equal(readers[i].torn, 0);
                assert_int_equal(readers[i].older, 0);
                assert_int_equal(readers[i].strange, 0);
        }
        assert_place(&store, tick.instrument, tick.kind, TICKS);
        store_deinit(&store);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_place_is_its_own),
                cmocka_unit_test(test_stopped_writer),
                cmocka_unit_test(test_damage_is_told),
                cmocka_unit_test(test_readers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
