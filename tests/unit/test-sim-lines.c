/* What is on its way, what was sent, and what was lost: the simulator keeps account of its packets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/lines.h"
#include "sim/lost.h"
#include "sim/random.h"
#include "sim/store.h"

static void test_queue_order(void **state) {
        struct random random = { 7 };
        struct queue queue = { 0 };
        int64_t last = -1;
        uint32_t last_number = 0;

        (void)state;
        assert_int_equal(queue_due(&queue), QUEUE_NEVER);
        for (uint32_t i = 0; i < 5000; i++)
                assert_int_equal(queue_put(&queue, random_below(&random, 100), (uint8_t *)&i, 4),
                                 0);
        for (uint32_t i = 0; i < 5000; i++) {
                int64_t due = queue_due(&queue);
                struct queue_item item = queue_take(&queue);
                uint32_t number;

                assert_int_equal(item.due, due);
                assert_int_equal(item.size, 4);
                memcpy(&number, item.data, 4);
                assert_true(due > last || (due == last && number > last_number));
                last = due;
                last_number = number;
                free(item.data);
        }
        assert_int_equal(queue_due(&queue), QUEUE_NEVER);
        queue_deinit(&queue);
}

/* ---- lines ---- */

/* Sends packets that are their numbers, each so many ns after the one before; what has come is counted by
 * line and number, and returned in what order. */
struct heard {
        unsigned times[2][4000];
        int64_t first[2][4000]; /* TIME of the first copy */
        unsigned overtaken[2];
};

static void read_capture(const char *path, struct heard *heard) {
        FILE *file = fopen(path, "re");
        uint8_t record[16], frame[200];
        uint32_t newest[2] = { 0 };

        assert_non_null(file);
        assert_int_equal(fread(frame, 24, 1, file), 1);
        while (fread(record, sizeof(record), 1, file) == 1) {
                uint32_t stamp[4], number;
                unsigned line;

                memcpy(stamp, record, sizeof(stamp));
                assert_int_equal(stamp[2], 14 + 20 + 8 + 4);
                assert_int_equal(fread(frame, stamp[2], 1, file), 1);
                line = frame[14 + 20 + 3] == 101; /* of the port */
                memcpy(&number, frame + 42, 4);
                assert_true(number < 4000);
                if (!heard->times[line][number]++)
                        heard->first[line][number] = stamp[0] * INT64_C(1000000000) + stamp[1];
                heard->overtaken[line] += number < newest[line];
                if (number > newest[line])
                        newest[line] = number;
        }
        fclose(file);
}

static void test_faults(void **state) {
        char path[] = "/tmp/mdsim-test-XXXXXX";
        struct heard *heard = calloc(1, sizeof(*heard));
        struct lines lines = { .idle_fd = -1 };
        volatile sig_atomic_t never = 0;
        unsigned lost[2] = { 0 }, doubled[2] = { 0 }, on_both = 0, independent = 0;

        (void)state;
        assert_non_null(heard);
        close(mkstemp(path));
        assert_int_equal(capture_open(&lines.capture, path), 0);
        for (unsigned i = 0; i < 2; i++) {
                lines.line[i].there = true;
                lines.line[i].sender = SENDER_NULL;
                assert_int_equal(
                        sender_parse(&lines.line[i].sender, i ? "127.0.0.1:101" : "127.0.0.1:100"),
                        0);
                lines.line[i].faults = (struct line_faults){ 100000, 50000, 50000, 0 };
        }
        lines.line[1].faults.delay = 2000000000;
        lines_seed(&lines, 3);
        for (uint32_t i = 0; i < 4000; i++) {
                int r = lines_send(&lines, i * INT64_C(100000), (uint8_t *)&i, 4);

                assert_in_range(r, 0, 1);
                on_both += (unsigned)r;
                lines_wait(&lines, i * INT64_C(100000), &never);
        }
        assert_int_equal(lines_drain(&lines, 4000 * INT64_C(100000), &never), 0);
        assert_int_equal(capture_close(&lines.capture), 0);

        read_capture(path, heard);
        for (unsigned i = 0; i < 4000; i++) {
                for (unsigned line = 0; line < 2; line++) {
                        lost[line] += !heard->times[line][i];
                        doubled[line] += heard->times[line][i] == 2;
                        assert_true(heard->times[line][i] <= 2);
                }
                independent += !heard->times[0][i] && !heard->times[1][i];
                if (heard->times[1][i])
                        assert_in_range(heard->first[1][i] - i * INT64_C(100000), 2000000000,
                                        2004000000);
        }
        assert_int_equal(on_both, independent);
        assert_in_range(on_both, 10, 100); /* a hundredth */
        for (unsigned line = 0; line < 2; line++) {
                assert_int_equal(lost[line], lines.line[line].lost);
                assert_int_equal(doubled[line], lines.line[line].doubled);
                assert_in_range(lost[line], 300, 500);    /* a tenth */
                assert_in_range(doubled[line], 120, 250); /* a twentieth of what is left */
                assert_true(heard->overtaken[line] > 50);
        }
        lines_deinit(&lines);
        unlink(path);
        free(heard);
}

