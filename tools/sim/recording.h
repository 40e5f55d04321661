#pragma once

/*
 * The datagrams of a recording
 *
 * A capture of tcpdump's kind, classic or pcapng, packed by gzip or not. What is no datagram, or was
 * recorded without its end, is passed over.
 */

#include <stddef.h>
#include <stdint.h>

struct recording;

/* A payload; the bytes are the recording's until the next one is taken. */
struct datagram {
        const uint8_t *data;
        size_t size;
        int64_t time; /* ns since the epoch */
};

/* Say what is wrong on stderr and return a negative errno. */
int recording_open(struct recording **recordingp, const char *path);
struct recording *recording_free(struct recording *recording);

/* Takes the next one. Returns 1; 0 at the end. */
int recording_next(struct recording *recording, struct datagram *datagram);

/* Frames passed over so far. */
uint64_t recording_skipped(const struct recording *recording);
