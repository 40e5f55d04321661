/*
 * One publisher at full speed, and eight readers that know to the tick what they saw
 *
 * What a tick holds follows from its number, for nothing else is published meanwhile: so each reader can
 * tell of every tick whether it is whole, whether it is due, and how many trades there were among those
 * that it missed. Four readers follow and never sleep. Four conflate: they must be given every trade but
 * those of the laps that the library owns up to, and must end on the last quote of each instrument.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"

#define FOLLOWERS   4
#define CONFLATERS  4
#define READERS     (FOLLOWERS + CONFLATERS)
#define INSTRUMENTS 64
#define TRADE_EVERY 4   /* the others are quotes */
#define BURST       256 /* ticks between two flushes */

struct reader {
        _Atomic bool connected;
        uint64_t ticks, trades, merged, missed, laps; /* when it is done */
};

static struct rig rig;
static struct reader *readers; /* shared memory */
static uint64_t total;         /* ticks */

/* ---- the ticks: number n from 1 ---- */

static bool is_trade(uint64_t n) {
        return n % TRADE_EVERY == 0;
}

/* Trades among the ticks 1 .. n. */
static uint64_t trades_to(uint64_t n) {
        return n / TRADE_EVERY;
}

/* Without a pattern that would give each instrument its turn. */
static uint32_t instrument_of(uint64_t n) {
        return (uint32_t)(n * UINT64_C(0x9e3779b97f4a7c15) >> 32) % INSTRUMENTS;
}

static struct md_tick tick_of(uint64_t n) {
        struct md_tick tick = {
                .instrument = instrument_of(n),
                .kind = is_trade(n) ? MD_TRADE : MD_QUOTE,
                .flags = MD_FLAG_LAST,
                .ts_event = (int64_t)n,
        };
        int64_t value = (int64_t)n;

        if (is_trade(n))
                tick.u.trade = (struct md_trade){ value, value % 1000, value / TRADE_EVERY, value };
        else
                tick.u.quote = (struct md_quote){ value, value + 1, value % 1000, value % 999 };
        return tick;
}

static bool is_tick(const struct md_tick *tick, uint64_t n) {
        struct md_tick expected = tick_of(n);

        return tick->seq == n && tick->instrument == expected.instrument &&
               tick->kind == expected.kind && tick->flags == expected.flags &&
               tick->ts_event == expected.ts_event &&
               !memcmp(&tick->u, &expected.u, sizeof(tick->u));
}

/* ---- readers ---- */

static struct md_client *connect_reader(unsigned number) {
        struct md_client *client;
        char name[16];

        snprintf(name, sizeof(name), "reader-%u", number);
        client = rig_connect_child(&rig, name);
        CHILD_CHECK(md_subscribe_all(client) == 0);
        CHILD_CHECK(md_cursor(client) == 1);
        atomic_store(&readers[number].connected, true);
        return client;
}

static struct md_health health_of(struct md_client *client) {
        struct md_health health;

        CHILD_CHECK(md_health(client, &health) == 0);
        return health;
}

/* What a reader has counted is what the library says, and all of it is all that there was. */
static void report(struct reader *reader, struct md_client *client) {
        struct md_health health = health_of(client);

        CHILD_CHECK(health.cursor == total + 1 && health.newest == total);
        CHILD_CHECK(health.ticks == reader->ticks && health.missed == reader->missed);
        CHILD_CHECK(health.ticks + health.merged + health.missed - health.recovered == total);
        reader->merged = health.merged;
        reader->laps = health.laps;
        md_free(client);
        _exit(0);
}

static void follow(unsigned number) {
        struct reader *reader = &readers[number];
        struct md_client *client = connect_reader(number);
        uint64_t at = 0, missed, trades_missed = 0;
        struct md_tick tick;

        while (at < total) {
                int r = md_follow(client, &tick, &missed);

                CHILD_CHECK(r >= 0);
                trades_missed += trades_to(at + missed) - trades_to(at);
                reader->missed += missed;
                at += missed;
                if (!r)
                        continue;
                CHILD_CHECK(is_tick(&tick, ++at));
                reader->ticks++;
                reader->trades += tick.kind == MD_TRADE;
        }
        CHILD_CHECK(reader->trades + trades_missed == trades_to(total));
        CHILD_CHECK(health_of(client).merged == 0);
        report(reader, client);
}

/* What one that conflates knows of what it was given. */
struct conflated {
        struct md_client *client;
        uint64_t given[INSTRUMENTS][MD_PLACES]; /* number of the newest, by place */
        uint64_t trades;                        /* given in their turn */
        uint64_t trades_lost;                   /* passed in a lap */
        uint64_t laps, missed;
};

/*
 * The cursor went from `from` to `to` in one call. It stops behind each trade that it comes to, so a trade
 * in between was either given just now, as the last, or lost in a lap; and a lap of so many ticks has room
 * for the lost ones between its ends.
 */
static void check_passed(struct conflated *conflated, uint64_t from, uint64_t to, bool in_turn) {
        struct md_health health = health_of(conflated->client);
        uint64_t lost = trades_to(to - 1) - trades_to(from - 1) - in_turn;
        uint64_t missed = health.missed - conflated->missed;

        CHILD_CHECK(to - from >= missed);
        if (lost && health.laps - conflated->laps == 1)
                CHILD_CHECK((lost - 1) * TRADE_EVERY + 1 <= missed);
        else
                CHILD_CHECK(lost <= missed);
        conflated->trades += in_turn;
        conflated->trades_lost += lost;
        conflated->missed = health.missed;
        conflated->laps = health.laps;
}

