/* The invented markets, by protocol. */

#include "sim/market.h"

#include <string.h>

static const struct market_type *const types[] = { &tops_market, &deep_market, &itch50_market };

const struct market_type *market_find(const char *protocol) {
        for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
                if (!strcmp(types[i]->protocol, protocol))
                        return types[i];
        return NULL;
}

int market_new(struct market **marketp, const struct market_type *type, uint32_t instruments,
               uint64_t seed) {
        int r;

        r = type->make(marketp, instruments, seed);
        if (r < 0)
                return r;
        (*marketp)->type = type;
        return 0;
}

struct market *market_free(struct market *market) {
        if (market)
                market->type->free(market);
        return NULL;
}

size_t market_next(struct market *market, int64_t time, uint8_t message[MARKET_MESSAGE_MAX]) {
        return market->type->next(market, time, message);
}

void market_wind_down(struct market *market) {
        market->type->wind_down(market);
}

void market_close(struct market *market) {
        market->type->close(market);
}

void market_state(const struct market *market, uint32_t i, struct state_row *row) {
        memset(row, 0, sizeof(*row));
        row->venue = market->type->venue;
        market->type->state(market, i, row);
}
