/* Messages of IEX TOPS 1.6, written. */

#include "sim/tops.h"

#include <string.h>

#include "sim/bytes.h"

#define HEAD_SIZE 18

/* Returns where the rest of the message begins. */
static uint8_t *put_head(uint8_t *out, char type, const struct tops_head *head) {
        out[0] = (uint8_t)type;
        out[1] = head->code;
        put_i64(out + 2, head->time);
        memcpy(out + 10, head->symbol, TOPS_SYMBOL_SIZE);
        return out + HEAD_SIZE;
}

size_t tops_system(uint8_t *out, int64_t time, char event) {
        out[0] = 'S';
        out[1] = (uint8_t)event;
        put_i64(out + 2, time);
        return 10;
}

size_t tops_directory(uint8_t *out, const struct tops_head *head, uint32_t lot, int64_t close,
                      uint8_t luld) {
        uint8_t *p = put_head(out, 'D', head);

        put_u32(p, lot);
        put_i64(p + 4, close);
        p[12] = luld;
        return HEAD_SIZE + 13;
}

size_t tops_trading(uint8_t *out, const struct tops_head *head, const char reason[4]) {
        memcpy(put_head(out, 'H', head), reason, 4);
        return HEAD_SIZE + 4;
}

size_t tops_retail(uint8_t *out, const struct tops_head *head) {
        put_head(out, 'I', head);
        return HEAD_SIZE;
}

size_t tops_operational(uint8_t *out, const struct tops_head *head) {
        put_head(out, 'O', head);
        return HEAD_SIZE;
}

size_t tops_short_sale(uint8_t *out, const struct tops_head *head, char detail) {
        *put_head(out, 'P', head) = (uint8_t)detail;
        return HEAD_SIZE + 1;
}

size_t tops_security(uint8_t *out, const struct tops_head *head) {
        put_head(out, 'E', head);
        return HEAD_SIZE;
}

size_t tops_quote(uint8_t *out, const struct tops_head *head, const struct tops_quote *quote) {
        uint8_t *p = put_head(out, 'Q', head);

        put_u32(p, quote->bid_sz);
        put_i64(p + 4, quote->bid);
        put_i64(p + 12, quote->ask);
        put_u32(p + 20, quote->ask_sz);
        return HEAD_SIZE + 24;
}

static size_t put_trade(uint8_t *out, char type, const struct tops_head *head,
                        const struct tops_trade *trade) {
        uint8_t *p = put_head(out, type, head);

        put_u32(p, trade->sz);
        put_i64(p + 4, trade->px);
        put_i64(p + 12, trade->id);
        return HEAD_SIZE + 20;
}

size_t tops_trade(uint8_t *out, const struct tops_head *head, const struct tops_trade *trade) {
        return put_trade(out, 'T', head, trade);
}

size_t tops_break(uint8_t *out, const struct tops_head *head, const struct tops_trade *trade) {
        return put_trade(out, 'B', head, trade);
}

size_t tops_official(uint8_t *out, const struct tops_head *head, int64_t px) {
        put_i64(put_head(out, 'X', head), px);
        return HEAD_SIZE + 8;
}

size_t tops_auction(uint8_t *out, const struct tops_head *head,
                    const struct tops_auction *auction) {
        uint8_t *p = put_head(out, 'A', head);

        put_u32(p, auction->paired);
        put_i64(p + 4, auction->reference);
        put_i64(p + 12, auction->clearing);
        put_u32(p + 20, auction->imbalance);
        p[24] = (uint8_t)auction->side;
        p[25] = auction->extension;
        put_u32(p + 26, auction->scheduled);
        put_i64(p + 30, auction->book);
        put_i64(p + 38, auction->collar);
        put_i64(p + 46, auction->collar_lo);
        put_i64(p + 54, auction->collar_hi);
        return HEAD_SIZE + 62;
}
