#pragma once

/*
 * What a benchmark runs on: the daemon without its feeds
 *
 * Segment, publisher, notifier and socket are the daemon's own, and clients come in by the library's
 * own md_connect(). There is no thread behind it: the benchmark is the writer, and lets clients in
 * when it says so.
 */

#include <stdint.h>

#include "base/config.h"
#include "publish/notifier.h"
#include "publish/publisher.h"
#include "serve/listener.h"
#include "shm/segment.h"

struct md_client;

struct host {
        struct ev_loop *loop;
        char folder[32];
        char socket[64];
        struct config config;
        struct segment segment;
        struct publisher publisher;
        struct notifier notifier;
        struct listener listener;
};

/* A segment of that shape, and a socket in a folder of its own. Negative errno, with a sentence on
 * stderr; nothing is left behind. */
int host_init(struct host *host, uint32_t instruments, uint64_t journal);
void host_deinit(struct host *host);

/* Lets peers come and go until `clients` of them are registered. -ETIMEDOUT: they are not. */
int host_admit(struct host *host, uint32_t clients);

/* A client in this process, connected. Negative errno, with a sentence on stderr. */
int host_connect(struct host *host, struct md_client **clientp);

/* Adds invented instruments until the directory is full. */
void host_fill(struct host *host);

/* Publishes a quote of that instrument with the number `n` in it. */
void host_quote(struct host *host, uint32_t instrument, int64_t n);
