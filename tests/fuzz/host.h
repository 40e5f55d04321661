#pragma once

/*
 * The daemon, but for its feeds, in the fuzzer's own process; and peers that do as the input says
 *
 * Segment, pipeline, notifier and listener are the daemon's own, on a loop that takes a turn when it is
 * told to. Peers come in by a real socket of the abstract namespace; run by root, some of them are another
 * user's. The config has two feeds that take a publisher, and little room for anything, so that every
 * limit is near.
 *
 * However it went: when the peers are gone, nothing of them is left, and an honest reader is served.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/config.h"
#include "fuzz.h"
#include "pipeline.h"
#include "publish/notifier.h"
#include "serve/listener.h"
#include "shm/segment.h"
#include "wire/wire.h"

#define HOST_INSTRUMENTS 8
#define HOST_JOURNAL     64
#define HOST_DEPTH       2
#define HOST_RING        64
#define HOST_CLIENTS     4
#define HOST_PER_USER    3

struct host {
        struct ev_loop *loop;
        struct config config;
        struct config_feed feeds[2];
        struct segment segment;
        struct notifier notifier;
        struct pipeline pipeline;
        struct listener listener;
        struct sockaddr_un address;
        socklen_t address_size;
        uint64_t descriptors[4]; /* a bit for each that was open before */
};

/* fds and map are what came with WELCOME. */
struct peer_try {
        int fd; /* -1: none */
        uint32_t role, client;
        int fds[3];
        void *map; /* of the control page or ring; NULL: not welcomed with one */
        size_t map_size;
};

#define PEER_NONE                                                                                  \
        (struct peer_try) {                                                                        \
                .fd = -1, .fds = { -1, -1, -1 }                                                    \
        }

void host_init(struct host *host);

/* The peers are gone, or closed by now; checks what is left. */
void host_deinit(struct host *host);

/* As many rounds of the loop as it takes until all that has come is dealt with. */
void host_turn(struct host *host);

/* The daemon itself publishes a quote of that instrument. */
void host_publish(struct host *host, uint32_t instrument, int64_t n);

/* Another user's, where we may be another one. */
void peer_connect(struct peer_try *peer, struct host *host, bool stranger);
void peer_close(struct peer_try *peer);

/* With so many descriptors, of /dev/null. False: the daemon has hung up, or does not read. */
bool peer_send(struct peer_try *peer, const void *message, size_t size, unsigned n_fds);
void peer_hello(struct peer_try *peer, uint32_t role, const char *feed);

/* Takes a message from the daemon and checks it; its opcode, or 0 where there is none. */
uint32_t peer_take(struct peer_try *peer, void *message);

/* Registers and takes the answer; false: refused. */
bool peer_register(struct peer_try *peer, struct host *host, uint32_t role, const char *feed);
