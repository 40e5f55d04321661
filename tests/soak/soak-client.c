/*
 * soak-client SOCKET KIND: a reader that checks everything it is given, for as long as it lives
 *
 *      look      reads all places, again and again
 *      follow    every tick, asleep in between
 *      spin      every tick, never asleep
 *      next      what changed, asleep in between
 *      slow      what changed, now and then
 *      one       what changed of one publisher's instruments, by a pattern
 *      guest     registers, looks, leaves, again and again
 *
 * What must hold: each tick of a publisher is whole, of its instrument, and not older than the one before
 * (pattern.h); the numbers of the stream have no hole but those that the library owns up to, over all
 * daemons that write the same segment; no call fails. SIGTERM: it reads on until it has read everything,
 * and ends with status 0, or says what does not hold, with 1.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "pattern.h"

#define INSTRUMENTS 4096 /* indexes that are known by name */
#define WAIT_MS     200
#define PAUSE_US    20000
#define SLOW_US     700000
#define RETRY_US    50000

static struct md_client *client;
static const char *kind;
static volatile sig_atomic_t is_over;

/* What an index stands for; it is asked for once per segment. */
static struct name {
        bool known, ours;
        unsigned publisher;
        uint32_t instrument;
} names[INSTRUMENTS];

/* The newest number of each publisher, instrument and kind; kept over all segments. */
static int64_t newest[PATTERN_PUBLISHERS][PATTERN_INSTRUMENTS][2];

static void on_term(int number) {
        (void)number;
        is_over = 1;
}

__attribute__((format(printf, 1, 2))) _Noreturn static void fail(const char *format, ...) {
        va_list args;

        fprintf(stderr, "soak-client %s, pid %d: ", kind, (int)getpid());
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fprintf(stderr, " (%s)\n", md_error(client));
        exit(EXIT_FAILURE);
}

static struct name *name_of(uint32_t index) {
        static struct name none;
        struct md_instrument instrument;
        struct name *name;

        if (index >= INSTRUMENTS)
                return &none;
        name = &names[index];
        if (name->known)
                return name;
        if (md_instrument(client, index, &instrument) < 0)
                fail("a tick of instrument %u, which there is not", index);
        name->known = true;
        name->ours = pattern_parse(instrument.symbol, &name->publisher, &name->instrument);
        return name;
}

static void check_tick(const struct md_tick *tick) {
        struct name *name;
        int64_t *before;

        if (tick->kind > MD_TRADE || tick->instrument == MD_INSTRUMENT_NONE)
                return;
        name = name_of(tick->instrument);
        if (!name->ours)
                return;
        if (!pattern_is_whole(tick, name->publisher, name->instrument))
                fail("tick %" PRIu64 " of P%u.%02u is torn: kind %u, number %" PRId64 ", %" PRId64
                     " %" PRId64 " %" PRId64 " %" PRId64,
                     tick->seq, name->publisher, name->instrument, tick->kind, tick->ts_event,
                     tick->u.word[0], tick->u.word[1], tick->u.word[2], tick->u.word[3]);
        before = &newest[name->publisher][name->instrument][tick->kind == MD_TRADE];
        if (tick->ts_event < *before)
                fail("tick %" PRIu64 " of P%u.%02u goes back from number %" PRId64 " to %" PRId64,
                     tick->seq, name->publisher, name->instrument, *before, tick->ts_event);
        *before = tick->ts_event;
}

/* ---- what each kind does when it has its turn ---- */

static void look(void) {
        struct md_tick tick;

        for (uint32_t i = 0; i < md_instruments(client); i++) {
                for (unsigned place = 0; place < MD_PLACES; place++) {
                        int r = md_read(client, i, place, &tick);

                        if (r < 0)
                                fail("place %u of instrument %u cannot be read", place, i);
                        if (r)
                                check_tick(&tick);
                }
        }
}

static uint64_t at; /* number of the last tick that was followed or missed */

static void follow(void) {
        struct md_tick tick;
        uint64_t missed;
        int r;

        while ((r = md_follow(client, &tick, &missed)) > 0) {
                at += missed + 1;
                if (tick.seq != at)
                        fail("tick %" PRIu64 " instead of %" PRIu64, tick.seq, at);
                check_tick(&tick);
        }
        if (r < 0)
                fail("md_follow(): %d", r);
        at += missed;
}

static void take_changes(void) {
        struct md_change change;
        int r;

        while ((r = md_next(client, &change)) > 0)
                check_tick(&change.tick);
        if (r < 0)
                fail("md_next(): %d", r);
}

/* ---- life ---- */

static void begin_segment(void) {
        memset(names, 0, sizeof(names));
        at = md_cursor(client) - 1;
}

static void subscribe(void) {
        char pattern[33];
        int r;

        if (strcmp(kind, "one")) {
                r = md_subscribe_all(client);
        } else {
                snprintf(pattern, sizeof(pattern), "P%d.*", (int)getpid() % PATTERN_PUBLISHERS);
                r = md_subscribe_pattern(client, pattern, NULL);
        }
        if (r < 0)
                fail("cannot subscribe");
}

/* Until there is a daemon that takes us; false: SIGTERM. */
static bool begin(void) {
        for (;;) {
                if (md_new(&client) < 0)
                        exit(EXIT_FAILURE);
                md_set_name(client, kind);
                if (md_connect(client, NULL) == 0)
                        break;
                client = md_free(client);
                if (is_over)
                        return false;
                usleep(RETRY_US);
        }
        if (!strcmp(kind, "spin"))
                md_set_spin(client, -1);
        subscribe();
        begin_segment();
        return true;
}

static void wait_for_news(void) {
        int r = md_dispatch(client, WAIT_MS);

        if (r == MD_REMAPPED)
                begin_segment();
        else if (r < 0 && r != -EINTR)
                fail("md_dispatch(): %d", r);
}

static void stay(void (*take)(void), useconds_t pause) {
        if (!begin())
                return;
        while (!is_over) {
                take();
                wait_for_news();
                if (pause)
                        usleep(pause);
        }
        take();
        client = md_free(client);
}

static void come_and_go(void) {
        while (!is_over && begin()) {
                look();
                client = md_free(client);
                usleep(PAUSE_US);
        }
}

int main(int argc, char **argv) {
        static const struct {
                const char *kind;
                void (*take)(void);
                useconds_t pause;
        } kinds[] = {
                { "look", look, PAUSE_US }, { "follow", follow, 0 },
                { "spin", follow, 0 },      { "next", take_changes, 0 },
                { "one", take_changes, 0 }, { "slow", take_changes, SLOW_US },
        };
        const struct sigaction action = { .sa_handler = on_term };

        if (argc != 3)
                return 2;
        setenv("MDSHMD_SOCKET", argv[1], 1);
        kind = argv[2];
        sigaction(SIGTERM, &action, NULL);
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
                if (strcmp(kinds[i].kind, kind))
                        continue;
                stay(kinds[i].take, kinds[i].pause);
                return EXIT_SUCCESS;
        }
        if (strcmp(kind, "guest"))
                return 2;
        come_and_go();
        return EXIT_SUCCESS;
}
