/* Files of messages play, at their own pace, up to what is wrong with them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "capture-try.h"
#include "feed/lengths.h"

#define ITCH "nasdaq/aapl-2019-12-30.itch50"

/* What was handed on; the tape must come first. */
struct reading {
        struct tape tape;
        uint64_t messages, bytes;
        uint64_t first; /* packet.number of the first piece */
        uint64_t wrong; /* messages that are not number `messages` of a file made here */
        bool foreign;   /* it was not made here */
};

static void put_be16(unsigned value) {
        const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };

        put(bytes, sizeof(bytes));
}

/* Message `n`: an ITCH message as far as its time, then its number. */
static void put_message(uint64_t n, int64_t time) {
        uint8_t head[11] = { 'A' };

        for (unsigned i = 0; i < 6; i++)
                head[5 + i] = (uint8_t)((uint64_t)time >> 8 * (5 - i));
        put_be16((unsigned)(sizeof(head) + sizeof(n)));
        put(head, sizeof(head));
        put(&n, sizeof(n));
}

static void make_messages(uint64_t n, int64_t step) {
        capture.size = 0;
        for (uint64_t i = 0; i < n; i++)
                put_message(i, 34500 * NS_PER_S + (int64_t)i * step);
}

static void read_piece(struct tape *tape, const struct packet *packet) {
        struct reading *reading = (struct reading *)tape;
        struct framed framed;
        struct message message;
        uint64_t n;

        if (!reading->messages)
                reading->first = packet->number;
        assert_int_equal(packet->number, reading->messages + 1);
        assert_int_equal(packet->ts_recv, 0);
        assert_int_equal(lengths_framing.parse(&framed, packet->data, packet->size), LENGTHS_OK);
        for (; framed_next(&framed, &message); reading->messages++) {
                reading->bytes += message.size;
                if (reading->foreign)
                        continue;
                memcpy(&n, message.data + 11, sizeof(n));
                reading->wrong += n != reading->messages;
        }
}

static struct config_feed file_config(void) {
        struct config_feed file = config();

        file.source = CONFIG_SOURCE_FILE;
        return file;
}

static struct reading play_file(const struct config_feed *config) {
        struct reading reading = { .tape.then = read_piece };

        play_with(&reading.tape, config);
        assert_int_equal(reading.wrong, 0);
        return reading;
}

static void whole_files_are_read_whole(void **state) {
        const struct config_feed file = file_config();

        (void)state;
        for (unsigned packed = 0; packed < 2; packed++) {
                struct reading reading;

                make_messages(30000, 1000);
                if (packed)
                        pack();
                save();
                reading = play_file(&file);
                assert_int_equal(reading.messages, 30000);
                assert_int_equal(reading.tape.state, FEED_STATE_ENDED);
                assert_string_equal(reading.tape.text, "ended after 30000 messages");
                assert_int_equal(reading.tape.skips, 0);
        }
}

static void as_many_are_read_as_are_asked_for(void **state) {
        static const uint64_t wanted[] = { 1, 63, 64, 65, 999, 1000, 1001 };
        struct config_feed file = file_config();

        (void)state;
        make_messages(1000, 1000);
        save();
        for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
                struct reading reading;
                char text[128];

                file.messages = wanted[i];
                reading = play_file(&file);
                assert_int_equal(reading.messages, wanted[i] < 1000 ? wanted[i] : 1000);
                snprintf(text, sizeof(text),
                         wanted[i] <= 1000 ? "ended after %d messages, as many as were asked for"
                                           : "ended after %d messages",
                         (int)reading.messages);
                assert_string_equal(reading.tape.text, text);
        }
}

static void a_file_that_is_cut_off_is_read_to_its_last_whole_message(void **state) {
        const struct config_feed file = file_config();
        size_t size;

        (void)state;
        make_messages(100, 1000);
        size = capture.size;
        for (size_t cut = 1; cut <= 21; cut++) {
                struct reading reading;

                save_part(size - cut);
                reading = play_file(&file);
                assert_int_equal(reading.messages, 99);
                assert_int_equal(reading.tape.state, FEED_STATE_ENDED);
                assert_string_equal(reading.tape.text,
                                    cut < 21 ? "ended after 99 messages; "
                                               "the file is cut off in message 100"
                                             : "ended after 99 messages");
        }

        /* and one that lost the end of its packing */
        pack();
        save_part(capture.size - 12);
        assert_non_null(strstr(play_file(&file).tape.text, "the file is cut off in message "));
}

