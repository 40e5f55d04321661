/*
 * Late comers: whenever a daemon joins a session, what it shows without doubt is what the session said
 *
 * An exchange sends sessions of ITCH that the first byte chooses, on two lines; a server has what was sent.
 * Each operation is the input's: packets are lost, doubled, out of order; requests are answered, well or
 * badly or not at all; a session begins afresh; the daemon is another one. When no instrument is in doubt,
 * the table has to be what a book of our own makes of the same messages, taken one after the other from the
 * first, and each of them has been counted once. While the daemon catches up, nothing is published.
 */

#include <arpa/inet.h>
#include <ev.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "book/book.h"
#include "feed/moldudp64.h"
#include "feed/source.h"
#include "stream.h"

#include "fuzz.h"

#define STOCKS      3
#define MESSAGES    400 /* of a session, at most */
#define MESSAGE_MAX 44
#define FITS        5 /* into an answer */
#define HEADER      20
#define PACKET_MAX  (HEADER + 16 * (2 + MESSAGE_MAX))
#define MS          INT64_C(1000000)
#define START       INT64_C(1577716200000000000) /* 2019-12-30 09:30 in New York */

/* What a session has said up to some message, in a book of our own. */
struct reference {
        struct book *book;
        uint64_t next;
        struct md_tick newest[STOCKS][MD_PLACES]; /* seq 0: none */
};

struct world {
        struct ev_loop *loop;
        struct segment segment;
        struct notifier notifier;
        struct pipeline pipeline;
        struct stream *stream;
        char recovery[32];

        int server;
        int64_t now;
        unsigned session; /* 0 on */
        uint8_t seed;
        uint64_t sent; /* messages of the session */
        struct reference reference;
        bool counted; /* `before` is known: */
        uint64_t before;
        bool heard; /* the daemon is in it; `gaps` is how many there had been then */
        uint64_t gaps;
};

/* ---- what is sent ---- */

static void write_number(uint8_t *at, uint64_t n, unsigned bytes) {
        while (bytes--) {
                at[bytes] = (uint8_t)n;
                n >>= 8;
        }
}

static uint64_t read_number(const uint8_t at[8]) {
        uint64_t n = 0;

        for (unsigned i = 0; i < 8; i++)
                n = n << 8 | at[i];
        return n;
}

