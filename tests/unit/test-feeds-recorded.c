/* Recorded feeds come through whole: every packet, every message, every new beginning. */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "feed-tape.h"
#include "feed/arbiter.h"
#include "feed/iextp.h"

#define TOPS "iex/tops-1.6-2018-01-27.pcap.gz"
#define DEEP "iex/deep-1.0-2017-04-25.pcap.gz"
#define ITCH "nasdaq/packets"

static const char *data_folder;

/* What IEX-TP says of a recording; the tape must come first. */
struct day {
        struct tape tape;
        struct arbiter arbiter;
        uint64_t messages, heartbeats, broken, gaps, resets, missed;
};

static void on_packet(void *userdata, const struct packet *packet, struct framed *framed,
                      uint32_t skip) {
        struct day *day = userdata;
        struct message message;

        (void)packet;
        assert_int_equal(skip, 0);
        while (framed_next(framed, &message))
                day->messages++;
}

static void on_join(void *userdata, uint64_t first) {
        struct day *day = userdata;

        day->missed += first - 1;
}

static void on_gap(void *userdata, uint64_t first, uint64_t n) {
        struct day *day = userdata;

        (void)first;
        day->gaps++;
        day->missed += n;
}

static void on_reset(void *userdata, const struct packet *packet, const struct framed *framed) {
        struct day *day = userdata;

        (void)packet;
        (void)framed;
        day->resets++;
}

static const struct arbiter_ops day_ops = {
        .packet = on_packet,
        .join = on_join,
        .gap = on_gap,
        .reset = on_reset,
};

static void count_messages(struct tape *tape, const struct packet *packet) {
        struct day *day = (struct day *)tape;
        struct framed segment;

        if (iextp_framing.parse(&segment, packet->data, packet->size) != IEXTP_OK) {
                day->broken++;
                return;
        }
        day->heartbeats += segment.count == 0;
        arbiter_accept(&day->arbiter, packet, &segment);
}

static char *path_of(const char *name) {
        static char path[4096];

        snprintf(path, sizeof(path), "%s/%s", data_folder, name);
        return path;
}

static struct day *play(char *path) {
        static char name[] = "recorded";
        const struct config_feed config = {
                .name = name,
                .source = CONFIG_SOURCE_PCAP,
                .file = path,
        };
        const struct arbiter_params params = { .hole = 5000000, .window = WINDOW_MIN };
        struct day *day = calloc(1, sizeof(*day));

        assert_non_null(day);
        day->tape.then = count_messages;
        assert_int_equal(arbiter_init(&day->arbiter, &params, &day_ops, day), 0);
        assert_int_equal(tape_play(&day->tape, &config), 0);
        arbiter_drain(&day->arbiter);
        assert_true(day->tape.is_over);
        return day;
}

static void day_free(struct day *day) {
        arbiter_deinit(&day->arbiter);
        free(day);
}

/* An unpacked copy under a name that says nothing; the caller unlinks it. */
static void unpack(const char *from, char to[static 32]) {
        static char data[1 << 16];
        gzFile packed = gzopen(from, "rb");
        int fd, n;

        assert_non_null(packed);
        strcpy(to, "/tmp/mdshmd-test-XXXXXX");
        fd = mkstemp(to);
        assert_true(fd >= 0);
        while ((n = gzread(packed, data, sizeof(data))) > 0)
                assert_int_equal(write(fd, data, (unsigned)n), n);
        assert_int_equal(n, 0);
        close(fd);
        gzclose(packed);
}

static void a_day_of_tops_has_no_gap(void **state) {
        struct day *day = play(path_of(TOPS));

        (void)state;
        assert_int_equal(day->tape.state, FEED_STATE_ENDED);
        assert_string_equal(day->tape.text, "ended after 57719 packets");
        assert_int_equal(day->tape.packets, 57719);
        assert_int_equal(day->tape.skips, 0);
        assert_int_equal(day->tape.cut, 0);
        assert_int_equal(day->messages, 99871);
        assert_int_equal(day->heartbeats, 7955);
        assert_int_equal(day->broken + day->gaps + day->resets, 0);
        assert_int_equal(day->missed + day->arbiter.duplicates + day->arbiter.strangers, 0);
        day_free(day);
}

