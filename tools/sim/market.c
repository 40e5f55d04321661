/*
 * An invented market, as messages of TOPS 1.6; market.h tells what happens in it.
 *
 * A turn changes the state of one instrument and names the messages that tell of it. They are
 * written from that state when they are asked for, before the next turn. So the state is always what
 * a listener knows or is about to be told.
 */

#include "sim/market.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sim/instrument.h"
#include "sim/random.h"

/* out of LIKELY turns of an instrument, so many are ... */
#define LIKELY  10000
#define TRADES  1800
#define RETAILS 20
#define BREAKS  5
#define HALTS   2

#define HALT_TURNS    80 /* from the halt to the first trade after it */
#define AUCTION_TURNS 40 /* the last of them, in which orders are gathered */
#define AUCTION_EVERY 8  /* of these is told */

#define REPEAT_EVERY 64 /* turns */
#define TOLD_MAX     8  /* messages of one turn */

enum stage {
        STAGE_START,
        STAGE_INTRODUCE, /* one instrument after the other */
        STAGE_HOURS,
        STAGE_OPEN, /* one instrument after the other */
        STAGE_TRADE,
        STAGE_OVER,
};

/* A message to be written: which type, and what is not to be seen from the instrument. */
struct told {
        char type;
        char code;
        uint32_t instrument;
};

struct market {
        struct random random;
        struct instrument *instruments;
        uint32_t n;

        enum stage stage;
        uint32_t cursor; /* next instrument of the stage, or to be repeated */
        uint64_t turns;
        int64_t trade_id;

        struct told told[TOLD_MAX];
        unsigned told_n, told_next;
};

/* ---- instruments ---- */

static void quote_both(struct market *market, struct instrument *instrument) {
        instrument->bid_sz = instrument_size(instrument, &market->random);
        instrument->ask_sz = instrument_size(instrument, &market->random);
}

/* Every fourth is listed here: only these have official prices. */
static bool listed(uint32_t i) {
        return i % 4 == 0;
}

int market_new(struct market **marketp, uint32_t instruments, uint64_t seed) {
        struct market *market;

        market = calloc(1, sizeof(*market));
        if (!market)
                return -ENOMEM;
        market->instruments = calloc(instruments, sizeof(*market->instruments));
        if (!market->instruments) {
                market_free(market);
                return -ENOMEM;
        }

        market->random.state = seed;
        market->n = instruments;
        for (uint32_t i = 0; i < instruments; i++)
                instrument_init(&market->instruments[i], &market->random, i);

        *marketp = market;
        return 0;
}

struct market *market_free(struct market *market) {
        if (market) {
                free(market->instruments);
                free(market);
        }
        return NULL;
}

/* ---- what happens ---- */

static void tell(struct market *market, char type, char code, uint32_t i) {
        market->told[market->told_n++] = (struct told){ type, code, i };
}

static void tell_all(struct market *market, const char *types, uint32_t i) {
        for (; *types; types++)
                tell(market, *types, 0, i);
}

/* Few are busy, many are quiet: the square of an even distribution. */
static uint32_t pick(struct market *market) {
        uint64_t even = random_next(&market->random) >> 32;

        return (uint32_t)((even * even >> 32) * market->n >> 32);
}

static void move(struct instrument *instrument, int64_t by) {
        if (instrument->bid + by < INSTRUMENT_FLOOR || instrument->ask + by > INSTRUMENT_CEILING)
                return;
        instrument->bid += by;
        instrument->ask += by;
}

static void narrow_or_widen(struct market *market, struct instrument *instrument) {
        int64_t spread = instrument->ask - instrument->bid;

        if (spread > INSTRUMENT_TICK && random_coin(&market->random))
                instrument->ask -= INSTRUMENT_TICK;
        else if (spread < instrument->spread * INSTRUMENT_TICK &&
                 instrument->ask + INSTRUMENT_TICK <= INSTRUMENT_CEILING)
                instrument->ask += INSTRUMENT_TICK;
}

/* A tenth below yesterday's close restricts short sales for the day. */
static void restrict_short_sales(struct market *market, uint32_t i) {
        struct instrument *instrument = &market->instruments[i];

        if (instrument->restricted || instrument->bid * 10 >= instrument->close * 9)
                return;
        instrument->restricted = true;
        tell(market, 'P', 0, i);
}

