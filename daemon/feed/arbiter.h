#pragma once

/*
 * The arbiter: packets of several lines to one stream in order, each message once
 *
 * A venue sends the same messages twice, on lines A and B, numbered 1, 2, 3, ... through a session. Each
 * line loses packets, doubles some, and lets some overtake others; the two rarely lose the same ones. Out
 * of what arrives, the arbiter makes the stream that was sent, as far as it can be made.
 *
 *   - The first copy of a message wins, whichever line brings it; later ones are dropped. Lines need not
 *     cut the messages into packets alike.
 *   - A packet whose number is the next one goes on at once, without a copy being made of it. One with
 *     a higher number proves that something is missing in front of it, and waits in the window
 *     (feed/window.h) for the other line, or its own, to bring that.
 *   - No packet waits longer than `hole` since it came. Then what is missing is a gap: it is said, and
 *     the stream goes on behind it. Where messages can be asked for again, that is done when the hole is
 *     so old, and the packets behind it wait up to `recovery` longer; the answers come in like a third line.
 *   - The window is bounded. What does not fit makes a hole a gap before its time, which is counted.
 *
 * Time is an argument (packet.now), so the same packets always give the same stream.
 *
 * New beginnings. A session that begins afresh falls back to number 1, under a new id or the same one.
 * Under the same, it looks like a late copy of its own first packets. Each line is held against its own
 * past, for a venue sends in order, and another line's delay is no matter:
 *
 *   - A packet sent after the newest one of its line, and yet with a lower number, is no copy. (One such
 *     packet may be another sender's, if two were led into one line; so only number 1 is believed at
 *     once, and any other number when ARBITER_DOUBT of them come in a row.)
 *   - A copy holds the same messages. Number 1 of another session is another message, for messages say
 *     when they were sent; this holds for protocols whose packets do not.
 *   - No copy is late by more than ARBITER_LATE packets. This holds for replays, too, whose packets do not
 *     tell the truth.
 *
 * A line that is still in the session before is behind, not ahead: its packets are dropped until it
 * arrives in the new one. Under the same id they are known by when they were sent, or by that they go on
 * where the line was.
 *
 * Strangers. A packet of another session, or with a number that is ARBITER_FAR above all that was seen, may
 * be the first after a restart or a long silence, or may have come from nowhere. It is kept aside, and
 * believed when a second one follows that goes with it, or when the stream does not go on for
 * ARBITER_SILENCE: venues send heartbeats each second, so the old session is dead by then. If it does go on,
 * the second one may follow for as long as a hole may stay open. So a single packet can neither end a
 * session nor tear a hole into it.
 *
 * Late comers. Of a session that is joined in its middle, everything before is missing: a hole like any
 * other, but one that can be a day long. Who can have it filled from number 1 on says so (catch_up). While
 * that is done, the lines' packets are no more than news of how far the session is: no window holds all
 * that comes meanwhile. They are dropped, and move the goal; what is asked for again comes in order and
 * goes on. Once it is near to where the lines are (ARBITER_NEAR), their packets are kept again, and when
 * it has come to the goal, which is behind all that was dropped, nothing is missing any more. From then on
 * a hole is again what it was before.
 */

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "feed/framing.h"
#include "feed/window.h"

#define ARBITER_LATE     4096
#define ARBITER_DOUBT    16
#define ARBITER_FAR      65536 /* numbers */
#define ARBITER_NEAR     65536 /* numbers; what is further ahead does not wait while catching up */
#define ARBITER_ARRIVALS 8192  /* packets whose arrival is remembered, to tell the lines' leads */

#define ARBITER_SILENCE                                                                            \
        INT64_C(2000000000) /* ns; a session that lives says something in half of it */

#define ARBITER_NEVER INT64_MAX

/* packet.line */
enum {
        ARBITER_LINE_A,
        ARBITER_LINE_B,
        ARBITER_LINE_RECOVERY, /* what was asked for again */
        ARBITER_LINES,
};

struct arbiter_ops {
        /* The next packet of the stream: all of its messages but the first `skip` are new. A heartbeat
         * has none. Packet and framed are the callee's until it returns. */
        void (*packet)(void *userdata, const struct packet *packet, struct framed *framed,
                       uint32_t skip);
        /* The very first session is joined at number `first`, which is not 1: what was before that was
         * before our time. */
        void (*join)(void *userdata, uint64_t first);
        /* `n` messages from number `first` on are lost; what follows comes after them. */
        void (*gap)(void *userdata, uint64_t first, uint64_t n);
        /* A session begins afresh: what was known before is true no more. */
        void (*reset)(void *userdata, const struct packet *packet, const struct framed *framed);
        /* `n` messages from number `first` on are missing, and may be asked for again. Called again from
         * time to time, as long as that is so. */
        void (*ask)(void *userdata, uint64_t session, uint64_t first, uint64_t n);

        /* Nothing of this session has gone on here, and message 1 is missing; those before number `known`
         * were carried by somebody before us, 1: none. True: all that is missing is asked for, and
         * caught_up() says that nothing is any more. NULL: it cannot be had. */
        bool (*catch_up)(void *userdata, uint64_t session, uint64_t known);
        void (*caught_up)(void *userdata);
        /* It cannot be had, after all; a gap or join() follows if more is missing than is known. */
        void (*gave_in)(void *userdata);
};

