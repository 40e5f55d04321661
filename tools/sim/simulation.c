/* A run of an invented market; simulation.h tells the idea. */

#include "sim/simulation.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sim/lost.h"
#include "sim/market.h"
#include "sim/options.h"
#include "sim/packet.h"
#include "sim/server.h"

#define BURST     INT64_C(1000000) /* ns */
#define HEARTBEAT SECOND
#define PAUSE     SECOND               /* from the end of a session to the next one */
#define FAREWELLS 5                    /* packets that say so, */
#define FAREWELL  INT64_C(20000000)    /* ns from one to the next */
#define SEED_STEP UINT64_C(0x9e3779b9) /* from the market of one session to that of the next */

/* with a given start time and no rate: a message each microsecond, as far as stamps are concerned */
#define UNPACED_STEP INT64_C(1000)

struct simulation {
        const struct options *options;
        struct market *market;
        struct packet_writer writer;
        struct lines lines;
        struct server server;
        struct lost lost;

        int64_t elapsed;   /* by the schedule, since the start */
        int64_t last_sent; /* the same, of the last packet */
        int64_t pauses;    /* of that, between sessions */

        uint64_t messages; /* but for those that end a session */
        uint64_t closing;  /* these */
        uint64_t session;  /* messages of this one */
        uint64_t sessions, packets, heartbeats;
        uint64_t counts[UINT8_MAX + 1]; /* messages by type */
};

/* ---- time ---- */

static int64_t wall_clock(void) {
        struct timespec time;

        clock_gettime(CLOCK_REALTIME, &time);
        return time.tv_sec * SECOND + time.tv_nsec;
}

static bool is_paced(const struct simulation *sim) {
        return sim->options->rate;
}

/* As fast as can be, on the network: the schedule is the clock. */
static void look_at_clock(struct simulation *sim) {
        if (!is_paced(sim) && sim->lines.live)
                sim->elapsed = lines_clock(&sim->lines);
}

static int64_t stamp(const struct simulation *sim) {
        int64_t start = sim->options->start_time;

        if (!start && sim->lines.live)
                return wall_clock();
        if (!start)
                start = sim->lines.stamp;
        if (is_paced(sim) || !sim->lines.live)
                return start + sim->elapsed;
        return start + (int64_t)(sim->messages + sim->closing) * UNPACED_STEP;
}

/* When message number `k` (from 0) is due, in ns of the schedule. */
static int64_t due(const struct simulation *sim, uint64_t k) {
        return (int64_t)((unsigned __int128)k * MILLI * SECOND / sim->options->rate) + sim->pauses;
}

/* ---- sending ---- */

static int idle(void *userdata) {
        struct simulation *sim = userdata;

        return server_dispatch(&sim->server);
}

/* Sends what the writer has finished: the messages from `sequence` on. */
static int send_packet(struct simulation *sim, uint64_t sequence, size_t size) {
        uint64_t n = sim->writer.sequence - sequence;
        int r;

        sim->packets++;
        sim->heartbeats += !n;
        if (sim->server.fd >= 0 && n)
                store_put(&sim->server.store, sequence, (uint16_t)n, sim->writer.data, size);
        look_at_clock(sim);
        sim->last_sent = sim->elapsed;
        r = lines_send(&sim->lines, sim->elapsed, sim->writer.data, size);
        if (r < 0)
                return r;
        if (r)
                lost_add(&sim->lost, sim->sessions, sequence, n);
        else
                lost_end(&sim->lost);
        if (!is_paced(sim) && sim->server.fd >= 0)
                return server_dispatch(&sim->server);
        return 0;
}

static int finish_packet(struct simulation *sim) {
        uint64_t sequence = sim->writer.sequence;

        return send_packet(sim, sequence, packet_finish(&sim->writer, stamp(sim)));
}

static int flush(struct simulation *sim) {
        return sim->writer.count ? finish_packet(sim) : 0;
}

/* Puts the next message into a packet. Returns 1; 0 when the market has no more to say. */
static int put_message(struct simulation *sim, uint64_t *counter) {
        uint8_t message[MARKET_MESSAGE_MAX];
        size_t size;
        int r;

        size = market_next(sim->market, stamp(sim), message);
        if (!size)
                return 0;

        while (!packet_add(&sim->writer, message, size)) {
                r = flush(sim);
                if (r < 0)
                        return r;
        }
        ++*counter;
        sim->session++;
        sim->counts[message[0]]++;
        return 1;
}

/* ---- sessions ---- */

static int begin_session(struct simulation *sim) {
        const struct options *options = sim->options;
        int64_t start = options->start_time ? options->start_time : wall_clock();
        int r;

        /* another session for each start, so that nobody takes it for a repetition */
        uint32_t session = sim->sessions ? sim->writer.session + 1 : (uint32_t)(start / 1000000);

        sim->market = market_free(sim->market);
        r = market_new(&sim->market, options->type, options->instruments,
                       options->seed + sim->sessions * SEED_STEP);
        if (r < 0) {
                warnx("no memory for %" PRIu32 " instruments", options->instruments);
                return r;
        }
        packet_init(&sim->writer, options->type->transport, options->type->iextp, session);
        if (sim->server.fd >= 0)
                store_clear(&sim->server.store);
        sim->sessions++;
        sim->session = 0;
        return 0;
}

