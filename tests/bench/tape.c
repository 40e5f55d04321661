/* A capture in memory. */

#include "tape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/frame.h"
#include "feed/iextp.h"
#include "feed/recording.h"

/* Room for `n` and one more, by doubling. The old memory stays where there is none. */
static int grow(void **memory, uint64_t n, uint64_t *room, size_t size) {
        void *more;

        if (n < *room)
                return 0;
        more = realloc(*memory, (n + 1) * 2 * size);
        if (!more)
                return -ENOMEM;
        *memory = more;
        *room = (n + 1) * 2;
        return 0;
}

/* Takes in one payload. Where its bytes are is filled in when all are there. */
static int add_packet(struct tape *tape, const struct packet *packet, uint64_t *size,
                      uint64_t room[2]) {
        struct framed segment;

        if (grow((void **)&tape->packets, tape->n_packets, &room[0], sizeof(*packet)) < 0 ||
            grow((void **)&tape->bytes, *size + packet->size, &room[1], 1) < 0)
                return -ENOMEM;
        memcpy(tape->bytes + *size, packet->data, packet->size);
        *size += packet->size;
        tape->packets[tape->n_packets++] = *packet;
        if (iextp_framing.parse(&segment, packet->data, packet->size) == IEXTP_OK)
                tape->messages += segment.count;
        return 0;
}

static int read_all(struct tape *tape, struct recording *recording) {
        uint64_t size = 0, room[2] = { 0 };
        struct recording_frame frame;
        struct recording_why why;
        const uint8_t *bytes;
        int r;

        while (recording_next(recording, &frame, &why) == RECORDING_OK) {
                struct frame payload;
                struct packet packet;

                if (frame_parse(&payload, recording_link(recording), frame.data, frame.captured,
                                frame.length) != FRAME_OK)
                        continue;
                packet = (struct packet){
                        .data = payload.payload,
                        .size = payload.size,
                        .ts_recv = frame.time,
                        .number = frame.number,
                        .cut = payload.cut,
                };
                r = add_packet(tape, &packet, &size, room);
                if (r < 0)
                        return r;
        }
        bytes = tape->bytes;
        for (uint64_t i = 0; i < tape->n_packets; i++) {
                tape->packets[i].data = bytes;
                bytes += tape->packets[i].size;
        }
        return 0;
}

int tape_init(struct tape *tape, const char *path) {
        struct recording *recording;
        struct recording_why why;
        int r;

        *tape = (struct tape){ 0 };
        r = recording_new(&recording, path, &why);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", path, why.text);
                return r;
        }
        r = read_all(tape, recording);
        recording_free(recording);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(-r));
                tape_deinit(tape);
        }
        return r;
}

void tape_deinit(struct tape *tape) {
        free(tape->packets);
        free(tape->bytes);
        *tape = (struct tape){ 0 };
}
