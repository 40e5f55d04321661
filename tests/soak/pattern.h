#pragma once

/*
 * Ticks in which everything follows from their number
 *
 * A publisher counts 1, 2, 3, ... for as long as the soak lasts, however often it is killed. Which
 * instrument a number is for, of which kind the tick is, and each price and size in it are functions of the
 * number, which stands in ts_event. So whoever reads such a tick can tell by itself whether it is whole,
 * of the right instrument, and newer than the one before.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mdclient.h"

#define PATTERN_PUBLISHERS  8
#define PATTERN_INSTRUMENTS 32 /* of each */
#define PATTERN_TRADE_EVERY 4  /* the others are quotes */

static inline uint32_t pattern_instrument(uint64_t n) {
        return (uint32_t)(n * UINT64_C(0x9e3779b97f4a7c15) >> 32) % PATTERN_INSTRUMENTS;
}

static inline struct md_tick pattern_tick(uint64_t n, unsigned publisher) {
        bool is_trade = n % PATTERN_TRADE_EVERY == 0;
        int64_t value = (int64_t)n * PATTERN_PUBLISHERS + publisher;
        struct md_tick tick = {
                .kind = is_trade ? MD_TRADE : MD_QUOTE,
                .ts_event = (int64_t)n,
        };

        if (is_trade)
                tick.u.trade = (struct md_trade){ value, value % 1000, value / 3, value };
        else
                tick.u.quote = (struct md_quote){ value, value + 1, value % 1000, value % 999 };
        return tick;
}

/* Whether that tick is what publisher and number say. */
static inline bool pattern_is_whole(const struct md_tick *tick, unsigned publisher,
                                    uint32_t instrument) {
        struct md_tick expected = pattern_tick((uint64_t)tick->ts_event, publisher);

        return tick->ts_event > 0 && pattern_instrument((uint64_t)tick->ts_event) == instrument &&
               tick->kind == expected.kind && !memcmp(&tick->u, &expected.u, sizeof(tick->u));
}

/* Symbols are "P3.07": publisher 3, instrument 7. */
static inline void pattern_symbol(char symbol[33], unsigned publisher, uint32_t instrument) {
        snprintf(symbol, 33, "P%u.%02u", publisher, instrument);
}

static inline bool pattern_parse(const char *symbol, unsigned *publisher, uint32_t *instrument) {
        return sscanf(symbol, "P%u.%u", publisher, instrument) == 2 &&
               *publisher < PATTERN_PUBLISHERS && *instrument < PATTERN_INSTRUMENTS;
}
