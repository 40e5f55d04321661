/*
 * A crowd of clients that stay while their daemon comes and goes; test-restart tells it what to look for
 *
 *      crowd SOCKET FOLLOWERS SLEEPERS [MILLISECONDS]
 *
 * Followers take every tick, sleepers wait for trades and for what is said of feeds. A publisher sends
 * trades numbered 1, 2, 3, ... on the feed "own", one in so many milliseconds, or two, and whoever gets one
 * holds its number against the one before. Commands come line by line on standard input; each is answered, when it has come true, by a line
 * that begins with "ok", or by one that says what is wrong.
 *
 *      passed N        each feed has passed to another daemon N times, and was live again as often: each
 *                      client has seen all of that, nobody has registered again, and no tick is missing
 *      more N          so many more sleepers come
 *      lenient         from now on they may have to
 *      settled         whoever had to has registered again, and everybody gets ticks
 *      remapped        so has everybody, and found another segment
 *      ended           everybody sees that there is no daemon
 *      end             the crowd goes
 */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mdclient.h"

#define CLIENTS_MAX 4096
#define FEEDS       2
#define TRIES       20
#define PATIENCE_MS 600000

struct client {
        _Atomic uint64_t ticks;         /* it was given */
        _Atomic uint32_t passed[FEEDS]; /* 'D' of that feed */
        _Atomic uint32_t live[FEEDS];   /* 'L' */
        _Atomic uint64_t reconnects;
        _Atomic uint32_t remapped;
        _Atomic bool connected;
        _Atomic int64_t pause; /* ns; the longest between two ticks, since the last command */
        _Atomic bool wrong;
        char what[200];
};

static struct board {
        _Atomic unsigned ready;
        _Atomic bool lenient; /* they may have to register again */
        _Atomic uint64_t published;
        _Atomic bool publisher_wrong;
        char publisher_what[200];
        struct client client[CLIENTS_MAX];
} * board;

static unsigned n_clients;

static int64_t now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- a client ---- */

static uint64_t last_trade;
static int64_t last_time;

__attribute__((format(printf, 2, 3))) static void wrong(struct client *me, const char *format,
                                                        ...) {
        va_list args;

        if (atomic_load(&me->wrong))
                return;
        va_start(args, format);
        vsnprintf(me->what, sizeof(me->what), format, args);
        va_end(args);
        atomic_store(&me->wrong, true);
}

/* D and L follow one another, where each time it is waited for. */
static void take_event(struct client *me, const struct md_system *system) {
        uint32_t passed, live;

        if (system->feed >= FEEDS)
                return;
        passed = atomic_load(&me->passed[system->feed]);
        live = atomic_load(&me->live[system->feed]);
        if (system->event == 'D') {
                if (passed != live && !atomic_load(&board->lenient))
                        wrong(me, "feed %u passed on twice", system->feed);
                atomic_store(&me->passed[system->feed], passed + 1);
        } else if (system->event == 'L') {
                if (passed != live + 1 && !atomic_load(&board->lenient))
                        wrong(me, "feed %u is live without having passed on", system->feed);
                atomic_store(&me->live[system->feed], live + 1);
        }
}

/* Trades of the feed "own" are numbered. */
static void take_trade(struct md_client *client, struct client *me, const struct md_tick *tick) {
        struct md_instrument instrument;
        struct md_feed feed;
        uint64_t id = (uint64_t)tick->u.trade.trade_id;

        if (md_instrument(client, tick->instrument, &instrument) < 0 ||
            md_feed(client, instrument.feed, &feed) < 0 || strcmp(feed.name, "own"))
                return;
        if (last_trade && id != last_trade + 1)
                wrong(me, "trade %llu came after trade %llu", (unsigned long long)id,
                      (unsigned long long)last_trade);
        last_trade = id;
}

static void take_tick(struct md_client *client, struct client *me, const struct md_tick *tick) {
        int64_t now = now_ns();

        if (last_time && now - last_time > atomic_load(&me->pause))
                atomic_store(&me->pause, now - last_time);
        last_time = now;
        if (tick->kind == MD_SYSTEM)
                take_event(me, &tick->u.system);
        else if (tick->kind == MD_TRADE)
                take_trade(client, me, tick);
        atomic_fetch_add(&me->ticks, 1);
}

static void follow(struct md_client *client, struct client *me) {
        static uint64_t last;
        struct md_tick tick;
        uint64_t missed;
        int r;

        while ((r = md_follow(client, &tick, &missed)) > 0) {
                if (missed || (last && tick.seq != last + 1))
                        wrong(me, "tick %llu came after tick %llu, and %llu were missed",
                              (unsigned long long)tick.seq, (unsigned long long)last,
                              (unsigned long long)missed);
                last = tick.seq;
                take_tick(client, me, &tick);
        }
        if (r < 0)
                wrong(me, "md_follow: %s", md_error(client));
}

