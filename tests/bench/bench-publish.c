/*
 * Publishing one tick
 *
 * publisher_put() writes a line of the journal, a line of the table, and the number of the newest tick.
 * The least that this could cost is copying 64 bytes twice, to memory of the same shape; what a table
 * alone would cost, without a journal that readers can fall back on, is one write of a seqlock. Nobody
 * reads meanwhile.
 *
 * The journal goes through all its memory, as it does in life: it is far larger than the caches.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "host.h"

#define INSTRUMENTS UINT32_C(10000)
#define JOURNAL     (UINT64_C(1) << 20)
#define PUTS        UINT64_C(1000000)

struct writer {
        struct publisher *publisher;
        struct journal ring; /* of the same shapes as the publisher's, and nobody else's */
        struct table table;
        uint64_t next;
        uint64_t random;
};

enum way { WAY_PUBLISHER, WAY_COPY, WAY_SEQLOCK };

/* Way and pattern are constants wherever this is called, so nothing of them is left in the loop. */
__attribute__((always_inline)) static inline void write_ticks(struct writer *writer, uint64_t n,
                                                              enum way way, bool random) {
        struct md_tick tick = { .kind = MD_QUOTE, .flags = MD_FLAG_LAST };

        for (; n; n--) {
                if (random)
                        tick.instrument =
                                (uint32_t)((bench_random(&writer->random) >> 32) * INSTRUMENTS >>
                                           32);
                switch (way) {
                case WAY_PUBLISHER:
                        publisher_put(writer->publisher, &tick);
                        break;
                case WAY_COPY:
                        bench_keep(&tick);
                        bench_copy(journal_line(&writer->ring, writer->next++), &tick);
                        bench_copy(table_line(&writer->table, tick.instrument, tick.kind), &tick);
                        break;
                case WAY_SEQLOCK:
                        bench_keep(&tick);
                        bench_seqlock_write(table_line(&writer->table, tick.instrument, tick.kind),
                                            &tick);
                        break;
                }
        }
}

#define WRITE(name, way, random)                                                                   \
        static void name(void *userdata, uint64_t n) {                                             \
                write_ticks(userdata, n, way, random);                                             \
        }
WRITE(publisher_one, WAY_PUBLISHER, false)
WRITE(copy_one, WAY_COPY, false)
WRITE(seqlock_one, WAY_SEQLOCK, false)
WRITE(publisher_random, WAY_PUBLISHER, true)
WRITE(copy_random, WAY_COPY, true)
WRITE(seqlock_random, WAY_SEQLOCK, true)
#undef WRITE

static void compare(struct writer *writer, const char *what, void (*publisher)(void *, uint64_t),
                    void (*copy)(void *, uint64_t), void (*seqlock)(void *, uint64_t)) {
        struct bench_contender contenders[] = {
                { .run = publisher, .userdata = writer },
                { .run = copy, .userdata = writer },
                { .run = seqlock, .userdata = writer },
        };

        bench_compete(contenders, 3, PUTS);
        bench_row(what, contenders[0].ns, "64-byte copy, twice", contenders[1].ns);
        bench_row(what, contenders[0].ns, "seqlock", contenders[2].ns);
}

/* Shared memory without a name: of the same kind and page size as the segment's. */
static void *get_memory(size_t size) {
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

        if (memory != MAP_FAILED)
                return memory;
        fprintf(stderr, "no memory for the yardsticks: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
}

int main(void) {
        struct writer writer = { .random = 1 };
        struct host host;
        cpu_set_t allowed;

        sched_getaffinity(0, sizeof(allowed), &allowed);
        bench_title("Publishing");
        bench_pin(&allowed, 0);
        if (host_init(&host, INSTRUMENTS, JOURNAL) < 0)
                return EXIT_FAILURE;
        host_fill(&host);
        writer.publisher = &host.publisher;
        writer.ring = host.segment.journal;
        writer.ring.lines = get_memory(JOURNAL * sizeof(struct line));
        writer.table = host.segment.table;
        writer.table.base = get_memory(INSTRUMENTS * writer.table.stride);

        compare(&writer, "publisher_put(), one instrument", publisher_one, copy_one, seqlock_one);
        compare(&writer, "publisher_put(), random of 10,000", publisher_random, copy_random,
                seqlock_random);
        host_deinit(&host);
        return EXIT_SUCCESS;
}
