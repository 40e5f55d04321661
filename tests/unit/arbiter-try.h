#pragma once

/* An arbiter whose stream is written down: which messages went on, which were lost, what was asked. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "feed/arbiter.h"

#define MS INT64_C(1000000)

#define HOLE     (5 * MS)
#define RECOVERY (40 * MS)

#define SESSION   1150681088
#define OTHER     1150681089
#define OLDEST    1150681087
#define DAY       40                     /* bits of a message's number below it */
#define MESSAGE   (2 + sizeof(uint64_t)) /* bytes of each: its length, and its own number */
#define COUNT_MAX 64

struct trial {
        struct arbiter arbiter;
        uint64_t next;    /* number that must come next, in messages or gaps */
        uint64_t session; /* of the newest packet that went on */
        uint64_t taken;   /* messages that went on */
        uint64_t joined;  /* where it came in */
        uint64_t gaps, lost, resets, heartbeats, ends;
        uint64_t asks, asked_first, asked_n;
        bool can_catch_up, catching_up;
        uint64_t known;     /* was carried by somebody before us up to that number */
        uint64_t caught_up; /* times */
        int64_t now;
        int64_t sent; /* by the venue's clock */
};

static inline void trial_packet(void *userdata, const struct packet *packet, struct framed *framed,
                                uint32_t skip) {
        struct trial *trial = userdata;
        struct message message;
        uint64_t number = framed->sequence, said;

        assert_true(skip <= framed->count);
        assert_true(framed->rest >= packet->data);
        trial->session = framed->session;
        trial->heartbeats += !framed->count;
        trial->ends += framed->ends;
        for (; framed_next(framed, &message); number++) {
                assert_int_equal(message.size, sizeof(said));
                memcpy(&said, message.data, sizeof(said));
                assert_int_equal((said ^ number) & ~((uint64_t)UINT8_MAX << DAY), 0);
                if (skip) {
                        skip--;
                        continue;
                }
                assert_int_equal(number, trial->next);
                trial->next++;
                trial->taken++;
        }
}

static inline void trial_join(void *userdata, uint64_t first) {
        struct trial *trial = userdata;

        assert_int_equal(trial->taken, 0);
        assert_true(first > 1);
        assert_false(trial->catching_up);
        trial->joined = trial->next = first;
}

static inline void trial_gap(void *userdata, uint64_t first, uint64_t n) {
        struct trial *trial = userdata;

        assert_int_equal(first, trial->next);
        assert_true(n > 0);
        assert_false(trial->catching_up);
        trial->next += n;
        trial->lost += n;
        trial->gaps++;
}

static inline void trial_reset(void *userdata, const struct packet *packet,
                               const struct framed *framed) {
        struct trial *trial = userdata;

        (void)packet;
        (void)framed;
        trial->resets++;
        trial->catching_up = false;
        trial->next = 1;
}

static inline void trial_ask(void *userdata, uint64_t session, uint64_t first, uint64_t n) {
        struct trial *trial = userdata;

        assert_int_equal(session, trial->arbiter.session);
        assert_false(trial->catching_up);
        trial->asks++;
        trial->asked_first = first;
        trial->asked_n = n;
}

static inline bool trial_catch_up(void *userdata, uint64_t session, uint64_t known) {
        struct trial *trial = userdata;

        assert_int_equal(session, trial->arbiter.session);
        assert_int_equal(trial->arbiter.next, 1);
        assert_false(trial->catching_up);
        if (!trial->can_catch_up)
                return false;
        trial->catching_up = true;
        trial->known = known;
        trial->next = 1;
        return true;
}

/* What somebody before us has carried counts as come. */
static inline void trial_gave_in(void *userdata) {
        struct trial *trial = userdata;

        assert_true(trial->catching_up);
        trial->catching_up = false;
        if (trial->next < trial->known)
                trial->next = trial->known;
}

static inline void trial_caught_up(void *userdata) {
        struct trial *trial = userdata;

        assert_true(trial->catching_up);
        trial->catching_up = false;
        trial->caught_up++;
}

static const struct arbiter_ops trial_ops = {
        .packet = trial_packet,
        .join = trial_join,
        .gap = trial_gap,
        .reset = trial_reset,
        .ask = trial_ask,
        .catch_up = trial_catch_up,
        .caught_up = trial_caught_up,
        .gave_in = trial_gave_in,
};

static inline void trial_init(struct trial *trial, int64_t hole, int64_t recovery, size_t window) {
        const struct arbiter_params params = {
                .hole = hole,
                .recovery = recovery,
                .window = window,
        };

        memset(trial, 0, sizeof(*trial));
        trial->next = trial->joined = 1;
        trial->now = 1000 * MS;
        trial->sent = INT64_C(1517058015909382289);
        assert_int_equal(arbiter_init(&trial->arbiter, &params, &trial_ops, trial), 0);
}

static inline void trial_deinit(struct trial *trial) {
        arbiter_deinit(&trial->arbiter);
}

/* A packet as the framing would have it; numbers 0 to 63 of messages in it. */
struct sent {
        uint64_t session, sequence;
        uint32_t count;
        bool ends;
        int64_t sent;
        uint8_t day; /* messages of another one are other messages */
};

/* One that is sent now. */
static inline struct sent sends_by(struct trial *trial, uint64_t session, uint64_t sequence,
                                   uint32_t count) {
        return (struct sent){
                .session = session,
                .sequence = sequence,
                .count = count,
                .sent = trial->sent += 1000,
        };
}

static inline struct sent sends(struct trial *trial, uint64_t sequence, uint32_t count) {
        return sends_by(trial, SESSION, sequence, count);
}

/* It arrives on a line, at trial->now. The bytes are gone afterwards. */
static inline void arrives(struct trial *trial, unsigned line, const struct sent *sent) {
        uint8_t *data = malloc(COUNT_MAX * MESSAGE);
        struct packet packet = {
                .data = data,
                .size = sent->count * MESSAGE,
                .now = trial->now,
                .line = line,
        };
        struct framed framed = {
                .session = sent->session,
                .sequence = sent->sequence,
                .count = sent->count,
                .ends = sent->ends,
                .big_endian = true,
                .sent = sent->sent,
                .rest = data,
                .size = packet.size,
        };

        assert_non_null(data);
        assert_true(sent->count <= COUNT_MAX);
        for (uint32_t i = 0; i < sent->count; i++) {
                const uint64_t number = (sent->sequence + i) ^ (uint64_t)sent->day << DAY;

                data[i * MESSAGE] = 0;
                data[i * MESSAGE + 1] = sizeof(number);
                memcpy(data + i * MESSAGE + 2, &number, sizeof(number));
        }
        arbiter_accept(&trial->arbiter, &packet, &framed);
        memset(data, 0xee, COUNT_MAX * MESSAGE);
        free(data);
}

/* The clock goes on, and the arbiter is woken whenever it wanted to be. */
static inline void passes(struct trial *trial, int64_t ns) {
        const int64_t end = trial->now + ns;
        int64_t due;

        while ((due = arbiter_deadline(&trial->arbiter)) <= end) {
                trial->now = due;
                arbiter_expire(&trial->arbiter, trial->now);
                assert_true(arbiter_deadline(&trial->arbiter) > due);
        }
        trial->now = end;
}
