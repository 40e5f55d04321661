/*
 * The UDP source: datagrams as they arrive, on one line or two
 *
 * A third receiver is there for what is sent again, from the first request on. These go out of it.
 *
 * At the start, what a predecessor's sockets still hold comes first (feed/bequest.h), of all lines in turn.
 * No time passes meanwhile: what one line has not got, the other may bring out of its own buffer.
 *
 * A round of the loop takes a few batches of a line and no more, whatever still waits in the socket: its
 * buffer is large, and other watchers have their turn. A source that spins has its turn in each round,
 * so the loop never sleeps: no interrupt has to wake it, and it takes a processor for itself.
 */

#include <errno.h>
#include <ev.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "feed/arbiter.h"
#include "feed/bequest.h"
#include "feed/receiver.h"
#include "feed/source.h"

#define BATCHES 4  /* per line and round of the loop */
#define SPINS   64 /* looks at empty sockets per round of the loop */

#define ANSWERS_BUFFER (4u << 20) /* bytes of answers that wait in the kernel */

#define NS_PER_S INT64_C(1000000000)

struct line {
        struct udp *udp;
        struct receiver receiver;
        ev_io io;
        uint64_t id;            /* among bequests */
        struct kept *kept;      /* NULL: the next daemon will not have it */
        struct receiver before; /* a predecessor's, until all is taken that waits in it */
        struct kept *kept_before;
        uint32_t drops_before; /* of the kernel, in all */
};

struct udp {
        struct feed feed;
        struct line line[ARBITER_LINES];
        ev_idle spin;
        bool spins;
        char *where;      /* the lines, for sentences */
        uint64_t packets; /* taken so far */
        struct bequests *bequests;

        char *recovery; /* ADDRESS:PORT; NULL: nobody to ask */

        struct receiver_batch batch;
};

