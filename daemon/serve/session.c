/* One peer, from its first word to its last; session.h tells the states. */

#include "serve/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/linger.h"
#include "serve/control.h"
#include "serve/estate.h"
#include "serve/listener.h"
#include "wire/conn.h"

static int64_t time_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- the end ---- */

/* Nothing is left of it, not even what it has sent. */
static void bury(void *userdata) {
        struct session *session = userdata;
        struct listener *listener = session->listener;

        if (session->previous)
                session->previous->next = session->next;
        else
                listener->first = session->next;
        if (session->next)
                session->next->previous = session->previous;
        else
                listener->last = session->previous;
        listener->n_sessions--;
        peer_deinit(&session->peer);
        free(session);
}

struct session *session_free(struct session *session) {
        struct listener *listener;

        if (!session || session->state == SESSION_GONE)
                return NULL;
        listener = session->listener;

        turns_leave(&listener->turns, session);
        ev_io_stop(listener->loop, &session->readable);
        ev_io_stop(listener->loop, &session->writable);
        ev_timer_stop(listener->loop, &session->impatience);

        if (session->publication)
                listener->publishing.close(session->publication, !session->liar);
        if (session->subscriber.control) {
                notifier_remove(listener->notifier, &session->subscriber);
                munmap(session->subscriber.control, session->control_size);
                listener->n_clients--;
        }
        if (session->subscriber.wake_fd >= 0)
                close(session->subscriber.wake_fd);

        session->state = SESSION_GONE;
        if (estate_close(session))
                bury(session);
        else
                linger_then(bury, session);
        return NULL;
}

static void fault(struct session *session, enum log_event event, const char *what) {
        struct listener *listener = session->listener;

        listener_count(listener, COUNTER_CLIENTS_CLOSED_PROTOCOL);
        if (log_gate_pass(&listener->gate, 10, 10))
                session_log(session, LOG_WARNING, event, " %s; its connection is closed", what);
        session_free(session);
}

void session_fault(struct session *session, const char *what) {
        fault(session, LOG_CLIENT_CLOSED, what);
}

void session_liar(struct session *session, const char *what) {
        char text[WIRE_TEXT];

        session->liar = true;
        session_refuse(session->fd, WIRE_E_LIAR, "it sent %s", what);
        snprintf(text, sizeof(text), "published %s", what);
        fault(session, LOG_PUBLISHER_LIAR, text);
}

/* ---- answers ---- */

void session_refuse(int fd, uint32_t code, const char *format, ...) {
        struct wire_refused message = { .header = { WIRE_REFUSED, sizeof(message) }, .code = code };
        va_list args;

        va_start(args, format);
        vsnprintf(message.text, sizeof(message.text), format, args);
        va_end(args);
        /* a refused peer that cannot be told is refused all the same */
        (void)conn_send(fd, &message, NULL, 0, MSG_DONTWAIT);
}

bool session_send(struct session *session, const void *message, const int *fds, unsigned n_fds) {
        int r;

        r = conn_send(session->fd, message, fds, n_fds, MSG_DONTWAIT);
        if (r == CONN_OK)
                return true;
        if (r == CONN_E_CLOSED)
                session_free(session);
        else
                session_fault(session, r == CONN_E_AGAIN ? "does not read its answers"
                                                         : "cannot be answered");
        return false;
}

/* ---- registration ---- */

void session_share(struct session *session, struct control *control, size_t size) {
        session->subscriber.control = control;
        session->control_size = size;
        notifier_add(session->listener->notifier, &session->subscriber);
        session->listener->n_clients++;
}

/* The page that this client and we share. Its size is sealed, so neither can make the other's mapping
 * fault; its content we never trust. The descriptor, to be handed on and closed. */
static int make_control(struct session *session) {
        size_t size = control_size(session->listener->segment->directory.capacity);
        _cleanup_(closep) int fd = -1;
        char label[ESTATE_LABEL_SIZE];
        void *map;
        int r;

        estate_label(session, label);
        fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return error_origin(-errno);
        /* taken at once, not when touched: want of memory shall be an error here */
        r = posix_fallocate(fd, 0, (off_t)size);
        if (r)
                return error_origin(-r);
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return error_origin(-errno);
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return error_origin(-errno);

        session_share(session, map, size);
        r = fd;
        fd = -1;
        return r;
}