/* Lets time pass: the schedule's, and the clock's where there is one. */
static int pass(struct simulation *sim, int64_t time) {
        int r = lines_wait(&sim->lines, sim->elapsed + time, &stopped);

        sim->elapsed += time;
        return r;
}

/* Says that the session is over, as often as asked for. Where the protocol has no word for it, it is a
 * heartbeat, which tells how many messages there were. */
static int say_end(struct simulation *sim, unsigned times, int64_t apart) {
        const struct transport *transport = sim->options->type->transport;
        int r = 0;

        for (unsigned i = 0; i < times && r >= 0; i++) {
                r = send_packet(sim, sim->writer.sequence,
                                transport->end ? packet_end(&sim->writer, stamp(sim))
                                               : packet_finish(&sim->writer, stamp(sim)));
                if (r == 0)
                        r = pass(sim, apart);
        }
        return r;
}

/* One line that loses nothing needs no second word, and nothing to tell the end if there is no word for
 * it. */
static unsigned farewells(const struct simulation *sim) {
        const struct options *options = sim->options;

        if (options->to[LINE_B].to_size || options->faults[LINE_A].loss)
                return FAREWELLS;
        return options->type->transport->end != 0;
}

static int end_session(struct simulation *sim) {
        int r;

        market_close(sim->market);
        do
                r = put_message(sim, &sim->closing);
        while (r > 0);
        if (r == 0)
                r = flush(sim);
        if (r == 0)
                r = say_end(sim, farewells(sim), FAREWELL);
        lost_end(&sim->lost);
        return r;
}

static int restart(struct simulation *sim) {
        int64_t before = sim->elapsed;
        int r;

        r = end_session(sim);
        if (r == 0)
                r = pass(sim, PAUSE);
        if (r == 0)
                r = begin_session(sim);
        sim->pauses += sim->elapsed - before;
        return r;
}

/* Begins the next session when this one has had its messages, and lets the market come to rest before
 * that. */
static int look_at_count(struct simulation *sim) {
        const struct options *options = sim->options;
        uint64_t left = options->count ? options->count - sim->messages : UINT64_MAX;

        if (options->restart_every && options->restart_every - sim->session < left)
                left = options->restart_every - sim->session;
        if (left == 0)
                return restart(sim);
        if (left <= MARKET_TURN_MAX)
                market_wind_down(sim->market);
        return 0;
}

static bool has_more(const struct simulation *sim) {
        return !sim->options->count || sim->messages < sim->options->count;
}

/* ---- pacing ---- */

/* Waits for a moment of the schedule, with a heartbeat for each second of silence. */
static int wait_until(struct simulation *sim, int64_t elapsed) {
        int r = 0;

        while (!stopped && sim->last_sent + HEARTBEAT < elapsed) {
                r = lines_wait(&sim->lines, sim->last_sent + HEARTBEAT, &stopped);
                if (r < 0 || stopped)
                        return r;
                sim->elapsed = sim->last_sent + HEARTBEAT;
                r = finish_packet(sim);
                if (r < 0)
                        return r;
        }
        return stopped ? 0 : lines_wait(&sim->lines, elapsed, &stopped);
}

static int send_burst(struct simulation *sim, int64_t end) {
        int r;

        while (has_more(sim) && due(sim, sim->messages) <= end) {
                sim->elapsed = due(sim, sim->messages);
                r = look_at_count(sim);
                if (r == 0)
                        r = put_message(sim, &sim->messages);
                if (r < 0)
                        return r;
                if (sim->elapsed > end)
                        end = sim->elapsed; /* there was a pause */
        }
        sim->elapsed = end;
        return flush(sim);
}

