#pragma once

/*
 * Packets, written
 *
 * Messages are added until the packet is full or its time has come; finishing it writes the header in
 * front of them and goes on to the next one. A packet finished without a message is a heartbeat. How the
 * header looks is the transport's matter.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX        1400 /* so that a datagram is one frame of Ethernet */
#define PACKET_HEADER_MAX 40
#define REQUEST_MAX       32

struct packet_writer;

struct transport {
        const char *name;
        size_t header;   /* bytes */
        bool big_endian; /* the lengths in front of the messages */
        uint16_t end;    /* the count of a packet that says the session is over; 0: there is none */
        uint64_t answer; /* messages that a request brings at most, in as many packets as it takes;
                          * 0: as many as one packet holds */
        void (*put_header)(const struct packet_writer *writer, uint16_t count, int64_t time,
                           uint8_t *header);
        /* Reads a request for messages of the writer's session. False: it is none. */
        bool (*read_request)(const struct packet_writer *writer, const uint8_t *request,
                             size_t size, uint64_t *first, uint64_t *n);
};

extern const struct transport iextp_transport;
extern const struct transport moldudp64_transport;

struct packet_writer {
        const struct transport *transport;
        uint16_t protocol; /* of the messages, as IEX-TP numbers them */
        uint32_t session;
        uint64_t offset;   /* of the packet in the stream, bytes */
        uint64_t sequence; /* of the first message in it; the session's first is 1 */
        uint16_t count;
        size_t size; /* 0: the last packet is finished, the next one not begun */
        uint8_t data[PACKET_MAX];
};

void packet_init(struct packet_writer *writer, const struct transport *transport, uint16_t protocol,
                 uint32_t session);

/* False: there is no room left in this packet. */
bool packet_add(struct packet_writer *writer, const uint8_t *message, size_t size);

/* Returns the size of the packet, which stands in `data` until the next message is added. */
size_t packet_finish(struct packet_writer *writer, int64_t time);

/* The same of one without messages that says that the session is over, where there is such a thing. */
size_t packet_end(struct packet_writer *writer, int64_t time);

/* The length in front of a message, written and read. */
void transport_put_length(const struct transport *transport, uint8_t *at, size_t size);
size_t transport_length(const struct transport *transport, const uint8_t *at);
