/* MoldUDP64 packets, and pieces of files, are read whole or refused with the cause. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feed/lengths.h"
#include "feed/moldudp64.h"

#define AT_SEQUENCE 10
#define AT_COUNT    18

/* A packet under construction; the header is as it should be, then spoilt. */
struct draft {
        uint8_t data[256];
        size_t size;
};

static void put(struct draft *draft, size_t at, uint64_t value, unsigned size) {
        for (unsigned i = 0; i < size; i++)
                draft->data[at + i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

static struct draft heartbeat(void) {
        struct draft draft = { .size = MOLDUDP64_HEADER_SIZE };

        memcpy(draft.data, "000010059B", MOLDUDP64_SESSION_SIZE);
        put(&draft, AT_SEQUENCE, 14764496, 8);
        return draft;
}

static void add(struct draft *draft, const char *text) {
        size_t size = strlen(text);

        put(draft, draft->size, size, 2);
        memcpy(draft->data + draft->size + 2, text, size);
        draft->size += 2 + size;
}

static struct draft three_messages(void) {
        struct draft draft = heartbeat();

        add(&draft, "Add order");
        add(&draft, "");
        add(&draft, "Delete");
        put(&draft, AT_COUNT, 3, 2);
        return draft;
}

/* Reads from memory that ends where the packet ends, so that a sanitizer sees every step beyond; and
 * takes all messages, so that it sees theirs too. */
static int parse(const struct framing *framing, const struct draft *draft, struct framed *framed,
                 unsigned *messages) {
        struct message message;
        struct framed all;
        uint8_t *copy = malloc(draft->size ? draft->size : 1);
        volatile unsigned sum = 0;
        unsigned n = 0;
        int r;

        assert_non_null(copy);
        memcpy(copy, draft->data, draft->size);
        r = framing->parse(&all, copy, draft->size);
        if (r == 0) {
                *framed = all;
                for (; framed_next(&all, &message); n++)
                        for (size_t i = 0; i < message.size; i++)
                                sum += message.data[i];
                assert_int_equal(n, framed->count);
        }
        (void)sum;
        free(copy);
        *messages = n;
        return r;
}

static int outcome(const struct draft *draft) {
        struct framed framed;
        unsigned messages;

        return parse(&moldudp64_framing, draft, &framed, &messages);
}

static void short_packets_are_refused(void **state) {
        struct draft draft = heartbeat();

        (void)state;
        for (draft.size = 0; draft.size < MOLDUDP64_HEADER_SIZE; draft.size++)
                assert_int_equal(outcome(&draft), MOLDUDP64_E_SHORT);
        assert_int_equal(outcome(&draft), MOLDUDP64_OK);
}

static void other_characters_are_refused(void **state) {
        unsigned sound = 0;

        (void)state;
        for (unsigned c = 0; c <= UINT8_MAX; c++) {
                struct draft draft = heartbeat();
                int r;

                draft.data[4] = (uint8_t)c;
                r = outcome(&draft);
                assert_true(r == MOLDUDP64_OK || r == MOLDUDP64_E_SESSION);
                sound += r == MOLDUDP64_OK;
        }
        assert_int_equal(sound, 64);
}

static void messages_past_the_end_are_refused(void **state) {
        struct draft draft = three_messages();

        (void)state;
        /* cut off anywhere: in a message, in its length, between two */
        for (draft.size--; draft.size >= MOLDUDP64_HEADER_SIZE; draft.size--) {
                int r = outcome(&draft);

                assert_true(r == MOLDUDP64_E_MESSAGE || r == MOLDUDP64_E_COUNT);
        }
        draft = three_messages();
        put(&draft, MOLDUDP64_HEADER_SIZE, UINT16_MAX, 2);
        assert_int_equal(outcome(&draft), MOLDUDP64_E_MESSAGE);
}

static void wrong_counts_are_refused(void **state) {
        struct draft draft = three_messages();

        (void)state;
        for (unsigned count = 0; count <= UINT16_MAX; count++) {
                put(&draft, AT_COUNT, count, 2);
                assert_int_equal(outcome(&draft), count == 3 ? MOLDUDP64_OK : MOLDUDP64_E_COUNT);
        }
}

static void numbers_out_of_range_are_refused(void **state) {
        struct draft draft = three_messages();

        (void)state;
        put(&draft, AT_SEQUENCE, UINT64_MAX, 8);
        assert_int_equal(outcome(&draft), MOLDUDP64_E_SEQUENCE);
        put(&draft, AT_SEQUENCE, INT64_MAX - 2, 8);
        assert_int_equal(outcome(&draft), MOLDUDP64_E_SEQUENCE);
        put(&draft, AT_SEQUENCE, INT64_MAX - 3, 8);
        assert_int_equal(outcome(&draft), MOLDUDP64_OK);
}

static void sound_packets_say_what_they_hold(void **state) {
        struct draft draft = three_messages();
        char text[FRAMING_SESSION_SIZE];
        struct framed framed;
        struct message message;
        unsigned messages;

        (void)state;
        assert_int_equal(parse(&moldudp64_framing, &draft, &framed, &messages), MOLDUDP64_OK);
        assert_int_equal(messages, 3);
        assert_int_equal(framed.sequence, 14764496);
        assert_false(framed.ends);
        moldudp64_framing.session(framed.session, text);
        assert_string_equal(text, "000010059B");

        assert_int_equal(moldudp64_framing.parse(&framed, draft.data, draft.size), 0);
        assert_true(framed_next(&framed, &message));
        assert_int_equal(message.size, 9);
        assert_memory_equal(message.data, "Add order", 9);
        assert_true(framed_next(&framed, &message));
        assert_int_equal(message.size, 0);
        assert_true(framed_next(&framed, &message));
        assert_memory_equal(message.data, "Delete", 6);
        assert_false(framed_next(&framed, &message));
}

static void the_end_of_a_session_is_told_from_a_heartbeat(void **state) {
        struct draft draft = heartbeat();
        struct framed framed;
        unsigned messages;

        (void)state;
        assert_int_equal(parse(&moldudp64_framing, &draft, &framed, &messages), MOLDUDP64_OK);
        assert_false(framed.ends);
        assert_int_equal(framed.count, 0);
        put(&draft, AT_COUNT, MOLDUDP64_END, 2);
        assert_int_equal(parse(&moldudp64_framing, &draft, &framed, &messages), MOLDUDP64_OK);
        assert_true(framed.ends);
        assert_int_equal(framed.count, 0);
        assert_int_equal(framed.sequence, 14764496);
}

static void packets_without_numbers_are_sound(void **state) {
        struct draft draft = three_messages();
        struct framed framed;
        unsigned messages;

        (void)state;
        memset(draft.data, 0, AT_COUNT);
        assert_int_equal(parse(&moldudp64_framing, &draft, &framed, &messages), MOLDUDP64_OK);
        assert_int_equal(framed.sequence, 0);
        assert_int_equal(messages, 3);
}

static void sessions_are_as_different_as_their_names(void **state) {
        static const char *const ids[] = { "000010059B", "000010059b", "100010059B",
                                           "          ", "zzzzzzzzzz", "\0\0\0\0\0\0\0\0\0\0",
                                           "  SESSION1" };
        const size_t n = sizeof(ids) / sizeof(*ids);
        uint64_t packed[sizeof(ids) / sizeof(*ids)];
        uint8_t id[MOLDUDP64_SESSION_SIZE];
        char text[FRAMING_SESSION_SIZE];

        (void)state;
        for (size_t i = 0; i < n; i++) {
                assert_true(moldudp64_pack((const uint8_t *)ids[i], &packed[i]));
                moldudp64_unpack(packed[i], id);
                assert_memory_equal(id, ids[i], sizeof(id));
                for (size_t j = 0; j < i; j++)
                        assert_true(packed[i] != packed[j]);
        }
        moldudp64_framing.session(packed[n - 1], text);
        assert_string_equal(text, "SESSION1");
}

static void a_request_asks_for_what_it_says(void **state) {
        struct draft draft = heartbeat();
        uint8_t packet[FRAMING_REQUEST_MAX];
        uint64_t session;

        (void)state;
        assert_true(moldudp64_pack(draft.data, &session));
        put(&draft, AT_COUNT, 17, 2);
        assert_int_equal(moldudp64_framing.request(session, 0, 14764496, 17, packet), draft.size);
        assert_memory_equal(packet, draft.data, draft.size);
        /* never more than a count can say, nor the one that is no count */
        put(&draft, AT_COUNT, MOLDUDP64_END - 1, 2);
        moldudp64_framing.request(session, 0, 14764496, UINT64_MAX, packet);
        assert_memory_equal(packet, draft.data, draft.size);
}

static void causes_differ(void **state) {
        (void)state;
        for (int i = 0; i < _MOLDUDP64_E_N; i++)
                for (int j = 0; j < i; j++)
                        assert_string_not_equal(moldudp64_framing.cause(i),
                                                moldudp64_framing.cause(j));
        assert_string_not_equal(lengths_framing.cause(LENGTHS_OK),
                                lengths_framing.cause(LENGTHS_E_MESSAGE));
}

static void a_piece_of_a_file_is_all_messages(void **state) {
        struct draft draft = { .size = 0 };
        struct framed framed;
        unsigned messages;

        (void)state;
        assert_int_equal(parse(&lengths_framing, &draft, &framed, &messages), LENGTHS_OK);
        assert_int_equal(messages, 0);
        add(&draft, "Add order");
        add(&draft, "");
        add(&draft, "Delete");
        assert_int_equal(parse(&lengths_framing, &draft, &framed, &messages), LENGTHS_OK);
        assert_int_equal(messages, 3);
        assert_int_equal(framed.sequence, 0);

        for (draft.size--; draft.size > 13; draft.size--)
                assert_int_equal(parse(&lengths_framing, &draft, &framed, &messages),
                                 LENGTHS_E_MESSAGE);
        assert_int_equal(parse(&lengths_framing, &draft, &framed, &messages), LENGTHS_OK);
        assert_int_equal(messages, 2);
}

static void framings_are_found_by_name(void **state) {
        (void)state;
        assert_ptr_equal(framing_find("moldudp64"), &moldudp64_framing);
        assert_ptr_equal(framing_find("file"), &lengths_framing);
        assert_non_null(framing_find("iextp"));
        assert_null(framing_find("soupbintcp"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(short_packets_are_refused),
                cmocka_unit_test(other_characters_are_refused),
                cmocka_unit_test(messages_past_the_end_are_refused),
                cmocka_unit_test(wrong_counts_are_refused),
                cmocka_unit_test(numbers_out_of_range_are_refused),
                cmocka_unit_test(sound_packets_say_what_they_hold),
                cmocka_unit_test(the_end_of_a_session_is_told_from_a_heartbeat),
                cmocka_unit_test(packets_without_numbers_are_sound),
                cmocka_unit_test(sessions_are_as_different_as_their_names),
                cmocka_unit_test(a_request_asks_for_what_it_says),
                cmocka_unit_test(causes_differ),
                cmocka_unit_test(a_piece_of_a_file_is_all_messages),
                cmocka_unit_test(framings_are_found_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
