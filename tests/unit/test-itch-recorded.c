/*
 * Recorded order flow of ITCH ends in the known state
 *
 * After 10,000 messages of one stock, joined in mid-session, all is compared with what another parser
 * made of them; and each of a folder of single packets holds the messages that its name says.
 */

#include <dirent.h>
#include <unistd.h>

#include "book-world.h"
#include "feed/frame.h"
#include "feed/framing.h"
#include "feed/recording.h"

#define SLICE      "nasdaq/aapl-2019-12-30.itch50"
#define CHECKPOINT "nasdaq/aapl-2019-12-30.first10000msgs"
#define PACKETS    "nasdaq/packets"
#define CHUNK      65536

/* The messages of a file, each behind its length; stops after `until` of them in all. */
static void play_file(struct world *world, FILE *file, uint64_t until) {
        static uint8_t message[CHUNK];
        uint8_t length[2];

        while (world->messages < until && fread(length, 1, 2, file) == 2) {
                size_t size = (size_t)length[0] << 8 | length[1];

                assert_int_equal(fread(message, 1, size, file), size);
                world_take(world, message, size);
        }
}

static void test_recorded_slice(void **state) {
        _cleanup_(fclosep) FILE *file = fopen(world_path(SLICE), "re");
        struct world *world = world_new(&itch50_decoder);
        const struct book_stats *stats;

        (void)state;
        assert_non_null(file);
        play_file(world, file, 10000);
        assert_int_equal(world_compare_counts(world, world_path(CHECKPOINT ".counts.csv")), 10000);
        assert_int_equal(world_compare(world, world_path(CHECKPOINT ".expected.csv")), 1);
        assert_int_equal(world->n, 1);
        assert_true(world->instruments[0].last[MD_QUOTE].flags & MD_FLAG_MAYBE_BAD_BOOK);

        play_file(world, file, UINT64_MAX);
        stats = book_stats(world->book);
        assert_int_equal(world->messages, 49947);
        assert_int_equal(world->refused, 0);
        assert_int_equal(stats->unknown_refs, 3970);
        assert_int_equal(stats->duplicate_refs + stats->overruns + stats->unkept, 0);
        world_free(world);
}

/* The one type of message that a name stands for; 0: several. */
static char type_of(const char *name) {
        static const struct {
                const char *part;
                char type;
        } parts[] = {
                { "AddOrderNoM", 'A' },
                { "AddOrderWithMPID", 'F' },
                { "CrossTrade", 'Q' }, /* NonCrossTrade is looked for first */
                { "LULDAuctionCollar", 'J' },
                { "MarketParticipantPosition", 'L' },
                { "NetOrderImbalanceIndicator", 'I' },
                { "OrderCancel", 'X' },
                { "OrderDelete", 'D' },
                { "OrderExecutedWithPrice", 'C' },
                { "OrderExecuted", 'E' },
                { "OrderReplace", 'U' },
                { "RegSHORestriction", 'Y' },
                { "StockTradingAction", 'H' },
                { "SystemEvent", 'S' },
        };

        if (strstr(name, "Multiple"))
                return 0;
        if (strstr(name, "NonCrossTrade"))
                return 'P';
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
                if (strstr(name, parts[i].part))
                        return parts[i].type;
        fail_msg("%s stands for no type of message", name);
        return 0;
}

static void take_packets(struct world *world, const char *path, char type) {
        const struct framing *framing = framing_find("moldudp64");
        struct recording_frame recorded;
        struct recording *recording;
        struct recording_why why;
        struct message message;
        struct framed framed;
        struct frame frame;

        assert_non_null(framing);
        assert_int_equal(recording_new(&recording, path, &why), 0);
        while (recording_next(recording, &recorded, &why) == RECORDING_OK) {
                assert_int_equal(frame_parse(&frame, recording_link(recording), recorded.data,
                                             recorded.captured, recorded.length),
                                 FRAME_OK);
                assert_int_equal(framing->parse(&framed, frame.payload, frame.size), 0);
                while (framed_next(&framed, &message)) {
                        assert_true(!type || message.data[0] == (uint8_t)type);
                        world_take(world, message.data, message.size);
                }
        }
        recording_free(recording);
}

static void test_recorded_packets(void **state) {
        struct world *world = world_new(&itch50_decoder);
        DIR *folder = opendir(world_path(PACKETS));
        struct dirent *entry;
        unsigned files = 0, types = 0;

        (void)state;
        assert_non_null(folder);
        while ((entry = readdir(folder))) {
                char path[8192];

                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "%s/%s", world_path(PACKETS), entry->d_name);
                take_packets(world, path, type_of(entry->d_name));
                files++;
        }
        closedir(folder);
        for (unsigned i = 0; i < 256; i++)
                types += world->counts[i] > 0;
        assert_int_equal(files, 23);
        assert_int_equal(world->messages, 117);
        assert_int_equal(types, 15);
        assert_int_equal(world->refused, 0);
        world_free(world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded_slice),
                cmocka_unit_test(test_recorded_packets),
        };
        static const char *const needed[] = { SLICE, PACKETS };

        for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
                if (access(world_path(needed[i]), R_OK) < 0) {
                        fprintf(stderr, "SKIPPED: no recorded market data: %s: %m\n",
                                world_path(needed[i]));
                        return 77;
                }
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
