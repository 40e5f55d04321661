#pragma once

/*
 * The descriptor store: what systemd keeps for the process that comes after this one
 *
 * Descriptors are sent to systemd, which holds copies of them while a process of the service dies and
 * the next one is started, and hands all of them to that one (base/systemd.h). They have a name, and
 * several may have the same: those that belong together are sent in one datagram, and told apart by
 * what they are.
 *
 * - Nothing here waits. What systemd has no room for is said again when store_flush() is called, in the
 *   order in which it came up.
 * - A few datagrams at most are on their way: the queue of systemd is one for all services, and for what
 *   else this one has to say, its signs of life among it.
 * - A copy that systemd holds keeps the other end of a socket or pipe from seeing the end. So whoever
 *   has kept a descriptor drops it before closing it; and where the other end must know at once,
 *   shuts it down.
 * - Beyond FileDescriptorStoreMax= of the unit, systemd takes nothing more, and does not say so. The next
 *   process has to cope with a part of what was kept.
 * - The next process is told all the names in one variable of its environment, and the kernel starts no
 *   program with a variable of more than 128 KiB: the service would be dead for good. What would
 *   make it longer is not kept. So names are short, and say nothing that can be known from elsewhere.
 *
 * Without systemd there is no store: nothing is kept, and all of this costs nothing.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

#define STORE_FDS_MAX  8   /* under one name */
#define STORE_NAME_MAX 128 /* characters of a name */
#define STORE_NAMES_ROOM                                                                           \
        130048 /* bytes for all names, each with one character between it and the next */

struct kept; /* descriptors under one name */

struct store {
        int fd;                    /* to systemd; -1: there is no store */
        size_t names;              /* bytes */
        struct kept *first, *last; /* what is still to be said */
        struct log_gate gate;
};

#define STORE_INIT                                                                                 \
        { .fd = -1 }

/* Finds systemd. Negative errno where it is said to be there and is not; there is then no store. */
int store_init(struct store *store);

/* Says what is still to be said, waiting for room if it must, a second at a time; the one thing here that does. From
 * then on there is no store: what systemd holds it goes on holding, and store_drop() only frees. */
void store_deinit(struct store *store);

/* Keeps the descriptors, which remain the caller's. The result is for store_drop(); NULL: they are not
 * kept, and the next process will be without them. A sentence is in the log where that is no one's
 * wish. */
struct kept *store_keep(struct store *store, const char *name, const int *fds, unsigned n);

/* The same for n descriptors that systemd holds already: they came from there. */
struct kept *store_known(struct store *store, const char *name, unsigned n);

/* Takes them out again. NULL does nothing. */
void store_drop(struct store *store, struct kept *kept);

/* Says what is still to be said, as far as there is room. */
void store_flush(struct store *store);

/* Something waits until store.fd is writable. */
static inline bool store_is_waiting(const struct store *store) {
        return store->first != NULL;
}