static void what_is_not_what_it_says_is_damaged(void **state) {
        const struct config_feed file = file_config();
        struct reading reading = { .tape.then = read_piece, .foreign = true };

        (void)state;
        make_messages(40000, 1001);
        pack();
        capture.data[capture.size / 2] ^= 0xff;
        capture.data[capture.size / 2 + 1] ^= 0xff;
        save();
        play_with(&reading.tape, &file);
        assert_int_equal(reading.tape.state, FEED_STATE_DOWN);
        assert_non_null(strstr(reading.tape.text, "the file is damaged in message "));
}

static void a_message_without_length_is_the_end(void **state) {
        const struct config_feed file = file_config();
        struct reading reading;

        (void)state;
        make_messages(10, 1000);
        put_be16(0);
        put_message(77, 0);
        save();
        reading = play_file(&file);
        assert_int_equal(reading.messages, 10);
        assert_string_equal(reading.tape.text, "ended after 10 messages");

        make_messages(0, 0);
        save();
        reading = play_file(&file);
        assert_int_equal(reading.messages, 0);
        assert_string_equal(reading.tape.text, "ended after 0 messages");
}

static void the_longest_message_fits(void **state) {
        const struct config_feed file = file_config();
        struct reading reading = { .tape.then = read_piece, .foreign = true };
        static uint8_t long_one[UINT16_MAX];

        (void)state;
        capture.size = 0;
        for (unsigned i = 0; i < 5; i++) {
                put_be16(UINT16_MAX);
                put(long_one, sizeof(long_one));
                put_be16(1);
                put("S", 1);
        }
        save();
        play_with(&reading.tape, &file);
        assert_int_equal(reading.messages, 10);
        assert_int_equal(reading.bytes, 5 * (UINT16_MAX + 1));
}

static void rounds_begin_afresh(void **state) {
        struct reading reading = { .tape.then = read_piece, .foreign = true };
        struct config_feed file = file_config();

        (void)state;
        make_messages(10, 1000);
        save();
        file.loop = true;
        file.messages = 45;
        play_with(&reading.tape, &file);
        assert_int_equal(reading.messages, 45);
        assert_int_equal(reading.tape.restarts, 4);

        /* a file without a message is not read for ever */
        make_messages(0, 0);
        save();
        reading = (struct reading){ .tape.then = read_piece };
        play_with(&reading.tape, &file);
        assert_int_equal(reading.tape.restarts, 0);
}

static void the_pace_is_that_of_the_messages(void **state) {
        struct config_feed file = file_config();
        struct reading reading;

        (void)state;
        make_messages(11, 40 * NS_PER_MS);
        save();
        file.speed = 2;
        reading = play_file(&file);
        assert_int_equal(reading.messages, 11);
        /* none before its time; on a busy machine several of them may come at once */
        for (unsigned i = 0; i < reading.tape.packets; i++) {
                bool is_last = i + 1 == reading.tape.packets;
                uint64_t next = is_last ? 12 : reading.tape.packet[i + 1].number;
                int64_t due = ((int64_t)next - 2) * 20 * NS_PER_MS;

                assert_true(reading.tape.packet[i].came - reading.tape.began >= due);
        }
}

static void a_recorded_day_is_read_whole(void **state) {
        const char *folder = getenv("MDSHMD_TEST_DATA");
        struct config_feed file = file_config();
        struct reading reading = { .tape.then = read_piece, .foreign = true };
        char recorded[4096];

        (void)state;
        snprintf(recorded, sizeof(recorded), "%s/" ITCH, folder ? folder : TEST_DATA);
        if (access(recorded, R_OK) < 0) {
                fprintf(stderr, "SKIPPED: no recorded market data: %s: %m\n", recorded);
                skip();
        }
        file.file = recorded;
        play_with(&reading.tape, &file);
        assert_string_equal(reading.tape.text, "ended after 49947 messages");
        assert_int_equal(reading.messages, 49947);
        assert_int_equal(reading.bytes, 1476474 - 2 * 49947);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_files_are_read_whole),
                cmocka_unit_test(as_many_are_read_as_are_asked_for),
                cmocka_unit_test(a_file_that_is_cut_off_is_read_to_its_last_whole_message),
                cmocka_unit_test(what_is_not_what_it_says_is_damaged),
                cmocka_unit_test(a_message_without_length_is_the_end),
                cmocka_unit_test(the_longest_message_fits),
                cmocka_unit_test(rounds_begin_afresh),
                cmocka_unit_test(the_pace_is_that_of_the_messages),
                cmocka_unit_test(a_recorded_day_is_read_whole),
        };

        return cmocka_run_group_tests(tests, make_file, remove_file);
}
