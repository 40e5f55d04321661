#pragma once

/*
 * An invented market, as messages of TOPS 1.6
 *
 * The day begins with all instruments and their state, then with their first quotes. From then on
 * quotes wander, trades take from them (some in odd lots), and now and then an instrument is halted,
 * gathers orders, and trades again after an auction. In between, a few messages repeat what was said
 * of one instrument after the other, so that whoever listens later learns all of them.
 *
 * Prices are always in order (bid below ask), trades happen at bid or ask, and what is halted neither
 * quotes nor trades but by its auction. The messages depend on the seed and the number of instruments
 * alone: not on the time, which only stamps them.
 */

#include <stddef.h>
#include <stdint.h>

#include "sim/tops.h"

#define MARKET_INSTRUMENTS_MAX 500000

struct market;

/* 1 to MARKET_INSTRUMENTS_MAX instruments. -ENOMEM. */
int market_new(struct market **marketp, uint32_t instruments, uint64_t seed);
struct market *market_free(struct market *market);

/* Writes the next message, stamped with that time, and returns its size; 0 when the day is over. */
size_t market_next(struct market *market, int64_t time, uint8_t message[TOPS_MESSAGE_MAX]);

/* Ends the day: what is left now are the few messages that say so. */
void market_close(struct market *market);
