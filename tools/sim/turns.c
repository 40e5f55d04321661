/* What happens to a stock; trading.h tells the idea. */

#include <string.h>

#include "sim/trading.h"

/* out of LIKELY turns of a stock that trades, so many are ...; the others are new orders, or as many
 * deleted ones where a side is long */
#define LIKELY   10000
#define TAKES    900
#define HIDDEN   150
#define REPLACES 1500
#define CANCELS  500
#define DELETES  2900
#define RETAILS  20
#define BREAKS   5
#define HALTS    2

#define HALT_TURNS    80 /* from the halt to the first trade after it */
#define AUCTION_TURNS 40 /* the last of them, in which orders are gathered */
#define AUCTION_EVERY 8  /* of these is told */

#define FAR_MOST 12 /* ticks from the other side's best price */

/* What becomes of an order, of which DEEP says nothing; its price is noted apart. */
static void tell_order(struct trading *trading, const struct fact *fact) {
        if (!trading->levels)
                trading_push(trading, fact);
}

/* ---- orders ---- */

static bool coin(struct trading *trading) {
        return random_coin(&trading->random);
}

static uint32_t below(struct trading *trading, uint32_t n) {
        return random_below(&trading->random, n);
}

/* Some round lots; every eighth an odd lot. */
static uint32_t some_size(struct trading *trading, const struct stock *stock) {
        if (!below(trading, 8))
                return 1 + below(trading, stock->instrument.lot - 1);
        return instrument_size(&stock->instrument, &trading->random);
}

static void add_order(struct trading *trading, uint32_t i, bool ask, int64_t px, uint32_t sz) {
        struct orders *side = &trading->stocks[i].side[ask];
        const struct order order = { trading->ref + 1, px, sz };

        if (orders_add(side, &order) < 0)
                return; /* no memory: it was not taken in */
        trading->ref++;
        trading_touch(trading, ask, px);
        tell_order(trading, &(struct fact){
                                    .kind = FACT_ADD,
                                    .code = !below(trading, 8),
                                    .instrument = i,
                                    .ask = ask,
                                    .ref = order.ref,
                                    .px = px,
                                    .sz = sz,
                            });
}

/* Takes up to that many shares from an order; how many it was. */
static uint32_t take(struct trading *trading, uint32_t i, bool ask, uint32_t at, uint32_t sz) {
        struct orders *side = &trading->stocks[i].side[ask];
        struct order *order = &side->orders[at];

        trading_touch(trading, ask, order->px);
        if (sz < order->sz) {
                order->sz -= sz;
                return sz;
        }
        sz = order->sz;
        orders_remove(side, at);
        return sz;
}

/* A price that does not cross the other side; 0: there is none. */
static int64_t some_price(struct trading *trading, uint32_t i, bool ask) {
        const struct stock *stock = &trading->stocks[i];
        int64_t best = orders_best(&stock->side[!ask]);
        int64_t from = best ? best : stock->instrument.bid;
        int64_t by = INSTRUMENT_TICK * (1 + (int64_t)below(trading, FAR_MOST));
        int64_t px = ask ? from + by : from - by;

        return px >= INSTRUMENT_FLOOR && px <= INSTRUMENT_CEILING ? px : 0;
}

void turn_add(struct trading *trading, uint32_t i, bool ask) {
        const struct stock *stock = &trading->stocks[i];
        int64_t px = some_price(trading, i, ask);

        if (px && stock->side[ask].n < ORDERS_MAX)
                add_order(trading, i, ask, px, some_size(trading, stock));
}

/* Takes an order back: the whole of it, or some. */
static void turn_take_back(struct trading *trading, uint32_t i, bool ask, bool whole) {
        struct orders *side = &trading->stocks[i].side[ask];
        uint32_t at, sz;
        struct fact fact = { .kind = FACT_DELETE, .instrument = i };

        if (!side->n)
                return;
        at = below(trading, side->n);
        fact.ref = side->orders[at].ref;
        sz = side->orders[at].sz;
        if (!whole && sz > 1) {
                fact.kind = FACT_CANCEL;
                fact.sz = sz = 1 + below(trading, sz - 1);
        }
        take(trading, i, ask, at, sz);
        tell_order(trading, &fact);
}

