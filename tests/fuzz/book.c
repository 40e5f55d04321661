/*
 * The book: events in any order, against a list of what is there
 *
 * The first byte says whether the venue speaks of levels or of orders; then one event follows the other.
 * The model keeps orders and levels in a list without any order, and adds up what it is asked for. After
 * each event the quote has to be its best prices, at the end all levels, the figures and the doubts.
 */

#include "book/book.h"
#include "fuzz.h"
#include "shm/valid.h"

#define INSTRUMENTS 3
#define ITEMS       1024 /* of the list; then it is as if the venue had no more to say */
#define LEVELS      300  /* more than there are prices */

/* An order, or a level of a venue that speaks of them. */
struct item {
        uint64_t ref; /* 0: a level */
        uint32_t instrument;
        bool ask;
        int64_t px, sz;
};

struct world {
        struct book *book;
        bool of_orders;
        struct item items[ITEMS];
        unsigned n;

        struct {
                struct md_quote top; /* shown last */
                bool shown, suspect, unfinished;
                bool touched; /* by an event on levels or orders */
                int64_t volume;
        } instrument[INSTRUMENTS];
        bool incomplete;
        struct book_stats stats;

        struct md_tick ticks[BOOK_TICKS];
        unsigned n_ticks;
};

/* A price that a venue may say: most of them near each other. */
static int64_t input_px(struct input *input) {
        uint8_t place = input_u8(input);
        int64_t unit = MD_PX_ONE / 10000;

        if (place == 255)
                return 0;
        if (place >= 240)
                return (INT64_MAX / unit >> 4 * (place - 240)) * unit;
        return (1000000 + place * INT64_C(100)) * unit;
}

/* ---- the model ---- */

static struct item *find(struct world *world, uint64_t ref) {
        for (unsigned i = 0; i < world->n; i++)
                if (world->items[i].ref == ref)
                        return &world->items[i];
        return NULL;
}

static struct item *find_level(struct world *world, uint32_t instrument, bool ask, int64_t px) {
        for (unsigned i = 0; i < world->n; i++)
                if (world->items[i].instrument == instrument && world->items[i].ask == ask &&
                    world->items[i].px == px)
                        return &world->items[i];
        return NULL;
}

static void doubt(struct world *world, uint32_t instrument) {
        world->instrument[instrument].suspect = true;
}

static void add(struct world *world, const struct item *item) {
        if (find(world, item->ref)) {
                world->stats.duplicate_refs++;
                doubt(world, item->instrument);
        } else {
                world->items[world->n++] = *item;
        }
}

static void take(struct world *world, struct item *item, int64_t sz) {
        if (sz > item->sz) {
                world->stats.overruns++;
                doubt(world, item->instrument);
                sz = item->sz;
        }
        item->sz -= sz;
        if (!item->sz)
                *item = world->items[--world->n];
}

/* What there is at a price. */
static struct md_level level_at(const struct world *world, uint32_t instrument, bool ask,
                                int64_t px) {
        struct md_level level = { .px = px };

        for (unsigned i = 0; i < world->n; i++) {
                const struct item *item = &world->items[i];

                if (item->instrument != instrument || item->ask != ask || item->px != px)
                        continue;
                level.sz += item->sz;
                level.orders += item->ref != 0;
        }
        return level;
}

static struct md_quote top_of(const struct world *world, uint32_t instrument) {
        struct md_quote top = { MD_PX_NONE, MD_PX_NONE, 0, 0 };

        for (unsigned i = 0; i < world->n; i++) {
                const struct item *item = &world->items[i];

                if (item->instrument != instrument)
                        continue;
                if (item->ask && item->px < top.ask_px)
                        top.ask_px = item->px;
                if (!item->ask && (top.bid_px == MD_PX_NONE || item->px > top.bid_px))
                        top.bid_px = item->px;
        }
        if (top.bid_px != MD_PX_NONE)
                top.bid_sz = level_at(world, instrument, false, top.bid_px).sz;
        if (top.ask_px != MD_PX_NONE)
                top.ask_sz = level_at(world, instrument, true, top.ask_px).sz;
        return top;
}

/* ---- what a tick must be ---- */

