#pragma once

/*
 * Publishing, as a session sees it
 *
 * A session knows the socket and the peer; what a feed is, and what becomes of ticks, it does not.
 * These are the things that it asks for, and whoever sets up the listener answers them.
 */

#include <stdint.h>

#include "wire/wire.h"

struct session;

struct publishing {
        void *userdata;

        /*
         * A publisher wants session->feed. 0: *publication is its handle, fds are for the peer, to be closed
         * when they are sent, and *doorbell_fd is our end, only lent. The ring's memory is labelled so.
         * WIRE_E_...: refused, for the reason in text.
         */
        int (*open)(void *userdata, struct session *session, const char *label, void **publication,
                    int fds[WIRE_FDS_PUBLISHER], int *doorbell_fd, char text[WIRE_TEXT]);

        /* A predecessor had opened that. 0: *publication is its handle, and our end of the doorbell is taken
         * over; the ring's descriptor stays the caller's. WIRE_E_...: it cannot be gone on with, for the
         * reason in text. */
        int (*adopt)(void *userdata, struct session *session, void **publication, int ring_fd,
                     int doorbell_fd, char text[WIRE_TEXT]);

        /* Answers a DEFINE: result, instrument and text of *answer. */
        void (*define)(void *publication, const struct wire_define *define,
                       struct wire_defined *answer);

        /* The session ends. trusted: take what the publisher had still finished to say. */
        void (*close)(void *publication, int trusted);
};
