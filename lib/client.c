/*
 * Registration: from a path to a mapped segment, and back
 */

#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_MS 5000

int client_check(struct md_client *client) {
        if (client->segment.header)
                return 0;
        return client_fail(client, -ENOTCONN, "not connected: call md_connect() first");
}

int md_new(struct md_client **clientp) {
        struct md_client *client;

        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;
        client->timeout_ms = DEFAULT_TIMEOUT_MS;
        client->socket_fd = client->wake_fd = client->epoll_fd = -1;
        client->segment = (struct segment)SEGMENT_INIT;
        md_set_name(client, program_invocation_short_name);
        *clientp = client;
        return 0;
}

static void close_fd(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static size_t slots_size(const struct md_client *client) {
        return client->segment.directory.capacity * sizeof(struct slot);
}

static size_t queue_size(const struct md_client *client) {
        return client->segment.directory.capacity * sizeof(uint32_t);
}

/* Back to what md_new() left, but for name and timeout. */
static void disconnect(struct md_client *client) {
        if (client->slots)
                munmap(client->slots, slots_size(client));
        if (client->queue.instruments)
                munmap(client->queue.instruments, queue_size(client));
        if (client->control)
                munmap(client->control, client->control_size);
        client->slots = NULL;
        client->queue = (struct queue){ 0 };
        client->control = NULL;
        segment_detach(&client->segment);
        close_fd(&client->epoll_fd);
        close_fd(&client->wake_fd);
        close_fd(&client->socket_fd);
}

struct md_client *md_free(struct md_client *client) {
        if (client) {
                disconnect(client);
                free(client);
        }
        return NULL;
}

void md_set_name(struct md_client *client, const char *name) {
        register_name(client->name, name);
}

void md_set_timeout(struct md_client *client, int ms) {
        client->timeout_ms = ms < 0 ? 0 : ms;
}

const char *md_error(const struct md_client *client) {
        return client->error.text;
}

static int map_control(struct md_client *client, int fd) {
        size_t size = control_size(client->segment.directory.capacity);
        struct stat st;
        void *map;

        if (fstat(fd, &st) < 0 || st.st_size < 0 || (size_t)st.st_size < size)
                return client_fail(client, -EPROTO,
                                   "the daemon sent a control page of the wrong size");
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return client_fail(client, -errno, "cannot map the control page: %s",
                                   strerror(errno));
        client->control = map;
        client->control_size = size;
        atomic_store(&client->control->kinds, UINT32_MAX);
        return 0;
}

/* Memory for md_next(): reserved for the whole capacity, taken as instruments are seen. */
static int reserve_slots(struct md_client *client) {
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        void *slots, *queue;

        slots = mmap(NULL, slots_size(client), PROT_READ | PROT_WRITE, flags, -1, 0);
        if (slots == MAP_FAILED)
                return client_fail(client, -ENOMEM, "no memory for %u instruments",
                                   client->segment.directory.capacity);
        client->slots = slots;
        queue = mmap(NULL, queue_size(client), PROT_READ | PROT_WRITE, flags, -1, 0);
        if (queue == MAP_FAILED)
                return client_fail(client, -ENOMEM, "no memory for %u instruments",
                                   client->segment.directory.capacity);
        client->queue = (struct queue){
                .instruments = queue,
                .size = client->segment.directory.capacity,
        };
        return 0;
}

static int open_epoll(struct md_client *client) {
        struct epoll_event on_wake = { .events = EPOLLIN, .data.fd = client->wake_fd };
        struct epoll_event on_socket = { .events = EPOLLIN | EPOLLRDHUP,
                                         .data.fd = client->socket_fd };

        client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (client->epoll_fd < 0 ||
            epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->wake_fd, &on_wake) < 0 ||
            epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->socket_fd, &on_socket) < 0)
                return client_fail(client, -errno, "cannot watch the daemon's descriptors: %s",
                                   strerror(errno));
        return 0;
}

/* Takes over what came with WELCOME. */
static int take_welcome(struct md_client *client, const struct wire_welcome *welcome,
                        const int fds[WIRE_FDS_READER]) {
        struct segment_why why;
        int r;

        r = segment_attach(&client->segment, fds[WIRE_FD_SEGMENT], &why);
        if (r < 0)
                return client_fail(client, r, "the daemon's segment cannot be used: %s", why.text);
        if (client->segment.header->identity != welcome->identity)
                return client_fail(client, -EPROTO,
                                   "the daemon sent another segment than the one it announced");

        r = map_control(client, fds[WIRE_FD_CONTROL]);
        if (r < 0)
                return r;
        r = reserve_slots(client);
        if (r < 0)
                return r;
        r = open_epoll(client);
        if (r < 0)
                return r;

        client->id = welcome->client;
        client->generation = welcome->generation;
        client->cursor = client->limit = welcome->newest + 1;
        client->ticks = client->merged = client->missed = client->recovered = 0;
        client->laps = client->sleeps = 0;
        client->unsaid = 0;
        client->draining = false;
        client_report(client);
        return 0;
}

int md_connect(struct md_client *client, const char *socket) {
        struct registration registration = {
                .path = socket,
                .role = WIRE_ROLE_READER,
                .name = client->name,
                .timeout_ms = client->timeout_ms,
                .n_fds = WIRE_FDS_READER,
        };
        struct wire_welcome welcome;
        int fds[WIRE_FDS_READER], r;

        if (client->segment.header)
                return client_fail(client, -EISCONN, "this client is connected already");
        r = register_with(&registration, &welcome, fds, &client->error);
        if (r < 0)
                return r;

        client->socket_fd = r;
        client->wake_fd = fds[WIRE_FD_WAKE];
        r = take_welcome(client, &welcome, fds);
        close(fds[WIRE_FD_SEGMENT]);
        close(fds[WIRE_FD_CONTROL]);
        if (r < 0)
                disconnect(client);
        return r;
}

void client_hang_up(struct md_client *client) {
        close_fd(&client->socket_fd); /* closing takes it out of the epoll set, too */
}

void client_report(struct md_client *client) {
        struct control *control = client->control;

        atomic_store_explicit(&control->cursor, client->cursor, memory_order_relaxed);
        atomic_store_explicit(&control->ticks, client->ticks, memory_order_relaxed);
        atomic_store_explicit(&control->merged, client->merged, memory_order_relaxed);
        atomic_store_explicit(&control->missed, client->missed, memory_order_relaxed);
        atomic_store_explicit(&control->laps, client->laps, memory_order_relaxed);
        atomic_store_explicit(&control->sleeps, client->sleeps, memory_order_relaxed);
}
