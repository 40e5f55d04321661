/*
 * mdctl: what mdshmd has, and how it does
 *
 * Options may stand before or after the command. Everything that is wrong with the command line is
 * said before anything is connected to; the status is then 2.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "fields.h"
#include "mdctl.h"
#include "wire/conn.h"

#define EXIT_USAGE 2

enum {
        TAKES_ALL = 1 << 0,   /* --all */
        TAKES_KIND = 1 << 1,  /* --kind */
        TAKES_COUNT = 1 << 2, /* --count */
        PLACES_ONLY = 1 << 3, /* only kinds that have a place in the table */
        CONTROLS = 1 << 4,    /* speaks to the daemon by itself, and reads nothing */
        TAKES_PACE = 1 << 6,  /* --rate, --loop */
        TAKES_LINES = 1 << 7, /* --lines */
        STAYS = 1 << 5,       /* on a terminal, waits for another daemon when this one goes */
};

struct command {
        const char *name;
        int (*run)(struct mdctl *mdctl);
        unsigned flags;
        size_t min_args, max_args;
        const char *args;
        const char *text;
};

static const struct command commands[] = {
        { "status", command_status, 0, 0, 0, "", "how the daemon does" },
        { "feeds", command_feeds, TAKES_LINES, 0, 0, "[--lines]",
          "where the ticks come from, and how that goes" },
        { "clients", command_clients, CONTROLS, 0, 0, "", "who is connected, and who lags" },
        { "counters", command_counters, TAKES_ALL, 0, 0, "[--all]", "all that is counted" },
        { "list", command_list, 0, 0, SIZE_MAX, "[PATTERN...]", "the instruments" },
        { "get", command_get, TAKES_KIND | PLACES_ONLY, 1, SIZE_MAX, "[--kind=KIND,...] PATTERN...",
          "everything about some instruments" },
        { "book", command_book, 0, 1, 1, "SYMBOL", "the levels of its book" },
        { "watch", command_watch, STAYS, 0, SIZE_MAX, "[PATTERN...]",
          "the newest quotes and trades, live" },
        { "ticks", command_ticks, TAKES_KIND | TAKES_COUNT, 0, SIZE_MAX,
          "[--kind=KIND,...] [--count=N] [PATTERN...]", "every tick, live" },
        { "dump", command_dump, 0, 0, SIZE_MAX, "[PATTERN...]", "a line for each instrument" },
        { "publish", command_publish, CONTROLS | TAKES_PACE, 1, 2,
          "[--rate=N] [--loop] FEED [FILE]", "put the rows of a CSV or JSON lines file on a feed" },
        { "reload", command_reload, CONTROLS, 0, 0, "", "have the daemon read its config again" },
        { "save", command_save, 0, 1, 1, "FILE", "write all of it to a file, for --segment" },
};

static void print_help(void) {
        printf("Usage: mdctl [-s SOCKET | -i NAME | -f FILE] [--format=FORMAT] COMMAND [ARGUMENT...]\n\n"
               "Shows what mdshmd has, and how it does.\n\n");
        for (size_t i = 0; i < N_ELEMENTS(commands); i++)
                printf("  %s%s%s\n        %s\n", commands[i].name, *commands[i].args ? " " : "",
                       commands[i].args, commands[i].text);
        printf("\nA PATTERN is a symbol or SYMBOL@VENUE, and may hold * ? [...].\n\n"
               "  -s, --socket=PATH      the daemon's socket\n"
               "  -i, --instance=NAME    the daemon of that name, one of several\n"
               "  -f, --segment=PATH     a saved segment, instead of a daemon\n"
               "      --format=FORMAT    table, plain, csv or json\n"
               "  -h, --help             this\n"
               "      --version          the version\n");
}

static int fail_usage(void) {
        fputs("Try 'mdctl --help'.\n", stderr);
        return EXIT_USAGE;
}

/* ---- options ---- */

static int parse_format(struct mdctl *mdctl, const char *text) {
        static const char *const names[] = {
                [OUTPUT_TABLE] = "table",
                [OUTPUT_PLAIN] = "plain",
                [OUTPUT_CSV] = "csv",
                [OUTPUT_JSON] = "json",
        };

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                if (strcmp(text, names[i]))
                        continue;
                mdctl->format = (enum output_format)i;
                mdctl->terminal = false;
                return 0;
        }
        complain("there is no format '%s'; there are table, plain, csv, json", text);
        return -EINVAL;
}

