/* A feed in memory. */

#include "tape.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/frame.h"
#include "feed/iextp.h"
#include "feed/moldudp64.h"
#include "feed/recording.h"

#define PACKET_MAX 1400 /* bytes, of those that are made here */

/* ---- memory ---- */

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

/* Where each packet's bytes are, now that all are there. */
static void find_packets(struct tape *tape) {
        const uint8_t *bytes = tape->bytes;

        for (uint64_t i = 0; i < tape->n_packets; i++) {
                tape->packets[i].data = bytes;
                bytes += tape->packets[i].size;
        }
}

static int append(struct tape *tape, const void *bytes, size_t size) {
        if (grow((void **)&tape->bytes, tape->size + size, &tape->room[1], 1) < 0)
                return -ENOMEM;
        memcpy(tape->bytes + tape->size, bytes, size);
        tape->size += size;
        return 0;
}

static int add_packet(struct tape *tape, const struct packet *packet) {
        if (grow((void **)&tape->packets, tape->n_packets, &tape->room[0], sizeof(*packet)) < 0)
                return -ENOMEM;
        tape->packets[tape->n_packets++] = *packet;
        return 0;
}

void tape_deinit(struct tape *tape) {
        free(tape->packets);
        free(tape->bytes);
        *tape = (struct tape){ 0 };
}

/* ---- a capture ---- */

static int add_payload(struct tape *tape, const struct packet *packet) {
        struct framed framed;

        if (tape->framing->parse(&framed, packet->data, packet->size) == 0)
                tape->messages += framed.count;
        return append(tape, packet->data, packet->size) < 0 ? -ENOMEM : add_packet(tape, packet);
}

static int read_packets(struct tape *tape, struct recording *recording, uint64_t most) {
        struct recording_frame frame;
        struct recording_why why;
        int r;

        while ((!most || tape->n_packets < most) &&
               recording_next(recording, &frame, &why) == RECORDING_OK) {
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
                r = add_payload(tape, &packet);
                if (r < 0)
                        return r;
        }
        find_packets(tape);
        return 0;
}

int tape_init(struct tape *tape, const char *path, uint64_t most) {
        struct recording *recording;
        struct recording_why why;
        int r;

        *tape = (struct tape){ .framing = &iextp_framing };
        r = recording_new(&recording, path, &why);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", path, why.text);
                return r;
        }
        r = read_packets(tape, recording, most);
        recording_free(recording);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(-r));
                tape_deinit(tape);
        }
        return r;
}

/* ---- messages ---- */

void tape_begin(struct tape *tape) {
        *tape = (struct tape){ .framing = &moldudp64_framing };
}

/* Begins a packet whose first message is the next one. */
static int begin_packet(struct tape *tape) {
        const struct packet packet = {
                .size = MOLDUDP64_HEADER_SIZE,
                .ts_recv = 1,
                .number = tape->n_packets + 1,
        };
        uint64_t sequence = htobe64(tape->messages + 1);
        uint8_t header[MOLDUDP64_HEADER_SIZE] = "BENCHMARK ";

        memcpy(header + MOLDUDP64_SESSION_SIZE, &sequence, sizeof(sequence));
        return append(tape, header, sizeof(header)) < 0 ? -ENOMEM : add_packet(tape, &packet);
}

/* One more message is in the newest packet. */
static void count_message(struct tape *tape, size_t size) {
        struct packet *packet = &tape->packets[tape->n_packets - 1];
        uint8_t *count;

        packet->size += size;
        tape->messages++;
        count = tape->bytes + tape->size - packet->size + MOLDUDP64_HEADER_SIZE - 2;
        count[0] = (uint8_t)(count[0] + (count[1] == UINT8_MAX));
        count[1]++;
}

int tape_put(struct tape *tape, const void *message, size_t size) {
        const uint8_t length[] = { (uint8_t)(size >> 8), (uint8_t)size };

        if ((!tape->n_packets ||
             tape->packets[tape->n_packets - 1].size + sizeof(length) + size > PACKET_MAX) &&
            begin_packet(tape) < 0)
                return -ENOMEM;
        if (append(tape, length, sizeof(length)) < 0 || append(tape, message, size) < 0)
                return -ENOMEM;
        count_message(tape, sizeof(length) + size);
        return 0;
}

void tape_end(struct tape *tape) {
        find_packets(tape);
}

static int put_file(struct tape *tape, FILE *file) {
        uint8_t length[2], message[UINT16_MAX];

        while (fread(length, sizeof(length), 1, file) == 1) {
                size_t size = framed_length(length, true);

                if (fread(message, 1, size, file) < size)
                        break;
                if (tape_put(tape, message, size) < 0)
                        return -ENOMEM;
        }
        return ferror(file) ? -EIO : 0;
}

int tape_init_file(struct tape *tape, const char *path) {
        FILE *file = fopen(path, "re");
        int r;

        tape_begin(tape);
        r = file ? put_file(tape, file) : -errno;
        if (file)
                fclose(file);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(-r));
                tape_deinit(tape);
                return r;
        }
        tape_end(tape);
        return 0;
}
