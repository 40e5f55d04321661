/* What was sent, to be sent again. */

#include "sim/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int store_init(struct store *store) {
        *store = (struct store){
                .bytes = malloc(STORE_BYTES), /* fresh pages: touched as they are needed */
                .packets = malloc(STORE_PACKETS * sizeof(*store->packets)),
        };
        if (store->bytes && store->packets)
                return 0;
        store_deinit(store);
        return -ENOMEM;
}

void store_deinit(struct store *store) {
        free(store->bytes);
        free(store->packets);
        *store = (struct store){ 0 };
}

void store_clear(struct store *store) {
        store->first = store->next = 0;
        store->head = 0;
}

static struct store_packet *packet_at(const struct store *store, uint64_t n) {
        return &store->packets[n % STORE_PACKETS];
}

/* Forgets those whose bytes are about to be written over. */
static void make_room(struct store *store, uint32_t from, uint32_t to) {
        while (store->first < store->next) {
                const struct store_packet *oldest = packet_at(store, store->first);

                if (store->next - store->first < STORE_PACKETS &&
                    (oldest->at >= to || oldest->at + oldest->size <= from))
                        return;
                store->first++;
        }
}

void store_put(struct store *store, uint64_t sequence, uint16_t count, const uint8_t *data,
               size_t size) {
        if (store->head + size > STORE_BYTES) {
                make_room(store, store->head, STORE_BYTES); /* what is left there is of no use */
                store->head = 0;
        }
        make_room(store, store->head, store->head + (uint32_t)size);
        memcpy(store->bytes + store->head, data, size);
        *packet_at(store, store->next++) = (struct store_packet){
                .sequence = sequence,
                .at = store->head,
                .size = (uint16_t)size,
                .count = count,
        };
        store->head += (uint32_t)size;
}

/* The number of the packet that has the message; store->next: none has. */
static uint64_t find(const struct store *store, uint64_t sequence) {
        uint64_t low = store->first, high = store->next, middle;

        while (low < high) {
                const struct store_packet *packet;

                middle = low + (high - low) / 2;
                packet = packet_at(store, middle);
                if (sequence < packet->sequence)
                        high = middle;
                else if (sequence >= packet->sequence + packet->count)
                        low = middle + 1;
                else
                        return middle;
        }
        return store->next;
}

/* Adds messages of one packet, from number `sequence` on. False: the answer is full. */
static bool add_messages(const struct store *store, const struct store_packet *packet,
                         uint64_t sequence, uint64_t *n, struct packet_writer *answer) {
        const struct transport *transport = answer->transport;
        const uint8_t *at = store->bytes + packet->at + transport->header;
        size_t size;

        for (uint64_t i = packet->sequence; i < packet->sequence + packet->count && *n; i++) {
                size = transport_length(transport, at);
                if (i >= sequence) {
                        if (!packet_add(answer, at + 2, size))
                                return false;
                        (*n)--;
                }
                at += 2 + size;
        }
        return *n > 0;
}

size_t store_answer(const struct store *store, const struct packet_writer *writer,
                    uint64_t sequence, uint64_t n, struct packet_writer *answer) {
        uint64_t i = find(store, sequence);

        packet_init(answer, writer->transport, writer->protocol, writer->session);
        answer->sequence = sequence;
        for (; i < store->next; i++)
                if (!add_messages(store, packet_at(store, i), sequence, &n, answer))
                        break;
        return answer->count ? packet_finish(answer, 0) : 0;
}