static void take_changes(struct md_client *client, struct client *me) {
        struct md_change change;
        int r;

        while ((r = md_next(client, &change)) > 0) {
                if (change.missed)
                        wrong(me, "%llu ticks were missed", (unsigned long long)change.missed);
                take_tick(client, me, &change.tick);
        }
        if (r < 0)
                wrong(me, "md_next: %s", md_error(client));
}

static void look_at_health(struct md_client *client, struct client *me) {
        struct md_health health;

        if (md_health(client, &health) < 0) {
                wrong(me, "md_health: %s", md_error(client));
                return;
        }
        atomic_store(&me->reconnects, health.reconnects);
        atomic_store(&me->connected, health.connected);
}

static void be_client(unsigned index, const char *socket, bool follower) {
        struct client *me = &board->client[index];
        struct md_client *client;
        char name[24];
        int r;

        snprintf(name, sizeof(name), "%s-%u", follower ? "follower" : "sleeper", index);
        if (md_new(&client) < 0)
                _exit(1);
        md_set_name(client, name);
        /* one that gets no processor between two words of its own is taken for one that has none */
        for (unsigned i = 0; (r = md_connect(client, socket)) < 0 && i < TRIES; i++)
                ;
        if (r < 0 || md_subscribe_all(client) < 0 ||
            (!follower && md_subscribe_kinds(client, 1u << MD_TRADE | 1u << MD_SYSTEM) < 0)) {
                fprintf(stderr, "%s: %s\n", name, md_error(client));
                _exit(1);
        }
        look_at_health(client, me);
        atomic_fetch_add(&board->ready, 1);
        for (;;) {
                /* for ever: nothing but a wake brings it back */
                r = md_dispatch(client, atomic_load(&board->lenient) ? 100 : -1);
                if (r == MD_REMAPPED) {
                        atomic_fetch_add(&me->remapped, 1);
                        _exit(0);
                }
                if (r < 0)
                        wrong(me, "md_dispatch: %s", md_error(client));
                if (follower)
                        follow(client, me);
                else
                        take_changes(client, me);
                look_at_health(client, me);
        }
}

/* ---- the publisher ---- */

static void publisher_fails(struct md_publisher *publisher, int r) {
        snprintf(board->publisher_what, sizeof(board->publisher_what), "the publisher: %d: %s", r,
                 md_publisher_error(publisher));
        atomic_store(&board->publisher_wrong, true);
        _exit(0);
}

static void be_publisher(const char *socket, unsigned ms) {
        struct md_instrument instrument = { .symbol = "OWN" };
        struct md_publisher *publisher;
        int64_t id = 0;
        uint32_t handle;
        int r;

        if (md_publisher_new(&publisher) < 0)
                _exit(1);
        r = md_publisher_connect(publisher, socket, "own");
        if (r == 0)
                r = md_publisher_define(publisher, &instrument, &handle);
        if (r < 0) {
                fprintf(stderr, "publisher: %s\n", md_publisher_error(publisher));
                _exit(1);
        }
        atomic_fetch_add(&board->ready, 1);
        for (;;) {
                r = md_publisher_trade(publisher, handle, 0, (id + 1) * INT64_C(1000000000), 1,
                                       id + 1, id + 1);
                if (r == 0)
                        atomic_store(&board->published, (uint64_t)++id);
                else if (r == -EAGAIN)
                        r = md_publisher_wait(publisher, -1);
                if (r < 0)
                        publisher_fails(publisher, r);
                usleep(ms * 1000);
        }
}

/* ---- commands ---- */

/* Whether that is so of a client. */
typedef bool condition(const struct client *client, uint64_t n);

static bool has_passed(const struct client *client, uint64_t n) {
        for (unsigned feed = 0; feed < FEEDS; feed++)
                if (atomic_load(&client->passed[feed]) < n || atomic_load(&client->live[feed]) < n)
                        return false;
        return true;
}

static bool is_connected(const struct client *client, uint64_t n) {
        (void)n;
        return atomic_load(&client->connected);
}

static bool has_more_ticks(const struct client *client, uint64_t n) {
        return atomic_load(&client->connected) && atomic_load(&client->ticks) > n;
}

static bool has_remapped(const struct client *client, uint64_t n) {
        (void)n;
        return atomic_load(&client->remapped) > 0;
}

static bool has_no_daemon(const struct client *client, uint64_t n) {
        (void)n;
        return !atomic_load(&client->connected);
}

static pid_t child(void) {
        pid_t pid = fork();

        if (pid == 0)
                prctl(PR_SET_PDEATHSIG, SIGKILL);
        return pid;
}

