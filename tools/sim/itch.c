/*
 * Messages of Nasdaq TotalView-ITCH 5.0, written
 *
 * All numbers are big endian, prices in 1e-4 (those of the circuit breaker in 1e-8), times in nanoseconds
 * since the midnight in New York that began the day. The locate of a stock is its number here, from 1 on.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/bytes.h"
#include "sim/fact.h"

#define SECOND INT64_C(1000000000)
#define HOUR   3600
#define DAY    (24 * HOUR)

#define AT_BODY 11 /* what is the type's own begins here */

/* ---- time ---- */

/* The first Sunday on that day of the month or after it, as seconds since the epoch. */
static int64_t sunday(int year, int month, int day) {
        struct tm date = { .tm_year = year, .tm_mon = month, .tm_mday = day };

        timegm(&date);
        date.tm_mday += (7 - date.tm_wday) % 7;
        return timegm(&date);
}

/* New York's clock against UTC, in seconds. Summer time is from two in the morning of the second Sunday
 * of March to that of the first of November. */
static int64_t offset_of(int64_t seconds) {
        time_t time = seconds;
        struct tm date;

        gmtime_r(&time, &date);
        return seconds >= sunday(date.tm_year, 2, 8) + 7 * HOUR &&
                               seconds < sunday(date.tm_year, 10, 1) + 6 * HOUR
                       ? -4 * HOUR
                       : -5 * HOUR;
}

static uint64_t since_midnight(int64_t time) {
        static int64_t from = 1,
                       to; /* the day that was asked for last, as seconds since the epoch */
        int64_t seconds = time / SECOND, date;

        if (seconds < from || seconds >= to) {
                date = (seconds + offset_of(seconds)) / DAY * DAY;
                from = date - offset_of(date + 5 * HOUR);
                to = date + DAY - offset_of(date + DAY + 5 * HOUR);
        }
        return (uint64_t)(time - from * SECOND);
}

/* ---- messages ---- */

/* Returns where the type's own part begins. */
static uint8_t *put_head(uint8_t *out, char type, uint32_t locate, int64_t time) {
        out[0] = (uint8_t)type;
        put_be_u16(out + 1, (uint16_t)locate);
        put_be_u16(out + 3, 0); /* tracking number */
        put_be_u48(out + 5, since_midnight(time));
        return out + AT_BODY;
}

static void put_symbol(uint8_t *p, const struct stock *stock) {
        memcpy(p, stock->instrument.symbol, TOPS_SYMBOL_SIZE);
}

static void put_price(uint8_t *p, int64_t px) {
        put_be_u32(p, (uint32_t)px);
}

static size_t write_breakers(uint8_t *out, uint8_t *p) {
        for (unsigned i = 0; i < 3; i++)
                put_be_u64(p + 8 * i, (UINT64_C(4000) - 300 * i) * 100000000);
        return (size_t)(p - out) + 24;
}

static size_t write_directory(const struct stock *stock, uint8_t *out, uint8_t *p) {
        put_symbol(p, stock);
        p[8] = 'Q'; /* market category */
        p[9] = 'N'; /* financial status */
        put_be_u32(p + 10, stock->instrument.lot);
        p[14] = 'N';               /* round lots only */
        p[15] = 'C';               /* issue classification */
        memcpy(p + 16, "Z ", 2);   /* and its subtype */
        p[18] = 'T';               /* a test */
        memcpy(p + 19, "NN1N", 4); /* short sale, IPO, LULD tier, ETP */
        put_be_u32(p + 23, 0);     /* ETP leverage */
        p[27] = 'N';               /* inverse */
        return (size_t)(p - out) + 28;
}

static size_t write_trading(const struct stock *stock, uint8_t *out, uint8_t *p) {
        char trading = stock->instrument.trading;

        put_symbol(p, stock);
        p[8] = trading == 'O' ? 'Q' : (uint8_t)trading;
        p[9] = ' ';
        memcpy(p + 10, trading == 'H' ? "T1  " : trading == 'O' ? "T2  " : "    ", 4);
        return (size_t)(p - out) + 14;
}

static size_t write_maker(const struct stock *stock, uint8_t *out, uint8_t *p) {
        memcpy(p, "ZSIM", 4);
        put_symbol(p + 4, stock);
        memcpy(p + 12, "YNA", 3); /* primary, normal, active */
        return (size_t)(p - out) + 15;
}

