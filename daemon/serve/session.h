#pragma once

/*
 * A session: one peer, from its first word to its last
 *
 *      HELLO expected    for limits.hello_ms, then it is closed
 *      reader            welcomed, with descriptors; whatever it says after that is a fault
 *      publisher         welcomed, with descriptors; defines instruments
 *      control           one request at a time, answered as fast as the peer reads
 *      gone              over, but for its socket, which still counts as one of its user's (base/linger.h)
 *
 * A session never waits for its peer. An answer that does not fit into the socket goes on when there
 * is room again; until then nothing more is read.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "publish/notifier.h"
#include "serve/access.h"
#include "serve/turns.h"
#include "wire/wire.h"

struct kept;
struct listener;

enum session_state {
        SESSION_HELLO,
        SESSION_READER,
        SESSION_PUBLISHER,
        SESSION_CONTROL,
        SESSION_GONE,
};

struct session {
        struct listener *listener;
        struct session *previous, *next;

        uint32_t id;
        enum session_state state;
        struct peer peer;
        char name[WIRE_NAME];
        char feed[WIRE_NAME + 1]; /* publisher: of its ticks */
        int64_t since;            /* TIME of registration */
        struct kept *kept;        /* what the next daemon will have of it; NULL: nothing */

        int fd;
        bool bare;      /* no descriptors can come */
        ev_io readable; /* while it does not wait for its turn */
        struct turn turn;
        ev_io writable; /* while an answer waits for room */
        ev_timer impatience;

        /* reader */
        struct subscriber subscriber; /* control is NULL: none */
        size_t control_size;

        /* publisher */
        void *publication; /* handle of listener.publishing; NULL: none */
        bool liar;

        /* control: the answer that is being given */
        uint32_t answered; /* id of the last client listed */
};

/* Takes over a connection that has been accepted, and waits for its HELLO. -ENOMEM: it stays the
 * caller's. */
int session_new(struct session **sessionp, struct listener *listener, int fd, struct peer *peer);
struct session *session_free(struct session *session); /* NULL, or gone already: does nothing */

/* Its turn has come: takes the next message, or the end. */
void session_hear(struct session *session);

/* The same for one that a predecessor has welcomed under that id. Whoever calls sets the rest. */
int session_restore(struct session **sessionp, struct listener *listener, uint32_t id, int fd,
                    struct peer *peer);

/* Takes over the mapping of a reader's control page, and wakes it from then on. */
void session_share(struct session *session, struct control *control, size_t size);

/* Sends REFUSED, if there is room for it. Any socket will do. */
void session_refuse(int fd, uint32_t code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Sends a message; false when the session is over (it has then been freed). */
bool session_send(struct session *session, const void *message, const int *fds, unsigned n_fds);

/* Says something of it in the log: behind "client 3 "name" (pid 4, uid 5)". */
#define session_log(session, level, event, ...)                                                    \
        log_client(level, event,                                                                   \
                   (&(const struct log_client){ (session)->id, (session)->name,                    \
                                                (session)->peer.pid, (session)->peer.uid }),       \
                   __VA_ARGS__)

/* The config has been read again: ends the session of a publisher who may not be one any more, and tells it
 * why. */
void session_review(struct session *session);

/* Ends the session of a publisher whose ticks cannot be, and tells it why. */
void session_liar(struct session *session, const char *what);

/* Ends the session of a peer that broke a rule: counted and named in the log. */
void session_fault(struct session *session, const char *what);
