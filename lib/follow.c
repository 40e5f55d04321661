/*
 * The stream: every tick in order, or what changed, newest only
 *
 * Both walk the journal with one cursor. Conflation works in rounds. A round walks from the cursor to
 * what was newest when it began: trades and breaks are given out on the way, for they never merge;
 * of anything else it is only noted that this instrument has a change of this kind. At the end of the
 * walk the noted changes are given out, each read from the table at that very moment, so it may be
 * newer than the walk has come. The number that was given out is remembered; when a later walk passes
 * ticks up to it, they are counted as merged.
 *
 * The other way round, the walk may be ahead of the table, for a tick appears in the journal first. The
 * number that was noted says so, and the tick is then taken from the journal.
 *
 * A client that is lapped notes every place whose number is not the one it gave out last, and gives
 * these out like any other change; so it ends at the newest state of everything, trades included
 * (the newest of those that it missed, that is). What it gives out of the ticks that it missed, now or
 * because it had read ahead, is counted as recovered. So at the end of a round each tick of the
 * stream has been given out, merged, or missed and not recovered.
 */

#include <errno.h>

#include "client.h"

#define REPORT_EVERY 256 /* ticks, while there is no pause in which to do it */

static bool never_merges(unsigned kind) {
        return kind == MD_TRADE || kind == MD_BREAK || kind >= MD_PLACES;
}

/* ---- the cursor ---- */

uint64_t md_cursor(const struct md_client *client) {
        return client->cursor;
}

int md_seek(struct md_client *client, uint64_t seq) {
        int r;

        r = client_check(client);
        if (r < 0)
                return r;
        /* the tick that somebody has just seen may be newer than what the header says yet */
        if (seq == 0 || (seq > segment_newest(&client->segment) + 1 &&
                         journal_look(&client->segment.journal, seq - 1) == JOURNAL_EMPTY))
                return client_fail(client, -EINVAL, "there is no tick %llu to go on from",
                                   (unsigned long long)seq);
        client->cursor = client->limit = seq;
        client->lap.begin = client->lap.end = 0;
        return 0;
}

/*
 * Moves a lapped cursor to the oldest tick that may still be whole, and counts what it passes. The
 * line that stopped us may be newer than the header says, for a moment, or for ever in a damaged
 * segment: both are asked, so that the cursor gets past that line in any case.
 */
static uint64_t catch_up(struct md_client *client) {
        const struct journal *journal = &client->segment.journal;
        uint64_t newest = segment_newest(&client->segment), oldest, missed;
        uint64_t here = line_seq(journal_line(journal, client->cursor)) & ~LINE_BUSY;

        oldest = journal_oldest(journal, here > newest ? here : newest);
        if (oldest <= client->cursor)
                oldest = client->cursor + 1;
        missed = oldest - client->cursor;
        client->cursor = oldest;
        client->missed += missed;
        client->laps++;
        return missed;
}

bool client_has_news(struct md_client *client) {
        struct md_tick tick;

        if (client->patterns.n || client->patterns.n_lost)
                client_learn(client);
        if (client->queue.used || client->draining)
                return true;
        for (;;) {
                switch (journal_read(&client->segment.journal, client->cursor, &tick)) {
                case JOURNAL_EMPTY:
                        return false;
                case JOURNAL_LAPPED:
                        return true;
                default:
                        if (client_wants(client, &tick))
                                return true;
                        client->cursor++;
                }
        }
}

int md_lagging(struct md_client *client) {
        uint64_t newest, size, lag, high, low;

        if (!client->segment.header)
                return 0;
        newest = segment_newest(&client->segment);
        size = client->segment.journal.size;
        lag = newest >= client->cursor ? newest - client->cursor + 1 : 0;
        high = client->high ? client->high : size / 4 * 3;
        low = client->high ? client->low : size / 2;
        client->lagging = client->lagging ? lag > low : lag >= high;
        return client->lagging;
}

/* ---- every tick ---- */

