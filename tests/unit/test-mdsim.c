/*
 * mdsim sends what it says, whole and in order
 *
 * The program itself is started, and its packets are taken from a socket on the loopback. There are
 * so few of them that they fit into the socket's buffer, so none is lost however late we look.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "decode/bytes.h"
#include "decode/decoder.h"

#define PACKETS_MAX   256
#define PACKET_MAX    1400
#define HEADER        40
#define ARGUMENTS_MAX 16
#define PATIENCE      20000 /* ms */
#define START_TIME    "1471980632000000000"
#define START_NS      INT64_C(1471980632000000000)

extern char **environ;

static const char *program;

struct packet_seen {
        uint8_t data[PACKET_MAX + 1];
        size_t size;
};

/* A running mdsim, and what was heard of it. */
struct run {
        int socket;
        char to[32];
        pid_t pid;
        int words; /* its standard error */

        struct packet_seen packets[PACKETS_MAX];
        unsigned n;
        char text[1024];

        /* from the packets */
        uint64_t messages, heartbeats, counts[256];
        char last_system;
};

static void open_socket(struct run *run) {
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);

        /* room for a whole run, should we be late; as much as we may have otherwise */
        const int room = PACKETS_MAX * 4096;

        run->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(run->socket >= 0);
        setsockopt(run->socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
        setsockopt(run->socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(bind(run->socket, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(getsockname(run->socket, (struct sockaddr *)&address, &size), 0);
        snprintf(run->to, sizeof(run->to), "127.0.0.1:%u", ntohs(address.sin_port));
}

/* Starts `program arguments...` (the last is NULL), standard error in a pipe, standard output
 * nowhere. */
static void start(struct run *run, const char *const *arguments) {
        char *argv[ARGUMENTS_MAX] = { strdup("mdsim") };
        posix_spawn_file_actions_t actions;
        int ends[2];

        for (unsigned i = 0; arguments[i]; i++) {
                assert_true(i + 2 < ARGUMENTS_MAX);
                argv[i + 1] = strdup(arguments[i]);
        }
        assert_int_equal(pipe(ends), 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
        posix_spawn_file_actions_addclose(&actions, ends[0]);
        posix_spawn_file_actions_addclose(&actions, ends[1]);
        assert_int_equal(posix_spawn(&run->pid, program, &actions, NULL, argv, environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        close(ends[1]);
        run->words = ends[0];
        for (unsigned i = 0; argv[i]; i++)
                free(argv[i]);
}

#define START(run, ...) start(run, (const char *[]){ __VA_ARGS__, NULL })

static void receive(struct run *run) {
        struct packet_seen *packet = &run->packets[run->n];
        ssize_t n;

        assert_true(run->n < PACKETS_MAX);
        n = recv(run->socket, packet->data, sizeof(packet->data), 0);
        assert_in_range(n, HEADER, PACKET_MAX);
        packet->size = (size_t)n;
        run->n++;
}

/* Waits for packet number n; then that many have come. */
static void receive_until(struct run *run, unsigned n) {
        struct pollfd fd = { .fd = run->socket, .events = POLLIN };

        while (run->n < n) {
                assert_int_equal(poll(&fd, 1, PATIENCE), 1);
                receive(run);
        }
}

/* Takes packets, and what it says, until it ends; then its exit status. */
static int end(struct run *run) {
        struct pollfd fds[2] = {
                { .fd = run->socket, .events = POLLIN },
                { .fd = run->words, .events = POLLIN },
        };
        size_t size = 0;
        ssize_t n = 1;
        int status;

        while (n > 0) {
                assert_in_range(poll(fds, 2, PATIENCE), 1, 2);
                if (fds[0].revents) {
                        receive(run); /* all of them, before the end is looked at */
                } else {
                        n = read(run->words, run->text + size, sizeof(run->text) - 1 - size);
                        size += n > 0 ? (size_t)n : 0;
                }
        }
        run->text[size] = '\0';
        close(run->words);
        assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void check_message(struct run *run, const uint8_t *message, size_t size) {
        struct event event;

        assert_int_equal(tops_decoder.decode(message, size, &event), DECODE_OK);
        if (event.type == EVENT_QUOTE && event.u.quote.bid_px != MD_PX_NONE)
                assert_true(event.u.quote.bid_px < event.u.quote.ask_px);
        if (event.type == EVENT_SYSTEM)
                run->last_system = event.u.system;
        run->counts[message[0]]++;
        run->messages++;
}

/* Walks over all packets: one session, no hole in sequence or offset, every message understood. */
static void check_packets(struct run *run) {
        uint64_t sequence = 1, offset = 0;

        for (unsigned i = 0; i < run->n; i++) {
                const uint8_t *data = run->packets[i].data, *message = data + HEADER;
                unsigned count = data[14] | data[15] << 8;

                assert_int_equal(bytes_u32(data), 0x80030001); /* version, protocol */
                assert_int_equal(bytes_u32(data + 4), 1);      /* channel */
                assert_int_equal(bytes_u32(data + 8), bytes_u32(run->packets[0].data + 8));
                assert_int_equal(data[12] | data[13] << 8, run->packets[i].size - HEADER);
                assert_int_equal(bytes_u64(data + 16), offset);
                assert_int_equal(bytes_u64(data + 24), sequence);
                run->heartbeats += !count;
                sequence += count;
                offset += run->packets[i].size - HEADER;
                for (; count; count--) {
                        size_t size = (size_t)(message[0] | message[1] << 8);

                        assert_true(message + 2 + size <= data + run->packets[i].size);
                        check_message(run, message + 2, size);
                        message += 2 + size;
                }
                assert_ptr_equal(message, data + run->packets[i].size);
        }
}

/* The summary on standard error against what came over the network. */
static void check_summary(const struct run *run) {
        unsigned long long messages, packets, heartbeats, dropped, n;
        const char *types = strchr(run->text, '\n');
        uint64_t sum = 0;
        char type;
        int used;

        assert_int_equal(sscanf(run->text,
                                "mdsim: %llu messages in %llu packets, %llu heartbeats, %llu "
                                "dropped by the kernel\n",
                                &messages, &packets, &heartbeats, &dropped),
                         4);
        assert_int_equal(messages, run->messages);
        assert_int_equal(packets + heartbeats, run->n);
        assert_int_equal(heartbeats, run->heartbeats);
        assert_int_equal(dropped, 0);

        assert_non_null(types);
        assert_memory_equal(types, "\nmdsim:", 7);
        for (types += 7; sscanf(types, " %c %llu%n", &type, &n, &used) == 2; types += used) {
                assert_int_equal(n, run->counts[(unsigned char)type]);
                sum += n;
        }
        assert_string_equal(types, "\n");
        assert_int_equal(sum, messages);
}

/* A run to its own end, all of it received and checked. */
static struct run *run_whole(const char *rate, const char *seed) {
        struct run *run = calloc(1, sizeof(*run));

        assert_non_null(run);
        open_socket(run);
        START(run, "--to", run->to, "--rate", rate, "--seed", seed, "--count", "3000",
              "--instruments", "20", "--start-time", START_TIME);
        assert_int_equal(end(run), 0);
        close(run->socket);
        check_packets(run);
        check_summary(run);
        assert_int_equal(run->messages, 3000 + 3);
        assert_int_equal(run->last_system, 'C');
        assert_true(run->counts['Q'] > 1000);
        assert_true(run->counts['T'] > 100);
        return run;
}

static bool same_packets(const struct run *a, const struct run *b) {
        if (a->n != b->n)
                return false;
        for (unsigned i = 0; i < a->n; i++)
                if (a->packets[i].size != b->packets[i].size ||
                    memcmp(a->packets[i].data, b->packets[i].data, a->packets[i].size))
                        return false;
        return true;
}

static void test_paced(void **state) {
        struct run *run = run_whole("20000", "5"), *again = run_whole("20000", "5");
        struct run *other = run_whole("20000", "6");

        (void)state;
        assert_true(same_packets(run, again));
        assert_false(same_packets(run, other));

        /* 3,000 messages at 20 a millisecond; the end comes in one more packet */
        assert_in_range(run->n, 150, 152);
        assert_int_equal(bytes_u64(run->packets[0].data + 32), START_NS);
        assert_int_equal(bytes_u64(run->packets[149].data + 32), START_NS + 149 * 1000000);
        free(run);
        free(again);
        free(other);
}

static void test_unpaced(void **state) {
        struct run *run = run_whole("0", "5"), *again = run_whole("0", "5");

        (void)state;
        assert_true(same_packets(run, again));
        for (unsigned i = 0; i + 1 < run->n; i++)
                assert_true(run->packets[i].size > PACKET_MAX - 82);
        free(run);
        free(again);
}

/* A message every three seconds: heartbeats fill the time, and TERM still ends the session. */
static void test_silence_and_signal(void **state) {
        struct run *run = calloc(1, sizeof(*run));

        (void)state;
        assert_non_null(run);
        open_socket(run);
        START(run, "--to", run->to, "--rate", "0.3");
        receive_until(run, 2);
        assert_int_equal(run->packets[1].size, HEADER);
        assert_int_equal(kill(run->pid, SIGTERM), 0);
        assert_int_equal(end(run), 0);
        close(run->socket);
        check_packets(run);
        check_summary(run);
        assert_true(run->heartbeats >= 1);
        assert_int_equal(run->last_system, 'C');
        free(run);
}

static int status_of(struct run *run, const char *option, const char *value) {
        START(run, option, value);
        return end(run);
}

static void test_command_line(void **state) {
        static const struct {
                const char *option, *value;
        } wrong[] = {
                { "--instruments", "0" },
                { "--instruments", "500001" },
                { "--rate", "-1" },
                { "--rate", "many" },
                { "--rate", "nan" },
                { "--rate", "0.0001" },
                { "--ttl", "256" },
                { "--count", "0" },
                { "--count", "18446744073709551616" },
                { "--seed", "1x" },
                { "--duration", "" },
                { "--start-time", "0" },
                { "--protocol", "fix" },
                { "--loss", "100.5" },
                { "--loss", "1,2,3" },
                { "--loss", "1," },
                { "--duplicate", "-1" },
                { "--reorder", "0.00001" },
                { "--delay", "60001" },
                { "--speed", "fast" },
                { "--speed", "2" }, /* of a recording alone */
                { "--restart-every", "0" },
                { "--unknown", NULL },
                { "more", NULL },
        };
        struct run *run = calloc(1, sizeof(*run));

        (void)state;
        assert_non_null(run);
        run->socket = -1;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                assert_int_equal(status_of(run, wrong[i].option, wrong[i].value), 2);
                assert_true(strlen(run->text) > 0);
        }

        assert_int_equal(status_of(run, "--help", NULL), 0);
        assert_string_equal(run->text, "");
        assert_int_equal(status_of(run, "--version", NULL), 0);
        assert_string_equal(run->text, "");
        free(run);
}

static void test_where_to(void **state) {
        static const char *const wrong[] = {
                "",       "127.0.0.1",   "127.0.0.1:",      ":10378",      "::1:1",
                "[::1]",  "[]:1",        "localhost:1",     "[::1]x:1",    "127.0.0.1:x",
                "[::1:1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+1"
        };
        struct run *run = calloc(1, sizeof(*run));

        (void)state;
        assert_non_null(run);
        run->socket = -1;
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                assert_int_equal(status_of(run, "--to", wrong[i]), 2);
                assert_non_null(strstr(run->text, "ADDRESS:PORT"));
                assert_int_equal(status_of(run, "--to-b", wrong[i]), 2);
                assert_int_equal(status_of(run, "--recovery", wrong[i]), 2);
        }
        assert_int_equal(status_of(run, "--interface", "no-such-one"), 1);
        assert_non_null(strstr(run->text, "no-such-one: No such device"));
        free(run);
}

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_command_line),
                cmocka_unit_test(test_where_to),
                cmocka_unit_test(test_paced),
                cmocka_unit_test(test_unpaced),
                cmocka_unit_test(test_silence_and_signal),
        };

        if (argc != 2) {
                fprintf(stderr, "usage: test-mdsim MDSIM\n");
                return 2;
        }
        program = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