static int64_t now_monotonic(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* ---- receiving ---- */

static void hand_on(struct line *line, struct receiver *receiver, unsigned i, int64_t now) {
        struct udp *udp = line->udp;
        struct feed *feed = &udp->feed;
        unsigned number = (unsigned)(line - udp->line);
        const struct mmsghdr *header = &udp->batch.headers[i];
        uint32_t dropped;
        struct packet packet = {
                .data = udp->batch.datagrams[i],
                .size = header->msg_len,
                .ts_recv = receiver_stamp(receiver, &udp->batch, i, &dropped),
                .now = now,
                .number = ++udp->packets,
                .line = number,
                .cut = header->msg_hdr.msg_flags & MSG_TRUNC,
        };

        if (dropped)
                feed->sink->dropped(feed->userdata, number, dropped);
        if (number != ARBITER_LINE_RECOVERY)
                feed_say(feed, FEED_STATE_LIVE, "receiving on %s", udp->where);
        feed->sink->packet(feed->userdata, &packet);
}

static void close_line(struct line *line) {
        receiver_close(&line->receiver);
        if (line->kept)
                bequests_withdraw(line->udp->bequests, line->kept);
        line->kept = NULL;
}

/* A socket went bad. The feed goes on as long as another line does. */
static void fail(struct line *line, int r) {
        struct udp *udp = line->udp;

        log_feed(LOG_ERROR, LOG_PLAIN, udp->feed.name, ": cannot receive on %s any more: %s",
                 line->receiver.where, strerror(-r));
        ev_io_stop(udp->feed.loop, &line->io);
        close_line(line);
        if (udp->line[ARBITER_LINE_A].receiver.fd < 0 && udp->line[ARBITER_LINE_B].receiver.fd < 0)
                feed_say(&udp->feed, FEED_STATE_DOWN, "cannot receive on any line any more: %s",
                         strerror(-r));
}

/* Takes what waits on a line, up to a few batches: that is a burst. False: nothing does. */
static bool receive(struct line *line) {
        struct feed *feed = &line->udp->feed;
        unsigned total = 0;
        int64_t now;
        int n;

        for (unsigned batch = 0; batch < BATCHES; batch++) {
                n = receiver_take(&line->receiver, &line->udp->batch);
                if (n < 0) {
                        fail(line, n);
                        break;
                }
                now = n ? now_monotonic() : 0;
                for (int i = 0; i < n; i++)
                        hand_on(line, &line->receiver, (unsigned)i, now);
                total += (unsigned)n;
                if (n < RECEIVER_BATCH)
                        break;
        }
        if (total)
                feed->sink->flush(feed->userdata);
        return total;
}

static void udp_dispatch(struct ev_loop *loop, ev_io *io, int events) {
        struct line *line = container_of(io, struct line, io);

        (void)loop;
        (void)events;
        receive(line);
}

static bool receive_all(struct udp *udp) {
        bool any = false;

        for (unsigned i = 0; i < ARBITER_LINES; i++)
                if (udp->line[i].receiver.fd >= 0)
                        any |= receive(&udp->line[i]);
        return any;
}

static void udp_spin(struct ev_loop *loop, ev_idle *idle, int events) {
        struct udp *udp = container_of(idle, struct udp, spin);

        (void)loop;
        (void)events;
        for (unsigned i = 0; i < SPINS && !receive_all(udp); i++)
                continue;
}

/* ---- what came before ---- */

static void close_before(struct line *line) {
        receiver_close(&line->before);
        if (line->kept_before)
                bequests_withdraw(line->udp->bequests, line->kept_before);
        line->kept_before = NULL;
}

/* Those behind the last datagram, which no datagram tells of. */
static void tell_last_drops(struct line *line) {
        const struct feed *feed = &line->udp->feed;
        int32_t n = (int32_t)(line->drops_before - line->before.dropped);

        if (line->before.fd >= 0 && n > 0)
                feed->sink->dropped(feed->userdata, (unsigned)(line - line->udp->line),
                                    (uint64_t)n);
}

/* Takes a batch of it; false when there is nothing left. */
static bool take_before(struct line *line, int64_t now) {
        int n = 0;

        if (line->before.fd >= 0)
                n = receiver_take(&line->before, &line->udp->batch);
        for (int i = 0; i < n; i++)
                hand_on(line, &line->before, (unsigned)i, now);
        if (n > 0)
                return true;
        tell_last_drops(line);
        close_before(line);
        return false;
}

static bool take_all_before(struct udp *udp, int64_t now) {
        bool any = false;

        for (unsigned i = 0; i < ARBITER_LINE_RECOVERY; i++)
                any |= take_before(&udp->line[i], now);
        return any;
}

static void empty_before(struct udp *udp) {
        int64_t now = now_monotonic();

        while (take_all_before(udp, now))
                udp->feed.sink->flush(udp->feed.userdata);
        if (udp->packets)
                log_feed(LOG_INFO, LOG_PLAIN, udp->feed.name,
                         ": %llu packets came while no daemon was there",
                         (unsigned long long)udp->packets);
}

/* Under a name that may be the one of what came before: that has to be gone. */
static void leave_lines(struct udp *udp) {
        for (unsigned i = 0; i < ARBITER_LINE_RECOVERY; i++) {
                struct line *line = &udp->line[i];
                uint64_t drops = udp->feed.sink->drops(udp->feed.userdata, i);

                if (line->receiver.fd >= 0)
                        line->kept = bequests_leave(udp->bequests, line->id, (uint32_t)drops,
                                                    line->receiver.fd);
        }
}

/* ---- what is sent again ---- */

static int open_recovery(struct udp *udp) {
        struct line *line = &udp->line[ARBITER_LINE_RECOVERY];
        char address[CONFIG_ADDRESS_SIZE];
        struct receiver_params params = {
                .feed = udp->feed.name,
                .address = address,
                .buffer = ANSWERS_BUFFER,
        };
        int r;

        config_endpoint(udp->recovery, address, &params.port);
        r = receiver_connect(&line->receiver, &params);
        if (r)
                return error_trace(r);
        ev_io_set(&line->io, line->receiver.fd, EV_READ);
        return 0;
}

static bool udp_ask(struct feed *feed, const uint8_t *request, size_t size) {
        struct udp *udp = container_of(feed, struct udp, feed);
        struct line *line = &udp->line[ARBITER_LINE_RECOVERY];

        if (!udp->recovery)
                return false;
        if (line->receiver.fd < 0) {
                if (open_recovery(udp) < 0)
                        return false;
                if (!udp->spins)
                        ev_io_start(feed->loop, &line->io);
        }
        /* one that is lost here is lost as any other on the way */
        send(line->receiver.fd, request, size, MSG_DONTWAIT);
        return true;
}

/* ---- set-up ---- */

static void udp_start(struct feed *feed) {
        struct udp *udp = container_of(feed, struct udp, feed);

        if (udp->bequests) {
                empty_before(udp);
                leave_lines(udp);
        }
        if (udp->spins) {
                ev_idle_start(feed->loop, &udp->spin);
                return;
        }
        for (unsigned i = 0; i < ARBITER_LINES; i++)
                if (udp->line[i].receiver.fd >= 0)
                        ev_io_start(feed->loop, &udp->line[i].io);
}

static void udp_stop(struct feed *feed) {
        struct udp *udp = container_of(feed, struct udp, feed);

        ev_idle_stop(feed->loop, &udp->spin);
        for (unsigned i = 0; i < ARBITER_LINES; i++)
                ev_io_stop(feed->loop, &udp->line[i].io);
}

static void udp_free(struct feed *feed) {
        struct udp *udp = container_of(feed, struct udp, feed);

        for (unsigned i = 0; i < ARBITER_LINES; i++) {
                close_before(&udp->line[i]);
                close_line(&udp->line[i]);
        }
        free(udp->where);
        free(udp->recovery);
        feed_deinit(feed);
        free(udp);
}

static void udp_freep(struct udp **udpp) {
        if (*udpp)
                udp_free(&(*udpp)->feed);
}

static const struct feed_ops udp_ops = {
        .start = udp_start,
        .stop = udp_stop,
        .free = udp_free,
        .ask = udp_ask,
};

/* A predecessor's socket for the same, if he has left one. */
static void inherit(struct line *line, unsigned number, const struct receiver_params *params) {
        const struct feed *feed = &line->udp->feed;
        uint32_t drops;
        int fd;

        fd = bequests_take(line->udp->bequests, line->id, &drops, &line->kept_before);
        if (fd < 0)
                return;
        if (!receiver_inherit(&line->before, params, fd)) {
                close_before(line);
                return;
        }
        line->before.dropped = (uint32_t)feed->sink->drops(feed->userdata, number) - drops;
        line->drops_before = receiver_drops(&line->before);
        if (!receiver_end(&line->before))
                close_before(line);
}

/* Where a line is: as ADDRESS:PORT, or for a single one with a key for each. */
static int open_line(struct udp *udp, unsigned number, const struct config_feed *config) {
        const char *endpoint = number ? config->b : config->a;
        struct line *line = &udp->line[number];
        char address[CONFIG_ADDRESS_SIZE];
        struct receiver_params params = {
                .feed = config->name,
                .address = config->address,
                .port = config->port,
                .interface = number ? config->interface_b : config->interface_a,
                .source = number ? config->source_b : config->source_a,
                .buffer = config->receive_buffer,
                .nic = config->stamps == CONFIG_STAMPS_NIC,
        };
        int r;

        if (endpoint) {
                config_endpoint(endpoint, address, &params.port);
                params.address = address;
        }
        if (!params.interface)
                params.interface = config->interface;
        if (udp->bequests) {
                line->id = bequests_id(udp->bequests, number, &params);
                params.beside = bequests_has_port(udp->bequests, params.port);
        }
        r = receiver_open(&line->receiver, &params);
        if (r)
                return error_trace(r);
        if (udp->bequests)
                inherit(line, number, &params);
        ev_io_set(&line->io, line->receiver.fd, EV_READ);
        return 0;
}

static int open_lines(struct udp *udp, const struct config_feed *config) {
        const struct line *a = &udp->line[ARBITER_LINE_A], *b = &udp->line[ARBITER_LINE_B];
        int r;

        r = open_line(udp, ARBITER_LINE_A, config);
        if (!r && config->b)
                r = open_line(udp, ARBITER_LINE_B, config);
        if (r)
                return error_trace(r);
        if (asprintf(&udp->where, "%s%s%s", a->receiver.where, config->b ? " and " : "",
                     config->b ? b->receiver.where : "") < 0) {
                udp->where = NULL;
                return error_origin(-ENOMEM);
        }
        if (config->recovery) {
                udp->recovery = strdup(config->recovery);
                return udp->recovery ? 0 : error_origin(-ENOMEM);
        }
        return 0;
}

int udp_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
            struct bequests *bequests, const struct feed_sink *sink, void *userdata) {
        _cleanup_(udp_freep) struct udp *udp = NULL;
        int r;

        udp = calloc(1, sizeof(*udp)); /* fresh pages: touched when a datagram first needs them */
        if (!udp)
                return error_origin(-ENOMEM);
        for (unsigned i = 0; i < ARBITER_LINES; i++) {
                udp->line[i].udp = udp;
                udp->line[i].receiver = RECEIVER_NULL;
                udp->line[i].before = RECEIVER_NULL;
                ev_io_init(&udp->line[i].io, udp_dispatch, -1, EV_READ);
                ev_set_priority(&udp->line[i].io, EV_MAXPRI);
        }
        ev_idle_init(&udp->spin, udp_spin);
        ev_set_priority(&udp->spin, EV_MAXPRI); /* it has its turn whatever else there is */
        udp->spins = config->poll == CONFIG_POLL_SPIN;
        udp->bequests = bequests;
        receiver_batch_init(&udp->batch);
        r = feed_init(&udp->feed, &udp_ops, config, loop, sink, userdata);
        if (!r)
                r = open_lines(udp, config);
        if (r)
                return error_trace(r);

        *feedp = &udp->feed;
        udp = NULL;
        return 0;
}
