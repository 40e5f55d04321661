#pragma once

/*
 * A client, as the files of the library share it
 *
 *      register.c from a path to a connection
 *      client.c   from a connection to a mapped segment, and back
 *      read.c     the newest state, and what else can be looked at
 *      follow.c   the stream, tick by tick or conflated
 *      wait.c     sleeping and being woken
 *      words.c    names and numbers as text
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdclient.h"
#include "register.h"
#include "shm/control.h"
#include "shm/segment.h"
#include "wire/wire.h"

/* What md_next() knows of one instrument. */
struct slot {
        uint64_t seen[MD_PLACES];   /* number of the last tick given out, 0: none */
        uint64_t noted[MD_PLACES];  /* number of the newest one that waits in the queue, 0: none */
        uint32_t merged[MD_PLACES]; /* ticks passed over since; stops at its largest value */
        uint32_t dirty;             /* bit k: kind k waits in the queue */
        uint32_t unused[7];
};

/* The changes that wait to be given out: instruments, each at most once. */
struct queue {
        uint32_t *instruments; /* a ring of `size` */
        uint32_t size;
        uint32_t head;
        uint32_t used;
};

struct md_client {
        struct sentence error;
        char name[WIRE_NAME];
        int timeout_ms;

        int socket_fd; /* -1: the daemon is gone, or never was there */
        int wake_fd;
        int epoll_fd; /* both of them, for the caller's loop */
        uint32_t id;
        uint64_t generation;

        struct segment segment;
        struct control *control; /* NULL: not connected */
        size_t control_size;

        uint64_t cursor; /* number of the next tick to look at */
        uint64_t ticks, merged, missed, recovered, laps, sleeps;

        /* md_next() */
        uint64_t unsaid; /* missed, not yet said */
        uint64_t limit;  /* the present round ends before this tick */
        bool draining;   /* the round's walk is done, the queue is being given out */
        struct {
                uint64_t begin, end;
        } lap;              /* the ticks from begin to before end were missed last */
        struct slot *slots; /* one per instrument of the capacity; untouched ones cost nothing */
        struct queue queue;
};

/* Sets the sentence and returns r. */
#define client_fail(client, r, ...) sentence_fail(&(client)->error, (r), __VA_ARGS__)

/* 0, or -ENOTCONN when there has never been a segment to read. */
int client_check(struct md_client *client);

/* Whether there is something that md_next() or md_follow() would give; passes over what nobody
 * subscribed to. */
bool client_has_news(struct md_client *client);

/* Tells those who watch how far we are. */
void client_report(struct md_client *client);

/* Notices that the daemon has hung up. */
void client_hang_up(struct md_client *client);
