/*
 * A recorded day of TOPS ends in the known state
 *
 * The capture goes through decoder and book; after 20,000 packets, after 35,000 and at the end, all
 * instruments and the counts of messages are compared with what other parsers made of the same file.
 * The walk from the capture to the messages is the test's own, and knows no more than this file needs.
 */

#include <endian.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "book/book.h"
#include "decode/bytes.h"
#include "decode/decoder.h"

#define CAPTURE     "iex/tops-1.6-2018-01-27"
#define INSTRUMENTS 8566
#define SLOTS       32768 /* a power of two */

#define HEADER                                                                                     \
        "symbol,bid_px_e4,bid_sz,ask_px_e4,ask_sz,last_px_e4,last_sz,last_trade_id,n_trades,"      \
        "volume,n_breaks,broken_volume,n_quote_msgs,trading_status,last_quote_ts_ns,"              \
        "last_trade_ts_ns,bid_levels,ask_levels\n"

enum column {
        SYMBOL,
        BID_PX,
        BID_SZ,
        ASK_PX,
        ASK_SZ,
        LAST_PX,
        LAST_SZ,
        LAST_TRADE_ID,
        N_TRADES,
        VOLUME,
        N_BREAKS,
        BROKEN_VOLUME,
        N_QUOTES,
        TRADING_STATUS,
        LAST_QUOTE_TS,
        LAST_TRADE_TS,
        BID_LEVELS,
        ASK_LEVELS,
        COLUMNS,
};

/* The last tick of each kind, where a daemon has its table. */
struct instrument {
        uint64_t symbol;
        struct md_tick last[MD_PLACES];
        int64_t quotes;
};

struct world {
        struct book *book;
        struct instrument instruments[INSTRUMENTS];
        uint32_t n;
        uint32_t slots[SLOTS]; /* instrument + 1 by symbol */
        uint64_t counts[256];  /* messages by type */
        uint64_t messages;
        uint64_t packets;
        uint64_t refused;
};

static const char *folder;

static char *path_of(char path[512], const char *suffix) {
        assert_true(snprintf(path, 512, "%s/" CAPTURE "%s", folder, suffix) < 512);
        return path;
}

/* ---- the capture ---- */

static ssize_t capture_read(void *cookie, char *buffer, size_t size) {
        return gzread(cookie, buffer, (unsigned)size);
}

static int capture_close(void *cookie) {
        return gzclose(cookie);
}

static pcap_t *capture_open(void) {
        const cookie_io_functions_t functions = { .read = capture_read, .close = capture_close };
        char path[512], why[PCAP_ERRBUF_SIZE] = "";
        pcap_t *pcap;
        gzFile gz;
        FILE *file;

        gz = gzopen(path_of(path, ".pcap.gz"), "rb");
        assert_non_null(gz);
        file = fopencookie(gz, "r", functions);
        assert_non_null(file);
        pcap = pcap_fopen_offline(file, why);
        if (!pcap)
                fail_msg("%s: %s", path, why);
        assert_int_equal(pcap_datalink(pcap), DLT_EN10MB);
        return pcap;
}

/* The payload of UDP over IPv4 over Ethernet; NULL for anything else. */
static const uint8_t *udp_payload(const uint8_t *frame, size_t size, size_t *payload) {
        const uint8_t *ip = frame + 14;
        size_t ip_header;

        if (size < 14 + 20 || frame[12] != 0x08 || frame[13] != 0x00 || ip[9] != 17)
                return NULL;
        ip_header = (ip[0] & 0x0f) * 4u;
        if (size < 14 + ip_header + 8)
                return NULL;
        *payload = (size_t)(ip[ip_header + 4] << 8 | ip[ip_header + 5]) - 8;
        assert_true(14 + ip_header + 8 + *payload <= size);
        return ip + ip_header + 8;
}

/* ---- decoder and book ---- */

static struct instrument *instrument_of(struct world *world, uint64_t symbol) {
        uint64_t slot = (symbol * UINT64_C(0x9e3779b97f4a7c15)) >> 49;

