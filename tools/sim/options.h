#pragma once

/* What the command line says. */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/lines.h"

#define SECOND INT64_C(1000000000)
#define MILLI  1000 /* rates and paces are counted in thousandths */

struct market_type;

struct options {
        struct sender to[LINES]; /* where each line goes; to_size 0: there is no such line */
        struct sender recovery;  /* where requests are answered; to_size 0: nowhere */
        struct line_faults faults[LINES];
        const char *interface[LINES];
        int ttl;                         /* -1: not given */
        bool silent;                     /* nothing is sent: for a capture alone */
        const char *pcap, *state, *lost; /* files to write; NULL: none */

        /* an invented market */
        const struct market_type *type;
        uint32_t instruments;
        uint64_t rate; /* in MILLI per second; 0: as fast as can be */
        uint64_t seed;
        uint64_t count;         /* messages; of a recording, packets; 0: no end */
        uint64_t restart_every; /* messages; 0: never */
        int64_t duration;       /* ns; 0: no end */
        int64_t start_time;     /* ns since the epoch; 0: stamps are those of the clock */
        uint32_t recovery_loss; /* of LINE_ALL answers */
        int64_t linger;         /* ns that the end is repeated and requests are answered */

        /* a recording */
        const char *from; /* NULL: none */
        uint64_t speed;   /* in MILLI times the recorded pace; 0: as fast as can be */
};

/* SIGINT or SIGTERM has come. */
extern volatile sig_atomic_t stopped;

/* Opens the lines and the capture. Say what is wrong on stderr and return a negative errno. */
int options_open(const struct options *options, struct lines *lines);
int options_close(struct lines *lines);

/* What the lines have done, on stderr, where more was asked of them than to carry. */
void options_summarize(const struct options *options, const struct lines *lines);
