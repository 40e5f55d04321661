/* A recording in which everything follows from the time; ramp.h tells the idea. */

#include "ramp.h"

#include "exchange.h"
#include "harness.h"

#define PX_FACTOR (MD_PX_ONE / 10000) /* from the wire's prices to ours */

static int64_t base; /* TIME of packet 0 */

struct values {
        int64_t bid_px, ask_px; /* 1e-4 */
        uint32_t bid_sz, ask_sz;
};

static struct values values_of(int64_t p) {
        return (struct values){
                .bid_px = 10000 + p,
                .ask_px = 10001 + p + p % 50,
                .bid_sz = (uint32_t)(1 + p % 1000),
                .ask_sz = (uint32_t)(1 + p * 7 % 1000),
        };
}

void ramp_write(const char *path, unsigned packets, int64_t step) {
        struct exchange exchange;
        unsigned instrument = 0;

        exchange_to_file(&exchange, path);
        exchange.step = step;
        base = exchange.time;
        for (int64_t p = 0; p < packets; p++) {
                struct values v = values_of(p);

                for (unsigned i = 0; i < RAMP_MESSAGES; i++) {
                        char symbol[8];

                        snprintf(symbol, sizeof(symbol), "S%02u", instrument++ % RAMP_INSTRUMENTS);
                        if (i < RAMP_QUOTES)
                                exchange_quote(&exchange, symbol, v.bid_px, v.bid_sz, v.ask_px,
                                               v.ask_sz);
                        else
                                exchange_trade(&exchange, symbol, v.bid_px, v.bid_sz, p);
                }
                exchange_send(&exchange);
        }
        exchange_deinit(&exchange);
}

static bool quote_is_empty(const struct md_quote *quote) {
        return quote->bid_px == MD_PX_NONE && quote->ask_px == MD_PX_NONE && !quote->bid_sz &&
               !quote->ask_sz;
}

static bool trade_is_empty(const struct md_trade *trade) {
        return trade->px == MD_PX_NONE && !trade->sz && !trade->volume && !trade->trade_id;
}

bool ramp_is_whole(const struct md_tick *tick, int64_t step) {
        struct values v;

        if (tick->kind != MD_QUOTE && tick->kind != MD_TRADE)
                return true;
        if (!tick->ts_event)
                return tick->kind == MD_QUOTE ? quote_is_empty(&tick->u.quote)
                                              : trade_is_empty(&tick->u.trade);
        if (tick->ts_event < base || (tick->ts_event - base) % step)
                return false;

        v = values_of((tick->ts_event - base) / step);
        if (tick->kind == MD_QUOTE)
                return tick->u.quote.bid_px == v.bid_px * PX_FACTOR &&
                       tick->u.quote.ask_px == v.ask_px * PX_FACTOR &&
                       tick->u.quote.bid_sz == v.bid_sz && tick->u.quote.ask_sz == v.ask_sz;
        return tick->u.trade.px == v.bid_px * PX_FACTOR && tick->u.trade.sz == v.bid_sz &&
               tick->u.trade.trade_id == (tick->ts_event - base) / step;
}
