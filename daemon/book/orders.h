#pragma once

/*
 * The live orders of a feed, by the venue's reference
 *
 * A venue names each order once, with all that there is to know, and later speaks of it by its
 * reference alone. So every message but the first begins with a search here, over millions of
 * orders, of which few are in any cache. The store is one open-addressing table with linear
 * probing, 24 bytes a slot, at most half full: nine searches in ten end in the slot in which they
 * begin, and orders_prefetch() can have it fetched while other work is done.
 *
 * The place of an order is the upper part of its reference, turned by a secret, times the golden
 * ratio. So references that come in a row, as they do, lie as far apart as they can; where each of
 * them lies is not known outside; and doubling the table keeps the order of the places: what is
 * moved over in a row arrives in a row.
 *
 * An order that goes leaves no mark: those behind it that are not at their own place move up. So
 * searches are as short after a billion orders as after one.
 *
 * Growing is done little by little. When the table is too full, one of twice the size stands beside
 * it, and each order that comes or goes takes a few others over, place after place. Those whose
 * place was passed are in the new table, and nowhere else; all others, new ones too, are in the old
 * one. What is taken over at a time ends at a free slot, so that no row of neighbours is torn
 * apart. Thus a search has one table to look into; the new one's memory comes from the kernel page
 * after page, each when the last is full, and the old one's goes back likewise. Pages are huge ones
 * where the kernel has them, and one of these at a time is the longest that anything waits for. The
 * table shrinks in the same way when seven eighths are unused.
 *
 * Memory: 48 to 96 bytes per live order, half as much again while it grows. When most orders go it
 * follows, with up to 300 bytes for each that is left, and never less than 96 KiB. How high
 * references are does not matter.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDERS_MOVE 8  /* orders that are moved over at a time, or a few more, */
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
        struct order *slots; /* `old` only: NULL: none */
        size_t mask;         /* slots less one; their number is a power of two */
        unsigned shift;      /* from the hash to the place */
};

struct orders {
        struct orders_table table;
        struct orders_table old; /* that is being moved over from */
        size_t begin;            /* its slot where that began, */
        size_t moved;            /* and how many from there on were passed */
        uint64_t secret;         /* random */
        size_t used;             /* live orders */
        /* with so many the table is full enough, with fewer than that too large; 0: there is none
         * yet, and what stands there instead is not to be written to */
        size_t most, least;
};

enum {
        ORDERS_E_EXISTS = 1, /* there is a live order of that reference */
};

/* An empty store. It takes memory with the first order. */
void orders_init(struct orders *orders);
void orders_deinit(struct orders *orders);

/* Adds an order, and gives the slot for the caller to fill in: the reference is there, all else is
 * 0, and the size must not remain so. ORDERS_E_EXISTS; -ENOMEM. */
int orders_add(struct orders *orders, uint64_t ref, struct order **slot);

/* For the function below: where more is to be done than to free a slot. */
void orders_remove_slowly(struct orders *orders, struct order *order);

static inline size_t orders_home(const struct orders *orders, const struct orders_table *table,
                                 uint64_t ref) {
        return ((ref ^ orders->secret) * UINT64_C(0x9e3779b97f4a7c15)) >> table->shift;
}

/* The table in which a reference is, if it is anywhere. */
static inline const struct orders_table *orders_where(const struct orders *orders, uint64_t ref) {
        const struct orders_table *old = &orders->old;

        if (__builtin_expect(!old->slots, 1))
                return &orders->table;
        return ((orders_home(orders, old, ref) - orders->begin) & old->mask) < orders->moved
                       ? &orders->table
                       : old;
}

/* The slot of a reference, or the free one where it would be. */
static inline struct order *orders_search(const struct orders *orders,
                                          const struct orders_table *table, uint64_t ref) {
        size_t i = orders_home(orders, table, ref);

        while (table->slots[i].sz && table->slots[i].ref != ref)
                i = (i + 1) & table->mask;
        return &table->slots[i];
}

/* The order of that reference, NULL if there is none; it stays where it is until the next order
 * comes or goes. Its size may be made smaller, but not 0. */
static inline struct order *orders_find(const struct orders *orders, uint64_t ref) {
        struct order *order = orders_search(orders, orders_where(orders, ref), ref);

        return order->sz ? order : NULL;
}

/* Takes away one that orders_find() has found. */
static inline void orders_remove(struct orders *orders, struct order *order) {
        const struct orders_table *table = &orders->table;
        size_t next = ((size_t)(order - table->slots) + 1) & table->mask;

        if (orders->old.slots || orders->used <= orders->least || table->slots[next].sz) {
                orders_remove_slowly(orders, order);
                return;
        }
        *order = (struct order){ 0 };
        orders->used--;
}

/* Has the processor fetch what a search for that reference will look at: the slot in which it
 * begins, and the next one, which may be in another cache line. Always inline: a compiler that looks at it
 * by itself sees a function that does nothing, and leaves out the call. */
__attribute__((always_inline)) static inline void orders_prefetch(const struct orders *orders,
                                                                  uint64_t ref) {
        const struct orders_table *table = orders_where(orders, ref);
        const struct order *slot = &table->slots[orders_home(orders, table, ref)];

        __builtin_prefetch(slot);
        __builtin_prefetch((const char *)slot + 2 * sizeof(*slot) - 1);
}