static size_t write_auction(const struct stock *stock, uint8_t *out, uint8_t *p) {
        const struct instrument *instrument = &stock->instrument;

        put_be_u64(p, instrument->paired);
        put_be_u64(p + 8, (uint64_t)abs(instrument->imbalance));
        p[16] = instrument->imbalance > 0 ? 'B' : 'S';
        put_symbol(p + 17, stock);
        put_price(p + 25, instrument->bid);
        put_price(p + 29, instrument->bid);
        put_price(p + 33, instrument->bid);
        p[37] = 'H'; /* after a halt */
        p[38] = 'L'; /* less than a hundredth from the reference price */
        return (size_t)(p - out) + 39;
}

static size_t write_collar(const struct stock *stock, uint8_t *out, uint8_t *p) {
        int64_t px = stock->instrument.bid, band = px / 20;

        put_symbol(p, stock);
        put_price(p + 8, px);
        put_price(p + 12, px + band);
        put_price(p + 16, px - band);
        put_be_u32(p + 20, 0);
        return (size_t)(p - out) + 24;
}

/* Ten seconds from now, at the price of the last trade. */
static size_t write_quoting(const struct stock *stock, int64_t time, uint8_t *out, uint8_t *p) {
        put_symbol(p, stock);
        put_be_u32(p + 8, (uint32_t)(since_midnight(time) / 1000000000) + 10);
        p[12] = 'A'; /* anticipated */
        put_price(p + 13, stock->instrument.bid);
        return (size_t)(p - out) + 17;
}

static size_t write_listing(const struct stock *stock, int64_t time, uint8_t *out, uint8_t *p) {
        int64_t px = stock->instrument.bid, band = px / 10;

        put_symbol(p, stock);
        p[8] = 'N';                   /* not yet open */
        put_price(p + 9, px - band);  /* the least price allowed at all, */
        put_price(p + 13, px + band); /* and the highest */
        put_price(p + 17, px);        /* at which it would open now, */
        put_be_u64(p + 21, since_midnight(time));
        put_price(p + 29, px - band / 2); /* and between these two */
        put_price(p + 33, px + band / 2);
        return (size_t)(p - out) + 37;
}

/* A number of an order or trade and one of shares: how many messages go on. */
static uint8_t *put_ref(uint8_t *p, uint64_t ref) {
        put_be_u64(p, ref);
        return p + 8;
}

static size_t write_add(const struct stock *stock, const struct fact *fact, uint8_t *out,
                        uint8_t *p) {
        p = put_ref(p, fact->ref);
        p[0] = fact->ask ? 'S' : 'B';
        put_be_u32(p + 1, fact->sz);
        put_symbol(p + 5, stock);
        put_price(p + 13, fact->px);
        if (!fact->code)
                return (size_t)(p - out) + 17;
        memcpy(p + 17, "ZSIM", 4);
        return (size_t)(p - out) + 21;
}

static size_t write_execute(const struct fact *fact, uint8_t *out, uint8_t *p) {
        p = put_ref(p, fact->ref);
        put_be_u32(p, fact->sz);
        put_be_u64(p + 4, (uint64_t)fact->trade_id);
        if (!fact->px)
                return (size_t)(p - out) + 12;
        p[12] = fact->printable ? 'Y' : 'N';
        put_price(p + 13, fact->px);
        return (size_t)(p - out) + 17;
}

static size_t write_replace(const struct fact *fact, uint8_t *out, uint8_t *p) {
        p = put_ref(put_ref(p, fact->ref), fact->next_ref);
        put_be_u32(p, fact->sz);
        put_price(p + 4, fact->px);
        return (size_t)(p - out) + 8;
}

static size_t write_trade(const struct stock *stock, const struct fact *fact, uint8_t *out,
                          uint8_t *p) {
        p = put_ref(p, 0); /* of an order that was not displayed */
        p[0] = 'B';
        put_be_u32(p + 1, fact->sz);
        put_symbol(p + 5, stock);
        put_price(p + 13, fact->px);
        put_be_u64(p + 17, (uint64_t)fact->trade_id);
        return (size_t)(p - out) + 25;
}

static size_t write_cross(const struct stock *stock, const struct fact *fact, uint8_t *out,
                          uint8_t *p) {
        put_be_u64(p, fact->sz);
        put_symbol(p + 8, stock);
        put_price(p + 16, fact->px);
        put_be_u64(p + 20, (uint64_t)fact->trade_id);
        p[28] = fact->sz ? 'H' : 'O'; /* after a halt; or an opening in which nothing was traded */
        return (size_t)(p - out) + 29;
}

