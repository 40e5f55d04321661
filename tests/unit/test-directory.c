/* Instruments and their index: found, told apart, and whole for whoever can see them. */

#include "shm/directory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STRIDE (sizeof(struct shm_instrument) + 64) /* records may have grown */

struct try {
        struct directory directory;
        _Atomic uint32_t count;
};

static void try_init(struct try *try, uint32_t capacity) {
        uint64_t slots = directory_slots(capacity);

        atomic_init(&try->count, 0);
        try->directory = (struct directory){
                .base = aligned_alloc(64, capacity * STRIDE),
                .stride = STRIDE,
                .capacity = capacity,
                .index = calloc(slots, sizeof(uint64_t)),
                .slots = slots,
                .count = &try->count,
        };
        assert_non_null(try->directory.base);
        assert_non_null(try->directory.index);
        memset(try->directory.base, 0, capacity * STRIDE);
}

static void try_deinit(struct try *try) {
        free(try->directory.base);
        free((void *)(uintptr_t)try->directory.index);
}

static struct shm_instrument entry(const char *symbol, const char *venue) {
        struct shm_instrument entry = { .size_exp = -2 };

        memcpy(entry.symbol, symbol, strlen(symbol));
        memcpy(entry.venue, venue, strlen(venue));
        return entry;
}

static int64_t add(struct try *try, const char *symbol, const char *venue) {
        struct shm_instrument instrument = entry(symbol, venue);

        return directory_add(&try->directory, &instrument);
}

/* venue NULL: any */
static int64_t find(const struct try *try, const char *symbol, const char *venue) {
        struct shm_instrument key = entry(symbol, venue ? venue : "");

        return directory_find(&try->directory, key.symbol, venue ? key.venue : NULL);
}

static unsigned slots_used(const struct try *try) {
        unsigned n = 0;

        for (uint64_t i = 0; i < try->directory.slots; i++)
                n += try->directory.index[i] != 0;
        return n;
}

static void test_finds_what_was_added(void **state) {
        struct try try;

        (void)state;
        try_init(&try, 8);
        assert_int_equal(find(&try, "AAPL", "IEXG"), -ENOENT);
        assert_int_equal(find(&try, "AAPL", NULL), -ENOENT);
        assert_int_equal(add(&try, "AAPL", "IEXG"), 0);
        assert_int_equal(add(&try, "AAPL.A", "IEXG"), 1);
        assert_int_equal(add(&try, "0123456789012345678901234567890", "12345678"), 2);
        assert_int_equal(directory_count(&try.directory), 3);

        assert_int_equal(find(&try, "AAPL", "IEXG"), 0);
        assert_int_equal(find(&try, "AAPL", NULL), 0);
        assert_int_equal(find(&try, "AAPL.A", NULL), 1);
        assert_int_equal(find(&try, "0123456789012345678901234567890", "12345678"), 2);
        assert_int_equal(find(&try, "AAP", NULL), -ENOENT);
        assert_int_equal(find(&try, "AAPL.", NULL), -ENOENT);
        assert_int_equal(find(&try, "AAPL", "IEX"), -ENOENT);
        assert_int_equal(find(&try, "aapl", NULL), -ENOENT);
        assert_int_equal(directory_get(&try.directory, 1)->size_exp, -2);
        try_deinit(&try);
}

static void test_venues_are_told_apart(void **state) {
        struct try try;

        (void)state;
        try_init(&try, 8);
        assert_int_equal(add(&try, "IBM", "XNYS"), 0);
        assert_int_equal(add(&try, "IBM", "IEXG"), 1);
        assert_int_equal(add(&try, "IBM", ""), 2); /* no venue is a venue of its own */
        assert_int_equal(find(&try, "IBM", "XNYS"), 0);
        assert_int_equal(find(&try, "IBM", "IEXG"), 1);
        assert_int_equal(find(&try, "IBM", ""), 2);
        assert_int_equal(find(&try, "IBM", "XLON"), -ENOENT);
        assert_int_equal(find(&try, "IBM", NULL), -ENOTUNIQ);
        try_deinit(&try);
}