/* Makes what a reader needs and sends it. A session that cannot have it is refused. */
static void welcome(struct session *session) {
        struct listener *listener = session->listener;
        const struct shm_header *header = listener->segment->header;
        _cleanup_(closep) int control_fd = -1, wake_read = -1;
        struct wire_welcome message;
        int fds[WIRE_FDS_READER], ends[2];

        if (notifier_socket(ends) == 0) {
                wake_read = ends[0];
                session->subscriber.wake_fd = ends[1];
                control_fd = make_control(session);
        }
        if (control_fd < 0) {
                session_refuse(session->fd, WIRE_E_TROUBLE,
                               "there is no memory or no descriptor left for one more client");
                listener_count(listener, COUNTER_CLIENTS_REFUSED_LIMIT);
                if (log_gate_pass(&listener->gate, 10, 10))
                        session_log(session, LOG_WARNING, LOG_CLIENT_REFUSED,
                                    " is refused: no memory or descriptor is left (%s)",
                                    strerror(errno));
                session_free(session);
                return;
        }

        message = (struct wire_welcome){
                .header = { WIRE_WELCOME, sizeof(message) },
                .version = WIRE_VERSION,
                .client = session->id,
                .fds = WIRE_FDS_READER,
                .identity = header->identity,
                .generation = atomic_load(&header->generation),
                .segment_size = listener->segment->size,
                .control_size = session->control_size,
                .newest = segment_newest(listener->segment),
        };
        fds[WIRE_FD_SEGMENT] = listener->segment_fd;
        fds[WIRE_FD_WAKE] = wake_read;
        fds[WIRE_FD_CONTROL] = control_fd;
        session->state = SESSION_READER;
        listener_count(listener, COUNTER_CLIENTS_ACCEPTED);
        if (!session_send(session, &message, fds, WIRE_FDS_READER))
                return;
        estate_leave(session, (int[]){ session->subscriber.wake_fd, control_fd }, 2);
        session_log(session, LOG_DEBUG, LOG_PLAIN, " reads");
}

/* `fds` are the publisher's, doorbell_fd is our end of that. */
static void welcome_publisher(struct session *session, int fds[WIRE_FDS_PUBLISHER],
                              int doorbell_fd) {
        struct listener *listener = session->listener;
        struct wire_welcome message = {
                .header = { WIRE_WELCOME, sizeof(message) },
                .version = WIRE_VERSION,
                .client = session->id,
                .fds = WIRE_FDS_PUBLISHER,
                .identity = listener->segment->header->identity,
                .generation = atomic_load(&listener->segment->header->generation),
                .newest = segment_newest(listener->segment),
        };

        session->state = SESSION_PUBLISHER;
        listener_count(listener, COUNTER_CLIENTS_ACCEPTED);
        if (session_send(session, &message, fds, WIRE_FDS_PUBLISHER))
                estate_leave(session, (int[]){ doorbell_fd, fds[WIRE_FD_RING] }, 2);
        for (unsigned i = 0; i < WIRE_FDS_PUBLISHER; i++)
                close(fds[i]);
}

static void welcome_control(struct session *session) {
        struct listener *listener = session->listener;
        const struct shm_header *header = listener->segment->header;
        struct wire_welcome message = {
                .header = { WIRE_WELCOME, sizeof(message) },
                .version = WIRE_VERSION,
                .client = session->id,
                .identity = header->identity,
                .generation = atomic_load(&header->generation),
                .newest = segment_newest(listener->segment),
        };

        session->state = SESSION_CONTROL;
        listener_count(listener, COUNTER_CLIENTS_ACCEPTED);
        session_send(session, &message, NULL, 0);
}

/* Refuses for good: the peer is told why, the log too. */
__attribute__((format(printf, 4, 5))) static void
turn_away(struct session *session, unsigned counter, uint32_t code, const char *format, ...) {
        struct listener *listener = session->listener;
        char text[WIRE_TEXT];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);

        session_refuse(session->fd, code, "%s", text);
        listener_count(listener, counter);
        if (log_gate_pass(&listener->gate, 10, 10))
                session_log(session, LOG_NOTICE, LOG_CLIENT_REFUSED, " is refused: %s", text);
        session_free(session);
}

