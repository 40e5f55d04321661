/*
 * mdsim: an invented exchange on the network
 *
 * Sends the messages of an invented market (sim/market.h), or the packets of a recording, over UDP: on one
 * line or two, each with faults of its own (sim/lines.h).
 */

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/market.h"
#include "sim/options.h"
#include "sim/replay.h"
#include "sim/simulation.h"

#define DEFAULT_TO          "127.0.0.1:10378"
#define DEFAULT_PROTOCOL    "iex-tops"
#define DEFAULT_INSTRUMENTS 100
#define DEFAULT_RATE        1000

volatile sig_atomic_t stopped;

static void on_signal(int signal) {
        (void)signal;
        stopped = 1;
}

static void catch_signals(void) {
        const struct sigaction action = { .sa_handler = on_signal };

        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
}

/* ---- options ---- */

static void usage(FILE *file) {
        fprintf(file,
                "usage: mdsim [--protocol NAME] [--instruments N] [--rate MESSAGES] [--seed N]\n"
                "             [--count MESSAGES] [--duration SECONDS] [--start-time NS]\n"
                "             [--restart-every MESSAGES] [--state FILE] [--linger SECONDS]\n"
                "             [--recovery ADDRESS:PORT] [--recovery-loss PERCENT] [--lost FILE]\n"
                "             [LINES]\n"
                "       mdsim --from FILE [--speed TIMES|max] [--count PACKETS]\n"
                "             [--duration SECONDS] [--seed N] [--start-time NS] [LINES]\n"
                "       mdsim --help | --version\n"
                "lines: [--to ADDRESS:PORT] [--to-b ADDRESS:PORT] [--interface NAME]\n"
                "       [--interface-b NAME] [--ttl N] [--loss PERCENT] [--duplicate PERCENT]\n"
                "       [--reorder PERCENT] [--delay MS] [--pcap FILE]\n");
}

__attribute__((noreturn, format(printf, 1, 2))) static void refuse(const char *format, ...) {
        va_list args;

        fprintf(stderr, "mdsim: ");
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fprintf(stderr, "\n");
        exit(2);
}

__attribute__((noreturn)) static void refuse_number(const char *option, const char *text) {
        refuse("--%s: %s is not a number in its range", option, text);
}

static uint64_t parse(const char *option, const char *text, uint64_t min, uint64_t max) {
        uint64_t n;
        char *end;

        errno = 0;
        n = strtoull(text, &end, 10);
        if (errno || end == text || *end || text[0] == '-' || n < min || n > max)
                refuse_number(option, text);
        return n;
}

/* A decimal, in `unit`s, none of which it may be finer than; up to the end of the text, or to a comma
 * where *rest is wanted. */
static uint64_t parse_decimal(const char *option, const char *text, double max, double unit,
                              const char **rest) {
        double n;
        char *end;

        n = strtod(text, &end);
        if (end == text || (*end && !(rest && *end == ',')) || !(n >= 0 && n <= max))
                refuse_number(option, text);
        if (rest)
                *rest = *end ? end + 1 : NULL;
        if (n > 0 && n * unit + 0.5 < 1)
                refuse_number(option, text);
        return (uint64_t)(n * unit + 0.5);
}

static uint64_t parse_milli(const char *option, const char *text, uint64_t max) {
        return parse_decimal(option, text, (double)max, MILLI, NULL);
}

static int64_t parse_seconds(const char *option, const char *text) {
        return (int64_t)parse_milli(option, text, 1000000000) * (SECOND / MILLI);
}

/* One value for both lines, or one for each: A,B. */
static void parse_pair(const char *option, const char *text, double max, double unit,
                       uint64_t pair[2]) {
        const char *rest;

        pair[0] = pair[1] = parse_decimal(option, text, max, unit, &rest);
        if (rest)
                pair[1] = parse_decimal(option, rest, max, unit, NULL);
}

static void parse_to(struct sender *sender, const char *option, const char *to) {
        if (sender_parse(sender, to) < 0)
                refuse("--%s: %s is not an ADDRESS:PORT in numbers", option, to);
}