/* ---- what was sent ---- */

static size_t number_message(uint64_t sequence, uint8_t *message) {
        size_t size = 8 + sequence % 30;

        memset(message, 0, size);
        memcpy(message, &sequence, sizeof(sequence));
        return size;
}

/* Puts messages first.. into packets of up to `most`, and keeps them. */
static void keep(struct store *store, struct packet_writer *writer, uint64_t until, unsigned most) {
        uint8_t message[64];

        while (writer->sequence < until) {
                uint64_t sequence = writer->sequence;
                size_t size;

                while (writer->count < most && writer->sequence + writer->count < until) {
                        size = number_message(writer->sequence + writer->count, message);
                        if (!packet_add(writer, message, size))
                                break;
                }
                size = packet_finish(writer, 0);
                store_put(store, sequence, (uint16_t)(writer->sequence - sequence), writer->data,
                          size);
        }
}

/* Asks, and checks what comes. Returns how many messages that is. */
static unsigned ask(const struct store *store, const struct packet_writer *writer,
                    uint64_t sequence, uint64_t n) {
        struct packet_writer answer;
        size_t size = store_answer(store, writer, sequence, n, &answer), at = 20, length;
        unsigned count, seen = 0;
        uint8_t wanted[64];

        if (!size)
                return 0;
        count = (unsigned)answer.data[18] << 8 | answer.data[19];
        assert_memory_equal(answer.data, "0000000042", 10);
        for (int i = 0; i < 8; i++)
                assert_int_equal(answer.data[10 + i], sequence >> (56 - 8 * i) & 0xff);
        while (at < size) {
                length = transport_length(&moldudp64_transport, answer.data + at);
                assert_int_equal(length, number_message(sequence + seen++, wanted));
                assert_memory_equal(answer.data + at + 2, wanted, length);
                at += 2 + length;
        }
        assert_int_equal(at, size);
        assert_int_equal(seen, count);
        return count;
}

static void test_store(void **state) {
        struct packet_writer writer;
        struct store store;
        uint64_t newest = 4000000, oldest;

        (void)state;
        assert_int_equal(store_init(&store), 0);
        packet_init(&writer, &moldudp64_transport, 0, 42);
        assert_int_equal(ask(&store, &writer, 1, 1), 0);
        keep(&store, &writer, 1000, 10);
        assert_int_equal(ask(&store, &writer, 1, 1), 1);
        assert_int_equal(ask(&store, &writer, 7, 20), 20); /* of three packets */
        assert_int_equal(ask(&store, &writer, 990, 100), 10);
        assert_int_equal(ask(&store, &writer, 1000, 1), 0);
        assert_int_equal(ask(&store, &writer, 0, 1), 0);
        assert_int_equal(ask(&store, &writer, 5, 0), 0);
        assert_in_range(ask(&store, &writer, 5, 900), 40, 100); /* what fits into one */

        /* more than there is room for: the newest are here, the oldest are gone */
        keep(&store, &writer, newest, 1000);
        assert_int_equal(ask(&store, &writer, 1, 1), 0);
        for (oldest = 1; !ask(&store, &writer, oldest, 1); oldest += 1000)
                assert_true(oldest < newest);
        assert_true(oldest > 1000000);
        for (uint64_t i = oldest; i < newest; i += 997)
                assert_int_equal(ask(&store, &writer, i, 5), newest - i < 5 ? newest - i : 5);

        /* many small ones are bounded by their number */
        keep(&store, &writer, newest + STORE_PACKETS + 500, 1);
        assert_int_equal(ask(&store, &writer, newest + 400, 1), 0);
        assert_int_equal(ask(&store, &writer, newest + 600, 1), 1);

        store_clear(&store);
        assert_int_equal(ask(&store, &writer, newest + 600, 1), 0);
        store_deinit(&store);
}

static void test_lost(void **state) {
        struct lost lost;
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        (void)state;
        lost_begin(&lost, file);
        lost_end(&lost);
        lost_add(&lost, 1, 10, 5);
        lost_add(&lost, 1, 15, 0); /* a heartbeat */
        lost_add(&lost, 1, 15, 3);
        lost_end(&lost);
        lost_end(&lost);
        lost_add(&lost, 2, 1, 1);
        lost_end(&lost);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(text, "session,first,messages\n1,10,8\n2,1,1\n");
        assert_int_equal(lost.gaps, 2);
        assert_int_equal(lost.messages, 9);
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_queue_order),
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_store),
                cmocka_unit_test(test_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
