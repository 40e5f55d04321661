/*
 * A market of quotes, as messages of TOPS 1.6; market.h tells what happens in it.
 *
 * A turn changes the state of one instrument and names the messages that tell of it. They are
 * written from that state when they are asked for, before the next turn. So the state is always what
 * a listener knows or is about to be told.
 */

#include "sim/market.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/instrument.h"
#include "sim/packet.h"
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

struct quotes {
        struct market market;
        struct random random;
        struct instrument *instruments;
        uint32_t n;
        uint32_t introduced; /* instruments, from the first on */

        enum stage stage;
        uint32_t cursor; /* next instrument of the stage, or to be repeated */
        uint64_t turns;
        int64_t trade_id;
        bool winds_down;
        bool said; /* that the day is over */

        struct told told[TOLD_MAX];
        unsigned told_n, told_next;
};

/* ---- instruments ---- */

static void quote_both(struct quotes *quotes, struct instrument *instrument) {
        instrument->bid_sz = instrument_size(instrument, &quotes->random);
        instrument->ask_sz = instrument_size(instrument, &quotes->random);
}

/* Every fourth is listed here: only these have official prices. */
static bool listed(uint32_t i) {
        return i % 4 == 0;
}

static struct quotes *quotes_of(const struct market *market) {
        return (struct quotes *)(uintptr_t)market; /* its first member */
}

static void quotes_free(struct market *market) {
        struct quotes *quotes = quotes_of(market);

        free(quotes->instruments);
        free(quotes);
}

static int quotes_new(struct market **marketp, uint32_t instruments, uint64_t seed) {
        struct quotes *quotes;

        quotes = calloc(1, sizeof(*quotes));
        if (!quotes)
                return -ENOMEM;
        quotes->instruments = calloc(instruments, sizeof(*quotes->instruments));
        if (!quotes->instruments) {
                free(quotes);
                return -ENOMEM;
        }

        quotes->random.state = seed;
        quotes->n = instruments;
        for (uint32_t i = 0; i < instruments; i++)
                instrument_init(&quotes->instruments[i], &quotes->random, i);

        *marketp = &quotes->market;
        return 0;
}

/* ---- what happens ---- */

static void tell(struct quotes *quotes, char type, char code, uint32_t i) {
        quotes->told[quotes->told_n++] = (struct told){ type, code, i };
}

static void tell_all(struct quotes *quotes, const char *types, uint32_t i) {
        for (; *types; types++)
                tell(quotes, *types, 0, i);
}

/* Few are busy, many are quiet: the square of an even distribution. */
static uint32_t pick(struct quotes *quotes) {
        uint64_t even = random_next(&quotes->random) >> 32;

        return (uint32_t)((even * even >> 32) * quotes->n >> 32);
}

static void move(struct instrument *instrument, int64_t by) {
        if (instrument->bid + by < INSTRUMENT_FLOOR || instrument->ask + by > INSTRUMENT_CEILING)
                return;
        instrument->bid += by;
        instrument->ask += by;
}

static void narrow_or_widen(struct quotes *quotes, struct instrument *instrument) {
        int64_t spread = instrument->ask - instrument->bid;

        if (spread > INSTRUMENT_TICK && random_coin(&quotes->random))
                instrument->ask -= INSTRUMENT_TICK;
        else if (spread < instrument->spread * INSTRUMENT_TICK &&
                 instrument->ask + INSTRUMENT_TICK <= INSTRUMENT_CEILING)
                instrument->ask += INSTRUMENT_TICK;
}

/* A tenth below yesterday's close restricts short sales for the day. */
static void restrict_short_sales(struct quotes *quotes, uint32_t i) {
        struct instrument *instrument = &quotes->instruments[i];

        if (instrument->restricted || instrument->bid * 10 >= instrument->close * 9)
                return;
        instrument->restricted = true;
        tell(quotes, 'P', 0, i);
}

static void turn_quote(struct quotes *quotes, uint32_t i) {
        struct instrument *instrument = &quotes->instruments[i];

        switch (random_below(&quotes->random, 8)) {
        case 0:
                move(instrument, INSTRUMENT_TICK);
                quote_both(quotes, instrument);
                break;
        case 1:
                move(instrument, -INSTRUMENT_TICK);
                quote_both(quotes, instrument);
                break;
        case 2:
                narrow_or_widen(quotes, instrument);
                break;
        case 3:
        case 4:
                instrument->bid_sz = instrument_size(instrument, &quotes->random);
                break;
        default:
                instrument->ask_sz = instrument_size(instrument, &quotes->random);
                break;
        }
        tell(quotes, 'Q', 0, i);
        restrict_short_sales(quotes, i);
}

