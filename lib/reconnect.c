/*
 * What happens when the daemon goes away
 *
 * The mapping stays, and can be read on. The client tries to register again, after 50 ms, 100 ms, and
 * so on up to 2 s. A try waits for nobody: HELLO is said, and the answer is taken when it is there, as
 * md_fd() tells. There are two ways in which it can succeed:
 *
 *      the same segment    a daemon that took over what its predecessor left. Indexes, numbers and
 *                          our cursor are as they were; nothing is missed but what was overwritten.
 *      another segment     one that was built afresh: the subscriptions are carried over by name, and
 *                          the stream begins at its first tick. Before that, everything that the old
 *                          one still holds has been given out.
 */

#include <errno.h>
#include <unistd.h>

#include "client.h"
#include "wire/conn.h"

#define DELAY_MIN_MS 50
#define DELAY_MAX_MS 2000

static struct registration registration_of(const struct md_client *client, int timeout_ms) {
        return (struct registration){
                .path = client->path[0] ? client->path : NULL,
                .role = WIRE_ROLE_READER,
                .name = client->name,
                .timeout_ms = timeout_ms,
                .n_fds = WIRE_FDS_READER,
        };
}

/* Makes a connection that was welcomed ours; in any case the descriptors are. */
static int take_over(struct md_client *client, int fd, const struct wire_welcome *welcome,
                     const int fds[WIRE_FDS_READER]) {
        int r;

        client->socket_fd = fd;
        client->wake_fd = fds[WIRE_FD_WAKE];
        r = client_attach(client, welcome, fds);
        close(fds[WIRE_FD_SEGMENT]);
        close(fds[WIRE_FD_CONTROL]);
        if (r < 0)
                client_hang_up(client);
        return r;
}

int client_register(struct md_client *client) {
        const struct registration registration = registration_of(client, client->timeout_ms);
        struct wire_welcome welcome;
        int fds[WIRE_FDS_READER], r;

        r = register_with(&registration, &welcome, fds, &client->error);
        return r < 0 ? r : take_over(client, r, &welcome, fds);
}

void client_hang_up(struct md_client *client) {
        if (client->socket_fd < 0)
                return;
        /* closing takes them out of the epoll set, too; a socket without another end would wake us for ever */
        close(client->socket_fd);
        close(client->wake_fd);
        client->socket_fd = client->wake_fd = -1;
        client->reconnect.delay = DELAY_MIN_MS;
        client->reconnect.due = client_now_ms() + DELAY_MIN_MS;
}

void client_look_for_end(struct md_client *client) {
        char buffer[WIRE_SIZE_MAX];
        unsigned n_fds = 0;

        if (client->socket_fd >= 0 &&
            conn_recv(client->socket_fd, buffer, NULL, &n_fds) != CONN_E_AGAIN)
                client_hang_up(client);
}

/* Gives the present try up; the next one comes later. */
static void put_off(struct md_client *client, int64_t now_ms) {
        int64_t delay = client->reconnect.delay * 2;

        if (client->reconnect.fd >= 0)
                close(client->reconnect.fd);
        client->reconnect.fd = -1;
        client->reconnect.delay = delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
        client->reconnect.due = now_ms + client->reconnect.delay;
}

/* Says HELLO to whoever is there; an answer is expected within the client's time-out. */
static bool begin_try(struct md_client *client, int64_t now_ms) {
        const struct registration registration = registration_of(client, 0);

        client->reconnect.fd = register_begin(&registration, &client->error);
        if (client->reconnect.fd < 0 || client_watch(client, client->reconnect.fd) < 0) {
                put_off(client, now_ms);
                return false;
        }
        client->reconnect.due = now_ms + client->timeout_ms;
        return true;
}

int client_reconnect(struct md_client *client, int64_t now_ms) {
        const struct registration registration = registration_of(client, 0);
        struct wire_welcome welcome;
        int fds[WIRE_FDS_READER], fd, r;

        if (client->reconnect.fd < 0 &&
            (now_ms < client->reconnect.due || !begin_try(client, now_ms)))
                return 0;
        fd = client->reconnect.fd;
        r = register_take(&registration, fd, &welcome, fds, &client->error);
        if (r == -ETIMEDOUT && now_ms < client->reconnect.due)
                return 0;
        if (r == 0) {
                client->reconnect.fd = -1; /* now the client's, or closed */
                client_unwatch(client, fd);
                r = take_over(client, fd, &welcome, fds);
        }
        if (r < 0) {
                put_off(client, now_ms);
                return 0;
        }
        client->reconnect.count++;
        return 1;
}

bool client_has_successor(struct md_client *client) {
        uint64_t generation =
                atomic_load_explicit(&client->segment.header->generation, memory_order_relaxed);

        if (client->file || !client->reconnect.on || generation == client->generation)
                return false;
        client_look_for_end(client);
        if (client->socket_fd < 0)
                return true;
        client->generation = generation; /* the connection has passed to it, too */
        return false;
}
