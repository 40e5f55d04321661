/*
 * A recorded day of DEEP ends in the known state
 *
 * After 5,244 packets all instruments are compared with what other parsers made of the same file, counts
 * of levels included. Then the rest: the venue begins afresh eleven times, and the last packet is cut
 * short.
 */

#include <unistd.h>

#include "book-world.h"
#include "feed/arbiter.h"
#include "feed/frame.h"
#include "feed/framing.h"
#include "feed/recording.h"

#define CAPTURE    "iex/deep-1.0-2017-04-25.pcap.gz"
#define CHECKPOINT "iex/deep-1.0-2017-04-25.first5244pkts"

struct player {
        struct world *world;
        struct recording *recording;
        const struct framing *framing;
        struct arbiter arbiter;
        unsigned resets, others; /* what the arbiter said */
        int end;                 /* how the recording ended */
};

static void on_packet(void *userdata, const struct packet *packet, struct framed *framed,
                      uint32_t skip) {
        struct player *player = userdata;
        struct message message;

        (void)packet;
        player->others += skip;
        while (framed_next(framed, &message))
                world_take(player->world, message.data, message.size);
}

static void on_join(void *userdata, uint64_t first) {
        struct player *player = userdata;

        (void)first;
        player->others++;
}

static void on_gap(void *userdata, uint64_t first, uint64_t n) {
        struct player *player = userdata;

        (void)first;
        (void)n;
        player->others++;
}

static void on_reset(void *userdata, const struct packet *packet, const struct framed *framed) {
        struct player *player = userdata;

        (void)packet;
        (void)framed;
        player->resets++;
        world_begin_afresh(player->world);
}

static const struct arbiter_ops player_ops = {
        .packet = on_packet,
        .join = on_join,
        .gap = on_gap,
        .reset = on_reset,
};

static void take_packet(struct player *player, const struct frame *frame, int64_t now) {
        const struct packet packet = {
                .data = frame->payload,
                .size = frame->size,
                .now = now,
        };
        struct framed framed;

        assert_int_equal(player->framing->parse(&framed, frame->payload, frame->size), 0);
        arbiter_accept(&player->arbiter, &packet, &framed);
}

/* Goes on to packet number `until`, or to the end. */
static void play(struct player *player, uint64_t until) {
        struct recording_frame recorded;
        struct recording_why why;
        struct frame frame;

        while (player->world->packets < until) {
                player->end = recording_next(player->recording, &recorded, &why);
                if (player->end != RECORDING_OK)
                        return;
                assert_int_equal(frame_parse(&frame, recording_link(player->recording),
                                             recorded.data, recorded.captured, recorded.length),
                                 FRAME_OK);
                player->world->packets++;
                take_packet(player, &frame, recorded.time);
        }
}

static void test_recorded_day(void **state) {
        const struct arbiter_params params = { .hole = 5000000, .window = WINDOW_MIN };
        struct player player = { .framing = framing_find("iextp") };
        struct recording_why why;

        (void)state;
        assert_non_null(player.framing);
        player.world = world_new(&deep_decoder);
        assert_int_equal(arbiter_init(&player.arbiter, &params, &player_ops, &player), 0);
        assert_int_equal(recording_new(&player.recording, world_path(CAPTURE), &why), 0);

        play(&player, 5244);
        assert_int_equal(player.resets, 0);
        assert_int_equal(world_compare_counts(player.world, world_path(CHECKPOINT ".counts.csv")),
                         28140);
        assert_int_equal(world_compare(player.world, world_path(CHECKPOINT ".expected.csv")), 7802);
        assert_int_equal(player.world->n, 7802);

        play(&player, UINT64_MAX);
        assert_int_equal(player.end, RECORDING_E_CUT);
        assert_int_equal(player.resets, 11);
        assert_int_equal(player.others, 0);
        assert_int_equal(player.world->messages, 391999);
        assert_int_equal(player.world->refused, 0);
        assert_int_equal(player.arbiter.duplicates, 0);
        arbiter_deinit(&player.arbiter);
        recording_free(player.recording);
        world_free(player.world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded_day),
        };

        if (access(world_path(CAPTURE), R_OK) < 0) {
                fprintf(stderr, "SKIPPED: no recorded market data: %s: %m\n", world_path(CAPTURE));
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