static void turn_away_unwelcome(struct session *session, const char *verb,
                                const struct config_access *access) {
        turn_away(
                session, COUNTER_CLIENTS_REFUSED_ACCESS, WIRE_E_ACCESS,
                "uid %u (gid %u) may not %s: [access] %s is \"%.120s\" (@NAME is a group), and it is "
                "none of these",
                session->peer.uid, session->peer.gid, verb, verb, access->text);
}

static void open_publication(struct session *session, const struct wire_hello *hello) {
        struct publishing *publishing = &session->listener->publishing;
        char text[WIRE_TEXT] = "", label[ESTATE_LABEL_SIZE];
        int fds[WIRE_FDS_PUBLISHER], doorbell_fd, r;

        memcpy(session->feed, hello->feed, sizeof(hello->feed));
        estate_label(session, label);
        r = publishing->open(publishing->userdata, session, label, &session->publication, fds,
                             &doorbell_fd, text);
        if (r == 0)
                welcome_publisher(session, fds, doorbell_fd);
        else
                turn_away(session, COUNTER_CLIENTS_REFUSED_ACCESS, (uint32_t)r, "%s", text);
}

/* A publisher's request. What it may do is asked again, for the config may have changed. */
static void publisher_message(struct session *session, const void *message) {
        struct listener *listener = session->listener;
        struct wire_define define;
        struct wire_defined answer;

        memcpy(&define.header, message, sizeof(define.header));
        if (define.header.opcode != WIRE_DEFINE || define.header.size != sizeof(define)) {
                session_fault(session, "sent something that a publisher does not say");
                return;
        }
        if (!peer_may(&session->peer, &listener->config->access.publish)) {
                turn_away_unwelcome(session, "publish", &listener->config->access.publish);
                return;
        }
        memcpy(&define, message, sizeof(define));
        listener->publishing.define(session->publication, &define, &answer);
        session_send(session, &answer, NULL, 0);
}

void session_review(struct session *session) {
        const struct config_access *publish = &session->listener->config->access.publish;

        if (session->publication && !peer_may(&session->peer, publish))
                turn_away_unwelcome(session, "publish", publish);
}

static void take_hello(struct session *session, const struct wire_hello *hello) {
        struct listener *listener = session->listener;
        const struct config *config = listener->config;

        ev_timer_stop(listener->loop, &session->impatience);
        memcpy(session->name, hello->name, sizeof(session->name) - 1);
        session->since = time_now();

        if (hello->version != WIRE_VERSION) {
                turn_away(session, COUNTER_CLIENTS_REFUSED_VERSION, WIRE_E_VERSION,
                          "this is mdshmd %s, which speaks version %d of the protocol, not %u",
                          MDSHMD_VERSION, WIRE_VERSION, hello->version);
                return;
        }
        switch (hello->role) {
        case WIRE_ROLE_READER:
                if (!peer_may(&session->peer, &config->access.read))
                        turn_away_unwelcome(session, "read", &config->access.read);
                else if (listener->n_clients >= config->limits.clients)
                        turn_away(
                                session, COUNTER_CLIENTS_REFUSED_LIMIT, WIRE_E_LIMIT,
                                "there are %u clients already, as many as [limits] clients allows",
                                listener->n_clients);
                else
                        welcome(session);
                break;
        case WIRE_ROLE_PUBLISHER:
                if (!peer_may(&session->peer, &config->access.publish))
                        turn_away_unwelcome(session, "publish", &config->access.publish);
                else
                        open_publication(session, hello);
                break;
        case WIRE_ROLE_CONTROL:
                if (!peer_may(&session->peer, &config->access.control))
                        turn_away_unwelcome(session, "control", &config->access.control);
                else
                        welcome_control(session);
                break;
        default:
                turn_away(session, COUNTER_CLIENTS_REFUSED_ACCESS, WIRE_E_ROLE,
                          "this daemon knows no role %u", hello->role);
        }
}

/* ---- the loop ---- */

