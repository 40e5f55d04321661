#pragma once

/*
 * A stream: one feed's place in the segment
 *
 * Whatever way a feed's data takes through the stages, it ends here: its instruments in the directory,
 * its ticks under the next numbers, its figures in its record, and what could not be used counted by
 * cause.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "books.h"
#include "catchup.h"
#include "day.h"
#include "decode/decoder.h"
#include "doubt.h"
#include "feed/arbiter.h"
#include "feed/framing.h"
#include "feed/throttle.h"
#include "figures.h"
#include "health.h"
#include "messages.h"
#include "pipeline.h"
#include "shm/segment.h"
#include "symbols.h"

struct book;
struct feed;
struct session;

/* Why a packet or a message could not be used; the causes of the stages follow one another. */
enum {
        CAUSE_FRAMING = 0, /* + what framing->parse() says */
        CAUSE_DECODE = CAUSE_FRAMING + FRAMING_CAUSES,
        CAUSE_PROTOCOL = CAUSE_DECODE + _DECODE_E_N,
        CAUSE_UNNUMBERED,
        CAUSE_FULL,
        CAUSE_FOREIGN,
        CAUSE_SKIPPED,
        CAUSE_LIAR,
        CAUSES,
};

/* A feed on its way through the stages. */
struct stream {
        struct pipeline *pipeline;
        char name[FEED_NAME_SIZE];
        uint32_t index;                /* of its record in the segment */
        const struct decoder *decoder; /* NULL: it brings ticks */
        const struct framing *framing; /* of its packets */
        struct feed *feed;
        struct arbiter arbiter;
        ev_timer wake;          /* when the arbiter has something to do, if nothing arrives */
        struct throttle asking; /* for messages that both lines have lost */
        struct catchup catchup;
        struct doubt doubt;
        struct health health;
        struct symbols symbols;
        struct messages messages;
        struct book *book; /* NULL: it brings ticks */
        struct books_figures figures;
        struct figures_odd odd;
        struct day
                day; /* of the newest packet; only of a decoder whose times count from midnight */
        struct session *publisher; /* that brings them; NULL: none now */
        uint16_t protocol;         /* of the newest messages, in the transport's own numbers */
        uint32_t instruments_max;  /* it may define; 0: any number */
        bool is_live; /* its packets come as time passes, and not as fast as they are read */
        bool rewind;  /* a recording that a predecessor had begun to read: it starts again */

        /* Where a predecessor was in a session that may still go on. */
        struct {
                bool there;
                uint32_t session; /* the part of it that the record has */
                uint64_t next;
                int64_t last_recv;
        } inherited;

        struct shm_feed *record;
        struct {
                uint64_t packets, bytes, heartbeats, messages, ticks, bad;
                uint64_t gaps, missed, resets, instruments;
                uint64_t asked; /* requests for messages; of this run */
                int64_t last_recv, last_event;
                uint32_t session;
                struct {
                        uint64_t packets;
                        int64_t last_recv;
                } line[FEED_LINES];
        } stats; /* since the feed was first known; moved to the record once per burst */

        struct log_gate gate; /* of what a sender can cause without end */

        struct shm_counter *types[256];     /* by the first byte of the message; NULL: unknown */
        struct shm_counter *causes[CAUSES]; /* NULL: not seen yet */
};

/* Claims the feed's record in the segment and takes over what a predecessor left there. -ENOMEM, -ENOSPC;
 * a sentence is in the log. stream_deinit() is needed in any case. The arbiter speaks to `ops`, with the
 * stream as userdata. */
int stream_init(struct stream *stream, struct pipeline *pipeline, const struct config_feed *config,
                const struct arbiter_ops *ops);
void stream_deinit(struct stream *stream);

/* Counts something that could not be used, if a predecessor has not; the first of its cause is named in
 * the log: where it stood, in the words of `format`. */
void stream_refuse(struct stream *stream, unsigned cause, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The instrument of a symbol that this stream has not met: a new one, or one that the segment knows
 * already. SYMBOLS_NONE where it cannot be had; that has then been counted, by the number of the packet. */
uint32_t stream_meet(struct stream *stream, uint64_t symbol, uint64_t packet);

/* Adds an instrument to the directory, as this stream's. Its index; -ENOSPC; -EEXIST: another feed
 * has it. An instrument of ours that is there already is found. */
int64_t stream_define(struct stream *stream, const struct shm_instrument *entry);

/* Each of the stream's instruments, from *instrument on, which begins with 0; false: there is none left. */
bool stream_next_instrument(const struct stream *stream, uint32_t *instrument);

/* Brings an instrument's entry up to date. */
void stream_describe(struct stream *stream, uint32_t instrument, const struct event *event);

/* Asks for messages again; false: there is nobody. */
bool stream_ask(struct stream *stream, uint64_t session, uint64_t first, uint64_t n);

/* Publishes a tick. */
void stream_put(struct stream *stream, struct md_tick *tick, int64_t ts_recv);
void stream_put_system(struct stream *stream, char event, int64_t ts_event, int64_t ts_recv);

/* Takes what the table says of an instrument as its present state. */
void stream_restore(struct stream *stream, uint32_t instrument);

/* A session begins afresh: what was known of the feed's instruments is not true any more, and is taken
 * back in the table. */
void stream_begin_afresh(struct stream *stream, int64_t ts_recv);

/* A recording starts again from its first packet, whatever was read of it before: so do its state and
 * its figures. */
void stream_rewind(struct stream *stream);

/* Its source is gone or silent: says so of each of its instruments, in the directory, and in the stream by
 * giving their quotes and auctions out again, flagged. */
void stream_stale(struct stream *stream, int64_t now);

/* It is back: takes that back. */
void stream_fresh(struct stream *stream, int64_t now);

/* The end of a burst: moves the figures to the record, and wakes clients. */
void stream_flush(struct stream *stream);
