/* A peer that keeps to no rule; hostile.h tells what must hold. */

#include "hostile.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/conn.h"

struct hostile hostile;

/* ---- what a peer does ---- */

int hostile_dial(void) {
        int fd = conn_connect(hostile.rig.socket, PATIENCE_MS);

        assert_true(fd >= 0);
        return fd;
}

void hostile_say(int fd, const void *bytes, size_t size) {
        /* a daemon that has hung up already is as good */
        if (send(fd, bytes, size, MSG_NOSIGNAL) < 0)
                assert_true(errno == EPIPE || errno == ECONNRESET);
}

struct wire_hello hostile_hello(uint32_t role) {
        return (struct wire_hello){
                .header = { WIRE_HELLO, sizeof(struct wire_hello) },
                .version = WIRE_VERSION,
                .role = role,
                .name = "hostile",
        };
}

int hostile_dial_as(uint32_t role) {
        struct wire_hello hello = hostile_hello(role);
        char buffer[WIRE_SIZE_MAX];
        int fd = hostile_dial();

        hostile_say(fd, &hello, sizeof(hello));
        assert_true(recv(fd, buffer, sizeof(buffer), 0) == sizeof(struct wire_welcome));
        return fd;
}

void hostile_expect_hung_up(int fd) {
        struct pollfd poller = { .fd = fd, .events = POLLIN };
        char buffer[WIRE_SIZE_MAX];
        ssize_t n;

        do {
                assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
                n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        } while (n > 0 || (n < 0 && errno == ECONNRESET));
        assert_int_equal(n, 0);
        close(fd);
}

uint64_t hostile_count(const char *label) {
        return counter_value(hostile.witness, label);
}

/* ---- what must hold after it ---- */

void hostile_expect_served(void) {
        struct md_change change;

        exchange_quote(&hostile.exchange, "AAPL", 10000 + (int64_t)hostile.exchange.packets, 1,
                       20000, 1);
        exchange_send(&hostile.exchange);
        assert_int_equal(md_dispatch(hostile.witness, PATIENCE_MS), 1);
        assert_int_equal(md_next(hostile.witness, &change), 1);
        assert_int_equal(md_next(hostile.witness, &change), 0);
}

void hostile_expect_unharmed(void) {
        struct md_client *newcomer;
        struct md_tick tick;

        hostile_expect_served();
        newcomer = rig_connect(&hostile.rig, "newcomer");
        assert_int_equal(md_read(newcomer, 0, MD_QUOTE, &tick), 1);
        md_free(newcomer);
        AWAIT(rig_fds(&hostile.rig) == hostile.fds);
}

/* ---- before and after ---- */

int hostile_setup(void **state) {
        uint16_t port = exchange_free_port();
        struct md_change change;

        (void)state;
        srandom(1);
        rig_init(&hostile.rig);
        rig_configure(&hostile.rig, "instruments = 1024\njournal = 4096\n",
                      "[access]\nread = *\n"
                      "[limits]\nclients = 64\nclients_per_user = %d\nhello_ms = %d\n"
                      "[feed own]\n" EXCHANGE_KEYS,
                      HOSTILE_PER_USER, HOSTILE_HELLO_MS, port);
        rig_start(&hostile.rig);
        hostile.witness = rig_connect(&hostile.rig, "witness");
        assert_int_equal(md_subscribe_all(hostile.witness), 0);
        exchange_to_port(&hostile.exchange, port);
        exchange_quote(&hostile.exchange, "AAPL", 10000, 1, 20000, 1);
        exchange_send(&hostile.exchange);
        assert_int_equal(md_dispatch(hostile.witness, PATIENCE_MS), 1);
        while (md_next(hostile.witness, &change) > 0)
                ;
        AWAIT(hostile_count("clients left") >= 1); /* the harness's own */
        hostile.fds = rig_fds(&hostile.rig);
        return 0;
}

int hostile_teardown(void **state) {
        (void)state;
        hostile.witness = md_free(hostile.witness);
        exchange_deinit(&hostile.exchange);
        if (hostile.rig.pid)
                rig_stop(&hostile.rig);
        rig_deinit(&hostile.rig);
        return 0;
}