static void session_message(struct session *session, const void *message) {
        struct wire_header header;

        memcpy(&header, message, sizeof(header));
        switch (session->state) {
        case SESSION_HELLO:
                if (header.opcode == WIRE_HELLO && header.size == sizeof(struct wire_hello))
                        take_hello(session, message);
                else
                        session_fault(session, "did not begin with HELLO");
                break;
        case SESSION_READER:
                session_fault(session, "spoke after it had been welcomed");
                break;
        case SESSION_PUBLISHER:
                publisher_message(session, message);
                break;
        case SESSION_CONTROL:
                control_request(session, &header);
                break;
        case SESSION_GONE:
                break; /* is not listened to */
        }
}

static void session_readable(struct ev_loop *loop, ev_io *watcher, int events) {
        struct session *session = container_of(watcher, struct session, readable);

        (void)events;
        ev_io_stop(loop, watcher);
        turns_wait(&session->listener->turns, session);
}

void session_hear(struct session *session) {
        _Alignas(8) char buffer[WIRE_SIZE_MAX];
        unsigned n_fds = 0;
        int r;

        /* first, for what it says may stop it again, or end the session */
        ev_io_start(session->listener->loop, &session->readable);
        /* descriptors are left where they are */
        if (!session->bare && linger_peek(session->fd, 1) == -EBADMSG)
                r = CONN_E_BROKEN;
        else
                r = conn_recv(session->fd, buffer, NULL, &n_fds);
        if (r == CONN_E_AGAIN)
                return; /* the readiness was for something that is gone */
        if (r == CONN_OK) {
                session_message(session, buffer);
        } else if (r == CONN_E_CLOSED) {
                listener_count(session->listener, COUNTER_CLIENTS_LEFT);
                session_free(session);
        } else {
                session_fault(session, "sent a packet that is no message");
        }
}

static void session_writable(struct ev_loop *loop, ev_io *watcher, int events) {
        struct session *session = container_of(watcher, struct session, writable);

        (void)loop;
        (void)events;
        control_continue(session);
}

static void session_impatient(struct ev_loop *loop, ev_timer *timer, int events) {
        struct session *session = container_of(timer, struct session, impatience);
        struct listener *listener = session->listener;

        (void)loop;
        (void)events;
        if (session->turn.waits)
                return; /* it has said something, and it was we who were late */
        listener_count(listener, COUNTER_CLIENTS_CLOSED_TIMEOUT);
        if (log_gate_pass(&listener->gate, 10, 10))
                session_log(session, LOG_NOTICE, LOG_CLIENT_CLOSED,
                            " said nothing for %u ms, and is closed",
                            listener->config->limits.hello_ms);
        session_free(session);
}

/* In the order of ids, which is nearly always at the end. */
static void enlist(struct listener *listener, struct session *session) {
        struct session *before = listener->last;

        while (before && before->id > session->id)
                before = before->previous;
        session->previous = before;
        session->next = before ? before->next : listener->first;
        if (before)
                before->next = session;
        else
                listener->first = session;
        if (session->next)
                session->next->previous = session;
        else
                listener->last = session;
        listener->n_sessions++;
        if (session->id >= listener->next_id)
                listener->next_id = session->id + 1;
}

int session_restore(struct session **sessionp, struct listener *listener, uint32_t id, int fd,
                    struct peer *peer) {
        struct session *session;

        session = calloc(1, sizeof(*session));
        if (!session)
                return error_origin(-ENOMEM);
        session->listener = listener;
        session->id = id;
        session->fd = fd;
        session->bare = linger_refuse_rights(fd);
        session->subscriber.wake_fd = -1;
        session->peer = *peer;
        *peer = (struct peer){ 0 };

        enlist(listener, session);
        ev_io_init(&session->readable, session_readable, fd, EV_READ);
        ev_io_init(&session->writable, session_writable, fd, EV_WRITE);
        ev_timer_init(&session->impatience, session_impatient,
                      listener->config->limits.hello_ms / 1000., 0.);
        ev_set_priority(&session->impatience, EV_MINPRI); /* behind what has come meanwhile */
        ev_io_start(listener->loop, &session->readable);
        *sessionp = session;
        return 0;
}

int session_new(struct session **sessionp, struct listener *listener, int fd, struct peer *peer) {
        int r;

        r = session_restore(sessionp, listener, listener->next_id, fd, peer);
        if (r == 0)
                ev_timer_start(listener->loop, &(*sessionp)->impatience);
        return r;
}
