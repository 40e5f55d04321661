#pragma once

/*
 * The words that the stages share
 *
 *      feed    packets: payloads of datagrams, from wherever they come
 *      decode  one message of a venue, as an event in our units
 *      book    an event, as ticks
 *
 * A decoder makes at most one event from a message. It fills in what the message says and nothing
 * else: what came before it is the book's matter, which symbol is which instrument the pipeline's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/tick.h"

/* The payload of one datagram; the bytes are the source's, and gone when the call returns. */
struct packet {
        const uint8_t *data;
        size_t size;
        int64_t ts_recv; /* TIME of arrival; 0 unknown */
        int64_t now;     /* ns by the source's own clock, which never steps back */
        uint64_t number; /* 1 for the first of the source */
        unsigned line;   /* 0: A, 1: B, 2: asked for again */
        bool cut;        /* the recording holds only its beginning */
};

/* The height at which a venue speaks of its book. The book turns each into the one before it. */
enum height {
        HEIGHT_TOP,    /* of the best bid and offer */
        HEIGHT_LEVELS, /* of all prices, with the size at each */
        HEIGHT_ORDERS, /* of every order by itself */
};

enum event_type {
        EVENT_NONE,       /* nothing to publish (but the message was understood) */
        EVENT_INSTRUMENT, /* a directory entry */
        EVENT_SYSTEM,
        EVENT_QUOTE, /* the top of the book itself */
        EVENT_LEVEL, /* what there is at a price now */
        EVENT_ORDER_ADD,
        EVENT_ORDER_EXECUTE, /* some of an order is traded, at its price or another */
        EVENT_ORDER_CANCEL,  /* some of an order is taken back */
        EVENT_ORDER_DELETE,
        EVENT_ORDER_REPLACE, /* another order of its side takes its place */
        EVENT_TRADE,
        EVENT_BREAK,
        EVENT_STATUS,
        EVENT_AUCTION,
        EVENT_OFFICIAL,
};

/* Which fields of `status` an EVENT_STATUS brings; the others keep their values. */
enum {
        STATUS_TRADING = 1 << 0, /* trading, reason */
        STATUS_OPERATIONAL = 1 << 1,
        STATUS_SHORT_SALE = 1 << 2, /* short_sale, short_detail */
        STATUS_RETAIL = 1 << 3,
        STATUS_SECURITY = 1 << 4,
};

/* Which fields an EVENT_AUCTION brings; the others keep their values. */
enum {
        AUCTION_REFERENCE = 1 << 0, /* type, ref_px */
        AUCTION_IMBALANCE = 1 << 1, /* paired, imbalance, side, variation */
        AUCTION_SCHEDULE = 1 << 2,  /* scheduled */
        AUCTION_CLEARING = 1 << 3,  /* clearing_px, book_px */
        AUCTION_COLLAR = 1 << 4,    /* extension, collar_lo, collar_hi */
        AUCTION_ALL = (1 << 5) - 1,
};

/* What an EVENT_INSTRUMENT says of it; the bits are those of INSTRUMENT_... in shm/directory.h. */
enum {
        EVENT_INSTRUMENT_TEST = 1 << 0,
        EVENT_INSTRUMENT_ETP = 1 << 1,
        EVENT_INSTRUMENT_WHEN_ISSUED = 1 << 2,
};

struct event {
        enum event_type type;
        uint16_t flags;   /* MD_FLAG_... for the ticks */
        uint16_t locate;  /* the venue's number of the instrument; 0: it has none */
        int64_t ts_event; /* TIME */
        uint64_t symbol;  /* the venue's eight bytes as they stand in the message, little endian,
                           * space-padded; 0 where the message has none */
        union {
                struct md_quote quote;
                struct {
                        int64_t px;
                        uint32_t sz;   /* 0: nothing any more */
                        bool ask;      /* else bid */
                        bool complete; /* the venue's event ends here: the book may be shown */
                } level;
                struct {
                        uint64_t ref;     /* the venue's number of the order */
                        uint64_t new_ref; /* REPLACE: of the one that takes its place */
                        int64_t px;       /* ADD, REPLACE; EXECUTE: MD_PX_NONE: the order's own */
                        int64_t trade_id; /* EXECUTE */
                        uint32_t sz;      /* ADD, REPLACE: more than 0 */
                        bool ask;         /* ADD: else bid */
                        bool printable;   /* EXECUTE: it counts as a trade */
                } order;
                struct {
                        int64_t px, sz, trade_id;
                        bool sets_range; /* counts for open, high and low of the session */
                        bool sets_last;  /* counts for its close */
                        char cross; /* O, C: its price is the official opening or closing one */
                } trade;
                struct {
                        int64_t px, sz, trade_id;
                } broken;
                struct {
                        unsigned fields; /* STATUS_... */
                        struct md_status status;
                } status;
                struct {
                        unsigned fields; /* AUCTION_... */
                        struct md_auction auction;
                        struct md_clearing clearing;
                } auction;
                struct {
                        bool closing; /* else opening */
                        int64_t px;
                } official;
                struct {
                        int64_t lot, close_px;
                        uint32_t flags; /* EVENT_INSTRUMENT_... */
                        uint32_t luld;
                } instrument;
                char system; /* as in md_system.event */
        } u;
};