static void check_ticks(const struct world *world, uint32_t instrument, const struct event *event) {
        CHECK(world->n_ticks <= BOOK_TICKS);
        for (unsigned i = 0; i < world->n_ticks; i++) {
                const struct md_tick *tick = &world->ticks[i];
                bool last = i == world->n_ticks - 1;

                CHECK(tick->instrument == instrument && tick->ts_event == event->ts_event);
                CHECK(!valid_tick(tick));
                CHECK(last == !!(tick->flags & MD_FLAG_LAST));
        }
}

/* A quote comes when the top is another one than was shown, and only then. */
static void check_quote(struct world *world, uint32_t instrument) {
        const struct md_quote top = top_of(world, instrument), *quote = NULL;
        bool shown = world->instrument[instrument].shown;

        for (unsigned i = 0; i < world->n_ticks; i++) {
                if (world->ticks[i].kind != MD_QUOTE)
                        continue;
                CHECK(!quote);
                quote = &world->ticks[i].u.quote;
                CHECK(!!(world->ticks[i].flags & MD_FLAG_MAYBE_BAD_BOOK) ==
                      (world->instrument[instrument].suspect || world->incomplete));
        }
        if (quote) {
                CHECK(!memcmp(quote, &top, sizeof(top)));
                CHECK(!shown || memcmp(quote, &world->instrument[instrument].top, sizeof(top)));
                world->instrument[instrument].top = top;
                world->instrument[instrument].shown = true;
        } else if (shown) {
                CHECK(!memcmp(&world->instrument[instrument].top, &top, sizeof(top)));
        } else {
                CHECK(top.bid_px == MD_PX_NONE && top.ask_px == MD_PX_NONE);
        }
}

static void check_side(const struct world *world, uint32_t instrument, bool ask,
                       const struct md_level *levels, uint32_t n) {
        uint64_t orders = 0, found = 0;

        CHECK(n <= LEVELS);
        for (uint32_t i = 0; i < n; i++) {
                struct md_level level = level_at(world, instrument, ask, levels[i].px);

                CHECK(!i ||
                      (ask ? levels[i].px > levels[i - 1].px : levels[i].px < levels[i - 1].px));
                CHECK(levels[i].sz == level.sz && levels[i].orders == level.orders && level.sz > 0);
                orders += levels[i].orders;
        }
        for (unsigned i = 0; i < world->n; i++)
                found += world->items[i].ref && world->items[i].instrument == instrument &&
                         world->items[i].ask == ask;
        CHECK(orders == found);
        for (unsigned i = 0; i < world->n; i++) {
                const struct item *item = &world->items[i];
                bool there = item->instrument != instrument || item->ask != ask;

                for (uint32_t k = 0; k < n && !there; k++)
                        there = levels[k].px == item->px;
                CHECK(there);
        }
}

static void check_all(struct world *world) {
        static struct md_level bids[LEVELS], asks[LEVELS];
        struct book_sides sides;
        uint32_t instrument;
        bool seen[INSTRUMENTS] = { false };

        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                book_look(world->book, i, LEVELS, bids, asks, &sides);
                check_side(world, i, false, bids, sides.bid_levels);
                check_side(world, i, true, asks, sides.ask_levels);
                if (world->instrument[i].touched)
                        CHECK(sides.suspect == (world->instrument[i].suspect || world->incomplete));
        }
        world->stats.live_orders = world->of_orders ? world->n : 0;
        CHECK(!memcmp(book_stats(world->book), &world->stats, sizeof(world->stats)));

        while (book_take_changed(world->book, &instrument)) {
                CHECK(instrument < INSTRUMENTS && !seen[instrument]);
                CHECK(!world->instrument[instrument].unfinished);
                seen[instrument] = true;
        }
}

/* ---- events ---- */

static void apply(struct world *world, uint32_t instrument, const struct event *event) {
        book_prefetch(world->book, instrument, event);
        world->n_ticks = book_apply(world->book, instrument, event, world->ticks);
        check_ticks(world, instrument, event);
}

static void level(struct world *world, struct input *input, uint32_t instrument) {
        uint8_t how = input_u8(input);
        const struct item wanted = {
                .instrument = instrument,
                .ask = how & 1,
                .px = input_px(input),
                .sz = how & 4 ? (int64_t)input_u8(input) << (how >> 3) % 24 : 0,
        };
        struct event event = {
                .type = EVENT_LEVEL,
                .ts_event = how,
                .u.level = { .px = wanted.px, .ask = wanted.ask, .complete = !(how & 2) },
        };
        struct item *there = find_level(world, instrument, wanted.ask, wanted.px);

        event.u.level.sz = (uint32_t)wanted.sz;
        if (!there && !wanted.sz)
                doubt(world, instrument);
        else if (!there)
                world->items[world->n++] = wanted;
        else if (wanted.sz)
                there->sz = wanted.sz;
        else
                *there = world->items[--world->n];

        world->instrument[instrument].touched = true;
        world->instrument[instrument].unfinished = !event.u.level.complete;
        apply(world, instrument, &event);
        if (event.u.level.complete)
                check_quote(world, instrument);
        else
                CHECK(world->n_ticks == 0);
}

