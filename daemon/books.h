#pragma once

/*
 * What the segment shows of a stream's book besides ticks
 *
 * How many levels and orders an instrument has stands in its entry of the directory, for every instrument
 * of a venue that speaks of levels or orders; the best levels themselves stand in the depth section, if
 * there is one. All is written at the end of a burst, once for each instrument whose book has changed
 * in it, however often: before clients are woken, and late by no more than the burst is long.
 */

#include <stdint.h>

#include "decode/decoder.h"
#include "shm/counters.h"

struct stream;

#define BOOKS_FIGURES 8

/* The book's figures as counters of the feed. */
struct books_figures {
        struct shm_counter *counter[BOOKS_FIGURES]; /* NULL: there was no room */
        uint64_t said[BOOKS_FIGURES];
};

/* Makes the stream's book, and the counters of a venue that speaks of orders. -ENOMEM. */
int books_init(struct stream *stream);
void books_deinit(struct stream *stream);

/* Whether instruments of that decoder have a book of their own, of levels or orders. */
static inline bool books_kept(const struct decoder *decoder) {
        return decoder && decoder->height != HEIGHT_TOP;
}

/* Writes what has changed; but nothing of books that are behind (catchup.h). */
void books_flush(struct stream *stream);

/* What the book's figures have counted since the last flush had been counted before. */
void books_disregard(struct stream *stream);

/* Nothing more will come: books that are in the middle of an event are shown as they stand. */
void books_end(struct stream *stream);

/* Messages of the stream are missing: its quotes are given out again, flagged MD_FLAG_MAYBE_BAD_BOOK, and
 * so are those to come until the book is whole again. */
void books_suspect(struct stream *stream, int64_t ts_recv);
