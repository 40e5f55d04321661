/*
 * Two lines with random faults against the stream as it was sent
 *
 * A session is sent on two lines, which cut it into packets each in its own way, lose some, double some,
 * and delay all of them differently. What was lost on both is known, because it was chosen here. So
 * what the arbiter makes of the arrivals can be held against that: the same messages in order, each once,
 * and a gap for each row of messages that both lines lack, and for no other.
 *
 * $MDSHMD_LONG: a hundred times as many sessions.
 */

#include "arbiter-try.h"

#define MESSAGES 4000 /* of a session */
#define EVENTS   32768

/* How bad the lines are, in thousandths and nanoseconds. */
struct weather {
        unsigned loss, twice;
        int64_t delay[2]; /* of all packets of a line */
        int64_t jitter;   /* more, up to that: packets overtake each other */
        int64_t late;     /* second copies come up to so much later */
        unsigned cut[2];  /* at most so many messages to a packet */
};

struct arrival {
        int64_t at;
        uint32_t order; /* of making, where times are the same */
        unsigned line;
        struct sent sent;
};

struct world {
        struct trial trial; /* the first member: the ops' userdata */
        uint64_t random;
        struct arrival *events;
        size_t n_events;
        int64_t first[MESSAGES + 2]; /* when a message first arrived; 0: never */
        int64_t wait_max;            /* that any message waited */
        int64_t latency;             /* of answers; 0: nobody answers */
        uint64_t session;
        int64_t start;
};

static uint64_t draw(struct world *world) {
        world->random ^= world->random << 13;
        world->random ^= world->random >> 7;
        world->random ^= world->random << 17;
        return world->random;
}

static uint64_t below(struct world *world, uint64_t n) {
        return n ? draw(world) % n : 0;
}

static bool happens(struct world *world, unsigned thousandths) {
        return below(world, 1000) < thousandths;
}

/* ---- the stream that comes out ---- */

static void world_packet(void *userdata, const struct packet *packet, struct framed *framed,
                         uint32_t skip) {
        struct world *world = userdata;
        uint64_t number = framed->sequence + skip;

        for (uint64_t n = number; n < framed->sequence + framed->count; n++) {
                int64_t wait;

                assert_true(n <= MESSAGES && world->first[n]); /* it was sent, and has arrived */
                wait = world->trial.now - world->first[n];
                if (wait > world->wait_max)
                        world->wait_max = wait;
        }
        trial_packet(userdata, packet, framed, skip);
}

static int by_time(const void *a, const void *b) {
        const struct arrival *x = a, *y = b;

        if (x->at != y->at)
                return x->at < y->at ? -1 : 1;
        return x->order < y->order ? -1 : 1;
}

static void add(struct world *world, int64_t at, unsigned line, const struct sent *sent) {
        assert_true(world->n_events < EVENTS);
        world->events[world->n_events] =
                (struct arrival){ at, (uint32_t)world->n_events, line, *sent };
        world->n_events++;
}

/* Whoever is asked answers with one packet, some time later. */
static void world_ask(void *userdata, uint64_t session, uint64_t first, uint64_t n) {
        struct world *world = userdata;
        struct sent answer = {
                .session = session,
                .sequence = first,
                .count = (uint32_t)(n < 20 ? n : 20),
        };

        trial_ask(userdata, session, first, n);
        if (!world->latency || first + answer.count > MESSAGES + 1)
                return;
        add(world, world->trial.now + world->latency, ARBITER_LINE_RECOVERY, &answer);
        qsort(world->events, world->n_events, sizeof(*world->events), by_time);
}

static const struct arbiter_ops world_ops = {
        .packet = world_packet,
        .join = trial_join,
        .gap = trial_gap,
        .reset = trial_reset,
        .ask = world_ask,
};

/* ---- the lines ---- */

