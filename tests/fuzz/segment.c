/*
 * A segment that something has spoilt, and spoils on
 *
 * A small segment with a bit of everything is changed as the input says, opened as a client opens it, and
 * read by the calls of the library while more of it is changed. Each call ends, with an answer or a
 * sentence; what it gives out lies within its bounds.
 */

#include <errno.h>
#include <sys/stat.h>

#include "file.h"
#include "mdclient.h"
#include "publish/publisher.h"
#include "shm/segment.h"

#define INSTRUMENTS 12
#define CAPACITY    16
#define JOURNAL     64
#define DEPTH       2
#define MANY        (CAPACITY * MD_PLACES)

struct world {
        struct md_client *client; /* NULL: not opened yet */
        struct memory_file file;
        char *map;   /* of the file, to write */
        size_t size; /* of the file, which may have lost its end */
};

/* As a daemon has left it; made once. */
static char *whole;
static size_t whole_size;

static void fill(struct segment *segment) {
        struct publisher publisher;

        publisher_init(&publisher, segment);
        CHECK(segment_claim_feed(segment, "own", "udp", "itch50") == 0);
        counters_add(&segment->counters, 0, "a counter");
        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                struct shm_instrument entry = { .venue = "XFUZ", .close_px = MD_PX_NONE };
                struct depth_image image = { .bid_levels = i % 4, .ask_levels = 1 };

                snprintf(entry.symbol, sizeof(entry.symbol), "I%u", i / 2);
                memcpy(entry.venue, i % 2 ? "XFUZ" : "XOTH", 4);
                CHECK(directory_add(&segment->directory, &entry) == i);
                publisher_put_depth(&publisher, i, &image);
        }
        for (uint32_t i = 0; i < 2 * JOURNAL + 10; i++) {
                struct md_tick tick = { .instrument = i % INSTRUMENTS,
                                        .kind = (uint16_t)(i / INSTRUMENTS % 9) };

                publisher_put(&publisher, &tick);
        }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        const struct segment_params params = { CAPACITY, JOURNAL, DEPTH };
        struct segment segment;
        struct segment_why why;
        char name[32];

        (void)argc;
        (void)argv;
        snprintf(name, sizeof(name), "/mdshmd-fuzz-%d", getpid());
        CHECK(segment_open(&segment, name, &params, &why) == 0);
        segment_publish(&segment, "fuzz", 1);
        fill(&segment);
        whole_size = segment.size;
        whole = malloc(whole_size);
        CHECK(whole);
        memcpy(whole, segment.header, whole_size);
        segment_retire(&segment);
        return 0;
}

/* ---- spoiling ---- */

/* A place in the header, or in one of its sections, however large the others are. */
static size_t draw_place(struct input *input) {
        const struct shm_header *header = (const struct shm_header *)(const void *)whole;
        uint8_t which = input_u8(input);
        const struct shm_section *section = &header->section[which % 8];

        if (which >= 128 || !section->kind)
                return input_u16(input) % sizeof(*header) & ~(size_t)7;
        return section->offset +
               (input_u16(input) * sizeof(uint64_t) % (section->count * section->stride) &
                ~(size_t)7);
}

static void spoil(struct world *world, struct input *input, uint8_t how) {
        static const uint64_t words[] = { 0, 1, INT64_MAX, UINT64_MAX, UINT32_MAX, 1ULL << 63 };
        size_t place = draw_place(input);
        uint64_t word;

        if (place + sizeof(word) > world->size)
                return;
        memcpy(&word, world->map + place, sizeof(word));
        switch (how & 3) {
        case 0:
                word = input_u64(input);
                break;
        case 1:
                word += (uint64_t)(int8_t)input_u8(input);
                break;
        case 2:
                word ^= UINT64_C(1) << input_u8(input) % 64;
                break;
        default:
                word = words[how / 4 % (sizeof(words) / sizeof(*words))];
        }
        memcpy(world->map + place, &word, sizeof(word));
}

/* ---- reading ---- */

/* A call that ends well, or with an error and a sentence. */
static int checked(struct world *world, int r) {
        CHECK(r >= 0 || *md_error(world->client));
        return r;
}

static void read_instrument(struct world *world, uint8_t which) {
        struct md_instrument instrument = { 0 };
        uint32_t index;

        CHECK(md_instruments(world->client) <= whole_size / sizeof(struct shm_instrument));
        if (checked(world, md_instrument(world->client, which, &instrument)) < 0)
                return;
        CHECK(strlen(instrument.symbol) <= SYMBOL_SIZE && strlen(instrument.venue) <= VENUE_SIZE);
        checked(world, md_lookup(world->client, instrument.symbol, NULL, &index));
        if (checked(world, md_lookup(world->client, instrument.symbol, instrument.venue, &index)) ==
            0)
                CHECK(index < CAPACITY);
}

static void look_up(struct world *world, uint8_t which) {
        char symbol[8];
        uint32_t index;

        snprintf(symbol, sizeof(symbol), "I%u", which % INSTRUMENTS);
        if (checked(world, md_lookup(world->client, symbol, "XFUZ", &index)) == 0)
                checked(world, md_subscribe(world->client, index));
        checked(world, md_subscribe_symbol(world->client, symbol, NULL));
}