static void a_day_of_deep_begins_afresh_eleven_times(void **state) {
        struct day *day = play(path_of(DEEP));

        (void)state;
        assert_int_equal(day->tape.state, FEED_STATE_ENDED);
        assert_string_equal(day->tape.text, "ended after 121314 packets; "
                                            "the recording is cut off in packet 121315");
        assert_int_equal(day->tape.packets, 121314);
        assert_int_equal(day->tape.skips, 0);
        assert_int_equal(day->messages, 391999);
        assert_int_equal(day->heartbeats, 7937);
        assert_int_equal(day->resets, 11);
        assert_int_equal(day->broken + day->gaps, 0);
        assert_int_equal(day->missed + day->arbiter.duplicates + day->arbiter.strangers, 0);
        day_free(day);
}

static void the_name_of_a_file_does_not_matter(void **state) {
        static const char *const names[] = { TOPS, DEEP };
        struct day *packed, *plain;
        char copy[32];

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                unpack(path_of(names[i]), copy);
                packed = play(path_of(names[i]));
                plain = play(copy);
                unlink(copy);
                assert_string_equal(plain->tape.text, packed->tape.text);
                assert_int_equal(plain->tape.packets, packed->tape.packets);
                assert_int_equal(plain->tape.bytes, packed->tape.bytes);
                assert_int_equal(plain->tape.digest, packed->tape.digest);
                assert_int_equal(plain->messages, packed->messages);
                day_free(packed);
                day_free(plain);
        }
}

/* MoldUDP64: ten bytes of session, eight of the sequence number, two of the count. */
static void count_itch(struct tape *tape, const struct packet *packet) {
        struct day *day = (struct day *)tape;

        assert_true(packet->size >= 20);
        day->messages += (unsigned)packet->data[18] << 8 | packet->data[19];
}

static void tagged_frames_of_another_venue_are_read(void **state) {
        DIR *folder = opendir(path_of(ITCH));
        uint64_t files = 0, messages = 0;
        struct dirent *entry;

        (void)state;
        assert_non_null(folder);
        while ((entry = readdir(folder))) {
                struct day day = { .tape.then = count_itch };
                char path[4400];
                const struct config_feed config = {
                        .name = entry->d_name,
                        .source = CONFIG_SOURCE_PCAP,
                        .file = path,
                };

                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "%s/%s", path_of(ITCH), entry->d_name);
                assert_int_equal(tape_play(&day.tape, &config), 0);
                assert_int_equal(day.tape.state, FEED_STATE_ENDED);
                assert_int_equal(day.tape.skips, 0);
                assert_true(day.tape.packets >= 1);
                messages += day.messages;
                files++;
        }
        closedir(folder);
        assert_int_equal(files, 23);
        assert_int_equal(messages, 117);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_day_of_tops_has_no_gap),
                cmocka_unit_test(a_day_of_deep_begins_afresh_eleven_times),
                cmocka_unit_test(the_name_of_a_file_does_not_matter),
                cmocka_unit_test(tagged_frames_of_another_venue_are_read),
        };
        static const char *const needed[] = { TOPS, DEEP, ITCH };

        data_folder = getenv("MDSHMD_TEST_DATA");
        if (!data_folder)
                data_folder = TEST_DATA;
        for (size_t i = 0; i < 3; i++) {
                if (access(path_of(needed[i]), R_OK) < 0) {
                        fprintf(stderr, "SKIPPED: no recorded market data: %s: %m\n",
                                path_of(needed[i]));
                        return 77;
                }
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
