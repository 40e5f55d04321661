/* Recordings play: what is in them, and what is wrong with them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture-try.h"

/* What feed_new() says of the file, with its sentence in the log. */
static int refusal(char *file, char text[static 512]) {
        char log_path[] = "/tmp/mdshmd-test-XXXXXX";
        struct config_feed refused = config();
        struct tape tape = { 0 };
        int log = mkstemp(log_path), stderr_fd = dup(STDERR_FILENO), r;
        ssize_t n;

        assert_true(log >= 0 && stderr_fd >= 0);
        unlink(log_path);
        refused.file = file;
        dup2(log, STDERR_FILENO);
        r = tape_play(&tape, &refused);
        dup2(stderr_fd, STDERR_FILENO);
        n = pread(log, text, 511, 0);
        text[n > 0 ? n : 0] = '\0';
        close(stderr_fd);
        close(log);
        assert_int_equal(tape.states + tape.packets, 0);
        return r;
}

static void assert_refused(char *file, int r, const char *words) {
        char text[512];

        assert_int_equal(refusal(file, text), r);
        assert_non_null(strstr(text, "tester"));
        assert_non_null(strstr(text, file));
        assert_non_null(strstr(text, words));
}

/* ---- what is refused ---- */

static void what_is_no_file_is_refused(void **state) {
        char none[] = "/tmp/mdshmd-there-is-no-such-file", folder[] = "/tmp";
        char fifo[sizeof(path) + 8];

        (void)state;
        assert_refused(none, -ENOENT, "No such file");
        assert_refused(folder, -EINVAL, "not a regular file");
        snprintf(fifo, sizeof(fifo), "%s.fifo", path);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_refused(fifo, -EINVAL, "not a regular file");
        unlink(fifo);
}

static void what_is_no_capture_is_refused(void **state) {
        (void)state;
        save_part(0);
        assert_refused(path, -EINVAL, "not a capture file");

        capture.size = 0;
        put("symbol,venue,bid_px,bid_sz\n", 27);
        save();
        assert_refused(path, -EINVAL, "not a capture file");
        pack();
        save();
        assert_refused(path, -EINVAL, "not a capture file");
        /* a damaged gzip file */
        capture.data[12] ^= 0xff;
        capture.data[13] ^= 0xff;
        save();
        assert_refused(path, -EINVAL, "it is damaged");

        begin_classic(true, DLT_IEEE802_11);
        save();
        assert_refused(path, -EINVAL, "link layer");
}

/* ---- what comes out ---- */

static void every_format_gives_the_same(void **state) {
        const int64_t times[] = { START, START + 1, START + 2 * NS_PER_S };
        uint8_t frame[2048];
        struct tape tape;
        size_t size;

        (void)state;
        for (unsigned format = 0; format < 6; format++) {
                bool is_nano = format / 2 != 0;

                if (format / 2 == 2)
                        begin_pcapng();
                else
                        begin_classic(is_nano, DLT_EN10MB);
                for (unsigned i = 0; i < 3; i++) {
                        size = make_frame(frame, 10 + i, (uint8_t)('a' + i), 17);
                        if (format / 2 == 2)
                                put_block(times[i], frame, size);
                        else
                                put_record(times[i], is_nano, frame, size, size);
                }
                if (format % 2)
                        pack();
                save();

                tape = play();
                assert_int_equal(tape.packets, 3);
                assert_int_equal(tape.flushes, 1);
                assert_int_equal(tape.states, 2);
                assert_int_equal(tape.state, FEED_STATE_ENDED);
                assert_string_equal(tape.text, "ended after 3 packets");
                for (unsigned i = 0; i < 3; i++) {
                        int64_t time = is_nano ? times[i] : times[i] / 1000 * 1000;

                        memset(frame, 'a' + (int)i, 10 + i);
                        assert_int_equal(tape.packet[i].size, 10 + i);
                        assert_memory_equal(tape.packet[i].data, frame, 10 + i);
                        assert_int_equal(tape.packet[i].ts_recv, time);
                        assert_int_equal(tape.packet[i].number, i + 1);
                        assert_false(tape.packet[i].cut);
                }
        }
}

