/* A Unix socket that keeps packets apart: the least that the kernel asks for. */

#include "rivals.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2] = { -1, -1 };

static int begin(const char *folder) {
        (void)folder;
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

static int open_end(void) {
        return 0;
}

static void send_message(const char message[RIVAL_MESSAGE]) {
        if (send(ends[0], message, RIVAL_MESSAGE, MSG_NOSIGNAL) != RIVAL_MESSAGE)
                rival_abort("send()", strerror(errno));
}

static void receive(bool spin, char message[RIVAL_MESSAGE]) {
        ssize_t n;

        do
                n = recv(ends[1], message, RIVAL_MESSAGE, spin ? MSG_DONTWAIT : 0);
        while (n < 0 && errno == EAGAIN);
        if (n != RIVAL_MESSAGE)
                rival_abort("recv()", strerror(errno));
}

static void end(void) {
        close(ends[0]);
        close(ends[1]);
}

const struct rival rival_socket = {
        .name = "Unix socket, SOCK_SEQPACKET",
        .begin = begin,
        .open_reader = open_end,
        .open_publisher = open_end,
        .send = send_message,
        .receive = receive,
        .end = end,
};
