#pragma once

/*
 * The server that receivers ask for what they have missed
 *
 * How a request looks, and whether one packet comes back or several, is the transport's matter. Whoever
 * sends one asks again for what did not come.
 */

#include "sim/packet.h"
#include "sim/random.h"
#include "sim/sender.h"
#include "sim/store.h"

#define SERVER_ALL 1000000

struct server {
        int fd; /* -1: none */
        struct store store;
        const struct packet_writer *writer; /* of the present session */
        struct random random;
        uint32_t loss;              /* of SERVER_ALL packets, so many are lost */
        uint64_t requests, answers; /* packets both */
};

#define SERVER_NULL                                                                                \
        (struct server) {                                                                          \
                .fd = -1                                                                           \
        }

/* Listens at that address. Says what is wrong on stderr and returns a negative errno. */
int server_open(struct server *server, const struct sender *at, const struct packet_writer *writer);
void server_deinit(struct server *server);

/* Answers what waits, some of it. */
int server_dispatch(struct server *server);