/* Sums stop at the end of their range. */
static void add_volume(int64_t *volume, int64_t sz) {
        *volume = *volume > INT64_MAX - sz ? INT64_MAX : *volume + sz;
}

/* An execution counts as a trade, at its own price or the order's. */
static void count_trade(struct world *world, const struct item *order, const struct event *event) {
        const struct md_trade *trade = &world->ticks[0].u.trade;
        int64_t *volume = &world->instrument[order->instrument].volume;

        if (!event->u.order.printable) {
                world->stats.nonprintable++;
                CHECK(world->n_ticks <= 1);
                return;
        }
        add_volume(volume, event->u.order.sz);
        CHECK(world->n_ticks >= 2 && world->ticks[0].kind == MD_TRADE);
        CHECK(trade->px == (event->u.order.px == MD_PX_NONE ? order->px : event->u.order.px));
        CHECK(trade->sz == event->u.order.sz && trade->volume == *volume);
}

/* A message on an order that is not there, or is another instrument's. */
static void unknown(struct world *world, uint32_t instrument, const struct event *event) {
        world->stats.unknown_refs++;
        if (event->type == EVENT_ORDER_EXECUTE) {
                world->stats.unknown_executions++;
                world->stats.unknown_shares += event->u.order.sz;
        }
        doubt(world, instrument);
        apply(world, instrument, event);
        CHECK(world->n_ticks == 0);
}

static void known(struct world *world, struct item *order, const struct event *event) {
        struct item before = *order, next = *order;

        switch (event->type) {
        case EVENT_ORDER_REPLACE:
                next.ref = event->u.order.new_ref;
                next.px = event->u.order.px;
                next.sz = event->u.order.sz;
                take(world, order, order->sz);
                add(world, &next);
                break;
        case EVENT_ORDER_DELETE:
                take(world, order, order->sz);
                break;
        default:
                take(world, order, event->u.order.sz);
        }
        apply(world, before.instrument, event);
        if (event->type == EVENT_ORDER_EXECUTE)
                count_trade(world, &before, event);
        check_quote(world, before.instrument);
}

static uint64_t input_ref(struct input *input) {
        uint8_t ref = input_u8(input);

        return ref < 240 ? ref + 1u : UINT64_MAX << 2 * (ref - 240);
}

static void order(struct world *world, struct input *input, uint32_t instrument,
                  enum event_type type) {
        uint8_t how = input_u8(input);
        struct event event = {
                .type = type,
                .ts_event = how,
                .u.order = { .ref = input_ref(input),
                             .new_ref = type == EVENT_ORDER_REPLACE ? input_ref(input) : 0,
                             .px = how & 1 ? input_px(input) : MD_PX_NONE,
                             .sz = (uint32_t)input_u8(input) << (how >> 3) % 24,
                             .ask = how & 2,
                             .printable = how & 4 },
        };
        struct item *there = find(world, event.u.order.ref);

        if (type == EVENT_ORDER_ADD || type == EVENT_ORDER_REPLACE) {
                event.u.order.sz += !event.u.order.sz;
                if (event.u.order.px == MD_PX_NONE)
                        event.u.order.px = MD_PX_ONE;
        }
        world->instrument[instrument].touched = true;
        if (type != EVENT_ORDER_ADD) {
                if (there && there->instrument == instrument)
                        known(world, there, &event);
                else
                        unknown(world, instrument, &event);
                return;
        }
        const struct item item = { event.u.order.ref, instrument, event.u.order.ask,
                                   event.u.order.px, event.u.order.sz };

        add(world, &item);
        apply(world, instrument, &event);
        check_quote(world, instrument);
}

