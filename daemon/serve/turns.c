/* Peers are heard one after the other; turns.h tells why. */

#include "serve/turns.h"

#include "base/cleanup.h"
#include "serve/session.h"

static void turns_dispatch(struct ev_loop *loop, ev_check *check, int events) {
        struct turns *turns = container_of(check, struct turns, check);
        struct session *session = turns->first;

        (void)loop;
        (void)events;
        turns_leave(turns, session);
        session_hear(session);
}

static void turns_awake(struct ev_loop *loop, ev_idle *idle, int events) {
        (void)loop;
        (void)idle;
        (void)events;
}

void turns_init(struct turns *turns, struct ev_loop *loop) {
        *turns = (struct turns){ .loop = loop };
        ev_check_init(&turns->check, turns_dispatch);
        ev_set_priority(&turns->check, EV_MINPRI);
        ev_idle_init(&turns->awake, turns_awake);
        ev_set_priority(&turns->awake, EV_MINPRI);
}

void turns_deinit(struct turns *turns) {
        ev_check_stop(turns->loop, &turns->check);
        ev_idle_stop(turns->loop, &turns->awake);
}

void turns_wait(struct turns *turns, struct session *session) {
        if (session->turn.waits)
                return;
        session->turn = (struct turn){ .waits = true };
        if (turns->first) {
                turns->last->turn.next = session;
        } else {
                turns->first = session;
                ev_check_start(turns->loop, &turns->check);
                ev_idle_start(turns->loop, &turns->awake);
        }
        turns->last = session;
}

void turns_leave(struct turns *turns, struct session *session) {
        struct session *before = NULL;

        if (!session->turn.waits)
                return;
        for (struct session *s = turns->first; s != session; s = s->turn.next)
                before = s;
        if (before)
                before->turn.next = session->turn.next;
        else
                turns->first = session->turn.next;
        if (turns->last == session)
                turns->last = before;
        session->turn = (struct turn){ 0 };
        if (!turns->first)
                turns_deinit(turns);
}
