#pragma once

/*
 * Rivals: other ways from a program to another on the same host
 *
 * Each is used as its own manual says, with the least that it can do for 64 bytes: no persistence, no
 * authentication, a Unix socket. One file each; those whose library is not installed are left out, and
 * that is said.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIVAL_MESSAGE 64 /* bytes, as many as a tick has; the first eight say when it was sent */

/* A way for messages, from the process of the publisher to that of the reader. Negative errno. */
struct rival {
        const char *name;
        /* In the publisher's process, before there is a reader: `folder` is for sockets and files. */
        int (*begin)(const char *folder);
        /* In the reader's process. */
        int (*open_reader)(void);
        /* In the publisher's process, when the reader is there: returns when it would get a message. */
        int (*open_publisher)(void);
        void (*send)(const char message[RIVAL_MESSAGE]);
        /* The next message; without ever sleeping, or asleep until it comes. */
        void (*receive)(bool spin, char message[RIVAL_MESSAGE]);
        void (*end)(void);
};

/* A place for the newest values of many keys, in the process that reads them. */
struct store {
        const char *name;
        int (*begin)(const char *folder, uint32_t keys); /* stores a value for each key */
        void (*get)(uint32_t key, char value[RIVAL_MESSAGE]);
        void (*end)(void);
};

extern const struct rival rival_mdshmd, rival_socket;
extern const struct rival rival_zmq, rival_redis;
extern const struct store store_mdshmd, store_lmdb, store_redis;

/* What one of them cannot do any more: says so, and ends the program. */
_Noreturn void rival_abort(const char *what, const char *why);
