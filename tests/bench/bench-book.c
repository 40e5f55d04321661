/*
 * The book of orders alone, beside the one that the C++ library would give
 *
 * Orders of ITCH are decoded and applied, either to our book, which also makes ticks of them, or to
 * one of std::unordered_map and std::map (stdbook.h). What decoding alone takes is subtracted from
 * both.
 */

#include <stdlib.h>

#include "bench.h"
#include "book/book.h"
#include "decode/decoder.h"
#include "feed/framing.h"
#include "feeds.h"
#include "stdbook.h"

#define INSTRUMENTS (UINT16_MAX + 1) /* by locate code */

struct reader {
        struct tape tape;
        struct book *book;
        struct stdbook *stdbook;
        uint64_t sum; /* of what came out, so that it had to */
};

/* ---- the contenders ---- */

static void stdbook_apply(struct stdbook *book, const struct event *event) {
        switch (event->type) {
        case EVENT_ORDER_ADD:
                stdbook_add(book, event->locate, event->u.order.ref, event->u.order.ask,
                            event->u.order.px, event->u.order.sz);
                break;
        case EVENT_ORDER_EXECUTE:
        case EVENT_ORDER_CANCEL:
                stdbook_take(book, event->u.order.ref, event->u.order.sz);
                break;
        case EVENT_ORDER_DELETE:
                stdbook_take(book, event->u.order.ref, UINT32_MAX);
                break;
        case EVENT_ORDER_REPLACE:
                stdbook_replace(book, event->u.order.ref, event->u.order.new_ref, event->u.order.px,
                                event->u.order.sz);
                break;
        default:
                break;
        }
}

enum into { INTO_NOTHING, INTO_BOOK, INTO_STDBOOK };

#define HANDFUL 16 /* messages decoded at a time, as the daemon has them */

/* `into` is a constant wherever this is called. */
__attribute__((always_inline)) static inline void
apply(struct reader *reader, const struct event *events, unsigned n, enum into into) {
        struct md_tick ticks[BOOK_TICKS];

        for (unsigned i = 0; i < n; i++) {
                bench_keep(&events[i]);
                if (into == INTO_BOOK)
                        reader->sum +=
                                book_apply(reader->book, events[i].locate, &events[i], ticks);
                else if (into == INTO_STDBOOK)
                        stdbook_apply(reader->stdbook, &events[i]);
        }
}

__attribute__((always_inline)) static inline void play(struct reader *reader, enum into into) {
        struct event events[HANDFUL];

        for (uint64_t i = 0; i < reader->tape.n_packets; i++) {
                const struct packet *packet = &reader->tape.packets[i];
                struct message message;
                struct framed framed;
                unsigned n = 0;

                if (reader->tape.framing->parse(&framed, packet->data, packet->size))
                        continue;
                while (framed_next(&framed, &message)) {
                        if (itch50_decoder.decode(message.data, message.size, &events[n]))
                                continue;
                        if (into == INTO_BOOK)
                                book_prefetch(reader->book, events[n].locate, &events[n]);
                        if (++n == HANDFUL) {
                                apply(reader, events, n, into);
                                n = 0;
                        }
                }
                apply(reader, events, n, into);
        }
        bench_keep(reader);
}

#define PLAY(name, into)                                                                           \
        static void name(void *userdata, uint64_t n) {                                             \
                (void)n;                                                                           \
                play(userdata, into);                                                              \
        }
PLAY(only_decode, INTO_NOTHING)
PLAY(into_book, INTO_BOOK)
PLAY(into_stdbook, INTO_STDBOOK)
#undef PLAY

/* ---- books ---- */

static void fresh_book(void *userdata) {
        struct reader *reader = userdata;

        reader->book = book_free(reader->book);
        if (book_new(&reader->book, INSTRUMENTS) < 0)
                abort();
}

static void fresh_stdbook(void *userdata) {
        struct reader *reader = userdata;

        stdbook_free(reader->stdbook);
        reader->stdbook = stdbook_new(INSTRUMENTS);
}

/* Bytes of memory in use. */
static double resident(void) {
        FILE *file = fopen("/proc/self/statm", "re");
        long pages = 0;

        if (file) {
                if (fscanf(file, "%*d %ld", &pages) != 1)
                        pages = 0;
                fclose(file);
        }
        return (double)(pages * sysconf(_SC_PAGESIZE));
}

/* What books take at the end of the flow. It is measured before anything was freed, for what was is
 * not given back to the kernel at once. */
static void weigh(struct reader *reader) {
        double before = resident(), ours, theirs, live;

        fresh_book(reader);
        into_book(reader, 0);
        ours = resident() - before;
        live = (double)book_stats(reader->book)->live_orders;

        before = resident();
        fresh_stdbook(reader);
        into_stdbook(reader, 0);
        theirs = resident() - before;
        bench_note("live orders", live, "");
        bench_note("books in all", ours / (1 << 20), "MiB");
        bench_note("bytes per live order", ours / live, "");
        bench_note("the same of unordered_map and map", theirs / live, "");
}

static void compare(struct reader *reader, const struct bench_feed *feed) {
        struct bench_contender contenders[] = {
                { "decode", only_decode, NULL, reader },
                { "book", into_book, fresh_book, reader },
                { "stdbook", into_stdbook, fresh_stdbook, reader },
        };

        bench_compete_for(feed->rounds, contenders, 3, reader->tape.messages);
        bench_row(feed->title, contenders[1].ns - contenders[0].ns, "unordered_map and map",
                  contenders[2].ns - contenders[0].ns);
}

static void measure(const struct bench_feed *feed) {
        struct reader reader = { 0 };

        if (!bench_feed_init(&reader.tape, feed))
                return;
        if (!feed->data)
                weigh(&reader);
        compare(&reader, feed);
        book_free(reader.book);
        stdbook_free(reader.stdbook);
        tape_deinit(&reader.tape);
}

int main(void) {
        cpu_set_t allowed;

        bench_computes();
        bench_title("Order books, per message");
        sched_getaffinity(0, sizeof(allowed), &allowed);
        bench_pin(&allowed, 0);
        measure(&bench_feeds[FEED_SLICE]);
        measure(&bench_feeds[FEED_FLOW]);
        return EXIT_SUCCESS;
}