static uint64_t mix(uint64_t z) {
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* Message `number` of the present session, always the same; its size. */
static size_t make_message(const struct world *world, uint64_t number, uint8_t *at) {
        static const char types[] = "AAAAEEXDUP";
        uint64_t random = mix(number * 1000003 + world->session * 31 + world->seed);
        unsigned stock = (unsigned)(random % STOCKS), sz = 1 + (unsigned)(random >> 8 & 63);
        unsigned px = 100000 + 100 * (unsigned)(random >> 16 & 7);
        uint64_t ref = number - random / 97 % 16;
        char type = types[random / 1009 % (sizeof(types) - 1)], side = random & 1 << 20 ? 'B' : 'S';

        if (number <= STOCKS) { /* their names are said before their numbers */
                stock = (unsigned)number - 1;
                type = 'A';
        }
        memset(at, 0, MESSAGE_MAX);
        at[0] = (uint8_t)type;
        write_number(at + 1, stock + 1, 2);
        write_number(at + 5, UINT64_C(36000000000000) + number * 1000, 6);
        write_number(at + 11, type == 'A' ? number : ref, 8);
        switch (type) {
        case 'A':
        case 'P':
                at[19] = (uint8_t)side;
                write_number(at + 20, sz, 4);
                memcpy(at + 24, "S       ", 8);
                at[25] = (uint8_t)('0' + stock);
                write_number(at + 32, px, 4);
                write_number(at + 36, number, 8);
                return type == 'A' ? 36 : 44;
        case 'E':
                write_number(at + 19, sz, 4);
                write_number(at + 23, number, 8);
                return 31;
        case 'X':
                write_number(at + 19, sz, 4);
                return 23;
        case 'U':
                write_number(at + 19, number, 8);
                write_number(at + 27, sz, 4);
                write_number(at + 31, px, 4);
                return 35;
        default:
                return 19;
        }
}

static size_t make_packet(const struct world *world, uint64_t first, unsigned n, uint8_t *packet) {
        size_t at = HEADER, size;

        memset(packet, '0' + (int)world->session, 10);
        write_number(packet + 10, first, 8);
        write_number(packet + 18, n, 2);
        for (unsigned i = 0; i < n; i++) {
                size = make_message(world, first + i, packet + at + 2);
                write_number(packet + at, size, 2);
                at += 2 + size;
        }
        return at;
}

static void arrive(struct world *world, unsigned line, const uint8_t *data, size_t size) {
        uint8_t *copy = malloc(size ? size : 1); /* so that a sanitizer sees its end */
        struct packet packet = {
                .data = copy,
                .size = size,
                .ts_recv = START,
                .now = world->now,
                .number = 1,
                .line = line,
        };
        struct feed *feed = world->stream->feed;

        CHECK(copy);
        memcpy(copy, data, size);
        feed->sink->packet(feed->userdata, &packet);
        feed->sink->flush(feed->userdata);
        free(copy);
}

/* ---- what must be ---- */

static void reference_begin(struct reference *reference) {
        book_free(reference->book);
        *reference = (struct reference){ .next = 1 };
        CHECK(book_new(&reference->book, STOCKS) == 0);
}

static void reference_take(struct world *world, uint64_t to) {
        struct reference *reference = &world->reference;
        struct md_tick ticks[BOOK_TICKS];
        uint8_t message[MESSAGE_MAX];
        struct event event;
        unsigned n;

        for (; reference->next < to; reference->next++) {
                size_t size = make_message(world, reference->next, message);

                CHECK(itch50_decoder.decode(message, size, &event) == DECODE_OK);
                n = book_apply(reference->book, event.locate - 1, &event, ticks);
                for (unsigned i = 0; i < n; i++) {
                        struct md_tick *newest =
                                &reference->newest[ticks[i].instrument][ticks[i].kind];

                        *newest = ticks[i];
                        newest->seq = 1;
                }
        }
}

static void check_place(const struct world *world, uint32_t instrument, unsigned kind,
                        const struct md_tick *wanted) {
        struct md_tick tick;

        CHECK(table_read(&world->segment.table, &world->segment.journal, instrument, kind, &tick) ==
              0);
        if (wanted->seq) {
                CHECK(tick.seq && !memcmp(&tick.u, &wanted->u, sizeof(tick.u)));
                CHECK(((tick.flags ^ wanted->flags) & MD_FLAG_MAYBE_BAD_BOOK) == 0);
        } else if (kind == MD_QUOTE && tick.seq) {
                CHECK(tick.u.quote.bid_px == MD_PX_NONE && tick.u.quote.ask_px == MD_PX_NONE);
                CHECK(!(tick.flags & MD_FLAG_MAYBE_BAD_BOOK));
        } else if (kind == MD_TOTALS && tick.seq) {
                CHECK(tick.u.totals.trades == 0);
        }
}

static void check_whole(struct world *world) {
        struct stream *stream = world->stream;
        char symbol[SYMBOL_SIZE] = "S?", venue[VENUE_SIZE] = { 0 };
        int64_t instrument;

        reference_take(world, stream->arbiter.next);
        memcpy(venue, itch50_decoder.venue, strnlen(itch50_decoder.venue, VENUE_SIZE));
        for (unsigned i = 0; i < STOCKS; i++) {
                symbol[1] = (char)('0' + i);
                instrument = directory_find(&world->segment.directory, symbol, venue);
                for (unsigned kind = 0; kind < MD_PLACES && instrument >= 0; kind++)
                        check_place(world, (uint32_t)instrument, kind,
                                    &world->reference.newest[i][kind]);
        }
        if (!world->counted)
                world->before = stream->stats.messages + 1 - stream->arbiter.next;
        world->counted = true;
        CHECK(stream->stats.messages + 1 - stream->arbiter.next == world->before);
}

/* Is it the present session that the daemon is in, and does it claim to have all of it? */
static bool is_whole(struct world *world) {
        const struct stream *stream = world->stream;
        uint8_t id[10];
        uint64_t session;

        memset(id, '0' + (int)world->session, sizeof(id));
        CHECK(moldudp64_pack(id, &session));
        if (!stream->arbiter.begun || stream->arbiter.session != session)
                return false;
        if (!world->heard)
                world->gaps = stream->stats.gaps;
        world->heard = true;
        return !stream->catchup.on && !stream->doubt.n && !stream->doubt.newcomers &&
               !stream->inherited.there && stream->stats.gaps == world->gaps;
}

static void check(struct world *world) {
        const struct stream *stream = world->stream;

        CHECK(stream->catchup.on == stream->arbiter.catching_up.on);
        CHECK(stream->catchup.on == (stream->catchup.newest != NULL));
        if (stream->doubt.newcomers && !stream->catchup.on && !stream->inherited.there)
                world->counted = false; /* it has joined, and nobody counts what was before that */
        if (is_whole(world))
                check_whole(world);
}

/* ---- what happens ---- */

static void begin_session(struct world *world, uint8_t seed) {
        world->session++;
        world->seed = seed;
        world->sent = 0;
        world->counted = world->heard = false;
        reference_begin(&world->reference);
}

static void send_live(struct world *world, struct input *input) {
        uint8_t how = input_u8(input), packet[PACKET_MAX];
        unsigned n = how & 7, back = how & 0x40 ? input_u8(input) % 32 : 0;
        uint64_t first = world->sent + 1;
        size_t size;

        if (world->sent + n > MESSAGES)
                return;
        if (back) {
                first = back < first ? first - back : 1;
                n = n < back ? n : back;
                if (first + n > world->sent + 1)
                        n = (unsigned)(world->sent + 1 - first);
        } else {
                world->sent += n;
        }
        size = make_packet(world, first, n, packet);
        if (!(how & 0x08))
                arrive(world, ARBITER_LINE_A, packet, size);
        if (how & 0x10)
                arrive(world, ARBITER_LINE_B, packet, size);
}

static void answer(struct world *world, struct input *input, const uint8_t request[HEADER]) {
        uint8_t how = input_u8(input), packet[PACKET_MAX];
        uint64_t first = read_number(request + 10);
        unsigned wanted = (unsigned)request[18] << 8 | request[19], n;
        size_t size;

        CHECK(first >= 1 && wanted > 0);
        if (request[0] != '0' + world->session || first > world->sent)
                return;
        n = world->sent + 1 - first < wanted ? (unsigned)(world->sent + 1 - first) : wanted;
        n = n < FITS ? n : FITS;
        size = make_packet(world, first, n, packet);
        switch (how & 7) {
        case 0: /* lost */
                return;
        case 1:
                size = size * (how >> 3) / 32;
                break;
        case 2: /* of another session */
                packet[(how >> 3) % 10] ^= 1;
                break;
        case 3:
                first = first > 3u + (how >> 3) ? first - (how >> 3) : 1;
                size = make_packet(world, first, 3, packet);
                break;
        case 4:
                arrive(world, ARBITER_LINE_RECOVERY, packet, size);
                break;
        default:
                break;
        }
        arrive(world, ARBITER_LINE_RECOVERY, packet, size);
}

/* So many requests; none that is there any more is the last one. */
static bool serve(struct world *world, struct input *input, unsigned most) {
        uint8_t request[HEADER];

        for (; most; most--) {
                if (recv(world->server, request, HEADER, MSG_DONTWAIT) != HEADER)
                        return false;
                answer(world, input, request);
        }
        return true;
}

/* Whoever waits for an answer has waited long enough. */
static void wait_in_vain(struct world *world) {
        struct stream *stream = world->stream;

        for (unsigned i = 0; i < REQUESTS_PIECES; i++)
                stream->catchup.requests.pieces[i].due = 0;
        stream->feed->sink->flush(stream->feed->userdata);
}

static void pass(struct world *world, int64_t ns) {
        struct stream *stream = world->stream;

        world->now += ns;
        arbiter_expire(&stream->arbiter, world->now);
        stream->feed->sink->flush(stream->feed->userdata);
}

static void begin_daemon(struct world *world) {
        static char late[] = "late", itch50[] = "itch50", localhost[] = "127.0.0.1";
        const struct config_feed config = {
                .name = late,
                .source = CONFIG_SOURCE_UDP,
                .protocol = itch50,
                .address = localhost,
                .recovery = world->recovery,
                .hole = 5 * MS,
                .hole_buffer = 1 << 18,
                .recovery_wait = 40 * MS,
                .recovery_rate = 1000000,
                .catch_up_rate = 1000000,
                .receive_buffer = 1 << 16,
        };

        notifier_init(&world->notifier, &world->segment);
        pipeline_init(&world->pipeline, world->loop, &world->segment, &world->notifier);
        CHECK(pipeline_add(&world->pipeline, &config) == 0);
        world->stream = world->pipeline.streams[0];
        CHECK(world->stream->catchup.rate);
        health_start(world->stream);
        feed_say(world->stream->feed, FEED_STATE_LIVE, "here");
}

static void step(struct world *world, struct input *input) {
        uint8_t op = input_u8(input);
        bool behind = world->stream->catchup.on;
        uint64_t ticks = world->pipeline.publisher.next;

        switch (op & 7) {
        case 0:
        case 1:
        case 2:
                send_live(world, input);
                break;
        case 3:
                serve(world, input, 1 + (op >> 3));
                break;
        case 4:
                pass(world, (op >> 3) * MS);
                break;
        case 5:
                wait_in_vain(world);
                break;
        case 6:
                if (op < 0xc0 || world->session == 9)
                        break;
                begin_session(world, input_u8(input));
                ticks = 0;
                break;
        default:
                if (op < 0x80)
                        break;
                pipeline_deinit(&world->pipeline);
                begin_daemon(world);
                ticks = 0;
        }
        CHECK(!behind || !world->stream->catchup.on || !ticks ||
              ticks == world->pipeline.publisher.next ||
              world->stream->stats.resets); /* of which one may have been just now */
        check(world);
}

/* A server that does as it should, until nothing is asked for any more. */
static void catch_up(struct world *world) {
        for (unsigned i = 0; i < 1000 && world->stream->catchup.on; i++) {
                struct input good = { (const uint8_t *)"\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7", 16 };

                if (!serve(world, &good, 16))
                        wait_in_vain(world);
        }
        CHECK(!world->stream->catchup.on);
        check(world);
}

/* ---- the world ---- */

static void open_server(struct world *world) {
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        world->server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        CHECK(world->server >= 0);
        CHECK(bind(world->server, (struct sockaddr *)&address, size) == 0);
        CHECK(getsockname(world->server, (struct sockaddr *)&address, &size) == 0);
        snprintf(world->recovery, sizeof(world->recovery), "127.0.0.1:%u", ntohs(address.sin_port));
}

static void open_segment(struct world *world) {
        const struct segment_params params = { .instruments = 4, .journal = 4096, .depth = 2 };
        struct segment_why why;
        char name[32], lock[48];

        snprintf(name, sizeof(name), "/mdshmd-fuzz-%d", getpid());
        CHECK(segment_open(&world->segment, name, &params, &why) == 0);
        snprintf(lock, sizeof(lock), "%s.lock", name);
        shm_unlink(name); /* nothing stays behind, whatever becomes of us */
        shm_unlink(lock);
        segment_publish(&world->segment, "fuzz", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        static struct world world;

        memset(&world, 0, sizeof(world));
        log_init(LOG_ERROR);
        world.now = 1000 * MS;
        world.loop = ev_loop_new(EVFLAG_AUTO);
        CHECK(world.loop);
        open_server(&world);
        open_segment(&world);
        begin_daemon(&world);
        begin_session(&world, input_u8(&input));
        while (input.size)
                step(&world, &input);
        catch_up(&world);
        book_free(world.reference.book);
        pipeline_deinit(&world.pipeline);
        segment_retire(&world.segment);
        ev_loop_destroy(world.loop);
        close(world.server);
        return 0;
}
