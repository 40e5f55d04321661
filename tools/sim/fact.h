#pragma once

/*
 * What happens in a market with books of orders
 *
 * A fact is one message to be, whatever the venue calls it; not every venue says every one. All that
 * cannot be seen from the stock itself by the time it is written stands in it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/instrument.h"
#include "sim/orders.h"

enum fact_kind {
        FACT_SYSTEM,      /* code */
        FACT_BREAKERS,    /* the levels of the market-wide circuit breaker */
        FACT_BREACH,      /* code: which of them was reached */
        FACT_DIRECTORY,   /* the stock */
        FACT_TRADING,     /* its trading status */
        FACT_OPERATIONAL, /* that it can be traded here */
        FACT_SHORT_SALE,
        FACT_RETAIL,
        FACT_MAKER,    /* who makes a market in it */
        FACT_SECURITY, /* code: its opening, its close */
        FACT_OFFICIAL, /* code: which official price */
        FACT_AUCTION,  /* what an auction has gathered */
        FACT_COLLAR,   /* the range in which it may reopen */
        FACT_QUOTING,  /* when it can be quoted for the first time */
        FACT_LISTING,  /* how the price of its listing is found */

        FACT_ADD,     /* ref, ask, px, sz; code: a maker's */
        FACT_EXECUTE, /* ref, sz, trade_id; px, where it is not the order's own; printable */
        FACT_CANCEL,  /* ref; sz: so much less */
        FACT_DELETE,  /* ref */
        FACT_REPLACE, /* ref, next_ref, px, sz */
        FACT_LEVEL,   /* ask, px, sz; code: the event ends here */

        FACT_TRADE, /* px, sz, trade_id; code: sale condition flags */
        FACT_CROSS, /* the same of an auction; code: which; sz 0: nothing was traded */
        FACT_BREAK, /* px, sz, trade_id; code */
        _FACT_N,
};

struct fact {
        enum fact_kind kind;
        uint8_t code;
        bool ask;
        bool printable;
        uint32_t instrument;
        uint32_t sz;
        int64_t px; /* 1e-4; 0: none */
        uint64_t ref, next_ref;
        int64_t trade_id;
};

struct stock {
        struct instrument instrument; /* its bid is where the last trade was */
        struct orders side[2];        /* bids, asks */
};

/* Write the message that tells of a fact, and return its size; 0: the venue does not say such a thing. */
size_t deep_write(const struct stock *stock, const struct fact *fact, int64_t time,
                  uint8_t *message);
size_t itch_write(const struct stock *stock, const struct fact *fact, int64_t time,
                  uint8_t *message);
