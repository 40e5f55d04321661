/* IEX-TP segments are read whole or refused with the cause. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feed/iextp.h"

/* A segment under construction; the header's fields are set as they should be, then spoilt. */
struct draft {
        uint8_t data[256];
        size_t size;
};

static void put_u16(struct draft *draft, size_t at, unsigned value) {
        draft->data[at] = (uint8_t)value;
        draft->data[at + 1] = (uint8_t)(value >> 8);
}

static void put_u64(struct draft *draft, size_t at, uint64_t value) {
        for (unsigned i = 0; i < 8; i++)
                draft->data[at + i] = (uint8_t)(value >> 8 * i);
}

/* The header of a heartbeat, as IEX sent it on 2018-01-27. */
static struct draft heartbeat(void) {
        static const uint8_t header[IEXTP_HEADER_SIZE] = {
                0x01, 0x00, 0x03, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x96, 0x44, 0x00, 0x00,
                0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
                0x00, 0x00, 0x00, 0x00, 0x91, 0x08, 0xf0, 0x4d, 0x3a, 0xac, 0x0d, 0x15,
        };
        struct draft draft = { .size = sizeof(header) };

        memcpy(draft.data, header, sizeof(header));
        return draft;
}

static void add(struct draft *draft, const char *text) {
        size_t size = strlen(text);

        put_u16(draft, draft->size, (unsigned)size);
        memcpy(draft->data + draft->size + 2, text, size);
        draft->size += 2 + size;
        put_u16(draft, 12, (unsigned)draft->size - IEXTP_HEADER_SIZE);
        put_u16(draft, 14, draft->data[14] + 1u);
}

static struct draft three_messages(void) {
        struct draft draft = heartbeat();

        add(&draft, "Quote");
        add(&draft, "");
        add(&draft, "Trade report");
        return draft;
}

/* Reads from memory that ends where the packet ends, so that a sanitizer sees every step beyond; and
 * takes all messages, so that it sees theirs too. */
static int parse(const struct draft *draft, struct framed *framed, unsigned *messages) {
        struct message message;
        struct framed all;
        uint8_t *copy = malloc(draft->size ? draft->size : 1);
        unsigned n = 0, sum = 0;
        int r;

        assert_non_null(copy);
        memcpy(copy, draft->data, draft->size);
        r = iextp_framing.parse(&all, copy, draft->size);
        if (r == IEXTP_OK) {
                *framed = all;
                for (; framed_next(&all, &message); n++)
                        for (size_t i = 0; i < message.size; i++)
                                sum += message.data[i];
        }
        free(copy);
        *messages = n;
        assert_true(sum <= 255 * sizeof(draft->data));
        return r;
}

static int outcome(const struct draft *draft) {
        struct framed framed;
        unsigned messages;

        return parse(draft, &framed, &messages);
}

static void short_packets_are_refused(void **state) {
        struct draft draft = heartbeat();

        (void)state;
        for (draft.size = 0; draft.size < IEXTP_HEADER_SIZE; draft.size++)
                assert_int_equal(outcome(&draft), IEXTP_E_SHORT);
        assert_int_equal(outcome(&draft), IEXTP_OK);
}

static void other_versions_are_refused(void **state) {
        struct draft draft = heartbeat();

        (void)state;
        for (unsigned version = 0; version < 256; version++) {
                draft.data[0] = (uint8_t)version;
                assert_int_equal(outcome(&draft), version == 1 ? IEXTP_OK : IEXTP_E_VERSION);
        }
}

static void payloads_past_the_packet_are_refused(void **state) {
        struct draft draft = three_messages();
        size_t whole = draft.size;

        (void)state;
        for (draft.size = whole - 1; draft.size >= IEXTP_HEADER_SIZE; draft.size--)
                assert_int_equal(outcome(&draft), IEXTP_E_LENGTH);
        draft = heartbeat();
        put_u16(&draft, 12, 0xffff);
        assert_int_equal(outcome(&draft), IEXTP_E_LENGTH);
}

static void messages_past_the_payload_are_refused(void **state) {
        struct draft draft = three_messages();

        (void)state;
        /* the last one says that it is one byte longer */
        put_u16(&draft, draft.size - 14, 13);
        assert_int_equal(outcome(&draft), IEXTP_E_MESSAGE);
        /* half a length is left after the first */
        draft = heartbeat();
        add(&draft, "Quote");
        draft.data[draft.size++] = 0;
        put_u16(&draft, 12, (unsigned)draft.size - IEXTP_HEADER_SIZE);
        put_u16(&draft, 14, 2);
        assert_int_equal(outcome(&draft), IEXTP_E_MESSAGE);
}

static void wrong_counts_are_refused(void **state) {
        struct draft draft = three_messages();

        (void)state;
        for (unsigned count = 0; count < 6; count++) {
                put_u16(&draft, 14, count);
                assert_int_equal(outcome(&draft), count == 3 ? IEXTP_OK : IEXTP_E_COUNT);
        }
        draft = heartbeat();
        put_u16(&draft, 14, 1);
        assert_int_equal(outcome(&draft), IEXTP_E_COUNT);
}

