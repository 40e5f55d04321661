/* The live orders of a feed; orders.h tells the idea. */

#include "book/orders.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

#define SLOTS_MIN (1u << 12)
#define HUGE_PAGE (2u << 20)

/* What a store searches in that has no table yet. */
static struct order no_orders[2];

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

/* ---- from the old table to the new one ---- */

/* Gives back the memory of slots of the old table that were passed, whenever a huge page's worth of
 * them was. Those before the first one passed are the last, and may be in use until then. */
static void give_back(struct orders *orders, size_t before) {
        const struct orders_table *old = &orders->old;
        size_t most = (old->mask + 1) * sizeof(struct order);
        size_t least = orders->begin * sizeof(struct order);
        size_t from = least + before * sizeof(struct order);
        size_t to = least + orders->moved * sizeof(struct order);

        if (from < least + HUGE_PAGE)
                from = least + HUGE_PAGE;
        if (to > most)
                to = most;
        from = from / HUGE_PAGE * HUGE_PAGE;
        to = to / HUGE_PAGE * HUGE_PAGE;
        if (to > from)
                madvise((char *)old->slots + from, to - from, MADV_DONTNEED);
}

/* Moves over the next few orders, up to a free slot. */
__attribute__((cold)) static void move(struct orders *orders) {
        const struct orders_table *old = &orders->old;
        size_t before = orders->moved;
        unsigned n = 0;
        bool in_row;

        do {
                struct order *slot = &old->slots[(orders->begin + orders->moved++) & old->mask];

                in_row = slot->sz;
                if (in_row) {
                        *orders_search(orders, &orders->table, slot->ref) = *slot;
                        *slot = (struct order){ 0 };
                        n++;
                }
        } while (in_row || (n < ORDERS_MOVE && orders->moved < before + ORDERS_LOOK &&
                            orders->moved <= old->mask));
        if (orders->moved > old->mask)
                table_deinit(&orders->old);
        else
                give_back(orders, before);
}

/* Begins to move to a table of that many slots. */
static int resize(struct orders *orders, size_t slots) {
        struct orders_table table;
        int r;

        r = table_init(&table, slots);
        if (r < 0)
                return r;
        if (orders->most)
                orders->old = orders->table;
        orders->table = table;
        orders->moved = 0;
        for (orders->begin = 0; orders->most && orders->old.slots[orders->begin].sz;)
                orders->begin++;
        orders->most = slots / 2;
        orders->least = slots > SLOTS_MIN ? slots / 8 : 0;
        return 0;
}

/* The table has as many as it should. One that cannot grow is used until it is nearly full. */
__attribute__((cold)) static int grow(struct orders *orders) {
        size_t slots = orders->most ? orders->table.mask + 1 : 0;
        int r;

        if (orders->old.slots)
                return 0;
        r = resize(orders, slots ? 2 * slots : SLOTS_MIN);
        return r < 0 && orders->used >= slots / 8 * 7 ? r : 0;
}

/* The table has fewer than it should. One that cannot shrink remains as it is. */
__attribute__((cold)) static void shrink(struct orders *orders) {
        if (!orders->old.slots)
                resize(orders, (orders->table.mask + 1) / 2);
}

/* ---- orders ---- */

static void begin_empty(struct orders *orders) {
        orders->table = (struct orders_table){ .slots = no_orders, .mask = 1, .shift = 63 };
        orders->old = (struct orders_table){ 0 };
        orders->used = orders->most = orders->least = 0;
}

void orders_init(struct orders *orders) {
        *orders = (struct orders){ 0 };
        /* without a secret it works as well, for references that mean no harm */
        if (getrandom(&orders->secret, sizeof(orders->secret), 0) != sizeof(orders->secret))
                orders->secret = 0;
        begin_empty(orders);
}

void orders_deinit(struct orders *orders) {
        if (orders->most)
                table_deinit(&orders->table);
        table_deinit(&orders->old);
        begin_empty(orders);
}

int orders_add(struct orders *orders, uint64_t ref, struct order **slot) {
        struct order *free_one;
        int r;

        if (orders->used >= orders->most) {
                r = grow(orders);
                if (r < 0)
                        return r;
        }
        if (orders->old.slots)
                move(orders);
        free_one = orders_search(orders, orders_where(orders, ref), ref);
        if (free_one->sz)
                return ORDERS_E_EXISTS;
        free_one->ref = ref;
        *slot = free_one;
        orders->used++;
        return 0;
}

/* Moves up those behind a slot that became free, as far as they are not at home. */
static void close_up(const struct orders *orders, const struct orders_table *table, size_t hole) {
        for (size_t i = (hole + 1) & table->mask; table->slots[i].sz; i = (i + 1) & table->mask) {
                size_t away = (i - orders_home(orders, table, table->slots[i].ref)) & table->mask;

                if (away < ((i - hole) & table->mask))
                        continue;
                table->slots[hole] = table->slots[i];
                hole = i;
        }
        table->slots[hole] = (struct order){ 0 };
}

void orders_remove_slowly(struct orders *orders, struct order *order) {
        const struct orders_table *table = orders_where(orders, order->ref);

        close_up(orders, table, (size_t)(order - table->slots));
        orders->used--;
        if (orders->old.slots)
                move(orders);
        else if (orders->used < orders->least)
                shrink(orders);
}
