/* How a market stands, as CSV. */

#include "sim/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/market.h"

void state_add_trade(struct state_trades *trades, int64_t px, uint32_t sz, int64_t id) {
        trades->last_px = px;
        trades->last_sz = sz;
        trades->last_id = id;
        trades->n++;
        trades->volume += sz;
}

void state_add_break(struct state_trades *trades, uint32_t sz) {
        trades->breaks++;
        trades->broken_volume += sz;
}

/* In dollars, without zeros at the end; nothing for none. */
static void put_price(FILE *file, int64_t px) {
        unsigned fraction = (unsigned)(px % 10000);
        int digits = 4;

        if (!px) {
                fputc(',', file);
                return;
        }
        fprintf(file, "%" PRId64, px / 10000);
        for (; fraction && fraction % 10 == 0; fraction /= 10)
                digits--;
        if (fraction)
                fprintf(file, ".%0*u", digits, fraction);
        fputc(',', file);
}

/* A side, or the last trade: nothing where there is none. */
static void put_pair(FILE *file, int64_t px, uint64_t sz) {
        put_price(file, px);
        if (px)
                fprintf(file, "%" PRIu64, sz);
        fputc(',', file);
}

static void put_row(FILE *file, const struct state_row *row, bool books) {
        const struct state_trades *trades = &row->trades;

        fprintf(file, "%s,%s,", row->symbol, row->venue);
        put_pair(file, row->bid, row->bid_sz);
        put_pair(file, row->ask, row->ask_sz);
        put_pair(file, trades->last_px, trades->last_sz);
        if (trades->n)
                fprintf(file, "%" PRId64, trades->last_id);
        fprintf(file, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%c,", trades->n,
                trades->volume, trades->breaks, trades->broken_volume, row->trading);
        if (books)
                fprintf(file, "%u,%u,%u\n", row->bid_levels, row->ask_levels, row->orders);
        else
                fprintf(file, ",,\n");
}

static int compare(const void *a, const void *b) {
        return strcmp(((const struct state_row *)a)->symbol, ((const struct state_row *)b)->symbol);
}

int state_write(FILE *file, const struct market *market, uint32_t n) {
        struct state_row *rows = calloc(n, sizeof(*rows));

        if (!rows)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++) {
                market_state(market, i, &rows[i]);
                rows[i].symbol[strcspn(rows[i].symbol, " ")] = '\0';
        }
        qsort(rows, n, sizeof(*rows), compare);
        fprintf(file,
                "symbol,venue,bid_px,bid_sz,ask_px,ask_sz,last_px,last_sz,last_trade_id,trades,"
                "volume,breaks,broken_volume,status,bid_levels,ask_levels,orders\n");
        for (uint32_t i = 0; i < n; i++)
                if (rows[i].symbol[0])
                        put_row(file, &rows[i], market->type->books);
        free(rows);
        return ferror(file) ? -EIO : 0;
}
