/*
 * The UDP source: datagrams as they arrive, unicast or multicast
 *
 * A socket for a multicast group is bound to the group itself, and takes from the groups that it has
 * joined only: another program's groups on the same port never come in. Arrival is stamped by the
 * kernel. A datagram that is larger than a jumbo frame's is handed on as cut. What the kernel had to
 * drop it says with the next datagram that it does not drop.
 *
 * A round of the loop takes a few batches and no more, whatever still waits in the socket: its buffer
 * is large, and other watchers have their turn.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "feed/source.h"

#define BATCH         64   /* datagrams per system call */
#define BATCHES       4    /* per round of the loop */
#define DATAGRAM_SIZE 9216 /* a jumbo frame whole; not a power of two, for the caches' sake */
#define BUFFER_SIZE   (32 << 20)

/* Room for what the kernel says along with a datagram: a stamp and a count of drops. */
union udp_control {
        struct cmsghdr align;
        char data[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
};

struct udp_address {
        union {
                struct sockaddr any;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
                struct sockaddr_storage storage;
        } u;
        socklen_t size;
        int level; /* of setsockopt() */
        bool is_multicast;
        unsigned interface; /* index; 0: the kernel's choice */
};

struct udp {
        struct feed feed;
        ev_io io;
        char *where;      /* "233.252.14.1 port 10378", for sentences */
        uint64_t packets; /* taken so far */
        int64_t now;      /* ns of CLOCK_MONOTONIC, when the batch was taken */
        uint32_t dropped; /* as the kernel said last; it wraps */

        struct mmsghdr headers[BATCH];
        struct iovec vectors[BATCH];
        union udp_control controls[BATCH];
        uint8_t datagrams[BATCH][DATAGRAM_SIZE];
};

static int parse_address(struct udp_address *address, const struct config_feed *config) {
        *address = (struct udp_address){ 0 };

        if (inet_pton(AF_INET, config->address, &address->u.in.sin_addr) == 1) {
                address->u.in.sin_family = AF_INET;
                address->u.in.sin_port = htons(config->port);
                address->size = sizeof(address->u.in);
                address->level = IPPROTO_IP;
                address->is_multicast = IN_MULTICAST(ntohl(address->u.in.sin_addr.s_addr));
        } else if (inet_pton(AF_INET6, config->address, &address->u.in6.sin6_addr) == 1) {
                address->u.in6.sin6_family = AF_INET6;
                address->u.in6.sin6_port = htons(config->port);
                address->size = sizeof(address->u.in6);
                address->level = IPPROTO_IPV6;
                address->is_multicast = IN6_IS_ADDR_MULTICAST(&address->u.in6.sin6_addr);
        } else {
                log_error("feed %s: %s is neither an IPv4 nor an IPv6 address", config->name,
                          config->address);
                return error_origin(-EINVAL);
        }

        if (config->interface) {
                address->interface = if_nametoindex(config->interface);
                if (!address->interface) {
                        log_error("feed %s: there is no network interface %s", config->name,
                                  config->interface);
                        return error_origin(-ENODEV);
                }
        }
        if (address->level == IPPROTO_IPV6)
                address->u.in6.sin6_scope_id = address->interface;
        return 0;
}

static int set_flag(int fd, int level, int option, int value) {
        if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
                return error_origin(-errno);
        return 0;
}

/* A burst at the opening must fit. Beyond the system's limit only with a capability. */
static void grow_buffer(int fd, const char *name) {
        int got, wanted = BUFFER_SIZE;
        socklen_t size = sizeof(got);

        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) == 0)
                return;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted)) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &size) < 0)
                return;
        got /= 2; /* the kernel counts its own overhead in */
        if (got < wanted)
                log_warning("feed %s: the kernel gives a receive buffer of %d KiB instead of %d; "
                            "raise net.core.rmem_max, or packets may be lost in bursts",
                            name, got >> 10, wanted >> 10);
}

