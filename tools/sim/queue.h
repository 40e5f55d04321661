#pragma once

/*
 * Packets that are on their way: each with the time at which it arrives
 *
 * Those with the same time keep their order. There is room for QUEUE_MAX; what is more has to be lost.
 */

#include <stddef.h>
#include <stdint.h>

#define QUEUE_MAX   (1u << 18)
#define QUEUE_NEVER INT64_MAX

struct queue_item {
        int64_t due;
        uint64_t order;
        uint8_t *data;
        size_t size;
};

struct queue {
        struct queue_item *items; /* a heap, the next one first */
        uint32_t n, room;
        uint64_t order;
};

/* Puts a copy of the packet there. -ENOMEM, -ENOBUFS. */
int queue_put(struct queue *queue, int64_t due, const uint8_t *data, size_t size);

/* When the next one is due; QUEUE_NEVER: there is none. */
int64_t queue_due(const struct queue *queue);

/* Takes the next one; its data is the caller's, to be freed. There must be one. */
struct queue_item queue_take(struct queue *queue);

void queue_deinit(struct queue *queue);
