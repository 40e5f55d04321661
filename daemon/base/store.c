/* The descriptor store; store.h tells the idea. */

#include "base/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/systemd.h"

#define PATIENCE_MS 1000 /* for room, in the end */

enum kept_state {
        KEPT_COMING,  /* in the queue, with copies of the descriptors */
        KEPT_THERE,   /* systemd has them */
        KEPT_LEAVING, /* in the queue, to be taken out */
};

struct kept {
        struct kept *previous, *next; /* in the queue */
        enum kept_state state;
        unsigned n;
        int fds[STORE_FDS_MAX]; /* KEPT_COMING: ours */
        char name[STORE_NAME_MAX + 1];
};

/* ---- systemd ---- */

int store_init(struct store *store) {
        const int least = 1;
        int fd;

        *store = (struct store)STORE_INIT;
        if (!systemd_listens())
                return 0;
        fd = systemd_connect();
        if (fd < 0)
                return error_origin(fd);
        /* the kernel makes it a few datagrams */
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
        store->fd = fd;
        return 0;
}

/* One datagram: 0, or negative errno; -EAGAIN: there is no room now. */
static int say(const struct store *store, const char *what, const char *name, const int *fds,
               unsigned n) {
        char text[STORE_NAME_MAX + 64];
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(STORE_FDS_MAX * sizeof(int))];
        } control;
        struct iovec part = { .iov_base = text };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

        /* unpolled: what becomes of them while nobody is here, the next process shall see for itself */
        part.iov_len = (size_t)snprintf(text, sizeof(text), "%s=1\nFDNAME=%s%s", what, name,
                                        n ? "\nFDPOLL=0" : "");
        if (n) {
                memset(&control, 0, sizeof(control));
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
                memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(n * sizeof(int));
        }
        return sendmsg(store->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int say_keep(const struct store *store, const struct kept *kept, const int *fds) {
        return say(store, "FDSTORE", kept->name, fds, kept->n);
}

static int say_drop(const struct store *store, const struct kept *kept) {
        return say(store, "FDSTOREREMOVE", kept->name, NULL, 0);
}

static void complain(struct store *store, const char *name, const char *why) {
        if (log_gate_pass(&store->gate, 3, 60))
                log_warning(
                        "systemd does not keep \"%s\" for the next daemon (%s): after a restart, "
                        "whose it is will have to connect again",
                        name, why);
}

/* ---- the queue ---- */

static void append(struct store *store, struct kept *kept) {
        kept->previous = store->last;
        kept->next = NULL;
        if (store->last)
                store->last->next = kept;
        else
                store->first = kept;
        store->last = kept;
}

static void take_out(struct store *store, struct kept *kept) {
        if (kept->previous)
                kept->previous->next = kept->next;
        else
                store->first = kept->next;
        if (kept->next)
                kept->next->previous = kept->previous;
        else
                store->last = kept->previous;
        kept->previous = kept->next = NULL;
}

static void close_copies(struct kept *kept) {
        if (kept->state != KEPT_COMING)
                return;
        for (unsigned i = 0; i < kept->n; i++)
                if (kept->fds[i] >= 0)
                        close(kept->fds[i]);
}

static int make_copies(struct kept *kept, const int *fds) {
        for (unsigned i = 0; i < kept->n; i++)
                kept->fds[i] = -1;
        for (unsigned i = 0; i < kept->n; i++) {
                kept->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
                if (kept->fds[i] < 0)
                        return -errno;
        }
        return 0;
}

static size_t names_of(const struct kept *kept) {
        return kept->n * (strlen(kept->name) + 1);
}

static void forget(struct store *store, struct kept *kept) {
        store->names -= names_of(kept);
        close_copies(kept);
        free(kept);
}

/* It has been said, or never will be: it is out of the queue. What was coming stays its owner's; where it
 * never came, taking it out does nothing. */
static void settle(struct store *store, struct kept *kept) {
        take_out(store, kept);
        if (kept->state == KEPT_LEAVING) {
                free(kept);
        } else {
                close_copies(kept);
                kept->state = KEPT_THERE;
        }
}

/* Says the oldest thing in the queue: 0, or -EAGAIN. */
static int say_first(struct store *store) {
        struct kept *kept = store->first;
        int r;

        r = kept->state == KEPT_COMING ? say_keep(store, kept, kept->fds) : say_drop(store, kept);
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                complain(store, kept->name, strerror(-r));
        settle(store, kept);
        return 0;
}

void store_flush(struct store *store) {
        while (store->first && say_first(store) == 0)
                ;
}

/* ---- what is kept ---- */

struct kept *store_known(struct store *store, const char *name, unsigned n) {
        struct kept *kept;

        if (store->fd < 0 || strlen(name) > STORE_NAME_MAX || n > STORE_FDS_MAX)
                return NULL;
        kept = calloc(1, sizeof(*kept));
        if (!kept)
                return NULL;
        kept->state = KEPT_THERE;
        kept->n = n;
        strcpy(kept->name, name);
        store->names += names_of(kept);
        return kept;
}

struct kept *store_keep(struct store *store, const char *name, const int *fds, unsigned n) {
        struct kept *kept;
        int r = -EAGAIN;

        if (store->fd < 0)
                return NULL;
        if (store->names + n * (strlen(name) + 1) > STORE_NAMES_ROOM) {
                complain(store, name, "there is no room for one more name");
                return NULL;
        }
        kept = store_known(store, name, n);
        if (!kept)
                return NULL;
        if (!store->first)
                r = say_keep(store, kept, fds);
        if (r == -EAGAIN) {
                kept->state = KEPT_COMING;
                r = make_copies(kept, fds);
                if (r == 0)
                        append(store, kept);
        }
        if (r < 0) {
                complain(store, name, strerror(-r));
                forget(store, kept);
                return NULL;
        }
        return kept;
}

void store_drop(struct store *store, struct kept *kept) {
        if (!kept)
                return;
        if (kept->state == KEPT_COMING)
                take_out(store, kept);
        if (kept->state == KEPT_COMING || store->fd < 0) {
                forget(store, kept);
                return;
        }
        store->names -= names_of(kept);
        kept->state = KEPT_LEAVING;
        append(store, kept);
        store_flush(store);
}

void store_deinit(struct store *store) {
        struct pollfd poller = { .fd = store->fd, .events = POLLOUT };

        store_flush(store);
        while (store->first && poll(&poller, 1, PATIENCE_MS) > 0)
                store_flush(store);
        while (store->first) {
                struct kept *kept = store->first;

                complain(store, kept->name, "it does not listen");
                settle(store, kept);
        }
        if (store->fd >= 0)
                close(store->fd);
        *store = (struct store)STORE_INIT;
}
