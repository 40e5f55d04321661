/* Messages over the socket; conn.h tells the rules. */

#include "wire/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

void conn_default_path(char *path, size_t size) {
        const char *named = getenv("MDSHMD_SOCKET");

        if (named && *named)
                snprintf(path, size, "%s", named);
        else
                conn_instance_path(path, size, "mdshmd");
}

void conn_instance_path(char *path, size_t size, const char *instance) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        struct stat st;

        if (runtime && *runtime) {
                int n = snprintf(path, size, "%s/mdshmd/%s.sock", runtime, instance);

                if (n > 0 && (size_t)n < size && stat(path, &st) == 0)
                        return;
        }
        snprintf(path, size, "/run/mdshmd/%s.sock", instance);
}

int conn_connect(const char *path, int timeout_ms) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
        int fd, r;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (timeout_ms > 0 ? 0 : SOCK_NONBLOCK),
                    0);
        if (fd < 0)
                return -errno;
        /* on a Unix socket this bounds connect(), too, while the listener's queue is full */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
            connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                r = errno == EAGAIN ? -ETIMEDOUT : -errno;
                close(fd);
                return r;
        }
        return fd;
}

int conn_send(int fd, const void *message, const int *fds, unsigned n_fds, int flags) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(CONN_FDS_MAX * sizeof(int))];
        } control = { .bytes = { 0 } };
        struct wire_header header;
        struct iovec iov;
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;

        memcpy(&header, message, sizeof(header));
        iov = (struct iovec){ (void *)(uintptr_t)message, header.size };
        if (n_fds > CONN_FDS_MAX)
                return -EINVAL;
        if (n_fds) {
                struct cmsghdr *cmsg;

                msg.msg_control = control.bytes;
                msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                cmsg = CMSG_FIRSTHDR(&msg);
                cmsg->cmsg_level = SOL_SOCKET;
                cmsg->cmsg_type = SCM_RIGHTS;
                cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
        }

        do
                n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n >= 0)
                return CONN_OK;
        switch (errno) {
        case EAGAIN:
                return CONN_E_AGAIN;
        case EPIPE:
        case ECONNRESET:
        case ENOTCONN:
                return CONN_E_CLOSED;
        default:
                return -errno;
        }
}

/* Moves the descriptors of one received packet to `fds`, as far as there is room; closes the others.
 * The number that came. */
static unsigned take_fds(struct msghdr *msg, int *fds, unsigned room) {
        unsigned came = 0;

        for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
                size_t n;

                if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
                        continue;
                n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
                        if (came < room)
                                fds[came] = fd;
                        else
                                close(fd);
                        came++;
                }
        }
        return came;
}

int conn_recv(int fd, void *buffer, int *fds, unsigned *n_fds) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(CONN_FDS_MAX * sizeof(int))];
        } control;
        struct iovec iov = { buffer, WIRE_SIZE_MAX };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        struct wire_header header;
        unsigned came, room = *n_fds;
        ssize_t n;

        *n_fds = 0;
        if (room) {
                /* without room for them the kernel itself throws descriptors away, and says so */
                msg.msg_control = control.bytes;
                msg.msg_controllen = sizeof(control.bytes);
        }
        /* a peer that closed without having read all is reported first, and once: what it said before
         * comes after that */
        do
                n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && (errno == EINTR || errno == ECONNRESET));
        if (n < 0)
                return errno == EAGAIN ? CONN_E_AGAIN : -errno;

        came = room ? take_fds(&msg, fds, room) : 0;
        if (n == 0 && !came && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
                return CONN_E_CLOSED;
        if (n >= (ssize_t)sizeof(header)) {
                memcpy(&header, buffer, sizeof(header));
                if (header.size == (size_t)n && came <= room &&
                    !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
                        *n_fds = came;
                        return CONN_OK;
                }
        }
        for (unsigned i = 0; i < came && i < room; i++)
                close(fds[i]);
        return CONN_E_BROKEN;
}

int conn_recv_wait(int fd, void *buffer, int *fds, unsigned *n_fds, int timeout_ms) {
        struct pollfd poller = { .fd = fd, .events = POLLIN };
        unsigned room = *n_fds;
        int r;

        *n_fds = 0;
        do
                r = poll(&poller, 1, timeout_ms);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        if (r == 0)
                return -ETIMEDOUT;
        *n_fds = room;
        return conn_recv(fd, buffer, fds, n_fds);
}
