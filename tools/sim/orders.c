/* The live orders of one side of an instrument's book. */

#include "sim/orders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 8

static bool comes_before(const struct orders *orders, int64_t a, int64_t b) {
        return orders->ask ? a < b : a > b;
}

int orders_add(struct orders *orders, const struct order *order) {
        uint32_t room = orders->room ? 2 * orders->room : ROOM_FIRST, at = orders->n;
        struct order *more;

        if (orders->n == orders->room) {
                more = realloc(orders->orders, room * sizeof(*more));
                if (!more)
                        return -ENOMEM;
                orders->orders = more;
                orders->room = room;
        }
        while (at > 0 && comes_before(orders, order->px, orders->orders[at - 1].px))
                at--;
        memmove(orders->orders + at + 1, orders->orders + at,
                (orders->n - at) * sizeof(*orders->orders));
        orders->orders[at] = *order;
        orders->n++;
        return 0;
}

void orders_remove(struct orders *orders, uint32_t at) {
        orders->n--;
        memmove(orders->orders + at, orders->orders + at + 1,
                (orders->n - at) * sizeof(*orders->orders));
}

void orders_deinit(struct orders *orders) {
        free(orders->orders);
        *orders = (struct orders){ 0 };
}

int64_t orders_best(const struct orders *orders) {
        return orders->n ? orders->orders[0].px : 0;
}

uint64_t orders_at(const struct orders *orders, int64_t px) {
        uint64_t sz = 0;

        for (uint32_t i = 0; i < orders->n; i++)
                if (orders->orders[i].px == px)
                        sz += orders->orders[i].sz;
        return sz;
}

uint32_t orders_levels(const struct orders *orders) {
        uint32_t levels = 0;

        for (uint32_t i = 0; i < orders->n; i++)
                levels += !i || orders->orders[i].px != orders->orders[i - 1].px;
        return levels;
}
