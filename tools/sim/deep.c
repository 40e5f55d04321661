/* Messages of IEX DEEP 1.0, written: those of TOPS, but for levels instead of quotes. */

#include <string.h>

#include "sim/bytes.h"
#include "sim/fact.h"

enum {
        LEVEL_COMPLETE = 0x01,
};

static size_t write_level(const struct stock *stock, const struct fact *fact, int64_t time,
                          uint8_t *message) {
        message[0] = fact->ask ? '5' : '8';
        message[1] = fact->code ? LEVEL_COMPLETE : 0;
        put_i64(message + 2, time);
        memcpy(message + 10, stock->instrument.symbol, TOPS_SYMBOL_SIZE);
        put_u32(message + 18, fact->sz);
        put_i64(message + 22, fact->px);
        return 30;
}

static size_t write_trade(const struct stock *stock, const struct fact *fact, int64_t time,
                          uint8_t *message) {
        struct instrument instrument = stock->instrument;

        instrument.trade = (struct tops_trade){ fact->px, fact->trade_id, fact->sz };
        instrument.sale = fact->code;
        return instrument_write(&instrument, fact->kind == FACT_BREAK ? 'B' : 'T', 0, time,
                                message);
}

size_t deep_write(const struct stock *stock, const struct fact *fact, int64_t time,
                  uint8_t *message) {
        static const char types[_FACT_N] = {
                [FACT_SYSTEM] = 'S',      [FACT_DIRECTORY] = 'D',  [FACT_TRADING] = 'H',
                [FACT_OPERATIONAL] = 'O', [FACT_SHORT_SALE] = 'P', [FACT_RETAIL] = 'I',
                [FACT_SECURITY] = 'E',    [FACT_OFFICIAL] = 'X',   [FACT_AUCTION] = 'A',
        };

        switch (fact->kind) {
        case FACT_LEVEL:
                return write_level(stock, fact, time, message);
        case FACT_TRADE:
        case FACT_BREAK:
                return write_trade(stock, fact, time, message);
        case FACT_CROSS:
                return fact->sz ? write_trade(stock, fact, time, message) : 0;
        default:
                if (!types[fact->kind])
                        return 0;
                return instrument_write(&stock->instrument, types[fact->kind], (char)fact->code,
                                        time, message);
        }
}
