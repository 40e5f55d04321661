/*
 * The publisher's ring, with whatever in it
 *
 * A publisher is registered and has two instruments, and another feed has one. Then it does in turn what a
 * publisher does (puts ticks, knocks), what it should not (ticks that cannot be, heads that cannot be, noise
 * in any word of the ring, knocks without end, words on the socket), and leaves. Whatever it was, each tick
 * in the journal is one that can be, of an instrument of its feed, and a publisher that kept to the rules
 * finds there what it put, tick by tick.
 */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host.h"
#include "shm/ring.h"
#include "shm/valid.h"

#define KEPT 4096 /* ticks of an honest publisher */

struct world {
        struct host host;
        struct peer_try publisher, other;
        uint64_t head; /* of an honest publisher */
        bool honest;
        struct md_tick put[KEPT];
        unsigned n_put, n_seen;
        uint64_t next; /* number of the next tick in the journal */
};

static struct ring *ring_of(struct world *world) {
        return world->publisher.map;
}

/* ---- what comes out ---- */

static void check_tick(struct world *world, const struct md_tick *tick) {
        const struct md_tick *put = &world->put[world->n_seen];

        CHECK(tick->seq == world->next);
        if (tick->kind == MD_SYSTEM)
                return;
        CHECK(!valid_tick(tick) &&
              tick->instrument < directory_count(&world->host.segment.directory));
        CHECK(directory_get(&world->host.segment.directory, tick->instrument)->feed == 0);
        CHECK(tick->ts_recv);
        if (!world->honest)
                return;
        CHECK(world->n_seen < world->n_put);
        CHECK(tick->instrument == put->instrument && tick->kind == put->kind &&
              tick->flags == put->flags && tick->ts_event == put->ts_event &&
              !memcmp(&tick->u, &put->u, sizeof(tick->u)));
        world->n_seen++;
}

/* Looks at what has been published since. */
static void look(struct world *world) {
        const struct segment *segment = &world->host.segment;
        struct md_tick tick;

        for (; world->next <= segment_newest(segment); world->next++) {
                int r = journal_read(&segment->journal, world->next, &tick);

                if (r == JOURNAL_LAPPED) {
                        /* more than a journal at once; an honest one is looked at after each ring */
                        CHECK(!world->honest);
                        continue;
                }
                CHECK(r == JOURNAL_OK);
                check_tick(world, &tick);
        }
}

static void turn(struct world *world) {
        host_turn(&world->host);
        look(world);
}

/* ---- what the publisher does ---- */

static void define(struct world *world, struct peer_try *peer, const char *symbol) {
        struct wire_define define = { .header = { WIRE_DEFINE, sizeof(define) }, .lot = 1 };
        _Alignas(8) char message[WIRE_SIZE_MAX];

        strcpy(define.symbol, symbol);
        peer_send(peer, &define, sizeof(define), 0);
        host_turn(&world->host);
        CHECK(peer_take(peer, message) == WIRE_DEFINED);
        CHECK(((struct wire_defined *)(void *)message)->result == 0);
}

static void come(struct world *world) {
        if (!peer_register(&world->publisher, &world->host, WIRE_ROLE_PUBLISHER, "own"))
                return; /* the one before is not gone yet */
        define(world, &world->publisher, "A");
        define(world, &world->publisher, "B");
        world->head = 0;
        look(world);
        world->honest = true;
        world->n_put = world->n_seen = 0;
}

static struct md_tick make_tick(struct input *input) {
        uint8_t how = input_u8(input), kind = input_u8(input);
        struct md_tick tick = {
                /* the last of them are another feed's, and nobody's */
                .instrument = how & 0x10 ? how & 3 : how & 1,
                .kind = kind & 0x80 ? kind % 12 : kind % MD_PLACES,
                .flags = how & 0x40 ? input_u16(input) : MD_FLAG_LAST,
                .ts_event = how,
        };

        if (how & 0x80)
                input_take(input, &tick.u, sizeof(tick.u));
        else if (tick.kind == MD_QUOTE)
                tick.u.quote = (struct md_quote){ how, how + 1, 1, 2 };
        else if (tick.kind == MD_TRADE)
                tick.u.trade = (struct md_trade){ .px = how, .sz = 1, .volume = 1 };
        return tick;
}

static void put(struct world *world, struct input *input) {
        struct md_tick tick = make_tick(input);
        struct ring *ring = ring_of(world);

        if (world->honest && (!ring_room(ring, HOST_RING, world->head) || world->n_put == KEPT))
                return;
        if (valid_tick(&tick) || tick.instrument > 1)
                world->honest = false;
        else
                world->put[world->n_put % KEPT] = tick;
        world->n_put++;
        ring_put(ring, HOST_RING, world->head++, &tick);
}

static void knock(struct world *world, unsigned times, bool polite) {
        if (polite && !ring_must_knock(ring_of(world)))
                return;
        world->honest = world->honest && polite;
        while (times--)
                if (send(world->publisher.fds[WIRE_FD_DOORBELL], "", 1,
                         MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                        return;
}

static void write_noise(struct world *world, struct input *input) {
        char *at = world->publisher.map;
        size_t words = world->publisher.map_size / sizeof(uint64_t);
        uint64_t word, place = input_u16(input) % (words + words / 4);

        /* the first words more often than their number deserves */
        place = place < words ? place : place % 16;
        word = input_u64(input);
        memcpy(at + place * sizeof(word), &word, sizeof(word));
        world->honest = false;
}

static void step(struct world *world, struct input *input) {
        uint8_t op = input_u8(input);

        if (!world->publisher.map) {
                come(world);
                return;
        }
        switch (op & 15) {
        case 0:
        case 1:
        case 2:
                put(world, input);
                break;
        case 3:
                for (unsigned i = op >> 4; i > 0; i--)
                        put(world, input);
                break;
        case 4:
        case 5:
                knock(world, 1, true);
                turn(world);
                break;
        case 6:
                knock(world, 1 + (op >> 4), false);
                turn(world);
                break;
        case 7:
                write_noise(world, input);
                break;
        case 8: /* a head that is near to what it should be, or anywhere */
                world->head = op & 0x80 ? input_u64(input) : world->head + input_u8(input) - 64;
                atomic_store(&ring_of(world)->head, world->head);
                world->honest = false;
                break;
        case 9:
                ring_wait(ring_of(world));
                break;
        case 10:
                peer_send(&world->publisher, "something", 9, 0);
                world->honest = false;
                break;
        case 11:
                if (op >> 4)
                        break;
                world->honest = false; /* its quotes are given out again, as stale ones */
                peer_close(&world->publisher);
                turn(world);
                break;
        default:
                turn(world);
        }
}

/* An honest one that goes on knocking when it has to finds all of its ticks. */
static void finish(struct world *world) {
        for (unsigned i = 0; i < 8 && world->honest && world->publisher.map; i++) {
                knock(world, 1, true);
                turn(world);
        }
        if (world->honest && world->publisher.map)
                CHECK(world->n_seen == world->n_put);
        world->honest = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        static struct world world;

        memset(&world, 0, sizeof(world));
        host_init(&world.host);
        world.publisher = world.other = PEER_NONE;
        world.next = 1;
        CHECK(peer_register(&world.other, &world.host, WIRE_ROLE_PUBLISHER, "other"));
        come(&world);
        define(&world, &world.other, "C");
        while (input.size)
                step(&world, &input);
        finish(&world);
        peer_close(&world.publisher);
        peer_close(&world.other);
        turn(&world);
        host_deinit(&world.host);
        return 0;
}
