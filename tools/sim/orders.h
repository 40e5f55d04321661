#pragma once

/*
 * The live orders of one side of an instrument's book
 *
 * In the order in which they would trade: the best price first, at the same price the oldest. There are
 * few, so that a row of them is all it takes.
 */

#include <stdbool.h>
#include <stdint.h>

#define ORDERS_MAX 48 /* of a side */

struct order {
        uint64_t ref;
        int64_t px;  /* 1e-4 */
        uint32_t sz; /* shares left, never 0 */
};

struct orders {
        bool ask; /* the best price is the lowest one */
        uint32_t n;
        uint32_t room;
        struct order *orders;
};

/* There are less than ORDERS_MAX. -ENOMEM. */
int orders_add(struct orders *orders, const struct order *order);
void orders_remove(struct orders *orders, uint32_t at);
void orders_deinit(struct orders *orders);

/* The best price; 0: there is none. */
int64_t orders_best(const struct orders *orders);

/* Shares at a price. */
uint64_t orders_at(const struct orders *orders, int64_t px);

/* Different prices. */
uint32_t orders_levels(const struct orders *orders);
