/*
 * Sleeping and being woken; shm/control.h proves that no wake is lost.
 */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "wire/conn.h"

static int64_t now_ms(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* The daemon says nothing to a client that it has welcomed, so whatever is readable here is the end
 * of the connection. */
static void socket_readable(struct md_client *client) {
        char buffer[WIRE_SIZE_MAX];
        unsigned n_fds = 0;

        if (client->socket_fd >= 0 &&
            conn_recv(client->socket_fd, buffer, NULL, &n_fds) != CONN_E_AGAIN)
                client_hang_up(client);
}

static void wake_readable(struct md_client *client) {
        char bytes[64];

        /* only hints: how many there were does not matter, nor does a rest that wakes us again */
        if (read(client->wake_fd, bytes, sizeof(bytes)) < 0)
                return;
}

/* Waits for one of the two descriptors; 1, or 0 when the time is over. */
static int wait_event(struct md_client *client, int timeout_ms) {
        struct epoll_event events[2];
        int n;

        n = epoll_wait(client->epoll_fd, events, 2, timeout_ms);
        if (n < 0)
                return client_fail(client, -errno, "cannot wait: %s", strerror(errno));
        for (int i = 0; i < n; i++) {
                if (events[i].data.fd == client->wake_fd)
                        wake_readable(client);
                else
                        socket_readable(client);
        }
        return n > 0;
}

int md_dispatch(struct md_client *client, int timeout_ms) {
        int64_t deadline;
        int r, left = timeout_ms;

        r = client_check(client);
        if (r < 0)
                return r;
        if (client_has_news(client))
                return 1;

        deadline = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
        for (;;) {
                control_arm(client->control);
                if (client_has_news(client)) {
                        control_disarm(client->control);
                        return 1;
                }
                if (client->socket_fd < 0)
                        return client_fail(client, -EPIPE, "the daemon has closed the connection");

                client->sleeps += left != 0;
                client_report(client);
                r = wait_event(client, left);
                if (r < 0)
                        return r;
                /* once more in any case: armed was stored before, and the wake may just have come */
                if (client_has_news(client)) {
                        control_disarm(client->control);
                        return 1;
                }
                if (r == 0 && client->socket_fd >= 0)
                        return 0;
                if (timeout_ms > 0) {
                        int64_t rest = deadline - now_ms();

                        left = rest > 0 ? (int)rest : 0;
                }
        }
}

int md_fd(const struct md_client *client) {
        return client->epoll_fd;
}