static void turn_replace(struct trading *trading, uint32_t i, bool ask) {
        struct orders *side = &trading->stocks[i].side[ask];
        int64_t px = some_price(trading, i, ask);
        uint32_t sz = some_size(trading, &trading->stocks[i]);
        struct order order;
        uint64_t ref;
        uint32_t at;

        if (!side->n || !px)
                return;
        at = below(trading, side->n);
        ref = side->orders[at].ref;
        take(trading, i, ask, at, UINT32_MAX);
        order = (struct order){ ++trading->ref, px, sz };
        orders_add(side, &order); /* in the room of the one before */
        trading_touch(trading, ask, px);
        tell_order(trading, &(struct fact){
                                    .kind = FACT_REPLACE,
                                    .instrument = i,
                                    .ref = ref,
                                    .next_ref = order.ref,
                                    .px = px,
                                    .sz = sz,
                            });
}

/* ---- trades ---- */

static uint8_t sale_of(struct trading *trading, const struct stock *stock, uint32_t sz) {
        return (sz < stock->instrument.lot ? TOPS_SALE_ODD_LOT : 0) |
               (below(trading, 10) ? 0 : TOPS_SALE_SWEEP);
}

/* A trade that counts. Returns its fact, to be told in the venue's way. */
static struct fact note_trade(struct trading *trading, uint32_t i, enum fact_kind kind, int64_t px,
                              uint32_t sz, uint8_t sale) {
        struct instrument *instrument = &trading->stocks[i].instrument;

        instrument->trade = (struct tops_trade){ px, ++trading->trade_id, sz };
        instrument->sale = sale;
        instrument->broken = false;
        instrument->bid = px;
        state_add_trade(&instrument->trades, px, sz, trading->trade_id);
        return (struct fact){ .kind = kind,
                              .code = sale,
                              .instrument = i,
                              .px = px,
                              .sz = sz,
                              .trade_id = trading->trade_id };
}

/* A tenth below yesterday's close restricts short sales for the day. */
static void restrict_short_sales(struct trading *trading, uint32_t i) {
        struct instrument *instrument = &trading->stocks[i].instrument;

        if (instrument->restricted || instrument->bid * 10 >= instrument->close * 9)
                return;
        instrument->restricted = true;
        trading_tell(trading, FACT_SHORT_SALE, 0, i);
}

/* The first order of a side is executed, now and then at a better price than its own. */
static uint32_t execute_first(struct trading *trading, uint32_t i, bool ask, uint32_t sz) {
        struct stock *stock = &trading->stocks[i];
        struct order order = stock->side[ask].orders[0];
        bool better = !below(trading, 16) && order.px > INSTRUMENT_FLOOR + INSTRUMENT_TICK;
        int64_t px = !better ? order.px
                     : ask   ? order.px - INSTRUMENT_TICK
                             : order.px + INSTRUMENT_TICK;
        struct fact fact;

        sz = take(trading, i, ask, 0, sz);
        fact = note_trade(trading, i, FACT_TRADE, px, sz, sale_of(trading, stock, sz));
        if (!trading->levels) {
                fact.kind = FACT_EXECUTE;
                fact.ref = order.ref;
                fact.px = better ? px : 0;
                fact.printable = true;
        }
        trading_push(trading, &fact);
        return sz;
}

/* An order comes in that trades with what there is, and may stay with its rest. */
static void turn_take(struct trading *trading, uint32_t i) {
        bool ask = coin(trading); /* which side it takes from */
        struct stock *stock = &trading->stocks[i];
        struct orders *side = &stock->side[ask];
        uint32_t left = some_size(trading, stock) * (below(trading, 6) ? 1 : 5);
        int64_t px = 0;

        for (unsigned k = 0; k < TRADING_TAKE_MOST && left && side->n; k++) {
                px = orders_best(side);
                left -= execute_first(trading, i, ask, left);
        }
        if (left && px && orders_best(side) != px && stock->side[!ask].n < ORDERS_MAX &&
            coin(trading))
                add_order(trading, i, !ask, px, left);
        restrict_short_sales(trading, i);
}

/* A trade of orders that nobody saw, between bid and ask. */
static void turn_hidden(struct trading *trading, uint32_t i) {
        struct stock *stock = &trading->stocks[i];
        int64_t bid = orders_best(&stock->side[0]), ask = orders_best(&stock->side[1]);
        uint32_t ticks, sz = some_size(trading, stock);
        struct fact fact;

        if (!bid || !ask)
                return;
        ticks = below(trading, (uint32_t)((ask - bid) / INSTRUMENT_TICK) + 1);
        fact = note_trade(trading, i, FACT_TRADE, bid + ticks * INSTRUMENT_TICK, sz,
                          sale_of(trading, stock, sz));
        trading_push(trading, &fact);
        restrict_short_sales(trading, i);
}

