#pragma once

/*
 * What a tick must be that comes from another program
 *
 * The same rules on both sides: the library refuses such a tick with a sentence, and the daemon ends
 * the connection of a publisher that sends one all the same. Whether the instrument is the publisher's
 * to speak of, only the daemon can tell.
 */

#include <stdbool.h>
#include <stddef.h>

#include "shm/tick.h"

/* Flags that a publisher may set; the others are the daemon's to say. */
#define VALID_FLAGS                                                                                \
        (MD_FLAG_LAST | MD_FLAG_SNAPSHOT | MD_FLAG_STALE | MD_FLAG_MAYBE_BAD_BOOK |                \
         MD_FLAG_BAD_TS_RECV | MD_FLAG_ODD_LOT | MD_FLAG_EXTENDED | MD_FLAG_SWEEP |                \
         MD_FLAG_EXEMPT | MD_FLAG_CROSS | MD_FLAG_INACTIVE | MD_FLAG_PRE_POST)

static inline bool valid_px(int64_t px) {
        return px != INT64_MIN;
}

static inline bool valid_char(char c) {
        return c == '\0' || (c >= ' ' && c < 0x7f);
}

static inline const char *valid_quote(const struct md_quote *quote) {
        if (!valid_px(quote->bid_px) || !valid_px(quote->ask_px))
                return "a quote whose price is out of range";
        if (quote->bid_sz < 0 || quote->ask_sz < 0)
                return "a quote whose size is negative";
        if ((quote->bid_px == MD_PX_NONE && quote->bid_sz) ||
            (quote->ask_px == MD_PX_NONE && quote->ask_sz))
                return "a quote with a size but no price";
        return NULL;
}

static inline const char *valid_trade(const struct md_trade *trade) {
        if (!valid_px(trade->px))
                return "a trade whose price is out of range";
        if (trade->sz < 0 || trade->volume < 0)
                return "a trade whose size or volume is negative";
        if (trade->px == MD_PX_NONE && (trade->sz || trade->volume || trade->trade_id))
                return "a trade with a size, volume or number but no price";
        return NULL;
}

static inline const char *valid_bar(const struct md_bar *bar) {
        if (!valid_px(bar->open) || !valid_px(bar->high) || !valid_px(bar->low) ||
            !valid_px(bar->close))
                return "a bar whose price is out of range";
        if (bar->high != MD_PX_NONE && bar->low != MD_PX_NONE && bar->high < bar->low)
                return "a bar whose high is below its low";
        return NULL;
}

static inline const char *valid_status(const struct md_status *status) {
        const char *bytes = (const char *)status;

        for (size_t i = 0; i < offsetof(struct md_status, unused); i++)
                if (!valid_char(bytes[i]))
                        return "a status with an unprintable character";
        for (size_t i = 0; i < sizeof(status->unused); i++)
                if (status->unused[i])
                        return "a status whose unused bytes are not zero";
        return NULL;
}

/* NULL, or what is wrong with it in words: "a quote whose ...". */
static inline const char *valid_tick(const struct md_tick *tick) {
        if (tick->flags & ~VALID_FLAGS)
                return "a tick with unknown flags";
        switch (tick->kind) {
        case MD_QUOTE:
                return valid_quote(&tick->u.quote);
        case MD_TRADE:
                return valid_trade(&tick->u.trade);
        case MD_BAR:
                return valid_bar(&tick->u.bar);
        case MD_TOTALS:
                if (tick->u.totals.trades < 0 || tick->u.totals.breaks < 0 ||
                    tick->u.totals.broken_volume < 0)
                        return "totals with a negative count";
                return NULL;
        case MD_STATUS:
                return valid_status(&tick->u.status);
        case MD_AUCTION:
                if (!valid_px(tick->u.auction.ref_px) || tick->u.auction.paired < 0 ||
                    tick->u.auction.imbalance < 0)
                        return "an auction whose price or size is out of range";
                if (!valid_char(tick->u.auction.type) || !valid_char(tick->u.auction.side) ||
                    !valid_char(tick->u.auction.variation))
                        return "an auction with an unprintable character";
                return NULL;
        case MD_CLEARING:
                if (!valid_px(tick->u.clearing.clearing_px) ||
                    !valid_px(tick->u.clearing.book_px) || !valid_px(tick->u.clearing.collar_lo) ||
                    !valid_px(tick->u.clearing.collar_hi))
                        return "clearing prices out of range";
                return NULL;
        case MD_OFFICIAL:
                if (!valid_px(tick->u.official.open_px) || !valid_px(tick->u.official.close_px))
                        return "official prices out of range";
                return NULL;
        case MD_BREAK:
                if (!valid_px(tick->u.broken.px) || tick->u.broken.sz < 0 ||
                    tick->u.broken.volume < 0)
                        return "a break whose price or size is out of range";
                return NULL;
        default:
                return "a tick of a kind that nobody can publish";
        }
}

/* A symbol (size SYMBOL_SIZE, at least one NUL) or a venue (size VENUE_SIZE; may be empty): printable,
 * without spaces at its ends, and NUL-padded. */
static inline bool valid_name(const char *name, size_t size, bool may_fill, bool may_be_empty) {
        size_t n = 0;

        while (n < size && name[n]) {
                if (name[n] < ' ' || name[n] >= 0x7f)
                        return false;
                n++;
        }
        if ((n == size && !may_fill) || (n == 0 && !may_be_empty))
                return false;
        if (n && (name[0] == ' ' || name[n - 1] == ' '))
                return false;
        for (size_t i = n; i < size; i++)
                if (name[i])
                        return false;
        return true;
}