/* What the socket must do before it has an address. */
static int prepare(int fd, const struct udp_address *address, const char *name) {
        int r;

        grow_buffer(fd, name);
        r = set_flag(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
        if (!r)
                r = set_flag(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
        if (!r && address->level == IPPROTO_IPV6)
                r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        if (!r && address->is_multicast) {
                /* other programs may listen to the same group */
                r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
                if (!r)
                        r = set_flag(fd, address->level,
                                     address->level == IPPROTO_IP ? IP_MULTICAST_ALL
                                                                  : IPV6_MULTICAST_ALL,
                                     0);
        }
        return error_trace(r);
}

static int join(int fd, const struct udp_address *address) {
        struct group_req request = {
                .gr_interface = address->interface,
                .gr_group = address->u.storage,
        };

        if (setsockopt(fd, address->level, MCAST_JOIN_GROUP, &request, sizeof(request)) < 0)
                return error_origin(-errno);
        return 0;
}

/* Returns a socket that receives, or a negative errno and a sentence in the log. */
static int open_socket(const struct udp_address *address, const struct config_feed *config,
                       const char *where) {
        _cleanup_(closep) int fd = -1;
        int r;

        fd = socket(address->u.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = fd < 0 ? error_origin(-errno) : prepare(fd, address, config->name);
        if (!r && bind(fd, &address->u.any, address->size) < 0)
                r = error_origin(-errno);
        if (r) {
                log_error("feed %s: cannot receive on %s: %s", config->name, where, strerror(-r));
                return r;
        }

        r = address->is_multicast ? join(fd, address) : 0;
        if (r) {
                log_error("feed %s: cannot join the group of %s on %s: %s", config->name, where,
                          config->interface ? config->interface : "any interface", strerror(-r));
                return error_trace(r);
        }

        r = fd;
        fd = -1;
        return r;
}

static int64_t now_monotonic(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Makes the headers ready for another batch: the kernel writes into them. */
static void reset_headers(struct udp *udp) {
        for (size_t i = 0; i < BATCH; i++) {
                udp->headers[i].msg_hdr = (struct msghdr){
                        .msg_iov = &udp->vectors[i],
                        .msg_iovlen = 1,
                        .msg_control = &udp->controls[i],
                        .msg_controllen = sizeof(udp->controls[i]),
                };
        }
}

/* What the kernel says beside the datagram: when it came, and how many were dropped so far. */
static int64_t read_control(struct udp *udp, struct msghdr *header) {
        struct cmsghdr *control;
        struct timespec stamp;
        uint32_t dropped = udp->dropped;
        int64_t ts_recv = 0;

        for (control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
                if (control->cmsg_level != SOL_SOCKET)
                        continue;
                if (control->cmsg_type == SCM_TIMESTAMPNS) {
                        memcpy(&stamp, CMSG_DATA(control), sizeof(stamp));
                        ts_recv = stamp.tv_sec * INT64_C(1000000000) + stamp.tv_nsec;
                } else if (control->cmsg_type == SO_RXQ_OVFL) {
                        memcpy(&dropped, CMSG_DATA(control), sizeof(dropped));
                }
        }
        if (dropped != udp->dropped)
                udp->feed.sink->dropped(udp->feed.userdata, 0, dropped - udp->dropped);
        udp->dropped = dropped;
        return ts_recv;
}

static void hand_on(struct udp *udp, struct mmsghdr *header) {
        struct feed *feed = &udp->feed;
        struct packet packet = {
                .data = header->msg_hdr.msg_iov->iov_base,
                .size = header->msg_len,
                .ts_recv = read_control(udp, &header->msg_hdr),
                .now = udp->now,
                .number = ++udp->packets,
                .cut = header->msg_hdr.msg_flags & MSG_TRUNC,
        };

        feed_say(feed, FEED_STATE_LIVE, "receiving on %s", udp->where);
        feed->sink->packet(feed->userdata, &packet);
}

/* Takes what waits, up to a few batches. Returns 0, or a negative errno of a socket gone bad. */
static int udp_receive(struct udp *udp) {
        int n;

        for (unsigned batch = 0; batch < BATCHES; batch++) {
                reset_headers(udp);
                n = recvmmsg(udp->io.fd, udp->headers, BATCH, MSG_DONTWAIT, NULL);
                if (n < 0)
                        /* nothing there; or nothing now, and the loop calls again */
                        return errno == EAGAIN || errno == EINTR ? 0 : error_origin(-errno);
                udp->now = now_monotonic();
                for (int i = 0; i < n; i++)
                        hand_on(udp, &udp->headers[i]);
                if (n < BATCH)
                        break;
        }
        return 0;
}

static void udp_dispatch(struct ev_loop *loop, ev_io *io, int events) {
        struct udp *udp = container_of(io, struct udp, io);
        uint64_t packets = udp->packets;
        int r;

        (void)loop;
        (void)events;

        r = udp_receive(udp);
        if (udp->packets != packets)
                udp->feed.sink->flush(udp->feed.userdata);
        if (r) {
                ev_io_stop(udp->feed.loop, &udp->io);
                feed_say(&udp->feed, FEED_STATE_DOWN, "cannot receive on %s any more: %s",
                         udp->where, strerror(-r));
        }
}

static void udp_start(struct feed *feed) {
        struct udp *udp = container_of(feed, struct udp, feed);

        ev_io_start(feed->loop, &udp->io);
}

static void udp_stop(struct feed *feed) {
        struct udp *udp = container_of(feed, struct udp, feed);

        ev_io_stop(feed->loop, &udp->io);
}

static void udp_free(struct feed *feed) {
        struct udp *udp = container_of(feed, struct udp, feed);

        if (udp->io.fd >= 0)
                close(udp->io.fd);
        free(udp->where);
        feed_deinit(feed);
        free(udp);
}

static void udp_freep(struct udp **udpp) {
        if (*udpp)
                udp_free(&(*udpp)->feed);
}

static const struct feed_ops udp_ops = {
        .start = udp_start,
        .stop = udp_stop,
        .free = udp_free,
};

int udp_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
            const struct feed_sink *sink, void *userdata) {
        _cleanup_(udp_freep) struct udp *udp = NULL;
        struct udp_address address;
        int fd, r;

        udp = calloc(1, sizeof(*udp)); /* fresh pages: touched when a datagram first needs them */
        if (!udp)
                return error_origin(-ENOMEM);
        ev_io_init(&udp->io, udp_dispatch, -1, EV_READ);
        for (size_t i = 0; i < BATCH; i++)
                udp->vectors[i] = (struct iovec){ udp->datagrams[i], DATAGRAM_SIZE };
        r = feed_init(&udp->feed, &udp_ops, config, loop, sink, userdata);
        if (r)
                return error_trace(r);
        if (asprintf(&udp->where, "%s port %u", config->address, config->port) < 0) {
                udp->where = NULL;
                return error_origin(-ENOMEM);
        }

        r = parse_address(&address, config);
        if (r)
                return error_trace(r);
        fd = open_socket(&address, config, udp->where);
        if (fd < 0)
                return error_trace(fd);
        ev_io_set(&udp->io, fd, EV_READ);

        *feedp = &udp->feed;
        udp = NULL;
        return 0;
}
