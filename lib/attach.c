/*
 * From a connection, or a file, to a mapped segment, and back
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client.h"

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

static size_t lost_size(const struct md_client *client) {
        return client->patterns.room_lost * sizeof(struct lost_name);
}

static void unmap_slots(struct md_client *client) {
        if (client->slots)
                munmap(client->slots, slots_size(client));
        if (client->queue.instruments)
                munmap(client->queue.instruments, queue_size(client));
        client->slots = NULL;
        client->queue = (struct queue){ 0 };
}

static void unmap_control(struct md_client *client) {
        if (client->control)
                munmap(client->control, client->control_size);
        client->control = NULL;
}

void client_detach(struct md_client *client) {
        unmap_slots(client);
        unmap_control(client);
        segment_detach(&client->segment);
        if (client->patterns.lost)
                munmap(client->patterns.lost, lost_size(client));
        client->patterns = (struct patterns){ 0 };
        close_fd(&client->epoll_fd);
        close_fd(&client->timer_fd);
        close_fd(&client->wake_fd);
        close_fd(&client->reconnect.fd);
        close_fd(&client->socket_fd);
}

/* Memory that is reserved for the whole capacity, and taken as instruments are seen. */
static void *reserve(struct md_client *client, size_t size) {
        void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (map != MAP_FAILED)
                return map;
        client_fail(client, -ENOMEM, "no memory for %u instruments",
                    client->segment.directory.capacity);
        return NULL;
}

static int reserve_slots(struct md_client *client) {
        client->slots = reserve(client, slots_size(client));
        client->queue.instruments = reserve(client, queue_size(client));
        client->queue.size = client->segment.directory.capacity;
        return client->slots && client->queue.instruments ? 0 : -ENOMEM;
}

/* Names of a former segment need room only once there is one; then there may be as many as it had
 * instruments. Made at the first attachment, for later nothing is allocated any more. */
static int reserve_lost(struct md_client *client) {
        if (client->patterns.lost)
                return 0;
        client->patterns.room_lost = client->segment.directory.capacity;
        client->patterns.lost = reserve(client, lost_size(client));
        return client->patterns.lost ? 0 : -ENOMEM;
}

/* The daemon's page for us; with fd -1 one of our own, that nobody else looks at. */
static int map_control(struct md_client *client, int fd) {
        size_t size = control_size(client->segment.directory.capacity);
        struct stat st;
        void *map;

        if (fd >= 0 && !register_is_sealed(fd))
                return client_fail(client, -EPROTO,
                                   "the daemon sent a control page that is not sealed: it could be "
                                   "cut off under this program");
        if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_size < 0 || (size_t)st.st_size < size))
                return client_fail(client, -EPROTO,
                                   "the daemon sent a control page of the wrong size");
        map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
        if (map == MAP_FAILED)
                return client_fail(client, -errno, "cannot map the control page: %s",
                                   strerror(errno));
        client->control = map;
        client->control_size = size;
        atomic_store(&client->control->kinds, UINT32_MAX);
        return 0;
}

int client_watch(struct md_client *client, int fd) {
        struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.fd = fd };

        if (epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
                return client_fail(client, -errno, "cannot watch the daemon's descriptors: %s",
                                   strerror(errno));
        return 0;
}

void client_unwatch(struct md_client *client, int fd) {
        epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* The descriptor for the caller's loop; it stays the same over all connections. */
static int open_epoll(struct md_client *client) {
        if (client->epoll_fd >= 0)
                return 0;
        client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (client->epoll_fd < 0 || client->timer_fd < 0)
                return client_fail(client, -errno, "cannot make a descriptor to wait for: %s",
                                   strerror(errno));
        return client_watch(client, client->timer_fd);
}

/* Begins at tick `cursor` of a segment that was not read before. */
static void begin(struct md_client *client, uint64_t cursor) {
        client->cursor = client->limit = cursor;
        client->lap.begin = client->lap.end = 0;
        client->draining = false;
}

/* Maps the segment and keeps a descriptor of it, for md_segment_fd(). */
static int attach_segment(struct md_client *client, int fd, struct segment_why *why) {
        int r;

        r = segment_attach(&client->segment, fd, why);
        if (r < 0)
                return r;
        client->segment.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (client->segment.fd >= 0)
                return 0;
        r = -errno;
        segment_detach(&client->segment);
        snprintf(why->text, sizeof(why->text), "no descriptor is left");
        return r;
}

/* What a segment needs beside itself: control page (fd -1: our own), slots, descriptors. */
static int furnish(struct md_client *client, int control_fd) {
        int r;

        r = map_control(client, control_fd);
        if (r == 0)
                r = reserve_slots(client);
        if (r == 0)
                r = reserve_lost(client);
        if (r == 0)
                r = open_epoll(client);
        return r;
}

/* Another segment than the one that we have, or the first: maps it, and carries the subscriptions
 * over. */
static int attach_new(struct md_client *client, const struct wire_welcome *welcome,
                      const int fds[WIRE_FDS_READER]) {
        struct md_client old = *client;
        struct segment_why why;
        int r;

        r = attach_segment(client, fds[WIRE_FD_SEGMENT], &why);
        if (r < 0) {
                client->segment = old.segment;
                return client_fail(client, r, "the daemon's segment cannot be used: %s", why.text);
        }
        client->control = NULL;
        client->slots = NULL;
        client->queue = (struct queue){ 0 };
        if (client->segment.header->identity != welcome->identity)
                r = client_fail(client, -EPROTO,
                                "the daemon sent another segment than the one it announced");
        else
                r = furnish(client, fds[WIRE_FD_CONTROL]);
        if (r < 0) {
                unmap_slots(client);
                unmap_control(client);
                segment_detach(&client->segment);
                client->segment = old.segment;
                client->control = old.control;
                client->slots = old.slots;
                client->queue = old.queue;
                return r;
        }
        if (!old.segment.header) {
                begin(client, welcome->newest + 1);
                return 0;
        }
        /* all that the new daemon has published so far is news to us */
        begin(client, 1);
        client_resubscribe(client, &old.segment, old.control);
        client->reconnect.remapped = true;
        unmap_slots(&old);
        unmap_control(&old);
        segment_detach(&old.segment);
        return 0;
}

/* The segment that we have mapped, served again: only the page is another. */
static int attach_again(struct md_client *client, const int fds[WIRE_FDS_READER]) {
        struct control *old = client->control;
        int r;

        r = map_control(client, fds[WIRE_FD_CONTROL]);
        if (r < 0) {
                client->control = old;
                return r;
        }
        client_resume(client, old);
        munmap(old, client->control_size);
        return 0;
}

int client_attach(struct md_client *client, const struct wire_welcome *welcome,
                  const int fds[WIRE_FDS_READER]) {
        bool same = client->segment.header && client->segment.header->identity == welcome->identity;
        int r;

        r = same ? attach_again(client, fds) : attach_new(client, welcome, fds);
        if (r < 0)
                return r;
        client->id = welcome->client;
        client->generation = welcome->generation;
        r = client_watch(client, client->wake_fd);
        if (r == 0)
                r = client_watch(client, client->socket_fd);
        client_report(client);
        return r;
}

int client_attach_file(struct md_client *client, int fd) {
        struct segment_why why;
        int r;

        r = attach_segment(client, fd, &why);
        if (r < 0)
                return client_fail(client, r, "%s", why.text);
        r = furnish(client, -1);
        if (r < 0)
                return r;
        client->file = true;
        begin(client, journal_oldest(&client->segment.journal, segment_newest(&client->segment)));
        return 0;
}
