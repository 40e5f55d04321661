#pragma once

/* Where the segments go: one UDP socket, unicast or multicast. */

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct sender {
        int fd;
        struct sockaddr_storage to;
        socklen_t to_size;
        uint64_t packets;
        uint64_t
                dropped; /* for want of room in the kernel, or of a way; a gap for those who listen */
};

#define SENDER_NULL                                                                                \
        (struct sender) {                                                                          \
                .fd = -1                                                                           \
        }

/* Takes ADDRESS:PORT, or [ADDRESS]:PORT for IPv6, in numbers. -EINVAL. */
int sender_parse(struct sender *sender, const char *to);

/*
 * Opens the socket. `interface` (NULL: the kernel's choice) and `ttl` (-1: the kernel's, which is 1)
 * concern multicast. Says what is wrong on stderr and returns a negative errno.
 */
int sender_open(struct sender *sender, const char *interface, int ttl);
void sender_deinit(struct sender *sender);

/* That nobody listens is no error; of what is one, see sender_open(). */
int sender_send(struct sender *sender, const uint8_t *data, size_t size);
