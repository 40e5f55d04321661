/*
 * The file source: messages of a day, each after its length, as Nasdaq keeps and publishes them
 *
 * They are handed on in pieces of the file, cut between two messages (feed/lengths.h). A message of
 * length 0 says that the day was written to its end; a file that just stops has no such mark, and is
 * good up to its last whole message.
 *
 * The file does not say when anything arrived. Its pace is that of the messages themselves, which for
 * ITCH begin alike: type, locate, tracking number, and the time in nanoseconds since midnight.
 */

#include <errno.h>
#include <ev.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "feed/framing.h"
#include "feed/pace.h"
#include "feed/packed.h"
#include "feed/source.h"

#define BUFFER_SIZE (1 << 18) /* more than the longest message */
#define PIECE       64        /* messages handed on at once */
#define PIECES      16        /* per round of the loop */

/* of an ITCH message, behind its length */
#define AT_TIME   5
#define TIME_SIZE 6

enum {
        FILE_OK = 0,
        FILE_E_WAIT,    /* the next message is not due yet */
        FILE_E_END,     /* there is none */
        FILE_E_CUT,     /* there is one, and it is not whole */
        FILE_E_DAMAGED, /* it cannot be read */
        FILE_E_ENOUGH,  /* as many were taken as the config asks for */
};

struct file {
        struct feed feed;
        struct pace pace;
        ev_io timer; /* on the pace's */
        char *path;
        uint64_t wanted; /* messages; 0: all */
        bool loops;

        gzFile gz; /* NULL: over */
        uint8_t *buffer;
        size_t from, to;   /* bytes in the buffer that were not handed on */
        uint64_t messages; /* handed on, over all rounds */
        uint64_t before;   /* of these, in earlier rounds */
};

/* ---- messages ---- */

/* Reads on, behind what is still there. False: nothing more came. */
static bool fill(struct file *file) {
        int n;

        memmove(file->buffer, file->buffer + file->from, file->to - file->from);
        file->to -= file->from;
        file->from = 0;
        n = gzread(file->gz, file->buffer + file->to, (unsigned)(BUFFER_SIZE - file->to));
        if (n > 0)
                file->to += (size_t)n;
        return n > 0;
}

/* The size of the message at `from`, its length included; 0: it is not whole in the buffer. */
static size_t whole(const struct file *file, size_t from) {
        size_t size = file->to - from;

        if (size < 2 || size - 2 < framed_length(file->buffer + from, true))
                return 0;
        return 2 + framed_length(file->buffer + from, true);
}

/* Why there is no whole message after all was read. */
static int tell_end(const struct file *file) {
        if (packed_trouble(file->gz))
                return FILE_E_DAMAGED;
        return file->from == file->to && !packed_is_cut(file->gz) ? FILE_E_END : FILE_E_CUT;
}

/* When a message is due; one that does not say when it was sent is due now. */
static int64_t due(struct file *file, const uint8_t *message, size_t size, int64_t now) {
        int64_t time = 0;

        if (size < 2 + AT_TIME + TIME_SIZE)
                return now;
        for (unsigned i = 0; i < TIME_SIZE; i++)
                time = time << 8 | message[2 + AT_TIME + i];
        return pace_due(&file->pace, time, now);
}

/* Adds the message that ends at `*end` of the buffer to a piece. */
static int take(struct file *file, size_t *end, int64_t now) {
        size_t size = whole(file, *end);
        int64_t when;

        if (!size)
                return tell_end(file);
        if (size == 2)
                return FILE_E_END;
        when = due(file, file->buffer + *end, size, now);
        if (when > now) {
                pace_wake(&file->pace, when);
                return FILE_E_WAIT;
        }
        *end += size;
        return FILE_OK;
}

static void hand_on(struct file *file, size_t end, unsigned n) {
        struct feed *feed = &file->feed;
        const struct packet packet = {
                .data = file->buffer + file->from,
                .size = end - file->from,
                .number = file->messages + 1,
        };

        file->from = end;
        file->messages += n;
        feed_say(feed, FEED_STATE_LIVE, "playing %s", file->path);
        feed->sink->packet(feed->userdata, &packet);
}

/* Hands on the next messages. FILE_OK: there may be more. */
static int take_piece(struct file *file, int64_t now) {
        size_t end;
        unsigned n;
        int r = FILE_OK;

        if (!whole(file, file->from))
                while (!whole(file, file->from) && fill(file))
                        continue;
        end = file->from;
        for (n = 0; n < PIECE && r == FILE_OK; n++) {
                if (n && !whole(file, end))
                        break; /* what the buffer has; then it is filled again */
                if (file->wanted && file->messages + n >= file->wanted)
                        r = FILE_E_ENOUGH;
                else
                        r = take(file, &end, now);
        }
        n -= r != FILE_OK;
        if (n)
                hand_on(file, end, n);
        return r;
}

/* ---- the end ---- */

static void file_close(struct file *file) {
        ev_io_stop(file->feed.loop, &file->timer);
        if (file->gz)
                gzclose_r(file->gz);
        file->gz = NULL;
}

