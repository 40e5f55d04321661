#pragma once

/*
 * The notifier: once per burst, wakes the clients that sleep
 *
 * It is itself a reader of the journal: its cursor is where the last burst ended. After a burst it
 * fences once, then asks each client's control page (shm/control.h) whether it is armed and whether
 * a tick of the burst is of interest; if so it disarms the page and writes one byte to the client's
 * wake pipe. A client that spins is never armed and costs one load per burst. What a page says is
 * never more than a wish: noise in it wakes its own client too often, or never.
 *
 * Why a pipe and not an eventfd: the two ends of a pipe are two open file descriptions, an eventfd is
 * one. Whoever is given an eventfd can fill its counter and take O_NONBLOCK away from everybody who
 * holds it, and the next write() of the daemon would block for ever. The daemon's end of a pipe is out
 * of every client's reach; a full pipe is a wake that is still to be read, and is left alone.
 */

#include <stdint.h>

#include "shm/control.h"
#include "shm/segment.h"

/* A client as the notifier sees it; embedded in its session. */
struct subscriber {
        struct control *control;
        int wake_fd; /* writing end, non-blocking */
        struct subscriber *previous, *next;
};

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
