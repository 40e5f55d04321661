#pragma once

/*
 * The writer's pen in the test's own hand
 *
 * A segment that the test itself has built and writes, and a client that was given it by the real
 * protocol. So the test decides what stands in memory at the moment of each call: a tick in the journal
 * and not yet in the table, a lap between two calls.
 */

#include "harness.h"
#include "publish/publisher.h"
#include "shm/segment.h"

struct pen {
        struct rig rig; /* folder and names; no daemon */
        struct segment segment;
        struct publisher publisher;
        struct control *control; /* of the client */
        size_t control_size;
        int wake_fd; /* our end of its socket */
        int peer_fd; /* our end of the client's connection */
};

/* A segment of that shape, all its instruments known: "I0", "I1", ... */
void pen_init(struct pen *pen, uint32_t instruments, uint64_t journal);
void pen_deinit(struct pen *pen);

/* A client of this segment; one per pen. */
struct md_client *pen_connect(struct pen *pen);

/* The next tick: every word of its body is its number. */
struct md_tick pen_tick(const struct pen *pen, uint32_t instrument, uint16_t kind);

/* Writes the next tick whole. */
void pen_put(struct pen *pen, uint32_t instrument, uint16_t kind);

/* Writes the next tick to the journal and stops there; then goes on to the end. */
struct md_tick pen_put_half(struct pen *pen, uint32_t instrument, uint16_t kind);
void pen_finish(struct pen *pen, const struct md_tick *tick);

/* Number of the newest tick. */
uint64_t pen_newest(const struct pen *pen);