static int parse_instance(struct mdctl *mdctl, const char *name) {
        if (!*name || strchr(name, '/')) {
                complain("'%s' is no instance's name; for a path, there is --socket", name);
                return -EINVAL;
        }
        conn_instance_path(mdctl->path, sizeof(mdctl->path), name);
        mdctl->socket = mdctl->path;
        return 0;
}

/* A bit for the kind whose name are the n bytes at `text`, 0 if there is none. */
static uint32_t find_kind(const char *text, size_t n) {
        for (unsigned kind = 0; kind < FIELDS_KINDS; kind++) {
                const char *name = md_kind_name(kind);

                if (fields_kinds() >> kind & 1 && strlen(name) == n && !memcmp(name, text, n))
                        return UINT32_C(1) << kind;
        }
        return 0;
}

static int parse_kinds(struct mdctl *mdctl, const char *text) {
        uint32_t kinds = 0, kind;
        size_t n;

        do {
                n = strcspn(text, ",");
                kind = find_kind(text, n);
                if (!kind) {
                        fprintf(stderr, "mdctl: there is no kind '%.*s'; there are", (int)n, text);
                        for (unsigned i = 0; i < FIELDS_KINDS; i++)
                                if (fields_kinds() >> i & 1)
                                        fprintf(stderr, " %s", md_kind_name(i));
                        putc('\n', stderr);
                        return -EINVAL;
                }
                kinds |= kind;
                text += n;
        } while (*text++);
        mdctl->kinds = kinds;
        return 0;
}

static int parse_count(struct mdctl *mdctl, const char *text) {
        char *end;

        errno = 0;
        mdctl->count = strtoull(text, &end, 10);
        if (*text >= '0' && *text <= '9' && !*end && !errno && mdctl->count)
                return 0;
        complain("'%s' is no number of ticks", text);
        return -EINVAL;
}

static int parse_rate(struct mdctl *mdctl, const char *text) {
        char *end;

        mdctl->rate = strtod(text, &end);
        if (end != text && !*end && mdctl->rate > 0 && mdctl->rate <= 1e9)
                return 0;
        complain("'%s' is no number of rows per second", text);
        return -EINVAL;
}

enum {
        OPTION_FORMAT = 256,
        OPTION_ALL,
        OPTION_KIND,
        OPTION_COUNT,
        OPTION_RATE,
        OPTION_LOOP,
        OPTION_LINES,
        OPTION_VERSION
};

enum { OPTIONS_DONE = 1 };

/* Reads the options, and moves them before the arguments. *taken are the TAKES_... of those that not
 * every command has. OPTIONS_DONE: they asked for words, which have been said. */
static int parse_options(struct mdctl *mdctl, int argc, char **argv, unsigned *taken) {
        static const struct option options[] = {
                { "socket", required_argument, NULL, 's' },
                { "instance", required_argument, NULL, 'i' },
                { "segment", required_argument, NULL, 'f' },
                { "rate", required_argument, NULL, OPTION_RATE },
                { "loop", no_argument, NULL, OPTION_LOOP },
                { "lines", no_argument, NULL, OPTION_LINES },
                { "format", required_argument, NULL, OPTION_FORMAT },
                { "all", no_argument, NULL, OPTION_ALL },
                { "kind", required_argument, NULL, OPTION_KIND },
                { "count", required_argument, NULL, OPTION_COUNT },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { NULL },
        };
        int option, r = 0;

        while (r == 0 && (option = getopt_long(argc, argv, "s:i:f:h", options, NULL)) >= 0) {
                switch (option) {
                case 's':
                        mdctl->socket = optarg;
                        break;
                case 'i':
                        r = parse_instance(mdctl, optarg);
                        break;
                case 'f':
                        mdctl->file = optarg;
                        break;
                case OPTION_FORMAT:
                        r = parse_format(mdctl, optarg);
                        break;
                case OPTION_ALL:
                        mdctl->all = true;
                        *taken |= TAKES_ALL;
                        break;
                case OPTION_KIND:
                        r = parse_kinds(mdctl, optarg);
                        *taken |= TAKES_KIND;
                        break;
                case OPTION_COUNT:
                        r = parse_count(mdctl, optarg);
                        *taken |= TAKES_COUNT;
                        break;
                case OPTION_RATE:
                        r = parse_rate(mdctl, optarg);
                        *taken |= TAKES_PACE;
                        break;
                case OPTION_LOOP:
                        mdctl->loop = true;
                        *taken |= TAKES_PACE;
                        break;
                case OPTION_LINES:
                        mdctl->lines = true;
                        *taken |= TAKES_LINES;
                        break;
                case 'h':
                        print_help();
                        return OPTIONS_DONE;
                case OPTION_VERSION:
                        printf("mdctl %s\n", MDSHMD_VERSION);
                        return OPTIONS_DONE;
                default:
                        r = -EINVAL;
                }
        }
        return r;
}