static void turn_quote(struct market *market, uint32_t i) {
        struct instrument *instrument = &market->instruments[i];

        switch (random_below(&market->random, 8)) {
        case 0:
                move(instrument, INSTRUMENT_TICK);
                quote_both(market, instrument);
                break;
        case 1:
                move(instrument, -INSTRUMENT_TICK);
                quote_both(market, instrument);
                break;
        case 2:
                narrow_or_widen(market, instrument);
                break;
        case 3:
        case 4:
                instrument->bid_sz = instrument_size(instrument, &market->random);
                break;
        default:
                instrument->ask_sz = instrument_size(instrument, &market->random);
                break;
        }
        tell(market, 'Q', 0, i);
        restrict_short_sales(market, i);
}

/* Not more than is shown, and less than a round lot every fourth time. */
static uint32_t trade_size(struct market *market, const struct instrument *instrument,
                           uint32_t shown) {
        struct random *random = &market->random;
        uint32_t lots = shown / instrument->lot;

        if (!random_below(random, 4))
                return 1 + random_below(random, instrument->lot - 1);
        return instrument->lot * (1 + random_below(random, lots < 5 ? lots : 5));
}

/* A side that is used up goes a tick further out; the other follows where the quote got too wide. */
static void step_back(struct instrument *instrument, bool bid) {
        int64_t by = bid ? -INSTRUMENT_TICK : INSTRUMENT_TICK;
        int64_t spread = instrument->ask - instrument->bid + INSTRUMENT_TICK;

        if (spread > instrument->spread * INSTRUMENT_TICK)
                move(instrument, by);
        else if (bid && instrument->bid + by >= INSTRUMENT_FLOOR)
                instrument->bid += by;
        else if (!bid && instrument->ask + by <= INSTRUMENT_CEILING)
                instrument->ask += by;
}

/* Takes from one side of the quote; a side with less than a round lot left steps back a tick. */
static void turn_trade(struct market *market, uint32_t i) {
        struct instrument *instrument = &market->instruments[i];
        bool sell = random_coin(&market->random);
        uint32_t *shown = sell ? &instrument->bid_sz : &instrument->ask_sz;
        uint32_t size = trade_size(market, instrument, *shown);

        instrument->trade = (struct tops_trade){
                .px = sell ? instrument->bid : instrument->ask,
                .id = ++market->trade_id,
                .sz = size,
        };
        instrument->sale = (size < instrument->lot ? TOPS_SALE_ODD_LOT : 0) |
                           (random_below(&market->random, 10) ? 0 : TOPS_SALE_SWEEP);
        instrument->broken = false;

        *shown = (*shown - size) / instrument->lot * instrument->lot;
        if (!*shown) {
                *shown = instrument_size(instrument, &market->random);
                step_back(instrument, sell);
        }
        tell_all(market, "TQ", i);
        restrict_short_sales(market, i);
}

static void turn_break(struct market *market, uint32_t i) {
        struct instrument *instrument = &market->instruments[i];

        if (!instrument->trade.id || instrument->broken)
                return;
        instrument->broken = true;
        tell(market, 'B', 0, i);
}

static void turn_retail(struct market *market, uint32_t i) {
        market->instruments[i].retail = " ABC"[random_below(&market->random, 4)];
        tell(market, 'I', 0, i);
}

static void turn_halt(struct market *market, uint32_t i) {
        struct instrument *instrument = &market->instruments[i];

        instrument->trading = 'H';
        instrument->halt = HALT_TURNS;
        instrument->bid_sz = 0;
        instrument->ask_sz = 0;
        instrument->paired = 0;
        instrument->imbalance = 0;
        tell_all(market, "HQ", i);
}

/* Its price is the bid at which the halt began, moved by what the auction has seen since. */
static void gather_orders(struct market *market, struct instrument *instrument) {
        instrument->paired += instrument_size(instrument, &market->random);
        instrument->imbalance = (int32_t)instrument_size(instrument, &market->random);
        if (random_coin(&market->random))
                instrument->imbalance = -instrument->imbalance;
        move(instrument, instrument->imbalance > 0 ? INSTRUMENT_TICK : -INSTRUMENT_TICK);
}

