/*
 * A whole feed: packets of any content through framing, arbiter, decoder and book into a segment
 *
 * The first byte chooses the protocol. Then come packets: made from messages under numbers that go on from
 * the ones before, or not, or noise. They are played from a recording through the daemon's own
 * pipeline. What then stands in the segment goes together: numbers without a hole, ticks that can be, in
 * the table the newest of each, and depth that begins with the quote.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>

#include "file.h"
#include "host.h"
#include "shm/valid.h"
#include "stream.h"
#include "unit/capture-try.h"

#define PACKET_MAX 1500

struct world {
        struct host host;
        bool is_mold;
        uint16_t protocol; /* of IEX-TP */
        uint64_t next;     /* number of the next message */
        int64_t sent;
        unsigned packets; /* in the recording */
};

static char feed_names[][8] = { "tops", "deep", "itch" },
            protocols[][16] = { "iex-tops", "iex-deep", "itch50" };

/* ---- packets ---- */

static void write_number(uint8_t *at, uint64_t n, unsigned size, bool big_endian) {
        for (unsigned i = 0; i < size; i++)
                at[big_endian ? size - 1 - i : i] = (uint8_t)(n >> 8 * i);
}

static size_t header_size(const struct world *world) {
        return world->is_mold ? 20 : 40;
}

static void write_header(const struct world *world, uint8_t *at, uint8_t session, uint64_t first,
                         unsigned count, size_t size) {
        if (world->is_mold) {
                memset(at, '0' + session, 10);
                write_number(at + 10, first, 8, true);
                write_number(at + 18, count, 2, true);
                return;
        }
        memset(at, 0, 40);
        at[0] = 1;
        write_number(at + 2, world->protocol, 2, false);
        write_number(at + 4, 1, 4, false);
        write_number(at + 8, session, 4, false);
        write_number(at + 12, size, 2, false);
        write_number(at + 14, count, 2, false);
        write_number(at + 24, first, 8, false);
        write_number(at + 32, (uint64_t)world->sent, 8, false);
}

/* A packet of up to 15 messages, each a length and so many bytes of the input. */
static size_t make_packet(struct world *world, struct input *input, uint8_t packet[PACKET_MAX]) {
        uint8_t how = input_u8(input);
        int8_t step = how & 0x10 ? (int8_t)input_u8(input) : 0;
        size_t at = header_size(world), size;
        unsigned count = how & 15;

        world->next += (uint64_t)(int64_t)step;
        world->sent += how & 0x20 ? -1000 : 1000;
        for (unsigned i = 0; i < count; i++) {
                size = input_u8(input) % 90;
                write_number(packet + at, size, 2, world->is_mold);
                input_take(input, packet + at + 2, size);
                at += 2 + size;
        }
        write_header(world, packet, how >> 6, world->next, count, at - header_size(world));
        world->next += count;
        return at;
}

static size_t make_noise(struct input *input, uint8_t packet[PACKET_MAX]) {
        size_t size = input_u8(input);

        input_take(input, packet, size);
        return size;
}

/* A recording of all packets, at the times that the input says. */
static void record_feed(struct world *world, struct input *input) {
        uint8_t packet[PACKET_MAX], frame[2048];
        int64_t time = START;
        size_t size;
        uint8_t op;

        begin_classic(true, DLT_EN10MB);
        while (input->size && capture.size < FILE_MAX - 2 * sizeof(frame)) {
                op = input_u8(input);
                time += (int64_t)(op & 15) * NS_PER_MS;
                size = op >= 0xf0 ? make_noise(input, packet) : make_packet(world, input, packet);
                memcpy(frame + make_frame(frame, size, 0, 17) - size, packet, size);
                put_record(time, true, frame, HEADERS + size, HEADERS + size);
                world->packets++;
        }
}

/* ---- what must stand in the segment ---- */