/* ---- the command ---- */

static const struct command *find_command(const char *name) {
        for (size_t i = 0; i < N_ELEMENTS(commands); i++)
                if (!strcmp(name, commands[i].name))
                        return &commands[i];
        complain("there is no command '%s'", name);
        return NULL;
}

static const char *option_name(unsigned option) {
        return option & TAKES_ALL     ? "--all"
               : option & TAKES_KIND  ? "--kind"
               : option & TAKES_PACE  ? "--rate or --loop"
               : option & TAKES_LINES ? "--lines"
                                      : "--count";
}

/* Whether the command has use for these options and arguments. */
static bool check_usage(const struct command *command, unsigned taken, const struct mdctl *mdctl) {
        if (taken & ~command->flags)
                complain("'%s' has no option %s", command->name,
                         option_name(taken & ~command->flags));
        else if (command->flags & PLACES_ONLY && taken & TAKES_KIND && mdctl->kinds >> MD_PLACES)
                complain("'%s' has no ticks of that kind: they are in the stream only, see 'ticks'",
                         command->name);
        else if (mdctl->n_args < command->min_args || mdctl->n_args > command->max_args)
                complain("usage: mdctl %s%s%s", command->name, *command->args ? " " : "",
                         command->args);
        else if (mdctl->file && command->flags & CONTROLS)
                complain("'%s' is a question for a daemon, not for a file", command->name);
        else if (mdctl->file && mdctl->socket)
                complain("a socket or a file, not both");
        else
                return true;
        return false;
}

static int connect_reader(struct mdctl *mdctl, const struct command *command) {
        char name[32];
        int r;

        r = md_new(&mdctl->client);
        if (r < 0) {
                complain("%s", strerror(-r));
                return r;
        }
        snprintf(name, sizeof(name), "mdctl-%s", command->name);
        md_set_name(mdctl->client, name);
        md_set_reconnect(mdctl->client, mdctl->terminal && command->flags & STAYS);
        r = mdctl->file ? md_open_file(mdctl->client, mdctl->file)
                        : md_connect(mdctl->client, mdctl->socket);
        return r < 0 ? complain_client(mdctl, r) : 0;
}

static void init(struct mdctl *mdctl) {
        const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
        bool table = isatty(STDOUT_FILENO), able = table && term && strcmp(term, "dumb");

        *mdctl = (struct mdctl){
                .format = table ? OUTPUT_TABLE : OUTPUT_PLAIN,
                .terminal = able,
                .output_flags = able && !(no_colour && *no_colour) ? OUTPUT_COLOUR : 0,
                .kinds = fields_kinds(),
        };
}

/* What --help and --version end with. */
static int end_words(void) {
        if (!fflush(stdout))
                return EXIT_SUCCESS;
        complain("cannot write: %s", strerror(errno));
        return EXIT_FAILURE;
}

/* A standard descriptor that we were started without must not become our socket. Writing to what
 * stands there instead fails. */
static void fill_standard_descriptors(void) {
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
                        abort();
}

int main(int argc, char **argv) {
        const struct command *command;
        struct mdctl mdctl;
        unsigned taken = 0;
        int r;

        fill_standard_descriptors();
        init(&mdctl);
        r = parse_options(&mdctl, argc, argv, &taken);
        if (r < 0)
                return fail_usage();
        if (r == OPTIONS_DONE)
                return end_words();
        if (optind == argc) {
                complain("which command?");
                return fail_usage();
        }
        command = find_command(argv[optind]);
        mdctl.args = argv + optind + 1;
        mdctl.n_args = (size_t)(argc - optind - 1);
        if (!command || !check_usage(command, taken, &mdctl))
                return fail_usage();

        r = command->flags & CONTROLS ? 0 : connect_reader(&mdctl, command);
        if (r == 0)
                r = command->run(&mdctl);
        md_free(mdctl.client);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
