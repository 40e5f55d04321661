#pragma once

/*
 * A publisher that keeps to no rule, and what must hold after whatever it did
 *
 * It speaks the protocol and writes its ring by hand. Beside it there are a publisher that behaves, on a
 * feed of its own, and a witness that takes every tick. Whatever comes from the offender's feed must be one
 * of the quotes that it put as it should, whole, or the same once more, marked as stale.
 */

#include "harness.h"
#include "shm/ring.h"
#include "wire/wire.h"

#define OFFENDER_FEED  "offended"
#define OFFENDER_RING  256
#define OFFENDER_MOST  8 /* instruments of its feed */
#define NEIGHBOUR_FEED "neighbour"

struct offender {
        int fd;
        int doorbell_fd, room_fd;
        struct ring *ring;
        uint64_t head;
        uint32_t instrument; /* one that it has defined */
};

struct market {
        struct rig rig;
        struct md_client *witness;
        struct md_publisher *neighbour;
        uint32_t neighbour_instrument;
        uint32_t feed;            /* index of the offender's */
        int64_t quotes, offences; /* put so far, by the neighbour and by all offenders */
        int64_t seen, seen_stale; /* of the offenders', by the witness */
        int64_t neighbour_seen;   /* of the neighbour's */
        bool repeats;             /* an offender may put its last quote again */
        unsigned fds;             /* of the daemon, without an offender */
};

extern struct market market;

/* For cmocka: one daemon for all tests of a program. */
int market_setup(void **state);
int market_teardown(void **state);

/* Registers and defines an instrument; closes all that it has. */
void offender_come(struct offender *offender);
void offender_leave(struct offender *offender);

/* Asks for an instrument: what the daemon answers. */
struct wire_define offender_definition(const char *symbol);
struct wire_defined offender_define(struct offender *offender, const struct wire_define *define);

/* The next quote that is as it should be; its number is in every word of it. */
struct md_tick offender_quote(const struct offender *offender);

/* Writes a tick to the ring; rings the doorbell if the daemon wants to hear it. */
void offender_put(struct offender *offender, const struct md_tick *tick);
void offender_knock(struct offender *offender);

/* Puts a quote that is as it should be, and waits until the witness has it. */
void offender_behave(struct offender *offender);

/* The daemon has refused it with these words, and has hung up; then hangs up, too. */
void offender_expect_blamed(struct offender *offender, const char *words);

/* A tick of the neighbour reaches the witness. */
void market_expect_served(void);

/* The offender's feed is down, its instruments are stale. */
void market_expect_down(void);

/* All of the above; the next publisher of the feed carries on; and the daemon holds what it held before. */
void market_expect_unharmed(void);

/* The offender's feed; a counter of it, or of the daemon. */
struct md_feed market_feed(void);
uint64_t market_count(const char *label);