        for (;; slot = (slot + 1) % SLOTS) {
                if (!world->slots[slot]) {
                        assert_true(world->n < INSTRUMENTS);
                        world->slots[slot] = ++world->n;
                        world->instruments[world->n - 1].symbol = symbol;
                }
                if (world->instruments[world->slots[slot] - 1].symbol == symbol)
                        return &world->instruments[world->slots[slot] - 1];
        }
}

static void take_message(struct world *world, const uint8_t *data, size_t size) {
        struct md_tick ticks[BOOK_TICKS];
        struct instrument *instrument;
        struct event event;
        unsigned n;

        world->messages++;
        world->counts[data[0]]++;
        if (tops_decoder.decode(data, size, &event) != DECODE_OK) {
                world->refused++;
                return;
        }
        if (event.type == EVENT_SYSTEM)
                return;

        instrument = instrument_of(world, event.symbol);
        n = book_apply(world->book, (uint32_t)(instrument - world->instruments), &event, ticks);
        for (unsigned i = 0; i < n; i++)
                if (ticks[i].kind < MD_PLACES)
                        instrument->last[ticks[i].kind] = ticks[i];
        if (event.type == EVENT_QUOTE)
                instrument->quotes++;
}

static void take_segment(struct world *world, const uint8_t *segment, size_t size) {
        const uint8_t *message = segment + 40, *end = segment + size;
        unsigned count;

        assert_true(size >= 40);
        count = bytes_u32(segment + 12) >> 16;
        for (unsigned i = 0; i < count; i++) {
                size_t length = (size_t)(message[0] | message[1] << 8);

                assert_true(message + 2 + length <= end);
                take_message(world, message + 2, length);
                message += 2 + length;
        }
        assert_ptr_equal(message, end);
}

/* Goes on to packet number `until`, or to the end. */
static void play(struct world *world, pcap_t *pcap, uint64_t until) {
        struct pcap_pkthdr *header;
        const uint8_t *frame, *payload;
        size_t size;

        while (world->packets < until && pcap_next_ex(pcap, &header, &frame) == 1) {
                payload = udp_payload(frame, header->caplen, &size);
                if (payload) {
                        world->packets++;
                        take_segment(world, payload, size);
                }
        }
}

/* ---- what is expected ---- */

static FILE *open_expected(const char *checkpoint, const char *kind) {
        char path[512], suffix[64];
        FILE *file;

        snprintf(suffix, sizeof(suffix), "%s.%s.csv", checkpoint, kind);
        file = fopen(path_of(path, suffix), "re");
        if (!file)
                fail_msg("cannot open %s", path);
        return file;
}

static uint64_t total_of(const struct world *world, const char *name) {
        if (!name[1])
                return world->counts[(unsigned char)name[0]];
        if (!strcmp(name, "TOTAL"))
                return world->messages;
        if (!strcmp(name, "SEGMENTS"))
                return world->packets;
        if (!strcmp(name, "SYMBOLS"))
                return world->n;
        return 0; /* gaps and resets: this file has none, and this walk looks for none */
}

static void compare_counts(const struct world *world, const char *checkpoint) {
        _cleanup_(fclosep) FILE *file = open_expected(checkpoint, "counts");
        unsigned long long expected;
        char line[128], name[32];
        unsigned rows = 0;

        assert_non_null(fgets(line, sizeof(line), file));
        assert_string_equal(line, "type,count\n");
        for (; fgets(line, sizeof(line), file); rows++) {
                assert_int_equal(sscanf(line, "%31[^,],%llu", name, &expected), 2);
                if (total_of(world, name) != expected)
                        fail_msg("%s: %llu, expected %llu", name,
                                 (unsigned long long)total_of(world, name), expected);
        }
        assert_true(rows > 6);
}

/* In 1e-4, as the files have it. */
static int64_t price_e4(int64_t px) {
        if (px == MD_PX_NONE)
                return 0;
        assert_int_equal(px % (MD_PX_ONE / 10000), 0);
        return px / (MD_PX_ONE / 10000);
}

