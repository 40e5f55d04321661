/* An invented instrument: its state, and the messages that tell of it. */

#include "sim/instrument.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_LOT_FROM (INT64_C(250) * 10000) /* dearer instruments have the smaller round lot */

/* Z and syllables, so that it can be spoken and is no symbol of an exchange. */
static void name_instrument(char symbol[TOPS_SYMBOL_SIZE], uint32_t i) {
        static const char consonants[] = "BCDFGHJKLMNPRSTVWZ", vowels[] = "AEIOU";
        const uint32_t syllables = (sizeof(consonants) - 1) * (sizeof(vowels) - 1);
        const uint32_t two = syllables * syllables;
        unsigned n = 2;

        if (i < two) {
                i = (uint32_t)((uint64_t)i * 3571 % two); /* neighbours look different */
        } else {
                i -= two;
                n = 3;
        }

        memset(symbol, ' ', TOPS_SYMBOL_SIZE);
        symbol[0] = 'Z';
        for (unsigned k = 0; k < n; k++, i /= syllables) {
                symbol[1 + 2 * k] = consonants[i % syllables / (sizeof(vowels) - 1)];
                symbol[2 + 2 * k] = vowels[i % (sizeof(vowels) - 1)];
        }
}

uint32_t instrument_size(const struct instrument *instrument, struct random *random) {
        return instrument->lot * (1 + random_below(random, 12));
}

void instrument_init(struct instrument *instrument, struct random *random, uint32_t i) {
        int64_t close = 5 * 10000 + (int64_t)random_below(random, 49500) * INSTRUMENT_TICK;

        *instrument = (struct instrument){
                .bid = close,
                .ask = close + INSTRUMENT_TICK,
                .lot = close < SMALL_LOT_FROM ? 100 : 40,
                .spread = 1 + random_below(random, 6),
                .close = close,
                .trading = 'T',
                .retail = ' ',
        };
        name_instrument(instrument->symbol, i);
}

static size_t write_quote(const struct instrument *instrument, struct tops_head *head,
                          uint8_t *message) {
        struct tops_quote quote = { 0 };

        head->code = instrument->trading == 'T' ? 0 : TOPS_QUOTE_INACTIVE;
        if (instrument->bid_sz && instrument->ask_sz)
                quote = (struct tops_quote){
                        .bid = instrument->bid,
                        .ask = instrument->ask,
                        .bid_sz = instrument->bid_sz,
                        .ask_sz = instrument->ask_sz,
                };
        return tops_quote(message, head, &quote);
}

static size_t write_trading(const struct instrument *instrument, struct tops_head *head,
                            uint8_t *message) {
        const char *reason = instrument->trading == 'H'   ? "T1  "
                             : instrument->trading == 'O' ? "T2  "
                                                          : "    ";

        head->code = (uint8_t)instrument->trading;
        return tops_trading(message, head, reason);
}

static size_t write_auction(const struct instrument *instrument, struct tops_head *head,
                            uint8_t *message) {
        int64_t px = instrument->bid, band = px / 20 / INSTRUMENT_TICK * INSTRUMENT_TICK;
        const struct tops_auction auction = {
                .reference = px,
                .clearing = px,
                .book = px + (instrument->imbalance > 0 ? INSTRUMENT_TICK : -INSTRUMENT_TICK),
                .collar = px,
                .collar_lo = px - band,
                .collar_hi = px + band,
                .paired = instrument->paired,
                .imbalance = (uint32_t)abs(instrument->imbalance),
                .scheduled = (uint32_t)(head->time / 1000000000) + 60,
                .side = instrument->imbalance > 0 ? 'B' : 'S',
        };

        head->code = 'H';
        return tops_auction(message, head, &auction);
}

size_t instrument_write(const struct instrument *instrument, char type, char code, int64_t time,
                        uint8_t message[TOPS_MESSAGE_MAX]) {
        struct tops_head head = { time, instrument->symbol, (uint8_t)code };

        switch (type) {
        case 'S':
                return tops_system(message, time, code);
        case 'D':
                head.code = TOPS_DIRECTORY_TEST;
                return tops_directory(message, &head, instrument->lot, instrument->close, 1);
        case 'H':
                return write_trading(instrument, &head, message);
        case 'I':
                head.code = (uint8_t)instrument->retail;
                return tops_retail(message, &head);
        case 'O':
                head.code = 'N';
                return tops_operational(message, &head);
        case 'P':
                head.code = instrument->restricted;
                return tops_short_sale(message, &head, instrument->restricted ? 'A' : ' ');
        case 'E':
                return tops_security(message, &head);
        case 'T':
                head.code = instrument->sale;
                return tops_trade(message, &head, &instrument->trade);
        case 'B':
                head.code = instrument->sale;
                return tops_break(message, &head, &instrument->trade);
        case 'X':
                return tops_official(message, &head, instrument->bid);
        case 'A':
                return write_auction(instrument, &head, message);
        default:
                return write_quote(instrument, &head, message);
        }
}
