/*
 * mdsim: an invented exchange on the network
 *
 * Sends the messages of an invented market (sim/market.h) as IEX-TP over UDP, at a given rate. Message
 * number k is due k/rate seconds after the start, so no delay adds up; what is due within a
 * millisecond goes out together, which fixes the segments, too: with the same options and a given
 * start time, every byte is the same each time.
 */

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/market.h"
#include "sim/packet.h"
#include "sim/sender.h"

#define SECOND    INT64_C(1000000000)
#define BURST     INT64_C(1000000) /* ns */
#define HEARTBEAT SECOND
#define MILLI     1000 /* rates are counted in thousandths of a message per second */

#define DEFAULT_TO          "127.0.0.1:10378"
#define DEFAULT_INSTRUMENTS 100
#define DEFAULT_RATE        1000

/* with a given start time and no rate: a message each microsecond, as far as stamps are concerned */
#define UNPACED_STEP INT64_C(1000)

struct options {
        struct sender to;
        const char *interface;
        int ttl; /* -1: not given */
        uint32_t instruments;
        uint64_t rate; /* in MILLI; 0: as fast as can be */
        uint64_t seed;
        uint64_t count;     /* messages; 0: no end */
        int64_t duration;   /* ns; 0: no end */
        int64_t start_time; /* ns since the epoch; 0: stamps are those of the clock */
};

struct simulation {
        const struct options *options;
        struct market *market;
        struct packet_writer writer;
        struct sender sender;

        int64_t begun;     /* CLOCK_MONOTONIC */
        int64_t elapsed;   /* by the schedule, since then */
        int64_t last_sent; /* the same, of the last packet */

        uint64_t messages;
        uint64_t heartbeats;
        uint64_t counts[UINT8_MAX + 1]; /* messages by type */
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal) {
        (void)signal;
        stopped = 1;
}

static int64_t now(clockid_t clock) {
        struct timespec time;

        clock_gettime(clock, &time);
        return time.tv_sec * SECOND + time.tv_nsec;
}

/* ---- sending ---- */

static int64_t stamp(const struct simulation *sim) {
        if (sim->options->start_time)
                return sim->options->start_time + sim->elapsed;
        return now(CLOCK_REALTIME);
}

static int send_segment(struct simulation *sim) {
        size_t size = packet_finish(&sim->writer, stamp(sim));

        sim->last_sent = sim->elapsed;
        return sender_send(&sim->sender, sim->writer.data, size);
}

static int flush(struct simulation *sim) {
        return sim->writer.count ? send_segment(sim) : 0;
}

/* Puts the next message into a segment. Returns 1; 0 when the market has no more to say. */
static int put_message(struct simulation *sim) {
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
        sim->messages++;
        sim->counts[message[0]]++;
        return 1;
}

static bool has_more(const struct simulation *sim) {
        return !sim->options->count || sim->messages < sim->options->count;
}

/* ---- pacing ---- */

/* When message number `k` (from 0) is due, in ns of the schedule. */
static int64_t due(const struct simulation *sim, uint64_t k) {
        return (int64_t)((unsigned __int128)k * MILLI * SECOND / sim->options->rate);
}

static void sleep_until(const struct simulation *sim, int64_t elapsed) {
        int64_t until = sim->begun + elapsed;
        const struct timespec time = { until / SECOND, until % SECOND };

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL); /* a signal ends it early */
}

/* Waits for a moment of the schedule, with a heartbeat for each second of silence. */
static int wait_until(struct simulation *sim, int64_t elapsed) {
        int r;

        while (!stopped && sim->last_sent + HEARTBEAT < elapsed) {
                sleep_until(sim, sim->last_sent + HEARTBEAT);
                if (stopped)
                        return 0;
                sim->elapsed = sim->last_sent + HEARTBEAT;
                sim->heartbeats++;
                r = send_segment(sim);
                if (r < 0)
                        return r;
        }
        if (!stopped)
                sleep_until(sim, elapsed);
        return 0;
}

static int send_burst(struct simulation *sim, int64_t end) {
        int r;

        while (has_more(sim) && due(sim, sim->messages) <= end) {
                sim->elapsed = due(sim, sim->messages);
                r = put_message(sim);
                if (r < 0)
                        return r;
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
                if (duration && now(CLOCK_MONOTONIC) - sim->begun >= duration)
                        break;
                r = put_message(sim);
                if (r < 0)
                        return r;
                sim->elapsed += UNPACED_STEP;
        }
        return 0;
}

/* ---- a simulation, from start to summary ---- */

static int finish(struct simulation *sim) {
        int r;

        market_close(sim->market);
        do
                r = put_message(sim);
        while (r > 0);
        return r < 0 ? r : flush(sim);
}

static void summarize(const struct simulation *sim) {
        fprintf(stderr,
                "mdsim: %" PRIu64 " messages in %" PRIu64 " packets, %" PRIu64
                " heartbeats, %" PRIu64 " dropped by the kernel\n",
                sim->messages, sim->sender.packets - sim->heartbeats, sim->heartbeats,
                sim->sender.dropped);
        fprintf(stderr, "mdsim:");
        for (unsigned type = 0; type <= UINT8_MAX; type++)
                if (sim->counts[type])
                        fprintf(stderr, " %c %" PRIu64, type, sim->counts[type]);
        fprintf(stderr, "\n");
}

static int run(struct simulation *sim) {
        int64_t start;
        int r;

        start = sim->options->start_time ? sim->options->start_time : now(CLOCK_REALTIME);
        /* another session for each start, so that nobody takes it for a repetition */
        packet_init(&sim->writer, sim->market->type->transport, sim->market->type->iextp,
                    (uint32_t)(start / 1000000));
        sim->begun = now(CLOCK_MONOTONIC);

        r = sim->options->rate ? run_paced(sim) : run_unpaced(sim);
        if (r < 0)
                return r;
        r = finish(sim);
        if (r < 0)
                return r;
        summarize(sim);
        return 0;
}

