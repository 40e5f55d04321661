/*
 * A recorded day of TOPS, from packets in memory to ticks in the segment
 *
 * The capture is read once. Then it goes through the stages again and again, one stage more in each
 * row, and at last through the daemon's own pipeline, which also arbitrates, counts and wakes. The
 * yardstick walks over the same messages, checks their framing, and decodes nothing.
 *
 * All numbers are per message. Between two rounds, off the clock, the session begins afresh, so that
 * each round has the same bars to open and the same highs to set.
 */

#include <errno.h>
#include <stdlib.h>

#include "bench.h"
#include "book/book.h"
#include "decode/decoder.h"
#include "feed/iextp.h"
#include "feed/source.h"
#include "host.h"
#include "pipeline.h"
#include "stream.h"
#include "tape.h"

#define CAPTURE     "iex/tops-1.6-2018-01-27.pcap.gz"
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
        for (uint64_t i = 0; i < player->tape.n_packets; i++) {
                const struct packet *packet = &player->tape.packets[i];
                struct message message;
                struct framed segment;

                if (iextp_framing.parse(&segment, packet->data, packet->size) != IEXTP_OK)
                        continue;
                while (framed_next(&segment, &message))
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

static void compare(struct player *player) {
        struct bench_contender contenders[] = {
                { "walk", walk, begin_afresh, player },
                { "decode", decode, begin_afresh, player },
                { "decode, book", decode_book, begin_afresh, player },
                { "decode, book, publish", decode_book_publish, begin_afresh, player },
                { "the whole pipeline", whole_pipeline, begin_afresh, player },
        };
        const size_t n = sizeof(contenders) / sizeof(*contenders);

        bench_compete(contenders, n, player->tape.messages);
        for (size_t i = 1; i < n; i++)
                bench_row(contenders[i].name, contenders[i].ns, "walking the messages",
                          contenders[0].ns);
        bench_note("the whole pipeline", 1e3 / contenders[n - 1].ns, "million messages per second");
        bench_note("messages per packet",
                   (double)player->tape.messages / (double)player->tape.n_packets, "");
}

/* The feed is the pcap source of this very capture, opened and never started: its packets are handed
 * over by us. The first round makes the instruments. */
static int open_pipeline(struct player *player, struct host *host, char *path) {
        char name[] = "bench", protocol[] = "iex-tops";
        const struct config_feed feed = {
                .name = name,
                .source = CONFIG_SOURCE_PCAP,
                .protocol = protocol,
                .file = path,
        };
        int r;

        pipeline_init(&player->pipeline, host->loop, &host->segment, &host->notifier);
        r = pipeline_add(&player->pipeline, &feed);
        if (r < 0)
                return r;
        player->stream = player->pipeline.streams[0];
        whole_pipeline(player, 0);
        return 0;
}

static int measure(struct player *player, char *path) {
        struct host host;
        cpu_set_t allowed;
        int r;

        sched_getaffinity(0, sizeof(allowed), &allowed);
        bench_pin(&allowed, 0);
        r = host_init(&host, INSTRUMENTS, JOURNAL);
        if (r < 0)
                return r;
        r = open_pipeline(player, &host, path);
        if (r == 0)
                compare(player);
        pipeline_deinit(&player->pipeline);
        host_deinit(&host);
        return r;
}

int main(void) {
        const char *folder = getenv("MDSHMD_TEST_DATA");
        struct player player = { 0 };
        char path[512];
        int r;

        bench_title("A feed, per message");
        snprintf(path, sizeof(path), "%s/" CAPTURE, folder ? folder : TEST_DATA);
        if (access(path, R_OK) < 0) {
                printf("  SKIPPED: no recorded market data: %s: %s\n", path, strerror(errno));
                return 77;
        }
        r = tape_init(&player.tape, path);
        if (r == 0)
                r = measure(&player, path);
        tape_deinit(&player.tape);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