static int run_paced(struct simulation *sim) {
        const int64_t duration = sim->options->duration;
        int r;

        while (!stopped && has_more(sim)) {
                int64_t next = due(sim, sim->messages);
                int64_t end = (next + BURST - 1) / BURST * BURST;

                if (duration && next >= duration)
                        return wait_until(sim, duration);
                r = wait_until(sim, end);
                if (r < 0)
                        return r;
                if (stopped)
                        break;
                r = send_burst(sim, end);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run_unpaced(struct simulation *sim) {
        const int64_t duration = sim->options->duration;
        int r;

        while (!stopped && has_more(sim)) {
                if (duration && sim->elapsed >= duration)
                        break;
                r = look_at_count(sim);
                if (r == 0)
                        r = put_message(sim, &sim->messages);
                if (r < 0)
                        return r;
                look_at_clock(sim);
                if (!sim->lines.live)
                        sim->elapsed += UNPACED_STEP;
        }
        return 0;
}

/* ---- a simulation, from start to summary ---- */

static void summarize(const struct simulation *sim) {
        const struct options *options = sim->options;
        uint64_t dropped = 0;

        for (unsigned i = 0; i < LINES; i++)
                dropped += sim->lines.line[i].sender.dropped;
        fprintf(stderr,
                "mdsim: %" PRIu64 " messages in %" PRIu64 " packets, %" PRIu64
                " heartbeats, %" PRIu64 " dropped by the kernel\n",
                sim->messages + sim->closing, sim->packets - sim->heartbeats, sim->heartbeats,
                dropped);
        fprintf(stderr, "mdsim:");
        for (unsigned type = 0; type <= UINT8_MAX; type++)
                if (sim->counts[type])
                        fprintf(stderr, " %c %" PRIu64, type, sim->counts[type]);
        fprintf(stderr, "\n");
        options_summarize(options, &sim->lines);
        if (sim->lost.gaps || options->to[LINE_B].to_size)
                fprintf(stderr,
                        "mdsim: %" PRIu64 " messages in %" PRIu64 " gaps lost on all lines\n",
                        sim->lost.messages, sim->lost.gaps);
        if (sim->server.fd >= 0)
                fprintf(stderr, "mdsim: %" PRIu64 " requests, %" PRIu64 " answered\n",
                        sim->server.requests, sim->server.answers);
}

/* Under another name first: whoever sees the file sees the whole of it. */
static int write_state_to(const struct simulation *sim, const char *path, const char *draft) {
        FILE *file = fopen(draft, "we");
        int r;

        if (!file)
                return -errno;
        r = state_write(file, sim->market, sim->options->instruments);
        if (fclose(file) == EOF && r == 0)
                r = -errno;
        if (r == 0 && rename(draft, path) < 0)
                r = -errno;
        if (r < 0)
                unlink(draft);
        return r;
}

static int write_state(const struct simulation *sim) {
        const char *path = sim->options->state;
        char *draft;
        int r;

        if (!path)
                return 0;
        if (asprintf(&draft, "%s.new", path) < 0)
                return -ENOMEM;
        r = write_state_to(sim, path, draft);
        if (r < 0) {
                errno = -r;
                warn("cannot write %s", path);
        }
        free(draft);
        return r;
}

static int write_lost(struct simulation *sim) {
        if (!sim->lost.file || fflush(sim->lost.file) == 0)
                return 0;
        warn("cannot write %s", sim->options->lost);
        return -EIO;
}

/* The end goes on being said, for those who still have something to ask for. */
static int linger(struct simulation *sim) {
        int64_t end = sim->elapsed + sim->options->linger;
        int r = 0;

        while (r == 0 && !stopped && sim->elapsed < end)
                r = say_end(sim, 1,
                            end - sim->elapsed < HEARTBEAT ? end - sim->elapsed : HEARTBEAT);
        return r;
}

static int run(struct simulation *sim) {
        int r;

        r = begin_session(sim);
        if (r == 0)
                r = is_paced(sim) ? run_paced(sim) : run_unpaced(sim);
        if (r == 0)
                r = end_session(sim);
        if (r == 0)
                r = lines_drain(&sim->lines, sim->elapsed, &stopped);
        if (r == 0)
                r = write_lost(sim);
        if (r == 0)
                r = write_state(sim);
        if (r == 0)
                r = linger(sim);
        if (r == 0)
                summarize(sim);
        return r;
}

static int open_lost(struct simulation *sim) {
        FILE *file = NULL;

        if (sim->options->lost) {
                file = fopen(sim->options->lost, "we");
                if (!file) {
                        warn("cannot write %s", sim->options->lost);
                        return -EIO;
                }
        }
        lost_begin(&sim->lost, file);
        return 0;
}

static int open_server(struct simulation *sim) {
        const struct sender *at = &sim->options->recovery;
        int r;

        if (!at->to_size || !sim->lines.live)
                return 0;
        r = server_open(&sim->server, at, &sim->writer);
        sim->server.loss = sim->options->recovery_loss;
        sim->server.random.state = ~sim->options->seed; /* of its own */
        sim->lines.idle = idle;
        sim->lines.userdata = sim;
        sim->lines.idle_fd = sim->server.fd;
        return r;
}

int simulation_run(const struct options *options) {
        struct simulation sim = { .options = options, .server = SERVER_NULL };
        int r, closed;

        r = options_open(options, &sim.lines);
        if (r == 0)
                r = open_lost(&sim);
        if (r == 0)
                r = open_server(&sim);
        if (r == 0)
                r = run(&sim);
        server_deinit(&sim.server);
        market_free(sim.market);
        if (sim.lost.file && fclose(sim.lost.file) == EOF && r == 0) {
                r = -errno;
                warn("cannot write %s", options->lost);
        }
        closed = options_close(&sim.lines);
        return r ? r : closed;
}
