/*
 * The publisher's connection: a ring, and the instruments that its ticks are about
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
#include <sys/stat.h>
#include <unistd.h>

#include "publisher.h"
#include "shm/directory.h"
#include "shm/segment.h"
#include "shm/valid.h"
#include "wire/conn.h"

/* ---- the connection ---- */

static void close_fd(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

void publisher_hang_up(struct md_publisher *publisher) {
        close_fd(&publisher->socket_fd);
        close_fd(&publisher->doorbell_fd);
        close_fd(&publisher->room_fd);
}

/* The daemon's last word. -EPIPE. */
static int refused(struct md_publisher *publisher, struct wire_refused *word) {
        word->text[WIRE_TEXT - 1] = '\0';
        publisher_hang_up(publisher);
        return publisher_fail(publisher, -EPIPE, "the daemon refuses: %s", word->text);
}

int publisher_lost(struct md_publisher *publisher) {
        union {
                struct wire_header header;
                struct wire_refused refused;
                char bytes[WIRE_SIZE_MAX];
        } last;
        unsigned n_fds = 0;

        if (publisher->socket_fd >= 0 &&
            conn_recv(publisher->socket_fd, &last, NULL, &n_fds) == CONN_OK &&
            last.header.opcode == WIRE_REFUSED && last.header.size == sizeof(last.refused))
                return refused(publisher, &last.refused);
        publisher_hang_up(publisher);
        return publisher_fail(publisher, -EPIPE,
                              "the daemon has closed the connection; %llu ticks were not taken",
                              (unsigned long long)md_publisher_pending(publisher));
}

int publisher_check(struct md_publisher *publisher) {
        struct pollfd poller = { .fd = publisher->socket_fd, .events = POLLIN };

        if (publisher->socket_fd < 0)
                return publisher_fail(publisher, -EPIPE,
                                      "not connected: call md_publisher_connect()");
        /* the daemon speaks only when asked, so anything to read is its last word */
        return poll(&poller, 1, 0) > 0 ? publisher_lost(publisher) : 0;
}

static int map_ring(struct md_publisher *publisher, int fd, struct ring **ringp, uint32_t *size) {
        struct ring *ring;
        struct stat st;

        if (!register_is_sealed(fd))
                return publisher_fail(
                        publisher, -EPROTO,
                        "the daemon sent a ring that is not sealed: it could be cut off under "
                        "this program");
        if (fstat(fd, &st) < 0 || st.st_size < (off_t)ring_bytes(RING_SIZE_MIN))
                return publisher_fail(publisher, -EPROTO,
                                      "the daemon sent something else than a ring");
        ring = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (ring == MAP_FAILED)
                return publisher_fail(publisher, -errno, "cannot map the ring: %s",
                                      strerror(errno));
        *size = *(const volatile uint32_t *)&ring->size; /* once: what is judged is what is used */
        if (*size < RING_SIZE_MIN || *size > RING_SIZE_MAX || (*size & (*size - 1)) ||
            (off_t)ring_bytes(*size) != st.st_size) {
                munmap(ring, (size_t)st.st_size);
                return publisher_fail(publisher, -EPROTO,
                                      "the daemon sent a ring of the wrong size");
        }
        *ringp = ring;
        return 0;
}

/* Asks the daemon for the instrument of a definition. */
static int define(struct md_publisher *publisher, struct definition *definition) {
        union {
                struct wire_header header;
                struct wire_defined defined;
                struct wire_refused refused;
                char bytes[WIRE_SIZE_MAX];
        } answer;
        unsigned n_fds = 0;
        int r;

        r = conn_send(publisher->socket_fd, &definition->define, NULL, 0, 0);
        if (r == CONN_OK)
                r = conn_recv_wait(publisher->socket_fd, &answer, NULL, &n_fds,
                                   publisher->timeout_ms);
        if (r == -ETIMEDOUT || r == CONN_E_AGAIN) {
                publisher_hang_up(publisher); /* a late answer would be taken for another's */
                return publisher_fail(publisher, -EPIPE, "the daemon did not answer within %d ms",
                                      publisher->timeout_ms);
        }
        if (r == CONN_OK && answer.header.opcode == WIRE_REFUSED &&
            answer.header.size == sizeof(answer.refused))
                return refused(publisher, &answer.refused);
        if (r != CONN_OK || answer.header.opcode != WIRE_DEFINED ||
            answer.header.size != sizeof(answer.defined)) {
                publisher_hang_up(publisher);
                return publisher_fail(publisher, -EPIPE, "the daemon has closed the connection");
        }
        if (answer.defined.result < 0) {
                answer.defined.text[WIRE_TEXT - 1] = '\0';
                return publisher_fail(publisher, answer.defined.result, "%s", answer.defined.text);
        }
        if (answer.defined.instrument >= SEGMENT_INSTRUMENTS_MAX) {
                publisher_hang_up(publisher);
                return publisher_fail(
                        publisher, -EPIPE,
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
                        r = publisher_fail(publisher, -ENOMEM, "no memory");
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
                r = publisher_fail(
                        publisher, -ENOBUFS,
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
                return publisher_fail(publisher, -EISCONN, "this publisher is connected already");
        if (strlen(feed) >= sizeof(publisher->feed))
                return publisher_fail(publisher, -ENODEV, "there is no feed with so long a name");
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
                publisher_hang_up(publisher);
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

        r = publisher_check(publisher);
        if (r < 0)
                return r;
        memcpy(wanted.define.symbol, definition->symbol,
               strnlen(definition->symbol, sizeof(wanted.define.symbol)));
        memcpy(wanted.define.venue, definition->venue,
               strnlen(definition->venue, sizeof(wanted.define.venue)));
        if (!valid_name(wanted.define.symbol, SYMBOL_SIZE, false, false))
                return publisher_fail(
                        publisher, -EINVAL,
                        "\"%.32s\" is no symbol: 1 to %d printable characters, without spaces "
                        "at the ends",
                        definition->symbol, SYMBOL_SIZE - 1);
        if (!valid_name(wanted.define.venue, VENUE_SIZE, true, true) ||
            strnlen(definition->venue, VENUE_SIZE + 1) > VENUE_SIZE)
                return publisher_fail(publisher, -EINVAL,
                                      "\"%.9s\" is no venue: at most %d printable characters",
                                      definition->venue, VENUE_SIZE);

        r = define(publisher, &wanted);
        if (r < 0)
                return r;
        kept = keep(publisher, &wanted);
        if (kept < 0)
                return publisher_fail(publisher, (int)kept, "no memory for one more instrument");
        *handle = (uint32_t)kept;
        return 0;
}
