/*
 * A client outlives its daemon
 *
 * It reads on, learns what has become of the daemon, and registers with the next one by itself; whatever
 * answers at the socket meanwhile, or does not, no call takes longer than its caller allows.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "exchange.h"
#include "harness.h"
#include "wire/wire.h"

#define TIMEOUT_MS (10 * PATIENCE_MS) /* a call that waited for an answer would wait so long */

static struct rig rig;
static struct exchange exchange;
static struct md_client *client;

static struct md_health health(void) {
        struct md_health health;

        assert_int_equal(md_health(client, &health), 0);
        return health;
}

static void quote(const char *symbol) {
        exchange_quote(&exchange, symbol, 10000 + (int64_t)exchange.packets, 1, 20000, 1);
        exchange_send(&exchange);
}

/* Takes all changes; how many. */
static unsigned drain(void) {
        struct md_change change;
        unsigned n = 0;

        while (md_next(client, &change) > 0)
                n++;
        return n;
}

/* A daemon with a client that has read the first two quotes. */
static void start(void) {
        rig_start(&rig);
        client = rig_connect(&rig, "client");
        assert_int_equal(md_subscribe_all(client), 0);
        quote("AAPL");
        quote("MSFT");
        for (unsigned n = 0; n < 2; n += drain())
                assert_int_equal(md_dispatch(client, PATIENCE_MS), MD_NEWS);
}

/* md_dispatch() until it returns that. */
static void expect(int expected) {
        int64_t end = now_ms() + PATIENCE_MS;
        int r;

        do
                r = md_dispatch(client, 100);
        while (r == 0 && now_ms() < end);
        if (r != expected)
                fail_msg("got %d: %s", r, md_error(client));
}

static void await_reconnected(uint64_t times) {
        while (health().reconnects < times || !health().connected) {
                drain(); /* while there is news, nobody looks at the connection */
                md_dispatch(client, 100);
        }
        assert_int_equal(health().reconnects, times);
}

/* ---- the daemon's end ---- */

static void it_reads_on(void **state) {
        struct md_tick tick;

        (void)state;
        start();
        assert_true(health().heartbeat_age < (int64_t)PATIENCE_MS * 1000000);
        rig_kill(&rig);
        assert_int_equal(md_dispatch(client, 0), 0);
        assert_int_equal(health().connected, 0);
        assert_int_equal(health().state, MD_STATE_RUNNING); /* as far as it could say */
        assert_int_equal(md_read(client, 1, MD_QUOTE, &tick), 1);
        assert_int_equal(tick.seq, 2);
        sleep_ms(300);
        assert_true(health().heartbeat_age >= 300 * INT64_C(1000000));
}

static void it_is_told_of_a_clean_end(void **state) {
        struct md_tick tick;

        (void)state;
        start();
        rig_stop(&rig);
        assert_int_equal(md_dispatch(client, 0), 0);
        assert_int_equal(health().connected, 0);
        assert_int_equal(health().state, MD_STATE_STOPPED);
        assert_int_equal(md_read(client, 1, MD_QUOTE, &tick), 1);
        assert_int_equal(tick.seq, 2);
}

static void it_gives_up_where_that_is_wanted(void **state) {
        (void)state;
        start();
        md_set_reconnect(client, 0);
        quote("AAPL");
        feed_await_packets(client, 3);
        rig_kill(&rig);
        assert_int_equal(md_dispatch(client, -1), MD_NEWS); /* what was left comes first */
        assert_int_equal(drain(), 1);
        assert_int_equal(md_dispatch(client, -1), -EPIPE);
        assert_true(strlen(md_error(client)) > 10);
        assert_int_equal(drain(), 0);
}

/* ---- the next daemon ---- */

static void it_goes_on_with_a_successor(void **state) {
        struct md_tick tick;

        (void)state;
        start();
        rig_kill(&rig);
        rig_start(&rig);
        await_reconnected(1);
        assert_int_equal(health().generation, 2);
        assert_int_equal(health().state, MD_STATE_RUNNING);
        drain();
        assert_int_equal(feed_of(client).state, MD_FEED_RECOVERING);
        assert_int_equal(health().newest, 3); /* says so */

        quote("AAPL");
        AWAIT(feed_of(client).state == MD_FEED_LIVE && health().newest == 5); /* the last says so */
        expect(MD_NEWS);
        drain();
        assert_int_equal(md_read(client, 0, MD_QUOTE, &tick), 1);
        assert_int_equal(tick.seq, 4);
        assert_int_equal(health().ticks + health().merged, 5);
        assert_int_equal(health().missed, 0);
        rig_stop(&rig);
}

