/* The lines as the command line wants them. */

#include "sim/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int64_t now(clockid_t clock) {
        struct timespec time;

        clock_gettime(clock, &time);
        return time.tv_sec * SECOND + time.tv_nsec;
}

int options_open(const struct options *options, struct lines *lines) {
        int r = 0;

        *lines = (struct lines){ .live = !options->silent, .idle_fd = -1 };
        for (unsigned i = 0; i < LINES; i++) {
                struct line *line = &lines->line[i];

                line->sender = options->to[i];
                line->there = line->sender.to_size;
                line->faults = options->faults[i];
                if (r == 0 && line->sender.to_size && lines->live)
                        r = sender_open(&line->sender, options->interface[i], options->ttl);
        }
        if (r == 0 && options->pcap)
                r = capture_open(&lines->capture, options->pcap);
        lines_seed(lines, options->seed);
        lines->began = now(CLOCK_MONOTONIC);
        lines->stamp = options->start_time ? options->start_time : now(CLOCK_REALTIME);
        return r;
}

int options_close(struct lines *lines) {
        lines_deinit(lines);
        return capture_close(&lines->capture);
}

void options_summarize(const struct options *options, const struct lines *lines) {
        for (unsigned i = LINE_A; i <= LINE_B; i++) {
                const struct line_faults *faults = &options->faults[i];
                const struct line *line = &lines->line[i];

                if (!line->there || (!options->to[LINE_B].to_size && !faults->loss &&
                                     !faults->duplicates && !faults->reorder))
                        continue;
                fprintf(stderr,
                        "mdsim: line %c: %" PRIu64 " packets sent, %" PRIu64 " lost, %" PRIu64
                        " doubled, %" PRIu64 " overtaken\n",
                        'A' + (int)i, line->sent, line->lost, line->doubled, line->overtaken);
        }
}