/* Sends the session on a line; `here` says which messages arrive at all. */
static void send_line(struct world *world, unsigned line, const struct weather *weather,
                      bool here[MESSAGES + 2]) {
        struct sent sent = { .session = world->session, .sequence = 1 };

        while (sent.sequence <= MESSAGES) {
                uint64_t left = MESSAGES + 1 - sent.sequence;
                int64_t at;

                sent.count = (uint32_t)(1 + below(world, weather->cut[line]));
                if (sent.count > left)
                        sent.count = (uint32_t)left;
                sent.sent = world->start + (int64_t)sent.sequence * 10000;
                at = sent.sent + weather->delay[line] +
                     (int64_t)below(world, (uint64_t)weather->jitter + 1);
                if (!happens(world, weather->loss)) {
                        add(world, at, line, &sent);
                        for (uint64_t n = 0; n < sent.count; n++)
                                here[sent.sequence + n] = true;
                        if (happens(world, weather->twice))
                                add(world, at + (int64_t)below(world, (uint64_t)weather->late + 1),
                                    line, &sent);
                }
                sent.sequence += sent.count;
        }
        /* a heartbeat of each line tells of what is missing at the end */
        sent.count = 0;
        sent.sent += 1000;
        add(world, sent.sent + weather->delay[line] + weather->jitter + weather->late, line, &sent);
}

/* One packet of them. It is copied first: whoever is asked adds to the row. */
static void arrive(struct world *world, size_t i) {
        const struct arrival arrival = world->events[i];

        if (arrival.at > world->trial.now)
                world->trial.now = arrival.at;
        for (uint64_t n = 0; n < arrival.sent.count; n++)
                if (!world->first[arrival.sent.sequence + n])
                        world->first[arrival.sent.sequence + n] = world->trial.now;
        arrives(&world->trial, arrival.line, &arrival.sent);
}

/* Packets and the arbiter's own moments, in the order of time, until nothing is left to happen. */
static void arrive_all(struct world *world) {
        size_t i = 0;
        int64_t due;

        qsort(world->events, world->n_events, sizeof(*world->events), by_time);
        for (;;) {
                due = arbiter_deadline(&world->trial.arbiter);
                if (i < world->n_events && world->events[i].at <= due)
                        arrive(world, i++);
                else if (due != ARBITER_NEVER)
                        passes(&world->trial, due - world->trial.now);
                else
                        break;
        }
}

/* ---- what must come out ---- */

struct truth {
        uint64_t lost, gaps; /* behind the first message that arrived */
        uint64_t joined;
};

static struct truth truth_of(const bool a[MESSAGES + 2], const bool b[MESSAGES + 2]) {
        struct truth truth = { .joined = 1 };
        uint64_t n = 1;

        while (n <= MESSAGES && !a[n] && !b[n])
                n++;
        truth.joined = n;
        for (; n <= MESSAGES; n++) {
                if (a[n] || b[n])
                        continue;
                truth.lost++;
                truth.gaps += a[n - 1] || b[n - 1];
        }
        return truth;
}

static void world_init(struct world *world, uint64_t seed, int64_t recovery, size_t window) {
        const struct arbiter_params params = { HOLE, recovery, window };
        struct arrival *events = world->events;

        memset(world, 0, sizeof(*world));
        world->events = events;
        world->random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
        world->session = SESSION;
        world->trial.next = world->trial.joined = 1;
        world->start = world->trial.now = 1000 * MS;
        assert_int_equal(arbiter_init(&world->trial.arbiter, &params, &world_ops, world), 0);
}

static struct weather weather_of(struct world *world, int64_t spread) {
        struct weather weather = {
                .loss = (unsigned)below(world, 200),
                .twice = (unsigned)below(world, 100),
                .delay = { (int64_t)below(world, (uint64_t)spread / 2 + 1),
                           (int64_t)below(world, (uint64_t)spread / 2 + 1) },
                .jitter = (int64_t)below(world, (uint64_t)spread / 2),
                .late = (int64_t)below(world, 4 * (uint64_t)spread),
        };

        weather.cut[0] = 1 + (unsigned)below(world, 30);
        weather.cut[1] = below(world, 2) ? weather.cut[0] : 1 + (unsigned)below(world, 30);
        return weather;
}

static unsigned sessions(void) {
        return getenv("MDSHMD_LONG") ? 20000 : 200;
}

