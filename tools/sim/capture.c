/* A capture file of what was sent. */

#include "sim/capture.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "sim/bytes.h"

#define ETHERNET 14
#define IPV4     20
#define IPV6     40
#define UDP      8

#define SECOND INT64_C(1000000000)

int capture_open(struct capture *capture, const char *path) {
        uint8_t header[24] = { 0 };
        int r;

        capture->file = fopen(path, "we");
        if (!capture->file) {
                r = -errno;
                warn("cannot write %s", path);
                return r;
        }
        put_u32(header, 0xa1b23c4d); /* stamps in nanoseconds */
        put_u16(header + 4, 2);
        put_u16(header + 6, 4);
        put_u32(header + 16, 65535); /* the longest frame */
        put_u32(header + 20, 1);     /* Ethernet */
        fwrite(header, sizeof(header), 1, capture->file);
        return 0;
}

int capture_close(struct capture *capture) {
        int r = 0;

        if (!capture->file)
                return 0;
        if (ferror(capture->file))
                r = -EIO;
        if (fclose(capture->file) == EOF)
                r = -errno;
        capture->file = NULL;
        if (r < 0) {
                errno = -r;
                warn("cannot write the capture");
        }
        return r;
}

/* ---- frames ---- */

static uint32_t sum_of(const uint8_t *data, size_t size) {
        uint32_t sum = 0;

        for (size_t i = 0; i + 1 < size; i += 2)
                sum += (uint32_t)data[i] << 8 | data[i + 1];
        if (size % 2)
                sum += (uint32_t)data[size - 1] << 8;
        return sum;
}

static uint16_t fold(uint32_t sum) {
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t)~sum;
}

static void put_ethernet(uint8_t *frame, unsigned line, uint16_t type, bool multicast,
                         const uint8_t *address) {
        static const uint8_t host[6] = { 0x02, 0, 0, 0, 0, 1 };

        memcpy(frame, host, sizeof(host));
        if (multicast && type == 0x0800) {
                memcpy(frame, (const uint8_t[]){ 0x01, 0x00, 0x5e }, 3);
                frame[3] = address[1] & 0x7f;
                memcpy(frame + 4, address + 2, 2);
        } else if (multicast) {
                memcpy(frame, (const uint8_t[]){ 0x33, 0x33 }, 2);
                memcpy(frame + 2, address + 12, 4);
        }
        memcpy(frame + 6, host, sizeof(host));
        frame[11] = (uint8_t)(0x10 + line);
        put_be_u16(frame + 12, type);
}

static size_t put_ipv4(struct capture *capture, uint8_t *frame, unsigned line,
                       const struct sockaddr_in *to, size_t size) {
        uint8_t *ip = frame + ETHERNET;
        const uint8_t *address = (const uint8_t *)&to->sin_addr;

        put_ethernet(frame, line, 0x0800, IN_MULTICAST(ntohl(to->sin_addr.s_addr)), address);
        memset(ip, 0, IPV4);
        ip[0] = 0x45;
        put_be_u16(ip + 2, (uint16_t)(IPV4 + UDP + size));
        put_be_u16(ip + 4, capture->id++);
        ip[8] = 1; /* hops */
        ip[9] = IPPROTO_UDP;
        put_be_u32(ip + 12, 0xc0000201 + line); /* 192.0.2.1 and so on */
        memcpy(ip + 16, address, 4);
        put_be_u16(ip + 10, fold(sum_of(ip, IPV4)));

        memcpy(ip + IPV4 + 2, &to->sin_port, 2);
        put_be_u16(ip + IPV4 + 6, 0); /* no checksum */
        return ETHERNET + IPV4;
}

/* Here the datagram has to have a checksum. */
static size_t put_ipv6(uint8_t *frame, unsigned line, const struct sockaddr_in6 *to,
                       const uint8_t *data, size_t size) {
        uint8_t *ip = frame + ETHERNET, *udp = ip + IPV6;
        uint32_t sum;

        put_ethernet(frame, line, 0x86dd, IN6_IS_ADDR_MULTICAST(&to->sin6_addr),
                     to->sin6_addr.s6_addr);
        memset(ip, 0, IPV6);
        ip[0] = 0x60;
        put_be_u16(ip + 4, (uint16_t)(UDP + size));
        ip[6] = IPPROTO_UDP;
        ip[7] = 1; /* hops */
        memcpy(ip + 8, (const uint8_t[]){ 0x20, 0x01, 0x0d, 0xb8 }, 4);
        ip[23] = (uint8_t)(1 + line);
        memcpy(ip + 24, to->sin6_addr.s6_addr, 16);

        memcpy(udp + 2, &to->sin6_port, 2);
        sum = sum_of(ip + 8, 32) + (uint32_t)(UDP + size) + IPPROTO_UDP + sum_of(data, size) +
              (uint32_t)(30000 + line) + (uint32_t)(UDP + size) + ntohs(to->sin6_port);
        put_be_u16(udp + 6, fold(sum) ? fold(sum) : 0xffff); /* 0 says that there is none */
        return ETHERNET + IPV6;
}

void capture_write(struct capture *capture, int64_t time, unsigned line,
                   const struct sockaddr_storage *to, const uint8_t *data, size_t size) {
        uint8_t record[16], frame[ETHERNET + IPV6 + UDP];
        size_t at;

        if (to->ss_family == AF_INET6)
                at = put_ipv6(frame, line, (const struct sockaddr_in6 *)to, data, size);
        else
                at = put_ipv4(capture, frame, line, (const struct sockaddr_in *)to, size);
        put_be_u16(frame + at, (uint16_t)(30000 + line));
        put_be_u16(frame + at + 4, (uint16_t)(UDP + size));
        at += UDP;

        put_u32(record, (uint32_t)(time / SECOND));
        put_u32(record + 4, (uint32_t)(time % SECOND));
        put_u32(record + 8, (uint32_t)(at + size));
        put_u32(record + 12, (uint32_t)(at + size));
        fwrite(record, sizeof(record), 1, capture->file);
        fwrite(frame, at, 1, capture->file);
        fwrite(data, size, 1, capture->file);
}
