#pragma once

/*
 * An exchange of our own: IEX TOPS 1.6 over IEX-TP, to a UDP port or into a capture file
 *
 * For tests that must know every message that was sent. Messages gather in a packet until
 * exchange_send(). A packet moves the exchange's clock on by a step, so that what is written to a
 * file has a pace. Prices are in 1e-4, as on the wire.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct exchange {
        int fd;     /* connected UDP socket, -1: none */
        FILE *file; /* capture, NULL: none */
        uint32_t session;
        uint64_t sequence; /* of the first message of the next packet */
        uint64_t packets;  /* sent */
        int64_t time;      /* TIME of the next packet */
        int64_t step;      /* ns from one packet to the next */
        uint16_t count;    /* messages in it so far */
        size_t size;       /* bytes of them */
        uint8_t packet[1400];
};

/* A UDP port on the loopback interface that nobody has now. */
uint16_t exchange_free_port(void);

/* Of a feed that listens there; the port stands behind the format. */
#define EXCHANGE_KEYS "source = udp\nprotocol = iex-tops\naddress = 127.0.0.1\nport = %u\n"

/* Sends to 127.0.0.1. */
void exchange_to_port(struct exchange *exchange, uint16_t port);

/* Writes a classic pcap file: Ethernet, IPv4, UDP. */
void exchange_to_file(struct exchange *exchange, const char *path);

/* Closes; what was not sent is lost. */
void exchange_deinit(struct exchange *exchange);

/* A price of 0 with a size of 0 is no quote on that side. */
void exchange_quote(struct exchange *exchange, const char *symbol, int64_t bid_px, uint32_t bid_sz,
                    int64_t ask_px, uint32_t ask_sz);
void exchange_trade(struct exchange *exchange, const char *symbol, int64_t px, uint32_t sz,
                    int64_t trade_id);

/* Sends the packet; without a message in it, it is a heartbeat. */
void exchange_send(struct exchange *exchange);