/* Not more than is shown, and less than a round lot every fourth time. */
static uint32_t trade_size(struct quotes *quotes, const struct instrument *instrument,
                           uint32_t shown) {
        struct random *random = &quotes->random;
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

static void note_trade(struct instrument *instrument) {
        const struct tops_trade *trade = &instrument->trade;

        instrument->broken = false;
        state_add_trade(&instrument->trades, trade->px, trade->sz, trade->id);
}

/* Takes from one side of the quote; a side with less than a round lot left steps back a tick. */
static void turn_trade(struct quotes *quotes, uint32_t i) {
        struct instrument *instrument = &quotes->instruments[i];
        bool sell = random_coin(&quotes->random);
        uint32_t *shown = sell ? &instrument->bid_sz : &instrument->ask_sz;
        uint32_t size = trade_size(quotes, instrument, *shown);

        instrument->trade = (struct tops_trade){
                .px = sell ? instrument->bid : instrument->ask,
                .id = ++quotes->trade_id,
                .sz = size,
        };
        instrument->sale = (size < instrument->lot ? TOPS_SALE_ODD_LOT : 0) |
                           (random_below(&quotes->random, 10) ? 0 : TOPS_SALE_SWEEP);
        note_trade(instrument);

        *shown = (*shown - size) / instrument->lot * instrument->lot;
        if (!*shown) {
                *shown = instrument_size(instrument, &quotes->random);
                step_back(instrument, sell);
        }
        tell_all(quotes, "TQ", i);
        restrict_short_sales(quotes, i);
}

static void turn_break(struct quotes *quotes, uint32_t i) {
        struct instrument *instrument = &quotes->instruments[i];

        if (!instrument->trade.id || instrument->broken)
                return;
        instrument->broken = true;
        state_add_break(&instrument->trades, instrument->trade.sz);
        tell(quotes, 'B', 0, i);
}

static void turn_retail(struct quotes *quotes, uint32_t i) {
        quotes->instruments[i].retail = " ABC"[random_below(&quotes->random, 4)];
        tell(quotes, 'I', 0, i);
}

static void turn_halt(struct quotes *quotes, uint32_t i) {
        struct instrument *instrument = &quotes->instruments[i];

        instrument->trading = 'H';
        instrument->halt = HALT_TURNS;
        instrument->bid_sz = 0;
        instrument->ask_sz = 0;
        instrument->paired = 0;
        instrument->imbalance = 0;
        tell_all(quotes, "HQ", i);
}

/* Its price is the bid at which the halt began, moved by what the auction has seen since. */
static void gather_orders(struct quotes *quotes, struct instrument *instrument) {
        instrument->paired += instrument_size(instrument, &quotes->random);
        instrument->imbalance = (int32_t)instrument_size(instrument, &quotes->random);
        if (random_coin(&quotes->random))
                instrument->imbalance = -instrument->imbalance;
        move(instrument, instrument->imbalance > 0 ? INSTRUMENT_TICK : -INSTRUMENT_TICK);
}

/* One price for all that was gathered; then quotes as usual. */
static void resume(struct quotes *quotes, uint32_t i) {
        struct instrument *instrument = &quotes->instruments[i];

        instrument->trading = 'T';
        instrument->trade = (struct tops_trade){
                .px = instrument->bid,
                .id = ++quotes->trade_id,
                .sz = instrument->paired,
        };
        instrument->sale = TOPS_SALE_CROSS | TOPS_SALE_EXEMPT;
        note_trade(instrument);
        quote_both(quotes, instrument);
        tell_all(quotes, "THQ", i);
        restrict_short_sales(quotes, i);
}

static void turn_halted(struct quotes *quotes, uint32_t i) {
        struct instrument *instrument = &quotes->instruments[i];

        instrument->halt--;
        if (!instrument->halt) {
                resume(quotes, i);
        } else if (instrument->halt == AUCTION_TURNS) {
                instrument->trading = 'O';
                tell(quotes, 'H', 0, i);
        } else if (instrument->halt < AUCTION_TURNS && instrument->halt % AUCTION_EVERY == 0) {
                gather_orders(quotes, instrument);
                tell(quotes, 'A', 0, i);
        }
}

static void turn_trading(struct quotes *quotes, uint32_t i) {
        uint32_t chance = random_below(&quotes->random, LIKELY);

        if (quotes->instruments[i].halt)
                turn_halted(quotes, i);
        else if (chance < TRADES)
                turn_trade(quotes, i);
        else if (chance < TRADES + RETAILS)
                turn_retail(quotes, i);
        else if (chance < TRADES + RETAILS + BREAKS)
                turn_break(quotes, i);
        else if (chance < TRADES + RETAILS + BREAKS + HALTS)
                turn_halt(quotes, i);
        else
                turn_quote(quotes, i);
}

/* ---- the day ---- */

/* The next instrument of a stage that takes one after the other; then comes the stage `after`. */
static uint32_t next_of_stage(struct quotes *quotes, enum stage after) {
        uint32_t i = quotes->cursor++;

        if (quotes->cursor == quotes->n) {
                quotes->cursor = 0;
                quotes->stage = after;
        }
        return i;
}

/* What a latecomer has to know of an instrument. */
#define INTRODUCTION "DHOPI"

static void turn(struct quotes *quotes) {
        uint32_t i;

        switch (quotes->stage) {
        case STAGE_START:
                tell(quotes, 'S', 'O', 0);
                quotes->stage = STAGE_INTRODUCE;
                break;
        case STAGE_INTRODUCE:
                quotes->introduced++;
                tell_all(quotes, INTRODUCTION, next_of_stage(quotes, STAGE_HOURS));
                break;
        case STAGE_HOURS:
                tell(quotes, 'S', 'S', 0);
                tell(quotes, 'S', 'R', 0);
                quotes->stage = STAGE_OPEN;
                break;
        case STAGE_OPEN:
                i = next_of_stage(quotes, STAGE_TRADE);
                quote_both(quotes, &quotes->instruments[i]);
                tell(quotes, 'E', 'O', i);
                if (listed(i))
                        tell(quotes, 'X', 'Q', i);
                tell(quotes, 'Q', 0, i);
                break;
        case STAGE_TRADE:
                if (quotes->winds_down)
                        turn_retail(quotes, pick(quotes));
                else if (++quotes->turns % REPEAT_EVERY)
                        turn_trading(quotes, pick(quotes));
                else
                        tell_all(quotes, INTRODUCTION "Q", next_of_stage(quotes, STAGE_TRADE));
                break;
        case STAGE_OVER:
                if (quotes->said)
                        break;
                quotes->said = true;
                tell(quotes, 'S', 'M', 0);
                tell(quotes, 'S', 'E', 0);
                tell(quotes, 'S', 'C', 0);
                break;
        }
}

static void quotes_close(struct market *market) {
        quotes_of(market)->stage = STAGE_OVER;
}

static void quotes_wind_down(struct market *market) {
        quotes_of(market)->winds_down = true;
}

/* ---- messages ---- */

static size_t quotes_next(struct market *market, int64_t time, uint8_t *message) {
        struct quotes *quotes = quotes_of(market);
        const struct told *told;

        while (quotes->told_next == quotes->told_n) {
                if (quotes->said)
                        return 0;
                quotes->told_n = quotes->told_next = 0;
                turn(quotes);
        }
        told = &quotes->told[quotes->told_next++];
        return instrument_write(&quotes->instruments[told->instrument], told->type, told->code,
                                time, message);
}

static void quotes_state(const struct market *market, uint32_t i, struct state_row *row) {
        const struct instrument *instrument = &quotes_of(market)->instruments[i];

        if (quotes_of(market)->introduced <= i)
                return;
        memcpy(row->symbol, instrument->symbol, TOPS_SYMBOL_SIZE);
        row->trading = instrument->trading;
        row->trades = instrument->trades;
        if (!instrument->bid_sz || !instrument->ask_sz)
                return;
        row->bid = instrument->bid;
        row->ask = instrument->ask;
        row->bid_sz = instrument->bid_sz;
        row->ask_sz = instrument->ask_sz;
}

const struct market_type tops_market = {
        .protocol = "iex-tops",
        .venue = "IEXG",
        .transport = &iextp_transport,
        .iextp = 0x8003,
        .instruments_max = MARKET_INSTRUMENTS_MAX,
        .make = quotes_new,
        .free = quotes_free,
        .next = quotes_next,
        .close = quotes_close,
        .wind_down = quotes_wind_down,
        .state = quotes_state,
};
