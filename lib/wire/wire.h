#pragma once

/*
 * The protocol on the socket
 *
 * SOCK_SEQPACKET: one message, one packet. Each begins with a wire_header whose size is the size of
 * the whole message, and each opcode has exactly one size: anything else is a broken peer, and its
 * connection is closed. Numbers are in the byte order of the host; both ends are on it.
 *
 *      client                          daemon
 *      HELLO                     ->
 *                                <-    WELCOME (with descriptors), or REFUSED and the end
 *      requests, one at a time   ->    (role control only)
 *                                <-    their answers, then DONE
 *      DEFINE, one at a time     ->    (role publisher only)
 *                                <-    DEFINED
 *
 * A reader that has been welcomed says nothing more on the socket, and leaves by closing it; so does a
 * publisher when it has no instrument to define. Only the daemon sends descriptors, and only with
 * WELCOME. A publisher whose ticks are refused, or who may not define anything any more, is sent REFUSED
 * before the connection ends.
 */

#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION  1
#define WIRE_NAME     32  /* a client's name, NUL-padded, for people to read */
#define WIRE_TEXT     240 /* a sentence, NUL-terminated */
#define WIRE_SIZE_MAX 512 /* no message is larger */

enum {
        /* client to daemon: below 0x8000 */
        WIRE_HELLO = 1,
        WIRE_CLIENTS, /* control: list the clients */
        WIRE_ABOUT,   /* control: what are you? */
        WIRE_RELOAD,  /* control: read the config again */
        WIRE_DEFINE,  /* publisher: an instrument that I shall speak of */

        /* daemon to client */
        WIRE_WELCOME = 0x8001,
        WIRE_REFUSED,
        WIRE_CLIENT,
        WIRE_TEXT_LINE, /* an answer in words */
        WIRE_DONE,
        WIRE_DEFINED,
};

enum {
        WIRE_ROLE_READER =
                1, /* WELCOME brings three descriptors: segment, wake socket, control page */
        WIRE_ROLE_PUBLISHER, /* three, too: ring, doorbell, room */
        WIRE_ROLE_CONTROL,   /* none */
};

enum {
        WIRE_FD_SEGMENT, /* opened read-only */
        WIRE_FD_WAKE,    /* end of a stream socket pair: a byte for each wake */
        WIRE_FD_CONTROL,
        WIRE_FDS_READER,
};

enum {
        WIRE_FD_RING,     /* shm/ring.h */
        WIRE_FD_DOORBELL, /* end of a stream socket pair: a byte when the daemon dozes */
        WIRE_FD_ROOM,     /* the same, to read from: a byte when there is room again */
        WIRE_FDS_PUBLISHER,
};

/* Why a peer was refused; the sentence says more. */
enum {
        WIRE_E_VERSION = 1, /* -EPROTONOSUPPORT in the library */
        WIRE_E_ACCESS,      /* -EACCES */
        WIRE_E_LIMIT,       /* -EUSERS */
        WIRE_E_ROLE,        /* -EOPNOTSUPP */
        WIRE_E_TROUBLE,     /* -EIO: the daemon could not, for want of descriptors or memory */
        WIRE_E_FEED,        /* -ENODEV: no such feed, or none that takes a publisher */
        WIRE_E_BUSY,        /* -EBUSY: the feed has a publisher */
        WIRE_E_LIAR,        /* -EBADMSG: what it sent cannot be */
};

struct wire_header {
        uint32_t opcode;
        uint32_t size; /* of the whole message */
};

struct wire_hello {
        struct wire_header header;
        uint32_t version; /* WIRE_VERSION */
        uint32_t role;    /* WIRE_ROLE_... */
        char name[WIRE_NAME];
        char feed[WIRE_NAME]; /* role publisher: the feed's name, NUL-padded; else zero */
};

/* Any request without arguments. */
struct wire_request {
        struct wire_header header;
};

struct wire_welcome {
        struct wire_header header;
        uint32_t version;    /* WIRE_VERSION */
        uint32_t client;     /* id of this client, not 0 */
        uint32_t fds;        /* descriptors that come with this message */
        uint32_t unused;     /* zero */
        uint64_t identity;   /* of the segment, as in its header: proof that it is the right one */
        uint64_t generation; /* of the daemon */
        uint64_t segment_size; /* bytes */
        uint64_t control_size; /* bytes */
        uint64_t newest;       /* number of the newest tick when this was sent */
};

struct wire_refused {
        struct wire_header header;
        uint32_t code; /* WIRE_E_... */
        uint32_t unused;
        char text[WIRE_TEXT];
};

/* One client, as the daemon knows it and as its control page says. */
struct wire_client {
        struct wire_header header;
        uint32_t client;
        uint32_t role;
        int32_t pid; /* when it connected, in the daemon's pid namespace */
        uint32_t uid;
        int64_t since; /* TIME of registration */
        uint64_t cursor, ticks, merged, missed, laps, sleeps, wakes;
        uint32_t armed;
        uint32_t instruments; /* it is interested in; UINT32_MAX: all */
        char name[WIRE_NAME];
};

/* An instrument of the publisher's feed: a new one, or one that is there already and is brought up to
 * date. Fields as in struct shm_instrument. */
struct wire_define {
        struct wire_header header;
        char symbol[32];
        char venue[8];
        int32_t size_exp;
        uint32_t flags;
        int64_t lot;
        int64_t close_px;
};

struct wire_defined {
        struct wire_header header;
        int32_t result; /* 0; -EINVAL: bad name or value; -ENOSPC: no room for more; -EEXIST: another
                              * feed has it; -EPERM: a size_exp other than before */
        uint32_t instrument;  /* its index */
        char text[WIRE_TEXT]; /* why not */
};

struct wire_text {
        struct wire_header header;
        char text[WIRE_TEXT];
};

/* The end of an answer. */
struct wire_done {
        struct wire_header header;
        int32_t result; /* 0, or a negative errno */
        uint32_t unused;
};

_Static_assert(sizeof(struct wire_hello) == 80, "part of the protocol");
_Static_assert(sizeof(struct wire_welcome) == 64, "part of the protocol");
_Static_assert(sizeof(struct wire_refused) == 256, "part of the protocol");
_Static_assert(sizeof(struct wire_client) == 128, "part of the protocol");
_Static_assert(sizeof(struct wire_text) <= WIRE_SIZE_MAX, "part of the protocol");
