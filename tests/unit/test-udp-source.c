/* Datagrams are received whole, stamped and counted, and those of others are not. */

#include <ifaddrs.h>

#include "base/log.h"
#include "udp-try.h"

#define GROUP       "239.255.77.1"
#define OTHER_GROUP "239.255.77.2"
#define GROUP6      "ff11::77:1" /* of one host: it never goes out on a wire */

/* A source on a loop of its own, with a sink that remembers. */
struct station {
        struct tape tape;
        struct feed *feed;
        char name[8], address[64], interface[16];
        uint16_t port;
};

static int station_try(struct station *station, const char *address, uint16_t port,
                       const char *interface) {
        struct config_feed config = {
                .name = station->name,
                .source = CONFIG_SOURCE_UDP,
                .address = station->address,
                .port = port,
                .receive_buffer = 32 << 20,
        };

        memset(station, 0, sizeof(*station));
        station->port = port;
        strcpy(station->name, "tester");
        strcpy(station->address, address);
        if (interface) {
                strcpy(station->interface, interface);
                config.interface = station->interface;
        }
        station->tape.loop = ev_loop_new(EVFLAG_AUTO);
        assert_non_null(station->tape.loop);
        return feed_new(&station->feed, &config, station->tape.loop, NULL, &tape_sink,
                        &station->tape);
}

static void station_close(struct station *station) {
        station->feed = feed_free(station->feed);
        ev_loop_destroy(station->tape.loop);
}

static void station_open(struct station *station, const char *address, const char *interface) {
        assert_int_equal(station_try(station, address, free_port(), interface), 0);
        feed_start(station->feed);
}

/* Lets it receive until it has that many packets. */
static void station_receive(struct station *station, uint64_t packets) {
        station->tape.enough = packets;
        if (station->tape.packets < packets)
                tape_run(&station->tape);
        assert_false(station->tape.is_late);
        assert_true(station->tape.packets >= packets);
        ev_run(station->tape.loop, EVRUN_NOWAIT); /* what else there is, and the last flush */
}

/* What feed_new() says, with its sentence in the log. */
static void assert_refused(const char *address, uint16_t port, const char *interface, int r,
                           const char *words) {
        char log_path[] = "/tmp/mdshmd-test-XXXXXX", text[512];
        int log = mkstemp(log_path), stderr_fd = dup(STDERR_FILENO), result;
        struct station station;
        ssize_t n;

        assert_true(log >= 0 && stderr_fd >= 0);
        unlink(log_path);
        dup2(log, STDERR_FILENO);
        result = station_try(&station, address, port, interface);
        dup2(stderr_fd, STDERR_FILENO);
        n = pread(log, text, sizeof(text) - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        close(stderr_fd);
        close(log);
        station_close(&station);

        assert_int_equal(result, r);
        assert_non_null(strstr(text, "error: feed tester: "));
        assert_non_null(strstr(text, words));
}

static void what_cannot_be_is_refused(void **state) {
        uint16_t port = 0;
        int fd;

        (void)state;
        assert_refused("localhost", 4000, NULL, -EINVAL, "localhost");
        assert_refused("239.255.77", 4000, NULL, -EINVAL, "239.255.77");
        assert_refused(GROUP, 4000, "no-such-if", -ENODEV, "no-such-if");
        assert_refused("198.51.100.1", 4000, NULL, -EADDRNOTAVAIL, "198.51.100.1 port 4000");

        fd = bound_socket("127.0.0.1", &port);
        assert_refused("127.0.0.1", port, NULL, -EADDRINUSE, "in use");
        close(fd);
}

static void datagrams_come_in_order(void **state) {
        const unsigned n = 300; /* as many as the smallest of buffers holds */
        int fd = sender(AF_INET, "lo");
        struct station station;
        struct timespec now;
        int64_t ns;

        (void)state;
        station_open(&station, "127.0.0.1", NULL);
        for (unsigned i = 0; i < n; i++)
                send_to(fd, "127.0.0.1", station.port, &i, sizeof(i));
        assert_int_equal(station.tape.states, 0);
        station_receive(&station, n);
        clock_gettime(CLOCK_REALTIME, &now);
        ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;

        assert_int_equal(station.tape.states, 1);
        assert_int_equal(station.tape.state, FEED_STATE_LIVE);
        assert_int_equal(station.tape.packets, n);
        assert_int_equal(station.tape.unflushed, 0);
        assert_true(station.tape.burst <= 256);
        assert_int_equal(station.tape.flushes, 2);
        assert_int_equal(station.tape.drops, 0);
        for (unsigned i = 0; i < TAPE_PACKETS; i++) {
                const struct tape_packet *packet = &station.tape.packet[i];

                assert_int_equal(packet->size, sizeof(i));
                assert_memory_equal(packet->data, &i, sizeof(i));
                assert_int_equal(packet->number, i + 1);
                assert_true(packet->ts_recv <= ns);
                assert_true(packet->ts_recv > ns - TAPE_PATIENCE * INT64_C(1000000000));
                assert_true(i == 0 || packet->ts_recv >= packet[-1].ts_recv);
                assert_false(packet->cut);
        }
        station_close(&station);
        close(fd);
}

static void ipv6_is_received(void **state) {
        struct station station;
        int fd;

        (void)state;
        if (access("/proc/net/if_inet6", R_OK) < 0) {
                print_message("SKIPPED: this kernel has no IPv6\n");
                skip();
        }
        fd = sender(AF_INET6, "lo");
        station_open(&station, "::1", NULL);
        send_to(fd, "::1", station.port, "hello", 5);
        station_receive(&station, 1);
        assert_memory_equal(station.tape.packet[0].data, "hello", 5);
        station_close(&station);
        close(fd);
}

/* An interface that routes multicast of IPv6; the loopback one seldom does. */
static bool find_interface(char name[static IF_NAMESIZE]) {
        struct ifaddrs *all, *one;

        assert_int_equal(getifaddrs(&all), 0);
        for (one = all; one; one = one->ifa_next)
                if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET6 &&
                    one->ifa_flags & IFF_UP && one->ifa_flags & IFF_MULTICAST)
                        break;
        if (one)
                snprintf(name, IF_NAMESIZE, "%s", one->ifa_name);
        freeifaddrs(all);
        return one;
}

