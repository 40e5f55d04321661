/* What a session adds up to; tally.h tells the idea. */

#include "book/tally.h"

#include <string.h>

void tally_reset(struct tally *tally) {
        struct tally_status status = tally->status;

        *tally = (struct tally){
                .bar = { MD_PX_NONE, MD_PX_NONE, MD_PX_NONE, MD_PX_NONE },
                .official = { .open_px = MD_PX_NONE, .close_px = MD_PX_NONE },
                .auction = { .ref_px = MD_PX_NONE },
                .clearing = { MD_PX_NONE, MD_PX_NONE, MD_PX_NONE, MD_PX_NONE },
                .status = status,
                .known = true,
        };
}

static void add(int64_t *sum, int64_t n) {
        if (__builtin_add_overflow(*sum, n, sum))
                *sum = n < 0 ? INT64_MIN : INT64_MAX;
}

/* Price times size as MONEY; what is below its unit is dropped. Sizes of the venues that come this
 * way are whole shares. */
static int64_t notional(int64_t px, int64_t sz) {
        __int128 money = (__int128)px * sz / (MD_PX_ONE / MD_MONEY_ONE);

        if (money > INT64_MAX)
                return INT64_MAX;
        return money < INT64_MIN ? INT64_MIN : (int64_t)money;
}

static struct md_tick *add_tick(struct md_tick *ticks, unsigned *n, uint16_t kind) {
        struct md_tick *tick = &ticks[(*n)++];

        tick->kind = kind;
        tick->flags = 0;
        return tick;
}

/* True if the bar is another one now. */
static bool bar_trade(struct md_bar *bar, const struct tally_trade *trade) {
        struct md_bar old = *bar;

        if (trade->sets_range) {
                if (bar->open == MD_PX_NONE)
                        bar->open = trade->px;
                if (bar->high == MD_PX_NONE || trade->px > bar->high)
                        bar->high = trade->px;
                if (trade->px < bar->low) /* MD_PX_NONE is above all prices */
                        bar->low = trade->px;
        }
        if (trade->sets_last)
                bar->close = trade->px;
        return memcmp(&old, bar, sizeof(old)) != 0;
}

unsigned tally_trade(struct tally *tally, const struct tally_trade *trade, struct md_tick *ticks) {
        unsigned n = 0;

        add(&tally->volume, trade->sz);
        add(&tally->totals.notional, notional(trade->px, trade->sz));
        add(&tally->totals.trades, 1);

        add_tick(ticks, &n, MD_TRADE)->u.trade = (struct md_trade){
                .px = trade->px,
                .sz = trade->sz,
                .volume = tally->volume,
                .trade_id = trade->trade_id,
        };
        if (bar_trade(&tally->bar, trade))
                add_tick(ticks, &n, MD_BAR)->u.bar = tally->bar;
        add_tick(ticks, &n, MD_TOTALS)->u.totals = tally->totals;
        return n;
}

unsigned tally_break(struct tally *tally, const struct event *event, struct md_tick *ticks) {
        unsigned n = 0;

        add(&tally->totals.breaks, 1);
        add(&tally->totals.broken_volume, event->u.broken.sz);

        add_tick(ticks, &n, MD_BREAK)->u.broken = (struct md_broken){
                .px = event->u.broken.px,
                .sz = event->u.broken.sz,
                .volume = tally->totals.broken_volume,
                .trade_id = event->u.broken.trade_id,
        };
        add_tick(ticks, &n, MD_TOTALS)->u.totals = tally->totals;
        return n;
}

/*
 * Takes those fields from a status. A tick is published in words, and to read a word whose bytes were
 * just written one by one the processor waits until they are in its cache, behind all that was written
 * before: so they are taken in words, under a mask.
 */
static void status_take(struct tally_status *status, const struct md_status *from,
                        unsigned fields) {
        static const union {
                struct md_status bytes;
                struct tally_status words;
        } masks[] = {
                { { .trading = '\xff', .reason = "\xff\xff\xff\xff" } }, /* STATUS_TRADING */
                { { .operational = '\xff' } },
                { { .short_sale = '\xff', .short_detail = '\xff' } },
                { { .retail = '\xff' } },
                { { .security = '\xff' } },
        };
        struct tally_status mask = { 0 }, new;

        memcpy(&new, from, sizeof(new));
        for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
                for (unsigned w = 0; w < TALLY_STATUS_WORDS && fields >> i & 1; w++)
                        mask.word[w] |= masks[i].words.word[w];
        for (unsigned w = 0; w < TALLY_STATUS_WORDS; w++)
                status->word[w] = (status->word[w] & ~mask.word[w]) | (new.word[w] & mask.word[w]);
}

unsigned tally_status(struct tally *tally, const struct event *event, struct md_tick *ticks) {
        struct md_status *out;
        unsigned n = 0;

        status_take(&tally->status, &event->u.status.status, event->u.status.fields);
        out = &add_tick(ticks, &n, MD_STATUS)->u.status;
        *out = (struct md_status){ 0 };
        memcpy(out, &tally->status, sizeof(tally->status));
        return n;
}

unsigned tally_auction(struct tally *tally, const struct event *event, struct md_tick *ticks) {
        const struct md_auction *from = &event->u.auction.auction;
        const struct md_clearing *prices = &event->u.auction.clearing;
        unsigned n = 0, fields = event->u.auction.fields;

        if (fields & AUCTION_REFERENCE) {
                tally->auction.type = from->type;
                tally->auction.ref_px = from->ref_px;
        }
        if (fields & AUCTION_IMBALANCE) {
                tally->auction.paired = from->paired;
                tally->auction.imbalance = from->imbalance;
                tally->auction.side = from->side;
                tally->auction.variation = from->variation;
        }
        if (fields & AUCTION_SCHEDULE)
                tally->auction.scheduled = from->scheduled;
        if (fields & AUCTION_CLEARING) {
                tally->clearing.clearing_px = prices->clearing_px;
                tally->clearing.book_px = prices->book_px;
        }
        if (fields & AUCTION_COLLAR) {
                tally->auction.extension = from->extension;
                tally->clearing.collar_lo = prices->collar_lo;
                tally->clearing.collar_hi = prices->collar_hi;
        }
        add_tick(ticks, &n, MD_AUCTION)->u.auction = tally->auction;
        add_tick(ticks, &n, MD_CLEARING)->u.clearing = tally->clearing;
        return n;
}

unsigned tally_official(struct tally *tally, bool closing, int64_t px, int64_t ts,
                        struct md_tick *ticks) {
        unsigned n = 0;

        if (closing) {
                tally->official.close_px = px;
                tally->official.close_ts = ts;
        } else {
                tally->official.open_px = px;
                tally->official.open_ts = ts;
        }
        add_tick(ticks, &n, MD_OFFICIAL)->u.official = tally->official;
        return n;
}

void tally_restore(struct tally *tally, const struct md_tick *tick) {
        switch (tick->kind) {
        case MD_TRADE:
                tally->volume = tick->u.trade.volume;
                break;
        case MD_BAR:
                tally->bar = tick->u.bar;
                break;
        case MD_TOTALS:
                tally->totals = tick->u.totals;
                break;
        case MD_STATUS:
                memcpy(&tally->status, &tick->u.status, sizeof(tally->status));
                break;
        case MD_AUCTION:
                tally->auction = tick->u.auction;
                break;
        case MD_CLEARING:
                tally->clearing = tick->u.clearing;
                break;
        case MD_OFFICIAL:
                tally->official = tick->u.official;
                break;
        }
}
