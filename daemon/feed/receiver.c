/* One socket that datagrams come in by; receiver.h tells the idea. */

#include "feed/receiver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#define NS_PER_S     INT64_C(1000000000)
#define NIC_OFF_MOST NS_PER_S /* further from the kernel's clock than this, a card's is wrong */

struct address {
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

/* ---- addresses ---- */

static bool parse_numeric(struct address *address, const char *text, uint16_t port) {
        *address = (struct address){ 0 };

        if (inet_pton(AF_INET, text, &address->u.in.sin_addr) == 1) {
                address->u.in.sin_family = AF_INET;
                address->u.in.sin_port = htons(port);
                address->size = sizeof(address->u.in);
                address->level = IPPROTO_IP;
                address->is_multicast = IN_MULTICAST(ntohl(address->u.in.sin_addr.s_addr));
                return true;
        }
        if (inet_pton(AF_INET6, text, &address->u.in6.sin6_addr) == 1) {
                address->u.in6.sin6_family = AF_INET6;
                address->u.in6.sin6_port = htons(port);
                address->size = sizeof(address->u.in6);
                address->level = IPPROTO_IPV6;
                address->is_multicast = IN6_IS_ADDR_MULTICAST(&address->u.in6.sin6_addr);
                return true;
        }
        return false;
}

static int parse_address(struct address *address, const struct receiver_params *params) {
        if (!parse_numeric(address, params->address, params->port)) {
                log_feed(LOG_ERROR, LOG_PLAIN, params->feed,
                         ": %s is neither an IPv4 nor an IPv6 address", params->address);
                return error_origin(-EINVAL);
        }
        if (params->interface) {
                address->interface = if_nametoindex(params->interface);
                if (!address->interface) {
                        log_feed(LOG_ERROR, LOG_PLAIN, params->feed,
                                 ": there is no network interface %s", params->interface);
                        return error_origin(-ENODEV);
                }
        }
        if (address->level == IPPROTO_IPV6)
                address->u.in6.sin6_scope_id = address->interface;
        return 0;
}

/* ---- options ---- */

static int set_flag(int fd, int level, int option, int value) {
        if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
                return error_origin(-errno);
        return 0;
}

/* A burst at the opening must fit. Beyond the system's limit only with a capability. */
static void grow_buffer(int fd, const struct receiver_params *params) {
        int got, wanted = (int)params->buffer;
        socklen_t size = sizeof(got);

        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) == 0)
                return;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted)) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &size) < 0)
                return;
        got /= 2; /* the kernel counts its own overhead in */
        if (got < wanted)
                log_feed(LOG_WARNING, LOG_DEGRADED, params->feed,
                         ": the kernel gives a receive buffer of %d KiB instead of %d; "
                         "raise net.core.rmem_max, or packets may be lost in bursts",
                         got >> 10, wanted >> 10);
}

/* Has the card stamp what it receives; it may do so already. */
static int start_nic_stamps(int fd, const char *interface) {
        struct hwtstamp_config config = { 0 };
        struct ifreq request = { .ifr_data = (void *)&config };

        if (!interface)
                return error_origin(-EINVAL);
        strncpy(request.ifr_name, interface, sizeof(request.ifr_name) - 1);
        if (ioctl(fd, SIOCGHWTSTAMP, &request) == 0 && config.rx_filter == HWTSTAMP_FILTER_ALL)
                return 0;
        config.rx_filter = HWTSTAMP_FILTER_ALL;
        if (ioctl(fd, SIOCSHWTSTAMP, &request) < 0)
                return error_origin(-errno);
        return config.rx_filter == HWTSTAMP_FILTER_NONE ? error_origin(-EOPNOTSUPP) : 0;
}

/* Stamps of the card, or else of the kernel. */
static int set_stamps(struct receiver *receiver, int fd, const struct receiver_params *params) {
        const int flags = SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE |
                          SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
        int r;

        if (params->nic) {
                r = start_nic_stamps(fd, params->interface);
                if (!r)
                        r = set_flag(fd, SOL_SOCKET, SO_TIMESTAMPING, flags);
                receiver->nic = !r;
                if (!r)
                        return 0;
                if (params->interface)
                        log_feed(LOG_WARNING, LOG_DEGRADED, params->feed,
                                 ": the network card of %s does not stamp what it receives (%s); "
                                 "the kernel does",
                                 params->interface, strerror(-r));
                else
                        log_feed(LOG_WARNING, LOG_DEGRADED, params->feed,
                                 ": stamps = nic needs an interface, so that a card is known; "
                                 "the kernel stamps");
        }
        return error_trace(set_flag(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1));
}

