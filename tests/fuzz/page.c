/*
 * Control pages, with whatever in them
 *
 * Three readers fill their pages with what the input says, while the daemon publishes. After each burst a
 * reader has been woken if its page, read by the words of shm/control.h, asked for that, and else not; nobody
 * is woken twice for one arming. What the pages say of themselves is listed to a peer that asks.
 */

#include <errno.h>
#include <unistd.h>

#include "host.h"
#include "shm/control.h"

#define READERS 3

struct world {
        struct host host;
        struct peer_try reader[READERS], asker;
        struct md_tick burst[2 * HOST_JOURNAL]; /* ticks since the last flush */
        unsigned n;
        uint32_t grown; /* instruments since then */
        int64_t count;
};

/* ---- who has to be woken ---- */

static bool wants(const struct control *page, const struct md_tick *tick) {
        if (!(atomic_load(&page->kinds) >> tick->kind & 1))
                return false;
        return atomic_load(&page->all) ||
               atomic_load(&page->interest[tick->instrument / 64]) >> tick->instrument % 64 & 1;
}

static bool must_wake(const struct world *world, const struct control *page) {
        if (atomic_load(&page->armed) != 1)
                return false;
        if (world->grown && atomic_load(&page->growth) == 1)
                return true;
        /* more than the journal holds: nobody can tell any more */
        if (world->n > HOST_JOURNAL)
                return true;
        for (unsigned i = 0; i < world->n; i++)
                if (wants(page, &world->burst[i]))
                        return true;
        return false;
}

/* Bytes in its pipe, which is empty afterwards. */
static unsigned woken(struct peer_try *reader) {
        char bytes[64];
        ssize_t n = read(reader->fds[WIRE_FD_WAKE], bytes, sizeof(bytes));

        CHECK(n > 0 || (n < 0 && errno == EAGAIN));
        return n > 0 ? (unsigned)n : 0;
}

static void flush(struct world *world) {
        bool expected[READERS];

        for (unsigned i = 0; i < READERS; i++)
                expected[i] = world->reader[i].map && must_wake(world, world->reader[i].map);
        notifier_flush(&world->host.notifier);
        for (unsigned i = 0; i < READERS; i++) {
                struct control *page = world->reader[i].map;

                if (!page)
                        continue;
                CHECK(woken(&world->reader[i]) == expected[i]);
                CHECK(!expected[i] || atomic_load(&page->armed) == 0);
        }
        world->n = 0;
        world->grown = 0;
}

/* ---- what happens ---- */

static void publish(struct world *world, uint32_t instrument, unsigned kind) {
        struct md_tick tick = { .instrument = instrument, .kind = (uint16_t)kind };

        if (world->n < 2 * HOST_JOURNAL)
                world->burst[world->n++] = tick;
        publisher_put(&world->host.pipeline.publisher, &tick);
}

static void grow(struct world *world) {
        struct shm_instrument entry = { .feed = 0, .close_px = MD_PX_NONE };

        snprintf(entry.symbol, sizeof(entry.symbol), "G%lld", (long long)world->count++);
        if (directory_add(&world->host.segment.directory, &entry) >= 0)
                world->grown++;
}

static void write_noise(struct peer_try *reader, struct input *input) {
        size_t words = reader->map_size / sizeof(uint32_t);
        uint8_t place = input_u8(input);
        uint32_t word = place & 0x80 ? input_u32(input) : input_u8(input);

        atomic_store((_Atomic uint32_t *)reader->map + (place & 0x7f) % words, word);
}

static void come_or_go(struct world *world, struct peer_try *reader) {
        if (!reader->map) {
                CHECK(peer_register(reader, &world->host, WIRE_ROLE_READER, ""));
                return;
        }
        peer_close(reader);
        host_turn(&world->host);
}

static void ask(struct world *world) {
        struct wire_request request = { .header = { WIRE_CLIENTS, sizeof(request) } };
        _Alignas(8) char message[WIRE_SIZE_MAX];
        unsigned clients = 1; /* it sees itself, too */
        uint32_t said;

        for (unsigned i = 0; i < READERS; i++)
                clients += world->reader[i].map != NULL;
        peer_send(&world->asker, &request, sizeof(request), 0);
        host_turn(&world->host);
        while ((said = peer_take(&world->asker, message)) == WIRE_CLIENT)
                clients--;
        CHECK(said == WIRE_DONE && clients == 0);
}

static void step(struct world *world, struct input *input) {
        uint8_t op = input_u8(input);
        struct peer_try *reader = &world->reader[(op >> 4) % READERS];

        switch (op & 15) {
        case 0:
        case 1:
        case 2:
        case 3:
                if (reader->map)
                        write_noise(reader, input);
                break;
        case 4:
        case 5:
                if (reader->map)
                        control_arm(reader->map);
                break;
        case 6:
                if (reader->map)
                        control_interest_set(reader->map, op >> 5, op >> 4 & 1);
                break;
        case 7:
                for (unsigned n = input_u8(input) % HOST_JOURNAL; n > 0; n--)
                        publish(world, op >> 5, n % MD_PLACES);
                break;
        case 8:
                grow(world);
                break;
        case 9:
                come_or_go(world, reader);
                break;
        case 10:
                ask(world);
                break;
        case 11:
        case 12:
                publish(world, op >> 5, input_u8(input) % MD_PLACES);
                break;
        default:
                flush(world);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        static struct world world;

        memset(&world, 0, sizeof(world));
        host_init(&world.host);
        world.asker = PEER_NONE;
        for (unsigned i = 0; i < READERS; i++) {
                world.reader[i] = PEER_NONE;
                CHECK(peer_register(&world.reader[i], &world.host, WIRE_ROLE_READER, ""));
        }
        CHECK(peer_register(&world.asker, &world.host, WIRE_ROLE_CONTROL, ""));
        while (input.size)
                step(&world, &input);
        for (unsigned i = 0; i < READERS; i++)
                peer_close(&world.reader[i]);
        peer_close(&world.asker);
        host_deinit(&world.host);
        return 0;
}
