#pragma once

/*
 * The live orders of a feed, by the venue's reference
 *
 * A venue names each order once, with all that there is to know, and later speaks of it by its
 * reference alone. So every message but the first begins with a search here, over millions of orders,
 * of which few are in any cache. The store is one open-addressing table with linear probing, 24 bytes a
 * slot, at most five eighths full: nearly every search ends in the cache line in which it begins,
 * and orders_prefetch() can have that line fetched while other work is done.
 *
 * The place of an order is the upper part of a hash with a random factor. So nobody outside can foresee
 * which references would meet in one place, and doubling the table keeps the order of the places: what
 * is moved over in a row arrives in a row.
 *
 * An order that goes leaves no mark: those behind it that are not at their own place move up. So
 * searches are as short after a billion orders as after one.
 *
 * Growing never stalls. When the table is too full, one of twice the size stands beside it, and each
 * order that comes or goes takes a few others over; searches look into both until the old one is empty.
 * Its memory goes back to the kernel as it empties. It shrinks in the same way when seven eighths are
 * unused.
 *
 * Memory: 38 to 77 bytes per live order (1.5 million: 96 MiB), half as much again while it grows. When
 * most orders go it follows, with up to 300 bytes for each that is left. How high references are does not
 * matter.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDERS_MOVE 8  /* orders that are moved over at a time, at most, */
#define ORDERS_LOOK 32 /* and slots that are looked at for them */

struct order {
        uint64_t ref;
        int64_t px;  /* PRICE */
        uint32_t sz; /* what is left of it; 0: no order */
        uint32_t instrument : 31;
        uint32_t ask : 1; /* else bid */
};

_Static_assert(sizeof(struct order) == 24, "bytes per slot");

struct orders_table {
        struct order *slots; /* NULL: none */
        size_t mask;         /* slots less one; their number is a power of two */
        unsigned shift;      /* from the hash to the place */
};

struct orders {
        struct orders_table table;
        struct orders_table old; /* that is being moved over from */
        size_t moved;            /* slots of the old one before this are moved */
        uint64_t factor;         /* random, odd */
        size_t used;             /* live orders */
};

enum {
        ORDERS_E_EXISTS = 1, /* there is a live order of that reference */
};

/* An empty store. It takes memory with the first order. */
void orders_init(struct orders *orders);
void orders_deinit(struct orders *orders);

/* The order of that reference, NULL if there is none; it stays where it is until the next order comes
 * or goes. Its size may be made smaller, but not 0. */
struct order *orders_find(const struct orders *orders, uint64_t ref);

/* Adds an order, of a size that is not 0. ORDERS_E_EXISTS; -ENOMEM. */
int orders_add(struct orders *orders, const struct order *order);

/* Takes away one that orders_find() has found. */
void orders_remove(struct orders *orders, struct order *order);

/* The place of a reference. References come in a row, which one multiplication alone would lay out in
 * patterns. */
static inline size_t orders_home(const struct orders *orders, const struct orders_table *table,
                                 uint64_t ref) {
        uint64_t hash = ref * orders->factor;

        return ((hash ^ hash >> 32) * orders->factor) >> table->shift;
}

/* Has the processor fetch what a search for that reference will look at. */
static inline void orders_prefetch(const struct orders *orders, uint64_t ref) {
        if (orders->table.slots)
                __builtin_prefetch(&orders->table.slots[orders_home(orders, &orders->table, ref)]);
}
