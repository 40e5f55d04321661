/*
 * Ticks are the same, however their packets come in bursts
 *
 * Recorded packets go through two pipelines. The one ends a burst with each of them, and so has each
 * message published before it sees the next packet; the other ends it after 256. Both must publish the
 * same ticks under the same numbers, across gaps and new beginnings, too, and end with the same figures.
 */

#include <errno.h>
#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "feed/frame.h"
#include "feed/recording.h"
#include "feed/source.h"
#include "pipeline.h"
#include "stream.h"

#define BURST       256
#define LOST        9000 /* packets, of which the last is lost */
#define INSTRUMENTS UINT32_C(8192)
#define JOURNAL     (UINT64_C(1) << 18)
#define OTHERS      20000 /* orders of another stock: too many for ITCH to be taken one by one */
#define OTHERS_TYPE 36    /* bytes of an order that comes */

struct side_by_side {
        struct ev_loop *loop;
        struct segment segment[2];
        struct notifier notifier[2];
        struct pipeline pipeline[2];
        uint64_t packets, ticks;
};

static void open_one(struct side_by_side *both, unsigned i, const struct config_feed *config) {
        const struct segment_params params = { .instruments = INSTRUMENTS, .journal = JOURNAL };
        char name[SEGMENT_NAME_MAX];
        struct segment_why why;

        snprintf(name, sizeof(name), "/mdshmd-test-bursts-%d-%u", getpid(), i);
        both->segment[i] = (struct segment)SEGMENT_INIT;
        assert_int_equal(segment_open(&both->segment[i], name, &params, &why), 0);
        segment_publish(&both->segment[i], "test", 0);
        notifier_init(&both->notifier[i], &both->segment[i]);
        pipeline_init(&both->pipeline[i], both->loop, &both->segment[i], &both->notifier[i]);
        assert_int_equal(pipeline_add(&both->pipeline[i], config), 0);
}

/* The source is opened and never started: the packets are handed over by us, and any file will do. */
static void open_both(struct side_by_side *both, char *protocol, char *framing) {
        char name[] = "test", file[] = "/proc/self/exe";
        const struct config_feed config = {
                .name = name,
                .source = CONFIG_SOURCE_FILE,
                .protocol = protocol,
                .framing = framing,
                .file = file,
        };

        log_init(LOG_ERROR);
        *both = (struct side_by_side){ .loop = ev_loop_new(EVFLAG_AUTO) };
        assert_non_null(both->loop);
        for (unsigned i = 0; i < 2; i++)
                open_one(both, i, &config);
}

static void close_both(struct side_by_side *both) {
        for (unsigned i = 0; i < 2; i++) {
                pipeline_deinit(&both->pipeline[i]);
                segment_retire(&both->segment[i]);
        }
        ev_loop_destroy(both->loop);
}

static void flush(struct side_by_side *both, unsigned i) {
        struct stream *stream = both->pipeline[i].streams[0];

        stream->feed->sink->flush(stream);
}

/* The ticks since the last time. */
static void compare_ticks(struct side_by_side *both) {
        uint64_t newest = segment_newest(&both->segment[0]);

        assert_int_equal(segment_newest(&both->segment[1]), newest);
        assert_true(newest - both->ticks < JOURNAL);
        while (both->ticks < newest) {
                struct md_tick tick[2];

                both->ticks++;
                for (unsigned i = 0; i < 2; i++)
                        assert_int_equal(
                                journal_read(&both->segment[i].journal, both->ticks, &tick[i]),
                                JOURNAL_OK);
                assert_memory_equal(&tick[1], &tick[0], sizeof(tick[0]));
        }
}

static void take(struct side_by_side *both, struct packet *packet) {
        packet->number = ++both->packets;
        if (packet->number % LOST == 0)
                return;
        for (unsigned i = 0; i < 2; i++) {
                struct stream *stream = both->pipeline[i].streams[0];

                stream->feed->sink->packet(stream, packet);
        }
        flush(both, 0);
        if (packet->number % BURST == 0) {
                flush(both, 1);
                compare_ticks(both);
        }
}

