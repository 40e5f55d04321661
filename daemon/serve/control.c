/* Requests of the control role, and their answers. */

#include "serve/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/config.h"
#include "base/log.h"
#include "serve/listener.h"
#include "wire/conn.h"

/* What a client has in its control page is copied as it is, for people to look at. */
static void describe(struct wire_client *message, const struct session *session) {
        static const uint32_t roles[] = {
                [SESSION_READER] = WIRE_ROLE_READER,
                [SESSION_PUBLISHER] = WIRE_ROLE_PUBLISHER,
                [SESSION_CONTROL] = WIRE_ROLE_CONTROL,
        };
        const struct control *control = session->subscriber.control;

        *message = (struct wire_client){
                .header = { WIRE_CLIENT, sizeof(*message) },
                .client = session->id,
                .role = roles[session->state],
                .pid = session->peer.pid,
                .uid = session->peer.uid,
                .since = session->since,
        };
        memcpy(message->name, session->name, sizeof(message->name));
        if (!control)
                return;

        message->cursor = atomic_load(&control->cursor);
        message->ticks = atomic_load(&control->ticks);
        message->merged = atomic_load(&control->merged);
        message->missed = atomic_load(&control->missed);
        message->laps = atomic_load(&control->laps);
        message->sleeps = atomic_load(&control->sleeps);
        message->wakes = atomic_load(&control->wakes);
        message->armed = control_armed(control);
        if (atomic_load(&control->all)) {
                message->instruments = UINT32_MAX;
                return;
        }
        for (uint32_t i = 0; i < (session->listener->segment->directory.capacity + 63) / 64; i++)
                message->instruments +=
                        (uint32_t)__builtin_popcountll(atomic_load(&control->interest[i]));
}

static void done(struct session *session, int result) {
        struct wire_done message = { { WIRE_DONE, sizeof(message) }, result, 0 };

        session_send(session, &message, NULL, 0);
}

/* Sends a part of a long answer. False: it goes on from here when there is room, or the session is over. */
static bool offer(struct session *session, const void *message) {
        struct listener *listener = session->listener;
        int r;

        r = conn_send(session->fd, message, NULL, 0, MSG_DONTWAIT);
        if (r == CONN_E_AGAIN) {
                ev_io_stop(listener->loop, &session->readable);
                ev_io_start(listener->loop, &session->writable);
        } else if (r != CONN_OK) {
                session_free(session);
        }
        return r == CONN_OK;
}

void control_continue(struct session *session) {
        struct wire_done end = { .header = { WIRE_DONE, sizeof(end) } };
        struct listener *listener = session->listener;
        struct wire_client message;

        for (struct session *s = listener->first; s; s = s->next) {
                if (s->id <= session->answered || s->state == SESSION_HELLO ||
                    s->state == SESSION_GONE)
                        continue;
                describe(&message, s);
                if (!offer(session, &message))
                        return;
                session->answered = s->id;
        }
        if (!offer(session, &end))
                return;
        session->answered = 0;
        ev_io_stop(listener->loop, &session->writable);
        ev_io_start(listener->loop, &session->readable);
}

__attribute__((format(printf, 2, 3))) static bool say(struct session *session, const char *format,
                                                      ...) {
        struct wire_text message = { .header = { WIRE_TEXT_LINE, sizeof(message) } };
        va_list args;

        va_start(args, format);
        vsnprintf(message.text, sizeof(message.text), format, args);
        va_end(args);
        return session_send(session, &message, NULL, 0);
}

/* Lines "key value", in an order that does not change. */
static void about(struct session *session) {
        struct listener *listener = session->listener;
        const struct config *config = listener->config;

        if (say(session, "version %s", MDSHMD_VERSION) &&
            say(session, "config %.200s", config->path) &&
            say(session, "segment %s", config->segment.name) &&
            say(session, "socket %.200s", config->listen.socket) &&
            say(session, "clients %u", listener->n_clients) &&
            say(session, "clients_limit %u", config->limits.clients))
                done(session, 0);
}

void control_request(struct session *session, const struct wire_header *request) {
        struct listener *listener = session->listener;

        if (request->size != sizeof(struct wire_request)) {
                session_fault(session, "sent a request of the wrong size");
                return;
        }
        /* the config may have changed since it was welcomed */
        if (!peer_may(&session->peer, &listener->config->access.control)) {
                done(session, -EACCES);
                return;
        }
        switch (request->opcode) {
        case WIRE_CLIENTS:
                control_continue(session);
                break;
        case WIRE_ABOUT:
                about(session);
                break;
        case WIRE_RELOAD:
                session_log(session, LOG_NOTICE, LOG_PLAIN, " asks to read the config again");
                /* whatever it is, its peer shall not take it for something between the two of us */
                done(session, listener->reload(listener->userdata) < 0 ? -EINVAL : 0);
                break;
        default:
                session_fault(session, "sent a request that does not exist");
        }
}
