#pragma once

/*
 * A recording: the frames of a capture file, one after the other
 *
 * Classic or pcapng, with stamps of micro- or nanoseconds, plain or in gzip: the first bytes tell
 * which, whatever the file is called. libpcap reads it, through a stdio stream of our own over zlib.
 *
 * A file that ends before its last packet does is cut off, and good up to there: a disk ran full, or
 * the recorder was killed. A file that goes on with something that cannot be a packet is damaged.
 */

#include <stddef.h>
#include <stdint.h>

#include "feed/packed.h"

struct recording;

enum {
        RECORDING_OK = 0,
        RECORDING_E_END,     /* there is no frame after the last one */
        RECORDING_E_CUT,     /* there was one, and it is not whole */
        RECORDING_E_DAMAGED, /* what comes next is no frame; the sentence says why */
        _RECORDING_E_N,
};

struct recording_frame {
        const uint8_t *data; /* until the next frame is asked for */
        size_t captured;     /* bytes at data */
        size_t length;       /* bytes on the wire */
        int64_t time;        /* TIME; 0 unknown */
        uint64_t number;     /* 1 for the first, as in other tools */
};

/* Why a file was refused, or is no good further on. */
struct recording_why {
        char text[PACKED_WHY_SIZE];
};

/* Opens a file and reads its header. A negative errno and a sentence: of open(), or -EINVAL for what
 * is not a capture, or one of a link layer that we do not know. */
int recording_new(struct recording **recordingp, const char *path, struct recording_why *why);
struct recording *recording_free(struct recording *recording);

/* The link layer of all its frames: a DLT_... of libpcap. */
int recording_link(const struct recording *recording);

/* Reads the next frame: RECORDING_OK, or RECORDING_E_... */
int recording_next(struct recording *recording, struct recording_frame *frame,
                   struct recording_why *why);