static void compare_ends(struct side_by_side *both) {
        const struct segment *segment = both->segment;
        uint32_t n;

        for (unsigned i = 0; i < 2; i++) {
                struct stream *stream = both->pipeline[i].streams[0];

                stream->feed->sink->state(stream, FEED_STATE_ENDED, NULL);
        }
        compare_ticks(both);
        assert_memory_equal(segment_feed(&segment[1], 0), segment_feed(&segment[0], 0),
                            sizeof(struct shm_feed));
        n = directory_count(&segment[0].directory);
        assert_int_equal(directory_count(&segment[1].directory), n);
        for (uint32_t i = 0; i < n; i++)
                assert_memory_equal(directory_get(&segment[1].directory, i),
                                    directory_get(&segment[0].directory, i),
                                    sizeof(struct shm_instrument));
}

static const char *path_of(const char *name) {
        static char path[4096];
        const char *folder = getenv("MDSHMD_TEST_DATA");

        snprintf(path, sizeof(path), "%s/%s", folder ? folder : TEST_DATA, name);
        return path;
}

/* ---- captures ---- */

static void play_capture(struct side_by_side *both, const char *name) {
        struct recording *recording;
        struct recording_frame frame;
        struct recording_why why;
        struct frame payload;

        assert_int_equal(recording_new(&recording, path_of(name), &why), 0);
        while (recording_next(recording, &frame, &why) == RECORDING_OK) {
                struct packet packet = { .ts_recv = frame.time };

                if (frame_parse(&payload, recording_link(recording), frame.data, frame.captured,
                                frame.length) != FRAME_OK)
                        continue;
                packet.data = payload.payload;
                packet.size = payload.size;
                take(both, &packet);
        }
        recording_free(recording);
}

static void test_capture(void **state) {
        static const char *const names[][2] = {
                { "iex-tops", "iex/tops-1.6-2018-01-27.pcap.gz" },
                { "iex-deep", "iex/deep-1.0-2017-04-25.pcap.gz" },
        };
        char protocol[16], framing[] = "iextp";
        struct side_by_side both;

        (void)state;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                snprintf(protocol, sizeof(protocol), "%s", names[i][0]);
                open_both(&both, protocol, framing);
                play_capture(&both, names[i][1]);
                assert_true(both.packets > LOST);
                assert_true(atomic_load(&segment_feed(&both.segment[0], 0)->gaps) > 0);
                compare_ends(&both);
                close_both(&both);
        }
}

/* ---- a file ---- */

/* Takes a message whose length stands before it, as a packet of its own. */
static void take_piece(struct side_by_side *both, uint8_t *piece, size_t size) {
        struct packet packet = { .data = piece, .size = 2 + size };

        piece[0] = (uint8_t)(size >> 8);
        piece[1] = (uint8_t)size;
        take(both, &packet);
}

/* Orders of another stock, under references that the recording does not come to. */
static void play_others(struct side_by_side *both) {
        uint8_t piece[2 + OTHERS_TYPE] = "  A\xff\xff";

        piece[2 + 11] = 0xff;
        piece[2 + 19] = 'B';
        piece[2 + 23] = 100;
        memcpy(piece + 2 + 24, "OTHERS  ", 8);
        piece[2 + 34] = 1;
        for (unsigned i = 0; i < OTHERS; i++) {
                piece[2 + 17] = (uint8_t)(i >> 8);
                piece[2 + 18] = (uint8_t)i;
                take_piece(both, piece, OTHERS_TYPE);
        }
}

static void test_file(void **state) {
        char protocol[] = "itch50", framing[] = "file";
        static uint8_t piece[2 + UINT16_MAX];
        FILE *file = fopen(path_of("nasdaq/aapl-2019-12-30.itch50"), "re");
        struct side_by_side both;

        (void)state;
        assert_non_null(file);
        open_both(&both, protocol, framing);
        play_others(&both);
        while (fread(piece, 2, 1, file) == 1) {
                size_t size = (size_t)piece[0] << 8 | piece[1];

                assert_int_equal(fread(piece + 2, 1, size, file), size);
                take_piece(&both, piece, size);
        }
        fclose(file);
        assert_int_equal(both.packets, OTHERS + 49947);
        assert_int_equal(atomic_load(&segment_feed(&both.segment[0], 0)->bad), 0);
        compare_ends(&both);
        close_both(&both);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_capture),
                cmocka_unit_test(test_file),
        };

        if (access(path_of(""), R_OK) < 0) {
                printf("SKIPPED: no recorded market data: %s: %s\n", path_of(""), strerror(errno));
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
