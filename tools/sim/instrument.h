#pragma once

/*
 * An invented instrument: its state, and the messages that tell of it
 *
 * What changes the state is market.c's matter. Prices are in 1e-4.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/random.h"
#include "sim/state.h"
#include "sim/tops.h"

#define INSTRUMENT_TICK    100
#define INSTRUMENT_FLOOR   (INT64_C(1) * 10000)
#define INSTRUMENT_CEILING (INT64_C(5000) * 10000)

struct instrument {
        char symbol[TOPS_SYMBOL_SIZE];
        int64_t bid, ask;        /* always in order, also while it is halted */
        uint32_t bid_sz, ask_sz; /* round lots; 0: not quoted */
        uint32_t lot;
        uint32_t spread; /* in ticks, never wider */
        int64_t close;   /* of the invented day before */

        struct tops_trade trade; /* the last one; id 0: there was none */
        uint8_t sale;            /* its flags */
        bool broken;             /* it was taken back */
        struct state_trades trades;

        char trading; /* T, H, O */
        char retail;
        bool restricted;   /* short sales */
        uint32_t halt;     /* turns until it trades again */
        uint32_t paired;   /* shares, in an auction */
        int32_t imbalance; /* shares; more buyers than sellers: positive */
};

/* Number `i` of the market, before its first quote. */
void instrument_init(struct instrument *instrument, struct random *random, uint32_t i);

/* Some round lots. */
uint32_t instrument_size(const struct instrument *instrument, struct random *random);

/* Writes the message of that type that tells of the instrument as it is now, and returns its size.
 * `code` is the byte after the type where the instrument does not know it (S, E, X). */
size_t instrument_write(const struct instrument *instrument, char type, char code, int64_t time,
                        uint8_t message[TOPS_MESSAGE_MAX]);
