/* The one writer of the segment. */

#include "publish/publisher.h"

void publisher_init(struct publisher *publisher, struct segment *segment) {
        *publisher = (struct publisher){ segment, segment_newest(segment) + 1 };
}

void publisher_put(struct publisher *publisher, struct md_tick *tick) {
        struct segment *segment = publisher->segment;

        tick->seq = publisher->next++;
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