/* One price for all that was gathered; then quotes as usual. */
static void resume(struct market *market, uint32_t i) {
        struct instrument *instrument = &market->instruments[i];

        instrument->trading = 'T';
        instrument->trade = (struct tops_trade){
                .px = instrument->bid,
                .id = ++market->trade_id,
                .sz = instrument->paired,
        };
        instrument->sale = TOPS_SALE_CROSS | TOPS_SALE_EXEMPT;
        instrument->broken = false;
        quote_both(market, instrument);
        tell_all(market, "THQ", i);
        restrict_short_sales(market, i);
}

static void turn_halted(struct market *market, uint32_t i) {
        struct instrument *instrument = &market->instruments[i];

        instrument->halt--;
        if (!instrument->halt) {
                resume(market, i);
        } else if (instrument->halt == AUCTION_TURNS) {
                instrument->trading = 'O';
                tell(market, 'H', 0, i);
        } else if (instrument->halt < AUCTION_TURNS && instrument->halt % AUCTION_EVERY == 0) {
                gather_orders(market, instrument);
                tell(market, 'A', 0, i);
        }
}

static void turn_trading(struct market *market, uint32_t i) {
        uint32_t chance = random_below(&market->random, LIKELY);

        if (market->instruments[i].halt)
                turn_halted(market, i);
        else if (chance < TRADES)
                turn_trade(market, i);
        else if (chance < TRADES + RETAILS)
                turn_retail(market, i);
        else if (chance < TRADES + RETAILS + BREAKS)
                turn_break(market, i);
        else if (chance < TRADES + RETAILS + BREAKS + HALTS)
                turn_halt(market, i);
        else
                turn_quote(market, i);
}

/* ---- the day ---- */

/* The next instrument of a stage that takes one after the other; then comes the stage `after`. */
static uint32_t next_of_stage(struct market *market, enum stage after) {
        uint32_t i = market->cursor++;

        if (market->cursor == market->n) {
                market->cursor = 0;
                market->stage = after;
        }
        return i;
}

/* What a latecomer has to know of an instrument. */
#define INTRODUCTION "DHOPI"

static void turn(struct market *market) {
        uint32_t i;

        switch (market->stage) {
        case STAGE_START:
                tell(market, 'S', 'O', 0);
                market->stage = STAGE_INTRODUCE;
                break;
        case STAGE_INTRODUCE:
                tell_all(market, INTRODUCTION, next_of_stage(market, STAGE_HOURS));
                break;
        case STAGE_HOURS:
                tell(market, 'S', 'S', 0);
                tell(market, 'S', 'R', 0);
                market->stage = STAGE_OPEN;
                break;
        case STAGE_OPEN:
                i = next_of_stage(market, STAGE_TRADE);
                quote_both(market, &market->instruments[i]);
                tell(market, 'E', 'O', i);
                if (listed(i))
                        tell(market, 'X', 'Q', i);
                tell(market, 'Q', 0, i);
                break;
        case STAGE_TRADE:
                if (++market->turns % REPEAT_EVERY)
                        turn_trading(market, pick(market));
                else
                        tell_all(market, INTRODUCTION "Q", next_of_stage(market, STAGE_TRADE));
                break;
        case STAGE_OVER:
                break;
        }
}

void market_close(struct market *market) {
        if (market->stage == STAGE_OVER)
                return;
        market->stage = STAGE_OVER;
        market->told_n = market->told_next = 0;
        tell(market, 'S', 'M', 0);
        tell(market, 'S', 'E', 0);
        tell(market, 'S', 'C', 0);
}

/* ---- messages ---- */

size_t market_next(struct market *market, int64_t time, uint8_t message[TOPS_MESSAGE_MAX]) {
        const struct told *told;

        while (market->told_next == market->told_n) {
                if (market->stage == STAGE_OVER)
                        return 0;
                market->told_n = market->told_next = 0;
                turn(market);
        }
        told = &market->told[market->told_next++];
        return instrument_write(&market->instruments[told->instrument], told->type, told->code,
                                time, message);
}
