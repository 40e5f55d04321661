/* Where the segments go: one UDP socket, unicast or multicast. */

#include "sim/sender.h"

#include <err.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Splits ADDRESS:PORT at its last colon, and takes the brackets off. -EINVAL. */
static int split(const char *to, char *address, size_t size, const char **port) {
        const char *colon = strrchr(to, ':'), *end = colon;

        if (!colon || !colon[1])
                return -EINVAL;
        if (to[0] == '[') {
                if (colon[-1] != ']')
                        return -EINVAL;
                to++;
                end--;
        } else if (memchr(to, ':', (size_t)(colon - to))) {
                return -EINVAL; /* IPv6 wants its brackets */
        }
        if (end <= to || (size_t)(end - to) >= size)
                return -EINVAL;

        memcpy(address, to, (size_t)(end - to));
        address[end - to] = '\0';
        *port = colon + 1;
        return 0;
}

/* getaddrinfo() takes numbers that are too large for what they are not. */
static bool is_port(const char *text) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        return text[0] >= '0' && text[0] <= '9' && !*end && n >= 1 && n <= UINT16_MAX;
}

/* The way there is gone, which may come back: what is sent meanwhile is lost. */
static bool is_away(int error) {
        return error == ENETUNREACH || error == EHOSTUNREACH || error == ENETDOWN ||
               error == ENODEV;
}

int sender_parse(struct sender *sender, const char *to) {
        const struct addrinfo hints = {
                .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                .ai_socktype = SOCK_DGRAM,
        };
        struct addrinfo *info;
        char address[INET6_ADDRSTRLEN];
        const char *port;

        if (split(to, address, sizeof(address), &port) < 0 || !is_port(port) ||
            getaddrinfo(address, port, &hints, &info))
                return -EINVAL;

        memcpy(&sender->to, info->ai_addr, info->ai_addrlen);
        sender->to_size = info->ai_addrlen;
        freeaddrinfo(info);
        return 0;
}

static int set_interface(struct sender *sender, const char *interface) {
        struct sockaddr_in6 *to6 = (struct sockaddr_in6 *)&sender->to;
        unsigned index = if_nametoindex(interface);
        const struct ip_mreqn request = { .imr_ifindex = (int)index };
        int r;

        if (!index) {
                r = -errno;
                warn("%s", interface);
                return r;
        }
        if (sender->to.ss_family == AF_INET6) {
                if (IN6_IS_ADDR_LINKLOCAL(&to6->sin6_addr) ||
                    IN6_IS_ADDR_MC_LINKLOCAL(&to6->sin6_addr))
                        to6->sin6_scope_id = index;
                r = setsockopt(sender->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index));
        } else {
                r = setsockopt(sender->fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request));
        }
        if (r < 0) {
                r = -errno;
                warn("%s: cannot send multicast there", interface);
        }
        return r;
}

static int set_ttl(struct sender *sender, int ttl) {
        bool v6 = sender->to.ss_family == AF_INET6;
        int r;

        r = setsockopt(sender->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                       v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL, &ttl, sizeof(ttl));
        if (r < 0) {
                r = -errno;
                warn("cannot set the time to live to %d", ttl);
        }
        return r;
}

int sender_open(struct sender *sender, const char *interface, int ttl) {
        int r;

        sender->fd = socket(sender->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (sender->fd < 0) {
                r = -errno;
                warn("cannot make a socket");
                return r;
        }
        if (interface) {
                r = set_interface(sender, interface);
                if (r < 0)
                        return r;
        }
        return ttl < 0 ? 0 : set_ttl(sender, ttl);
}

void sender_deinit(struct sender *sender) {
        if (sender->fd >= 0)
                close(sender->fd);
        *sender = SENDER_NULL;
}

int sender_send(struct sender *sender, const uint8_t *data, size_t size) {
        ssize_t n;
        int r;

        do
                n = sendto(sender->fd, data, size, 0, (struct sockaddr *)&sender->to,
                           sender->to_size);
        while (n < 0 && errno == EINTR);

        if (n >= 0) {
                sender->packets++;
                return 0;
        }
        if (errno == ENOBUFS || (sender->packets && is_away(errno))) {
                sender->dropped++;
                return 0;
        }
        r = -errno;
        warn("cannot send");
        return r;
}
