/* The framings by name, and what they have in common. */

#include "feed/framing.h"

#include <string.h>

#include "feed/iextp.h"
#include "feed/lengths.h"
#include "feed/moldudp64.h"

static const struct framing *const framings[] = { &iextp_framing, &moldudp64_framing,
                                                  &lengths_framing };

const struct framing *framing_find(const char *name) {
        for (size_t i = 0; i < sizeof(framings) / sizeof(framings[0]); i++)
                if (!strcmp(framings[i]->name, name))
                        return framings[i];
        return NULL;
}

uint64_t framed_mark(const struct framed *framed) {
        size_t size = framed_length(framed->rest, framed->big_endian);
        uint64_t mark = size + 1;

        for (size_t i = 0; i < size; i++)
                mark = (mark ^ framed->rest[2 + i]) * UINT64_C(0x100000001b3);
        return mark ? mark : 1;
}

int framed_check(const uint8_t *data, size_t size, size_t count, bool big_endian) {
        size_t length;

        for (; count && size; count--) {
                if (size < 2)
                        return FRAMED_E_MESSAGE;
                length = framed_length(data, big_endian);
                if (size - 2 < length)
                        return FRAMED_E_MESSAGE;
                data += 2 + length;
                size -= 2 + length;
        }
        return count || size ? FRAMED_E_COUNT : FRAMED_OK;
}