/* Whatever comes late comes before its hole is given up: then all is known beforehand. */
static void gaps_are_what_both_lines_lost(void **state) {
        struct world *world = *state;
        uint64_t gaps = 0, filled = 0;

        for (unsigned seed = 1; seed <= sessions(); seed++) {
                bool here[2][MESSAGES + 2] = { { false }, { false } };
                struct weather weather;
                struct truth truth;

                world_init(world, seed, 0, WINDOW_MIN * 16);
                weather = weather_of(world, HOLE - 1);
                for (unsigned line = 0; line < 2; line++)
                        send_line(world, line, &weather, here[line]);
                arrive_all(world);

                truth = truth_of(here[0], here[1]);
                assert_int_equal(world->trial.arbiter.squeezed, 0);
                assert_int_equal(world->trial.joined, truth.joined);
                assert_int_equal(world->trial.gaps, truth.gaps);
                assert_int_equal(world->trial.lost, truth.lost);
                assert_int_equal(world->trial.taken + truth.lost, MESSAGES + 1 - truth.joined);
                assert_int_equal(world->trial.resets, 0);
                assert_true(world->wait_max <= HOLE);
                gaps += truth.gaps;
                filled += world->trial.arbiter.line[0].figures.filled +
                          world->trial.arbiter.line[1].figures.filled;
                trial_deinit(&world->trial);
        }
        assert_true(gaps > sessions()); /* it was not all fair weather */
        assert_true(filled > 10 * sessions());
}

/* The same with somebody to ask: nothing is lost at all. */
static void what_both_lines_lost_is_recovered(void **state) {
        struct world *world = *state;
        uint64_t asks = 0;

        for (unsigned seed = 1; seed <= sessions(); seed++) {
                bool here[2][MESSAGES + 2] = { { false }, { false } };
                struct weather weather;

                world_init(world, seed, 100 * RECOVERY, WINDOW_MIN * 64);
                world->latency = 1 + (int64_t)below(world, MS);
                weather = weather_of(world, HOLE - 1);
                for (unsigned line = 0; line < 2; line++)
                        send_line(world, line, &weather, here[line]);
                arrive_all(world);

                assert_int_equal(world->trial.gaps, 0);
                assert_int_equal(world->trial.taken, MESSAGES);
                assert_int_equal(world->trial.resets, 0);
                asks += world->trial.asks;
                trial_deinit(&world->trial);
        }
        assert_true(asks > sessions());
}

/* Delays beyond all bounds, a window that is too small: what comes out is in order, each message once or
 * lost, and nothing waits too long. */
static void whatever_comes_nothing_comes_twice(void **state) {
        struct world *world = *state;
        uint64_t squeezed = 0, lost = 0;

        for (unsigned seed = 1; seed <= sessions(); seed++) {
                bool here[2][MESSAGES + 2] = { { false }, { false } };
                int64_t recovery = seed % 3 ? 0 : RECOVERY;
                struct weather weather;

                world_init(world, seed, recovery, 0);
                world->latency = (int64_t)below(world, 50 * MS);
                weather = weather_of(world, 20 * HOLE);
                for (unsigned line = 0; line < 2; line++)
                        send_line(world, line, &weather, here[line]);
                arrive_all(world);

                assert_int_equal(world->trial.next, MESSAGES + 1);
                assert_int_equal(world->trial.taken + world->trial.lost,
                                 MESSAGES + 1 - world->trial.joined);
                assert_int_equal(world->trial.resets, 0);
                assert_true(world->wait_max <= HOLE + recovery);
                squeezed += world->trial.arbiter.squeezed;
                lost += world->trial.lost;
                trial_deinit(&world->trial);
        }
        assert_true(squeezed > 0);
        assert_true(lost > sessions());
}

static int make_world(void **state) {
        struct world *world = calloc(1, sizeof(*world));

        if (!world)
                return -1;
        world->events = calloc(EVENTS, sizeof(*world->events));
        *state = world;
        return world->events ? 0 : -1;
}

static int free_world(void **state) {
        struct world *world = *state;

        free(world->events);
        free(world);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gaps_are_what_both_lines_lost),
                cmocka_unit_test(what_both_lines_lost_is_recovered),
                cmocka_unit_test(whatever_comes_nothing_comes_twice),
        };

        return cmocka_run_group_tests(tests, make_world, free_world);
}
