#pragma once

/*
 * Binding: from the header of a mapped segment to the pointers of a view
 *
 * The header's owner may write to it at any moment. So it is copied first, each word read once, and what
 * is judged in the copy is what is used.
 */

#include "shm/segment.h"

/* Checks all that the header says of the `size` bytes mapped at it, then makes the pointers. -EUCLEAN. */
int segment_bind(struct segment *segment, struct shm_header *shared, uint64_t size,
                 struct segment_why *why);

void segment_why_set(struct segment_why *why, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
