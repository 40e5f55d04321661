/*
 * A publisher whose ring lies ends its own connection alone
 *
 * Each lie is counted and named, the liar's feed is down and its instruments are stale; the next publisher
 * carries on, and nobody else has noticed.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "offender.h"

#define LIES   "bad: tick that cannot be"
#define BROKEN "clients closed: broke the protocol"

/* What stands in the counters before a deed. */
struct before {
        uint64_t lies, broken, bad;
};

static struct before look(void) {
        return (struct before){ market_count(LIES), market_count(BROKEN), market_feed().bad };
}

static void expect_counted(const struct before *before) {
        AWAIT(market_count(LIES) == before->lies + 1);
        AWAIT(market_feed().bad == before->bad + 1);
        assert_int_equal(market_count(BROKEN), before->broken + 1);
}

/* ---- ticks that cannot be ---- */

static void unknown_kind(struct md_tick *tick) {
        tick->kind = 1000;
}

static void kind_of_the_daemon(struct md_tick *tick) {
        tick->kind = MD_SYSTEM;
}

static void unknown_flags(struct md_tick *tick) {
        tick->flags = 1 << 15;
}

static void instrument_past_the_end(struct md_tick *tick) {
        tick->instrument = md_instruments(market.witness);
}

static void no_instrument(struct md_tick *tick) {
        tick->instrument = MD_INSTRUMENT_NONE;
}

static void instrument_of_another_feed(struct md_tick *tick) {
        assert_int_equal(md_lookup(market.witness, "GOOD", NULL, &tick->instrument), 0);
}

static void negative_size(struct md_tick *tick) {
        tick->u.quote.ask_sz = -1;
}

static void price_out_of_range(struct md_tick *tick) {
        tick->u.quote.bid_px = INT64_MIN;
}

static void size_without_price(struct md_tick *tick) {
        tick->u.quote.bid_px = MD_PX_NONE;
}

static void trade_without_price(struct md_tick *tick) {
        tick->kind = MD_TRADE;
        tick->u.trade = (struct md_trade){ .px = MD_PX_NONE, .trade_id = 1 };
}

static void negative_volume(struct md_tick *tick) {
        tick->kind = MD_TRADE;
        tick->u.trade.volume = -1;
}

static void upside_down(struct md_tick *tick) {
        tick->kind = MD_BAR;
        tick->u.bar.high = 1;
        tick->u.bar.low = 2;
}

static void negative_count(struct md_tick *tick) {
        tick->kind = MD_TOTALS;
        tick->u.totals.trades = -1;
}

static void unprintable(struct md_tick *tick) {
        tick->kind = MD_STATUS;
        memset(&tick->u, 0x1b, sizeof(tick->u));
}

static void unused_bytes(struct md_tick *tick) {
        tick->kind = MD_STATUS;
        memset(&tick->u, 0, sizeof(tick->u));
        tick->u.status.unused[sizeof(tick->u.status.unused) - 1] = 'x';
}

static void negative_imbalance(struct md_tick *tick) {
        tick->kind = MD_AUCTION;
        memset(&tick->u, 0, sizeof(tick->u));
        tick->u.auction.imbalance = -1;
}

static void clearing_out_of_range(struct md_tick *tick) {
        tick->kind = MD_CLEARING;
        tick->u.clearing.collar_hi = INT64_MIN;
}

static void official_out_of_range(struct md_tick *tick) {
        tick->kind = MD_OFFICIAL;
        tick->u.official.close_px = INT64_MIN;
}

static void negative_break(struct md_tick *tick) {
        tick->kind = MD_BREAK;
        tick->u.broken.sz = -1;
}

