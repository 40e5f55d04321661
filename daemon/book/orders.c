/* The live orders of a feed; orders.h tells the idea. */

#include "book/orders.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

#define SLOTS_MIN (1u << 12)
#define HUGE_PAGE (2u << 20)

/* ---- tables ---- */

static int table_init(struct orders_table *table, size_t slots) {
        size_t size = slots * sizeof(struct order);
        void *memory;

        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                return -ENOMEM;
        /* one address in the processor's own table for 2 MiB instead of 512; a wish, no more */
        if (size >= HUGE_PAGE)
                madvise(memory, size, MADV_HUGEPAGE);
        *table = (struct orders_table){
                .slots = memory,
                .mask = slots - 1,
                .shift = 64 - (unsigned)__builtin_ctzl(slots),
        };
        return 0;
}

static void table_deinit(struct orders_table *table) {
        if (table->slots)
                munmap(table->slots, (table->mask + 1) * sizeof(struct order));
        *table = (struct orders_table){ 0 };
}

/* The slot of a reference, or the empty one where it would be. */
static inline struct order *search(const struct orders *orders, uint64_t ref) {
        const struct orders_table *table = &orders->table;
        size_t i = orders_home(orders, table, ref);

        while (table->slots[i].sz && table->slots[i].ref != ref)
                i = (i + 1) & table->mask;
        return &table->slots[i];
}

/* ---- from the old table to the new one ---- */

/* An order that left the old table early; its place there is not free, for others may stand behind. */
static inline bool is_gone(const struct order *slot) {
        return !slot->sz && slot->px;
}

static void mark_gone(struct order *slot) {
        slot->sz = 0;
        slot->px = 1;
}

/*
 * A search in what is left of the old table. Slots before `moved` are free, but what stands behind them
 * may belong there; so a search that would begin there begins at `moved`, and one that passes the end
 * goes on there. It is over when it has seen all that is left.
 */
static struct order *search_old(const struct orders *orders, uint64_t ref) {
        const struct orders_table *old = &orders->old;
        size_t i = orders_home(orders, old, ref);

        if (i < orders->moved)
                i = orders->moved;
        for (size_t n = old->mask + 1 - orders->moved; n > 0; n--) {
                struct order *slot = &old->slots[i];

                if (slot->sz ? slot->ref == ref : !is_gone(slot))
                        return slot->sz ? slot : NULL;
                if (++i > old->mask)
                        i = orders->moved;
        }
        return NULL;
}

/* Gives back the memory of the slots that were moved, whenever a huge page's worth of them was. */
static void give_back(struct orders *orders, size_t before) {
        char *base = (char *)orders->old.slots;
        size_t from = before * sizeof(struct order) / HUGE_PAGE * HUGE_PAGE;
        size_t to = orders->moved * sizeof(struct order) / HUGE_PAGE * HUGE_PAGE;

        if (to > from)
                madvise(base + from, to - from, MADV_DONTNEED);
}

/* Moves over the next few orders, if there is an old table. */
static void move(struct orders *orders) {
        const struct orders_table *old = &orders->old;
        size_t before = orders->moved, end = before + ORDERS_LOOK;
        unsigned n = 0;

        if (!old->slots)
                return;
        if (end > old->mask)
                end = old->mask + 1;
        for (; orders->moved < end && n < ORDERS_MOVE; orders->moved++) {
                const struct order *slot = &old->slots[orders->moved];

                if (slot->sz) {
                        *search(orders, slot->ref) = *slot;
                        n++;
                }
        }
        give_back(orders, before);
        if (orders->moved > old->mask)
                table_deinit(&orders->old);
}

/* Begins to move to a table of that many slots. */
static int resize(struct orders *orders, size_t slots) {
        struct orders_table table;
        int r;

        r = table_init(&table, slots);
        if (r < 0)
                return r;
        orders->old = orders->table;
        orders->table = table;
        orders->moved = 0;
        return 0;
}

/* Makes room for one more. A table that cannot grow is used until it is nearly full. */
static int make_room(struct orders *orders) {
        size_t slots = orders->table.slots ? orders->table.mask + 1 : 0;
        int r;

        if (orders->old.slots || orders->used < slots / 8 * 5)
                return 0;
        r = resize(orders, slots ? 2 * slots : SLOTS_MIN);
        return r < 0 && orders->used >= slots / 8 * 7 ? r : 0;
}

/* Gives room back. A table that cannot shrink remains as it is. */
static void spare_room(struct orders *orders) {
        size_t slots = orders->table.mask + 1;

        if (!orders->old.slots && slots > SLOTS_MIN && orders->used < slots / 8)
                resize(orders, slots / 2);
}

/* ---- orders ---- */

void orders_init(struct orders *orders) {
        *orders = (struct orders){ 0 };
        if (getrandom(&orders->factor, sizeof(orders->factor), 0) != sizeof(orders->factor))
                orders->factor = UINT64_C(0x9e3779b97f4a7c15);
        orders->factor |= 1;
}

void orders_deinit(struct orders *orders) {
        table_deinit(&orders->table);
        table_deinit(&orders->old);
        orders->used = 0;
}

struct order *orders_find(const struct orders *orders, uint64_t ref) {
        struct order *order;

        if (!orders->table.slots)
                return NULL;
        order = search(orders, ref);
        if (order->sz)
                return order;
        return orders->old.slots ? search_old(orders, ref) : NULL;
}

int orders_add(struct orders *orders, const struct order *order) {
        struct order *slot;
        int r;

        r = make_room(orders);
        if (r < 0)
                return r;
        move(orders);
        slot = search(orders, order->ref);
        if (slot->sz || (orders->old.slots && search_old(orders, order->ref)))
                return ORDERS_E_EXISTS;
        *slot = *order;
        orders->used++;
        return 0;
}

/* Moves up those behind a slot that became free, as far as they are not at home. */
static void close_up(struct orders *orders, size_t hole) {
        const struct orders_table *table = &orders->table;

        for (size_t i = (hole + 1) & table->mask; table->slots[i].sz; i = (i + 1) & table->mask) {
                size_t away = (i - orders_home(orders, table, table->slots[i].ref)) & table->mask;

                if (away < ((i - hole) & table->mask))
                        continue;
                table->slots[hole] = table->slots[i];
                hole = i;
        }
        table->slots[hole] = (struct order){ 0 };
}

void orders_remove(struct orders *orders, struct order *order) {
        const struct orders_table *old = &orders->old;

        if (old->slots && order >= old->slots && order <= old->slots + old->mask)
                mark_gone(order);
        else
                close_up(orders, (size_t)(order - orders->table.slots));
        orders->used--;
        move(orders);
        spare_room(orders);
}