enum {
        OPTION_TO = 1,
        OPTION_TO_B,
        OPTION_INTERFACE,
        OPTION_INTERFACE_B,
        OPTION_TTL,
        OPTION_LOSS,
        OPTION_DUPLICATE,
        OPTION_REORDER,
        OPTION_DELAY,
        OPTION_PCAP,
        OPTION_PROTOCOL,
        OPTION_INSTRUMENTS,
        OPTION_RATE,
        OPTION_SEED,
        OPTION_COUNT,
        OPTION_DURATION,
        OPTION_START_TIME,
        OPTION_RESTART_EVERY,
        OPTION_STATE,
        OPTION_LOST,
        OPTION_LINGER,
        OPTION_RECOVERY,
        OPTION_RECOVERY_LOSS,
        OPTION_FROM,
        OPTION_SPEED,
        OPTION_HELP,
        OPTION_VERSION,
};

#define WITH(name, option)                                                                         \
        { name, required_argument, NULL, option }

static const struct option long_options[] = {
        WITH("to", OPTION_TO),
        WITH("to-b", OPTION_TO_B),
        WITH("interface", OPTION_INTERFACE),
        WITH("interface-b", OPTION_INTERFACE_B),
        WITH("ttl", OPTION_TTL),
        WITH("loss", OPTION_LOSS),
        WITH("duplicate", OPTION_DUPLICATE),
        WITH("reorder", OPTION_REORDER),
        WITH("delay", OPTION_DELAY),
        WITH("pcap", OPTION_PCAP),
        WITH("protocol", OPTION_PROTOCOL),
        WITH("instruments", OPTION_INSTRUMENTS),
        WITH("rate", OPTION_RATE),
        WITH("seed", OPTION_SEED),
        WITH("count", OPTION_COUNT),
        WITH("duration", OPTION_DURATION),
        WITH("start-time", OPTION_START_TIME),
        WITH("restart-every", OPTION_RESTART_EVERY),
        WITH("state", OPTION_STATE),
        WITH("lost", OPTION_LOST),
        WITH("linger", OPTION_LINGER),
        WITH("recovery", OPTION_RECOVERY),
        WITH("recovery-loss", OPTION_RECOVERY_LOSS),
        WITH("from", OPTION_FROM),
        WITH("speed", OPTION_SPEED),
        { "help", no_argument, NULL, OPTION_HELP },
        { "version", no_argument, NULL, OPTION_VERSION },
        { 0 },
};

static const char *name_of(int option) {
        const struct option *known = long_options;

        while (known->val != option)
                known++;
        return known->name;
}

/* Options of the lines. False: it is none of these. */
static bool take_line_option(struct options *options, int option, const char *name) {
        struct line_faults *a = &options->faults[LINE_A], *b = &options->faults[LINE_B];
        const double percent = LINE_ALL / 100.0;
        uint64_t pair[2];

        switch (option) {
        case OPTION_TO:
                parse_to(&options->to[LINE_A], name, optarg);
                return true;
        case OPTION_TO_B:
                parse_to(&options->to[LINE_B], name, optarg);
                return true;
        case OPTION_INTERFACE:
                options->interface[LINE_A] = optarg;
                return true;
        case OPTION_INTERFACE_B:
                options->interface[LINE_B] = optarg;
                return true;
        case OPTION_TTL:
                options->ttl = (int)parse(name, optarg, 0, 255);
                return true;
        case OPTION_LOSS:
                parse_pair(name, optarg, 100, percent, pair);
                a->loss = (uint32_t)pair[0];
                b->loss = (uint32_t)pair[1];
                return true;
        case OPTION_DUPLICATE:
                parse_pair(name, optarg, 100, percent, pair);
                a->duplicates = (uint32_t)pair[0];
                b->duplicates = (uint32_t)pair[1];
                return true;
        case OPTION_REORDER:
                parse_pair(name, optarg, 100, percent, pair);
                a->reorder = (uint32_t)pair[0];
                b->reorder = (uint32_t)pair[1];
                return true;
        case OPTION_DELAY:
                parse_pair(name, optarg, 60000, 1000000, pair);
                a->delay = (int64_t)pair[0];
                b->delay = (int64_t)pair[1];
                return true;
        case OPTION_PCAP:
                options->pcap = optarg;
                return true;
        default:
                return false;
        }
}

