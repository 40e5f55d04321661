/* How a feed does; health.h tells the idea. */

#include "health.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "stream.h"

#define NS_PER_MS INT64_C(1000000)
#define LOOKS     4 /* in the time after which silence is said */

static int64_t clock_ns(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- the state ---- */

static uint32_t state_of(const struct stream *stream) {
        const struct health *health = &stream->health;

        if (health->source == FEED_STATE_ENDED)
                return FEED_ENDED;
        if (health->source == FEED_STATE_DOWN)
                return FEED_DOWN;
        if (health->over)
                return FEED_ENDED;
        if (health->silent)
                return FEED_DOWN;
        return stream->doubt.n || health->unheard || stream->catchup.on ? FEED_RECOVERING
                                                                        : FEED_LIVE;
}

/* Why it is that, where the source has not just said so. */
static void tell_why(const struct stream *stream, uint32_t state, char why[256]) {
        switch (state) {
        case FEED_ENDED:
                snprintf(why, 256, "the venue has ended the session after message %" PRIu64,
                         stream->arbiter.next - 1);
                break;
        case FEED_DOWN:
                snprintf(why, 256, "nothing has come for %" PRId64 " ms",
                         stream->health.stale / NS_PER_MS);
                break;
        case FEED_RECOVERING:
                if (stream->health.unheard)
                        snprintf(why, 256, "nothing has come to this daemon yet");
                else if (stream->catchup.on)
                        snprintf(why, 256, "it catches up with a session that it joined late");
                else
                        snprintf(why, 256, "messages were lost, and %u instruments are in doubt",
                                 stream->doubt.n);
                break;
        default:
                snprintf(why, 256, "no instrument is in doubt");
        }
}

static void say(struct stream *stream, uint32_t state) {
        static const char *const words[] = {
                [FEED_DOWN] = "is down",
                [FEED_RECOVERING] = "is recovering",
                [FEED_LIVE] = "is live",
                [FEED_ENDED] = "has ended",
        };
        static const enum log_event events[] = {
                [FEED_DOWN] = LOG_FEED_DOWN,
                [FEED_RECOVERING] = LOG_FEED_RECOVERING,
                [FEED_LIVE] = LOG_FEED_LIVE,
                [FEED_ENDED] = LOG_FEED_ENDED,
        };
        struct health *health = &stream->health;

        if (!health->why[0])
                tell_why(stream, state, health->why);
        /* a lossy line, or a publisher that comes and goes, makes them follow each other without end */
        if (log_gate_pass(&health->gate, 10, 10))
                log_feed(LOG_NOTICE, events[state], stream->name, " %s: %s", words[state],
                         health->why);
        health->why[0] = '\0';
        health->state = state;
        atomic_store_explicit(&stream->record->state, state, memory_order_release);
        if (state == FEED_LIVE && health->passed) {
                health->passed = false;
                stream_put_system(stream, 'L', 0, clock_ns(CLOCK_REALTIME));
        }
}

void health_update(struct stream *stream) {
        struct health *health = &stream->health;
        uint32_t state;

        if (!health->state && !health->why[0] && !health->silent)
                return; /* nobody has said anything yet */
        state = state_of(stream);
        if (state != health->state || health->why[0])
                say(stream, state);
}

void health_source(struct stream *stream, enum feed_state state, const char *why) {
        struct health *health = &stream->health;

        health->source = state;
        if (state == FEED_STATE_LIVE && health->silent)
                return; /* until the packet that it says so of ends the silence */
        snprintf(health->why, sizeof(health->why), "%s", why ? why : "");
        stream_flush(stream);
}

/* ---- silence ---- */

/* It is over: what the instruments say is true again, if nothing was lost. */
static void hear_again(struct stream *stream, unsigned line, const struct packet *packet) {
        struct health *health = &stream->health;

        if (health->lines > 1)
                log_feed(LOG_NOTICE, LOG_LINE_BACK, stream->name, ": line %c is back",
                         'A' + (int)line);
        health->line[line].silent = false;
        if (!health->silent)
                return;
        health->silent = false;
        snprintf(health->why, sizeof(health->why), "packets come again");
        stream_fresh(stream, packet->ts_recv);
}

void health_hear(struct stream *stream, const struct packet *packet) {
        struct health *health = &stream->health;

        if (packet->line >= HEALTH_LINES)
                return;
        health->line[packet->line].heard = packet->now;
        if (health->line[packet->line].silent)
                hear_again(stream, packet->line, packet);
}

/* Notes which lines are silent now. True: all of them. */
static bool look_at_lines(struct stream *stream, int64_t now) {
        struct health *health = &stream->health;
        unsigned silent = 0;

        for (unsigned i = 0; i < health->lines; i++)
                silent += now - health->line[i].heard >= health->stale;
        for (unsigned i = 0; i < health->lines; i++) {
                if (health->line[i].silent || now - health->line[i].heard < health->stale)
                        continue;
                health->line[i].silent = true;
                if (health->lines > 1)
                        log_feed(LOG_WARNING, LOG_LINE_SILENT, stream->name,
                                 ": line %c is silent; nothing has come on it for "
                                 "%" PRId64 " ms",
                                 'A' + (int)i, health->stale / NS_PER_MS);
        }
        return silent == health->lines;
}

static void health_look(struct ev_loop *loop, ev_timer *timer, int events) {
        struct stream *stream = container_of(timer, struct stream, health.timer);
        struct health *health = &stream->health;

        (void)loop;
        (void)events;
        if (health->over || !look_at_lines(stream, clock_ns(CLOCK_MONOTONIC)) || health->silent)
                return;
        health->silent = true;
        stream_stale(stream, clock_ns(CLOCK_REALTIME));
}

/* ---- set-up ---- */

void health_init(struct stream *stream, const struct config_feed *config) {
        struct health *health = &stream->health;

        *health = (struct health){ .lines = config->b ? 2 : 1 };
        if (config->source == CONFIG_SOURCE_UDP)
                health->stale = config->stale_ms * NS_PER_MS;
        health->passed = atomic_load(&stream->record->state) == FEED_RECOVERING;
        health->unheard = health->passed && stream->is_live;
        ev_init(&health->timer, health_look);
}

void health_start(struct stream *stream) {
        struct health *health = &stream->health;
        double interval = (double)health->stale / 1e9 / LOOKS;

        if (health->passed) {
                stream_put_system(stream, 'D', 0, clock_ns(CLOCK_REALTIME));
                stream_flush(stream);
        }
        if (!health->stale)
                return;
        for (unsigned i = 0; i < health->lines; i++)
                health->line[i].heard = clock_ns(CLOCK_MONOTONIC);
        ev_timer_set(&health->timer, interval, interval);
        ev_timer_start(stream->pipeline->loop, &health->timer);
}

void health_stop(struct stream *stream) {
        if (stream->pipeline)
                ev_timer_stop(stream->pipeline->loop, &stream->health.timer);
}
