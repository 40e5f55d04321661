/* A market with books of orders, as messages of DEEP or ITCH; trading.h tells the idea. */

#include "sim/trading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/packet.h"

#define REPEAT_EVERY 64 /* turns */
#define OPEN_ORDERS  3  /* of a side, when the day opens */
#define LISTED_EVERY 16 /* stocks: one is new, and one finds the price of its listing */

/* ---- telling ---- */

void trading_push(struct trading *trading, const struct fact *fact) {
        if (trading->facts_n < MARKET_TURN_MAX)
                trading->facts[trading->facts_n++] = *fact;
}

void trading_touch(struct trading *trading, bool ask, int64_t px) {
        for (unsigned k = 0; k < trading->touched_n; k++)
                if (trading->touched[k].ask == ask && trading->touched[k].px == px)
                        return;
        trading->touched[trading->touched_n].ask = ask;
        trading->touched[trading->touched_n++].px = px;
}

void trading_tell(struct trading *trading, enum fact_kind kind, char code, uint32_t i) {
        trading_push(trading,
                     &(struct fact){ .kind = kind, .code = (uint8_t)code, .instrument = i });
}

/* The turn is over. */
static void tell_levels(struct trading *trading, uint32_t i) {
        for (unsigned k = 0; trading->levels && k < trading->touched_n; k++) {
                bool ask = trading->touched[k].ask;
                int64_t px = trading->touched[k].px;

                trading_push(trading,
                             &(struct fact){
                                     .kind = FACT_LEVEL,
                                     .code = k + 1 == trading->touched_n,
                                     .instrument = i,
                                     .ask = ask,
                                     .px = px,
                                     .sz = (uint32_t)orders_at(&trading->stocks[i].side[ask], px),
                             });
        }
        trading->touched_n = 0;
}

/* ---- the day ---- */

/* Few are busy, many are quiet: the square of an even distribution. */
static uint32_t pick(struct trading *trading) {
        uint64_t even = random_next(&trading->random) >> 32;

        return (uint32_t)((even * even >> 32) * trading->n >> 32);
}

/* The next stock of a stage that takes one after the other; then comes the stage `after`. */
static uint32_t next_of_stage(struct trading *trading, enum trading_stage after) {
        uint32_t i = trading->cursor++;

        if (trading->cursor == trading->n) {
                trading->cursor = 0;
                trading->stage = after;
        }
        return i;
}

/* What a latecomer has to know of a stock. */
static void introduce(struct trading *trading, uint32_t i) {
        static const enum fact_kind kinds[] = { FACT_DIRECTORY,  FACT_TRADING, FACT_OPERATIONAL,
                                                FACT_SHORT_SALE, FACT_RETAIL,  FACT_MAKER };

        for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
                trading_tell(trading, kinds[k], 0, i);
}

static void open_stock(struct trading *trading, uint32_t i) {
        for (unsigned k = 0; k < OPEN_ORDERS; k++) {
                turn_add(trading, i, false);
                turn_add(trading, i, true);
        }
        if (i % LISTED_EVERY == 0)
                trading_tell(trading, FACT_QUOTING, 0, i);
        else if (i % LISTED_EVERY == 1)
                trading_tell(trading, FACT_LISTING, 0, i);
        trading_tell(trading, FACT_SECURITY, 'O', i);
        trading_push(trading, &(struct fact){ .kind = FACT_CROSS, .instrument = i });
        if (i % 4 == 0) /* listed here: only these have official prices */
                trading_tell(trading, FACT_OFFICIAL, 'Q', i);
}

/* Returns the stock that it was about. */
static uint32_t turn(struct trading *trading) {
        uint32_t i = 0;

        switch (trading->stage) {
        case STAGE_START:
                trading_tell(trading, FACT_SYSTEM, 'O', 0);
                trading_tell(trading, FACT_BREAKERS, 0, 0);
                trading->stage = STAGE_INTRODUCE;
                break;
        case STAGE_INTRODUCE:
                trading->introduced++;
                i = next_of_stage(trading, STAGE_HOURS);
                introduce(trading, i);
                break;
        case STAGE_HOURS:
                trading_tell(trading, FACT_SYSTEM, 'S', 0);
                trading_tell(trading, FACT_SYSTEM, 'R', 0);
                trading->stage = STAGE_OPEN;
                break;
        case STAGE_OPEN:
                i = next_of_stage(trading, STAGE_TRADE);
                open_stock(trading, i);
                break;
        case STAGE_TRADE:
                i = trading->turns % REPEAT_EVERY ? pick(trading)
                                                  : next_of_stage(trading, STAGE_TRADE);
                if (trading->winds_down)
                        turn_retail(trading, i);
                else if (trading->turns % REPEAT_EVERY)
                        turn_trading(trading, i);
                else
                        introduce(trading, i);
                trading->turns++;
                break;
        case STAGE_OVER:
                trading_tell(trading, FACT_SYSTEM, 'M', 0);
                trading_tell(trading, FACT_SYSTEM, 'E', 0);
                trading_tell(trading, FACT_SYSTEM, 'C', 0);
                trading->said = true;
                break;
        }
        return i;
}

