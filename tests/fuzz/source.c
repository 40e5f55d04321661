/*
 * Files that sources play: a recording, or messages behind their lengths; plain or in gzip, whole or cut
 *
 * The first byte says how it is played, the second how much of the packed file is missing, the rest is the
 * file; SOURCE says of which kind. It is played on a loop of its own to its end: that has to come (how long
 * it may take is the fuzzer's affair), every packet has to be flushed, and of plain messages it is known which
 * ones there are.
 */

#include <zlib.h>

#include "base/log.h"
#include "file.h"
#include "unit/feed-tape.h"

enum {
        HOW_PACKED = 1 << 0,
        HOW_LOOPED = 1 << 1,
        HOW_COUNTED = 1 << 2, /* a few packets or messages are enough */
        HOW_PACED = 1 << 3,   /* as they were sent, but very fast */
};

#define ROUNDS 40 /* packets after which a file that is played in a loop has been played enough */

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        (void)argc;
        (void)argv;
        log_init(LOG_DEBUG);
        return 0;
}

static uint8_t *pack(const uint8_t *data, size_t size, size_t *packed_size) {
        z_stream stream = { .next_in = (uint8_t *)(uintptr_t)data, .avail_in = (unsigned)size };
        size_t room = size + 256;
        uint8_t *packed = malloc(room);

        CHECK(packed);
        CHECK(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
        stream.next_out = packed;
        stream.avail_out = (unsigned)room;
        CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
        *packed_size = stream.total_out;
        deflateEnd(&stream);
        return packed;
}

static struct memory_file make_file(struct input *input, uint8_t how) {
        size_t cut = input_u8(input), size = input->size;
        struct memory_file file;
        uint8_t *packed;

        if (!(how & HOW_PACKED))
                return memory_file_new(input->data, size);
        packed = pack(input->data, size, &size);
        file = memory_file_new(packed, cut < size ? size - cut : size);
        free(packed);
        return file;
}

/* Bytes of whole messages, up to the end of the file or of its day. */
static size_t whole_messages(const struct input *file) {
        size_t at = 0, length;

        while (file->size - at >= 2) {
                length = (size_t)(file->data[at] << 8 | file->data[at + 1]);
                if (!length || file->size - at - 2 < length)
                        break;
                at += 2 + length;
        }
        return at;
}

static void check_messages(const struct tape *tape, const struct input *file) {
        size_t size = whole_messages(file);
        uint64_t digest = 0;

        for (size_t i = 0; i < size; i++)
                digest = (digest ^ file->data[i]) * UINT64_C(0x100000001b3);
        CHECK(tape->bytes == size && tape->digest == digest);
        CHECK(tape->state == FEED_STATE_ENDED);
}

static void check_packets(const struct tape *tape) {
        for (unsigned i = 1; i < tape->packets && i < TAPE_PACKETS && !tape->restarts; i++)
                CHECK(tape->packet[i].number > tape->packet[i - 1].number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static char name[] = "fuzz";
        struct input input = { data, size };
        uint8_t how = input_u8(&input);
        struct memory_file file = make_file(&input, how);
        const struct config_feed config = {
                .name = name,
                .source = SOURCE,
                .file = file.path,
                .loop = how & HOW_LOOPED,
                .packets = how & HOW_COUNTED ? how >> 4 : 0,
                .messages = how & HOW_COUNTED ? how >> 4 : 0,
                .speed = how & HOW_PACED ? 1e15 : 0,
        };
        struct tape tape = { .enough = how & HOW_LOOPED ? ROUNDS : 0, .is_patient = true };
        bool packed = how & HOW_PACKED ||
                      (input.size >= 2 && input.data[0] == 0x1f && input.data[1] == 0x8b);
        int r;

        r = tape_play(&tape, &config);
        if (r == 0) {
                CHECK(tape.is_over || (tape.enough && tape.packets >= tape.enough));
                CHECK(!tape.is_over || tape.unflushed == 0);
                check_packets(&tape);
                if (SOURCE == CONFIG_SOURCE_FILE && !packed && config.messages == 0 && !config.loop)
                        check_messages(&tape, &input);
        }
        memory_file_free(&file);
        return 0;
}
