/* Packets that came before their turn; window.h tells the idea. */

#include "feed/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN      16u
#define WORD_BITS  64u
#define SLOT_OF(n) ((n) & (WINDOW_SPAN - 1))
#define RING_MAX   ((size_t)UINT32_MAX * ALIGN)

/* What stands before each packet in the ring, or before bytes at its end that no packet fitted into. */
struct record {
        size_t size; /* to the next one */
        uint64_t gone;
};

_Static_assert(sizeof(struct record) == ALIGN, "it fits wherever anything is left");

struct kept {
        struct record record;
        struct window_item item;
        struct kept
                *shorter; /* one in whose place it is, and which stays for its time's sake; NULL */
        uint8_t data[];
};

int window_init(struct window *window, size_t bytes) {
        if (bytes < WINDOW_MIN)
                bytes = WINDOW_MIN;
        if (bytes > RING_MAX)
                bytes = RING_MAX;
        *window = (struct window){ .size = bytes / ALIGN * ALIGN };
        /* fresh pages: nothing is touched before a packet has to wait */
        window->ring = aligned_alloc(ALIGN, window->size);
        window->slots = calloc(WINDOW_SPAN, sizeof(*window->slots));
        window->marks = calloc(WINDOW_SPAN / WORD_BITS, sizeof(*window->marks));
        if (!window->ring || !window->slots || !window->marks) {
                window_deinit(window);
                return -ENOMEM;
        }
        return 0;
}

void window_deinit(struct window *window) {
        free(window->ring);
        free(window->slots);
        free(window->marks);
        *window = (struct window){ 0 };
}

/* ---- the ring ---- */

static struct record *record_at(const struct window *window, size_t at) {
        return (struct record *)(void *)(window->ring + at);
}

static struct kept *kept_at(const struct window *window, size_t at) {
        return (struct kept *)(void *)(window->ring + at);
}

/* Gives back what is gone at the ring's old end. */
static void reclaim(struct window *window) {
        const struct record *record;

        while (window->used) {
                record = record_at(window, window->tail);
                if (!record->gone)
                        return;
                window->used -= record->size;
                window->tail += record->size;
                if (window->tail == window->size)
                        window->tail = 0;
        }
        window->head = window->tail = 0; /* the same memory again, while it is in the caches */
}

/* Bytes in a row at the head. */
static size_t room_at_head(const struct window *window) {
        if (window->used && window->head <= window->tail)
                return window->tail - window->head;
        return window->size - window->head;
}

/* Makes room for so many bytes in a row. Their place, or SIZE_MAX. */
static size_t allocate(struct window *window, size_t size) {
        struct record *record;
        size_t at;

        reclaim(window);
        if (room_at_head(window) < size && window->head > window->tail && window->tail >= size) {
                record = record_at(window, window->head);
                *record = (struct record){ window->size - window->head, true };
                window->used += record->size;
                window->head = 0;
        }
        if (room_at_head(window) < size)
                return SIZE_MAX;

        at = window->head;
        window->used += size;
        window->head += size;
        if (window->head == window->size)
                window->head = 0;
        return at;
}

/* ---- the index ---- */

static void mark(struct window *window, uint64_t number, size_t at) {
        uint64_t slot = SLOT_OF(number);

        window->slots[slot] = (uint32_t)(at / ALIGN) + 1;
        window->marks[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
        if (!window->packets || number < window->lowest)
                window->lowest = number;
        window->packets++;
}

static void unmark(struct window *window, uint64_t number) {
        uint64_t slot = SLOT_OF(number);

        window->slots[slot] = 0;
        window->marks[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
        window->packets--;
}

/* The first number from `number` on that a packet here begins with; there is one. */
static uint64_t next_marked(const struct window *window, uint64_t number) {
        uint64_t slot = SLOT_OF(number);
        uint64_t word = window->marks[slot / WORD_BITS] >> slot % WORD_BITS;

        if (word)
                return number + (unsigned)__builtin_ctzll(word);
        number += WORD_BITS - slot % WORD_BITS;
        while (!(word = window->marks[SLOT_OF(number) / WORD_BITS]))
                number += WORD_BITS;
        return number + (unsigned)__builtin_ctzll(word);
}

/* The packet that begins with that number, NULL if none does. */
static struct kept *find(const struct window *window, uint64_t number) {
        uint32_t slot = window->slots[SLOT_OF(number)];

        return slot ? kept_at(window, (size_t)(slot - 1) * ALIGN) : NULL;
}

/* ---- packets ---- */

int window_put(struct window *window, const struct packet *packet, const struct framed *framed) {
        size_t size = (sizeof(struct kept) + packet->size + ALIGN - 1) / ALIGN * ALIGN, at;
        struct kept *kept, *shorter = find(window, framed->sequence);

        if (shorter && shorter->item.framed.count >= framed->count)
                return WINDOW_E_COPY;
        at = allocate(window, size);
        if (at == SIZE_MAX)
                return WINDOW_E_FULL;

        kept = kept_at(window, at);
        *kept = (struct kept){ { size, false }, { *packet, *framed }, shorter };
        memcpy(kept->data, packet->data, packet->size);
        kept->item.packet.data = kept->data;
        kept->item.framed.rest = kept->data + (framed->rest - packet->data);
        if (shorter)
                unmark(window, framed->sequence);
        mark(window, framed->sequence, at);
        return WINDOW_OK;
}

const struct window_item *window_peek(const struct window *window) {
        return &find(window, window->lowest)->item;
}

const struct window_item *window_take(struct window *window) {
        struct kept *kept = find(window, window->lowest);

        unmark(window, window->lowest);
        if (window->packets)
                window->lowest = next_marked(window, window->lowest + 1);
        for (struct kept *gone = kept; gone; gone = gone->shorter)
                gone->record.gone = true;
        return &kept->item;
}

int64_t window_since(struct window *window) {
        reclaim(window);
        return kept_at(window, window->tail)->item.packet.now;
}

void window_clear(struct window *window) {
        while (window->packets)
                window_take(window);
        reclaim(window);
}
