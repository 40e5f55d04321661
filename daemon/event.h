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
        uint64_t number; /* 1 for the first of the source */
        unsigned line;   /* 0: A, 1: B */
        bool cut;        /* the recording holds only its beginning */
};

enum event_type {
        EVENT_NONE,       /* nothing to publish (but the message was understood) */
        EVENT_INSTRUMENT, /* a directory entry */
        EVENT_SYSTEM,
        EVENT_QUOTE, /* the top of the book itself */
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
                        int64_t px, sz, trade_id;
                        bool sets_range; /* counts for open, high and low of the session */
                        bool sets_last;  /* counts for its close */
                } trade;
                struct {
                        int64_t px, sz, trade_id;
                } broken;
                struct {
                        unsigned fields; /* STATUS_... */
                        struct md_status status;
                } status;
                struct {
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
