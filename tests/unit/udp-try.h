#pragma once

/* Sockets to send to a UDP source from. */

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "feed-tape.h"

union address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
};

static inline socklen_t make_address(union address *address, const char *text, uint16_t port) {
        memset(address, 0, sizeof(*address));
        if (inet_pton(AF_INET, text, &address->in.sin_addr) == 1) {
                address->in.sin_family = AF_INET;
                address->in.sin_port = htons(port);
                return sizeof(address->in);
        }
        assert_int_equal(inet_pton(AF_INET6, text, &address->in6.sin6_addr), 1);
        address->in6.sin6_family = AF_INET6;
        address->in6.sin6_port = htons(port);
        return sizeof(address->in6);
}

/* A socket with an address of its own; *port, where it is 0, becomes the one that the kernel chose. */
static inline int bound_socket(const char *text, uint16_t *port) {
        union address address;
        socklen_t size = make_address(&address, text, *port);
        int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, &address.any, size), 0);
        assert_int_equal(getsockname(fd, &address.any, &size), 0);
        *port = ntohs(address.in.sin_port); /* at the same place in both */
        return fd;
}

static inline uint16_t free_port(void) {
        uint16_t port = 0;

        close(bound_socket("127.0.0.1", &port));
        return port;
}

/* A sender whose multicast goes to an interface. */
static inline int sender(int family, const char *interface) {
        const int index = (int)if_nametoindex(interface);
        const struct ip_mreqn request = { .imr_ifindex = index };
        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

        assert_true(fd >= 0);
        if (family == AF_INET)
                r = setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request));
        else
                r = setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index));
        assert_int_equal(r, 0);
        return fd;
}

static inline void send_to(int fd, const char *text, uint16_t port, const void *data, size_t size) {
        union address address;
        socklen_t address_size = make_address(&address, text, port);

        assert_int_equal(sendto(fd, data, size, 0, &address.any, address_size), size);
}