/* ITCH names the trade alone. */
static void turn_break(struct trading *trading, uint32_t i) {
        struct instrument *instrument = &trading->stocks[i].instrument;
        const struct tops_trade *trade = &instrument->trade;

        if (!trade->id || instrument->broken)
                return;
        instrument->broken = true;
        state_add_break(&instrument->trades, trading->levels ? trade->sz : 0);
        trading_push(trading, &(struct fact){ .kind = FACT_BREAK,
                                              .code = instrument->sale,
                                              .instrument = i,
                                              .px = trade->px,
                                              .sz = trade->sz,
                                              .trade_id = trade->id });
}

/* ---- halts ---- */

void turn_retail(struct trading *trading, uint32_t i) {
        trading->stocks[i].instrument.retail = " ABC"[below(trading, 4)];
        trading_tell(trading, FACT_RETAIL, 0, i);
}

static void turn_halt(struct trading *trading, uint32_t i) {
        struct instrument *instrument = &trading->stocks[i].instrument;

        if (i == 0) /* it stands for the index */
                trading_tell(trading, FACT_BREACH, '1', i);
        instrument->trading = 'H';
        instrument->halt = HALT_TURNS;
        instrument->paired = 0;
        instrument->imbalance = 0;
        trading_tell(trading, FACT_TRADING, 0, i);
        trading_tell(trading, FACT_COLLAR, 0, i);
}

static void gather_orders(struct trading *trading, uint32_t i) {
        struct instrument *instrument = &trading->stocks[i].instrument;

        instrument->paired += instrument_size(instrument, &trading->random);
        instrument->imbalance = (int32_t)instrument_size(instrument, &trading->random);
        if (coin(trading))
                instrument->imbalance = -instrument->imbalance;
        trading_tell(trading, FACT_AUCTION, 0, i);
}

/* One price for all that was gathered; the best bid is among it. */
static void resume(struct trading *trading, uint32_t i) {
        struct stock *stock = &trading->stocks[i];
        struct instrument *instrument = &stock->instrument;
        int64_t bid = orders_best(&stock->side[0]), ask = orders_best(&stock->side[1]);
        int64_t px = bid ? bid : ask ? ask : instrument->bid;
        struct fact fact;

        instrument->trading = 'T';
        fact = note_trade(trading, i, FACT_CROSS, px, instrument->paired,
                          TOPS_SALE_CROSS | TOPS_SALE_EXEMPT);
        if (bid) {
                uint64_t ref = stock->side[0].orders[0].ref;
                uint32_t sz = take(trading, i, false, 0, instrument->paired);

                tell_order(trading, &(struct fact){ .kind = FACT_EXECUTE,
                                                    .instrument = i,
                                                    .px = px,
                                                    .sz = sz,
                                                    .ref = ref,
                                                    .trade_id = trading->trade_id });
        }
        trading_push(trading, &fact);
        trading_tell(trading, FACT_TRADING, 0, i);
        restrict_short_sales(trading, i);
}

/* Orders are taken back while nothing trades. */
static void turn_halted(struct trading *trading, uint32_t i) {
        struct instrument *instrument = &trading->stocks[i].instrument;

        instrument->halt--;
        if (!instrument->halt) {
                resume(trading, i);
        } else if (instrument->halt == AUCTION_TURNS) {
                instrument->trading = 'O';
                trading_tell(trading, FACT_TRADING, 0, i);
        } else if (instrument->halt < AUCTION_TURNS && instrument->halt % AUCTION_EVERY == 0) {
                gather_orders(trading, i);
        } else if (!below(trading, 8)) {
                turn_take_back(trading, i, coin(trading), true);
        }
}

void turn_trading(struct trading *trading, uint32_t i) {
        uint32_t chance = below(trading, LIKELY);
        bool ask = coin(trading);

        if (trading->stocks[i].instrument.halt)
                turn_halted(trading, i);
        else if (chance < TAKES)
                turn_take(trading, i);
        else if ((chance -= TAKES) < HIDDEN)
                turn_hidden(trading, i);
        else if ((chance -= HIDDEN) < REPLACES)
                turn_replace(trading, i, ask);
        else if ((chance -= REPLACES) < CANCELS)
                turn_take_back(trading, i, ask, false);
        else if ((chance -= CANCELS) < DELETES)
                turn_take_back(trading, i, ask, true);
        else if ((chance -= DELETES) < RETAILS)
                turn_retail(trading, i);
        else if ((chance -= RETAILS) < BREAKS)
                turn_break(trading, i);
        else if ((chance -= BREAKS) < HALTS)
                turn_halt(trading, i);
        else
                turn_add(trading, i, ask);
}
