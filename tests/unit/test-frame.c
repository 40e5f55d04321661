/* The payload is found in frames of every kind, and in no broken one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/dlt.h>

#include "feed/frame.h"

#define PAYLOAD "twelve bytes"

/* A frame under construction, put together from the front. */
struct draft {
        uint8_t data[512];
        size_t size;
};

static void add(struct draft *draft, const void *data, size_t size) {
        assert_true(draft->size + size <= sizeof(draft->data));
        memcpy(draft->data + draft->size, data, size);
        draft->size += size;
}

static void add_u16(struct draft *draft, unsigned value) {
        add(draft, (uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void add_zeros(struct draft *draft, size_t size) {
        static const uint8_t zeros[64];

        add(draft, zeros, size);
}

static const uint8_t address[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static void add_udp(struct draft *draft) {
        add_u16(draft, 53247);
        add_u16(draft, 10378);
        add_u16(draft, 8 + strlen(PAYLOAD));
        add_u16(draft, 0xbad); /* checksum */
        add(draft, PAYLOAD, strlen(PAYLOAD));
}

/* IPv4 with `options` bytes of options, and a fragment field. */
static void add_ipv4(struct draft *draft, unsigned options, unsigned fragment, uint8_t protocol) {
        add(draft, (uint8_t[]){ (uint8_t)(0x45 + options / 4), 0 }, 2);
        add_u16(draft, 20 + options + 8 + strlen(PAYLOAD));
        add_u16(draft, 0x97f9);
        add_u16(draft, fragment);
        add(draft, (uint8_t[]){ 0x40, protocol }, 2);
        add_zeros(draft, 6);
        add(draft, address, 4);
        add_zeros(draft, options);
}

/* IPv6 with `extensions` bytes of extension headers to come, the first of them `next`. */
static void add_ipv6(struct draft *draft, unsigned extensions, uint8_t next) {
        add_u16(draft, 0x6000);
        add_zeros(draft, 2);
        add_u16(draft, extensions + 8 + strlen(PAYLOAD));
        add(draft, (uint8_t[]){ next, 64 }, 2);
        add_zeros(draft, 16);
        add(draft, address, 16);
}

static void add_ethernet(struct draft *draft, unsigned type) {
        add_zeros(draft, 12);
        add_u16(draft, type);
}

static struct draft ethernet_ipv4(unsigned options, unsigned fragment, uint8_t protocol) {
        struct draft draft = { .size = 0 };

        add_ethernet(&draft, 0x0800);
        add_ipv4(&draft, options, fragment, protocol);
        add_udp(&draft);
        return draft;
}

/* Parses a frame of which so many bytes were recorded, in memory that ends where they end. */
static int parse_cut(const struct draft *draft, int link, size_t captured, struct frame *frame) {
        static uint8_t payload[sizeof(draft->data)], to[16];
        uint8_t *copy = malloc(captured ? captured : 1);
        int r;

        assert_non_null(copy);
        memcpy(copy, draft->data, captured);
        r = frame_parse(frame, link, copy, captured, draft->size);
        if (r == FRAME_OK) {
                assert_true(frame->size <= captured);
                if (frame->size)
                        memcpy(payload, frame->payload, frame->size);
                frame->payload = payload;
                assert_true(frame->to_size <= sizeof(to));
                memcpy(to, frame->to, frame->to_size);
                frame->to = to;
        }
        free(copy);
        return r;
}

static int parse(const struct draft *draft, int link) {
        struct frame frame;

        return parse_cut(draft, link, draft->size, &frame);
}

/* The frame is sound, and its payload is what was put into it. */
static void assert_found(const struct draft *draft, int link) {
        struct frame frame;

        assert_int_equal(parse_cut(draft, link, draft->size, &frame), FRAME_OK);
        assert_int_equal(frame.size, strlen(PAYLOAD));
        assert_memory_equal(frame.payload, PAYLOAD, frame.size);
        assert_false(frame.cut);
        assert_int_equal(frame.to_port, 10378);
        assert_true(frame.to_size == 4 || frame.to_size == 16);
        for (size_t i = 0; i < frame.to_size; i++)
                assert_int_equal(frame.to[i], i + 1);
}

static void other_link_layers_are_refused(void **state) {
        struct draft draft = ethernet_ipv4(0, 0, 17);

        (void)state;
        assert_int_equal(parse(&draft, DLT_IEEE802_11), FRAME_E_LINK);
        assert_false(frame_knows(DLT_IEEE802_11));
        assert_true(frame_knows(DLT_EN10MB));
}

static void what_is_not_udp_is_told_apart(void **state) {
        struct draft draft = { .size = 0 };

        (void)state;
        add_ethernet(&draft, 0x0806);
        add_zeros(&draft, 46);
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_NOT_IP);

        draft = ethernet_ipv4(0, 0, 6);
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_NOT_UDP);

        draft = (struct draft){ .size = 0 };
        add_ethernet(&draft, 0x86dd);
        add_ipv6(&draft, 0, 58);
        add_udp(&draft);
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_NOT_UDP);
}

static void the_version_must_be_the_one_announced(void **state) {
        struct draft draft = ethernet_ipv4(0, 0, 17);

        (void)state;
        draft.data[12] = 0x86;
        draft.data[13] = 0xdd;
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_VERSION);
        draft = ethernet_ipv4(0, 0, 17);
        draft.data[14] = 0x65;
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_VERSION);
}

