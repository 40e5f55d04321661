/*
 * What happens when the daemon goes away
 *
 * The mapping stays, and can be read on. The client tries to register again, after 50 ms, 100 ms, and
 * so on up to 2 s. There are two ways in which it can succeed:
 *
 *      the same segment    a daemon that took over what its predecessor left. Indexes, numbers and
 *                          our cursor are as they were; nothing is missed but what was overwritten.
 *      another segment     one that was built afresh: the subscriptions are carried over by name, and
 *                          the stream begins at its first tick. Before that, everything that the old
 *                          one still holds has been given out.
 */

#include <unistd.h>

#include "client.h"

#define DELAY_MIN_MS 50
#define DELAY_MAX_MS 2000

int client_register(struct md_client *client) {
        struct registration registration = {
                .path = client->path[0] ? client->path : NULL,
                .role = WIRE_ROLE_READER,
                .name = client->name,
                .timeout_ms = client->timeout_ms,
                .n_fds = WIRE_FDS_READER,
        };
        struct wire_welcome welcome;
        int fds[WIRE_FDS_READER], r;

        r = register_with(&registration, &welcome, fds, &client->error);
        if (r < 0)
                return r;
        client->socket_fd = r;
        client->wake_fd = fds[WIRE_FD_WAKE];
        r = client_attach(client, &welcome, fds);
        close(fds[WIRE_FD_SEGMENT]);
        close(fds[WIRE_FD_CONTROL]);
        if (r < 0)
                client_hang_up(client);
        return r;
}

void client_hang_up(struct md_client *client) {
        if (client->socket_fd < 0)
                return;
        /* closing takes them out of the epoll set, too; a pipe without a writer would wake us for ever */
        close(client->socket_fd);
        close(client->wake_fd);
        client->socket_fd = client->wake_fd = -1;
        client->reconnect.delay = DELAY_MIN_MS;
        client->reconnect.due = client_now_ms() + DELAY_MIN_MS;
}

int client_reconnect(struct md_client *client, int64_t now_ms) {
        int64_t delay = client->reconnect.delay;

        if (now_ms < client->reconnect.due)
                return 0;
        if (client_register(client) == 0) {
                client->reconnect.count++;
                return 1;
        }
        delay = delay * 2 < DELAY_MAX_MS ? delay * 2 : DELAY_MAX_MS;
        client->reconnect.delay = delay;
        client->reconnect.due = client_now_ms() + delay;
        return 0;
}

bool client_has_successor(const struct md_client *client) {
        return client->socket_fd < 0 && client->reconnect.on && !client->file &&
               atomic_load_explicit(&client->segment.header->generation, memory_order_relaxed) !=
                       client->generation;
}
