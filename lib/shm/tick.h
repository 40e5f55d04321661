#ifndef MD_TICK_H
#define MD_TICK_H

/*
 * The tick
 *
 * Everything that mdshmd takes, keeps and hands on is a tick: 64 bytes, one cache line, little
 * endian, natural alignment, no floating point. This file is the one place where the kinds of
 * ticks are defined. From its tables come the C structs below, the printing of mdctl, and the
 * published layout (mdshm-layout.json) that other languages are checked against.
 *
 * Units
 *   PRICE  signed, 1e-9 of the currency; MD_PX_NONE where there is none
 *   SIZE   signed, 10^size_exp of the instrument (size_exp 0: shares, -8: most crypto)
 *   MONEY  signed, 1e-4 of the currency; stops at INT64_MAX
 *   TIME   signed, nanoseconds since 1970-01-01 UTC; 0 where unknown
 *   COUNT  a plain number          ID  a venue's own number
 *   CHAR   one ASCII character, 0 where unknown
 *   TEXT   ASCII, NUL-padded, not NUL-terminated when full
 *   FEED   index of a feed         NONE  unused, zero
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MD_PX_NONE         INT64_MAX
#define MD_PX_ONE          INT64_C(1000000000) /* a price of 1 */
#define MD_MONEY_ONE       INT64_C(10000)      /* a notional of 1 */
#define MD_INSTRUMENT_NONE UINT32_MAX          /* in a tick that concerns a whole feed */

/* A number in the journal; the top bit is set while the line that holds it is being written.
 * Ticks are numbered from 1; 0 means that there never was one. */
#define MD_SEQ_BUSY (UINT64_C(1) << 63)

/* clang-format off */

/*
 * KIND(number, NAME, name, meaning). Kinds below MD_PLACES have a place per instrument in the table
 * (the last tick of that kind); the others are in the stream only. A number is never used again.
 */
#define MD_KINDS(KIND)                                                                             \
        KIND(0, QUOTE,    quote,    "best bid and offer")                                          \
        KIND(1, TRADE,    trade,    "a trade")                                                     \
        KIND(2, BAR,      bar,      "prices of the session")                                       \
        KIND(3, TOTALS,   totals,   "sums of the session")                                         \
        KIND(4, STATUS,   status,   "trading status")                                              \
        KIND(5, AUCTION,  auction,  "state of an auction")                                         \
        KIND(6, CLEARING, clearing, "clearing prices of an auction")                               \
        KIND(7, OFFICIAL, official, "official prices of the session")                              \
        KIND(8, BREAK,    broken,   "a trade taken back by the venue")                             \
        KIND(9, SYSTEM,   system,   "an event of a whole feed")

/* FIELD(type, name, array, UNIT, meaning): the 32 bytes of each kind's body, in order. */
#define MD_QUOTE_FIELDS(FIELD)                                                                     \
        FIELD(int64_t, bid_px, , PRICE, "best bid; MD_PX_NONE: nobody bids")                       \
        FIELD(int64_t, ask_px, , PRICE, "best offer; MD_PX_NONE: nobody offers")                   \
        FIELD(int64_t, bid_sz, , SIZE,  "size at bid_px; 0 without a bid")                         \
        FIELD(int64_t, ask_sz, , SIZE,  "size at ask_px; 0 without an offer")

#define MD_TRADE_FIELDS(FIELD)                                                                     \
        FIELD(int64_t, px,       , PRICE, "price of the trade; MD_PX_NONE: none in the session yet") \
        FIELD(int64_t, sz,       , SIZE,  "size of the trade")                                     \
        FIELD(int64_t, volume,   , SIZE,  "sum of sz in the session, this trade included, gross of breaks") \
        FIELD(int64_t, trade_id, , ID,    "the venue's number of the trade")

#define MD_BAR_FIELDS(FIELD)                                                                       \
        FIELD(int64_t, open,  , PRICE, "first eligible trade of the session")                      \
        FIELD(int64_t, high,  , PRICE, "highest eligible trade")                                   \
        FIELD(int64_t, low,   , PRICE, "lowest eligible trade")                                    \
        FIELD(int64_t, close, , PRICE, "last eligible trade so far")