/* What is not there yet is 0 in the files, and all zeros here. */
static void values_of(const struct instrument *instrument, int64_t values[COLUMNS]) {
        const struct md_tick *last = instrument->last;

        values[BID_PX] = price_e4(last[MD_QUOTE].u.quote.bid_px);
        values[BID_SZ] = last[MD_QUOTE].u.quote.bid_sz;
        values[ASK_PX] = price_e4(last[MD_QUOTE].u.quote.ask_px);
        values[ASK_SZ] = last[MD_QUOTE].u.quote.ask_sz;
        values[LAST_PX] = price_e4(last[MD_TRADE].u.trade.px);
        values[LAST_SZ] = last[MD_TRADE].u.trade.sz;
        values[LAST_TRADE_ID] = last[MD_TRADE].u.trade.trade_id;
        values[N_TRADES] = last[MD_TOTALS].u.totals.trades;
        values[VOLUME] = last[MD_TRADE].u.trade.volume;
        values[N_BREAKS] = last[MD_TOTALS].u.totals.breaks;
        values[BROKEN_VOLUME] = last[MD_TOTALS].u.totals.broken_volume;
        values[N_QUOTES] = instrument->quotes;
        values[TRADING_STATUS] = last[MD_STATUS].u.status.trading;
        values[LAST_QUOTE_TS] = last[MD_QUOTE].ts_event;
        values[LAST_TRADE_TS] = last[MD_TRADE].ts_event;
}

static void compare_row(struct world *world, char *line) {
        uint64_t symbol = UINT64_C(0x2020202020202020);
        int64_t values[COLUMNS] = { 0 };
        char *field[COLUMNS];

        for (unsigned i = 0; i < COLUMNS; i++) {
                field[i] = strsep(&line, ",\n");
                assert_non_null(field[i]);
        }
        assert_in_range(strlen(field[SYMBOL]), 1, 8);
        memcpy(&symbol, field[SYMBOL], strlen(field[SYMBOL]));

        values_of(instrument_of(world, le64toh(symbol)), values);
        for (unsigned i = BID_PX; i < BID_LEVELS; i++) {
                int64_t expected = i == TRADING_STATUS ? field[i][0] : atoll(field[i]);

                if (values[i] != expected)
                        fail_msg("%s, column %u: %lld, expected %s", field[SYMBOL], i,
                                 (long long)values[i], field[i]);
        }
}

static void compare_instruments(struct world *world, const char *checkpoint) {
        _cleanup_(fclosep) FILE *file = open_expected(checkpoint, "expected");
        unsigned rows = 0;
        char line[512];

        assert_non_null(fgets(line, sizeof(line), file));
        assert_string_equal(line, HEADER);
        for (; fgets(line, sizeof(line), file); rows++)
                compare_row(world, line);
        assert_int_equal(rows, INSTRUMENTS);
        assert_int_equal(world->n, INSTRUMENTS);
}

static void test_recorded_day(void **state) {
        static const struct {
                uint64_t packets;
                const char *name;
        } checkpoints[] = {
                { 20000, ".first20000pkts" },
                { 35000, ".first35000pkts" },
                { UINT64_MAX, "" },
        };
        struct world *world = calloc(1, sizeof(*world));
        pcap_t *pcap = capture_open();

        (void)state;
        assert_non_null(world);
        assert_int_equal(book_new(&world->book, INSTRUMENTS), 0);
        for (size_t i = 0; i < sizeof(checkpoints) / sizeof(checkpoints[0]); i++) {
                play(world, pcap, checkpoints[i].packets);
                compare_counts(world, checkpoints[i].name);
                compare_instruments(world, checkpoints[i].name);
                assert_int_equal(world->refused, 0);
        }
        pcap_close(pcap);
        book_free(world->book);
        free(world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded_day),
        };
        char path[512];

        folder = getenv("MDSHMD_TEST_DATA");
        if (!folder)
                folder = TEST_DATA;
        if (access(path_of(path, ".pcap.gz"), R_OK) < 0) {
                fprintf(stderr, "SKIPPED: no recorded market data: %s: %m\n", path);
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
