/* A publisher that keeps to no rule; offender.h tells what must hold. */

#include "offender.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "exchange.h"
#include "wire/conn.h"

#define SYMBOL    "BAD0" /* the offender's instrument */
#define STALE_ALL ((uint16_t)(MD_FLAG_STALE | MD_FLAG_SNAPSHOT))

struct market market;

/* ---- what an offender does ---- */

static union {
        struct wire_header header;
        struct wire_welcome welcome;
        struct wire_defined defined;
        struct wire_refused refused;
        char bytes[WIRE_SIZE_MAX];
} answer;

static void dial(struct offender *offender) {
        struct wire_hello hello = {
                .header = { WIRE_HELLO, sizeof(hello) },
                .version = WIRE_VERSION,
                .role = WIRE_ROLE_PUBLISHER,
                .name = "offender",
                .feed = OFFENDER_FEED,
        };
        int fds[WIRE_FDS_PUBLISHER];
        unsigned n = WIRE_FDS_PUBLISHER;

        offender->fd = conn_connect(market.rig.socket, PATIENCE_MS);
        assert_true(offender->fd >= 0);
        assert_int_equal(conn_send(offender->fd, &hello, NULL, 0, 0), CONN_OK);
        assert_int_equal(conn_recv_wait(offender->fd, &answer, fds, &n, PATIENCE_MS), CONN_OK);
        assert_int_equal(answer.header.opcode, WIRE_WELCOME);
        assert_int_equal(n, WIRE_FDS_PUBLISHER);

        offender->doorbell_fd = fds[WIRE_FD_DOORBELL];
        offender->room_fd = fds[WIRE_FD_ROOM];
        offender->ring = mmap(NULL, ring_bytes(OFFENDER_RING), PROT_READ | PROT_WRITE, MAP_SHARED,
                              fds[WIRE_FD_RING], 0);
        assert_true((void *)offender->ring != MAP_FAILED);
        assert_int_equal(offender->ring->size, OFFENDER_RING);
        close(fds[WIRE_FD_RING]);
        offender->head = 0;
}

struct wire_define offender_definition(const char *symbol) {
        struct wire_define define = { .header = { WIRE_DEFINE, sizeof(define) } };

        memcpy(define.symbol, symbol, strlen(symbol));
        return define;
}

struct wire_defined offender_define(struct offender *offender, const struct wire_define *define) {
        unsigned n = 0;

        assert_int_equal(conn_send(offender->fd, define, NULL, 0, 0), CONN_OK);
        assert_int_equal(conn_recv_wait(offender->fd, &answer, NULL, &n, PATIENCE_MS), CONN_OK);
        assert_int_equal(answer.header.opcode, WIRE_DEFINED);
        return answer.defined;
}

void offender_come(struct offender *offender) {
        struct wire_define define = offender_definition(SYMBOL);
        struct wire_defined defined;

        dial(offender);
        defined = offender_define(offender, &define);
        assert_int_equal(defined.result, 0);
        offender->instrument = defined.instrument;
}

static void close_fd(int fd) {
        if (fd >= 0)
                close(fd);
}

void offender_leave(struct offender *offender) {
        close_fd(offender->fd);
        close_fd(offender->doorbell_fd);
        close_fd(offender->room_fd);
        munmap(offender->ring, ring_bytes(OFFENDER_RING));
}

struct md_tick offender_quote(const struct offender *offender) {
        int64_t n = market.offences + 1;

        return (struct md_tick){
                .instrument = offender->instrument,
                .kind = MD_QUOTE,
                .ts_event = n,
                .u.word = { n, n, n, n },
        };
}

void offender_put(struct offender *offender, const struct md_tick *tick) {
        ring_put(offender->ring, OFFENDER_RING, offender->head++, tick);
}

void offender_knock(struct offender *offender) {
        if (ring_must_knock(offender->ring))
                assert_int_equal(send(offender->doorbell_fd, "", 1, MSG_NOSIGNAL), 1);
}

/* ---- the witness ---- */

static void take(const struct md_tick *tick) {
        struct md_instrument instrument;

        assert_int_equal(md_instrument(market.witness, tick->instrument, &instrument), 0);
        assert_int_equal(tick->kind, MD_QUOTE);
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(tick->u.word[i], tick->ts_event);
        if (instrument.feed != market.feed) {
                assert_int_equal(tick->ts_event, ++market.neighbour_seen);
        } else if (tick->flags & MD_FLAG_STALE) {
                assert_int_equal(tick->flags, STALE_ALL);
                assert_int_equal(tick->ts_event, market.seen);
                market.seen_stale = market.seen;
        } else {
                assert_int_equal(tick->flags, 0);
                market.seen += !market.repeats || tick->ts_event != market.seen;
                assert_int_equal(tick->ts_event, market.seen);
                assert_true(market.seen <= market.offences);
        }
}

/* Takes what there is; true when both publishers' last quotes were among it, or before. */
static bool has_seen_all(void) {
        struct md_tick tick;
        uint64_t missed;

        while (md_follow(market.witness, &tick, &missed) > 0) {
                assert_int_equal(missed, 0);
                take(&tick);
        }
        return market.seen == market.offences && market.neighbour_seen == market.quotes;
}

struct md_feed market_feed(void) {
        struct md_feed feed;

        assert_int_equal(md_feed(market.witness, market.feed, &feed), 0);
        assert_string_equal(feed.name, OFFENDER_FEED);
        return feed;
}

