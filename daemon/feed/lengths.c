/* The framing of files: messages after their lengths. */

#include "feed/lengths.h"

static int lengths_parse(struct framed *framed, const uint8_t *data, size_t size) {
        uint32_t count = 0;

        for (size_t at = 0; at < size; count++) {
                if (size - at < 2 || size - at - 2 < framed_length(data + at, true))
                        return LENGTHS_E_MESSAGE;
                at += 2 + framed_length(data + at, true);
        }

        *framed = (struct framed){
                .count = count,
                .big_endian = true,
                .rest = data,
                .size = size,
        };
        return LENGTHS_OK;
}

static const char *lengths_cause(int outcome) {
        return outcome == LENGTHS_OK ? "sound" : "message runs past its packet";
}

static void lengths_session(uint64_t session, char text[FRAMING_SESSION_SIZE]) {
        (void)session;
        text[0] = '\0';
}

const struct framing lengths_framing = {
        .name = "file",
        .pieces = true,
        .parse = lengths_parse,
        .cause = lengths_cause,
        .session = lengths_session,
};
