/*
 * Reading the newest tick of a place
 *
 * md_read() as a program calls it, over the library's own mapping, against a plain copy of the same
 * line and against the same line read as a seqlock. Nobody writes meanwhile.
 *
 * A hot read is of one place, in the first cache. Random reads go over the quotes of a million
 * instruments, half a gigabyte apart from one end to the other, so that each one misses the caches
 * and the TLB. Where one read does not depend on the one before, the processor has several of them
 * on the way at once; the chained ones show what each takes by itself.
 */

#include <stdlib.h>

#include "bench.h"
#include "host.h"
#include "mdclient.h"

#define INSTRUMENTS UINT32_C(1000000)
#define JOURNAL     (UINT64_C(1) << 20)

#define HOT_READS    UINT64_C(2000000)
#define RANDOM_READS UINT64_C(200000)

enum way { WAY_LIBRARY, WAY_COPY, WAY_SEQLOCK };
enum pattern { PATTERN_HOT, PATTERN_RANDOM, PATTERN_CHAINED };

struct reader {
        struct md_client *client;
        const struct table *table;
        uint64_t random;
};

static inline uint32_t next_instrument(struct reader *reader) {
        return (uint32_t)((bench_random(&reader->random) >> 32) * INSTRUMENTS >> 32);
}

/* Both are constants wherever this is called, so nothing of them is left in the loop. */
__attribute__((always_inline)) static inline void read_ticks(struct reader *reader, uint64_t n,
                                                             enum way way, enum pattern pattern) {
        uint32_t instrument = 0;
        struct md_tick tick;

        for (; n; n--) {
                if (pattern != PATTERN_HOT)
                        instrument = next_instrument(reader);
                switch (way) {
                case WAY_LIBRARY:
                        if (md_read(reader->client, instrument, MD_QUOTE, &tick) != 1)
                                abort();
                        break;
                case WAY_COPY:
                        bench_copy(&tick, table_line(reader->table, instrument, MD_QUOTE));
                        break;
                case WAY_SEQLOCK:
                        bench_seqlock_read(table_line(reader->table, instrument, MD_QUOTE), &tick);
                        break;
                }
                bench_keep(&tick);
                if (pattern == PATTERN_CHAINED)
                        reader->random += tick.seq;
        }
}

#define READ(name, way, pattern)                                                                   \
        static void name(void *userdata, uint64_t n) {                                             \
                read_ticks(userdata, n, way, pattern);                                             \
        }
READ(library_hot, WAY_LIBRARY, PATTERN_HOT)
READ(copy_hot, WAY_COPY, PATTERN_HOT)
READ(seqlock_hot, WAY_SEQLOCK, PATTERN_HOT)
READ(library_random, WAY_LIBRARY, PATTERN_RANDOM)
READ(copy_random, WAY_COPY, PATTERN_RANDOM)
READ(seqlock_random, WAY_SEQLOCK, PATTERN_RANDOM)
READ(library_chained, WAY_LIBRARY, PATTERN_CHAINED)
READ(copy_chained, WAY_COPY, PATTERN_CHAINED)
READ(seqlock_chained, WAY_SEQLOCK, PATTERN_CHAINED)
#undef READ

static void compare(struct reader *reader, const char *what, uint64_t n,
                    void (*library)(void *, uint64_t), void (*copy)(void *, uint64_t),
                    void (*seqlock)(void *, uint64_t)) {
        struct bench_contender contenders[] = {
                { .run = library, .userdata = reader },
                { .run = copy, .userdata = reader },
                { .run = seqlock, .userdata = reader },
        };

        bench_compete(contenders, 3, n);
        bench_row(what, contenders[0].ns, "64-byte copy", contenders[1].ns);
        bench_row(what, contenders[0].ns, "seqlock", contenders[2].ns);
}

int main(void) {
        struct reader reader = { .random = 1 };
        struct host host;
        cpu_set_t allowed;
        int r;

        sched_getaffinity(0, sizeof(allowed), &allowed);
        bench_title("Reading");
        r = host_init(&host, INSTRUMENTS, JOURNAL);
        if (r < 0)
                return EXIT_FAILURE;
        host_fill(&host);
        for (uint32_t i = 0; i < INSTRUMENTS; i++)
                host_quote(&host, i, i);
        r = host_connect(&host, &reader.client);
        if (r == 0) {
                bench_pin(&allowed, 0);
                reader.table = &host.segment.table;
                compare(&reader, "md_read(), one hot place", HOT_READS, library_hot, copy_hot,
                        seqlock_hot);
                compare(&reader, "md_read(), random of 1,000,000", RANDOM_READS, library_random,
                        copy_random, seqlock_random);
                compare(&reader, "md_read(), random, chained", RANDOM_READS, library_chained,
                        copy_chained, seqlock_chained);
                md_free(reader.client);
        }
        host_deinit(&host);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
