#pragma once

/*
 * The publisher: the one writer of the segment
 *
 * Ticks come in without a number and leave with the next one: to the journal first, to the table
 * then (shm/table.h), and at last to the header as a hint. There is no other writer of these
 * sections, in this process or any other.
 */

#include <stdint.h>

#include "shm/segment.h"

struct publisher {
        struct segment *segment;
        uint64_t next; /* number of the next tick */
};

void publisher_init(struct publisher *publisher, struct segment *segment);

/* Has the processor fetch an instrument's place of that kind. Always inline: a compiler that looks at it
 * by itself sees a function that does nothing, and leaves out the call. */
__attribute__((always_inline)) static inline void
publisher_prefetch(const struct publisher *publisher, uint32_t instrument, unsigned kind) {
        __builtin_prefetch(table_line(&publisher->segment->table, instrument, kind), 1);
}

/* Publishes a tick whose instrument and kind are inside the table, or whose kind has no place. */
void publisher_put(struct publisher *publisher, struct md_tick *tick);

/* Publishes the depth of an instrument inside the section, as of the newest tick; sets image->seq. */
void publisher_put_depth(struct publisher *publisher, uint32_t instrument,
                         struct depth_image *image);