static void fragments_are_refused(void **state) {
        struct draft draft = ethernet_ipv4(0, 0x2000, 17);

        (void)state;
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_FRAGMENT);
        draft = ethernet_ipv4(0, 0x0001, 17);
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_FRAGMENT);
        draft = ethernet_ipv4(0, 0x4000, 17); /* must not be fragmented: it is whole */
        assert_found(&draft, DLT_EN10MB);

        for (unsigned field = 0; field < 0x10000; field++) {
                draft = (struct draft){ .size = 0 };
                add_ipv6(&draft, 8, 44);
                add(&draft, (uint8_t[]){ 17, 0 }, 2);
                add_u16(&draft, field);
                add_zeros(&draft, 4);
                add_udp(&draft);
                /* an offset, or more to come; the two bits between are reserved */
                assert_int_equal(parse(&draft, DLT_IPV6),
                                 field & ~6u ? FRAME_E_FRAGMENT : FRAME_OK);
        }
}

static void lengths_that_do_not_fit_are_refused(void **state) {
        struct draft sound = ethernet_ipv4(0, 0, 17), draft;

        (void)state;
        draft = sound;
        draft.data[14] = 0x44; /* IPv4 header below 20 bytes */
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_LENGTH);
        draft = sound;
        draft.data[14] = 0x4f; /* header longer than the packet */
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_LENGTH);
        draft = sound;
        draft.data[17]++; /* packet longer than the frame */
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_LENGTH);
        draft = sound;
        draft.data[17] = 19; /* packet shorter than its header */
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_LENGTH);
        draft = sound;
        draft.data[39]++; /* datagram longer than the packet */
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_LENGTH);
        draft = sound;
        draft.data[39] = 7; /* datagram shorter than its header */
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_LENGTH);
        draft = sound;
        draft.data[39] = 8; /* an empty datagram is none the worse for it */
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_OK);
        draft = sound;
        draft.size = 30; /* a frame that was no longer */
        assert_int_equal(parse(&draft, DLT_EN10MB), FRAME_E_LENGTH);
}

static void recordings_of_beginnings_are_told(void **state) {
        struct draft draft = ethernet_ipv4(0, 0, 17);
        size_t headers = 14 + 20 + 8;
        struct frame frame;

        (void)state;
        add_zeros(&draft, 4); /* padding on the wire: nobody misses it */
        for (size_t captured = 0; captured <= draft.size; captured++) {
                int r = parse_cut(&draft, DLT_EN10MB, captured, &frame);

                if (captured < headers) {
                        assert_int_equal(r, FRAME_E_CUT);
                        continue;
                }
                assert_int_equal(r, FRAME_OK);
                assert_int_equal(frame.cut, captured < headers + strlen(PAYLOAD));
                if (frame.cut)
                        assert_int_equal(frame.size, captured - headers);
                assert_memory_equal(frame.payload, PAYLOAD, frame.size);
        }
}

static void vlan_tags_are_passed_over(void **state) {
        static const unsigned tags[][3] = {
                { 0x8100 },
                { 0x88a8, 0x8100 },
                { 0x9100, 0x9100, 0x8100 },
        };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                struct draft draft = { .size = 0 };

                add_zeros(&draft, 12);
                for (size_t n = 0; n < 3 && tags[i][n]; n++) {
                        add_u16(&draft, tags[i][n]);
                        add_u16(&draft, 0x808d);
                }
                add_u16(&draft, 0x0800);
                add_ipv4(&draft, 0, 0, 17);
                add_udp(&draft);
                assert_found(&draft, DLT_EN10MB);
        }
}