/* Takes the next change: false when there is none. */
static bool take(struct conflated *conflated, struct reader *reader) {
        uint64_t from = md_cursor(conflated->client), to, *given;
        struct md_change change;
        bool in_turn;
        int r = md_next(conflated->client, &change);

        CHILD_CHECK(r >= 0);
        to = md_cursor(conflated->client);
        in_turn = r && change.tick.kind == MD_TRADE && change.tick.seq + 1 == to && to > from;
        check_passed(conflated, from, to, in_turn);
        if (!r)
                return false;

        CHILD_CHECK(is_tick(&change.tick, change.tick.seq));
        given = &conflated->given[change.tick.instrument][change.tick.kind];
        CHILD_CHECK(change.tick.seq > *given);
        CHILD_CHECK(change.tick.kind == MD_QUOTE || (!change.merged && change.tick.seq < to));
        *given = change.tick.seq;
        reader->ticks++;
        reader->missed += change.missed;
        return true;
}

/* The last quote of each instrument is the last that was given. */
static void check_last_quotes(struct conflated *conflated) {
        bool seen[INSTRUMENTS] = { false };
        unsigned n_seen = 0;

        for (uint64_t n = total; n_seen < INSTRUMENTS; n--) {
                uint32_t instrument = instrument_of(n);

                if (is_trade(n) || seen[instrument])
                        continue;
                CHILD_CHECK(conflated->given[instrument][MD_QUOTE] == n);
                seen[instrument] = true;
                n_seen++;
        }
}

static void conflate(unsigned number) {
        static struct conflated conflated;
        struct reader *reader = &readers[number];

        conflated.client = connect_reader(number);
        md_set_spin(conflated.client, number % 2 ? -1 : 0);
        while (md_cursor(conflated.client) <= total) {
                CHILD_CHECK(md_dispatch(conflated.client, PATIENCE_MS) >= 0);
                while (take(&conflated, reader))
                        continue;
        }
        check_last_quotes(&conflated);
        CHILD_CHECK(conflated.trades + conflated.trades_lost == trades_to(total));
        reader->trades = conflated.trades;
        report(reader, conflated.client);
}

/* ---- the publisher ---- */

static struct md_publisher *connect_publisher(void) {
        struct md_publisher *publisher;

        assert_int_equal(md_publisher_new(&publisher), 0);
        if (md_publisher_connect(publisher, rig.socket, "stress") < 0)
                fail_msg("%s", md_publisher_error(publisher));
        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                struct md_instrument definition = { .close_px = MD_PX_NONE };
                uint32_t handle;

                snprintf(definition.symbol, sizeof(definition.symbol), "I%u", i);
                assert_int_equal(md_publisher_define(publisher, &definition, &handle), 0);
                assert_int_equal(handle, i);
        }
        return publisher;
}

/* Full rings met on the way. */
static uint64_t publish(struct md_publisher *publisher) {
        uint64_t full = 0;

        for (uint64_t n = 1; n <= total; n++) {
                struct md_tick tick = tick_of(n);
                int r;

                while ((r = md_publisher_put(publisher, &tick)) == -EAGAIN) {
                        full++;
                        assert_int_equal(md_publisher_wait(publisher, PATIENCE_MS), 1);
                }
                if (r == 0 && n % BURST == 0)
                        r = md_publisher_flush(publisher);
                if (r < 0)
                        fail_msg("tick %llu: %s", (unsigned long long)n,
                                 md_publisher_error(publisher));
        }
        assert_int_equal(md_publisher_drain(publisher, PATIENCE_MS), 1);
        return full;
}

/* ---- the test ---- */

static bool all_connected(void) {
        for (unsigned i = 0; i < READERS; i++)
                if (!atomic_load(&readers[i].connected))
                        return false;
        return true;
}

static void print_reader(unsigned number) {
        const struct reader *reader = &readers[number];

        print_message("%s: %llu ticks, %llu of them trades in their turn; %llu merged; %llu missed "
                      "in %llu laps\n",
                      number < FOLLOWERS ? "follower" : "conflater",
                      (unsigned long long)reader->ticks, (unsigned long long)reader->trades,
                      (unsigned long long)reader->merged, (unsigned long long)reader->missed,
                      (unsigned long long)reader->laps);
}

static void every_trade_is_seen_or_known_to_be_missed(void **state) {
        struct md_publisher *publisher;
        pid_t pids[READERS];
        int64_t start, ms;
        uint64_t full;

        (void)state;
        rig_start(&rig);
        for (unsigned i = 0; i < READERS; i++) {
                pids[i] = fork_child();
                if (pids[i] == 0)
                        (i < FOLLOWERS ? follow : conflate)(i);
        }
        AWAIT(all_connected());

        publisher = connect_publisher();
        start = now_ms();
        full = publish(publisher);
        ms = now_ms() - start;
        for (unsigned i = 0; i < READERS; i++) {
                await_child(pids[i]);
                print_reader(i);
                assert_true(readers[i].ticks > 0 && readers[i].trades > 0);
        }
        print_message("%llu ticks in %lld ms, the ring was full %llu times\n",
                      (unsigned long long)total, (long long)ms, (unsigned long long)full);
        md_publisher_free(publisher);
        rig_stop(&rig);
}

static int setup(void **state) {
        (void)state;
        total = long_run() ? UINT64_C(100000000) : STRESS_TICKS;
        readers = mmap(NULL, READERS * sizeof(*readers), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (readers == MAP_FAILED)
                return -1;
        rig_init(&rig);
        rig_configure(&rig, "instruments = 64\njournal = 65536\n",
                      "[feed stress]\nsource = publisher\nring = 16384\n");
        return 0;
}

static int teardown(void **state) {
        (void)state;
        munmap(readers, READERS * sizeof(*readers));
        rig_deinit(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(every_trade_is_seen_or_known_to_be_missed, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
