#pragma once

/*
 * A publisher, as the files of the library share it
 *
 *      publisher.c        the handle and its settings; ticks, and waiting for room
 *      publisher-link.c   the connection, with its ring and its instruments
 */

#include <stdint.h>

#include "mdclient.h"
#include "register.h"
#include "shm/ring.h"
#include "wire/wire.h"

#define NO_HANDLE UINT32_MAX

struct definition {
        struct wire_define define;
        uint32_t instrument; /* the daemon's index */
};

struct md_publisher {
        struct sentence error;
        char name[WIRE_NAME];
        char feed[WIRE_NAME];
        int timeout_ms;

        int socket_fd; /* -1: not connected */
        int doorbell_fd;
        int room_fd;
        struct ring
                *ring; /* NULL: never connected. It outlives the connection, for what it holds */
        uint32_t size; /* slots */
        uint64_t head;
        struct {
                uint64_t head; /* at a flush; the daemon has not taken all before it since */
                int64_t since; /* ns, when that was looked at first; 0: not yet */
        } flushed;

        struct definition *definitions; /* by handle */
        uint32_t n_definitions;
        uint32_t room; /* for so many */
        struct handles {
                uint32_t *by_instrument; /* the daemon's index to ours; NO_HANDLE */
                uint32_t n;
        } handles;
};

/* Sets the sentence and returns r. */
#define publisher_fail(publisher, r, ...) sentence_fail(&(publisher)->error, (r), __VA_ARGS__)

/* ---- publisher-link.c ---- */

/* 0, or -EPIPE when the connection is over; a system call, so not for every tick. */
int publisher_check(struct md_publisher *publisher);

/* The connection is over. If the daemon has said why, that is the sentence. -EPIPE. */
int publisher_lost(struct md_publisher *publisher);

void publisher_hang_up(struct md_publisher *publisher);