static void catch_signals(void) {
        const struct sigaction action = { .sa_handler = on_signal };

        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
}

static int simulate(const struct options *options) {
        struct simulation sim = { .options = options, .sender = options->to };
        int r;

        r = market_new(&sim.market, &tops_market, options->instruments, options->seed);
        if (r < 0) {
                errno = -r;
                warn("no memory for %" PRIu32 " instruments", options->instruments);
                return r;
        }
        r = sender_open(&sim.sender, options->interface, options->ttl);
        if (!r)
                r = run(&sim);
        sender_deinit(&sim.sender);
        market_free(sim.market);
        return r;
}

/* ---- options ---- */

static void usage(FILE *file) {
        fprintf(file, "usage: mdsim [--to ADDRESS:PORT] [--interface NAME] [--ttl N]\n"
                      "             [--instruments N] [--rate MESSAGES] [--seed N]\n"
                      "             [--count MESSAGES] [--duration SECONDS] [--start-time NS]\n"
                      "       mdsim --help | --version\n");
}

__attribute__((noreturn)) static void refuse(const char *option, const char *text) {
        fprintf(stderr, "mdsim: --%s: %s is not a number in its range\n", option, text);
        exit(2);
}

static uint64_t parse(const char *option, const char *text, uint64_t min, uint64_t max) {
        uint64_t n;
        char *end;

        errno = 0;
        n = strtoull(text, &end, 10);
        if (errno || end == text || *end || text[0] == '-' || n < min || n > max)
                refuse(option, text);
        return n;
}

/* A decimal, in thousandths. */
static uint64_t parse_milli(const char *option, const char *text, uint64_t max) {
        double n;
        char *end;

        n = strtod(text, &end);
        if (end == text || *end || !(n >= 0 && n <= (double)max))
                refuse(option, text);
        n = n * MILLI + 0.5;
        if (n < 1 && strtod(text, NULL) > 0)
                refuse(option, text); /* finer than thousandths */
        return (uint64_t)n;
}

static void parse_to(struct options *options, const char *to) {
        if (sender_parse(&options->to, to) < 0) {
                fprintf(stderr, "mdsim: --to: %s is not an ADDRESS:PORT in numbers\n", to);
                exit(2);
        }
}

enum {
        OPTION_TO = 1,
        OPTION_INTERFACE,
        OPTION_TTL,
        OPTION_INSTRUMENTS,
        OPTION_RATE,
        OPTION_SEED,
        OPTION_COUNT,
        OPTION_DURATION,
        OPTION_START_TIME,
        OPTION_HELP,
        OPTION_VERSION,
};

static const struct option long_options[] = {
        { "to", required_argument, NULL, OPTION_TO },
        { "interface", required_argument, NULL, OPTION_INTERFACE },
        { "ttl", required_argument, NULL, OPTION_TTL },
        { "instruments", required_argument, NULL, OPTION_INSTRUMENTS },
        { "rate", required_argument, NULL, OPTION_RATE },
        { "seed", required_argument, NULL, OPTION_SEED },
        { "count", required_argument, NULL, OPTION_COUNT },
        { "duration", required_argument, NULL, OPTION_DURATION },
        { "start-time", required_argument, NULL, OPTION_START_TIME },
        { "help", no_argument, NULL, OPTION_HELP },
        { "version", no_argument, NULL, OPTION_VERSION },
        { 0 },
};

static void take_option(struct options *options, int option, const char *name) {
        switch (option) {
        case OPTION_TO:
                parse_to(options, optarg);
                break;
        case OPTION_INTERFACE:
                options->interface = optarg;
                break;
        case OPTION_TTL:
                options->ttl = (int)parse(name, optarg, 0, 255);
                break;
        case OPTION_INSTRUMENTS:
                options->instruments = (uint32_t)parse(name, optarg, 1, MARKET_INSTRUMENTS_MAX);
                break;
        case OPTION_RATE:
                options->rate = parse_milli(name, optarg, 100000000);
                break;
        case OPTION_SEED:
                options->seed = parse(name, optarg, 0, UINT64_MAX);
                break;
        case OPTION_COUNT:
                options->count = parse(name, optarg, 1, UINT64_MAX);
                break;
        case OPTION_DURATION:
                options->duration =
                        (int64_t)parse_milli(name, optarg, 1000000000) * (SECOND / MILLI);
                break;
        case OPTION_START_TIME:
                options->start_time = (int64_t)parse(name, optarg, 1, INT64_MAX / 2);
                break;
        case OPTION_HELP:
                usage(stdout);
                exit(0);
        case OPTION_VERSION:
                printf("mdsim %s\n", MDSHMD_VERSION);
                exit(0);
        default:
                usage(stderr);
                exit(2);
        }
}

int main(int argc, char *argv[]) {
        struct options options = {
                .to = SENDER_NULL,
                .ttl = -1,
                .instruments = DEFAULT_INSTRUMENTS,
                .rate = DEFAULT_RATE * MILLI,
                .seed = 1,
        };
        int option, i = 0;

        parse_to(&options, DEFAULT_TO);
        while ((option = getopt_long(argc, argv, "", long_options, &i)) >= 0)
                take_option(&options, option, long_options[i].name);
        if (optind < argc) {
                usage(stderr);
                return 2;
        }

        catch_signals();
        return simulate(&options) < 0 ? 1 : 0;
}
