/*
 * Recorded frames: what is found in one lies in it, and is not more than there was on the wire
 *
 * Link layer, how much longer the frame was than what was recorded, then its bytes.
 */

#include "feed/frame.h"

#include <pcap/dlt.h>

#include "fuzz.h"

static const int links[] = { DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW, DLT_IPV4,
                             DLT_IPV6,   DLT_NULL,      DLT_LOOP,       4711 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        int link = links[input_u8(&input) % (sizeof(links) / sizeof(*links))];
        size_t beyond = input_u16(&input), captured;
        uint8_t *bytes = input_block(&input, SIZE_MAX, &captured);
        struct frame frame;
        int r;

        r = frame_parse(&frame, link, bytes, captured, captured + beyond);
        CHECK(r >= 0 && r < _FRAME_E_N && *frame_cause(r));
        CHECK(frame_knows(link) == (r != FRAME_E_LINK));
        if (r == FRAME_OK) {
                CHECK(frame.payload >= bytes && frame.payload <= bytes + captured);
                CHECK(frame.size <= captured - (size_t)(frame.payload - bytes));
                CHECK(!frame.cut || (beyond && frame.payload + frame.size == bytes + captured));
                /* eight bytes before it is its header, which says how long it was */
                CHECK((size_t)(frame.payload[-4] << 8 | frame.payload[-3]) >= frame.size + 8);
                CHECK(frame.cut ==
                      ((size_t)(frame.payload[-4] << 8 | frame.payload[-3]) > frame.size + 8));
        }
        free(bytes);
        return 0;
}
