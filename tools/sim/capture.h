#pragma once

/*
 * A capture file of what was sent: classic pcap, with stamps in nanoseconds
 *
 * Each packet stands there as a datagram of IPv4 or IPv6 in a frame of Ethernet, to the address and port of
 * its line, from one that is documentation's own.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

struct capture {
        FILE *file;  /* NULL: none */
        uint16_t id; /* the next datagram's */
};

/* Say what is wrong on stderr and return a negative errno. */
int capture_open(struct capture *capture, const char *path);
int capture_close(struct capture *capture);

/* `time` in ns since the epoch; `line` numbers who sent it. */
void capture_write(struct capture *capture, int64_t time, unsigned line,
                   const struct sockaddr_storage *to, const uint8_t *data, size_t size);
