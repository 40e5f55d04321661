/*
 * The newest state, and what else can be looked at: instruments, feeds, counters, health
 *
 * Nothing here waits or makes a system call. What comes out of the segment is copied before it is
 * judged, so that it cannot change in between.
 */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "client.h"

#define READ_MANY_ROUNDS 64

_Static_assert(MD_INSTRUMENT_TEST == INSTRUMENT_TEST, "published flags");
_Static_assert(MD_INSTRUMENT_ETP == INSTRUMENT_ETP, "published flags");
_Static_assert(MD_INSTRUMENT_WHEN_ISSUED == INSTRUMENT_WHEN_ISSUED, "published flags");
_Static_assert(MD_INSTRUMENT_BOOK == INSTRUMENT_BOOK, "published flags");
_Static_assert((int)MD_FEED_ENDED == (int)FEED_ENDED, "published states");
_Static_assert((int)MD_STATE_STOPPED == (int)SEGMENT_STOPPED, "published states");
_Static_assert(sizeof(((struct md_instrument *)0)->symbol) == SYMBOL_SIZE + 1, "room for a NUL");
_Static_assert(sizeof(((struct md_instrument *)0)->venue) == VENUE_SIZE + 1, "room for a NUL");
_Static_assert(sizeof(((struct md_feed *)0)->name) == FEED_NAME_SIZE + 1, "room for a NUL");

#define load(p) atomic_load_explicit((p), memory_order_relaxed)

/* ---- instruments ---- */

static inline uint32_t known(const struct md_client *client) {
        return client->segment.header ? directory_count(&client->segment.directory) : 0;
}

uint32_t md_instruments(const struct md_client *client) {
        return known(client);
}

int md_instrument(struct md_client *client, uint32_t instrument, struct md_instrument *out) {
        const struct shm_instrument *entry;

        if (instrument >= md_instruments(client))
                return client_fail(client, -EINVAL, "there is no instrument %u", instrument);
        entry = directory_get(&client->segment.directory, instrument);

        memset(out, 0, sizeof(*out));
        memcpy(out->symbol, entry->symbol, SYMBOL_SIZE);
        memcpy(out->venue, entry->venue, VENUE_SIZE);
        out->instrument = instrument;
        out->feed = entry->feed;
        out->size_exp = entry->size_exp;
        out->lot = load(&entry->lot);
        out->close_px = load(&entry->close_px);
        out->flags = load(&entry->flags);
        out->luld = load(&entry->luld);
        out->bid_levels = load(&entry->bid_levels);
        out->ask_levels = load(&entry->ask_levels);
        out->orders = load(&entry->orders);
        out->book_ts = load(&entry->book_ts);
        return 0;
}

int md_lookup(struct md_client *client, const char *symbol, const char *venue,
              uint32_t *instrument) {
        char symbol_key[SYMBOL_SIZE] = { 0 }, venue_key[VENUE_SIZE] = { 0 };
        int64_t found;
        int r;

        r = client_check(client);
        if (r < 0)
                return r;
        if (!*symbol || strlen(symbol) >= SYMBOL_SIZE)
                return client_fail(client, -EINVAL,
                                   "\"%.64s\" is no symbol: it has 1 to %d characters", symbol,
                                   SYMBOL_SIZE - 1);
        if (venue && strlen(venue) > VENUE_SIZE)
                return client_fail(client, -EINVAL,
                                   "\"%.64s\" is no venue: it has at most %d characters", venue,
                                   VENUE_SIZE);
        memcpy(symbol_key, symbol, strlen(symbol));
        if (venue)
                memcpy(venue_key, venue, strlen(venue));

        found = directory_find(&client->segment.directory, symbol_key,
                               venue && *venue ? venue_key : NULL);
        if (found == -ENOTUNIQ)
                return client_fail(client, -ENOTUNIQ, "%s is traded at several venues: say which",
                                   symbol);
        if (found < 0)
                return client_fail(client, -ENOENT, "%s%s%s is not known (yet)", symbol,
                                   venue && *venue ? " at " : "", venue ? venue : "");
        *instrument = (uint32_t)found;
        return 0;
}

int md_segment_fd(const struct md_client *client) {
        return client->segment.fd;
}

/* ---- ticks ---- */