static void frames_without_a_packet_are_skipped(void **state) {
        uint8_t frame[2048];
        struct tape tape;
        size_t size;

        (void)state;
        begin_classic(true, DLT_EN10MB);
        size = make_frame(frame, 10, 'a', 17);
        put_record(START, true, frame, size, size);
        size = make_frame(frame, 10, 'b', 6);
        put_record(START, true, frame, size, size);
        size = make_frame(frame, 10, 'c', 17);
        put_record(START, true, frame, size, size);
        save();

        tape = play();
        assert_int_equal(tape.packets, 2);
        assert_int_equal(tape.packet[1].number, 3);
        assert_int_equal(tape.skips, 1);
        assert_int_equal(tape.skipped, 2);
        assert_string_equal(tape.cause, "not UDP");
        assert_string_equal(tape.text, "ended after 3 packets");
}

static void packets_recorded_in_part_are_cut(void **state) {
        uint8_t frame[2048];
        struct tape tape;
        size_t size;

        (void)state;
        begin_classic(true, DLT_EN10MB);
        size = make_frame(frame, 100, 'a', 17);
        put_record(START, true, frame, size, size);
        put_record(START, true, frame, 96, size);
        put_record(START, true, frame, 40, size);
        save();

        tape = play();
        assert_int_equal(tape.packets, 2);
        assert_int_equal(tape.cut, 1);
        assert_true(tape.packet[1].cut);
        assert_int_equal(tape.packet[1].size, 96 - HEADERS);
        assert_int_equal(tape.skipped, 3);
}

static void a_file_cut_off_anywhere_is_read_up_to_there(void **state) {
        const size_t header = 24, record = 16 + HEADERS;
        const size_t end[] = { header, header + record + 1, header + 2 * record + 3 };

        (void)state;
        make_classic(2, 0);
        for (size_t size = header; size <= capture.size; size++) {
                const unsigned whole = size >= end[2] ? 2 : size >= end[1] ? 1 : 0;
                char text[128];
                struct tape tape;

                save_part(size);
                tape = play();
                assert_int_equal(tape.packets, whole);
                assert_int_equal(tape.state, FEED_STATE_ENDED);
                if (size == end[whole])
                        snprintf(text, sizeof(text), "ended after %u packets", whole);
                else
                        snprintf(text, sizeof(text),
                                 "ended after %u packets; the recording is cut off in packet %u",
                                 whole, whole + 1);
                assert_string_equal(tape.text, text);
        }
}

static void a_packed_file_cut_off_is_read_up_to_there(void **state) {
        struct tape whole, tape;

        (void)state;
        make_classic(300, 0);
        pack();
        save();
        whole = play();
        assert_int_equal(whole.packets, 300);
        assert_null(strstr(whole.text, "cut off"));
        /* without the last bytes of the packing all packets are there, and still it was cut off */
        for (size_t lost = 1; lost < capture.size / 2; lost += 7) {
                save_part(capture.size - lost);
                tape = play();
                assert_int_equal(tape.state, FEED_STATE_ENDED);
                assert_non_null(strstr(tape.text, "cut off"));
                assert_true(tape.packets <= 300);
                assert_true(lost > 8 || tape.packets == 300);
        }
        assert_true(tape.packets < 300);
}

static void a_damaged_file_is_read_up_to_there(void **state) {
        const uint32_t impossible = 0x7fffffff;
        struct tape tape;
        size_t size;

        (void)state;
        make_classic(2, 0);
        size = capture.size;
        make_classic(3, 0);
        memcpy(capture.data + size + 8, &impossible, sizeof(impossible));
        save();
        tape = play();
        assert_int_equal(tape.packets, 2);
        assert_int_equal(tape.state, FEED_STATE_DOWN);
        assert_non_null(strstr(tape.text, "stopped after 2 packets; "
                                          "the recording is damaged in packet 3: "));

        /* the sum at the end of the packing is wrong: so may be what it was made from */
        make_classic(1000, 0);
        pack();
        capture.data[capture.size - 6] ^= 1;
        save();
        tape = play();
        assert_true(tape.packets > 0 && tape.packets < 1000);
        assert_int_equal(tape.state, FEED_STATE_DOWN);
        assert_non_null(strstr(tape.text, "damaged"));
        assert_non_null(strstr(tape.text, ": incorrect data check"));
}

