/* A feed comes on two lines, from whom it should, and what both lose can be asked for. */

#include "base/log.h"
#include "udp-try.h"

#define GROUP  "239.255.77.3"
#define SENDER "127.0.0.1"

/* A source whose config is the test's. */
struct station {
        struct tape tape;
        struct feed *feed;
        char a[64], b[64], recovery[64];
        uint16_t port_a, port_b;
        struct config_feed config;
};

static void station_init(struct station *station, const char *address) {
        static char name[] = "tester", loopback[] = "lo";

        memset(station, 0, sizeof(*station));
        station->port_a = free_port();
        station->port_b = free_port();
        snprintf(station->a, sizeof(station->a), "%s:%u", address, station->port_a);
        snprintf(station->b, sizeof(station->b), "%s:%u", address, station->port_b);
        station->config = (struct config_feed){
                .name = name,
                .source = CONFIG_SOURCE_UDP,
                .a = station->a,
                .b = station->b,
                .interface_a = loopback,
                .interface_b = loopback,
                .receive_buffer = 1 << 20,
        };
        station->tape.loop = ev_loop_new(EVFLAG_AUTO);
        assert_non_null(station->tape.loop);
}

static void station_open(struct station *station) {
        assert_int_equal(feed_new(&station->feed, &station->config, station->tape.loop, NULL,
                                  &tape_sink, &station->tape),
                         0);
        feed_start(station->feed);
}

static void station_close(struct station *station) {
        station->feed = feed_free(station->feed);
        ev_loop_destroy(station->tape.loop);
}

static void station_receive(struct station *station, uint64_t packets) {
        station->tape.enough = packets;
        if (station->tape.packets < packets)
                tape_run(&station->tape);
        assert_false(station->tape.is_late);
        ev_run(station->tape.loop, EVRUN_NOWAIT);
        assert_int_equal(station->tape.packets, packets);
}

/* Packets that came on a line, of the first ones. */
static unsigned on_line(const struct station *station, unsigned line) {
        unsigned n = 0;

        for (uint64_t i = 0; i < station->tape.packets && i < TAPE_PACKETS; i++)
                n += station->tape.packet[i].line == line;
        return n;
}

static void two_lines_are_told_apart(void **state) {
        static const char *const addresses[] = { SENDER, GROUP };

        (void)state;
        for (unsigned i = 0; i < 2; i++) {
                int fd = sender(AF_INET, "lo");
                struct station station;

                station_init(&station, addresses[i]);
                station_open(&station);
                for (unsigned n = 0; n < 10; n++)
                        send_to(fd, addresses[i], n % 3 ? station.port_a : station.port_b, &n,
                                sizeof(n));
                station_receive(&station, 10);
                assert_int_equal(on_line(&station, 0), 6);
                assert_int_equal(on_line(&station, 1), 4);
                assert_int_equal(station.tape.states, 1);
                assert_non_null(strstr(station.tape.text, " and "));
                for (unsigned n = 0; n < 10; n++)
                        assert_true(station.tape.packet[n].ts_recv > 0);
                station_close(&station);
                close(fd);
        }
}

static void a_line_of_ipv6_has_brackets(void **state) {
        int fd = sender(AF_INET6, "lo");
        struct station station;

        (void)state;
        station_init(&station, SENDER);
        snprintf(station.b, sizeof(station.b), "[::1]:%u", station.port_b);
        station.config.interface_a = station.config.interface_b = NULL;
        station_open(&station);
        send_to(fd, "::1", station.port_b, "hello", 5);
        station_receive(&station, 1);
        assert_int_equal(station.tape.packet[0].line, 1);
        station_close(&station);
        close(fd);
}

static void a_group_is_taken_from_its_source_alone(void **state) {
        const struct ip_mreqn request = { .imr_ifindex = (int)if_nametoindex("lo") };
        static char ours[] = SENDER, other[] = "127.0.0.2";
        struct station station;
        uint16_t port = 0;
        int fd;

        (void)state;
        fd = bound_socket(SENDER, &port);
        assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request)), 0);
        station_init(&station, GROUP);
        station.config.source_a = other;
        station.config.source_b = ours;
        station_open(&station);
        send_to(fd, GROUP, station.port_a, "theirs", 6);
        send_to(fd, GROUP, station.port_b, "ours", 4);
        station_receive(&station, 1);
        assert_int_equal(station.tape.packet[0].line, 1);
        assert_memory_equal(station.tape.packet[0].data, "ours", 4);
        station_close(&station);
        close(fd);
}

