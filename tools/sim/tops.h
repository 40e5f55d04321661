#pragma once

/*
 * Messages of IEX TOPS 1.6, written
 *
 * One function per type of the specification. Each writes a message to `out`, which has room for
 * TOPS_MESSAGE_MAX bytes, and returns its size. Prices are in 1e-4, times in nanoseconds since the
 * epoch.
 */

#include <stddef.h>
#include <stdint.h>

#define TOPS_MESSAGE_MAX 80
#define TOPS_SYMBOL_SIZE 8

/* What all messages begin with: which instrument, when, and the byte after the type, a code or
 * flags. */
struct tops_head {
        int64_t time;
        const char *symbol; /* TOPS_SYMBOL_SIZE bytes, space-padded */
        uint8_t code;
};

enum {
        TOPS_DIRECTORY_TEST = 0x80,
        TOPS_QUOTE_INACTIVE = 0x80,
        TOPS_SALE_SWEEP = 0x80,
        TOPS_SALE_ODD_LOT = 0x20,
        TOPS_SALE_EXEMPT = 0x10,
        TOPS_SALE_CROSS = 0x08,
};

struct tops_quote {
        int64_t bid, ask;        /* 0: none */
        uint32_t bid_sz, ask_sz; /* 0: none */
};

struct tops_trade {
        int64_t px, id;
        uint32_t sz;
};

struct tops_auction {
        int64_t reference, clearing, book, collar, collar_lo, collar_hi;
        uint32_t paired, imbalance;
        uint32_t scheduled; /* seconds since the epoch */
        char side;          /* B, S, N */
        uint8_t extension;
};

size_t tops_system(uint8_t *out, int64_t time, char event);
size_t tops_directory(uint8_t *out, const struct tops_head *head, uint32_t lot, int64_t close,
                      uint8_t luld);
size_t tops_trading(uint8_t *out, const struct tops_head *head, const char reason[4]);
size_t tops_retail(uint8_t *out, const struct tops_head *head);
size_t tops_operational(uint8_t *out, const struct tops_head *head);
size_t tops_short_sale(uint8_t *out, const struct tops_head *head, char detail);
size_t tops_security(uint8_t *out, const struct tops_head *head);
size_t tops_quote(uint8_t *out, const struct tops_head *head, const struct tops_quote *quote);
size_t tops_trade(uint8_t *out, const struct tops_head *head, const struct tops_trade *trade);
size_t tops_break(uint8_t *out, const struct tops_head *head, const struct tops_trade *trade);
size_t tops_official(uint8_t *out, const struct tops_head *head, int64_t px);
size_t tops_auction(uint8_t *out, const struct tops_head *head, const struct tops_auction *auction);
