/*
 * A recording: libpcap over zlib; recording.h says what comes out.
 */

#include "feed/recording.h"

#include <errno.h>
#include <limits.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "feed/frame.h"
#include "feed/packed.h"

#define BUFFER_SIZE (1 << 17) /* of the stream on top of zlib */

#define NS_PER_S INT64_C(1000000000)

struct recording {
        gzFile gz;    /* owned by the stream */
        pcap_t *pcap; /* owns the stream */
        uint64_t read;
};

__attribute__((format(printf, 2, 3))) static void why_set(struct recording_why *why,
                                                          const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(why->text, sizeof(why->text), format, args);
        va_end(args);
}

static ssize_t stream_read(void *cookie, char *data, size_t size) {
        int n;

        n = gzread(cookie, data, size < INT_MAX ? (unsigned)size : INT_MAX);
        if (n < 0)
                errno = EIO;
        return n;
}

static int stream_close(void *cookie) {
        return gzclose_r(cookie) == Z_OK ? 0 : EOF;
}

/* A stream of the file's bytes, unpacked if they are packed; *gzp is part of it. */
static int open_stream(FILE **streamp, gzFile *gzp, const char *path, struct recording_why *why) {
        static const cookie_io_functions_t functions = {
                .read = stream_read,
                .close = stream_close,
        };
        FILE *stream;
        gzFile gz;
        int r;

        r = packed_open(&gz, path, why->text);
        if (r < 0)
                return error_trace(r);
        stream = fopencookie(gz, "rb", functions);
        if (!stream) {
                gzclose_r(gz);
                return error_origin(-ENOMEM);
        }
        setvbuf(stream, NULL, _IOFBF, BUFFER_SIZE);
        *streamp = stream;
        *gzp = gz;
        return 0;
}

static int open_pcap(struct recording *recording, const char *path, struct recording_why *why) {
        _cleanup_(fclosep) FILE *stream = NULL;
        char text[PCAP_ERRBUF_SIZE] = "";
        const char *trouble;
        int link, r;

        r = open_stream(&stream, &recording->gz, path, why);
        if (r)
                return error_trace(r);
        recording->pcap =
                pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, text);
        if (!recording->pcap) {
                trouble = packed_trouble(recording->gz);
                if (trouble)
                        why_set(why, "it is damaged (%s)", trouble);
                else
                        why_set(why, "it is not a capture file (%s)", text);
                return error_origin(-EINVAL);
        }
        stream = NULL; /* now libpcap's */

        link = pcap_datalink(recording->pcap);
        if (!frame_knows(link)) {
                why_set(why, "it is recorded from a link layer that is not supported (%s)",
                        pcap_datalink_val_to_description_or_dlt(link));
                return error_origin(-EINVAL);
        }
        return 0;
}

static void recording_freep(struct recording **recordingp) {
        recording_free(*recordingp);
}

int recording_new(struct recording **recordingp, const char *path, struct recording_why *why) {
        _cleanup_(recording_freep) struct recording *recording = NULL;
        int r;

        why_set(why, "%s", strerror(ENOMEM));
        recording = calloc(1, sizeof(*recording));
        if (!recording)
                return error_origin(-ENOMEM);
        r = open_pcap(recording, path, why);
        if (r)
                return error_trace(r);

        *recordingp = recording;
        recording = NULL;
        return 0;
}

struct recording *recording_free(struct recording *recording) {
        if (!recording)
                return NULL;
        if (recording->pcap)
                pcap_close(recording->pcap);
        free(recording);
        return NULL;
}

int recording_link(const struct recording *recording) {
        return pcap_datalink(recording->pcap);
}

/* The reader found no whole frame. Was that the end of the file, or the end of its sense? */
static int tell_end(struct recording *recording, int result, struct recording_why *why) {
        FILE *stream = pcap_file(recording->pcap);
        const char *trouble = packed_trouble(recording->gz);

        if (!trouble && !ferror(stream)) {
                if (result == PCAP_ERROR_BREAK)
                        return packed_is_cut(recording->gz) ? RECORDING_E_CUT : RECORDING_E_END;
                if (feof(stream))
                        return RECORDING_E_CUT;
        }
        why_set(why, "%s", trouble ? trouble : pcap_geterr(recording->pcap));
        return RECORDING_E_DAMAGED;
}

/* With the precision that we ask for, tv_usec counts nanoseconds. */
static int64_t stamp(const struct timeval *tv) {
        int64_t ns;

        if (tv->tv_sec < 0 || __builtin_mul_overflow((int64_t)tv->tv_sec, NS_PER_S, &ns) ||
            __builtin_add_overflow(ns, (int64_t)tv->tv_usec, &ns))
                return 0;
        return ns;
}

int recording_next(struct recording *recording, struct recording_frame *frame,
                   struct recording_why *why) {
        struct pcap_pkthdr *header;
        const u_char *data;
        int r;

        r = pcap_next_ex(recording->pcap, &header, &data);
        if (r != 1)
                return tell_end(recording, r, why);

        *frame = (struct recording_frame){
                .data = data,
                .captured = header->caplen,
                .length = header->len,
                .time = stamp(&header->ts),
                .number = ++recording->read,
        };
        return RECORDING_OK;
}
