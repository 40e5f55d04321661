/* Ticks that come ready-made, and those who bring them. */

#include "publishers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "feed/local.h"
#include "pipeline.h"
#include "serve/session.h"
#include "shm/valid.h"
#include "stream.h"

static int64_t time_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- ticks ---- */

const char *publishers_tick(void *userdata, struct md_tick *tick) {
        struct stream *stream = userdata;
        const struct directory *directory = &stream->pipeline->segment->directory;
        struct shm_instrument *entry;
        const char *wrong;

        if (tick->instrument >= directory_count(directory))
                return "a tick of an instrument that does not exist";
        entry = directory_get(directory, tick->instrument);
        if (entry->feed != stream->index)
                return "a tick of an instrument of another feed";
        wrong = valid_tick(tick);
        if (wrong)
                return wrong;

        if (atomic_load_explicit(&entry->flags, memory_order_relaxed) & INSTRUMENT_STALE)
                atomic_fetch_and_explicit(&entry->flags, ~(uint32_t)INSTRUMENT_STALE,
                                          memory_order_relaxed);
        stream->stats.messages++;
        stream->stats.last_event = tick->ts_event;
        if (!tick->ts_recv)
                tick->ts_recv = time_now();
        stream->stats.last_recv = tick->ts_recv;
        stream_put(stream, tick, tick->ts_recv);
        return NULL;
}

uint64_t publishers_next(void *userdata) {
        const struct stream *stream = userdata;

        return stream->pipeline->publisher.next;
}

static void blame(struct stream *stream, const char *what) {
        stream_refuse(stream, CAUSE_LIAR, "tick %llu of its publisher: %s",
                      (unsigned long long)stream->stats.messages + 1, what);
}

void publishers_liar(void *userdata, const char *what) {
        struct stream *stream = userdata;

        blame(stream, what);
        session_liar(stream->publisher, what);
}

/* ---- registration ---- */

static struct stream *find(struct pipeline *pipeline, const char *feed) {
        for (size_t i = 0; i < pipeline->n_streams; i++)
                if (!strncmp(pipeline->streams[i]->name, feed, FEED_NAME_SIZE))
                        return pipeline->streams[i];
        return NULL;
}

/* The feed that a publisher wants, if it can have it: 0, or WIRE_E_... and why not. */
static int find_free(struct pipeline *pipeline, const char *feed, struct stream **streamp,
                     char text[WIRE_TEXT]) {
        struct stream *stream = find(pipeline, feed);

        if (!stream) {
                snprintf(text, WIRE_TEXT, "the config has no [feed %.31s]", feed);
                return WIRE_E_FEED;
        }
        if (stream->decoder) {
                snprintf(text, WIRE_TEXT,
                         "[feed %s] takes no publisher: its source is not publisher", stream->name);
                return WIRE_E_FEED;
        }
        if (local_is_open(stream->feed)) {
                snprintf(text, WIRE_TEXT, "[feed %s] has a publisher already: pid %d of uid %u",
                         stream->name, stream->publisher->peer.pid, stream->publisher->peer.uid);
                return WIRE_E_BUSY;
        }
        *streamp = stream;
        return 0;
}

static int publishers_open(void *userdata, struct session *session, const char *label,
                           void **publication, int fds[WIRE_FDS_PUBLISHER], int *doorbell_fd,
                           char text[WIRE_TEXT]) {
        struct local_fds made;
        struct stream *stream;
        int r;

        r = find_free(userdata, session->feed, &stream, text);
        if (r)
                return r;
        if (local_open(stream->feed, label, &stream->record->taken, &made) < 0) {
                snprintf(text, WIRE_TEXT,
                         "there is no memory or no descriptor left for a publisher");
                return WIRE_E_TROUBLE;
        }
        fds[WIRE_FD_RING] = made.ring;
        fds[WIRE_FD_DOORBELL] = made.doorbell;
        fds[WIRE_FD_ROOM] = made.room;
        *doorbell_fd = local_doorbell(stream->feed);
        stream->publisher = session;
        *publication = stream;
        return 0;
}

