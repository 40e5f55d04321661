/* The server that receivers ask for what they have missed. */

#include "sim/server.h"

#include <err.h>
#include <errno.h>
#include <unistd.h>

#define AT_ONCE 64 /* requests, before something else has its turn */

int server_open(struct server *server, const struct sender *at,
                const struct packet_writer *writer) {
        int r;

        r = store_init(&server->store);
        if (r < 0) {
                warnx("no memory for what may have to be sent again");
                return r;
        }
        server->writer = writer;
        server->fd = socket(at->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (server->fd < 0 || bind(server->fd, (const struct sockaddr *)&at->to, at->to_size) < 0) {
                r = -errno;
                warn("cannot listen for requests");
                return r;
        }
        return 0;
}

void server_deinit(struct server *server) {
        if (server->fd >= 0)
                close(server->fd);
        store_deinit(&server->store);
        *server = SERVER_NULL;
}

/* Sends a packet of up to `n` messages, and returns how many it holds; 0: they are not to be had. */
static uint64_t send_packet(struct server *server, uint64_t first, uint64_t n,
                            const struct sockaddr *to, socklen_t to_size) {
        struct packet_writer packet;
        size_t size = store_answer(&server->store, server->writer, first, n, &packet);

        if (!size)
                return 0;
        /* one that is lost is asked for again */
        if (random_below(&server->random, SERVER_ALL) >= server->loss &&
            sendto(server->fd, packet.data, size, 0, to, to_size) == (ssize_t)size)
                server->answers++;
        return packet.sequence - first;
}

static void answer(struct server *server, const uint8_t *request, size_t size,
                   const struct sockaddr *to, socklen_t to_size) {
        const struct transport *transport = server->writer->transport;
        uint64_t first, n, sent;

        if (!transport->read_request(server->writer, request, size, &first, &n))
                return;
        if (n > transport->answer && transport->answer)
                n = transport->answer;
        do {
                sent = send_packet(server, first, n, to, to_size);
                first += sent;
                n -= sent;
        } while (transport->answer && sent && n);
}

int server_dispatch(struct server *server) {
        uint8_t request[REQUEST_MAX + 1];
        struct sockaddr_storage from;

        for (unsigned i = 0; i < AT_ONCE; i++) {
                socklen_t from_size = sizeof(from);
                ssize_t n = recvfrom(server->fd, request, sizeof(request), 0,
                                     (struct sockaddr *)&from, &from_size);

                if (n < 0)
                        return 0; /* none waits; or one that asked is gone */
                server->requests++;
                answer(server, request, (size_t)n, (struct sockaddr *)&from, from_size);
        }
        return 0;
}
