/* Publishing: the program's end of the ring. */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "publisher.h"
#include "shm/valid.h"

#define DEFAULT_TIMEOUT_MS 5000
#define STANDSTILL_NS      20000000 /* of the daemon, after which it is looked for */

/* ---- open and close ---- */

int md_publisher_new(struct md_publisher **publisherp) {
        struct md_publisher *publisher;

        publisher = calloc(1, sizeof(*publisher));
        if (!publisher)
                return -ENOMEM;
        publisher->timeout_ms = DEFAULT_TIMEOUT_MS;
        publisher->socket_fd = publisher->doorbell_fd = publisher->room_fd = -1;
        register_name(publisher->name, program_invocation_short_name);
        *publisherp = publisher;
        return 0;
}

struct md_publisher *md_publisher_free(struct md_publisher *publisher) {
        if (publisher) {
                publisher_hang_up(publisher);
                if (publisher->ring)
                        munmap(publisher->ring, ring_bytes(publisher->size));
                free(publisher->handles.by_instrument);
                free(publisher->definitions);
                free(publisher);
        }
        return NULL;
}

void md_publisher_set_name(struct md_publisher *publisher, const char *name) {
        register_name(publisher->name, name);
}

void md_publisher_set_timeout(struct md_publisher *publisher, int ms) {
        publisher->timeout_ms = ms < 0 ? 0 : ms;
}

const char *md_publisher_error(const struct md_publisher *publisher) {
        return publisher->error.text;
}

/* ---- ticks ---- */

uint64_t md_publisher_pending(const struct md_publisher *publisher) {
        uint64_t n;

        if (!publisher->ring)
                return 0;
        n = publisher->head - atomic_load_explicit(&publisher->ring->tail, memory_order_acquire);
        /* more than the ring holds cannot be: the tail is a lie, and nothing is known */
        return n <= publisher->size ? n : 0;
}

