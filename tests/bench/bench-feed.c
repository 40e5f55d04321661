/*
 * Feeds, from packets in memory to ticks in the segment
 *
 * Each feed is read once. Then it goes through the daemon's own pipeline again and again, on one
 * processor: framing, arbiter, decoder, book, publisher, and the end of each burst, which wakes.
 * The yardstick walks over the same messages, checks their framing, and decodes nothing. For TOPS
 * there is also one row for each stage that comes in.
 *
 * All numbers are per message. Between two rounds, off the clock, the session begins afresh, so
 * that each round has the same books to fill, the same bars to open and the same highs to set.
 */

#include <stdlib.h>

#include "bench.h"
#include "book/book.h"
#include "decode/decoder.h"
#include "feed/framing.h"
#include "feed/source.h"
#include "feeds.h"
#include "host.h"
#include "pipeline.h"
#include "stream.h"

#define INSTRUMENTS UINT32_C(16384)
#define JOURNAL     (UINT64_C(1) << 20)
#define BURST       256 /* packets, as the pcap source has them */

struct player {
        struct tape tape;
        struct pipeline pipeline;
        struct stream *stream;
        uint64_t sum; /* of what was looked at, so that it had to be */
};

enum reach { REACH_WALK, REACH_DECODE, REACH_BOOK, REACH_PUBLISH };

/* `reach` is a constant wherever this is called. */
__attribute__((always_inline)) static inline void take_message(struct player *player,
                                                               const struct packet *packet,
                                                               const struct message *message,
                                                               enum reach reach) {
        struct md_tick ticks[BOOK_TICKS];
        struct event event;
        uint32_t instrument;
        unsigned n;

        if (reach == REACH_WALK) {
                player->sum += message->data[0];
                return;
        }
        if (tops_decoder.decode(message->data, message->size, &event) != DECODE_OK)
                return;
        bench_keep(&event);
        if (reach == REACH_DECODE || event.type == EVENT_SYSTEM)
                return;

        instrument = symbols_find(&player->stream->symbols, event.symbol);
        if (instrument == SYMBOLS_NONE)
                return;
        n = book_apply(player->stream->book, instrument, &event, ticks);
        for (unsigned i = 0; i < n; i++) {
                ticks[i].ts_recv = packet->ts_recv;
                bench_keep(&ticks[i]);
                if (reach == REACH_PUBLISH)
                        publisher_put(&player->pipeline.publisher, &ticks[i]);
        }
}

__attribute__((always_inline)) static inline void play(struct player *player, enum reach reach) {
        const struct framing *framing = player->tape.framing;

        for (uint64_t i = 0; i < player->tape.n_packets; i++) {
                const struct packet *packet = &player->tape.packets[i];
                struct message message;
                struct framed framed;

                if (framing->parse(&framed, packet->data, packet->size))
                        continue;
                while (framed_next(&framed, &message))
                        take_message(player, packet, &message, reach);
        }
        bench_keep(player);
}

/* The number of messages is the tape's; nobody has to count them. */
#define PLAY(name, reach)                                                                          \
        static void name(void *userdata, uint64_t n) {                                             \
                (void)n;                                                                           \
                play(userdata, reach);                                                             \
        }
PLAY(walk, REACH_WALK)
PLAY(decode, REACH_DECODE)
PLAY(decode_book, REACH_BOOK)
PLAY(decode_book_publish, REACH_PUBLISH)
#undef PLAY

static void whole_pipeline(void *userdata, uint64_t n) {
        struct player *player = userdata;
        const struct feed_sink *sink = player->stream->feed->sink;

        (void)n;
        for (uint64_t i = 0; i < player->tape.n_packets; i++) {
                sink->packet(player->stream, &player->tape.packets[i]);
                if (i % BURST == BURST - 1)
                        sink->flush(player->stream);
        }
        sink->flush(player->stream);
}

static void begin_afresh(void *userdata) {
        struct player *player = userdata;

        player->stream->feed->sink->restart(player->stream);
}

/* The last contender is the whole pipeline, and the first one the yardstick. */
static void compare(struct player *player, const struct bench_feed *feed) {
        struct bench_contender contenders[] = {
                { "walk", walk, begin_afresh, player },
                { "decode", decode, begin_afresh, player },
                { "decode, book", decode_book, begin_afresh, player },
                { "decode, book, publish", decode_book_publish, begin_afresh, player },
                { "the whole pipeline", whole_pipeline, begin_afresh, player },
        };
        size_t n = sizeof(contenders) / sizeof(*contenders);
        char what[64];

        if (feed != &bench_feeds[FEED_TOPS]) {
                contenders[1] = contenders[n - 1];
                n = 2;
        }
        bench_compete_for(feed->rounds, contenders, n, player->tape.messages);
        for (size_t i = 1; i < n; i++) {
                snprintf(what, sizeof(what), "%s: %s", feed->title, contenders[i].name);
                bench_row(what, contenders[i].ns, "walking the messages", contenders[0].ns);
        }
        bench_note("", 1e3 / contenders[n - 1].ns, "million messages per second");
}

/* The feed has the file source, opened and never started: its packets are handed over by us, and
 * any file will do. The first round makes the instruments. */
static int open_pipeline(struct player *player, struct host *host, const struct bench_feed *feed) {
        char name[] = "bench", file[] = "/proc/self/exe", protocol[16], framing[16];
        const struct config_feed config = {
                .name = name,
                .source = CONFIG_SOURCE_FILE,
                .protocol = protocol,
                .framing = framing,
                .file = file,
        };
        int r;

        snprintf(protocol, sizeof(protocol), "%s", feed->protocol);
        snprintf(framing, sizeof(framing), "%s", player->tape.framing->name);
        pipeline_init(&player->pipeline, host->loop, &host->segment, &host->notifier);
        r = pipeline_add(&player->pipeline, &config);
        if (r < 0)
                return r;
        player->stream = player->pipeline.streams[0];
        whole_pipeline(player, 0);
        return 0;
}

static int measure(const struct bench_feed *feed) {
        struct player player = { 0 };
        struct host host;
        int r;

        if (!bench_feed_init(&player.tape, feed))
                return 0;
        r = host_init(&host, INSTRUMENTS, JOURNAL);
        if (r == 0) {
                r = open_pipeline(&player, &host, feed);
                if (r == 0)
                        compare(&player, feed);
                pipeline_deinit(&player.pipeline);
                host_deinit(&host);
        }
        tape_deinit(&player.tape);
        return r;
}

int main(void) {
        cpu_set_t allowed;
        int r = 0;

        bench_computes();
        bench_title("Feeds, per message");
        sched_getaffinity(0, sizeof(allowed), &allowed);
        bench_pin(&allowed, 0);
        for (unsigned i = 0; i < FEEDS_N && r == 0; i++)
                r = measure(&bench_feeds[i]);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