static void options_and_extensions_are_passed_over(void **state) {
        struct draft draft;

        (void)state;
        for (unsigned options = 0; options <= 40; options += 4) {
                draft = ethernet_ipv4(options, 0, 17);
                assert_found(&draft, DLT_EN10MB);
        }

        draft = (struct draft){ .size = 0 };
        add_ipv6(&draft, 8 + 16 + 24 + 8 + 12, 0);
        add(&draft, (uint8_t[]){ 43, 0 }, 2); /* hop by hop, 8 bytes */
        add_zeros(&draft, 6);
        add(&draft, (uint8_t[]){ 60, 1 }, 2); /* routing, 16 */
        add_zeros(&draft, 14);
        add(&draft, (uint8_t[]){ 44, 2 }, 2); /* destination, 24 */
        add_zeros(&draft, 22);
        add(&draft, (uint8_t[]){ 51, 0 }, 2); /* the one and only fragment, 8 */
        add_zeros(&draft, 6);
        add(&draft, (uint8_t[]){ 17, 1 }, 2); /* authentication, 12 */
        add_zeros(&draft, 10);
        add_udp(&draft);
        assert_found(&draft, DLT_IPV6);

        draft.data[40 + 1] = 0xff; /* an extension that runs past the packet */
        assert_int_equal(parse(&draft, DLT_IPV6), FRAME_E_LENGTH);
}

/* The rest of the link layers: a header of theirs, then IP. */
static void every_link_layer_is_read(void **state) {
        static const struct {
                int link;
                size_t size, at; /* of its header; of the type in it */
                uint8_t type[4];
                size_t type_size;
                bool six;
        } layers[] = {
                { DLT_EN10MB, 14, 12, { 0x08, 0x00 }, 2, false },
                { DLT_EN10MB, 14, 12, { 0x86, 0xdd }, 2, true },
                { DLT_LINUX_SLL, 16, 14, { 0x08, 0x00 }, 2, false },
                { DLT_LINUX_SLL, 16, 14, { 0x86, 0xdd }, 2, true },
                { DLT_LINUX_SLL2, 20, 0, { 0x08, 0x00 }, 2, false },
                { DLT_LINUX_SLL2, 20, 0, { 0x86, 0xdd }, 2, true },
                { DLT_RAW, 0, 0, { 0 }, 0, false },
                { DLT_RAW, 0, 0, { 0 }, 0, true },
                { DLT_IPV4, 0, 0, { 0 }, 0, false },
                { DLT_IPV6, 0, 0, { 0 }, 0, true },
                { DLT_NULL, 4, 0, { 2, 0, 0, 0 }, 4, false },
                { DLT_NULL, 4, 0, { 0, 0, 0, 2 }, 4, false },
                { DLT_NULL, 4, 0, { 30, 0, 0, 0 }, 4, true },
                { DLT_LOOP, 4, 0, { 0, 0, 0, 2 }, 4, false },
                { DLT_LOOP, 4, 0, { 0, 0, 0, 24 }, 4, true },
        };

        (void)state;
        for (size_t i = 0; i < sizeof(layers) / sizeof(*layers); i++) {
                struct draft draft = { .size = 0 };

                add_zeros(&draft, layers[i].size);
                memcpy(draft.data + layers[i].at, layers[i].type, layers[i].type_size);
                if (layers[i].six)
                        add_ipv6(&draft, 0, 17);
                else
                        add_ipv4(&draft, 0, 0, 17);
                add_udp(&draft);
                assert_true(frame_knows(layers[i].link));
                assert_found(&draft, layers[i].link);
                for (size_t size = 0; size < draft.size; size++) {
                        struct draft part = draft;

                        part.size = size;
                        assert_int_equal(parse(&part, layers[i].link), FRAME_E_LENGTH);
                }
        }
}

static void every_outcome_has_words(void **state) {
        (void)state;
        for (int i = 0; i < _FRAME_E_N; i++)
                for (int j = 0; j < i; j++)
                        assert_string_not_equal(frame_cause(i), frame_cause(j));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(other_link_layers_are_refused),
                cmocka_unit_test(what_is_not_udp_is_told_apart),
                cmocka_unit_test(the_version_must_be_the_one_announced),
                cmocka_unit_test(fragments_are_refused),
                cmocka_unit_test(lengths_that_do_not_fit_are_refused),
                cmocka_unit_test(recordings_of_beginnings_are_told),
                cmocka_unit_test(vlan_tags_are_passed_over),
                cmocka_unit_test(options_and_extensions_are_passed_over),
                cmocka_unit_test(every_link_layer_is_read),
                cmocka_unit_test(every_outcome_has_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
