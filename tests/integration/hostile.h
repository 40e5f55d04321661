#pragma once

/*
 * A peer that keeps to no rule, and what must hold after whatever it did
 *
 * From raw sockets. After each deed the offender is gone or refused, a counter names the cause, the
 * daemon holds not one descriptor more than before, a client that was there gets its ticks, and a new
 * one can come.
 */

#include "exchange.h"
#include "harness.h"
#include "wire/wire.h"

#define HOSTILE_HELLO_MS 2000 /* enough for those who mean to speak, on a busy machine */
#define HOSTILE_PER_USER 10   /* connections that one user may have */

#define HOSTILE_BROKEN    "clients closed: broke the protocol"
#define HOSTILE_SILENT    "clients closed: said nothing"
#define HOSTILE_TOO_MANY  "clients refused: too many"
#define HOSTILE_HELD_BACK "log lines held back"

struct hostile {
        struct rig rig;
        struct exchange exchange;
        struct md_client *witness; /* was there before, and stays */
        unsigned fds;              /* of the daemon, with the witness alone */
};

extern struct hostile hostile;

/* For cmocka: one daemon for all tests of a program. */
int hostile_setup(void **state);
int hostile_teardown(void **state);

/* A connection; one that is welcomed in that role, and throws the descriptors away. */
int hostile_dial(void);
int hostile_dial_as(uint32_t role);

/* Sends one packet, whatever it is. */
void hostile_say(int fd, const void *bytes, size_t size);
struct wire_hello hostile_hello(uint32_t role);

/* Reads until the daemon has hung up, and closes. */
void hostile_expect_hung_up(int fd);

/* A counter of the daemon. */
uint64_t hostile_count(const char *label);

/* The witness gets the next tick; and all else that must hold. */
void hostile_expect_served(void);
void hostile_expect_unharmed(void);