int md_follow(struct md_client *client, struct md_tick *tick, uint64_t *missed) {
        uint64_t lost = 0;
        int r, found = 0;

        r = client_check(client);
        if (r < 0)
                return r;
        while (!found) {
                r = journal_read(&client->segment.journal, client->cursor, tick);
                if (r == JOURNAL_EMPTY)
                        break;
                if (r == JOURNAL_LAPPED) {
                        lost += catch_up(client);
                        continue;
                }
                client->cursor++;
                found = client_wants(client, tick);
        }
        client->ticks += (unsigned)found;
        if (!found || client->ticks % REPORT_EVERY == 0)
                client_report(client);
        if (missed)
                *missed = lost;
        return found;
}

/* ---- newest only ---- */

/* Whether that tick is one of those that were overwritten before we came. */
static bool in_lap(const struct md_client *client, uint64_t seq) {
        return seq >= client->lap.begin && seq < client->lap.end;
}

static void note_change(struct md_client *client, uint32_t instrument, unsigned kind) {
        struct slot *slot = &client->slots[instrument];
        struct queue *queue = &client->queue;

        if (!slot->dirty) {
                queue->instruments[(queue->head + queue->used) % queue->size] = instrument;
                queue->used++;
        }
        slot->dirty |= UINT32_C(1) << kind;
}

static void count_merged(struct md_client *client, struct slot *slot, unsigned kind) {
        if (slot->merged[kind] < UINT32_MAX)
                slot->merged[kind]++;
        client->merged++;
}

/* One place after a lap. */
static void sweep_place(struct md_client *client, uint32_t instrument, unsigned kind) {
        const struct md_tick place = { .instrument = instrument, .kind = (uint16_t)kind };
        uint64_t seq = table_seq(&client->segment.table, instrument, kind);
        uint64_t seen = client->slots[instrument].seen[kind];

        client->recovered += in_lap(client, seen);
        /* what the walk has yet to pass it will find by itself */
        if (seq && seq < client->cursor && seq > seen && client_wants(client, &place))
                note_change(client, instrument, kind);
}

/* Notes every place that holds something else than what was given out last. */
static void sweep(struct md_client *client) {
        uint32_t n = md_instruments(client);

        for (uint32_t i = 0; i < n; i++)
                for (unsigned kind = 0; kind < MD_PLACES; kind++)
                        sweep_place(client, i, kind);
}

/* Copies the newest tick of a noted place. The table may be one step behind the journal; where the
 * journal has lost the tick meanwhile, the table has it, or a newer one. */
static int read_noted(struct md_client *client, uint32_t instrument, unsigned kind,
                      struct md_tick *tick) {
        const struct segment *segment = &client->segment;
        uint64_t noted = client->slots[instrument].noted[kind];
        int r;

        r = table_read(&segment->table, &segment->journal, instrument, kind, tick);
        if (r == 0 && tick->seq < noted &&
            journal_read(&segment->journal, noted, tick) != JOURNAL_OK) {
                r = table_read(&segment->table, &segment->journal, instrument, kind, tick);
                if (r == 0 && tick->seq < noted)
                        r = -EUCLEAN;
        }
        if (r < 0)
                return client_fail(client, r, "the segment is damaged at instrument %u",
                                   instrument);
        return 0;
}

/* Counts a tick that comes out of the queue instead of the one that the walk has noted there. */
static void settle(struct md_client *client, struct slot *slot, unsigned kind, uint64_t seq) {
        if (seq != slot->noted[kind]) {
                if (slot->noted[kind])
                        count_merged(client, slot, kind);
                client->recovered += in_lap(client, seq);
        }
        slot->noted[kind] = 0;
        slot->seen[kind] = seq;
}

