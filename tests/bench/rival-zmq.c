/*
 * ZeroMQ, PUB and SUB over ipc
 *
 * The publisher's socket is an XPUB, which is a PUB that also tells when somebody has subscribed: so
 * nothing is sent before it would arrive.
 */

#include "rivals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

static char endpoint[128];
static void *context, *publisher, *reader;

static int begin(const char *folder) {
        snprintf(endpoint, sizeof(endpoint), "ipc://%s/zmq", folder);
        return 0;
}

static int open_socket(void **socket, int type) {
        context = zmq_ctx_new();
        *socket = context ? zmq_socket(context, type) : NULL;
        return *socket ? 0 : -errno;
}

static int open_reader(void) {
        int r = open_socket(&reader, ZMQ_SUB);

        if (r < 0)
                return r;
        if (zmq_setsockopt(reader, ZMQ_SUBSCRIBE, "", 0) < 0 || zmq_connect(reader, endpoint) < 0)
                return -errno;
        return 0;
}

static int open_publisher(void) {
        int r = open_socket(&publisher, ZMQ_XPUB);
        char subscription[8];

        if (r < 0)
                return r;
        if (zmq_bind(publisher, endpoint) < 0 ||
            zmq_recv(publisher, subscription, sizeof(subscription), 0) < 0)
                return -errno;
        return 0;
}

static void send_message(const char message[RIVAL_MESSAGE]) {
        if (zmq_send(publisher, message, RIVAL_MESSAGE, 0) != RIVAL_MESSAGE)
                rival_abort("zmq_send()", zmq_strerror(errno));
}

static void receive(bool spin, char message[RIVAL_MESSAGE]) {
        int n;

        do
                n = zmq_recv(reader, message, RIVAL_MESSAGE, spin ? ZMQ_DONTWAIT : 0);
        while (n < 0 && (errno == EAGAIN || errno == EINTR));
        if (n != RIVAL_MESSAGE)
                rival_abort("zmq_recv()", zmq_strerror(errno));
}

static void end(void) {
        const int at_once = 0;

        if (publisher) {
                zmq_setsockopt(publisher, ZMQ_LINGER, &at_once, sizeof(at_once));
                zmq_close(publisher);
        }
        if (context)
                zmq_ctx_term(context);
        context = publisher = NULL;
}

const struct rival rival_zmq = {
        .name = "ZeroMQ PUB/SUB, ipc",
        .begin = begin,
        .open_reader = open_reader,
        .open_publisher = open_publisher,
        .send = send_message,
        .receive = receive,
        .end = end,
};