static void a_group_of_ipv6_is_received(void **state) {
        char interface[IF_NAMESIZE];
        struct station station;
        int fd;

        (void)state;
        if (!find_interface(interface)) {
                print_message("SKIPPED: no interface here takes multicast of IPv6\n");
                skip();
        }
        fd = sender(AF_INET6, interface);
        station_open(&station, GROUP6, interface);
        send_to(fd, GROUP6, station.port, "group", 5);
        station_receive(&station, 1);
        assert_memory_equal(station.tape.packet[0].data, "group", 5);
        station_close(&station);
        close(fd);
}

static void any_size_is_a_datagram(void **state) {
        static const uint8_t data[65507];
        static const size_t sizes[] = { 0, 1, 1472, 8972, 9216, 9217, 65507 };
        int fd = sender(AF_INET, "lo");
        struct station station;

        (void)state;
        station_open(&station, "127.0.0.1", NULL);
        for (size_t i = 0; i < 7; i++)
                send_to(fd, "127.0.0.1", station.port, data, sizes[i]);
        station_receive(&station, 7);
        for (size_t i = 0; i < 7; i++) {
                assert_int_equal(station.tape.packet[i].size, sizes[i] > 9216 ? 9216 : sizes[i]);
                assert_int_equal(station.tape.packet[i].cut, sizes[i] > 9216);
        }
        station_close(&station);
        close(fd);
}

static void a_group_is_received_and_no_other(void **state) {
        const struct ip_mreqn other = {
                .imr_multiaddr.s_addr = inet_addr(OTHER_GROUP),
                .imr_ifindex = (int)if_nametoindex("lo"),
        };
        int fd = sender(AF_INET, "lo"), member = sender(AF_INET, "lo");
        struct station station;

        (void)state;
        station_open(&station, GROUP, "lo");
        /* the host is in the other group too, for somebody else's sake */
        assert_int_equal(setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &other, sizeof(other)),
                         0);
        send_to(fd, OTHER_GROUP, station.port, "theirs", 6);
        send_to(fd, "127.0.0.1", station.port, "direct", 6);
        send_to(fd, GROUP, station.port, "ours", 4);
        station_receive(&station, 1);
        assert_int_equal(station.tape.packets, 1);
        assert_int_equal(station.tape.packet[0].size, 4);
        assert_memory_equal(station.tape.packet[0].data, "ours", 4);
        station_close(&station);
        close(member);
        close(fd);
}

static void two_may_listen_to_a_group(void **state) {
        int fd = sender(AF_INET, "lo");
        struct station first, second;

        (void)state;
        station_open(&first, GROUP, "lo");
        assert_int_equal(station_try(&second, GROUP, first.port, "lo"), 0);
        feed_start(second.feed);
        send_to(fd, GROUP, first.port, "ours", 4);
        station_receive(&first, 1);
        station_receive(&second, 1);
        assert_int_equal(first.tape.packets, 1);
        assert_int_equal(second.tape.packets, 1);
        station_close(&first);
        station_close(&second);
        close(fd);
}

/* More than any buffer holds is sent before anybody reads. */
static void what_the_kernel_drops_is_counted(void **state) {
        static const uint8_t data[60000];
        const unsigned n = 2000;
        int fd = sender(AF_INET, "lo");
        struct station station;
        uint64_t kept;

        (void)state;
        station_open(&station, "127.0.0.1", NULL);
        for (unsigned i = 0; i < n; i++)
                send_to(fd, "127.0.0.1", station.port, data, sizeof(data));
        /* take what it kept; the next datagram tells of those that it did not */
        do {
                kept = station.tape.packets;
                ev_run(station.tape.loop, EVRUN_NOWAIT);
        } while (station.tape.packets > kept);
        assert_true(kept < n);
        assert_int_equal(station.tape.drops, 0);
        for (unsigned i = 1; i <= 3; i++) {
                send_to(fd, "127.0.0.1", station.port, "late", 4);
                station_receive(&station, kept + i);
                assert_int_equal(station.tape.packets, kept + i);
                assert_int_equal(station.tape.drops, n - kept);
        }
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
                cmocka_unit_test(what_cannot_be_is_refused),
                cmocka_unit_test(datagrams_come_in_order),
                cmocka_unit_test(ipv6_is_received),
                cmocka_unit_test(a_group_of_ipv6_is_received),
                cmocka_unit_test(any_size_is_a_datagram),
                cmocka_unit_test(a_group_is_received_and_no_other),
                cmocka_unit_test(two_may_listen_to_a_group),
                cmocka_unit_test(what_the_kernel_drops_is_counted),
        };

        return cmocka_run_group_tests(tests, quiet, NULL);
}