static void ticks_that_cannot_be(void **state) {
        static const struct {
                void (*spoil)(struct md_tick *tick);
                const char *words;
        } lies[] = {
                { unknown_kind, "a kind that nobody can publish" },
                { kind_of_the_daemon, "a kind that nobody can publish" },
                { unknown_flags, "unknown flags" },
                { instrument_past_the_end, "an instrument that does not exist" },
                { no_instrument, "an instrument that does not exist" },
                { instrument_of_another_feed, "an instrument of another feed" },
                { negative_size, "size is negative" },
                { price_out_of_range, "price is out of range" },
                { size_without_price, "a size but no price" },
                { trade_without_price, "a trade with a size, volume or number but no price" },
                { negative_volume, "volume is negative" },
                { upside_down, "high is below its low" },
                { negative_count, "a negative count" },
                { unprintable, "an unprintable character" },
                { unused_bytes, "unused bytes" },
                { negative_imbalance, "an auction" },
                { clearing_out_of_range, "clearing prices" },
                { official_out_of_range, "official prices" },
                { negative_break, "a break" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
                struct before before = look();
                struct offender offender;
                struct md_tick tick;

                offender_come(&offender);
                offender_behave(&offender);
                tick = offender_quote(&offender);
                lies[i].spoil(&tick);
                offender_put(&offender, &tick);
                offender_knock(&offender);
                offender_expect_blamed(&offender, lies[i].words);
                expect_counted(&before);
                market_expect_unharmed();
        }
        assert_true(rig_log_count(&market.rig, "\"offender\"") > 0);
        assert_int_equal(rig_log_count(&market.rig, &LIES[strlen("bad: ")]), 1);
}

/* What was put before the lie is taken, what comes behind it is not. */
static void a_lie_among_truths(void **state) {
        struct before before = look();
        struct offender offender;
        struct md_tick tick;

        (void)state;
        offender_come(&offender);
        for (unsigned i = 0; i < 20; i++) {
                tick = offender_quote(&offender);
                market.offences += i < 10;
                tick.flags = i == 10 ? 1 << 5 : 0;
                offender_put(&offender, &tick);
        }
        offender_knock(&offender);
        offender_expect_blamed(&offender, "unknown flags");
        expect_counted(&before);
        market_expect_unharmed();
}

static void a_lie_told_while_leaving(void **state) {
        struct before before = look();
        struct offender offender;
        struct md_tick tick;

        (void)state;
        offender_come(&offender);
        offender_behave(&offender);
        tick = offender_quote(&offender);
        tick.flags = 1 << 5;
        offender_put(&offender, &tick);
        close(offender.fd);
        offender.fd = -1;
        market_expect_down();
        offender_leave(&offender);
        AWAIT(market_count(LIES) == before.lies + 1);
        AWAIT(market_feed().bad == before.bad + 1);
        market_expect_unharmed();
}

static void a_ring_of_noise(void **state) {
        (void)state;
        for (unsigned round = 0; round < 20; round++) {
                struct before before = look();
                struct offender offender;

                offender_come(&offender);
                for (size_t i = sizeof(struct ring); i < ring_bytes(OFFENDER_RING); i++)
                        ((char *)offender.ring)[i] = (char)random();
                atomic_store(&offender.ring->head, 1 + (uint64_t)random() % OFFENDER_RING);
                offender_knock(&offender);
                offender_expect_blamed(&offender, "it sent ");
                expect_counted(&before);
                market_expect_unharmed();
        }
}

/* The whole ring, its own words for the daemon included. */
static void a_head_of_noise(void **state) {
        (void)state;
        for (unsigned round = 0; round < 20; round++) {
                struct offender offender;

                offender_come(&offender);
                for (size_t i = 0; i < ring_bytes(OFFENDER_RING); i++)
                        ((char *)offender.ring)[i] = (char)random();
                assert_int_equal(send(offender.doorbell_fd, "", 1, MSG_NOSIGNAL), 1);
                offender_expect_blamed(&offender, "it sent ");
                market_expect_unharmed();
        }
}

static void heads_that_cannot_be(void **state) {
        static const uint64_t steps[] = { UINT64_MAX, OFFENDER_RING + 1, UINT64_MAX / 2 };

        (void)state;
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
                struct before before = look();
                struct offender offender;

                offender_come(&offender);
                offender_behave(&offender);
                atomic_store(&offender.ring->head, offender.head + steps[i]);
                offender_knock(&offender);
                offender_expect_blamed(&offender, "numbers cannot be");
                expect_counted(&before);
                market_expect_unharmed();
        }
}

