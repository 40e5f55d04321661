/* The one writer of the segment. */

#include "publish/publisher.h"

#define AHEAD 32 /* ticks; so long before its turn the line of one is fetched */

void publisher_init(struct publisher *publisher, struct segment *segment) {
        *publisher = (struct publisher){ segment, segment_newest(segment) + 1 };
}

void publisher_put(struct publisher *publisher, struct md_tick *tick) {
        struct segment *segment = publisher->segment;

        tick->seq = publisher->next++;
        /* the ring is larger than the caches: a line is in none of them when its turn comes again */
        __builtin_prefetch(journal_line(&segment->journal, tick->seq + AHEAD), 1);
        journal_write(&segment->journal, tick);
        if (tick->kind < MD_PLACES)
                table_write(&segment->table, tick);
        atomic_store_explicit(&segment->header->newest, tick->seq, memory_order_release);
}

void publisher_put_depth(struct publisher *publisher, uint32_t instrument,
                         struct depth_image *image) {
        image->seq = publisher->next - 1;
        depth_write(&publisher->segment->depth, instrument, image);
}
