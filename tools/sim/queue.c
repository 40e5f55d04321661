/* Packets that are on their way. */

#include "sim/queue.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64

static bool comes_before(const struct queue_item *a, const struct queue_item *b) {
        return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void swap(struct queue *queue, uint32_t i, uint32_t j) {
        struct queue_item item = queue->items[i];

        queue->items[i] = queue->items[j];
        queue->items[j] = item;
}

static int make_room(struct queue *queue) {
        uint32_t room = queue->room ? 2 * queue->room : ROOM_FIRST;
        struct queue_item *more;

        if (queue->n < queue->room)
                return 0;
        if (queue->n >= QUEUE_MAX)
                return -ENOBUFS;
        more = realloc(queue->items, room * sizeof(*more));
        if (!more)
                return -ENOMEM;
        queue->items = more;
        queue->room = room;
        return 0;
}

int queue_put(struct queue *queue, int64_t due, const uint8_t *data, size_t size) {
        uint8_t *copy;
        uint32_t i;
        int r;

        r = make_room(queue);
        if (r < 0)
                return r;
        copy = malloc(size);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, data, size);

        i = queue->n++;
        queue->items[i] = (struct queue_item){ due, queue->order++, copy, size };
        for (; i && comes_before(&queue->items[i], &queue->items[(i - 1) / 2]); i = (i - 1) / 2)
                swap(queue, i, (i - 1) / 2);
        return 0;
}

int64_t queue_due(const struct queue *queue) {
        return queue->n ? queue->items[0].due : QUEUE_NEVER;
}

struct queue_item queue_take(struct queue *queue) {
        struct queue_item first = queue->items[0];
        uint32_t i = 0, least;

        queue->items[0] = queue->items[--queue->n];
        for (;; i = least) {
                least = i;
                for (uint32_t k = 2 * i + 1; k <= 2 * i + 2 && k < queue->n; k++)
                        if (comes_before(&queue->items[k], &queue->items[least]))
                                least = k;
                if (least == i)
                        return first;
                swap(queue, i, least);
        }
}

void queue_deinit(struct queue *queue) {
        while (queue->n)
                free(queue->items[--queue->n].data);
        free(queue->items);
        *queue = (struct queue){ 0 };
}