/* ---- a ring that changes while it is read ---- */

static void put_words(struct offender *offender, uint64_t slot, const struct md_tick *tick,
                      unsigned from, unsigned to) {
        struct line *line = &offender->ring->slots[slot & (OFFENDER_RING - 1)];
        uint64_t word[LINE_WORDS];

        memcpy(word, tick, sizeof(word));
        for (unsigned i = from; i < to; i++)
                atomic_store_explicit(&line->word[i], word[i], memory_order_relaxed);
}

/* Writes its last quote and a lie over each other, under the daemon's eyes. */
static void scribble(struct offender *offender, const struct md_tick *quote) {
        struct md_tick lie = *quote;

        lie.kind = 1000;
        lie.instrument = UINT32_MAX;
        for (;;)
                for (uint64_t i = 0; i < OFFENDER_RING; i++)
                        put_words(offender, i, random() % 64 ? quote : &lie, 0, LINE_WORDS);
}

/* The daemon looks at a copy: what the witness gets is what was looked at. */
static void a_ring_that_changes_under_its_eyes(void **state) {
        (void)state;
        market.repeats = true;
        for (unsigned round = 0; round < 50; round++) {
                struct before before = look();
                struct offender offender;
                struct md_tick quote;
                pid_t pid;

                offender_come(&offender);
                quote = offender_quote(&offender);
                offender_behave(&offender);
                pid = fork_child();
                if (pid == 0)
                        scribble(&offender, &quote);
                do {
                        atomic_store(&offender.ring->head,
                                     atomic_load(&offender.ring->tail) + OFFENDER_RING);
                        offender_knock(&offender);
                        market_expect_served();
                } while (market_count(LIES) == before.lies);
                kill(pid, SIGKILL);
                offender_expect_blamed(&offender, "it sent ");
                expect_counted(&before);
                market_expect_unharmed();
        }
        market.repeats = false;
}

/* Half a tick, no head; the other half when it is let go on. */
static void write_in_halves(struct offender *offender) {
        struct md_tick tick = offender_quote(offender);

        put_words(offender, offender->head, &tick, 0, LINE_WORDS / 2);
        raise(SIGSTOP);
        put_words(offender, offender->head, &tick, LINE_WORDS / 2, LINE_WORDS);
        atomic_store(&offender->ring->head, offender->head + 1);
        if (ring_must_knock(offender->ring))
                CHILD_CHECK(send(offender->doorbell_fd, "", 1, MSG_NOSIGNAL) == 1);
        for (;;)
                pause();
}

/* In a process of its own, which has what the offender had, and has been stopped. */
static pid_t stop_in_mid_write(struct offender *offender) {
        int status;
        pid_t pid;

        offender_come(offender);
        offender_behave(offender);
        pid = fork_child();
        if (pid == 0)
                write_in_halves(offender);
        offender_leave(offender);
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(WIFSTOPPED(status));
        return pid;
}

static void one_that_is_stopped_in_mid_write(void **state) {
        struct offender offender;
        pid_t pid = stop_in_mid_write(&offender);

        (void)state;
        market_expect_served();
        assert_int_equal(market_feed().state, MD_FEED_LIVE);
        market.offences++;
        assert_int_equal(kill(pid, SIGCONT), 0);
        market_expect_served();
        assert_int_equal(kill(pid, SIGKILL), 0);
        market_expect_unharmed();
}

