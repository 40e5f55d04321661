/* A recording, sent again; replay.h tells the idea. */

#include "sim/replay.h"

#include <inttypes.h>
#include <stdio.h>

#include "sim/options.h"
#include "sim/recording.h"

struct replay {
        const struct options *options;
        struct recording *recording;
        struct lines lines;
        int64_t first;   /* the time of the recording's first packet */
        int64_t elapsed; /* by the schedule */
        uint64_t packets, lost;
};

/* When a packet is due: never before the one in front of it, whatever the recording says. */
static int64_t due(const struct replay *replay, const struct datagram *datagram) {
        int64_t time = datagram->time - replay->first;

        if (replay->options->speed)
                time = (int64_t)((__int128)time * MILLI / replay->options->speed);
        else if (replay->lines.live)
                time = lines_clock(&replay->lines);
        return time > replay->elapsed ? time : replay->elapsed;
}

static int send_one(struct replay *replay, const struct datagram *datagram) {
        int r;

        if (!replay->packets)
                replay->first = datagram->time;
        replay->elapsed = due(replay, datagram);
        r = lines_wait(&replay->lines, replay->elapsed, &stopped);
        if (r < 0 || stopped)
                return r;
        r = lines_send(&replay->lines, replay->elapsed, datagram->data, datagram->size);
        if (r < 0)
                return r;
        replay->packets++;
        replay->lost += r > 0;
        return 0;
}

static bool has_more(const struct replay *replay) {
        const struct options *options = replay->options;

        if (options->duration && replay->elapsed >= options->duration)
                return false;
        return !stopped && (!options->count || replay->packets < options->count);
}

static int run(struct replay *replay) {
        struct datagram datagram;
        int r = 0;

        while (r == 0 && has_more(replay) && recording_next(replay->recording, &datagram))
                r = send_one(replay, &datagram);
        if (r == 0)
                r = lines_drain(&replay->lines, replay->elapsed, &stopped);
        if (r < 0)
                return r;
        fprintf(stderr,
                "mdsim: %" PRIu64 " packets of the recording, %" PRIu64
                " frames passed over, %" PRIu64 " lost on all lines\n",
                replay->packets, recording_skipped(replay->recording), replay->lost);
        options_summarize(replay->options, &replay->lines);
        return 0;
}

int replay_run(const struct options *options) {
        struct replay replay = { .options = options };
        int r, closed;

        r = recording_open(&replay.recording, options->from);
        if (r < 0)
                return r;
        r = options_open(options, &replay.lines);
        if (r == 0)
                r = run(&replay);
        recording_free(replay.recording);
        closed = options_close(&replay.lines);
        return r ? r : closed;
}
