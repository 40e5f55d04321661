/* An exchange of our own; exchange.h tells the idea. */

#include "exchange.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "harness.h"

#define TRANSPORT_SIZE 40 /* IEX-TP's header */
#define TOPS_1_6       0x8003
#define FRAME_SIZE     (14 + 20 + 8) /* Ethernet, IPv4, UDP */
#define NS_PER_S       INT64_C(1000000000)

static void put_u16(uint8_t *at, uint16_t value) {
        value = htole16(value);
        memcpy(at, &value, sizeof(value));
}

static void put_u32(uint8_t *at, uint32_t value) {
        value = htole32(value);
        memcpy(at, &value, sizeof(value));
}

static void put_u64(uint8_t *at, uint64_t value) {
        value = htole64(value);
        memcpy(at, &value, sizeof(value));
}

static struct sockaddr_in loopback(uint16_t port) {
        return (struct sockaddr_in){
                .sin_family = AF_INET,
                .sin_port = htons(port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
}

uint16_t exchange_free_port(void) {
        struct sockaddr_in address = loopback(0);
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        close(fd);
        return ntohs(address.sin_port);
}

static void init(struct exchange *exchange) {
        *exchange = (struct exchange){
                .fd = -1,
                .session = 1,
                .sequence = 1,
                .time = 1700000000 * NS_PER_S,
                .step = 1000,
        };
}

void exchange_to_port(struct exchange *exchange, uint16_t port) {
        struct sockaddr_in address = loopback(port);

        init(exchange);
        exchange->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(exchange->fd >= 0);
        assert_int_equal(connect(exchange->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

void exchange_to_file(struct exchange *exchange, const char *path) {
        static const struct {
                uint32_t magic; /* of stamps in nanoseconds */
                uint16_t major, minor;
                uint32_t zone, accuracy, longest, link;
        } header = { 0xa1b23c4d, 2, 4, 0, 0, 65535, 1 };

        init(exchange);
        exchange->file = fopen(path, "we");
        assert_non_null(exchange->file);
        assert_int_equal(fwrite(&header, sizeof(header), 1, exchange->file), 1);
}

void exchange_deinit(struct exchange *exchange) {
        if (exchange->fd >= 0)
                close(exchange->fd);
        if (exchange->file)
                assert_int_equal(fclose(exchange->file), 0);
        *exchange = (struct exchange){ .fd = -1 };
}

/* ---- messages ---- */

/* The place of a new message of that size, with what all messages begin with. */
static uint8_t *begin(struct exchange *exchange, char type, const char *symbol, size_t size) {
        uint8_t *at = exchange->packet + TRANSPORT_SIZE + exchange->size;
        size_t length = strlen(symbol);

        assert_true(TRANSPORT_SIZE + exchange->size + 2 + size <= sizeof(exchange->packet));
        put_u16(at, (uint16_t)size);
        exchange->size += 2 + size;
        exchange->count++;

        at += 2;
        at[0] = (uint8_t)type;
        at[1] = 0;
        put_u64(at + 2, (uint64_t)exchange->time);
        memset(at + 10, ' ', 8);
        memcpy(at + 10, symbol, length < 8 ? length : 8);
        return at;
}

void exchange_quote(struct exchange *exchange, const char *symbol, int64_t bid_px, uint32_t bid_sz,
                    int64_t ask_px, uint32_t ask_sz) {
        uint8_t *message = begin(exchange, 'Q', symbol, 42);

        put_u32(message + 18, bid_sz);
        put_u64(message + 22, (uint64_t)bid_px);
        put_u64(message + 30, (uint64_t)ask_px);
        put_u32(message + 38, ask_sz);
}

void exchange_trade(struct exchange *exchange, const char *symbol, int64_t px, uint32_t sz,
                    int64_t trade_id) {
        uint8_t *message = begin(exchange, 'T', symbol, 38);

        put_u32(message + 18, sz);
        put_u64(message + 22, (uint64_t)px);
        put_u64(message + 30, (uint64_t)trade_id);
}

/* ---- packets ---- */

static void write_frame(struct exchange *exchange, size_t size) {
        uint8_t frame[FRAME_SIZE] = { [12] = 0x08, [14] = 0x45, [22] = 64, [23] = IPPROTO_UDP };
        uint32_t record[4] = {
                (uint32_t)(exchange->time / NS_PER_S),
                (uint32_t)(exchange->time % NS_PER_S),
                (uint32_t)(FRAME_SIZE + size),
                (uint32_t)(FRAME_SIZE + size),
        };
        uint16_t ip_length = htons((uint16_t)(28 + size)), udp_length = htons((uint16_t)(8 + size));

        memcpy(frame + 16, &ip_length, sizeof(ip_length));
        memcpy(frame + 38, &udp_length, sizeof(udp_length));
        assert_int_equal(fwrite(record, sizeof(record), 1, exchange->file), 1);
        assert_int_equal(fwrite(frame, sizeof(frame), 1, exchange->file), 1);
        assert_int_equal(fwrite(exchange->packet, size, 1, exchange->file), 1);
}

void exchange_send(struct exchange *exchange) {
        uint8_t *header = exchange->packet;
        size_t size = TRANSPORT_SIZE + exchange->size;

        memset(header, 0, TRANSPORT_SIZE);
        header[0] = 1;
        put_u16(header + 2, TOPS_1_6);
        put_u32(header + 4, 1);
        put_u32(header + 8, exchange->session);
        put_u16(header + 12, (uint16_t)exchange->size);
        put_u16(header + 14, exchange->count);
        put_u64(header + 24, exchange->sequence);
        put_u64(header + 32, (uint64_t)exchange->time);

        if (exchange->fd >= 0)
                assert_int_equal(send(exchange->fd, exchange->packet, size, 0), size);
        if (exchange->file)
                write_frame(exchange, size);
        exchange->packets++;
        exchange->sequence += exchange->count;
        exchange->time += exchange->step;
        exchange->count = 0;
        exchange->size = 0;
}