static void check_depth(const struct segment *segment, uint32_t instrument,
                        const struct md_tick *quote) {
        const struct shm_instrument *entry = directory_get(&segment->directory, instrument);
        int64_t bid = MD_PX_NONE, ask = MD_PX_NONE;
        struct depth_image image;

        if (!depth_read(&segment->depth, instrument, &image))
                return;
        CHECK(image.bid_levels == atomic_load(&entry->bid_levels));
        CHECK(image.ask_levels == atomic_load(&entry->ask_levels));
        CHECK(image.orders == atomic_load(&entry->orders));
        if (image.bid_levels)
                bid = image.bid[0].px;
        if (image.ask_levels)
                ask = image.ask[0].px;
        /* without a quote there has never been a level to show */
        CHECK(quote->seq ? quote->u.quote.bid_px == bid && quote->u.quote.ask_px == ask
                         : bid == MD_PX_NONE && ask == MD_PX_NONE);
}

static void check_table(const struct segment *segment, bool of_orders,
                        uint64_t newest[HOST_INSTRUMENTS][MD_PLACES]) {
        struct md_tick tick;

        for (uint32_t i = 0; i < directory_count(&segment->directory); i++)
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        CHECK(table_read(&segment->table, &segment->journal, i, kind, &tick) == 0);
                        CHECK(tick.seq <= segment_newest(segment));
                        CHECK(!newest[i][kind] || tick.seq == newest[i][kind]);
                        CHECK(!tick.seq || (tick.instrument == i && tick.kind == kind));
                        /* a book of levels may be in the middle of an event */
                        if (kind == MD_QUOTE && of_orders)
                                check_depth(segment, i, &tick);
                }
}

static void check_ticks(const struct world *world, bool of_orders) {
        const struct segment *segment = &world->host.segment;
        uint64_t newest[HOST_INSTRUMENTS][MD_PLACES] = { { 0 } };
        uint64_t last = segment_newest(segment);
        struct md_tick tick;

        for (uint64_t seq = last < HOST_JOURNAL ? 1 : last - HOST_JOURNAL + 1; seq <= last; seq++) {
                CHECK(journal_read(&segment->journal, seq, &tick) == JOURNAL_OK && tick.seq == seq);
                if (tick.kind == MD_SYSTEM)
                        continue;
                CHECK(!valid_tick(&tick));
                CHECK(tick.instrument < directory_count(&segment->directory));
                if (tick.kind < MD_PLACES)
                        newest[tick.instrument][tick.kind] = seq;
        }
        check_table(segment, of_orders, newest);
}

static void check_figures(const struct stream *stream, unsigned packets) {
        const struct shm_feed *record = stream->record;

        CHECK(atomic_load(&record->packets) == packets);
        CHECK(atomic_load(&record->state) == FEED_ENDED ||
              atomic_load(&record->state) == FEED_DOWN);
        CHECK(atomic_load(&record->instruments) <= HOST_INSTRUMENTS);
        CHECK(window_is_empty(&stream->arbiter.window));
}

/* ---- the way ---- */

static void play_feed(struct world *world, unsigned choice) {
        struct memory_file file = memory_file_new(capture.data, capture.size);
        const struct config_feed config = {
                .name = feed_names[choice],
                .source = CONFIG_SOURCE_PCAP,
                .protocol = protocols[choice],
                .file = file.path,
                .hole = 5 * NS_PER_MS,
                .hole_buffer = 1 << 18,
        };
        struct stream *stream;

        CHECK(pipeline_add(&world->host.pipeline, &config) == 0);
        stream = world->host.pipeline.streams[2];
        feed_start(stream->feed);
        for (unsigned i = 0; i < 10000 && !stream->health.state; i++)
                host_turn(&world->host);
        while (atomic_load(&stream->record->state) == FEED_LIVE ||
               atomic_load(&stream->record->state) == FEED_RECOVERING)
                host_turn(&world->host);
        check_figures(stream, world->packets);
        check_ticks(world, choice == 2);
        memory_file_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const uint16_t iextp[] = { 0x8003, 0x8004, 0 };
        struct input input = { data, size };
        unsigned choice = input_u8(&input) % 3;
        static struct world world;

        memset(&world, 0, sizeof(world));
        host_init(&world.host);
        world.is_mold = choice == 2;
        world.protocol = iextp[choice];
        world.next = 1;
        world.sent = START;
        record_feed(&world, &input);
        play_feed(&world, choice);
        host_deinit(&world.host);
        return 0;
}