static void test_full_is_full(void **state) {
        static const uint32_t capacities[] = { 1, 2, 8, 9, 1000 };

        (void)state;
        for (unsigned c = 0; c < 5; c++) {
                uint32_t capacity = capacities[c];
                char symbol[SYMBOL_SIZE];
                struct try try;

                try_init(&try, capacity);
                assert_true(try.directory.slots >= 2 * capacity);
                for (uint32_t i = 0; i < capacity; i++) {
                        snprintf(symbol, sizeof(symbol), "S%u", i);
                        assert_int_equal(add(&try, symbol, "IEXG"), i);
                }
                assert_int_equal(add(&try, "MORE", "IEXG"), -ENOSPC);
                assert_int_equal(directory_count(&try.directory), capacity);
                assert_int_equal(slots_used(&try), capacity);
                for (uint32_t i = 0; i < capacity; i++) {
                        snprintf(symbol, sizeof(symbol), "S%u", i);
                        assert_int_equal(find(&try, symbol, "IEXG"), i);
                }
                assert_int_equal(find(&try, "MORE", "IEXG"), -ENOENT);
                try_deinit(&try);
        }
}

/* Published: readers in other languages compute it, too. */
static void test_hash_is_fnv1a(void **state) {
        (void)state;
        assert_true(directory_hash((char[SYMBOL_SIZE]){ "" }) == UINT64_C(0xcbf29ce484222325));
        assert_true(directory_hash((char[SYMBOL_SIZE]){ "a" }) == UINT64_C(0xaf63dc4c8601ec8c));
        assert_true(directory_hash((char[SYMBOL_SIZE]){ "foobar\0junk" }) ==
                    UINT64_C(0x85944171f73967e8));
}

/* A successor adds what a killed writer had counted and not linked; nothing else, and once. */
static void test_repair(void **state) {
        struct shm_instrument instrument = entry("LOST", "IEXG");
        struct try try;

        (void)state;
        try_init(&try, 8);
        directory_repair(&try.directory);
        assert_int_equal(slots_used(&try), 0);

        add(&try, "LOST", "XNYS");
        memcpy((void *)directory_get(&try.directory, 1), (const void *)&instrument,
               sizeof(instrument));
        assert_int_equal(find(&try, "LOST", "IEXG"), -ENOENT); /* killed before it was counted */
        atomic_store(&try.count, 2);
        assert_int_equal(find(&try, "LOST", "IEXG"), -ENOENT); /* killed before it was linked */

        for (unsigned i = 0; i < 2; i++) {
                directory_repair(&try.directory);
                assert_int_equal(find(&try, "LOST", "IEXG"), 1);
                assert_int_equal(find(&try, "LOST", "XNYS"), 0);
                assert_int_equal(slots_used(&try), 2);
        }
        assert_int_equal(add(&try, "NEXT", "IEXG"), 2);
        try_deinit(&try);
}

/* The daemon that takes a damaged index over comes back as well, and so does the next new instrument. */
static void test_damage_does_not_hold_the_writer(void **state) {
        struct try try;

        (void)state;
        try_init(&try, 8);
        add(&try, "AAPL", "IEXG");
        for (uint64_t i = 0; i < try.directory.slots; i++)
                atomic_store(&try.directory.index[i], UINT64_MAX);
        directory_repair(&try.directory);
        assert_int_equal(add(&try, "MSFT", "IEXG"), 1);
        assert_int_equal(slots_used(&try), try.directory.slots);
        try_deinit(&try);
}

