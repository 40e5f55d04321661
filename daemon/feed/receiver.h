#pragma once

/*
 * A receiver: one socket that datagrams come in by
 *
 * A socket for a multicast group is bound to the group itself, and takes from the groups that it has
 * joined only: another program's groups on the same port never come in. With a source it takes that
 * sender's datagrams alone. A datagram that is larger than a jumbo frame's is handed on as cut. What
 * the kernel had to drop it says with the next datagram that it does not drop.
 *
 * Arrival is stamped by the kernel; or by the network card, where it has a clock, and that clock tells
 * the time: one that is off by more than a second is not believed.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#define RECEIVER_BATCH    64   /* datagrams per system call */
#define RECEIVER_DATAGRAM 9216 /* a jumbo frame whole; not a power of two, for the caches' sake */
#define RECEIVER_WHERE    96   /* "233.252.14.1 port 10378" */

/* Room for what the kernel says along with a datagram: stamps and a count of drops. */
union receiver_control {
        struct cmsghdr align;
        char data[CMSG_SPACE(3 * sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
};

/* Where a batch of datagrams goes; receivers that take turns can share it. */
struct receiver_batch {
        struct mmsghdr headers[RECEIVER_BATCH];
        struct iovec vectors[RECEIVER_BATCH];
        union receiver_control controls[RECEIVER_BATCH];
        uint8_t datagrams[RECEIVER_BATCH][RECEIVER_DATAGRAM];
};

struct receiver_params {
        const char *feed;    /* for sentences */
        const char *address; /* numeric */
        uint16_t port;
        const char *interface; /* name; NULL: the kernel's choice */
        const char *source;    /* address of the one sender to listen to; NULL: any */
        uint32_t buffer;       /* bytes that wait in the kernel */
        bool nic;              /* stamps of the network card */
        bool beside;           /* a predecessor's socket may be bound to the same */
};

struct receiver {
        int fd; /* -1: closed */
        char where[RECEIVER_WHERE];
        uint32_t dropped; /* as the kernel said last; it wraps */
        bool nic;
        bool doubted; /* that the card's clock is wrong has been said */
};

#define RECEIVER_NULL                                                                              \
        (struct receiver) {                                                                        \
                .fd = -1                                                                           \
        }

/* Opens the socket. Negative errno, with a sentence in the log. */
int receiver_open(struct receiver *receiver, const struct receiver_params *params);

/* Takes over one that a predecessor has opened with these params. False: it is none of that kind, and closed. */
bool receiver_inherit(struct receiver *receiver, const struct receiver_params *params, int fd);

/* From now on nothing comes in any more; what waits can be taken. False: that cannot be had. */
bool receiver_end(struct receiver *receiver);

/* Opens one that exchanges datagrams with that address alone, from a port of the kernel's choice. */
int receiver_connect(struct receiver *receiver, const struct receiver_params *params);

/* How many the kernel has dropped until now, whether it has said so with a datagram or not. */
uint32_t receiver_drops(const struct receiver *receiver);

void receiver_close(struct receiver *receiver);

void receiver_batch_init(struct receiver_batch *batch);

/* Takes what waits, up to a batch. Returns how many, or the negative errno of a socket gone bad. */
int receiver_take(struct receiver *receiver, struct receiver_batch *batch);

/* When datagram `i` of the batch came, TIME, 0 unknown; and how many were dropped before it. */
int64_t receiver_stamp(struct receiver *receiver, struct receiver_batch *batch, unsigned i,
                       uint32_t *dropped);
