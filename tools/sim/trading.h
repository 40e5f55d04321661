#pragma once

/*
 * A market with books of orders: its stocks, and what is about to be told of them
 *
 * A turn changes one stock and notes the facts that tell of it, which are written when they are asked
 * for, before the next turn. ITCH tells of every order. DEEP tells of prices: those that a turn has
 * touched are noted when it ends, the last of them marked as the end of the event.
 *
 * trading.c has the day, and which turn comes; turns.c has the turns of a stock.
 */

#include <stdbool.h>
#include <stdint.h>

#include "sim/fact.h"
#include "sim/market.h"
#include "sim/random.h"

#define TRADING_TAKE_MOST 8 /* orders, by one that is taken in */
#define TRADING_TOUCHED   (TRADING_TAKE_MOST + 2)

enum trading_stage {
        STAGE_START,
        STAGE_INTRODUCE, /* one stock after the other */
        STAGE_HOURS,
        STAGE_OPEN, /* one stock after the other */
        STAGE_TRADE,
        STAGE_OVER,
};

struct trading {
        struct market market;
        bool levels; /* DEEP */
        struct random random;
        struct stock *stocks;
        uint32_t n;
        uint32_t introduced; /* stocks, from the first on */

        enum trading_stage stage;
        uint32_t cursor; /* next stock of the stage, or to be repeated */
        uint64_t turns;
        uint64_t ref; /* the newest order's */
        int64_t trade_id;
        bool winds_down;
        bool said; /* that the day is over */

        struct fact facts[MARKET_TURN_MAX];
        unsigned facts_n, facts_next;

        struct {
                bool ask;
                int64_t px;
        } touched[TRADING_TOUCHED];
        unsigned touched_n;
};

void trading_push(struct trading *trading, const struct fact *fact);
void trading_tell(struct trading *trading, enum fact_kind kind, char code, uint32_t i);

/* Notes a price whose orders have changed, for those who are told of levels. */
void trading_touch(struct trading *trading, bool ask, int64_t px);

/* Turns of stock number `i`. One may come to nothing. */
void turn_trading(struct trading *trading, uint32_t i);
void turn_add(struct trading *trading, uint32_t i, bool ask);
void turn_retail(struct trading *trading, uint32_t i);