static void a_source_that_spins_receives_and_lets_others_work(void **state) {
        int fd = sender(AF_INET, "lo");
        struct station station;

        (void)state;
        station_init(&station, SENDER);
        station.config.poll = CONFIG_POLL_SPIN;
        station_open(&station);
        for (unsigned n = 0; n < 100; n++)
                send_to(fd, SENDER, n % 2 ? station.port_a : station.port_b, &n, sizeof(n));
        station_receive(&station, 100);
        assert_int_equal(station.tape.unflushed, 0);

        /* a timer of the same loop has its turn, though nothing ever sleeps */
        station.tape.enough = 0;
        ev_run(station.tape.loop, EVRUN_NOWAIT);
        send_to(fd, SENDER, station.port_a, "late", 4);
        station_receive(&station, 101);
        station_close(&station);
        close(fd);
}

static void stamps_fall_back_to_the_kernel(void **state) {
        int fd = sender(AF_INET, "lo");
        struct station station;

        (void)state;
        station_init(&station, SENDER);
        station.config.stamps = CONFIG_STAMPS_NIC; /* the loopback interface is no card */
        station_open(&station);
        send_to(fd, SENDER, station.port_a, "hello", 5);
        station_receive(&station, 1);
        assert_true(station.tape.packet[0].ts_recv > INT64_C(1500000000) * 1000000000);
        station_close(&station);
        close(fd);
}

/* Who is asked: its port, and the one that the last request came from. */
struct server {
        int fd;
        uint16_t port;
        struct sockaddr_in from;
};

static void server_init(struct server *server, struct station *station) {
        server->port = 0;
        server->fd = bound_socket(SENDER, &server->port);
        snprintf(station->recovery, sizeof(station->recovery), SENDER ":%u", server->port);
        station->config.recovery = station->recovery;
}

/* Takes the next request, which is there. */
static size_t server_take(struct server *server, uint8_t request[64]) {
        socklen_t size = sizeof(server->from);
        ssize_t n = recvfrom(server->fd, request, 64, MSG_DONTWAIT,
                             (struct sockaddr *)&server->from, &size);

        return n < 0 ? 0 : (size_t)n;
}

static void server_answer(const struct server *server, const char *answer) {
        assert_int_equal(sendto(server->fd, answer, strlen(answer), 0,
                                (const struct sockaddr *)&server->from, sizeof(server->from)),
                         strlen(answer));
}

static void what_is_asked_for_comes_on_the_third_line(void **state) {
        int stranger = sender(AF_INET, "lo");
        struct station station;
        struct server server;
        uint8_t request[64];

        (void)state;
        station_init(&station, SENDER);
        server_init(&server, &station);
        station_open(&station);
        assert_int_equal(server_take(&server, request), 0); /* nobody is bothered before */
        assert_true(feed_ask(station.feed, (const uint8_t *)"please", 6));
        assert_int_equal(server_take(&server, request), 6);
        assert_memory_equal(request, "please", 6);

        /* whoever else sends there is not heard */
        send_to(stranger, SENDER, ntohs(server.from.sin_port), "lies", 4);
        server_answer(&server, "here");
        station_receive(&station, 1);
        assert_int_equal(station.tape.packet[0].line, 2);
        assert_memory_equal(station.tape.packet[0].data, "here", 4);
        assert_int_equal(station.tape.states, 0); /* an answer makes no feed live */
        close(server.fd);
        close(stranger);
        station_close(&station);
}

static void nobody_is_asked_where_there_is_nobody(void **state) {
        struct station station;

        (void)state;
        station_init(&station, SENDER);
        station_open(&station);
        assert_false(feed_ask(station.feed, (const uint8_t *)"please", 6));
        station_close(&station);
}

static void a_server_that_is_gone_ends_nothing(void **state) {
        int fd = sender(AF_INET, "lo");
        struct station station;
        struct server server;

        (void)state;
        station_init(&station, SENDER);
        server_init(&server, &station);
        close(server.fd);
        station_open(&station);
        for (unsigned i = 0; i < 10; i++) {
                feed_ask(station.feed, (const uint8_t *)"please", 6);
                ev_run(station.tape.loop, EVRUN_NOWAIT);
        }
        send_to(fd, SENDER, station.port_a, "hello", 5);
        station_receive(&station, 1);
        assert_int_equal(station.tape.state, FEED_STATE_LIVE);
        station_close(&station);
        close(fd);
}

static int quiet(void **state) {
        (void)state;
        log_init(LOG_ERROR);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(two_lines_are_told_apart),
                cmocka_unit_test(a_line_of_ipv6_has_brackets),
                cmocka_unit_test(a_group_is_taken_from_its_source_alone),
                cmocka_unit_test(a_source_that_spins_receives_and_lets_others_work),
                cmocka_unit_test(stamps_fall_back_to_the_kernel),
                cmocka_unit_test(what_is_asked_for_comes_on_the_third_line),
                cmocka_unit_test(nobody_is_asked_where_there_is_nobody),
                cmocka_unit_test(a_server_that_is_gone_ends_nothing),
        };

        return cmocka_run_group_tests(tests, quiet, NULL);
}