static int publishers_adopt(void *userdata, struct session *session, void **publication,
                            int ring_fd, int doorbell_fd, char text[WIRE_TEXT]) {
        struct pipeline *pipeline = userdata;
        struct stream *stream;
        int r;

        r = find_free(pipeline, session->feed, &stream, text);
        if (r)
                return r;
        if (local_adopt(stream->feed, ring_fd, doorbell_fd, &stream->record->taken) < 0) {
                snprintf(text, WIRE_TEXT, "[feed %s] wants another ring now", stream->name);
                return WIRE_E_TROUBLE;
        }
        stream->publisher = session;
        *publication = stream;
        return 0;
}

static void publishers_close(void *publication, int trusted) {
        struct stream *stream = publication;
        const char *wrong;

        if (stream->pipeline->leaving)
                return; /* the source stops by itself */
        wrong = local_close(stream->feed, trusted);
        if (wrong)
                blame(stream, wrong);
        stream->publisher = NULL;
        stream_stale(stream, time_now());
}

/* ---- instruments ---- */

static int define(struct stream *stream, const struct wire_define *wanted, uint32_t *instrument,
                  char text[WIRE_TEXT]) {
        struct shm_instrument *there, entry = {
                .feed = stream->index,
                .size_exp = wanted->size_exp,
                .lot = wanted->lot,
                .close_px = wanted->close_px,
                .flags = wanted->flags & INSTRUMENT_FLAGS,
        };
        int64_t found;

        memcpy(entry.symbol, wanted->symbol, sizeof(entry.symbol));
        memcpy(entry.venue, wanted->venue, sizeof(entry.venue));
        if (!valid_name(entry.symbol, SYMBOL_SIZE, false, false) ||
            !valid_name(entry.venue, VENUE_SIZE, true, true)) {
                snprintf(text, WIRE_TEXT, "the symbol or venue is not printable, or too long");
                return -EINVAL;
        }
        if (wanted->size_exp < -18 || wanted->size_exp > 18 || wanted->lot < 0) {
                snprintf(text, WIRE_TEXT, "%s: size_exp is -18 to 18, lot is not negative",
                         entry.symbol);
                return -EINVAL;
        }

        found = directory_find(&stream->pipeline->segment->directory, entry.symbol, entry.venue);
        if (found < 0 && stream->instruments_max &&
            stream->stats.instruments >= stream->instruments_max) {
                snprintf(text, WIRE_TEXT, "%s: [feed %s] instruments allows %u, and has them",
                         entry.symbol, stream->name, stream->instruments_max);
                return -ENOSPC;
        }
        found = stream_define(stream, &entry);
        if (found == -EEXIST) {
                snprintf(text, WIRE_TEXT, "%s is an instrument of another feed", entry.symbol);
                return -EEXIST;
        }
        if (found < 0) {
                snprintf(text, WIRE_TEXT, "%s: the segment is full: [segment] instruments is %u",
                         entry.symbol, stream->pipeline->segment->directory.capacity);
                return -ENOSPC;
        }

        there = directory_get(&stream->pipeline->segment->directory, (uint32_t)found);
        if (there->size_exp != wanted->size_exp) {
                snprintf(text, WIRE_TEXT, "%s has size_exp %d, which cannot change", entry.symbol,
                         there->size_exp);
                return -EPERM;
        }
        atomic_store_explicit(&there->lot, wanted->lot, memory_order_relaxed);
        atomic_store_explicit(&there->close_px, wanted->close_px, memory_order_relaxed);
        atomic_store_explicit(&there->flags, wanted->flags & INSTRUMENT_FLAGS,
                              memory_order_relaxed);
        *instrument = (uint32_t)found;
        return 0;
}

static void publishers_define(void *publication, const struct wire_define *wanted,
                              struct wire_defined *answer) {
        *answer = (struct wire_defined){ .header = { WIRE_DEFINED, sizeof(*answer) } };
        answer->result = define(publication, wanted, &answer->instrument, answer->text);
        stream_flush(publication);
}

void publishers_init(struct publishing *publishing, struct pipeline *pipeline) {
        *publishing = (struct publishing){
                .userdata = pipeline,
                .open = publishers_open,
                .adopt = publishers_adopt,
                .define = publishers_define,
                .close = publishers_close,
        };
}