/* What is no matter of levels or orders: it makes ticks that can be, and leaves the book alone. */
static void other(struct world *world, struct input *input, uint32_t instrument) {
        static const enum event_type types[] = { EVENT_TRADE,   EVENT_BREAK,     EVENT_STATUS,
                                                 EVENT_AUCTION, EVENT_OFFICIAL,  EVENT_NONE,
                                                 EVENT_SYSTEM,  EVENT_INSTRUMENT };
        uint8_t how = input_u8(input);
        struct event event = { .type = types[how % 8], .ts_event = how };

        switch (event.type) {
        case EVENT_TRADE:
                event.u.trade.px = input_px(input);
                event.u.trade.sz = input_u32(input);
                event.u.trade.sets_range = how & 8;
                event.u.trade.sets_last = how & 16;
                event.u.trade.cross = how & 32 ? 'O' : how & 64 ? 'C' : '\0';
                add_volume(&world->instrument[instrument].volume, event.u.trade.sz);
                break;
        case EVENT_BREAK:
                event.u.broken.px = input_px(input);
                event.u.broken.sz = input_u32(input);
                break;
        case EVENT_STATUS:
                event.u.status.fields = input_u8(input);
                event.u.status.status.trading = (char)(' ' + how % 64);
                break;
        case EVENT_AUCTION:
                event.u.auction.fields = input_u8(input) & AUCTION_ALL;
                event.u.auction.auction.ref_px = input_px(input);
                event.u.auction.auction.paired = input_u32(input);
                event.u.auction.clearing.clearing_px = input_px(input);
                break;
        case EVENT_OFFICIAL:
                event.u.official.closing = how & 8;
                event.u.official.px = input_px(input);
                break;
        default:
                break;
        }
        apply(world, instrument, &event);
        for (unsigned i = 0; i < world->n_ticks; i++)
                CHECK(world->ticks[i].kind != MD_QUOTE);
        CHECK(event.type != EVENT_TRADE ||
              world->ticks[0].u.trade.volume == world->instrument[instrument].volume);
}

/* A tick of a predecessor's; of its trades the volume goes on from there. */
static void restore(struct world *world, struct input *input, uint32_t instrument) {
        struct md_tick tick = { .instrument = instrument, .kind = input_u8(input) % 10 };

        input_take(input, &tick.u, sizeof(tick.u));
        if (valid_tick(&tick))
                return;
        book_restore(world->book, &tick);
        if (tick.kind == MD_TRADE)
                world->instrument[instrument].volume = tick.u.trade.volume;
}

/* A message on an order of whom nobody knows the instrument. */
static void stray(struct world *world, struct input *input) {
        struct event event = { .type = EVENT_ORDER_EXECUTE, .u.order = { .sz = input_u8(input) } };

        world->stats.unknown_refs++;
        world->stats.unknown_executions++;
        world->stats.unknown_shares += event.u.order.sz;
        book_stray(world->book, &event);
}

static void begin_afresh(struct world *world) {
        book_begin_afresh(world->book);
        memset(world->instrument, 0, sizeof(world->instrument));
        world->n = 0;
        world->incomplete = false;
}

static void step(struct world *world, struct input *input) {
        static const enum event_type orders[] = { EVENT_ORDER_ADD, EVENT_ORDER_EXECUTE,
                                                  EVENT_ORDER_CANCEL, EVENT_ORDER_DELETE,
                                                  EVENT_ORDER_REPLACE };
        uint8_t op = input_u8(input);
        uint32_t instrument = (op >> 4) % INSTRUMENTS;

        switch (op & 15) {
        case 13:
                check_all(world);
                break;
        case 14:
                other(world, input, instrument);
                break;
        case 15:
                if (op >> 4 == 15) {
                        begin_afresh(world);
                } else if (op >> 4 == 14) {
                        book_suspect(world->book);
                        world->incomplete = true;
                } else if (op >> 4 == 13) {
                        stray(world, input);
                } else if (op >> 4 >= 10) {
                        restore(world, input, instrument);
                } else if (op >> 4 < INSTRUMENTS) {
                        book_lose(world->book, instrument);
                        doubt(world, instrument);
                        world->instrument[instrument].touched = true;
                }
                break;
        default:
                if (world->of_orders)
                        order(world, input, instrument, orders[(op & 15) % 5]);
                else
                        level(world, input, instrument);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        static struct world world;

        memset(&world, 0, sizeof(world));
        world.of_orders = input_u8(&input) & 1;
        CHECK(book_new(&world.book, INSTRUMENTS) == 0);
        while (input.size && world.n < ITEMS)
                step(&world, &input);
        check_all(&world);
        book_free(world.book);
        return 0;
}