static int64_t clock_ns(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/*
 * A daemon that was killed while it was awake wants no knock, and so nothing would ever tell of its end but
 * a full ring. One that has not touched what was flushed a while ago is asked for.
 */
static int check_progress(struct md_publisher *publisher) {
        uint64_t tail = publisher->head - md_publisher_pending(publisher);
        int64_t now;

        if (tail >= publisher->flushed.head) {
                publisher->flushed.head = publisher->head;
                publisher->flushed.since = 0;
                return 0;
        }
        now = clock_ns(CLOCK_MONOTONIC_COARSE);
        if (!publisher->flushed.since)
                publisher->flushed.since = now;
        if (now - publisher->flushed.since < STANDSTILL_NS)
                return 0;
        publisher->flushed.since = now;
        return publisher_check(publisher);
}

int md_publisher_flush(struct md_publisher *publisher) {
        int r;

        if (publisher->socket_fd < 0)
                return publisher_check(publisher);
        r = check_progress(publisher);
        if (r < 0)
                return r;
        /* EAGAIN: it has not heard the last knocks yet */
        if (ring_must_knock(publisher->ring) &&
            send(publisher->doorbell_fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
                return publisher_lost(publisher);
        return 0;
}

int md_publisher_put(struct md_publisher *publisher, const struct md_tick *tick) {
        const char *wrong = valid_tick(tick);
        struct md_tick mine;
        int r;

        if (publisher->socket_fd < 0)
                return publisher_check(publisher);
        if (wrong)
                return publisher_fail(publisher, -EINVAL, "%s", wrong);
        if (tick->instrument >= publisher->n_definitions)
                return publisher_fail(publisher, -EINVAL,
                                      "there is no handle %u: define the instrument first",
                                      tick->instrument);
        if (!ring_room(publisher->ring, publisher->size, publisher->head)) {
                r = publisher_check(publisher);
                if (r == 0)
                        r = md_publisher_flush(publisher);
                if (r < 0)
                        return r;
                return publisher_fail(publisher, -EAGAIN, "the ring of %u ticks is full",
                                      publisher->size);
        }
        mine = *tick;
        mine.instrument = publisher->definitions[tick->instrument].instrument;
        ring_put(publisher->ring, publisher->size, publisher->head++, &mine);
        return 0;
}

static int put_and_flush(struct md_publisher *publisher, struct md_tick *tick) {
        int r;

        if (!tick->ts_event)
                tick->ts_event = clock_ns(CLOCK_REALTIME);
        r = md_publisher_put(publisher, tick);
        return r < 0 ? r : md_publisher_flush(publisher);
}

int md_publisher_quote(struct md_publisher *publisher, uint32_t handle, int64_t ts_event,
                       int64_t bid_px, int64_t bid_sz, int64_t ask_px, int64_t ask_sz) {
        struct md_tick tick = {
                .instrument = handle,
                .kind = MD_QUOTE,
                .flags = MD_FLAG_LAST,
                .ts_event = ts_event,
        };

        tick.u.quote.bid_px = bid_px;
        tick.u.quote.bid_sz = bid_sz;
        tick.u.quote.ask_px = ask_px;
        tick.u.quote.ask_sz = ask_sz;
        return put_and_flush(publisher, &tick);
}

int md_publisher_trade(struct md_publisher *publisher, uint32_t handle, int64_t ts_event,
                       int64_t px, int64_t sz, int64_t volume, int64_t trade_id) {
        struct md_tick tick = {
                .instrument = handle,
                .kind = MD_TRADE,
                .flags = MD_FLAG_LAST,
                .ts_event = ts_event,
        };

        tick.u.trade.px = px;
        tick.u.trade.sz = sz;
        tick.u.trade.volume = volume;
        tick.u.trade.trade_id = trade_id;
        return put_and_flush(publisher, &tick);
}

/* ---- waiting ---- */

/* Sleeps until the daemon says that there is room, the connection ends, or the time is over. */
static int sleep_for_room(struct md_publisher *publisher, int timeout_ms) {
        struct pollfd pollers[] = {
                { .fd = publisher->room_fd, .events = POLLIN },
                { .fd = publisher->socket_fd, .events = POLLIN },
        };
        char bytes[64];
        ssize_t n;

        if (poll(pollers, 2, timeout_ms) < 0)
                return publisher_fail(publisher, -errno, "cannot wait: %s", strerror(errno));
        if (pollers[1].revents)
                return publisher_lost(publisher);
        if (!pollers[0].revents)
                return 0;
        /* whether we wait is for the call to say: the flags of this socket are the daemon's, too */
        n = recv(publisher->room_fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ? publisher_lost(publisher)
                                                                      : 0;
}

/* Waits until at most `most` ticks are pending. */
static int wait_pending(struct md_publisher *publisher, uint64_t most, int timeout_ms) {
        int64_t deadline = clock_ns(CLOCK_MONOTONIC) / 1000000 + timeout_ms;
        int r, left = timeout_ms;

        r = md_publisher_flush(publisher);
        while (r == 0) {
                if (md_publisher_pending(publisher) <= most)
                        return 1;
                if (timeout_ms >= 0) {
                        int64_t rest = deadline - clock_ns(CLOCK_MONOTONIC) / 1000000;

                        if (rest <= 0)
                                return publisher_check(publisher);
                        left = (int)rest;
                }
                ring_wait(publisher->ring);
                if (md_publisher_pending(publisher) <= most)
                        return 1;
                /* half a ring wakes us; the last few ticks have to be looked for */
                r = sleep_for_room(publisher,
                                   most < publisher->size / 2 && (left < 0 || left > 1) ? 1 : left);
        }
        return r;
}

int md_publisher_wait(struct md_publisher *publisher, int timeout_ms) {
        if (publisher->socket_fd < 0)
                return publisher_check(publisher);
        return wait_pending(publisher, publisher->size - 1, timeout_ms);
}

int md_publisher_drain(struct md_publisher *publisher, int timeout_ms) {
        if (publisher->socket_fd < 0)
                return publisher_check(publisher);
        return wait_pending(publisher, 0, timeout_ms);
}