/* ---- a market ---- */

static struct trading *trading_of(const struct market *market) {
        return (struct trading *)(uintptr_t)market; /* its first member */
}

static size_t trading_next(struct market *market, int64_t time, uint8_t *message) {
        struct trading *trading = trading_of(market);
        const struct fact *fact;
        size_t size;

        for (;;) {
                while (trading->facts_next < trading->facts_n) {
                        fact = &trading->facts[trading->facts_next++];
                        size = (trading->levels ? deep_write : itch_write)(
                                &trading->stocks[fact->instrument], fact, time, message);
                        if (size)
                                return size;
                }
                if (trading->said)
                        return 0;
                trading->facts_n = trading->facts_next = 0;
                tell_levels(trading, turn(trading));
        }
}

static void trading_close(struct market *market) {
        trading_of(market)->stage = STAGE_OVER;
}

static void trading_wind_down(struct market *market) {
        trading_of(market)->winds_down = true;
}

static void trading_free(struct market *market) {
        struct trading *trading = trading_of(market);

        for (uint32_t i = 0; i < trading->n; i++) {
                orders_deinit(&trading->stocks[i].side[0]);
                orders_deinit(&trading->stocks[i].side[1]);
        }
        free(trading->stocks);
        free(trading);
}

static int trading_new(struct market **marketp, bool levels, uint32_t instruments, uint64_t seed) {
        struct trading *trading;

        trading = calloc(1, sizeof(*trading));
        if (!trading)
                return -ENOMEM;
        trading->stocks = calloc(instruments, sizeof(*trading->stocks));
        if (!trading->stocks) {
                free(trading);
                return -ENOMEM;
        }

        trading->levels = levels;
        trading->random.state = seed;
        trading->n = instruments;
        for (uint32_t i = 0; i < instruments; i++) {
                instrument_init(&trading->stocks[i].instrument, &trading->random, i);
                trading->stocks[i].side[1].ask = true;
        }

        *marketp = &trading->market;
        return 0;
}

static int deep_new(struct market **marketp, uint32_t instruments, uint64_t seed) {
        return trading_new(marketp, true, instruments, seed);
}

static int itch_new(struct market **marketp, uint32_t instruments, uint64_t seed) {
        return trading_new(marketp, false, instruments, seed);
}

static void trading_state(const struct market *market, uint32_t i, struct state_row *row) {
        const struct trading *trading = trading_of(market);
        const struct stock *stock = &trading->stocks[i];
        const struct orders *bids = &stock->side[0], *asks = &stock->side[1];

        if (trading->introduced <= i)
                return;
        memcpy(row->symbol, stock->instrument.symbol, TOPS_SYMBOL_SIZE);
        row->trading = stock->instrument.trading;
        if (!trading->levels && row->trading == 'O')
                row->trading = 'Q';
        row->trades = stock->instrument.trades;
        row->bid = orders_best(bids);
        row->ask = orders_best(asks);
        row->bid_sz = orders_at(bids, row->bid);
        row->ask_sz = orders_at(asks, row->ask);
        row->bid_levels = orders_levels(bids);
        row->ask_levels = orders_levels(asks);
        row->orders = trading->levels ? 0 : bids->n + asks->n;
}

const struct market_type deep_market = {
        .protocol = "iex-deep",
        .venue = "IEXG",
        .transport = &iextp_transport,
        .iextp = 0x8004,
        .books = true,
        .instruments_max = MARKET_INSTRUMENTS_MAX,
        .make = deep_new,
        .free = trading_free,
        .next = trading_next,
        .close = trading_close,
        .wind_down = trading_wind_down,
        .state = trading_state,
};

const struct market_type itch50_market = {
        .protocol = "itch50",
        .venue = "XNAS",
        .transport = &moldudp64_transport,
        .books = true,
        .instruments_max = UINT16_MAX,
        .make = itch_new,
        .free = trading_free,
        .next = trading_next,
        .close = trading_close,
        .wind_down = trading_wind_down,
        .state = trading_state,
};