#define MD_TOTALS_FIELDS(FIELD)                                                                    \
        FIELD(int64_t, notional,      , MONEY, "sum of price times size, gross of breaks")         \
        FIELD(int64_t, trades,        , COUNT, "trades, gross of breaks")                          \
        FIELD(int64_t, breaks,        , COUNT, "trades taken back")                                \
        FIELD(int64_t, broken_volume, , SIZE,  "sum of the sizes taken back")

#define MD_STATUS_FIELDS(FIELD)                                                                    \
        FIELD(char, trading,      ,    CHAR, "T trading, H halted, P paused, O order acceptance period, Q quotation only") \
        FIELD(char, reason,       [4], TEXT, "why halted or paused, in the venue's code")          \
        FIELD(char, operational,  ,    CHAR, "halted by this venue alone: O halted, N not")        \
        FIELD(char, short_sale,   ,    CHAR, "short sale price test: 1 in effect, 0 not")          \
        FIELD(char, short_detail, ,    CHAR, "its cause: A activated, C continued, D deactivated, N not available, space none") \
        FIELD(char, retail,       ,    CHAR, "retail interest: A buy, B sell, C both, space none") \
        FIELD(char, security,     ,    CHAR, "last security event: O opening process, C closing process complete") \
        FIELD(char, unused,       [22], NONE, "zero")

#define MD_AUCTION_FIELDS(FIELD)                                                                   \
        FIELD(int64_t,  ref_px,    ,    PRICE, "reference price")                                  \
        FIELD(int64_t,  paired,    ,    SIZE,  "size matched at the reference price")              \
        FIELD(int64_t,  imbalance, ,    SIZE,  "size left over at the reference price")            \
        FIELD(uint32_t, scheduled, ,    COUNT, "planned time of the match, seconds since the epoch; 0 unknown") \
        FIELD(char,     type,      ,    CHAR,  "O opening, C closing, I IPO, H halt, V volatility, A extended closing") \
        FIELD(char,     side,      ,    CHAR,  "side of the imbalance: B buy, S sell, N none, O too few orders to tell, P paused")     \
        FIELD(uint8_t,  extension, ,    COUNT, "times that the auction was extended")              \
        FIELD(char,     variation, ,    CHAR,  "price variation indicator of the venue; 0 where it has none")

#define MD_CLEARING_FIELDS(FIELD)                                                                  \
        FIELD(int64_t, clearing_px, , PRICE, "indicative clearing price, all interest")            \
        FIELD(int64_t, book_px,     , PRICE, "clearing price of auction-only orders")              \
        FIELD(int64_t, collar_lo,   , PRICE, "lowest price allowed")                               \
        FIELD(int64_t, collar_hi,   , PRICE, "highest price allowed")

#define MD_OFFICIAL_FIELDS(FIELD)                                                                  \
        FIELD(int64_t, open_px,  , PRICE, "official opening price")                                \
        FIELD(int64_t, close_px, , PRICE, "official closing price")                                \
        FIELD(int64_t, open_ts,  , TIME,  "when open_px was set")                                  \
        FIELD(int64_t, close_ts, , TIME,  "when close_px was set")

#define MD_BREAK_FIELDS(FIELD)                                                                     \
        FIELD(int64_t, px,       , PRICE, "price of the broken trade; MD_PX_NONE: the venue does not say") \
        FIELD(int64_t, sz,       , SIZE,  "its size; 0: the venue does not say")                   \
        FIELD(int64_t, volume,   , SIZE,  "broken_volume of the session, this break included")     \
        FIELD(int64_t, trade_id, , ID,    "the venue's number of the trade")

#define MD_SYSTEM_FIELDS(FIELD)                                                                    \
        FIELD(uint32_t, feed,   ,     FEED, "the feed that it concerns")                           \
        FIELD(char,     event,  ,     CHAR, "O start of messages, S start of system hours, R start of market hours, M end of market hours, E end of system hours, C end of messages, 1, 2, 3 market-wide circuit breaker of that level, Z session afresh, D the feed has passed to another daemon, L it is live again after that") \
        FIELD(char,     unused, [27], NONE, "zero")