static int file_open(struct file *file, char why[PACKED_WHY_SIZE]) {
        file->from = file->to = 0;
        file->before = file->messages;
        pace_begin(&file->pace);
        return error_trace(packed_open(&file->gz, file->path, why));
}

/* Begins again at the first message. The file is opened anew: it may be another one by now. */
static void file_again(struct file *file) {
        char why[PACKED_WHY_SIZE];

        gzclose_r(file->gz);
        file->gz = NULL;
        if (file_open(file, why) < 0) {
                file_close(file);
                feed_say(&file->feed, FEED_STATE_DOWN, "cannot begin %s again: %s", file->path,
                         why);
                return;
        }
        file->feed.sink->restart(file->feed.userdata);
}

/* Says how it ended, and where. */
static void file_say_end(struct file *file, int outcome) {
        uint64_t n = file->messages;

        switch (outcome) {
        case FILE_E_ENOUGH:
                feed_say(&file->feed, FEED_STATE_ENDED,
                         "ended after %" PRIu64 " messages, as many as were asked for", n);
                break;
        case FILE_E_END:
                feed_say(&file->feed, FEED_STATE_ENDED, "ended after %" PRIu64 " messages", n);
                break;
        case FILE_E_CUT:
                feed_say(&file->feed, FEED_STATE_ENDED,
                         "ended after %" PRIu64
                         " messages; the file is cut off in message %" PRIu64,
                         n, n - file->before + 1);
                break;
        default:
                feed_say(&file->feed, FEED_STATE_DOWN,
                         "stopped after %" PRIu64
                         " messages; the file is damaged in message %" PRIu64 ": %s",
                         n, n - file->before + 1, packed_trouble(file->gz));
                break;
        }
}

/* A piece was the last one of this round. A round without a message is not begun again. */
static void file_end(struct file *file, int outcome) {
        bool is_read = outcome == FILE_E_END || outcome == FILE_E_CUT;

        if (is_read && file->loops && file->messages != file->before) {
                file_again(file);
                return;
        }
        file_say_end(file, outcome);
        file_close(file);
}

static void file_dispatch(struct ev_loop *loop, ev_io *io, int events) {
        struct file *file = container_of(io, struct file, timer);
        uint64_t messages = file->messages;
        int64_t now = pace_now();
        int r = FILE_OK;

        (void)loop;
        (void)events;

        /* the timer is not read: setting it anew is what makes it wait */
        for (unsigned i = 0; i < PIECES && r == FILE_OK; i++)
                r = take_piece(file, now);
        if (file->messages != messages)
                file->feed.sink->flush(file->feed.userdata);
        if (r != FILE_OK && r != FILE_E_WAIT)
                file_end(file, r);
}

/* ---- set-up ---- */

static void file_start(struct feed *feed) {
        struct file *file = container_of(feed, struct file, feed);

        if (!file->gz)
                return;
        pace_begin(&file->pace);
        pace_wake(&file->pace, 1);
        ev_io_start(feed->loop, &file->timer);
}

static void file_stop(struct feed *feed) {
        struct file *file = container_of(feed, struct file, feed);

        ev_io_stop(feed->loop, &file->timer);
}

static void file_free(struct feed *feed) {
        struct file *file = container_of(feed, struct file, feed);

        file_close(file);
        pace_deinit(&file->pace);
        free(file->buffer);
        free(file->path);
        feed_deinit(feed);
        free(file);
}

static void file_freep(struct file **filep) {
        if (*filep)
                file_free(&(*filep)->feed);
}

static const struct feed_ops file_ops = {
        .start = file_start,
        .stop = file_stop,
        .free = file_free,
};

int file_new(struct feed **feedp, const struct config_feed *config, struct ev_loop *loop,
             const struct feed_sink *sink, void *userdata) {
        _cleanup_(file_freep) struct file *file = NULL;
        char why[PACKED_WHY_SIZE];
        int r;

        file = malloc(sizeof(*file));
        if (!file)
                return error_origin(-ENOMEM);
        *file = (struct file){
                .pace = PACE_NULL,
                .wanted = config->messages,
                .loops = config->loop,
        };
        ev_io_init(&file->timer, file_dispatch, -1, EV_READ);
        r = feed_init(&file->feed, &file_ops, config, loop, sink, userdata);
        if (r)
                return error_trace(r);
        file->path = strdup(config->file);
        file->buffer = malloc(BUFFER_SIZE);
        if (!file->path || !file->buffer)
                return error_origin(-ENOMEM);

        r = pace_init(&file->pace, config->speed);
        if (r)
                return error_trace(r);
        ev_io_set(&file->timer, file->pace.fd, EV_READ);
        r = file_open(file, why);
        if (r) {
                log_feed(LOG_ERROR, LOG_PLAIN, config->name, ": cannot play %s: %s", config->file,
                         why);
                return error_trace(r);
        }

        *feedp = &file->feed;
        file = NULL;
        return 0;
}
