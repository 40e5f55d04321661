/* The decoders, by name. */

#include "decode/decoder.h"

#include <string.h>

static const struct decoder *const decoders[] = { &tops_decoder, &deep_decoder, &itch50_decoder };

const struct decoder *decoder_find(const char *protocol) {
        for (size_t i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++)
                if (!strcmp(decoders[i]->protocol, protocol))
                        return decoders[i];
        return NULL;
}
