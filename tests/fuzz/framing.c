/*
 * Packets of every framing: what is sound by the specification is read whole, all else is refused
 *
 * The first byte chooses the framing, the rest is the packet. What each specification demands is written
 * down here once more, as plainly as can be.
 */

#include "feed/framing.h"
#include "feed/iextp.h"
#include "feed/lengths.h"
#include "feed/moldudp64.h"
#include "fuzz.h"

static uint64_t number(const uint8_t *at, size_t size, bool big_endian) {
        uint64_t n = 0;

        for (size_t i = 0; i < size; i++)
                n = n << 8 | at[big_endian ? i : size - 1 - i];
        return n;
}

/* ---- the specifications ---- */

/* Messages behind their lengths fill the bytes; their number, or -1. */
static int64_t count_messages(const uint8_t *data, size_t size, bool big_endian) {
        int64_t n = 0;
        size_t at = 0;

        while (at < size) {
                if (size - at < 2 || size - at - 2 < number(data + at, 2, big_endian))
                        return -1;
                at += 2 + number(data + at, 2, big_endian);
                n++;
        }
        return n;
}

static bool numbers_fit(uint64_t first, uint64_t n) {
        return first >= 1 && first <= INT64_MAX && first + n <= INT64_MAX;
}

static bool is_iextp(const uint8_t *data, size_t size) {
        uint64_t length, n;

        if (size < 40 || data[0] != 1)
                return false;
        length = number(data + 12, 2, false);
        n = number(data + 14, 2, false);
        return length <= size - 40 && numbers_fit(number(data + 24, 8, false), n) &&
               count_messages(data + 40, length, false) == (int64_t)n;
}

static bool is_moldudp64(const uint8_t *data, size_t size) {
        uint64_t first, n;

        if (size < 20)
                return false;
        for (unsigned i = 0; i < 10; i++)
                if (data[i] && !strchr(" 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "abcdefghijklmnopqrstuvwxyz",
                                       data[i]))
                        return false;
        first = number(data + 10, 8, true);
        n = number(data + 18, 2, true);
        if (n == 0xffff)
                n = 0;
        return (first == 0 || numbers_fit(first, n)) &&
               count_messages(data + 20, size - 20, true) == (int64_t)n;
}

static bool is_lengths(const uint8_t *data, size_t size) {
        return count_messages(data, size, true) >= 0;
}

static const struct {
        const struct framing *framing;
        bool (*is_sound)(const uint8_t *data, size_t size);
} framings[] = {
        { &iextp_framing, is_iextp },
        { &moldudp64_framing, is_moldudp64 },
        { &lengths_framing, is_lengths },
};

/* ---- what is made of a packet ---- */

static void check_messages(struct framed framed, const uint8_t *packet, size_t size) {
        const uint8_t *at = framed.rest;
        struct message message;
        uint32_t n = 0;

        CHECK(at >= packet && framed.size <= size - (size_t)(at - packet));
        for (; framed_next(&framed, &message); n++) {
                CHECK(message.data == at + 2);
                CHECK(message.size == number(at, 2, framed.big_endian));
                at = message.data + message.size;
        }
        CHECK(n == framed.count);
        CHECK(at <= packet + size);
}

static void check_session(const struct framing *framing, const struct framed *framed) {
        char text[FRAMING_SESSION_SIZE];
        size_t n;

        memset(text, 0xff, sizeof(text));
        framing->session(framed->session, text);
        n = strnlen(text, sizeof(text));
        CHECK(n < sizeof(text));
        for (size_t i = 0; i < n; i++)
                CHECK(text[i] >= ' ' && text[i] < 0x7f);
}

/* A request names the session and number that the packet had. */
static void check_request(const struct framing *framing, const struct framed *framed,
                          const uint8_t *packet) {
        uint8_t request[FRAMING_REQUEST_MAX];

        size_t size;

        if (!framing->request)
                return;
        size = framing->request(framed->session, framed->protocol, framed->sequence, UINT64_MAX,
                                request);
        if (framing == &moldudp64_framing) {
                CHECK(size == 20 && !memcmp(request, packet, 18));
                CHECK(number(request + 18, 2, true) == 0xfffe);
                return;
        }
        CHECK(size == 32 && !memcmp(request + 2, packet + 2, 10));
        CHECK(number(request + 16, 8, false) == framed->sequence);
        CHECK(number(request + 24, 8, false) == framed->sequence + IEXTP_REQUEST_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        unsigned choice = input_u8(&input) % (sizeof(framings) / sizeof(*framings));
        const struct framing *framing = framings[choice].framing;
        struct framed framed;
        uint8_t *packet;
        int r;

        packet = input_block(&input, SIZE_MAX, &size);
        r = framing->parse(&framed, packet, size);
        CHECK(r >= 0 && r < FRAMING_CAUSES && *framing->cause(r));
        CHECK((r == 0) == framings[choice].is_sound(packet, size));
        if (r == 0) {
                check_messages(framed, packet, size);
                check_session(framing, &framed);
                check_request(framing, &framed, packet);
        }
        free(packet);
        return 0;
}
