/* What the segment shows of a book besides ticks; books.h tells the idea. */

#include "books.h"

#include "base/error.h"
#include "book/book.h"
#include "stream.h"

/* FIGURE(field of struct book_stats, label); the first one goes up and down. */
#define FIGURES(FIGURE)                                                                            \
        FIGURE(live_orders, "live_orders")                                                         \
        FIGURE(unknown_refs, "unknown_ref_msgs")                                                   \
        FIGURE(unknown_executions, "unknown_ref_execs")                                            \
        FIGURE(unknown_shares, "unknown_ref_exec_shares")                                          \
        FIGURE(nonprintable, "nonprintable")                                                       \
        FIGURE(duplicate_refs, "duplicate_refs")                                                   \
        FIGURE(overruns, "order_overruns")                                                         \
        FIGURE(unkept, "unkept_orders")

#define FIGURE_ENUM_(field, label) FIGURE_##field,
enum { FIGURES(FIGURE_ENUM_) _FIGURES_N };
#undef FIGURE_ENUM_
_Static_assert(_FIGURES_N == BOOKS_FIGURES, "a counter for each");

int books_init(struct stream *stream) {
#define FIGURE_LABEL_(field, label) label,
        static const char *const labels[] = { FIGURES(FIGURE_LABEL_) };
#undef FIGURE_LABEL_
        struct segment *segment = stream->pipeline->segment;
        int r;

        r = book_new(&stream->book, segment->directory.capacity);
        if (r < 0)
                return error_origin(r);
        if (stream->decoder->height == HEIGHT_ORDERS)
                for (unsigned i = 0; i < BOOKS_FIGURES; i++)
                        stream->figures.counter[i] =
                                counters_add(&segment->counters, stream->index, labels[i]);
        return 0;
}

void books_deinit(struct stream *stream) {
        stream->book = book_free(stream->book);
}

/* ---- the end of a burst ---- */

static void flush_instrument(struct stream *stream, uint32_t instrument) {
        struct segment *segment = stream->pipeline->segment;
        struct shm_instrument *entry = directory_get(&segment->directory, instrument);
        struct depth_image image;
        struct book_sides sides;

        book_look(stream->book, instrument, segment->depth.levels, image.bid, image.ask, &sides);
        atomic_store_explicit(&entry->bid_levels, sides.bid_levels, memory_order_relaxed);
        atomic_store_explicit(&entry->ask_levels, sides.ask_levels, memory_order_relaxed);
        atomic_store_explicit(&entry->orders, sides.orders, memory_order_relaxed);
        atomic_store_explicit(&entry->book_ts, sides.ts_event, memory_order_relaxed);
        if (!segment->depth.count)
                return;
        image.ts_event = sides.ts_event;
        image.flags = sides.suspect ? MD_FLAG_MAYBE_BAD_BOOK : 0;
        image.bid_levels = sides.bid_levels;
        image.ask_levels = sides.ask_levels;
        image.orders = sides.orders;
        publisher_put_depth(&stream->pipeline->publisher, instrument, &image);
}

static void read_figures(struct stream *stream, uint64_t figures[BOOKS_FIGURES]) {
        const struct book_stats *stats = book_stats(stream->book);

#define FIGURE_VALUE_(field, label) figures[FIGURE_##field] = stats->field;
        FIGURES(FIGURE_VALUE_)
#undef FIGURE_VALUE_
}

static void flush_figures(struct stream *stream) {
        struct books_figures *figures = &stream->figures;
        uint64_t now[BOOKS_FIGURES];

        read_figures(stream, now);
        for (unsigned i = 0; i < BOOKS_FIGURES; i++) {
                if (!figures->counter[i])
                        continue;
                if (i == FIGURE_live_orders)
                        atomic_store_explicit(&figures->counter[i]->value, now[i],
                                              memory_order_relaxed);
                else
                        counter_add(figures->counter[i], now[i] - figures->said[i]);
                figures->said[i] = now[i];
        }
}

void books_flush(struct stream *stream) {
        uint32_t instrument;

        if (!books_kept(stream->decoder))
                return;
        while (!stream->catchup.on && book_take_changed(stream->book, &instrument))
                flush_instrument(stream, instrument);
        flush_figures(stream);
}

void books_disregard(struct stream *stream) {
        read_figures(stream, stream->figures.said);
}

void books_end(struct stream *stream) {
        struct md_tick tick;
        bool has_quote;

        messages_flush(stream);
        if (!books_kept(stream->decoder))
                return;
        while (book_end_event(stream->book, &tick, &has_quote))
                if (has_quote)
                        stream_put(stream, &tick, stream->stats.last_recv);
}

/* ---- a book that misses messages ---- */

/* Gives an instrument's quote out again, as one that may be wrong; where there is none, that may be. */
static void flag_quote(struct stream *stream, uint32_t instrument, int64_t ts_recv) {
        struct segment *segment = stream->pipeline->segment;
        struct md_tick tick;

        if (table_read(&segment->table, &segment->journal, instrument, MD_QUOTE, &tick) < 0)
                return;
        if (!tick.seq) {
                tick = (struct md_tick){ .instrument = instrument };
                book_empty(MD_QUOTE, &tick);
        }
        if (tick.flags & MD_FLAG_MAYBE_BAD_BOOK)
                return;
        tick.flags |= MD_FLAG_MAYBE_BAD_BOOK | MD_FLAG_SNAPSHOT;
        stream_put(stream, &tick, ts_recv);
}

void books_suspect(struct stream *stream, int64_t ts_recv) {
        uint32_t instrument;

        messages_flush(stream);
        book_suspect(stream->book);
        stream->doubt.newcomers = books_kept(stream->decoder);
        while (doubt_spread(&stream->doubt, &instrument))
                flag_quote(stream, instrument, ts_recv);
}