/* The sentences are kept out of the way that every read takes. */
__attribute__((cold)) static int fail_place(struct md_client *client, uint32_t instrument,
                                            unsigned kind) {
        if (instrument >= known(client))
                return client_fail(client, -EINVAL, "there is no instrument %u", instrument);
        return client_fail(client, -EINVAL, "ticks of kind %u (%s) have no place to read from",
                           kind, md_kind_name(kind));
}

__attribute__((cold)) static int fail_damaged(struct md_client *client, uint32_t instrument,
                                              unsigned kind) {
        return client_fail(client, -EUCLEAN,
                           "the segment is damaged: %s of instrument %u is neither whole nor in "
                           "the journal",
                           md_kind_name(kind), instrument);
}

/* For what can be read now: instruments that are known, kinds that have a place. */
static inline int check_place(struct md_client *client, uint32_t instrument, unsigned kind) {
        if (instrument >= known(client) || kind >= MD_PLACES)
                return fail_place(client, instrument, kind);
        return 0;
}

static inline int read_place(struct md_client *client, uint32_t instrument, unsigned kind,
                             struct md_tick *tick) {
        if (table_read(&client->segment.table, &client->segment.journal, instrument, kind, tick))
                return fail_damaged(client, instrument, kind);
        return 0;
}

int md_read(struct md_client *client, uint32_t instrument, unsigned kind, struct md_tick *tick) {
        int r;

        r = check_place(client, instrument, kind);
        if (r < 0)
                return r;
        r = read_place(client, instrument, kind, tick);
        if (r < 0)
                return r;
        return tick->seq != 0;
}

/*
 * All bodies, then all numbers again. A place whose number is still that of the tick we copied has
 * held that tick from then until now, for numbers only grow. So if none has moved, all of them stood
 * like this at one moment: the one at which the last was copied.
 */
int md_read_many(struct md_client *client, struct md_tick *ticks, size_t n, unsigned char *moved) {
        const struct table *table;
        int r, still_moving = 0;

        for (size_t i = 0; i < n; i++) {
                r = check_place(client, ticks[i].instrument, ticks[i].kind);
                if (r < 0)
                        return r;
        }

        table = &client->segment.table;
        for (unsigned round = 0; round < READ_MANY_ROUNDS; round++) {
                for (size_t i = 0; i < n; i++) {
                        uint32_t instrument = ticks[i].instrument;
                        uint16_t kind = ticks[i].kind;

                        r = read_place(client, instrument, kind, &ticks[i]);
                        if (r < 0)
                                return r;
                        /* a place that was never written knows nothing of itself */
                        ticks[i].instrument = instrument;
                        ticks[i].kind = kind;
                }
                still_moving = 0;
                for (size_t i = 0; i < n; i++) {
                        bool is = table_seq(table, ticks[i].instrument, ticks[i].kind) !=
                                  ticks[i].seq;

                        if (moved)
                                moved[i] = is;
                        still_moving += is;
                }
                if (!still_moving)
                        return 0;
        }
        return still_moving;
}

/* ---- how things are ---- */

/* From then to now; a spoilt time has no age that fits. */
static int64_t age(int64_t now, int64_t then) {
        int64_t ns;

        return __builtin_sub_overflow(now, then, &ns) ? INT64_MAX : ns;
}

int md_health(struct md_client *client, struct md_health *health) {
        const struct shm_header *header = client->segment.header;
        struct timespec now;
        int r;

        r = client_check(client);
        if (r < 0)
                return r;
        clock_gettime(client->file ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);

        *health = (struct md_health){
                .connected = client->socket_fd >= 0,
                .file = client->file,
                .reconnects = client->reconnect.count,
                .state = load(&header->state),
                .client = client->id,
                .pid = load(&header->pid),
                .generation = load(&header->generation),
                .started = load(&header->started),
                .heartbeat_age =
                        age(now.tv_sec * INT64_C(1000000000) + now.tv_nsec,
                            load(client->file ? &header->heartbeat_time : &header->heartbeat)),
                .newest = segment_newest(&client->segment),
                .cursor = client->cursor,
                .ticks = client->ticks,
                .merged = client->merged,
                .missed = client->missed,
                .recovered = client->recovered,
                .laps = client->laps,
                .journal = client->segment.journal.size,
                .instruments = md_instruments(client),
                .capacity = client->segment.directory.capacity,
        };
        memcpy(health->version, header->version, sizeof(header->version));
        return 0;
}

