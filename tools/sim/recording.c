/* The datagrams of a recording; recording.h tells the idea. */

#include "sim/recording.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <pcap/pcap.h>
#include <zlib.h>

#define SECOND INT64_C(1000000000)

#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8

#define UDP_HEADER 8

struct recording {
        const char *path;
        pcap_t *pcap;
        int link;
        uint64_t skipped;
};

/* ---- the file ---- */

static ssize_t unpack(void *cookie, char *buffer, size_t size) {
        return gzread(cookie, buffer, (unsigned)size);
}

static int unpack_close(void *cookie) {
        return gzclose(cookie) == Z_OK ? 0 : EOF;
}

/* A file that is not packed is read as it is. */
static FILE *open_unpacked(const char *path) {
        static const cookie_io_functions_t functions = { .read = unpack, .close = unpack_close };
        gzFile packed = gzopen(path, "rbe");
        FILE *file = NULL;

        if (packed)
                file = fopencookie(packed, "r", functions);
        if (!file)
                warn("cannot read %s", path);
        if (packed && !file)
                gzclose(packed);
        return file;
}

int recording_open(struct recording **recordingp, const char *path) {
        struct recording *recording = calloc(1, sizeof(*recording));
        FILE *file = recording ? open_unpacked(path) : NULL;
        char why[PCAP_ERRBUF_SIZE];

        if (!file) {
                free(recording);
                return -EIO;
        }
        recording->path = path;
        recording->pcap =
                pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
        if (!recording->pcap) {
                warnx("%s is no recording: %s", path, why);
                fclose(file);
                free(recording);
                return -EINVAL;
        }
        recording->link = pcap_datalink(recording->pcap);
        *recordingp = recording;
        return 0;
}

struct recording *recording_free(struct recording *recording) {
        if (recording) {
                pcap_close(recording->pcap);
                free(recording);
        }
        return NULL;
}

uint64_t recording_skipped(const struct recording *recording) {
        return recording->skipped;
}

/* ---- frames ---- */

struct bytes {
        const uint8_t *at;
        size_t left;
};

static bool skip(struct bytes *bytes, size_t n) {
        if (bytes->left < n)
                return false;
        bytes->at += n;
        bytes->left -= n;
        return true;
}

static unsigned u16_at(const uint8_t *at) {
        return (unsigned)at[0] << 8 | at[1];
}

/* The type that stands at `at` of a header so long, then what is behind VLAN tags. 0: none. */
static unsigned skip_link(struct bytes *frame, size_t at, size_t header) {
        unsigned type = frame->left >= header ? u16_at(frame->at + at) : 0;

        if (!skip(frame, header))
                return 0;
        while ((type == TYPE_VLAN || type == TYPE_QINQ) && frame->left >= 4) {
                type = u16_at(frame->at + 2);
                skip(frame, 4);
        }
        return type;
}

static unsigned skip_to_ip(struct bytes *frame, int link) {
        switch (link) {
        case DLT_EN10MB:
                return skip_link(frame, 12, 14);
        case DLT_LINUX_SLL:
                return skip_link(frame, 14, 16);
        case DLT_LINUX_SLL2:
                return skip_link(frame, 0, 20);
        case DLT_RAW:
                return frame->left && frame->at[0] >> 4 == 6 ? TYPE_IPV6 : TYPE_IPV4;
        default:
                return 0;
        }
}

static bool skip_ipv4(struct bytes *frame) {
        size_t header;

        if (frame->left < 20 || frame->at[9] != IPPROTO_UDP || u16_at(frame->at + 6) & 0x3fff)
                return false; /* of something else, or a fragment */
        header = (size_t)(frame->at[0] & 15) * 4;
        return header >= 20 && skip(frame, header);
}

static bool skip_ipv6(struct bytes *frame) {
        return frame->left >= 40 && frame->at[6] == IPPROTO_UDP && skip(frame, 40);
}

static bool find_payload(struct bytes *frame, int link) {
        unsigned type = skip_to_ip(frame, link), length;

        if (type == TYPE_IPV4 ? !skip_ipv4(frame) : type != TYPE_IPV6 || !skip_ipv6(frame))
                return false;
        if (frame->left < UDP_HEADER)
                return false;
        length = u16_at(frame->at + 4);
        if (length < UDP_HEADER || length > frame->left)
                return false; /* its end was not recorded */
        skip(frame, UDP_HEADER);
        frame->left = length - UDP_HEADER;
        return true;
}

int recording_next(struct recording *recording, struct datagram *datagram) {
        struct pcap_pkthdr *header;
        const uint8_t *data;
        int r;

        while ((r = pcap_next_ex(recording->pcap, &header, &data)) == 1) {
                struct bytes frame = { data, header->caplen };

                if (!find_payload(&frame, recording->link)) {
                        recording->skipped++;
                        continue;
                }
                *datagram = (struct datagram){
                        .data = frame.at,
                        .size = frame.left,
                        .time = header->ts.tv_sec * SECOND + header->ts.tv_usec,
                };
                return 1;
        }
        if (r != PCAP_ERROR_BREAK)
                warnx("%s ends in the middle of something: %s", recording->path,
                      pcap_geterr(recording->pcap));
        return 0;
}
