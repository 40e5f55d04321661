#pragma once

/*
 * An invented market, as messages of a venue
 *
 * The day begins with all instruments and their state, then with their first quotes or orders. From then
 * on quotes wander, orders come and go, trades take from them (some in odd lots), and now and then an
 * instrument is halted, gathers orders, and trades again after an auction. In between, a few messages
 * repeat what was said of one instrument after the other, so that whoever listens later learns of all.
 *
 * Prices are always in order (bid below ask), trades happen at bid or ask or between them, executions are
 * of live orders, and what is halted does not trade but by its auction. The messages depend on the seed
 * and the number of instruments alone: not on the time, which only stamps them.
 *
 * There are two such markets: one that knows quotes alone (quotes.c: TOPS), and one with books of orders
 * (trading.c: DEEP, ITCH).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/state.h"

#define MARKET_INSTRUMENTS_MAX 500000
#define MARKET_MESSAGE_MAX     80
#define MARKET_TURN_MAX        40 /* messages that belong together: a turn has no more */

struct transport;

struct market {
        const struct market_type *type;
};

struct market_type {
        const char *protocol; /* as in mdshmd.conf */
        const char *venue;    /* MIC */
        const struct transport *transport;
        uint16_t iextp;           /* the messages' number in IEX-TP; 0: not carried by it */
        bool books;               /* it has some, and not quotes alone */
        uint32_t instruments_max; /* numbers of the protocol */

        int (*make)(struct market **marketp, uint32_t instruments, uint64_t seed);
        void (*free)(struct market *market);
        size_t (*next)(struct market *market, int64_t time, uint8_t *message);
        void (*close)(struct market *market);
        void (*wind_down)(struct market *market);
        void (*state)(const struct market *market, uint32_t i, struct state_row *row);
};

/* The market of that protocol, NULL where there is none. */
const struct market_type *market_find(const char *protocol);

extern const struct market_type tops_market;
extern const struct market_type deep_market;
extern const struct market_type itch50_market;

/* 1 to type->instruments_max instruments. -ENOMEM. */
int market_new(struct market **marketp, const struct market_type *type, uint32_t instruments,
               uint64_t seed);
struct market *market_free(struct market *market);

/* Writes the next message, stamped with that time, and returns its size; 0 when the day is over. */
size_t market_next(struct market *market, int64_t time, uint8_t message[MARKET_MESSAGE_MAX]);

/* From the next turn on each has but one message, which changes neither book nor trades: so what is known
 * after any of them is the whole of the market's state. */
void market_wind_down(struct market *market);

/* Ends the day: what is left now are the rest of the turn, and the few messages that say so. */
void market_close(struct market *market);

/* How instrument number `i` stands, as whoever heard all messages of whole turns knows it. */
void market_state(const struct market *market, uint32_t i, struct state_row *row);