static void read_many(struct world *world, uint8_t which) {
        struct md_tick ticks[MANY];
        unsigned char moved[MANY];

        for (unsigned i = 0; i < MANY; i++)
                ticks[i] = (struct md_tick){ .instrument = i / MD_PLACES, .kind = i % MD_PLACES };
        checked(world, md_read_many(world->client, ticks, which % MANY, moved));
}

static void read_lines(struct world *world, const struct md_feed *feed) {
        struct md_feed_line line;

        CHECK(feed->lines <= FEED_LINES);
        for (uint32_t i = 0; i < feed->lines; i++)
                CHECK(md_feed_line(world->client, feed->feed, i, &line) == 0);
        CHECK(md_feed_line(world->client, feed->feed, FEED_LINES, &line) == -EINVAL);
}

static void read_figures(struct world *world) {
        struct md_counter counter;
        struct md_health health;
        struct md_feed feed;

        CHECK(md_counters(world->client) <= whole_size / sizeof(struct shm_counter));
        for (uint32_t i = 0; i < md_counters(world->client); i++)
                if (checked(world, md_counter(world->client, i, &counter)) == 0)
                        CHECK(strlen(counter.label) < sizeof(counter.label));
        for (uint32_t i = 0; i < md_feeds(world->client) && i < 256; i++)
                if (checked(world, md_feed(world->client, i, &feed)) == 0) {
                        CHECK(strlen(feed.name) < sizeof(feed.name) &&
                              strlen(feed.source) < sizeof(feed.source) &&
                              strlen(feed.protocol) < sizeof(feed.protocol));
                        read_lines(world, &feed);
                }
        CHECK(md_health(world->client, &health) == 0);
        CHECK(strlen(health.version) < sizeof(health.version));
        md_lagging(world->client);
}

/* Every tick, or every change, until there is none. There can be no more than there is room for. */
static void read_stream(struct world *world, bool merged) {
        struct md_change change;
        unsigned taken = 0;
        int r;

        do {
                r = checked(world, merged ? md_next(world->client, &change)
                                          : md_follow(world->client, &change.tick, NULL));
                CHECK(taken++ < 100000);
        } while (r > 0);
}

/* The depth is read by those who map the segment themselves. */
static void read_depth(struct world *world, uint8_t which) {
        struct depth_image image;
        struct segment_why why;
        struct segment segment;

        if (segment_attach(&segment, world->file.fd, &why) < 0) {
                CHECK(*why.text);
                return;
        }
        if (which < segment.depth.count)
                depth_read(&segment.depth, which, &image);
        segment_detach(&segment);
}

static void read_by(struct world *world, struct input *input, uint8_t how) {
        struct md_tick tick;

        switch (how >> 2 & 15) {
        case 0:
                read_instrument(world, input_u8(input));
                break;
        case 1:
                look_up(world, input_u8(input));
                break;
        case 2:
                how = input_u8(input);
                checked(world, md_read(world->client, how >> 4, how & 15, &tick));
                break;
        case 3:
                read_many(world, input_u8(input));
                break;
        case 4:
                read_figures(world);
                break;
        case 5:
                checked(world, md_subscribe_all(world->client));
                break;
        case 6:
                checked(world, md_subscribe_pattern(world->client, "I[1-4]", "X*"));
                break;
        case 7:
                checked(world, md_subscribe_kinds(world->client, input_u8(input)));
                break;
        case 8:
                checked(world, md_seek(world->client, input_u8(input)));
                break;
        case 9:
                checked(world, md_dispatch(world->client, 0));
                break;
        case 10:
                read_depth(world, input_u8(input));
                break;
        case 11: {
                char path[64];

                snprintf(path, sizeof(path), "/dev/shm/mdshmd-fuzz-%d.save", getpid());
                if (checked(world, md_save(world->client, path)) == 0)
                        unlink(path);
                break;
        }
        case 12:
        case 13:
                read_stream(world, true);
                break;
        default:
                read_stream(world, false);
        }
}

static void open_it(struct world *world) {
        struct md_client *client;

        CHECK(md_new(&client) == 0);
        if (md_open_file(client, world->file.path) == 0) {
                world->client = client;
                return;
        }
        CHECK(*md_error(client));
        md_free(client);
}

static void step(struct world *world, struct input *input) {
        uint8_t op = input_u8(input);

        if (!(op & 0x40))
                spoil(world, input, op);
        else if (world->client)
                read_by(world, input, op);
        else
                open_it(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        struct world world = { .file = memory_file_new(whole, whole_size), .size = whole_size };
        uint16_t cut = input_u16(&input);

        world.map = mmap(NULL, whole_size, PROT_READ | PROT_WRITE, MAP_SHARED, world.file.fd, 0);
        CHECK(world.map != MAP_FAILED);
        if (cut >= 0x8000) {
                world.size = cut * UINT64_C(64) % whole_size;
                CHECK(ftruncate(world.file.fd, (off_t)world.size) == 0);
        }
        while (input.size)
                step(&world, &input);
        md_free(world.client);
        munmap(world.map, whole_size);
        memory_file_free(&world.file);
        return 0;
}