/* FLAG(bit, NAME, name, meaning) */
#define MD_FLAGS(FLAG)                                                                             \
        FLAG( 0, LAST,           last,           "last tick of the venue's event")                 \
        FLAG( 1, SNAPSHOT,       snapshot,       "state handed on, not a fresh event")             \
        FLAG( 2, STALE,          stale,          "its source is gone or silent")                   \
        FLAG( 3, MAYBE_BAD_BOOK, maybe_bad_book, "made from a book that missed messages")          \
        FLAG( 4, BAD_TS_RECV,    bad_ts_recv,    "ts_recv is not an arrival stamp")                \
        FLAG( 8, ODD_LOT,        odd_lot,        "trade below a round lot")                        \
        FLAG( 9, EXTENDED,       extended,       "trade outside regular market hours")             \
        FLAG(10, SWEEP,          sweep,          "trade of an intermarket sweep order")            \
        FLAG(11, EXEMPT,         exempt,         "trade exempt from trade-through protection")     \
        FLAG(12, CROSS,          cross,          "trade of an auction or single-price cross")      \
        FLAG(13, INACTIVE,       inactive,       "quote while the instrument may not trade here")  \
        FLAG(14, PRE_POST,       pre_post,       "quote outside regular market hours")

/* clang-format on */

#define MD_KIND_ENUM_(number, NAME, name, text) MD_##NAME = number,
enum { MD_KINDS(MD_KIND_ENUM_) };
#undef MD_KIND_ENUM_

#define MD_PLACES 8 /* kinds that have a place per instrument */

#define MD_FLAG_ENUM_(bit, NAME, name, text) MD_FLAG_##NAME = 1 << (bit),
enum { MD_FLAGS(MD_FLAG_ENUM_) };
#undef MD_FLAG_ENUM_

#define MD_STRUCT_FIELD_(type, name, array, unit, text) type name array;
struct md_quote {
        MD_QUOTE_FIELDS(MD_STRUCT_FIELD_)
};
struct md_trade {
        MD_TRADE_FIELDS(MD_STRUCT_FIELD_)
};
struct md_bar {
        MD_BAR_FIELDS(MD_STRUCT_FIELD_)
};
struct md_totals {
        MD_TOTALS_FIELDS(MD_STRUCT_FIELD_)
};
struct md_status {
        MD_STATUS_FIELDS(MD_STRUCT_FIELD_)
};
struct md_auction {
        MD_AUCTION_FIELDS(MD_STRUCT_FIELD_)
};
struct md_clearing {
        MD_CLEARING_FIELDS(MD_STRUCT_FIELD_)
};
struct md_official {
        MD_OFFICIAL_FIELDS(MD_STRUCT_FIELD_)
};
struct md_broken {
        MD_BREAK_FIELDS(MD_STRUCT_FIELD_)
};
struct md_system {
        MD_SYSTEM_FIELDS(MD_STRUCT_FIELD_)
};
#undef MD_STRUCT_FIELD_

#define MD_UNION_MEMBER_(number, NAME, name, text) struct md_##name name;
struct md_tick {
        uint64_t seq;        /* number in the journal; one numbering for all instruments */
        uint32_t instrument; /* index in the directory, or MD_INSTRUMENT_NONE */
        uint16_t kind;       /* MD_QUOTE, MD_TRADE, ...: which member of u holds the body */
        uint16_t flags;      /* MD_FLAG_... */
        int64_t ts_event;    /* TIME: the exchange's own */
        int64_t ts_recv;     /* TIME: arrival on this host, by the network card or the kernel */
        union {
                MD_KINDS(MD_UNION_MEMBER_)
                int64_t word[4];
        } u;
};
#undef MD_UNION_MEMBER_

/* A level of a book: what there is at one price. No tick, but said in the same units. */
struct md_level {
        int64_t px;      /* PRICE */
        int64_t sz;      /* SIZE */
        uint64_t orders; /* COUNT: how many make it up; 0: the venue does not say */
};

#ifdef __cplusplus
}
#endif

#endif