/* So many more, who are there then; false: one of them could not, and that has been said. */
static bool add_clients(const char *socket, unsigned followers, unsigned sleepers) {
        unsigned first = n_clients;

        if (sleepers > CLIENTS_MAX - first || followers > CLIENTS_MAX - first - sleepers)
                return puts("that is too many"), false;
        n_clients += followers + sleepers;
        for (unsigned i = first; i < n_clients; i++)
                if (child() == 0)
                        be_client(i, socket, i < first + followers);
        while (atomic_load(&board->ready) < n_clients + 1) {
                if (waitpid(-1, NULL, WNOHANG) > 0)
                        return puts("a client cannot connect"), false;
                usleep(1000);
        }
        return true;
}

/* Something that must not be: the sentence is said. */
static bool complained(void) {
        for (unsigned i = 0; i < n_clients; i++) {
                if (!atomic_load(&board->client[i].wrong))
                        continue;
                printf("client %u: %s\n", i, board->client[i].what);
                return true;
        }
        if (!atomic_load(&board->publisher_wrong) || atomic_load(&board->lenient))
                return false;
        printf("%s\n", board->publisher_what);
        return true;
}

/* Waits until it is so of each client; false: it never was, and that has been said. */
static bool await(condition *holds, uint64_t n, const char *what) {
        int64_t end = now_ns() + PATIENCE_MS * INT64_C(1000000);

        for (unsigned i = 0; i < n_clients;) {
                if (complained())
                        return false;
                if (holds(&board->client[i], n)) {
                        i++;
                        continue;
                }
                if (now_ns() > end) {
                        printf("client %u waits in vain: %s\n", i, what);
                        return false;
                }
                usleep(1000);
        }
        return true;
}

static void passed(uint64_t n) {
        uint64_t reconnects = 0, published = atomic_load(&board->published);
        int64_t pause = 0;

        if (!await(has_passed, n, "for its feeds to pass on, and to be live again"))
                return;
        for (unsigned i = 0; i < n_clients; i++) {
                reconnects += atomic_load(&board->client[i].reconnects);
                if (atomic_load(&board->client[i].pause) > pause)
                        pause = atomic_load(&board->client[i].pause);
                atomic_store(&board->client[i].pause, 0);
        }
        if (reconnects)
                printf("%llu clients have registered again\n", (unsigned long long)reconnects);
        else
                printf("ok %lld ms without a tick, at the longest; %llu trades were published\n",
                       (long long)pause / 1000000, (unsigned long long)published);
}

static void settled(void) {
        uint64_t most = 0;
        unsigned n = 0;

        if (!await(is_connected, 0, "for a connection"))
                return;
        for (unsigned i = 0; i < n_clients; i++)
                if (atomic_load(&board->client[i].ticks) > most)
                        most = atomic_load(&board->client[i].ticks);
        if (!await(has_more_ticks, most, "for ticks"))
                return;
        for (unsigned i = 0; i < n_clients; i++)
                n += atomic_load(&board->client[i].reconnects) > 0;
        printf("ok %u\n", n);
}

static void command(const char *line, const char *socket) {
        unsigned long long n;

        if (sscanf(line, "passed %llu", &n) == 1) {
                passed(n);
        } else if (sscanf(line, "more %llu", &n) == 1) {
                if (add_clients(socket, 0, (unsigned)n))
                        puts("ok");
        } else if (!strcmp(line, "settled\n")) {
                settled();
        } else if (!strcmp(line, "lenient\n")) {
                atomic_store(&board->lenient, true);
                puts("ok");
        } else if (!strcmp(line, "remapped\n")) {
                if (await(has_remapped, 0, "for another segment"))
                        puts("ok");
        } else if (!strcmp(line, "ended\n")) {
                if (await(has_no_daemon, 0, "for the end"))
                        puts("ok");
        } else {
                printf("there is no such command: %s", line);
        }
}

int main(int argc, char **argv) {
        char line[100];

        if (argc != 4 && argc != 5)
                return 2;
        setvbuf(stdout, NULL, _IOLBF, 0);
        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
        if (board == MAP_FAILED)
                return 1;
        if (child() == 0)
                be_publisher(argv[1], argc > 4 ? (unsigned)atoi(argv[4]) : 2);
        while (atomic_load(&board->ready) < 1 && waitpid(-1, NULL, WNOHANG) == 0)
                usleep(1000);
        if (!add_clients(argv[1], (unsigned)atoi(argv[2]), (unsigned)atoi(argv[3])))
                return 1;
        puts("ok");
        while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n"))
                command(line, argv[1]);
        return 0; /* and with it all of them */
}
