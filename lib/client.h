#pragma once

/*
 * A client, as the files of the library share it
 *
 *      register.c    from a path to a connection
 *      attach.c      from a connection, or a file, to a mapped segment, and back
 *      reconnect.c   what happens when the daemon goes away
 *      client.c      the handle and its settings
 *      read.c        the newest state, and what else can be looked at
 *      depth.c       the levels of a book
 *      subscribe.c   what is of interest
 *      follow.c      the stream, tick by tick or conflated
 *      wait.c        sleeping and being woken
 *      save.c        a segment as a file
 *      words.c       names and numbers as text
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

/* Instruments that are of interest before they are known. */
#define PATTERNS_MAX 64

struct patterns {
        struct {
                char symbol[SYMBOL_SIZE];
                char venue[VENUE_SIZE + 1];
        } pattern[PATTERNS_MAX];
        unsigned n;
        uint32_t known; /* instruments that have been held against them */

        /* exact names of a former segment that this one does not have yet */
        struct lost_name {
                char symbol[SYMBOL_SIZE];
                char venue[VENUE_SIZE];
        } * lost; /* room for the capacity */
        uint32_t n_lost;
        uint32_t room_lost;
};

#define SOCKET_PATH_SIZE 256

struct md_client {
        struct sentence error;
        char name[WIRE_NAME];
        char path[SOCKET_PATH_SIZE]; /* of the socket; "": the usual one */
        int timeout_ms;

        int socket_fd; /* -1: the daemon is gone, or never was there */
        int wake_fd;
        int timer_fd; /* when md_dispatch() has something to do without being woken */
        int epoll_fd; /* all three, for the caller's loop */
        uint32_t id;
        uint64_t
                generation; /* of the daemon that our connection is known to be with, or was last */
        bool file;          /* a saved segment: there is no daemon */

        struct {
                bool on;
                int fd;         /* has said HELLO and waits for the answer; -1 */
                int64_t due;    /* ms of CLOCK_MONOTONIC: the next try, or the end of this one */
                int64_t delay;  /* ms: between the last two tries */
                bool remapped;  /* another segment; not yet said */
                uint64_t count; /* connections that replaced one that was lost */
        } reconnect;

        struct segment segment;
        struct control *control; /* NULL: not connected */
        size_t control_size;

        uint64_t cursor; /* number of the next tick to look at */
        uint64_t ticks, merged, missed, recovered, laps, sleeps;

        struct patterns patterns;

        /* md_dispatch() */
        int64_t spin_ns;     /* to look again and again before sleeping; -1: never sleep */
        int64_t interval_ms; /* between two rounds, as the caller asked; 0: none */
        int64_t last_ms;     /* when the last round was announced */

        /* md_lagging() */
        uint64_t high, low; /* ticks; 0: of the journal's size */
        bool lagging;

        /* md_next() */
        bool late;       /* the present round comes later than the interval alone would make it */
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

/* ---- attach.c ---- */

/* Takes over what came with WELCOME; the descriptors stay the caller's. On failure the client's segment is
 * the one that it had. */
int client_attach(struct md_client *client, const struct wire_welcome *welcome,
                  const int fds[WIRE_FDS_READER]);

/* Maps a segment that no daemon serves. */
int client_attach_file(struct md_client *client, int fd);

/* Adds a descriptor to those that md_fd() stands for; takes one out again. */
int client_watch(struct md_client *client, int fd);
void client_unwatch(struct md_client *client, int fd);

/* Lets go of everything but the settings. */
void client_detach(struct md_client *client);

/* ---- reconnect.c ---- */

/* Registers at client->path. */
int client_register(struct md_client *client);

/* Notices that the daemon has hung up. */
void client_hang_up(struct md_client *client);

/* The same, if it has: it says nothing to a client that it has welcomed, so whatever is readable there is
 * the end of the connection. */
void client_look_for_end(struct md_client *client);

/* Tries again, if it is time to: 1 when there is a daemon again, else 0. */
int client_reconnect(struct md_client *client, int64_t now_ms);

/* Whether we have lost our daemon, and a successor is at work on the very segment that we read. */
bool client_has_successor(struct md_client *client);

/* ---- subscribe.c ---- */

bool client_wants(struct md_client *client, const struct md_tick *tick);

/* Holds instruments that are new against the patterns. */
void client_learn(struct md_client *client);

/* Carries the subscriptions of `old`, a segment with that control page, over to the present one. */
void client_resubscribe(struct md_client *client, const struct segment *old,
                        const struct control *control);

/* The same segment with another control page: copies them from the old one. */
void client_resume(struct md_client *client, const struct control *old);

/* ---- follow.c ---- */

/* Whether there is something that md_next() or md_follow() would give; passes over what nobody
 * subscribed to. */
bool client_has_news(struct md_client *client);

/* Tells those who watch how far we are. */
void client_report(struct md_client *client);

/* ms of CLOCK_MONOTONIC */
int64_t client_now_ms(void);