/* A stock, and one letter. */
static size_t write_letter(const struct stock *stock, char letter, uint8_t *out, uint8_t *p) {
        put_symbol(p, stock);
        p[8] = (uint8_t)letter;
        return (size_t)(p - out) + 9;
}

/* The same of this market's own halts. */
static size_t write_operational(const struct stock *stock, uint8_t *out, uint8_t *p) {
        put_symbol(p, stock);
        memcpy(p + 8, "QT", 2);
        return (size_t)(p - out) + 10;
}

/* The letters are those of IEX. */
static char system_event(char event) {
        return event == 'R' ? 'Q' : event;
}

static char retail_interest(char retail) {
        return retail == ' ' ? 'N' : retail == 'C' ? 'A' : retail == 'A' ? 'B' : 'S';
}

static char type_of(const struct fact *fact) {
        static const char types[_FACT_N] = {
                [FACT_SYSTEM] = 'S',  [FACT_BREAKERS] = 'V',    [FACT_DIRECTORY] = 'R',
                [FACT_TRADING] = 'H', [FACT_OPERATIONAL] = 'h', [FACT_SHORT_SALE] = 'Y',
                [FACT_RETAIL] = 'N',  [FACT_MAKER] = 'L',       [FACT_AUCTION] = 'I',
                [FACT_BREACH] = 'W',  [FACT_QUOTING] = 'K',     [FACT_LISTING] = 'O',
                [FACT_COLLAR] = 'J',  [FACT_ADD] = 'A',         [FACT_EXECUTE] = 'E',
                [FACT_CANCEL] = 'X',  [FACT_DELETE] = 'D',      [FACT_REPLACE] = 'U',
                [FACT_TRADE] = 'P',   [FACT_CROSS] = 'Q',       [FACT_BREAK] = 'B',
        };

        if (fact->kind == FACT_ADD && fact->code)
                return 'F';
        if (fact->kind == FACT_EXECUTE && fact->px)
                return 'C';
        return types[fact->kind];
}

size_t itch_write(const struct stock *stock, const struct fact *fact, int64_t time,
                  uint8_t *message) {
        bool whole = fact->kind == FACT_SYSTEM || fact->kind == FACT_BREAKERS ||
                     fact->kind == FACT_BREACH;
        const struct instrument *instrument = &stock->instrument;
        char type = type_of(fact);
        uint8_t *p;

        if (!type)
                return 0;
        p = put_head(message, type, whole ? 0 : fact->instrument + 1, time);
        switch (fact->kind) {
        case FACT_SYSTEM:
                *p = (uint8_t)system_event((char)fact->code);
                return AT_BODY + 1;
        case FACT_BREAKERS:
                return write_breakers(message, p);
        case FACT_BREACH:
                *p = fact->code;
                return AT_BODY + 1;
        case FACT_DIRECTORY:
                return write_directory(stock, message, p);
        case FACT_TRADING:
                return write_trading(stock, message, p);
        case FACT_OPERATIONAL:
                return write_operational(stock, message, p);
        case FACT_SHORT_SALE:
                return write_letter(stock, instrument->restricted ? '1' : '0', message, p);
        case FACT_RETAIL:
                return write_letter(stock, retail_interest(instrument->retail), message, p);
        case FACT_MAKER:
                return write_maker(stock, message, p);
        case FACT_AUCTION:
                return write_auction(stock, message, p);
        case FACT_COLLAR:
                return write_collar(stock, message, p);
        case FACT_QUOTING:
                return write_quoting(stock, time, message, p);
        case FACT_LISTING:
                return write_listing(stock, time, message, p);
        case FACT_ADD:
                return write_add(stock, fact, message, p);
        case FACT_EXECUTE:
                return write_execute(fact, message, p);
        case FACT_CANCEL:
                put_be_u32(put_ref(p, fact->ref), fact->sz);
                return AT_BODY + 12;
        case FACT_DELETE:
                put_ref(p, fact->ref);
                return AT_BODY + 8;
        case FACT_REPLACE:
                return write_replace(fact, message, p);
        case FACT_TRADE:
                return write_trade(stock, fact, message, p);
        case FACT_CROSS:
                return write_cross(stock, fact, message, p);
        case FACT_BREAK:
                put_ref(p, (uint64_t)fact->trade_id);
                return AT_BODY + 8;
        default:
                return 0;
        }
}