/* What the socket must do before it has an address. */
static int prepare(struct receiver *receiver, int fd, const struct address *address,
                   const struct receiver_params *params) {
        int r;

        grow_buffer(fd, params);
        r = set_stamps(receiver, fd, params);
        if (!r)
                r = set_flag(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
        if (!r && address->level == IPPROTO_IPV6)
                r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        /* other programs may listen to the same group */
        if (!r && (address->is_multicast || params->beside))
                r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (!r && address->is_multicast)
                r = set_flag(fd, address->level,
                             address->level == IPPROTO_IP ? IP_MULTICAST_ALL : IPV6_MULTICAST_ALL,
                             0);
        return error_trace(r);
}

static int join(int fd, const struct address *address, const char *source) {
        struct group_source_req from = {
                .gsr_interface = address->interface,
                .gsr_group = address->u.storage,
        };
        struct group_req any = {
                .gr_interface = address->interface,
                .gr_group = address->u.storage,
        };
        struct address sender;
        int r;

        if (source) {
                if (!parse_numeric(&sender, source, 0) || sender.level != address->level)
                        return error_origin(-EINVAL);
                from.gsr_source = sender.u.storage;
                r = setsockopt(fd, address->level, MCAST_JOIN_SOURCE_GROUP, &from, sizeof(from));
        } else {
                r = setsockopt(fd, address->level, MCAST_JOIN_GROUP, &any, sizeof(any));
        }
        return r < 0 ? error_origin(-errno) : 0;
}

/* ---- sockets ---- */

static void name_place(struct receiver *receiver, const struct receiver_params *params) {
        snprintf(receiver->where, sizeof(receiver->where), "%s port %u", params->address,
                 params->port);
}

/* A socket that can do what is wanted of it, and no address yet. */
static int make_socket(struct receiver *receiver, const struct address *address,
                       const struct receiver_params *params) {
        _cleanup_(closep) int fd = -1;
        int r;

        *receiver = RECEIVER_NULL;
        name_place(receiver, params);
        fd = socket(address->u.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = fd < 0 ? error_origin(-errno) : prepare(receiver, fd, address, params);
        if (r)
                return r;
        r = fd;
        fd = -1;
        return r;
}

int receiver_open(struct receiver *receiver, const struct receiver_params *params) {
        _cleanup_(closep) int fd = -1;
        struct address address;
        int r;

        *receiver = RECEIVER_NULL;
        r = parse_address(&address, params);
        if (r)
                return error_trace(r);
        fd = make_socket(receiver, &address, params);
        r = fd < 0 ? fd : 0;
        if (!r && bind(fd, &address.u.any, address.size) < 0)
                r = error_origin(-errno);
        if (!r && params->beside && !address.is_multicast)
                r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 0); /* from now on it is ours alone */
        if (r) {
                log_feed(LOG_ERROR, LOG_PLAIN, params->feed, ": cannot receive on %s: %s",
                         receiver->where, strerror(-r));
                return r;
        }

        r = address.is_multicast ? join(fd, &address, params->source) : 0;
        if (r) {
                log_feed(LOG_ERROR, LOG_PLAIN, params->feed,
                         ": cannot join the group of %s on %s%s%s: %s", receiver->where,
                         params->interface ? params->interface : "any interface",
                         params->source ? " for " : "", params->source ? params->source : "",
                         strerror(-r));
                return error_trace(r);
        }
        receiver->fd = fd;
        fd = -1;
        return 0;
}

static bool is_bound_to(int fd, const struct address *address) {
        struct address bound = { .size = sizeof(bound.u) };

        if (getsockname(fd, &bound.u.any, &bound.size) < 0 ||
            bound.u.any.sa_family != address->u.any.sa_family)
                return false;
        if (address->level == IPPROTO_IP)
                return bound.u.in.sin_port == address->u.in.sin_port &&
                       bound.u.in.sin_addr.s_addr == address->u.in.sin_addr.s_addr;
        return bound.u.in6.sin6_port == address->u.in6.sin6_port &&
               IN6_ARE_ADDR_EQUAL(&bound.u.in6.sin6_addr, &address->u.in6.sin6_addr);
}

bool receiver_inherit(struct receiver *receiver, const struct receiver_params *params, int fd) {
        struct address address;

        *receiver = RECEIVER_NULL;
        if (parse_address(&address, params) || !is_bound_to(fd, &address)) {
                close(fd);
                return false;
        }
        receiver->fd = fd;
        name_place(receiver, params);
        return true;
}

bool receiver_end(struct receiver *receiver) {
        struct sock_filter nothing = { .code = BPF_RET | BPF_K };
        const struct sock_fprog filter = { .len = 1, .filter = &nothing };

        return setsockopt(receiver->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0;
}

int receiver_connect(struct receiver *receiver, const struct receiver_params *params) {
        _cleanup_(closep) int fd = -1;
        struct address address;
        int r;

        *receiver = RECEIVER_NULL;
        r = parse_address(&address, params);
        if (r)
                return error_trace(r);
        fd = make_socket(receiver, &address, params);
        r = fd < 0 ? fd : 0;
        if (!r && connect(fd, &address.u.any, address.size) < 0)
                r = error_origin(-errno);
        if (r) {
                log_feed(LOG_ERROR, LOG_PLAIN, params->feed, ": cannot send to %s: %s",
                         receiver->where, strerror(-r));
                return r;
        }
        receiver->fd = fd;
        fd = -1;
        return 0;
}

uint32_t receiver_drops(const struct receiver *receiver) {
        uint32_t info[SK_MEMINFO_VARS] = { 0 };
        socklen_t size = sizeof(info);

        if (getsockopt(receiver->fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0)
                return receiver->dropped;
        return info[SK_MEMINFO_DROPS];
}

void receiver_close(struct receiver *receiver) {
        if (receiver->fd >= 0)
                close(receiver->fd);
        *receiver = RECEIVER_NULL;
}

/* ---- datagrams ---- */

void receiver_batch_init(struct receiver_batch *batch) {
        for (size_t i = 0; i < RECEIVER_BATCH; i++)
                batch->vectors[i] = (struct iovec){ batch->datagrams[i], RECEIVER_DATAGRAM };
}

/* Makes the headers ready for another batch: the kernel writes into them. */
static void reset_headers(struct receiver_batch *batch) {
        for (size_t i = 0; i < RECEIVER_BATCH; i++) {
                batch->headers[i].msg_hdr = (struct msghdr){
                        .msg_iov = &batch->vectors[i],
                        .msg_iovlen = 1,
                        .msg_control = &batch->controls[i],
                        .msg_controllen = sizeof(batch->controls[i]),
                };
        }
}

int receiver_take(struct receiver *receiver, struct receiver_batch *batch) {
        int n;

        reset_headers(batch);
        n = recvmmsg(receiver->fd, batch->headers, RECEIVER_BATCH, MSG_DONTWAIT, NULL);
        if (n >= 0)
                return n;
        /* nothing there; nothing now; or nobody there whom we have asked for something */
        return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? 0
                                                                          : error_origin(-errno);
}

static int64_t to_ns(const struct timespec *stamp) {
        return stamp->tv_sec * NS_PER_S + stamp->tv_nsec;
}

/* Of the two clocks the card's, as long as it tells about the same time. */
static int64_t choose_stamp(struct receiver *receiver, const struct timespec stamps[3]) {
        int64_t kernel = to_ns(&stamps[0]), nic = to_ns(&stamps[2]);

        if (!nic)
                return kernel;
        if (!kernel || (nic - kernel <= NIC_OFF_MOST && kernel - nic <= NIC_OFF_MOST))
                return nic;
        if (!receiver->doubted)
                log_warning("the network card stamps what comes to %s by a clock that is off by "
                            "%lld s; the kernel's stamps are taken instead",
                            receiver->where, (long long)((nic - kernel) / NS_PER_S));
        receiver->doubted = true;
        return kernel;
}

int64_t receiver_stamp(struct receiver *receiver, struct receiver_batch *batch, unsigned i,
                       uint32_t *dropped) {
        struct msghdr *header = &batch->headers[i].msg_hdr;
        uint32_t drops = receiver->dropped;
        struct timespec stamps[3];
        struct cmsghdr *control;
        int64_t ts_recv = 0;

        for (control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
                if (control->cmsg_level != SOL_SOCKET)
                        continue;
                switch (control->cmsg_type) {
                case SCM_TIMESTAMPNS:
                        memcpy(stamps, CMSG_DATA(control), sizeof(*stamps));
                        ts_recv = to_ns(stamps);
                        break;
                case SCM_TIMESTAMPING:
                        memcpy(stamps, CMSG_DATA(control), sizeof(stamps));
                        ts_recv = choose_stamp(receiver, stamps);
                        break;
                case SO_RXQ_OVFL:
                        memcpy(&drops, CMSG_DATA(control), sizeof(drops));
                        break;
                }
        }
        *dropped = drops - receiver->dropped;
        receiver->dropped = drops;
        return ts_recv;
}
