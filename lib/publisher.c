/*
 * Publishing: the program's end of the ring
 *
 * Handles are this publisher's own, 0, 1, 2, ...; the daemon's indexes stand beside them and may be
 * others after a new connection. The ring holds the daemon's indexes. What it still holds when a
 * connection ends is carried over into the next ring.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mdclient.h"
#include "register.h"
#include "shm/directory.h"
#include "shm/ring.h"
#include "shm/segment.h"
#include "shm/valid.h"
#include "wire/conn.h"

#define DEFAULT_TIMEOUT_MS 5000
#define STANDSTILL_NS      20000000 /* of the daemon, after which it is looked for */

#define NO_HANDLE UINT32_MAX

struct definition {
        struct wire_define define;
        uint32_t instrument; /* the daemon's index */
};

struct md_publisher {
        struct sentence error;
        char name[WIRE_NAME];
        char feed[WIRE_NAME];
        int timeout_ms;

        int socket_fd; /* -1: not connected */
        int doorbell_fd;
        int room_fd;
        struct ring
                *ring; /* NULL: never connected. It outlives the connection, for what it holds */
        uint32_t size; /* slots */
        uint64_t head;
        struct {
                uint64_t head; /* at a flush; the daemon has not taken all before it since */
                int64_t since; /* ns, when that was looked at first; 0: not yet */
        } flushed;

        struct definition *definitions; /* by handle */
        uint32_t n_definitions;
        uint32_t room; /* for so many */
        struct handles {
                uint32_t *by_instrument; /* the daemon's index to ours; NO_HANDLE */
                uint32_t n;
        } handles;
};

#define fail(publisher, r, ...) sentence_fail(&(publisher)->error, (r), __VA_ARGS__)

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

