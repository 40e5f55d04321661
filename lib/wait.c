/*
 * Sleeping and being woken; shm/control.h proves that no wake is lost.
 */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define SPIN_ROUNDS 64 /* looks between two at the clock */

/* ---- the descriptors ---- */

/* Only hints: how many there were does not matter, nor does a rest that wakes us again. Whether we wait is
 * for this call to say: the flags of what the daemon has made are the daemon's, too. */
static void wake_readable(struct md_client *client) {
        char bytes[64];
        ssize_t n = recv(client->wake_fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                client_hang_up(client); /* the daemon's end is gone, and the daemon with it */
}

static void timer_readable(struct md_client *client) {
        uint64_t expirations;

        if (read(client->timer_fd, &expirations, sizeof(expirations)) < 0)
                return; /* it was set anew meanwhile */
}

/* Waits for one of the descriptors; 1, or 0 when the time is over. */
static int wait_event(struct md_client *client, int timeout_ms) {
        struct epoll_event events[3];
        int n;

        n = epoll_wait(client->epoll_fd, events, 3, timeout_ms);
        if (n < 0)
                return client_fail(client, -errno, "cannot wait: %s", strerror(errno));
        for (int i = 0; i < n; i++) {
                if (events[i].data.fd == client->timer_fd)
                        timer_readable(client);
                else if (events[i].data.fd == client->wake_fd)
                        wake_readable(client);
                else
                        client_look_for_end(client);
        }
        return n > 0;
}

/* Makes md_fd() readable after that time, for a caller who waits there himself. */
static void set_timer(struct md_client *client, int64_t ms) {
        struct itimerspec when = {
                .it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 },
        };

        timerfd_settime(client->timer_fd, 0, &when, NULL);
}

/* ---- strategies ---- */

/* Looks again and again, as long as the caller wants that: true when there is something. */
static bool spin(struct md_client *client, int64_t deadline_ms, bool limited) {
        struct timespec begin, now;
        int64_t spent;

        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (;;) {
                for (unsigned i = 0; i < SPIN_ROUNDS; i++) {
                        if (client_has_news(client))
                                return true;
#if defined(__x86_64__) || defined(__i386__)
                        __builtin_ia32_pause();
#endif
                }
                clock_gettime(CLOCK_MONOTONIC, &now);
                spent = (now.tv_sec - begin.tv_sec) * INT64_C(1000000000) + now.tv_nsec -
                        begin.tv_nsec;
                if (client->spin_ns >= 0 && spent >= client->spin_ns)
                        return false;
                if (limited && now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000 >= deadline_ms)
                        return false;
                /* a daemon that goes away makes no news */
                if (client->spin_ns < 0 && spent >= INT64_C(100000000))
                        return false;
        }
}

/* ms until the next round may be announced, as the caller's interval wants it. */
static int64_t held_back(const struct md_client *client) {
        int64_t rest;

        if (!client->interval_ms)
                return 0;
        rest = client->last_ms + client->interval_ms - client_now_ms();
        return rest > 0 ? rest : 0;
}

static int announce(struct md_client *client) {
        if (client->interval_ms)
                client->last_ms = client_now_ms();
        return MD_NEWS;
}

/* Whether this call is to look again and again, and never to sleep. One that does not wait is of a caller
 * who may sleep at our descriptor. */
static bool is_restless(const struct md_client *client, int timeout_ms) {
        return client->spin_ns < 0 && timeout_ms && client->socket_fd >= 0;
}

/* True when there is something to read; else the client is armed, unless it never sleeps. */
static bool look_and_arm(struct md_client *client, int64_t deadline, int timeout_ms) {
        if (client_has_news(client))
                return true;
        if (client->spin_ns && client->socket_fd >= 0 && spin(client, deadline, timeout_ms >= 0))
                return true;
        if (is_restless(client, timeout_ms))
                return false;
        control_arm(client->control);
        if (!client_has_news(client))
                return false;
        control_disarm(client->control);
        return true;
}

/* Nobody is there to wake us: 1 when there is again; 0 when it is to be tried again in *rest ms;
 * -EPIPE where that is of no use. */
static int call_back(struct md_client *client, int64_t *rest) {
        int64_t now = client_now_ms();

        if (client->file)
                return client_fail(client, -EPIPE, "a saved segment has no more to say");
        if (!client->reconnect.on)
                return client_fail(client, -EPIPE, "the daemon has closed the connection");
        if (client_reconnect(client, now))
                return 1;
        *rest = client->reconnect.due > now ? client->reconnect.due - now : 1;
        return 0;
}

/* The time to sleep: until the deadline, or `rest` where that is sooner (0: there is none). */
static int sleep_ms(int timeout_ms, int64_t deadline, int64_t rest) {
        int64_t left = timeout_ms > 0 ? deadline - client_now_ms() : timeout_ms;

        if (timeout_ms >= 0 && left < 0)
                left = 0;
        if (rest && (left < 0 || rest < left))
                left = rest;
        return (int)left;
}

int md_dispatch(struct md_client *client, int timeout_ms) {
        int64_t deadline, held, rest;
        bool restless;
        int r;

        r = client_check(client);
        if (r < 0)
                return r;
        deadline = timeout_ms > 0 ? client_now_ms() + timeout_ms : 0;
        for (;;) {
                /* news may leave no pause to register in; and nothing unread is lost by it */
                if (client_has_successor(client))
                        client_reconnect(client, client_now_ms());
                if (client->reconnect.remapped) {
                        client->reconnect.remapped = false;
                        return MD_REMAPPED;
                }
                held = rest = held_back(client);
                if (!held && look_and_arm(client, deadline, timeout_ms))
                        return announce(client);
                if (client->socket_fd < 0) {
                        r = call_back(client, &rest);
                        if (r < 0)
                                return r;
                        if (r > 0)
                                continue;
                        if (held && held < rest)
                                rest = held;
                }

                if (timeout_ms == 0 && rest)
                        set_timer(client, rest);
                restless = !held && is_restless(client, timeout_ms);
                client->sleeps += timeout_ms && !restless;
                client_report(client);
                r = wait_event(client, restless ? 0 : sleep_ms(timeout_ms, deadline, rest));
                if (r < 0)
                        return r;
                if (timeout_ms == 0 ? r == 0 : timeout_ms > 0 && client_now_ms() >= deadline)
                        return !held && client_has_news(client) ? announce(client) : 0;
        }
}

int md_fd(const struct md_client *client) {
        return client->epoll_fd;
}