static void take_protocol(struct options *options, const char *protocol) {
        options->type = market_find(protocol);
        if (!options->type)
                refuse("--protocol: %s is none of iex-tops, iex-deep, itch50", protocol);
}

static void take_option(struct options *options, int option, const char *name) {
        switch (option) {
        case OPTION_PROTOCOL:
                take_protocol(options, optarg);
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
                options->duration = parse_seconds(name, optarg);
                break;
        case OPTION_START_TIME:
                options->start_time = (int64_t)parse(name, optarg, 1, INT64_MAX / 2);
                break;
        case OPTION_RESTART_EVERY:
                options->restart_every = parse(name, optarg, 1, UINT64_MAX);
                break;
        case OPTION_STATE:
                options->state = optarg;
                break;
        case OPTION_LOST:
                options->lost = optarg;
                break;
        case OPTION_LINGER:
                options->linger = parse_seconds(name, optarg);
                break;
        case OPTION_RECOVERY:
                parse_to(&options->recovery, name, optarg);
                break;
        case OPTION_RECOVERY_LOSS:
                options->recovery_loss =
                        (uint32_t)parse_decimal(name, optarg, 100, LINE_ALL / 100.0, NULL);
                break;
        case OPTION_FROM:
                options->from = optarg;
                break;
        case OPTION_SPEED:
                options->speed = strcmp(optarg, "max") ? parse_milli(name, optarg, 1000000) : 0;
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

/* Options that belong to one of the two forms, by whether it is a recording. */
static void check_form(uint64_t given, bool recording) {
        static const int of_markets[] = { OPTION_PROTOCOL,      OPTION_INSTRUMENTS, OPTION_RATE,
                                          OPTION_RESTART_EVERY, OPTION_STATE,       OPTION_LOST,
                                          OPTION_LINGER,        OPTION_RECOVERY };

        for (size_t i = 0; recording && i < sizeof(of_markets) / sizeof(*of_markets); i++)
                if (given >> of_markets[i] & 1)
                        refuse("--%s: a recording, as --from says, has none",
                               name_of(of_markets[i]));
        if (!recording && given >> OPTION_SPEED & 1)
                refuse("--speed: only a recording has one; say --from, or --rate");
}

static bool is_same_file(const char *a, const char *b) {
        struct stat first, second;

        return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
               first.st_ino == second.st_ino;
}

/* A capture alone needs no place to send to, and then nothing is sent. */
static void settle(struct options *options) {
        if (options->instruments > options->type->instruments_max)
                refuse("--instruments: %s has numbers for %u at most", options->type->protocol,
                       options->type->instruments_max);
        options->silent =
                options->pcap && !options->to[LINE_A].to_size && !options->to[LINE_B].to_size;
        if (!options->to[LINE_A].to_size)
                parse_to(&options->to[LINE_A], "to", DEFAULT_TO);
        if (options->silent && options->linger)
                refuse("--linger: nobody listens to a capture; say --to");
        if (options->from && options->pcap && is_same_file(options->from, options->pcap))
                refuse("--pcap: %s is the recording that --from reads", options->pcap);
        if (options->recovery_loss && !options->recovery.to_size)
                refuse("--recovery-loss: there are no answers without --recovery");
}

int main(int argc, char *argv[]) {
        struct options options = {
                .to = { SENDER_NULL, SENDER_NULL },
                .recovery = SENDER_NULL,
                .ttl = -1,
                .instruments = DEFAULT_INSTRUMENTS,
                .rate = DEFAULT_RATE * MILLI,
                .seed = 1,
                .speed = MILLI,
        };
        uint64_t given = 0; /* a bit for each option */
        int option, i = 0;

        take_protocol(&options, DEFAULT_PROTOCOL);
        while ((option = getopt_long(argc, argv, "", long_options, &i)) >= 0) {
                if (!take_line_option(&options, option, long_options[i].name))
                        take_option(&options, option, long_options[i].name);
                given |= UINT64_C(1) << option;
        }
        if (optind < argc) {
                usage(stderr);
                return 2;
        }
        check_form(given, options.from);
        settle(&options);

        catch_signals();
        return (options.from ? replay_run(&options) : simulation_run(&options)) < 0 ? 1 : 0;
}