/* One that always has something to read has no pause in which to look at its connection. */
static void it_finds_a_successor_while_it_is_busy(void **state) {
        (void)state;
        start();
        quote("AAPL");
        feed_await_packets(client, 3);
        rig_kill(&rig);
        rig_start(&rig);
        for (int64_t end = now_ms() + PATIENCE_MS; health().reconnects == 0; sleep_ms(2)) {
                assert_true(now_ms() < end);
                assert_int_equal(md_dispatch(client, 0), MD_NEWS);
        }
        assert_int_equal(health().connected, 1);
        assert_true(drain() > 0);
        assert_int_equal(health().missed, 0);
        rig_stop(&rig);
}

static void it_finds_its_instruments_in_a_new_segment(void **state) {
        struct md_change change;
        uint32_t instrument;

        (void)state;
        start();
        rig_stop(&rig);
        rig_start(&rig);
        expect(MD_REMAPPED);
        assert_int_equal(health().generation, 1);
        quote("MSFT"); /* which is the first of all now */
        expect(MD_NEWS);
        assert_int_equal(md_next(client, &change), 1);
        assert_int_equal(change.tick.seq, 1);
        assert_int_equal(md_lookup(client, "MSFT", NULL, &instrument), 0);
        assert_int_equal(instrument, 0);
        rig_stop(&rig);
}

/* In the caller's own loop: nothing but the descriptor says when to look. */
static void its_descriptor_is_enough(void **state) {
        struct pollfd poller = { .events = POLLIN };

        (void)state;
        start();
        poller.fd = md_fd(client);
        assert_int_equal(md_dispatch(client, 0), 0);
        rig_kill(&rig);
        rig_start(&rig);
        while (health().reconnects == 0) {
                assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
                while (md_dispatch(client, 0) > 0)
                        drain();
        }
        quote("AAPL");
        assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
        assert_int_equal(md_dispatch(client, 0), MD_NEWS);
        rig_stop(&rig);
}

/* ---- others in the daemon's place ---- */

static int take_place(int backlog) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        unlink(rig.socket);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", rig.socket);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, backlog), 0);
        return fd;
}

/* Every call keeps to its time, for a while in which it would be tried again several times. */
static void expect_punctual(void) {
        int64_t begin, end = now_ms() + 1000;

        md_set_timeout(client, TIMEOUT_MS);
        while (now_ms() < end) {
                begin = now_ms();
                assert_int_equal(md_dispatch(client, 0), 0);
                assert_int_equal(md_dispatch(client, 20), 0);
                assert_in_range(now_ms() - begin, 19, PATIENCE_MS);
        }
        assert_int_equal(health().connected, 0);
}

static void expect_found_after(int fd) {
        close(fd);
        unlink(rig.socket);
        rig_start(&rig);
        await_reconnected(1);
        rig_stop(&rig);
}

static void it_waits_for_nobody_who_does_not_answer(void **state) {
        int fd;

        (void)state;
        start();
        rig_kill(&rig);
        fd = take_place(8);
        expect_punctual();
        expect_found_after(fd);
}

static void it_waits_for_nobody_who_is_too_busy(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd, queued;

        (void)state;
        start();
        rig_kill(&rig);
        fd = take_place(0);
        /* one in the queue, and it is full */
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", rig.socket);
        queued = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(queued, (struct sockaddr *)&address, sizeof(address)), 0);
        expect_punctual();
        close(queued);
        expect_found_after(fd);
}

static void it_takes_nothing_from_a_stranger(void **state) {
        static const char rubbish[100] = "HTTP/1.1 400 Bad Request";
        int64_t end;
        int fd;

        (void)state;
        start();
        rig_kill(&rig);
        fd = take_place(8);
        end = now_ms() + 500;
        while (now_ms() < end) {
                _cleanup_(closep) int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                if (peer >= 0)
                        assert_true(send(peer, rubbish, sizeof(rubbish), MSG_NOSIGNAL) != 0);
                assert_int_equal(md_dispatch(client, 10), 0);
                assert_int_equal(health().connected, 0);
        }
        expect_found_after(fd);
}

/* ---- before and after ---- */

static int setup(void **state) {
        uint16_t port = exchange_free_port();

        (void)state;
        rig_init(&rig);
        rig_configure(&rig, "instruments = 8\njournal = 1024\n", "[feed own]\n" EXCHANGE_KEYS,
                      port);
        exchange_to_port(&exchange, port);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        client = md_free(client);
        exchange_deinit(&exchange);
        rig_deinit(&rig);
        return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(it_reads_on),
                TEST(it_is_told_of_a_clean_end),
                TEST(it_gives_up_where_that_is_wanted),
                TEST(it_goes_on_with_a_successor),
                TEST(it_finds_a_successor_while_it_is_busy),
                TEST(it_finds_its_instruments_in_a_new_segment),
                TEST(its_descriptor_is_enough),
                TEST(it_waits_for_nobody_who_does_not_answer),
                TEST(it_waits_for_nobody_who_is_too_busy),
                TEST(it_takes_nothing_from_a_stranger),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