static void close_fd(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static void hang_up(struct md_publisher *publisher) {
        close_fd(&publisher->socket_fd);
        close_fd(&publisher->doorbell_fd);
        close_fd(&publisher->room_fd);
}

struct md_publisher *md_publisher_free(struct md_publisher *publisher) {
        if (publisher) {
                hang_up(publisher);
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

/* ---- the connection ---- */

/* The connection is over. If the daemon has said why, that is the sentence. */
static int lost(struct md_publisher *publisher) {
        union {
                struct wire_header header;
                struct wire_refused refused;
                char bytes[WIRE_SIZE_MAX];
        } last;
        unsigned n_fds = 0;

        if (publisher->socket_fd >= 0 &&
            conn_recv(publisher->socket_fd, &last, NULL, &n_fds) == CONN_OK &&
            last.header.opcode == WIRE_REFUSED && last.header.size == sizeof(last.refused)) {
                last.refused.text[WIRE_TEXT - 1] = '\0';
                fail(publisher, 0, "the daemon refuses: %s", last.refused.text);
        } else {
                fail(publisher, 0,
                     "the daemon has closed the connection; %llu ticks were not taken",
                     (unsigned long long)md_publisher_pending(publisher));
        }
        hang_up(publisher);
        return -EPIPE;
}

/* 0, or -EPIPE when the connection is over; a system call, so not for every tick. */
static int check_connection(struct md_publisher *publisher) {
        struct pollfd poller = { .fd = publisher->socket_fd, .events = POLLIN };

        if (publisher->socket_fd < 0)
                return fail(publisher, -EPIPE, "not connected: call md_publisher_connect()");
        /* the daemon speaks only when asked, so anything to read is its last word */
        return poll(&poller, 1, 0) > 0 ? lost(publisher) : 0;
}

static int map_ring(struct md_publisher *publisher, int fd, struct ring **ringp, uint32_t *size) {
        struct ring *ring;
        struct stat st;

        if (!register_is_sealed(fd))
                return fail(publisher, -EPROTO,
                            "the daemon sent a ring that is not sealed: it could be cut off under "
                            "this program");
        if (fstat(fd, &st) < 0 || st.st_size < (off_t)ring_bytes(RING_SIZE_MIN))
                return fail(publisher, -EPROTO, "the daemon sent something else than a ring");
        ring = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (ring == MAP_FAILED)
                return fail(publisher, -errno, "cannot map the ring: %s", strerror(errno));
        *size = *(const volatile uint32_t *)&ring->size; /* once: what is judged is what is used */
        if (*size < RING_SIZE_MIN || *size > RING_SIZE_MAX || (*size & (*size - 1)) ||
            (off_t)ring_bytes(*size) != st.st_size) {
                munmap(ring, (size_t)st.st_size);
                return fail(publisher, -EPROTO, "the daemon sent a ring of the wrong size");
        }
        *ringp = ring;
        return 0;
}

/* Asks the daemon for the instrument of a definition. */
static int define(struct md_publisher *publisher, struct definition *definition) {
        union {
                struct wire_header header;
                struct wire_defined defined;
                char bytes[WIRE_SIZE_MAX];
        } answer;
        unsigned n_fds = 0;
        int r;

        r = conn_send(publisher->socket_fd, &definition->define, NULL, 0, 0);
        if (r == CONN_OK)
                r = conn_recv_wait(publisher->socket_fd, &answer, NULL, &n_fds,
                                   publisher->timeout_ms);
        if (r == -ETIMEDOUT || r == CONN_E_AGAIN) {
                hang_up(publisher); /* a late answer would be taken for another's */
                return fail(publisher, -EPIPE, "the daemon did not answer within %d ms",
                            publisher->timeout_ms);
        }
        if (r != CONN_OK || answer.header.opcode != WIRE_DEFINED ||
            answer.header.size != sizeof(answer.defined)) {
                hang_up(publisher);
                return fail(publisher, -EPIPE, "the daemon has closed the connection");
        }
        if (answer.defined.result < 0) {
                answer.defined.text[WIRE_TEXT - 1] = '\0';
                return fail(publisher, answer.defined.result, "%s", answer.defined.text);
        }
        if (answer.defined.instrument >= SEGMENT_INSTRUMENTS_MAX) {
                hang_up(publisher);
                return fail(publisher, -EPIPE,
                            "the daemon gave number %u to an instrument, and none can have that; "
                            "the connection is closed",
                            answer.defined.instrument);
        }
        definition->instrument = answer.defined.instrument;
        return 0;
}

/* ---- handles ---- */

static uint32_t handle_get(const struct handles *handles, uint32_t instrument) {
        return instrument < handles->n ? handles->by_instrument[instrument] : NO_HANDLE;
}

/* -ENOMEM. */
static int handle_set(struct handles *handles, uint32_t instrument, uint32_t handle) {
        if (instrument >= handles->n) {
                uint32_t n = instrument + instrument / 2 + 64;
                uint32_t *grown = realloc(handles->by_instrument, n * sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                for (uint32_t i = handles->n; i < n; i++)
                        grown[i] = NO_HANDLE;
                handles->by_instrument = grown;
                handles->n = n;
        }
        handles->by_instrument[instrument] = handle;
        return 0;
}

/* ---- a new ring ---- */

/* Defines everything again, for a daemon that may not know it any more. */
static int define_again(struct md_publisher *publisher, struct handles *handles) {
        int r;

        for (uint32_t i = 0; i < publisher->n_definitions; i++) {
                r = define(publisher, &publisher->definitions[i]);
                if (r == 0 && handle_set(handles, publisher->definitions[i].instrument, i) < 0)
                        r = fail(publisher, -ENOMEM, "no memory");
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Carries over what the old ring still holds, with the instruments' new indexes. */
static void carry_over(struct md_publisher *publisher, struct ring *fresh, uint32_t fresh_size) {
        uint64_t n = md_publisher_pending(publisher), head = 0;
        struct md_tick tick;
        uint32_t handle;

        /* a daemon that is not quite gone may have taken some since they were counted, never more came */
        for (n = n < fresh_size ? n : fresh_size; n; n--) {
                ring_take(publisher->ring, publisher->size, publisher->head - n, &tick);
                handle = handle_get(&publisher->handles, tick.instrument);
                if (handle == NO_HANDLE)
                        continue;
                tick.instrument = publisher->definitions[handle].instrument;
                ring_put(fresh, fresh_size, head++, &tick);
        }
        publisher->head = head;
}

/* Makes the new connection's ring ours, with everything that was before. */
static int take_ring(struct md_publisher *publisher, int fd) {
        struct handles handles = { 0 };
        struct ring *ring = NULL;
        uint32_t size = 0;
        int r;

        r = map_ring(publisher, fd, &ring, &size);
        if (r < 0)
                return r;
        if (publisher->ring)
                ring_learn(publisher->ring, publisher->head, ring);
        if (md_publisher_pending(publisher) > size)
                r = fail(publisher, -ENOBUFS,
                         "%llu ticks wait to be sent, and the feed's ring now has room for %u",
                         (unsigned long long)md_publisher_pending(publisher), size);
        else
                r = define_again(publisher, &handles);
        if (r < 0) {
                free(handles.by_instrument);
                munmap(ring, ring_bytes(size));
                return r;
        }
        if (publisher->ring) {
                carry_over(publisher, ring, size);
                munmap(publisher->ring, ring_bytes(publisher->size));
        }
        free(publisher->handles.by_instrument);
        publisher->handles = handles;
        publisher->ring = ring;
        publisher->size = size;
        publisher->flushed.head = 0;
        publisher->flushed.since = 0;
        return 0;
}

int md_publisher_connect(struct md_publisher *publisher, const char *socket, const char *feed) {
        struct registration registration = {
                .path = socket,
                .role = WIRE_ROLE_PUBLISHER,
                .name = publisher->name,
                .feed = publisher->feed,
                .timeout_ms = publisher->timeout_ms,
                .n_fds = WIRE_FDS_PUBLISHER,
        };
        struct wire_welcome welcome;
        int fds[WIRE_FDS_PUBLISHER], r;

        if (publisher->socket_fd >= 0)
                return fail(publisher, -EISCONN, "this publisher is connected already");
        if (strlen(feed) >= sizeof(publisher->feed))
                return fail(publisher, -ENODEV, "there is no feed with so long a name");
        memset(publisher->feed, 0, sizeof(publisher->feed));
        memcpy(publisher->feed, feed, strlen(feed));

        r = register_with(&registration, &welcome, fds, &publisher->error);
        if (r < 0)
                return r;
        publisher->socket_fd = r;
        publisher->doorbell_fd = fds[WIRE_FD_DOORBELL];
        publisher->room_fd = fds[WIRE_FD_ROOM];
        r = take_ring(publisher, fds[WIRE_FD_RING]);
        close(fds[WIRE_FD_RING]);
        if (r < 0) {
                hang_up(publisher);
                return r;
        }
        return md_publisher_flush(publisher);
}

/* ---- instruments ---- */

/* Keeps a definition that the daemon has accepted; its handle, or negative errno. */
static int64_t keep(struct md_publisher *publisher, const struct definition *definition) {
        uint32_t handle = handle_get(&publisher->handles, definition->instrument);

        if (handle == NO_HANDLE) {
                if (publisher->n_definitions == publisher->room) {
                        uint32_t room = publisher->room ? 2 * publisher->room : 64;
                        void *grown = realloc(publisher->definitions, room * sizeof(*definition));

                        if (!grown)
                                return -ENOMEM;
                        publisher->definitions = grown;
                        publisher->room = room;
                }
                handle = publisher->n_definitions;
                if (handle_set(&publisher->handles, definition->instrument, handle) < 0)
                        return -ENOMEM;
                publisher->n_definitions++;
        }
        publisher->definitions[handle] = *definition;
        return handle;
}

int md_publisher_define(struct md_publisher *publisher, const struct md_instrument *definition,
                        uint32_t *handle) {
        struct definition wanted = {
                .define = {
                        .header = { WIRE_DEFINE, sizeof(wanted.define) },
                        .size_exp = definition->size_exp,
                        .flags = definition->flags,
                        .lot = definition->lot,
                        .close_px = definition->close_px,
                },
        };
        int64_t kept;
        int r;

        r = check_connection(publisher);
        if (r < 0)
                return r;
        memcpy(wanted.define.symbol, definition->symbol,
               strnlen(definition->symbol, sizeof(wanted.define.symbol)));
        memcpy(wanted.define.venue, definition->venue,
               strnlen(definition->venue, sizeof(wanted.define.venue)));
        if (!valid_name(wanted.define.symbol, SYMBOL_SIZE, false, false))
                return fail(publisher, -EINVAL,
                            "\"%.32s\" is no symbol: 1 to %d printable characters, without spaces "
                            "at the ends",
                            definition->symbol, SYMBOL_SIZE - 1);
        if (!valid_name(wanted.define.venue, VENUE_SIZE, true, true) ||
            strnlen(definition->venue, VENUE_SIZE + 1) > VENUE_SIZE)
                return fail(publisher, -EINVAL,
                            "\"%.9s\" is no venue: at most %d printable characters",
                            definition->venue, VENUE_SIZE);

        r = define(publisher, &wanted);
        if (r < 0)
                return r;
        kept = keep(publisher, &wanted);
        if (kept < 0)
                return fail(publisher, (int)kept, "no memory for one more instrument");
        *handle = (uint32_t)kept;
        return 0;
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
        return check_connection(publisher);
}

int md_publisher_flush(struct md_publisher *publisher) {
        int r;

        if (publisher->socket_fd < 0)
                return check_connection(publisher);
        r = check_progress(publisher);
        if (r < 0)
                return r;
        /* EAGAIN: it has not heard the last knocks yet */
        if (ring_must_knock(publisher->ring) &&
            send(publisher->doorbell_fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
                return lost(publisher);
        return 0;
}

int md_publisher_put(struct md_publisher *publisher, const struct md_tick *tick) {
        const char *wrong = valid_tick(tick);
        struct md_tick mine;
        int r;

        if (publisher->socket_fd < 0)
                return check_connection(publisher);
        if (wrong)
                return fail(publisher, -EINVAL, "%s", wrong);
        if (tick->instrument >= publisher->n_definitions)
                return fail(publisher, -EINVAL,
                            "there is no handle %u: define the instrument first", tick->instrument);
        if (!ring_room(publisher->ring, publisher->size, publisher->head)) {
                r = check_connection(publisher);
                if (r == 0)
                        r = md_publisher_flush(publisher);
                if (r < 0)
                        return r;
                return fail(publisher, -EAGAIN, "the ring of %u ticks is full", publisher->size);
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
                return fail(publisher, -errno, "cannot wait: %s", strerror(errno));
        if (pollers[1].revents)
                return lost(publisher);
        if (!pollers[0].revents)
                return 0;
        /* whether we wait is for the call to say: the flags of this socket are the daemon's, too */
        n = recv(publisher->room_fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ? lost(publisher) : 0;
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
                                return check_connection(publisher);
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
                return check_connection(publisher);
        return wait_pending(publisher, publisher->size - 1, timeout_ms);
}

int md_publisher_drain(struct md_publisher *publisher, int timeout_ms) {
        if (publisher->socket_fd < 0)
                return check_connection(publisher);
        return wait_pending(publisher, 0, timeout_ms);
}