/* Damage at the very beginning is said, although the source was never up. */
static void a_file_damaged_from_the_start_is_down(void **state) {
        const uint32_t impossible = 0x7fffffff;
        struct tape tape;

        (void)state;
        make_classic(1, 0);
        memcpy(capture.data + 24 + 8, &impossible, sizeof(impossible));
        save();
        tape = play();
        assert_int_equal(tape.packets, 0);
        assert_int_equal(tape.states, 1);
        assert_int_equal(tape.state, FEED_STATE_DOWN);
}

static void so_many_packets_are_enough(void **state) {
        struct config_feed limited = config();

        (void)state;
        make_classic(300, 0);
        save();
        for (limited.packets = 1; limited.packets <= 300; limited.packets += 23) {
                struct tape tape = { 0 };
                char text[128];

                play_with(&tape, &limited);
                assert_int_equal(tape.packets, limited.packets);
                assert_int_equal(tape.state, FEED_STATE_ENDED);
                snprintf(text, sizeof(text), "ended after %u packets, as many as were asked for",
                         (unsigned)limited.packets);
                assert_string_equal(tape.text, text);
        }
}

static void a_loop_begins_again(void **state) {
        struct config_feed looped = config();
        struct tape tape = { 0 };

        (void)state;
        make_classic(10, 0);
        save();
        looped.loop = true;
        looped.packets = 25;
        play_with(&tape, &looped);
        assert_int_equal(tape.packets, 25);
        assert_int_equal(tape.restarts, 2);
        assert_int_equal(tape.flushes, 3);
        assert_int_equal(tape.states, 2);
        for (unsigned i = 0; i < 25; i++) {
                assert_int_equal(tape.packet[i].number, i % 10 + 1);
                assert_int_equal(tape.packet[i].size, i % 10 + 1);
        }

        /* also when the file is cut off */
        save_part(capture.size - 1);
        tape = (struct tape){ 0 };
        play_with(&tape, &looped);
        assert_int_equal(tape.packets, 25);
        assert_int_equal(tape.restarts, 2);
}

static void unlink_file(struct tape *tape, const struct packet *packet) {
        (void)packet;
        if (tape->packets == 1)
                unlink(path);
}

static void a_loop_without_packets_ends(void **state) {
        struct config_feed looped = config();
        struct tape tape = { 0 };

        (void)state;
        looped.loop = true;
        make_classic(0, 0);
        save();
        play_with(&tape, &looped);
        assert_string_equal(tape.text, "ended after 0 packets");
        assert_int_equal(tape.restarts, 0);

        make_classic(10, 0);
        save();
        tape = (struct tape){ .then = unlink_file };
        play_with(&tape, &looped);
        assert_int_equal(tape.packets, 10);
        assert_int_equal(tape.state, FEED_STATE_DOWN);
        assert_non_null(strstr(tape.text, "No such file"));
        assert_int_equal(tape.restarts, 0);
        close(open(path, O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0600));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_no_file_is_refused),
                cmocka_unit_test(what_is_no_capture_is_refused),
                cmocka_unit_test(every_format_gives_the_same),
                cmocka_unit_test(frames_without_a_packet_are_skipped),
                cmocka_unit_test(packets_recorded_in_part_are_cut),
                cmocka_unit_test(a_file_cut_off_anywhere_is_read_up_to_there),
                cmocka_unit_test(a_packed_file_cut_off_is_read_up_to_there),
                cmocka_unit_test(a_damaged_file_is_read_up_to_there),
                cmocka_unit_test(a_file_damaged_from_the_start_is_down),
                cmocka_unit_test(so_many_packets_are_enough),
                cmocka_unit_test(a_loop_begins_again),
                cmocka_unit_test(a_loop_without_packets_ends),
        };

        return cmocka_run_group_tests(tests, make_file, remove_file);
}