/* Whatever stands in the index and the count, a reader comes back, with nothing from outside. */
static void test_damage_does_not_hold_a_reader(void **state) {
        uint64_t hash = directory_hash((char[SYMBOL_SIZE]){ "AAPL" });
        struct try try;

        (void)state;
        try_init(&try, 8);
        add(&try, "AAPL", "IEXG");
        for (uint64_t i = 0; i < try.directory.slots; i++)
                atomic_store(&try.directory.index[i], UINT64_MAX);
        assert_int_equal(find(&try, "AAPL", "IEXG"), -ENOENT);
        for (uint64_t i = 0; i < try.directory.slots; i++)
                atomic_store(&try.directory.index[i], (hash >> 32 << 32) | (9 + i));
        assert_int_equal(find(&try, "AAPL", "IEXG"), -ENOENT);
        atomic_store(&try.directory.index[(hash + 5) % 16], (hash >> 32 << 32) | 1);
        assert_int_equal(find(&try, "AAPL", "IEXG"), 0);

        atomic_store(&try.count, UINT32_MAX);
        assert_int_equal(directory_count(&try.directory), 8);
        try_deinit(&try);
}

/* ---- readers beside a writer ---- */

#define INSTRUMENTS 20000
#define READERS     3

struct reader {
        pthread_t thread;
        const struct try *try;
        uint64_t found, unfinished, lost, wrong;
};

static void symbol_of(char symbol[SYMBOL_SIZE], uint32_t i) {
        snprintf(symbol, SYMBOL_SIZE, "T%u", i * 2654435761u);
}

/* By number: whoever sees the count sees the instrument. */
static void look_at_newest(struct reader *reader, uint32_t count) {
        const struct shm_instrument *newest;
        char symbol[SYMBOL_SIZE];

        newest = directory_get(&reader->try->directory, count - 1);
        symbol_of(symbol, count - 1);
        reader->unfinished += strcmp(newest->symbol, symbol) != 0 || newest->size_exp != -2;
}

/* By name: the writer links each instrument before it counts the next. */
static void look_up(struct reader *reader, uint32_t count, uint32_t i) {
        char symbol[SYMBOL_SIZE];
        int64_t found;

        symbol_of(symbol, i);
        found = find(reader->try, symbol, i % 2 ? "IEXG" : NULL);
        if (found == i)
                reader->found++;
        else if (found != -ENOENT)
                reader->wrong++;
        else
                reader->lost += i + 1 < count;
}

static void *look(void *argument) {
        struct reader *reader = argument;
        uint32_t count, i = 1;

        do {
                count = directory_count(&reader->try->directory);
                if (!count)
                        continue;
                look_at_newest(reader, count);
                i = i * 1103515245 + 12345;
                look_up(reader, count, (i >> 8) % INSTRUMENTS);
                look_up(reader, count, count - 1);
        } while (count < INSTRUMENTS);
        return NULL;
}

static void test_readers(void **state) {
        struct reader readers[READERS] = { 0 };
        char symbol[SYMBOL_SIZE];
        struct try try;

        (void)state;
        try_init(&try, INSTRUMENTS);
        for (unsigned i = 0; i < READERS; i++) {
                readers[i].try = &try;
                assert_int_equal(pthread_create(&readers[i].thread, NULL, look, &readers[i]), 0);
        }
        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                symbol_of(symbol, i);
                assert_int_equal(add(&try, symbol, "IEXG"), i);
        }
        for (unsigned i = 0; i < READERS; i++) {
                assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
                assert_int_equal(readers[i].unfinished, 0);
                assert_int_equal(readers[i].lost, 0);
                assert_int_equal(readers[i].wrong, 0);
        }
        try_deinit(&try);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_finds_what_was_added),
                cmocka_unit_test(test_venues_are_told_apart),
                cmocka_unit_test(test_full_is_full),
                cmocka_unit_test(test_hash_is_fnv1a),
                cmocka_unit_test(test_repair),
                cmocka_unit_test(test_damage_does_not_hold_a_reader),
                cmocka_unit_test(test_damage_does_not_hold_the_writer),
                cmocka_unit_test(test_readers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