uint32_t md_feeds(const struct md_client *client) {
        uint32_t n = 0;

        if (!client->segment.header)
                return 0;
        /* they are claimed in order and never given back */
        while (n < client->segment.feeds_count &&
               atomic_load_explicit(&segment_feed(&client->segment, n)->state,
                                    memory_order_acquire) != FEED_NONE)
                n++;
        return n;
}

static uint32_t lines_of(const struct shm_feed *record) {
        uint32_t lines = load(&record->lines);

        return lines <= FEED_LINES ? lines : FEED_LINES;
}

int md_feed(struct md_client *client, uint32_t feed, struct md_feed *out) {
        const struct shm_feed *record;

        if (feed >= md_feeds(client))
                return client_fail(client, -EINVAL, "there is no feed %u", feed);
        record = segment_feed(&client->segment, feed);

        *out = (struct md_feed){
                .feed = feed,
                .state = load(&record->state),
                .session = load(&record->session),
                .next = load(&record->next),
                .packets = load(&record->packets),
                .bytes = load(&record->bytes),
                .heartbeats = load(&record->heartbeats),
                .messages = load(&record->messages),
                .ticks = load(&record->ticks),
                .bad = load(&record->bad),
                .gaps = load(&record->gaps),
                .missed = load(&record->missed),
                .duplicates = load(&record->duplicates),
                .resets = load(&record->resets),
                .last_recv = load(&record->last_recv),
                .last_event = load(&record->last_event),
                .instruments = load(&record->instruments),
                .lines = lines_of(record),
        };
        for (unsigned i = 0; i < FEED_LINES; i++)
                out->dropped += load(&record->line[i].dropped);
        memcpy(out->name, record->name, sizeof(record->name));
        memcpy(out->source, record->source, sizeof(record->source));
        memcpy(out->protocol, record->protocol, sizeof(record->protocol));
        return 0;
}

/* The mean of the one's leads and the other's, which are lags of the one. */
static int64_t mean_lead(const struct shm_feed_line *line, const struct shm_feed_line *other,
                         uint64_t both) {
        uint64_t sum = (uint64_t)load(&line->lead_sum) - (uint64_t)load(&other->lead_sum);

        return both && both <= INT64_MAX ? (int64_t)sum / (int64_t)both : 0;
}

int md_feed_line(struct md_client *client, uint32_t feed, uint32_t line, struct md_feed_line *out) {
        const struct shm_feed_line *record, *other;

        if (feed >= md_feeds(client))
                return client_fail(client, -EINVAL, "there is no feed %u", feed);
        if (line >= lines_of(segment_feed(&client->segment, feed)))
                return client_fail(client, -EINVAL, "feed %u has no line %u", feed, line);
        record = &segment_feed(&client->segment, feed)->line[line];
        other = &segment_feed(&client->segment, feed)->line[line ^ 1];

        *out = (struct md_feed_line){
                .packets = load(&record->packets),
                .won = load(&record->won),
                .lost = load(&record->lost),
                .filled = load(&record->filled),
                .dropped = load(&record->dropped),
                .both = load(&record->led) + load(&other->led),
                .last_recv = load(&record->last_recv),
        };
        out->lead = mean_lead(record, other, out->both);
        return 0;
}

uint32_t md_counters(const struct md_client *client) {
        const struct counters *counters = &client->segment.counters;
        uint32_t n = 0;

        if (!client->segment.header)
                return 0;
        while (n < counters->capacity &&
               atomic_load_explicit(&counters->base[n].id, memory_order_acquire))
                n++;
        return n;
}

int md_counter(struct md_client *client, uint32_t counter, struct md_counter *out) {
        const struct shm_counter *record;

        if (counter >= md_counters(client))
                return client_fail(client, -EINVAL, "there is no counter %u", counter);
        record = &client->segment.counters.base[counter];
        *out = (struct md_counter){
                .value = counter_get(record),
                .id = load(&record->id),
                .feed = record->feed,
        };
        memcpy(out->label, record->label, sizeof(record->label));
        out->label[sizeof(out->label) - 1] = '\0';
        return 0;
}