/* Gives out the next change of the queue: 1, or 0 when it is empty. */
static int drain(struct md_client *client, struct md_change *change) {
        struct queue *queue = &client->queue;

        while (queue->used) {
                uint32_t instrument = queue->instruments[queue->head];
                struct slot *slot = &client->slots[instrument];
                unsigned kind;
                int r;

                if (!slot->dirty) {
                        queue->head = (queue->head + 1) % queue->size;
                        queue->used--;
                        continue;
                }
                kind = (unsigned)__builtin_ctz(slot->dirty);
                slot->dirty &= slot->dirty - 1;

                r = read_noted(client, instrument, kind, &change->tick);
                if (r < 0)
                        return r;
                if (change->tick.seq <= slot->seen[kind])
                        continue;
                /* a trade that the walk has yet to pass must not overtake those before it */
                if (never_merges(kind) && change->tick.seq >= client->cursor)
                        continue;
                settle(client, slot, kind, change->tick.seq);
                change->merged = slot->merged[kind];
                slot->merged[kind] = 0;
                return 1;
        }
        return 0;
}

/* Takes one tick of the walk: true when it is to be given out at once. */
static bool pass(struct md_client *client, const struct md_tick *tick) {
        struct slot *slot;

        if (!client_wants(client, tick))
                return false;
        if (tick->kind >= MD_PLACES || tick->instrument >= client->segment.directory.capacity)
                return true;
        slot = &client->slots[tick->instrument];
        if (tick->seq <= slot->seen[tick->kind]) {
                /* a newer one was given out before the walk came here; that one is this very tick, or
                 * replaced it */
                if (tick->seq != slot->seen[tick->kind])
                        count_merged(client, slot, tick->kind);
                return false;
        }
        if (never_merges(tick->kind)) {
                slot->seen[tick->kind] = tick->seq;
                return true;
        }
        if (slot->noted[tick->kind])
                count_merged(client, slot, tick->kind);
        slot->noted[tick->kind] = tick->seq;
        note_change(client, tick->instrument, tick->kind);
        return false;
}

/* Walks on to the end of the round: 1 with a trade in change->tick, 0 at the end. */
static int walk(struct md_client *client, struct md_change *change) {
        while (client->cursor < client->limit) {
                switch (journal_read(&client->segment.journal, client->cursor, &change->tick)) {
                case JOURNAL_EMPTY:
                        client->limit = client->cursor;
                        break;
                case JOURNAL_LAPPED:
                        client->lap.begin = client->cursor;
                        client->unsaid += catch_up(client);
                        client->lap.end = client->cursor;
                        /* what is in between is gone; the round ends here, and says what it left */
                        client->limit = client->cursor;
                        sweep(client);
                        break;
                default:
                        client->cursor++;
                        if (pass(client, &change->tick)) {
                                change->merged = 0;
                                return 1;
                        }
                }
        }
        return 0;
}

/* Begins a round, if there is anything to walk over. */
static bool begin_round(struct md_client *client) {
        uint64_t newest = segment_newest(&client->segment);

        if (journal_look(&client->segment.journal, client->cursor) == JOURNAL_EMPTY)
                return false;
        /* the line may be ahead of the header for a moment, or for long if the writer died there */
        client->limit = (newest > client->cursor ? newest : client->cursor) + 1;
        client->late =
                !client->interval_ms || client_now_ms() > client->last_ms + 2 * client->interval_ms;
        return true;
}

static int give(struct md_client *client, struct md_change *change) {
        change->missed = client->unsaid;
        change->reason = !change->merged ? MD_MERGED_NOT
                         : client->late  ? MD_MERGED_SLOW
                                         : MD_MERGED_ASKED;
        client->unsaid = 0;
        client->ticks++;
        if (client->ticks % REPORT_EVERY == 0)
                client_report(client);
        return 1;
}

int md_next(struct md_client *client, struct md_change *change) {
        int r;

        r = client_check(client);
        if (r < 0)
                return r;
        for (;;) {
                if (!client->draining && walk(client, change))
                        return give(client, change);
                client->draining = true;
                r = drain(client, change);
                if (r < 0)
                        return r;
                if (r > 0)
                        return give(client, change);
                client->draining = false;
                if (!begin_round(client)) {
                        client_report(client);
                        return 0;
                }
        }
}