uint64_t market_count(const char *label) {
        struct md_counter counter;

        for (uint32_t i = 0; i < md_counters(market.witness); i++)
                if (md_counter(market.witness, i, &counter) == 0 &&
                    (counter.feed == market.feed || counter.feed == UINT32_MAX) &&
                    !strcmp(counter.label, label))
                        return counter.value;
        return 0;
}

/* ---- what must hold ---- */

void offender_behave(struct offender *offender) {
        struct md_tick tick = offender_quote(offender);

        market.offences++;
        offender_put(offender, &tick);
        offender_knock(offender);
        AWAIT(has_seen_all());
        assert_int_equal(market_feed().state, MD_FEED_LIVE);
}

void offender_expect_blamed(struct offender *offender, const char *words) {
        unsigned n = 0;
        int r;

        /* what was asked before may be answered first */
        do
                r = conn_recv_wait(offender->fd, &answer, NULL, &n, PATIENCE_MS);
        while (r == CONN_OK && answer.header.opcode == WIRE_DEFINED);
        assert_int_equal(r, CONN_OK);
        assert_int_equal(answer.header.opcode, WIRE_REFUSED);
        assert_int_equal(answer.refused.code, WIRE_E_LIAR);
        if (!strstr(answer.refused.text, words))
                fail_msg("\"%s\" does not say \"%s\"", answer.refused.text, words);
        r = conn_recv_wait(offender->fd, &answer, NULL, &n, PATIENCE_MS);
        assert_int_equal(r, CONN_E_CLOSED);
        offender_leave(offender);
}

void market_expect_served(void) {
        int64_t n = ++market.quotes;

        assert_int_equal(
                md_publisher_quote(market.neighbour, market.neighbour_instrument, n, n, n, n, n),
                0);
        AWAIT(has_seen_all());
}

/* All instruments of the feed are stale, and no other is. */
static bool are_stale(void) {
        struct md_instrument instrument;

        for (uint32_t i = 0; i < md_instruments(market.witness); i++) {
                assert_int_equal(md_instrument(market.witness, i, &instrument), 0);
                if (!(instrument.flags & MD_INSTRUMENT_STALE) == (instrument.feed == market.feed))
                        return false;
        }
        return true;
}

void market_expect_down(void) {
        AWAIT(market_feed().state == MD_FEED_DOWN);
        AWAIT(are_stale());
        AWAIT(has_seen_all() && market.seen_stale == market.seen);
}

/* A publisher of the usual kind: the same instrument again, and fresh quotes of it. */
static void expect_carried_on(void) {
        struct md_instrument instrument = { .symbol = SYMBOL };
        struct md_publisher *publisher;
        int64_t n = market.offences + 1;
        uint32_t handle = 0, index;
        struct md_tick tick;

        assert_int_equal(md_publisher_new(&publisher), 0);
        if (md_publisher_connect(publisher, market.rig.socket, OFFENDER_FEED) < 0 ||
            md_publisher_define(publisher, &instrument, &handle) < 0)
                fail_msg("%s", md_publisher_error(publisher));
        tick = (struct md_tick){ .instrument = handle, .kind = MD_QUOTE, .ts_event = n };
        for (unsigned i = 0; i < 4; i++)
                tick.u.word[i] = n;
        market.offences++;
        assert_int_equal(md_publisher_put(publisher, &tick), 0);
        assert_int_equal(md_publisher_flush(publisher), 0);
        AWAIT(has_seen_all());
        assert_int_equal(market_feed().state, MD_FEED_LIVE);
        assert_int_equal(md_lookup(market.witness, SYMBOL, NULL, &index), 0);
        assert_int_equal(md_instrument(market.witness, index, &instrument), 0);
        assert_int_equal(instrument.flags & MD_INSTRUMENT_STALE, 0);
        md_publisher_free(publisher);
}

void market_expect_unharmed(void) {
        market_expect_down();
        market_expect_served();
        expect_carried_on();
        market_expect_down();
        AWAIT(rig_fds(&market.rig) == market.fds);
}

/* ---- before and after ---- */

static void start_neighbour(void) {
        struct md_instrument instrument = { .symbol = "GOOD" };

        assert_int_equal(md_publisher_new(&market.neighbour), 0);
        if (md_publisher_connect(market.neighbour, market.rig.socket, NEIGHBOUR_FEED) < 0 ||
            md_publisher_define(market.neighbour, &instrument, &market.neighbour_instrument) < 0)
                fail_msg("%s", md_publisher_error(market.neighbour));
}

int market_setup(void **state) {
        (void)state;
        srandom(1);
        rig_init(&market.rig);
        rig_configure(&market.rig, "instruments = 16\njournal = 65536\n",
                      "[access]\nread = *\npublish = 0\n"
                      "[feed " NEIGHBOUR_FEED "]\nsource = publisher\n"
                      "[feed " OFFENDER_FEED "]\nsource = publisher\nring = %d\ninstruments = %d\n"
                      "[feed udp]\n" EXCHANGE_KEYS,
                      OFFENDER_RING, OFFENDER_MOST, exchange_free_port());
        rig_start(&market.rig);
        market.feed = 1;
        market.witness = rig_connect(&market.rig, "witness");
        assert_int_equal(md_subscribe_all(market.witness), 0);
        start_neighbour();
        market_expect_served();
        AWAIT(market_count("clients left") >= 1); /* the harness's own */
        market.fds = rig_fds(&market.rig);
        return 0;
}

int market_teardown(void **state) {
        (void)state;
        market.witness = md_free(market.witness);
        market.neighbour = md_publisher_free(market.neighbour);
        if (market.rig.pid)
                rig_stop(&market.rig);
        rig_deinit(&market.rig);
        return 0;
}
