/*
 * Link layer, IP, UDP: one header after the other is taken off the front of what is left.
 */

#include "feed/frame.h"

#include <netinet/in.h>
#include <pcap/dlt.h>

#define ETHERTYPE_IPV4   0x0800
#define ETHERTYPE_IPV6   0x86dd
#define ETHERTYPE_VLAN   0x8100
#define ETHERTYPE_QINQ   0x88a8
#define ETHERTYPE_QINQ_1 0x9100 /* before 802.1ad */

#define UDP_HEADER_SIZE 8

/* What is left of a frame. */
struct rest {
        const uint8_t *data;
        size_t captured; /* bytes that are here */
        size_t length;   /* bytes that there were */
};

static uint16_t read_be16(const uint8_t *at) {
        return (uint16_t)(at[0] << 8 | at[1]);
}

/* Takes `size` bytes off the front. */
static int take(struct rest *rest, size_t size, const uint8_t **bytes) {
        if (rest->length < size)
                return FRAME_E_LENGTH;
        if (rest->captured < size)
                return FRAME_E_CUT;
        *bytes = rest->data;
        rest->data += size;
        rest->captured -= size;
        rest->length -= size;
        return FRAME_OK;
}

/* A header says that only `size` bytes follow: what comes after them is padding. */
static int limit(struct rest *rest, size_t size) {
        if (rest->length < size)
                return FRAME_E_LENGTH;
        rest->length = size;
        if (rest->captured > size)
                rest->captured = size;
        return FRAME_OK;
}

static int parse_udp(struct frame *frame, struct rest *rest, const uint8_t *to, size_t to_size) {
        const uint8_t *header;
        uint16_t length;
        int r;

        r = take(rest, UDP_HEADER_SIZE, &header);
        if (r)
                return r;
        length = read_be16(header + 4);
        if (length < UDP_HEADER_SIZE)
                return FRAME_E_LENGTH;
        r = limit(rest, length - UDP_HEADER_SIZE);
        if (r)
                return r;

        *frame = (struct frame){
                .to = to,
                .to_size = to_size,
                .to_port = read_be16(header + 2),
                .payload = rest->data,
                .size = rest->captured,
                .cut = rest->captured < rest->length,
        };
        return FRAME_OK;
}

static int parse_ipv4(struct frame *frame, struct rest *rest) {
        const uint8_t *header, *options;
        size_t header_size, total;
        int r;

        r = take(rest, 20, &header);
        if (r)
                return r;
        if (header[0] >> 4 != 4)
                return FRAME_E_VERSION;
        header_size = (header[0] & 0xf) * 4u;
        total = read_be16(header + 2);
        if (header_size < 20 || total < header_size)
                return FRAME_E_LENGTH;
        if (read_be16(header + 6) & 0x3fff) /* more to come, or not the first */
                return FRAME_E_FRAGMENT;
        if (header[9] != IPPROTO_UDP)
                return FRAME_E_NOT_UDP;

        r = limit(rest, total - 20);
        if (!r)
                r = take(rest, header_size - 20, &options);
        return r ? r : parse_udp(frame, rest, header + 16, 4);
}

/*
 * Takes one extension header of IPv6 off, and puts into *next what follows it. All that we pass over
 * begin alike; only the unit of the length differs.
 */
static int skip_extension(struct rest *rest, uint8_t *next) {
        const uint8_t *header, *body;
        size_t size;
        int r;

        r = take(rest, 8, &header);
        if (r)
                return r;
        switch (*next) {
        case IPPROTO_FRAGMENT:
                if (read_be16(header + 2) & 0xfff9)
                        return FRAME_E_FRAGMENT;
                size = 8; /* the one and only fragment: a whole packet after all */
                break;
        case IPPROTO_AH:
                size = (header[1] + 2u) * 4;
                break;
        default:
                size = (header[1] + 1u) * 8;
                break;
        }
        if (size < 8)
                return FRAME_E_LENGTH;
        *next = header[0];
        return take(rest, size - 8, &body);
}

static int parse_ipv6(struct frame *frame, struct rest *rest) {
        const uint8_t *header;
        uint8_t next;
        int r;

        r = take(rest, 40, &header);
        if (r)
                return r;
        if (header[0] >> 4 != 6)
                return FRAME_E_VERSION;
        next = header[6];
        r = limit(rest, read_be16(header + 4));

        while (!r) {
                switch (next) {
                case IPPROTO_UDP:
                        return parse_udp(frame, rest, header + 24, 16);
                case IPPROTO_HOPOPTS:
                case IPPROTO_ROUTING:
                case IPPROTO_DSTOPTS:
                case IPPROTO_FRAGMENT:
                case IPPROTO_AH:
                        r = skip_extension(rest, &next);
                        break;
                default:
                        return FRAME_E_NOT_UDP;
                }
        }
        return r;
}