static void one_that_is_killed_in_mid_write(void **state) {
        (void)state;
        for (unsigned round = 0; round < 20; round++) {
                uint64_t left = market_count("clients left");
                struct before before = look();
                struct offender offender;
                pid_t pid = stop_in_mid_write(&offender);

                assert_int_equal(kill(pid, SIGKILL), 0);
                market_expect_down();
                AWAIT(market_count("clients left") > left);
                assert_int_equal(market_count(LIES), before.lies);
                market_expect_unharmed();
        }
}

/* ---- the bells ---- */

static void ring_and_ring(struct offender *offender) {
        static const char noise[4096];

        while (send(offender->doorbell_fd, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
                continue;
        _exit(0);
}

static void a_flood_of_its_doorbell(void **state) {
        struct before before = look();
        struct offender offender;
        pid_t pid;

        (void)state;
        offender_come(&offender);
        offender_behave(&offender);
        pid = fork_child();
        if (pid == 0)
                ring_and_ring(&offender);
        market_expect_served();
        offender_expect_blamed(&offender, "its doorbell");
        kill(pid, SIGKILL);
        expect_counted(&before);
        market_expect_unharmed();
}

/* CPU time of the daemon so far, in milliseconds. */
static int64_t cpu_ms(void) {
        struct timespec used;
        clockid_t clock;

        assert_int_equal(clock_getcpuclockid(market.rig.pid, &clock), 0);
        assert_int_equal(clock_gettime(clock, &used), 0);
        return used.tv_sec * INT64_C(1000) + used.tv_nsec / 1000000;
}

/* Nobody will ring any more; that is no reason to look at the door all the time. */
static void one_that_takes_its_doorbell_away(void **state) {
        struct offender offender;
        struct md_tick tick;
        int64_t before;

        (void)state;
        offender_come(&offender);
        offender_behave(&offender);
        close(offender.doorbell_fd);
        offender.doorbell_fd = -1;
        market_expect_served();
        before = cpu_ms();
        sleep_ms(1000);
        assert_true(cpu_ms() - before < 100);

        /* what it had finished to say is taken when it leaves */
        tick = offender_quote(&offender);
        market.offences++;
        offender_put(&offender, &tick);
        offender_leave(&offender);
        market_expect_unharmed();
}

/* Asks to be told of room, again and again. */
static void ask_for_room(struct offender *offender, unsigned times) {
        struct md_tick tick;

        while (times--) {
                tick = offender_quote(offender);
                market.offences++;
                ring_wait(offender->ring);
                offender_put(offender, &tick);
                offender_knock(offender);
                while (atomic_load(&offender->ring->tail) != offender->head)
                        sched_yield();
        }
}

static void one_that_does_not_hear_that_there_is_room(void **state) {
        struct offender offender;

        (void)state;
        offender_come(&offender);
        ask_for_room(&offender, 4000);
        market_expect_served();
        close(offender.room_fd);
        offender.room_fd = -1;
        ask_for_room(&offender, 10);
        market_expect_served();
        assert_int_equal(market_feed().state, MD_FEED_LIVE);
        offender_leave(&offender);
        market_expect_unharmed();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ticks_that_cannot_be),
                cmocka_unit_test(a_lie_among_truths),
                cmocka_unit_test(a_lie_told_while_leaving),
                cmocka_unit_test(a_ring_of_noise),
                cmocka_unit_test(a_head_of_noise),
                cmocka_unit_test(heads_that_cannot_be),
                cmocka_unit_test(a_ring_that_changes_under_its_eyes),
                cmocka_unit_test(one_that_is_stopped_in_mid_write),
                cmocka_unit_test(one_that_is_killed_in_mid_write),
                cmocka_unit_test(a_flood_of_its_doorbell),
                cmocka_unit_test(one_that_takes_its_doorbell_away),
                cmocka_unit_test(one_that_does_not_hear_that_there_is_room),
        };

        return cmocka_run_group_tests(tests, market_setup, market_teardown);
}
