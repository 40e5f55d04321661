/*
 * Ticks from a program on this host
 *
 * The doorbell is rung once per doze; more than that is a flood, and no publisher of ours. While there is more
 * in the ring, a timer that is due at once brings us back after everything else had its turn; so a
 * publisher at full speed rings no bell at all. The other way round, we ring it where it waits for room.
 * publish/notifier.h says why it is a socket.
 */

#include "feed/local.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/linger.h"
#include "feed/source.h"
#include "shm/ring.h"
#include "shm/taken.h"

#define BATCH 512 /* ticks, before anything else gets its turn */

struct local {
        struct feed feed;
        uint32_t size;     /* of the ring, in ticks */
        struct ring *ring; /* NULL: no publisher */
        uint64_t id;       /* of the ring */
        uint64_t tail;     /* ours; what the ring says of it is for the publisher */
        struct shm_taken *taken;
        unsigned batches; /* taken so far */
        uint64_t dozes;   /* of ours so far; each asks for one knock, at most */
        uint64_t knocks;  /* heard so far */
        int doorbell_fd;
        bool bare; /* the doorbell brings no descriptors */
        ev_io doorbell;
        ev_timer again;
};

static struct local *local_of(struct feed *feed) {
        return container_of(feed, struct local, feed);
}

/* Takes up to `most` ticks. What is wrong with the publisher, or NULL; *left says whether there are
 * more. */