/* What an Ethernet type announces; VLAN tags may come first, one in the other. */
static int parse_ethertype(struct frame *frame, struct rest *rest, uint16_t type) {
        const uint8_t *tag;
        int r;

        while (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_1) {
                r = take(rest, 4, &tag);
                if (r)
                        return r;
                type = read_be16(tag + 2);
        }
        switch (type) {
        case ETHERTYPE_IPV4:
                return parse_ipv4(frame, rest);
        case ETHERTYPE_IPV6:
                return parse_ipv6(frame, rest);
        default:
                return FRAME_E_NOT_IP;
        }
}

/* A header of that size, with the Ethernet type at an offset in it. */
static int parse_typed(struct frame *frame, struct rest *rest, size_t size, size_t type) {
        const uint8_t *header;
        int r;

        r = take(rest, size, &header);
        return r ? r : parse_ethertype(frame, rest, read_be16(header + type));
}

/* No link layer at all: the first half-byte tells the version. */
static int parse_raw(struct frame *frame, struct rest *rest) {
        if (!rest->length)
                return FRAME_E_LENGTH;
        if (!rest->captured)
                return FRAME_E_CUT;
        return rest->data[0] >> 4 == 6 ? parse_ipv6(frame, rest) : parse_ipv4(frame, rest);
}

/*
 * Null and loop headers: the address family, in the byte order of the recording host or of the
 * network. Every family is below 256, so that the two orders cannot be mistaken; that of IPv6
 * differs between systems, and the version in the packet itself does not.
 */
static int parse_null(struct frame *frame, struct rest *rest) {
        const uint8_t *header;
        uint8_t family;
        int r;

        r = take(rest, 4, &header);
        if (r)
                return r;
        family = header[0] ? header[0] : header[3];
        switch (family) {
        case 2: /* AF_INET, everywhere */
                return parse_ipv4(frame, rest);
        case 10: /* AF_INET6 of Linux */
        case 24: /* of NetBSD and OpenBSD */
        case 28: /* of FreeBSD */
        case 30: /* of Darwin */
                return parse_ipv6(frame, rest);
        default:
                return FRAME_E_NOT_IP;
        }
}

bool frame_knows(int link) {
        switch (link) {
        case DLT_EN10MB:
        case DLT_LINUX_SLL:
        case DLT_LINUX_SLL2:
        case DLT_RAW:
        case DLT_IPV4:
        case DLT_IPV6:
        case DLT_NULL:
        case DLT_LOOP:
                return true;
        default:
                return false;
        }
}

int frame_parse(struct frame *frame, int link, const uint8_t *data, size_t captured,
                size_t length) {
        struct rest rest = { data, captured, length };

        if (rest.length < rest.captured)
                rest.length = rest.captured;
        switch (link) {
        case DLT_EN10MB:
                return parse_typed(frame, &rest, 14, 12);
        case DLT_LINUX_SLL:
                return parse_typed(frame, &rest, 16, 14);
        case DLT_LINUX_SLL2:
                return parse_typed(frame, &rest, 20, 0);
        case DLT_RAW:
                return parse_raw(frame, &rest);
        case DLT_IPV4:
                return parse_ipv4(frame, &rest);
        case DLT_IPV6:
                return parse_ipv6(frame, &rest);
        case DLT_NULL:
        case DLT_LOOP:
                return parse_null(frame, &rest);
        default:
                return FRAME_E_LINK;
        }
}

const char *frame_cause(int outcome) {
        static const char *const causes[_FRAME_E_N] = {
                [FRAME_OK] = "sound",
                [FRAME_E_LINK] = "unknown link layer",
                [FRAME_E_NOT_IP] = "not IP",
                [FRAME_E_NOT_UDP] = "not UDP",
                [FRAME_E_FRAGMENT] = "fragment of an IP packet",
                [FRAME_E_CUT] = "recorded without its payload",
                [FRAME_E_LENGTH] = "length does not fit its frame",
                [FRAME_E_VERSION] = "wrong version of IP",
        };

        return causes[outcome];
}
