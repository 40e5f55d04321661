#pragma once

/*
 * The notifier: once per burst, wakes the clients that sleep
 *
 * It is itself a reader of the journal: its cursor is where the last burst ended. After a burst it
 * fences once, then asks each client's control page (shm/control.h) whether it is armed and whether
 * a tick of the burst is of interest; if so it disarms the page and sends one byte to the client's
 * wake socket. A client that spins is never armed and costs one load per burst. What a page says is
 * never more than a wish: noise in it wakes its own client too often, or never.
 *
 * Why a socket, and neither an eventfd nor a pipe: an eventfd is one open file description. Whoever is
 * given it can fill its counter and take O_NONBLOCK away from everybody who holds it, and the next
 * write() of the daemon would block for ever. A pipe has two ends, but one lock, which a reader holds
 * while the byte is copied to a page of its own; where that page never comes (userfaultfd, a file system
 * of the client's), neither does the end of the daemon's write(), non-blocking or not. The end of a
 * socket that sends takes no lock under which the other copies. A full one is a wake that is still to be
 * read, and is left alone.
 */

#include <stdint.h>

#include "shm/control.h"
#include "shm/segment.h"

/* A client as the notifier sees it; embedded in its session. */
struct subscriber {
        struct control *control;
        int wake_fd; /* sending end */
        struct subscriber *previous, *next;
};

/* Makes a client's wake socket: ends[0] is for it, ends[1] for us. Negative errno. */
int notifier_socket(int ends[2]);

struct notifier {
        const struct segment *segment;
        struct subscriber *first;
        uint64_t cursor;      /* number of the first tick not yet told of */
        uint32_t instruments; /* in the directory when the last burst was over */
        struct shm_counter *bursts, *wakes;
};

void notifier_init(struct notifier *notifier, struct segment *segment);

void notifier_add(struct notifier *notifier, struct subscriber *subscriber);
void notifier_remove(struct notifier *notifier, struct subscriber *subscriber);

/* Wakes one, whatever it waits for. */
void notifier_wake(struct notifier *notifier, struct subscriber *subscriber);

/* A burst is over. */
void notifier_flush(struct notifier *notifier);