struct arbiter_params {
        int64_t hole;     /* ns that a hole may stay open; 0: none does */
        int64_t recovery; /* ns that it may do so beyond that, while asked for; 0: nobody is asked */
        size_t window;    /* bytes of packets that wait */
};

struct arbiter_figures {
        uint64_t won;    /* packets that brought something new */
        uint64_t lost;   /* that brought nothing new */
        uint64_t filled; /* holes of another line that this one filled, or had filled before */
        uint64_t led;    /* packets that A and B both brought, and this one first */
        int64_t lead_sum; /* ns by which it was ahead with these; by the kernel's stamps, so that it may
                           * be less than 0 where the first to be read was not the first to come */
};

/* A line, held against its own past. */
struct arbiter_line {
        uint32_t epoch;   /* of the session that it was last heard in; 0: never */
        uint64_t next;    /* the number behind all that it brought in that session */
        int64_t sent;     /* the newest packet's */
        uint32_t carried; /* packets since it left the first number, up to ARBITER_LATE */
        uint32_t older;   /* packets with lower numbers and nothing new, since the newest one */
        uint32_t doubted; /* of these, sent after it */
        struct arbiter_figures figures;
};

/* When a packet first came, by its number. */
struct arbiter_arrival {
        uint64_t sequence;
        int64_t time;
        uint32_t epoch; /* 0: nothing to compare with, or not any more */
        uint32_t line;
};

struct arbiter {
        struct arbiter_params params;
        const struct arbiter_ops *ops;
        void *userdata;

        bool begun;     /* there is a session */
        bool joining;   /* it is the very first, and nothing of it has gone on yet */
        bool ended;     /* it is over */
        uint32_t epoch; /* sessions so far */
        uint64_t session;
        uint64_t before;  /* the session before this one; itself, if there was none */
        uint64_t next;    /* number of the next message */
        uint64_t seen;    /* the number behind all that was seen */
        uint64_t first;   /* of the first packet that we saw: its number, */
        int64_t sent;     /* and when it was sent; 0 unknown */
        uint64_t opening; /* framed_mark() of message 1; 0: it has not gone on */

        struct arbiter_line line[ARBITER_LINES];
        struct window window;
        struct arbiter_arrival *arrivals; /* NULL: no two lines have brought the same yet */

        struct {
                bool there;
                bool answered; /* the stream has gone on since */
                struct packet packet;
                struct framed framed;
                uint8_t *data; /* WINDOW_PACKET_MAX bytes */
        } stranger;
        uint32_t stragglers; /* of the session before, since a packet of this one */

        struct {
                bool on;
                bool told;        /* a line has told how far the session is */
                int64_t began;    /* when those before us had been in it */
                uint64_t known;   /* as catch_up() was told */
                uint64_t dropped; /* the number behind all that came on lines and did not wait */
                uint64_t goal;    /* and behind all that has to come before it is over */
                int64_t over;     /* when it was; no hole is older */
        } catching_up;

        struct {
                uint64_t first; /* asked for last; 0: nothing */
                int64_t when;
        } asked;

        uint64_t duplicates; /* messages that had come before */
        uint64_t squeezed;   /* holes given up for want of room */
        uint64_t strangers;  /* packets that were not believed */
};

/* -ENOMEM. `ops` and `userdata` have to last. */
int arbiter_init(struct arbiter *arbiter, const struct arbiter_params *params,
                 const struct arbiter_ops *ops, void *userdata);
void arbiter_deinit(struct arbiter *arbiter);

/* The stream was carried up to number `next` of that session by somebody before us, who had all that was sent up
 * to then: what follows goes on from there, as if it were the same arbiter. `sent` is when the newest of
 * it was sent; 0 unknown. */
void arbiter_resume(struct arbiter *arbiter, uint64_t session, uint64_t next, int64_t sent);

/* Right after that: what was carried so far is wanted again, if catch_up() says that it can be had. */
void arbiter_go_back(struct arbiter *arbiter, int64_t now);

/* Takes a packet with numbers, as it arrives: packet->line and packet->now are set, and now never
 * steps back. */
void arbiter_accept(struct arbiter *arbiter, const struct packet *packet,
                    const struct framed *framed);

/* Time has passed: gives up, asks, believes what is due by then. */
void arbiter_expire(struct arbiter *arbiter, int64_t now);

/* When arbiter_expire() has something to do, if nothing arrives; ARBITER_NEVER. */
int64_t arbiter_deadline(struct arbiter *arbiter);

/* What a late comer missed cannot be had: the stream joins where the lines are, or goes on where somebody
 * before us was. (Or it has come so far that lines know of nothing else: then it has caught up.) */
void arbiter_give_in(struct arbiter *arbiter, int64_t now);

/* A late comer has all that lines know of. What those before us knew may be more, if they were wrong: a line
 * that still is behind that when no copy can be late any more proves it. */
bool arbiter_has_come_up(const struct arbiter *arbiter);

/* Nothing more will come: what waits goes on, and what is missing is lost. */
void arbiter_drain(struct arbiter *arbiter);

/* Everything before is forgotten, figures excepted. Nothing waits (arbiter_drain()). */
void arbiter_forget(struct arbiter *arbiter);
