#pragma once

/*
 * The listener: one socket, and everybody who came through it
 *
 * Peers are strangers. Each gets a session of its own (session.h), and whatever it does wrong ends
 * that session alone. Before a peer has said anything, the listener already knows its user from the
 * kernel, and refuses it in words when that user, or everybody together, has too many connections.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/log.h"
#include "publish/notifier.h"
#include "serve/publishing.h"
#include "serve/turns.h"
#include "shm/segment.h"

struct session;
struct store;

struct listener {
        struct ev_loop *loop;
        const struct config *config; /* access and limits, as they are now */
        struct segment *segment;
        struct notifier *notifier;
        int segment_fd; /* read-only, to hand out */

        struct store *store;          /* for what the next daemon shall have */
        struct publishing publishing; /* what publishers' sessions ask for */

        /* Answers the control request to read the config again: 0 or negative errno. */
        int (*reload)(void *userdata);
        void *userdata;

        int fd;
        int spare_fd; /* given up for a moment when there are no descriptors left */
        char *unlink; /* path of the socket, where it is ours to take away */
        ev_io readable;

        struct turns turns;
        struct session *first, *last; /* in order of their ids */
        uint32_t n_sessions;
        uint32_t n_clients; /* of them, those that read or publish */
        uint32_t n_refused; /* turned away at the door, and not yet closed */
        uint32_t next_id;

        struct log_gate gate; /* for what peers do wrong */
};

/*
 * Listens at config->listen.socket, or on `fd` where the service manager already does (-1: not). The
 * folder is made if it is missing; a socket that nobody serves any more is replaced. Negative errno,
 * with a sentence in the log.
 */
int listener_init(struct listener *listener, struct ev_loop *loop, const struct config *config,
                  struct segment *segment, struct notifier *notifier, struct store *store, int fd);
void listener_deinit(struct listener *listener);

void listener_start(struct listener *listener);

/* The path that its socket has, whoever has bound it. */
#define LISTENER_PATH_SIZE 128
void listener_path(const struct listener *listener, char path[LISTENER_PATH_SIZE]);

/* The config has been read again: who may not do any more what he does is turned away. A reader, who has the
 * segment, reads on. */
void listener_review(struct listener *listener);

/* Counts one more of that kind. */
void listener_count(struct listener *listener, unsigned counter);