static void impossible_numbers_are_refused(void **state) {
        struct draft draft = three_messages();

        (void)state;
        put_u64(&draft, 24, 0);
        assert_int_equal(outcome(&draft), IEXTP_E_SEQUENCE);
        put_u64(&draft, 24, UINT64_MAX);
        assert_int_equal(outcome(&draft), IEXTP_E_SEQUENCE);
        put_u64(&draft, 24, INT64_MAX - 2);
        assert_int_equal(outcome(&draft), IEXTP_E_SEQUENCE);
        put_u64(&draft, 24, INT64_MAX - 3);
        assert_int_equal(outcome(&draft), IEXTP_OK);
}

static void headers_are_read(void **state) {
        struct draft draft = three_messages();
        struct framed framed;
        unsigned messages;

        (void)state;
        put_u64(&draft, 24, 28141);
        assert_int_equal(parse(&draft, &framed, &messages), IEXTP_OK);
        assert_int_equal(framed.protocol, 0x8003);
        assert_int_equal(framed.session & UINT32_MAX, 1150681088);
        assert_int_equal(framed.session >> 32, 1); /* channel */
        assert_int_equal(framed.count, 3);
        assert_int_equal(framed.sequence, 28141);
        assert_int_equal(framed.sent, INT64_C(1517058015909382289));
}

static void heartbeats_have_no_messages(void **state) {
        struct draft draft = heartbeat();
        struct framed framed;
        unsigned messages;

        (void)state;
        assert_int_equal(parse(&draft, &framed, &messages), IEXTP_OK);
        assert_int_equal(framed.count, 0);
        assert_int_equal(framed.sequence, 1);
        assert_int_equal(messages, 0);
}

static void messages_come_one_by_one(void **state) {
        static const char *const texts[] = { "Quote", "", "Trade report" };
        struct draft draft = three_messages();
        struct message message;
        struct framed framed;

        (void)state;
        /* what comes after the payload does not matter */
        draft.size += 20;
        assert_int_equal(iextp_framing.parse(&framed, draft.data, draft.size), IEXTP_OK);
        for (size_t i = 0; i < 3; i++) {
                assert_true(framed_next(&framed, &message));
                assert_int_equal(message.size, strlen(texts[i]));
                assert_memory_equal(message.data, texts[i], message.size);
        }
        assert_false(framed_next(&framed, &message));
        assert_false(framed_next(&framed, &message));
}

/* Every byte of a sound segment is set to every value: it is refused, or as many messages come out as
 * it says. */
static void no_byte_leads_astray(void **state) {
        struct draft draft = three_messages();
        struct framed framed;
        unsigned messages;
        uint8_t byte;

        (void)state;
        for (size_t at = 0; at < draft.size; at++) {
                byte = draft.data[at];
                for (unsigned value = 0; value < 256; value++) {
                        draft.data[at] = (uint8_t)value;
                        if (parse(&draft, &framed, &messages) == IEXTP_OK)
                                assert_int_equal(messages, framed.count);
                }
                draft.data[at] = byte;
        }
}

/* Bytes by the table of the specification: no parser of ours made them. */
static void a_request_asks_for_what_it_says(void **state) {
        static const uint8_t wanted[] = {
                0x01,                                           /* version */
                0x01,                                           /* sequenced messages */
                0x03, 0x80,                                     /* protocol */
                0x01, 0x00, 0x00, 0x00,                         /* channel */
                0x00, 0x00, 0x96, 0x44,                         /* session */
                0x01, 0x00, 0x00, 0x00,                         /* one range */
                0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* from 256 on */
                0x03, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* to what follows on 258 */
        };
        struct draft draft = heartbeat();
        uint8_t packet[FRAMING_REQUEST_MAX];
        struct framed framed;
        unsigned messages;

        (void)state;
        assert_int_equal(parse(&draft, &framed, &messages), IEXTP_OK);
        assert_int_equal(iextp_framing.request(framed.session, framed.protocol, 256, 3, packet),
                         sizeof(wanted));
        assert_memory_equal(packet, wanted, sizeof(wanted));
}

static void channels_are_told_apart(void **state) {
        struct draft draft = heartbeat();
        struct framed one, other;
        unsigned messages;

        (void)state;
        assert_int_equal(parse(&draft, &one, &messages), IEXTP_OK);
        draft.data[4]++;
        assert_int_equal(parse(&draft, &other, &messages), IEXTP_OK);
        assert_true(one.session != other.session);
}

static void every_outcome_has_words(void **state) {
        (void)state;
        for (int i = 0; i < _IEXTP_E_N; i++)
                for (int j = 0; j < i; j++)
                        assert_string_not_equal(iextp_framing.cause(i), iextp_framing.cause(j));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(short_packets_are_refused),
                cmocka_unit_test(other_versions_are_refused),
                cmocka_unit_test(payloads_past_the_packet_are_refused),
                cmocka_unit_test(messages_past_the_payload_are_refused),
                cmocka_unit_test(wrong_counts_are_refused),
                cmocka_unit_test(impossible_numbers_are_refused),
                cmocka_unit_test(headers_are_read),
                cmocka_unit_test(heartbeats_have_no_messages),
                cmocka_unit_test(messages_come_one_by_one),
                cmocka_unit_test(no_byte_leads_astray),
                cmocka_unit_test(a_request_asks_for_what_it_says),
                cmocka_unit_test(channels_are_told_apart),
                cmocka_unit_test(every_outcome_has_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
