/* One socket, and everybody who came through it. */

#include "serve/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/linger.h"
#include "serve/session.h"
#include "wire/conn.h"

#define BACKLOG      128
#define REFUSED_ROOM 64 /* connections that are being closed without having been let in */
#define SPARE_ROOM                                                                                 \
        32 /* connections beyond limits.clients, for control and for those not yet known */

static void close_fd(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

void listener_count(struct listener *listener, unsigned counter) {
        counter_add(&listener->segment->counters.base[counter], 1);
}

void listener_review(struct listener *listener) {
        for (struct session *s = listener->first, *next; s; s = next) {
                next = s->next;
                session_review(s);
        }
}

/* ---- accepting ---- */

static uint32_t sessions_of(const struct listener *listener, uid_t uid) {
        uint32_t n = 0;

        for (struct session *s = listener->first; s; s = s->next)
                n += s->peer.uid == uid;
        return n;
}

/* True where this user may have one more connection; else it has been told why not. */
static bool admit(struct listener *listener, int fd, const struct peer *peer) {
        const struct config *config = listener->config;

        if (listener->n_sessions >= config->limits.clients + SPARE_ROOM) {
                session_refuse(fd, WIRE_E_LIMIT,
                               "there are %u connections already, as many as [limits] clients = %u "
                               "allows",
                               listener->n_sessions, config->limits.clients);
        } else if (peer->uid != 0 && peer->uid != geteuid() &&
                   sessions_of(listener, peer->uid) >= config->limits.clients_per_user) {
                session_refuse(fd, WIRE_E_LIMIT,
                               "uid %u has %u connections already, as many as [limits] "
                               "clients_per_user allows",
                               peer->uid, config->limits.clients_per_user);
        } else {
                return true;
        }
        listener_count(listener, COUNTER_CLIENTS_REFUSED_LIMIT);
        if (log_gate_pass(&listener->gate, 10, 10))
                log_client(LOG_NOTICE, LOG_CLIENT_REFUSED,
                           (&(const struct log_client){ 0, "", peer->pid, peer->uid }),
                           " is refused: there are too many");
        return false;
}

static int open_spare(void) {
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* One of those that were turned away is closed. */
static void refused_is_gone(void *userdata) {
        struct listener *listener = userdata;

        listener->n_refused--;
        if (!listener->loop)
                return;
        if (listener->spare_fd < 0)
                listener->spare_fd = open_spare();
        ev_io_start(listener->loop, &listener->readable);
}

/* Closes a connection that is not let in. Where too many of them bring what takes long to be closed, the
 * next ones wait outside. */
static void turn_out(struct listener *listener, int fd) {
        if (linger_close(fd)) {
                if (listener->spare_fd < 0)
                        listener->spare_fd = open_spare();
                return;
        }
        listener->n_refused++;
        if (listener->n_refused >= REFUSED_ROOM || listener->spare_fd < 0)
                ev_io_stop(listener->loop, &listener->readable);
        linger_then(refused_is_gone, listener);
}

/* Out of descriptors, a connection would stay in the queue and wake us for ever. The spare one lets us
 * take it, say why, and close it. */
static void refuse_without_descriptors(struct listener *listener) {
        int fd;

        close_fd(&listener->spare_fd);
        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
                session_refuse(fd, WIRE_E_TROUBLE, "the daemon has no descriptor left");
                turn_out(listener, fd);
        } else {
                listener->spare_fd = open_spare();
        }
        listener_count(listener, COUNTER_CLIENTS_REFUSED_LIMIT);
        if (log_gate_pass(&listener->gate, 1, 10))
                log_event(LOG_WARNING, LOG_CLIENT_REFUSED,
                          "no descriptor left for another connection: raise LimitNOFILE= or lower "
                          "[limits] clients");
}

/* One connection: 0, or negative errno when there is none to be had. */
static int accept_one(struct listener *listener) {
        _cleanup_(peer_deinit) struct peer peer = { 0 };
        struct session *session;
        int fd;

        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (peer_init(&peer, fd) < 0 || !admit(listener, fd, &peer) ||
            session_new(&session, listener, fd, &peer) < 0)
                turn_out(listener, fd);
        return 0;
}

static void listener_readable(struct ev_loop *loop, ev_io *watcher, int events) {
        struct listener *listener = container_of(watcher, struct listener, readable);
        int r;

        (void)loop;
        (void)events;
        r = accept_one(listener); /* the others, when everybody else has had a turn */
        if (r == -EMFILE || r == -ENFILE)
                refuse_without_descriptors(listener);
        /* anything else concerns the connection that is gone: EAGAIN, ECONNABORTED, ... */
}

/* ---- the socket ---- */

static int cannot_listen(const char *path, int r) {
        log_error("cannot listen at %s: %s", path, strerror(-r));
        return r;
}

/* Takes away a socket that nobody serves. -EADDRINUSE: somebody does. */
static int clear_path(const char *path) {
        struct stat st;
        int fd;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : cannot_listen(path, -errno);
        if (!S_ISSOCK(st.st_mode)) {
                log_error(
                        "%s is in the way of the socket, and is none: move it, or set [listen] socket",
                        path);
                return -EEXIST;
        }
        fd = conn_connect(path, 100);
        if (fd >= 0 || fd == -ETIMEDOUT) {
                if (fd >= 0)
                        close(fd);
                log_error(
                        "another mdshmd serves %s: stop that one, or give this one another [listen] "
                        "socket",
                        path);
                return -EADDRINUSE;
        }
        return unlink(path) < 0 ? cannot_listen(path, -errno) : 0;
}

/* The last folder of the path, for everybody to pass through. */
static void make_folder(const char *path) {
        _cleanup_(freep) char *copy = strdup(path);

        if (copy && mkdir(dirname(copy), 0755) < 0 && errno != EEXIST)
                log_debug("cannot make the folder of %s: %s", path, strerror(errno));
}

static int listen_at(struct listener *listener, const char *path, mode_t mode) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int r;

        if (strlen(path) >= sizeof(address.sun_path)) {
                log_error(
                        "[listen] socket: %s is too long: a socket's path has at most %zu characters",
                        path, sizeof(address.sun_path) - 1);
                return -ENAMETOOLONG;
        }
        strcpy(address.sun_path, path);
        make_folder(path);
        r = clear_path(path);
        if (r < 0)
                return r;

        listener->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (listener->fd < 0)
                return error_origin(-errno);
        if (bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return cannot_listen(path, -errno);
        listener->unlink = strdup(path);
        if (!listener->unlink)
                return error_origin(-ENOMEM);
        if (chmod(path, mode) < 0 || listen(listener->fd, BACKLOG) < 0)
                return cannot_listen(path, -errno);
        return 0;
}

int listener_init(struct listener *listener, struct ev_loop *loop, const struct config *config,
                  struct segment *segment, struct notifier *notifier, struct store *store, int fd) {
        int r;

        *listener = (struct listener){
                .loop = loop,
                .config = config,
                .segment = segment,
                .notifier = notifier,
                .store = store,
                .segment_fd = -1,
                .spare_fd = -1,
                .fd = fd,
                .next_id = 1,
        };
        turns_init(&listener->turns, loop);
        r = segment_open_readonly(segment);
        if (r < 0)
                return error_origin(r);
        listener->segment_fd = r;

        if (fd < 0) {
                r = listen_at(listener, config->listen.socket, config->listen.mode);
                if (r < 0)
                        return error_trace(r);
        } else if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
                return error_origin(-errno);
        }
        linger_refuse_rights(listener->fd); /* those that come through it inherit that */
        listener->spare_fd = open_spare();
        ev_io_init(&listener->readable, listener_readable, listener->fd, EV_READ);
        return 0;
}

void listener_start(struct listener *listener) {
        ev_io_start(listener->loop, &listener->readable);
}

void listener_path(const struct listener *listener, char path[LISTENER_PATH_SIZE]) {
        struct sockaddr_un address = { 0 };
        socklen_t size = sizeof(address);

        getsockname(listener->fd, (struct sockaddr *)&address, &size);
        snprintf(path, LISTENER_PATH_SIZE, "%.*s", (int)sizeof(address.sun_path), address.sun_path);
}

void listener_deinit(struct listener *listener) {
        if (!listener->loop)
                return;
        ev_io_stop(listener->loop, &listener->readable);
        for (struct session *s = listener->first, *next; s; s = next) {
                next = s->next;
                session_free(s);
        }
        turns_deinit(&listener->turns);
        if (listener->unlink)
                unlink(listener->unlink);
        free(listener->unlink);
        linger_leave(listener->fd); /* some may have come, and not have been let in */
        listener->fd = -1;
        close_fd(&listener->spare_fd);
        close_fd(&listener->segment_fd);
        listener->loop = NULL;
}