static const char *take(struct local *local, uint64_t most, bool *left) {
        const struct feed_sink *sink = local->feed.sink;
        int64_t n = ring_pending(local->ring, local->size, local->tail);
        const char *wrong = NULL;
        struct md_tick tick;

        *left = false;
        if (n < 0)
                return "a ring whose numbers cannot be";
        if ((uint64_t)n > most) {
                n = (int64_t)most;
                *left = true;
        }
        if (n > 0)
                taken_begin(local->taken, local->id, local->batches++, local->tail,
                            sink->next(local->feed.userdata), (uint64_t)n);
        for (; n > 0 && !wrong; n--) {
                ring_take(local->ring, local->size, local->tail, &tick);
                wrong = sink->tick(local->feed.userdata, &tick);
                local->tail += !wrong;
        }
        if (wrong)
                taken_set(local->taken, local->tail);
        if (ring_release(local->ring, local->size, local->tail) &&
            send(local->doorbell_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
                return wrong; /* it is gone; its session will say so */
        return wrong;
}

static void doze(struct local *local) {
        local->dozes++;
        ring_doze(local->ring);
}

/* Takes some of the knocks; the loop calls again if there are more. What is wrong with them, or NULL. */
static const char *hear(struct local *local) {
        char bytes[64];
        ssize_t n = sizeof(bytes);

        if (!local->bare)
                n = linger_peek(local->doorbell_fd, sizeof(bytes));
        if (n == -EBADMSG)
                return "descriptors through its doorbell";
        /* no more than we have looked at */
        n = n < 0 ? n : read(local->doorbell_fd, bytes, (size_t)n);
        if (n > 0)
                local->knocks += (size_t)n;
        else if (n == 0 || errno != EAGAIN)
                ev_io_stop(local->feed.loop, &local->doorbell); /* nobody will knock any more */
        return local->knocks > local->dozes ? "more knocks on its doorbell than were asked for"
                                            : NULL;
}

/* One batch; then either there is more, and we come again, or we doze. */
static void local_dispatch(struct local *local) {
        const char *wrong;
        bool left;

        wrong = take(local, BATCH, &left);
        if (!wrong && !left) {
                doze(local);
                /* what came before the doze was seen rings nothing */
                left = ring_pending(local->ring, local->size, local->tail) != 0;
                if (left)
                        ring_rouse(local->ring);
        }
        if (left)
                ev_timer_start(local->feed.loop, &local->again);
        local->feed.sink->flush(local->feed.userdata);
        if (wrong)
                local->feed.sink->liar(local->feed.userdata, wrong);
}

static void local_rung(struct ev_loop *loop, ev_io *watcher, int events) {
        struct local *local = container_of(watcher, struct local, doorbell);

        const char *wrong = hear(local);

        (void)loop;
        (void)events;
        if (wrong)
                local->feed.sink->liar(local->feed.userdata, wrong);
        else
                local_dispatch(local);
}

static void local_again(struct ev_loop *loop, ev_timer *timer, int events) {
        (void)loop;
        (void)events;
        local_dispatch(container_of(timer, struct local, again));
}

/* ---- a publisher comes and goes ---- */

bool local_is_open(struct feed *feed) {
        return local_of(feed)->ring != NULL;
}

/* Sealed, so that neither side can make the other's mapping fault. The descriptor. */
static int make_ring(struct local *local, const char *label, const struct shm_taken *last,
                     struct ring **ringp) {
        size_t bytes = ring_bytes(local->size);
        _cleanup_(closep) int fd = -1;
        struct ring *ring;
        uint64_t id = 0;
        int r;

        while (!id)
                if (getrandom(&id, sizeof(id), 0) != sizeof(id))
                        return error_origin(-errno);

        fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return error_origin(-errno);
        r = posix_fallocate(fd, 0, (off_t)bytes);
        if (r)
                return error_origin(-r);
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return error_origin(-errno);
        ring = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (ring == MAP_FAILED)
                return error_origin(-errno);
        ring->size = local->size;
        ring->id = id;
        ring->last_id = atomic_load(&last->ring);
        ring->last_taken = atomic_load(&last->ticks);
        *ringp = ring;
        r = fd;
        fd = -1;
        return r;
}

/* The ring is there, and our end of its doorbell. */
static void begin(struct local *local, struct ring *ring, struct shm_taken *taken,
                  int doorbell_fd) {
        local->ring = ring;
        local->taken = taken;
        local->batches = 0;
        local->doorbell_fd = doorbell_fd;
        local->bare = linger_refuse_rights(doorbell_fd);
        ev_io_init(&local->doorbell, local_rung, doorbell_fd, EV_READ);
        ev_timer_init(&local->again, local_again, 0., 0.);
        ev_io_start(local->feed.loop, &local->doorbell);
}

/* A socket, whose one end the publisher has twice: to write to, and to read from. */
static int make_doorbell(int ends[2], int *room) {
        int r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
                return -errno;
        *room = fcntl(ends[1], F_DUPFD_CLOEXEC, 0);
        if (*room >= 0)
                return 0;
        r = -errno;
        close(ends[0]);
        close(ends[1]);
        return r;
}

int local_open(struct feed *feed, const char *label, struct shm_taken *taken,
               struct local_fds *fds) {
        struct local *local = local_of(feed);
        struct ring *ring = NULL;
        int doorbell[2], r;

        r = make_ring(local, label, taken, &ring);
        if (r < 0)
                return error_trace(r);
        fds->ring = r;
        r = make_doorbell(doorbell, &fds->room);
        if (r < 0) {
                munmap(ring, ring_bytes(local->size));
                close(fds->ring);
                return error_origin(r);
        }
        fds->doorbell = doorbell[1];

        local->id = ring->id;
        local->tail = local->dozes = local->knocks = 0;
        begin(local, ring, taken, doorbell[0]);
        doze(local);
        feed_say(feed, FEED_STATE_LIVE, "a publisher has come");
        return 0;
}

int local_doorbell(struct feed *feed) {
        return local_of(feed)->doorbell_fd;
}

int local_adopt(struct feed *feed, int ring_fd, int doorbell_fd, struct shm_taken *taken) {
        struct local *local = local_of(feed);
        size_t bytes = ring_bytes(local->size);
        int waiting = 0;
        struct ring *ring;
        struct stat st;

        if (fstat(ring_fd, &st) < 0 || (size_t)st.st_size != bytes)
                return -EUCLEAN;
        ring = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
        if (ring == MAP_FAILED)
                return error_origin(-errno);
        /* the publisher's own ticks come twice, or not at all, if these are not true */
        local->id = ring->id;
        local->tail =
                atomic_load(local->id == atomic_load(&taken->ring) ? &taken->ticks : &ring->tail);
        /* knocks that the predecessor asked for: those that wait, and one that may be underway */
        local->knocks = 0;
        if (ioctl(doorbell_fd, FIONREAD, &waiting) < 0)
                waiting = 0;
        local->dozes = (uint64_t)waiting + 1;
        begin(local, ring, taken, doorbell_fd);
        return 0;
}

static const char *end(struct feed *feed, bool trusted, bool leaving) {
        struct local *local = local_of(feed);
        const char *wrong = NULL;
        bool left;

        if (!local->ring)
                return NULL;
        if (trusted) {
                /* at most one ring: it may be writing still, if only its socket is closed */
                wrong = take(local, local->size, &left);
                feed->sink->flush(feed->userdata);
        }
        ev_io_stop(feed->loop, &local->doorbell);
        ev_timer_stop(feed->loop, &local->again);
        if (local->id == atomic_load(&local->taken->ring))
                taken_set(local->taken, local->tail);
        munmap(local->ring, ring_bytes(local->size));
        if (leaving)
                linger_leave(local->doorbell_fd);
        else
                linger_close(local->doorbell_fd);
        local->ring = NULL;
        feed_say(feed, FEED_STATE_DOWN, "its publisher has gone");
        return wrong;
}

const char *local_close(struct feed *feed, bool trusted) {
        return end(feed, trusted, false);
}

/* ---- the source ---- */

static void local_start(struct feed *feed) {
        struct local *local = local_of(feed);

        if (local->ring) {
                feed_say(feed, FEED_STATE_LIVE, "its publisher is still there");
                ev_timer_start(feed->loop, &local->again);
                return;
        }
        feed_say(feed, FEED_STATE_DOWN, "no publisher has come yet");
}

static void local_stop(struct feed *feed) {
        end(feed, true, true); /* its session is not over, it may be the next daemon's */
}

static void local_free(struct feed *feed) {
        struct local *local = local_of(feed);

        feed_deinit(feed);
        free(local);
}

static const struct feed_ops local_ops = {
        .start = local_start,
        .stop = local_stop,
        .free = local_free,
};

int local_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
              const struct feed_sink *sink, void *userdata) {
        struct local *local;
        int r;

        local = calloc(1, sizeof(*local));
        if (!local)
                return error_origin(-ENOMEM);
        r = feed_init(&local->feed, &local_ops, config, loop, sink, userdata);
        if (r < 0) {
                free(local);
                return error_trace(r);
        }
        local->size = config->ring;
        *feedp = &local->feed;
        return 0;
}
