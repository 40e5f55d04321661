/*
 * Registration: several peers at once, each with whatever messages, in whatever order
 *
 * Each operation is one peer's: it comes, from this user or another; says something that is right, or
 * nearly so, or noise; sends descriptors; reads what the daemon says, or does not; leaves with half of its
 * socket, or whole. In between the loop takes a turn, ticks are published, and the config changes. What the
 * daemon says has to be whole messages of the protocol.
 */

#include <sys/socket.h>

#include "host.h"

#define PEERS 6
#define MORE  256 /* requests: their answers are more than a socket holds */

struct world {
        struct host host;
        struct peer_try peer[PEERS];
};

/* The words of a real message, and what the input would have otherwise. */
static void say_hello(struct peer_try *peer, struct input *input) {
        static const char *const feeds[] = { "own", "other", "", "none" };
        uint8_t how = input_u8(input);
        struct wire_hello hello = {
                .header = { WIRE_HELLO, sizeof(hello) },
                .version = how & 0x80 ? input_u32(input) : WIRE_VERSION,
                .role = how & 3 ? how & 3 : input_u8(input),
        };

        strcpy(hello.feed, feeds[how >> 2 & 3]);
        if (how & 0x10)
                input_take(input, hello.name, sizeof(hello.name));
        if (how & 0x20)
                input_take(input, hello.feed, sizeof(hello.feed));
        if (how & 0x40)
                hello.header.size += input_u8(input) - 128u;
        peer_send(peer, &hello, sizeof(hello), 0);
}

static void say_noise(struct peer_try *peer, struct input *input, bool framed, unsigned n_fds) {
        uint16_t size = (uint16_t)(input_u16(input) % 700);
        uint8_t *bytes = calloc(1, size + sizeof(struct wire_header));

        CHECK(bytes);
        input_take(input, bytes, size);
        if (framed && size >= sizeof(struct wire_header))
                memcpy(bytes + 4, &(uint32_t){ size }, 4);
        peer_send(peer, bytes, size, n_fds);
        free(bytes);
}

static void define(struct peer_try *peer, struct input *input) {
        uint8_t how = input_u8(input);
        struct wire_define define = {
                .header = { WIRE_DEFINE, sizeof(define) },
                .size_exp = (int8_t)input_u8(input) / 6,
                .lot = how & 0x10 ? (int64_t)input_u64(input) : 1,
                .close_px = how & 0x10 ? (int64_t)input_u64(input) : MD_PX_NONE,
                .flags = how & 0x20 ? input_u32(input) : 0,
        };

        snprintf(define.symbol, sizeof(define.symbol), "I%u", how & 15);
        if (how & 0x40)
                input_take(input, define.symbol, sizeof(define.symbol));
        if (how & 0x80)
                input_take(input, define.venue, sizeof(define.venue));
        peer_send(peer, &define, sizeof(define), 0);
}

static void request(struct world *world, struct peer_try *peer, uint32_t opcode, unsigned times) {
        struct wire_request request = { .header = { opcode, sizeof(request) } };

        while (times-- && peer_send(peer, &request, sizeof(request), 0))
                host_turn(&world->host);
}

static void change_config(struct world *world, uint8_t how) {
        struct config *config = &world->host.config;

        config->access.read.all = how & 1;
        config->access.publish.all = how & 2;
        config->access.control.all = how & 4;
        config->limits.clients = how & 8 ? HOST_CLIENTS : 1;
        config->limits.hello_ms = how & 16 ? 3600000 : 0;
}

static void step(struct world *world, struct input *input) {
        uint8_t op = input_u8(input);
        struct peer_try *peer = &world->peer[(op >> 4) % PEERS];
        _Alignas(8) char message[WIRE_SIZE_MAX];

        switch (op & 15) {
        case 0:
        case 1:
                peer_connect(peer, &world->host, op & 1);
                break;
        case 2:
        case 3:
                say_hello(peer, input);
                break;
        case 4:
        case 5:
                say_noise(peer, input, op & 1, 0);
                break;
        case 6:
                say_noise(peer, input, true, 1 + input_u8(input) % 8);
                break;
        case 7:
                define(peer, input);
                break;
        case 8:
                request(world, peer, WIRE_CLIENTS + input_u8(input) % 6, 1);
                break;
        case 9:
                request(world, peer, op & 0x10 ? WIRE_ABOUT : WIRE_CLIENTS, MORE);
                break;
        case 10:
                while (peer_take(peer, message))
                        continue;
                break;
        case 11:
                peer_take(peer, message);
                break;
        case 12:
                if (peer->fd >= 0)
                        shutdown(peer->fd, op >> 6 & 1 ? SHUT_WR : SHUT_RD);
                break;
        case 13:
                peer_close(peer);
                break;
        case 14:
                change_config(world, input_u8(input));
                break;
        default:
                host_publish(&world->host, (op >> 4) % HOST_INSTRUMENTS, op);
                notifier_flush(&world->host.notifier);
        }
        if (!(op & 0x80))
                host_turn(&world->host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        static struct world world;

        host_init(&world.host);
        for (unsigned i = 0; i < PEERS; i++)
                world.peer[i] = PEER_NONE;
        while (input.size)
                step(&world, &input);
        for (unsigned i = 0; i < PEERS; i++)
                peer_close(&world.peer[i]);
        host_deinit(&world.host);
        return 0;
}
