/*
 * Packets of several lines to one stream in order; arbiter.h tells the idea.
 *
 * First the stream (what goes on, what waits, what is lost), then late comers, then the lines, each held
 * against its own past, then strangers, and at last the clock.
 */

#include "feed/arbiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASKS 8 /* at most so many times for the same messages, while they are waited for */

int arbiter_init(struct arbiter *arbiter, const struct arbiter_params *params,
                 const struct arbiter_ops *ops, void *userdata) {
        int r;

        *arbiter = (struct arbiter){ .params = *params, .ops = ops, .userdata = userdata };
        arbiter->stranger.data = malloc(WINDOW_PACKET_MAX);
        if (!arbiter->stranger.data)
                return -ENOMEM;
        r = window_init(&arbiter->window, params->window);
        if (r < 0)
                arbiter_deinit(arbiter);
        return r;
}

void arbiter_deinit(struct arbiter *arbiter) {
        window_deinit(&arbiter->window);
        free(arbiter->stranger.data);
        free(arbiter->arrivals);
        *arbiter = (struct arbiter){ 0 };
}

static uint64_t end_of(const struct framed *framed) {
        return framed->sequence + framed->count;
}

/* ---- who was first ---- */

static int64_t arrival_time(const struct packet *packet) {
        return packet->ts_recv ? packet->ts_recv : packet->now;
}

static struct arbiter_arrival *arrival_of(const struct arbiter *arbiter, uint64_t sequence) {
        return arbiter->arrivals ? &arbiter->arrivals[sequence % ARBITER_ARRIVALS] : NULL;
}

/* The packet brought something new. */
static void note_first(struct arbiter *arbiter, const struct packet *packet,
                       const struct framed *framed) {
        struct arbiter_arrival *arrival = arrival_of(arbiter, framed->sequence);

        if (!framed->count)
                return;
        arbiter->line[packet->line].figures.won++;
        if (arrival)
                *arrival = (struct arbiter_arrival){
                        .sequence = framed->sequence,
                        .time = arrival_time(packet),
                        .epoch = arbiter->epoch,
                        .line = packet->line,
                };
}

/* The first copy on the other line tells by how much it was behind. A second one says nothing more, and
 * what was asked for came late for a reason of its own. */
static void note_lead(struct arbiter *arbiter, const struct packet *packet,
                      struct arbiter_arrival *arrival) {
        struct arbiter_figures *figures = &arbiter->line[arrival->line].figures;

        if (arrival->line == packet->line || arrival->line == ARBITER_LINE_RECOVERY ||
            packet->line == ARBITER_LINE_RECOVERY)
                return;
        figures->led++;
        figures->lead_sum += arrival_time(packet) - arrival->time;
        arrival->epoch = 0;
}

/* The packet brought nothing new. */
static void note_copy(struct arbiter *arbiter, const struct packet *packet,
                      const struct framed *framed) {
        struct arbiter_arrival *arrival = arrival_of(arbiter, framed->sequence);

        if (!framed->count)
                return;
        arbiter->duplicates += framed->count;
        arbiter->line[packet->line].figures.lost++;
        if (!arbiter->arrivals)
                arbiter->arrivals = calloc(ARBITER_ARRIVALS, sizeof(*arbiter->arrivals));
        else if (arrival->sequence == framed->sequence && arrival->epoch == arbiter->epoch)
                note_lead(arbiter, packet, arrival);
}

/* ---- the stream ---- */

/* The packet's turn has come. */
static void hand_on(struct arbiter *arbiter, const struct packet *packet,
                    const struct framed *framed) {
        struct framed copy = *framed;
        uint64_t skip = arbiter->next - framed->sequence;

        if (framed->sequence == 1 && framed->count)
                arbiter->opening = framed_mark(framed);
        arbiter->joining = false;
        arbiter->duplicates += skip;
        arbiter->next = end_of(framed);
        arbiter->ended = framed->ends;
        arbiter->stragglers = 0;
        if (packet->line != ARBITER_LINE_RECOVERY) /* can be had of a session that is over, too */
                arbiter->stranger.answered = true;
        arbiter->ops->packet(arbiter->userdata, packet, &copy, (uint32_t)skip);
}

/* Hands on what waits and has its turn now. */
static void release(struct arbiter *arbiter) {
        const struct window_item *item;

        while (!window_is_empty(&arbiter->window) && arbiter->window.lowest <= arbiter->next) {
                item = window_take(&arbiter->window);
                if (end_of(&item->framed) > arbiter->next || item->framed.sequence == arbiter->next)
                        hand_on(arbiter, &item->packet, &item->framed);
                else
                        arbiter->duplicates += item->framed.count;
        }
}

/* Everything before number `to` is lost. */
static void lose(struct arbiter *arbiter, uint64_t to) {
        uint64_t first = arbiter->next;

        arbiter->next = to;
        if (arbiter->joining)
                arbiter->ops->join(arbiter->userdata, to);
        else
                arbiter->ops->gap(arbiter->userdata, first, to - first);
        arbiter->joining = false;
}

static void give_up(struct arbiter *arbiter) {
        lose(arbiter, arbiter->window.lowest);
        release(arbiter);
}

static void give_up_all(struct arbiter *arbiter) {
        while (!window_is_empty(&arbiter->window))
                give_up(arbiter);
}

/* Number `sequence` does not fit into the window: the lowest hole, or the one before it, has to go. */
static void squeeze(struct arbiter *arbiter, uint64_t sequence) {
        arbiter->squeezed++;
        if (window_is_empty(&arbiter->window) || arbiter->window.lowest > sequence)
                lose(arbiter, sequence);
        else
                give_up(arbiter);
}

/* A hole that the packet closes, and that a packet of another line told of, is one that it filled. */
static void note_filled(struct arbiter *arbiter, const struct packet *packet,
                        const struct framed *framed) {
        const struct window *window = &arbiter->window;

        if (!window_is_empty(window) && end_of(framed) >= window->lowest &&
            window_peek(window)->packet.line != packet->line)
                arbiter->line[packet->line].figures.filled++;
}

/* ---- late comers ---- */

static uint64_t later(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

/* From number 1 on, everything will come; what waits would only hold on to its room. */
static bool begin_to_catch_up(struct arbiter *arbiter, uint64_t known) {
        const struct arbiter_ops *ops = arbiter->ops;
        struct window *window = &arbiter->window;

        if (arbiter->next != 1 || !ops->catch_up ||
            !ops->catch_up(arbiter->userdata, arbiter->session, known))
                return false;
        arbiter->catching_up.on = arbiter->catching_up.told = true;
        arbiter->catching_up.known = known;
        arbiter->catching_up.dropped = arbiter->seen;
        if (!window_is_empty(window)) /* a line need not have told of it */
                arbiter->catching_up.dropped = later(arbiter->seen, window->lowest);
        arbiter->catching_up.goal = later(arbiter->catching_up.dropped, known);
        window_clear(window);
        return true;
}

/* The packet of a line does not wait, and is to be had again. */
static void put_off(struct arbiter *arbiter, const struct framed *framed) {
        arbiter->catching_up.dropped = later(arbiter->catching_up.dropped, end_of(framed));
        arbiter->catching_up.goal = later(arbiter->catching_up.goal, end_of(framed));
        arbiter->stranger.answered = true; /* its session lives */
}

/* What is before the first packets of the lines has been missed. They may be late copies of what is known. */
static void note_how_far(struct arbiter *arbiter, const struct packet *packet,
                         const struct framed *framed) {
        uint64_t sequence = framed->sequence;
        bool may_be_copy = packet->now - arbiter->catching_up.began < ARBITER_SILENCE;

        arbiter->catching_up.dropped = later(arbiter->catching_up.dropped, sequence);
        arbiter->catching_up.goal = later(arbiter->catching_up.goal, sequence);
        arbiter->catching_up.told = sequence >= arbiter->catching_up.known || !may_be_copy;
        if (arbiter->catching_up.told && sequence < arbiter->catching_up.known)
                arbiter->catching_up.goal = arbiter->catching_up.dropped; /* there is no more */
}

static void end_catching_up(struct arbiter *arbiter, int64_t now) {
        arbiter->catching_up.on = false;
        arbiter->catching_up.over = now;
}

static void look_at_goal(struct arbiter *arbiter, int64_t now) {
        if (arbiter->next < arbiter->catching_up.goal)
                return;
        end_catching_up(arbiter, now);
        arbiter->ops->caught_up(arbiter->userdata);
}

bool arbiter_has_come_up(const struct arbiter *arbiter) {
        return arbiter->catching_up.told && arbiter->next >= arbiter->catching_up.dropped;
}

void arbiter_give_in(struct arbiter *arbiter, int64_t now) {
        struct window *window = &arbiter->window;
        uint64_t to = later(arbiter->catching_up.dropped, arbiter->catching_up.known);

        if (!arbiter->catching_up.on)
                return;
        end_catching_up(arbiter, now);
        if (arbiter_has_come_up(arbiter)) {
                arbiter->ops->caught_up(arbiter->userdata);
                return;
        }
        arbiter->ops->gave_in(arbiter->userdata);
        while (!window_is_empty(window) && window->lowest < to)
                window_take(window);
        arbiter->next = later(arbiter->next, arbiter->catching_up.known);
        if (arbiter->next < to)
                lose(arbiter, to);
        release(arbiter);
}

void arbiter_go_back(struct arbiter *arbiter, int64_t now) {
        uint64_t next = arbiter->next;

        arbiter->next = 1;
        if (!begin_to_catch_up(arbiter, next)) {
                arbiter->next = next;
                return;
        }
        arbiter->catching_up.told = false;
        arbiter->catching_up.began = now;
        arbiter->catching_up.dropped = 1;
}

/* ---- packets in their places ---- */

/* While catching up, half of the room is for what is asked for, and none for what is far ahead. */
static bool has_room(const struct arbiter *arbiter, const struct packet *packet,
                     const struct framed *framed) {
        const struct window *window = &arbiter->window;
        uint64_t ahead = framed->sequence - arbiter->next;

        if (!arbiter->catching_up.on)
                return ahead < WINDOW_SPAN;
        return ahead < ARBITER_NEAR &&
               (packet->line == ARBITER_LINE_RECOVERY || window->used < window->size / 2);
}

static int hold(struct arbiter *arbiter, const struct packet *packet, const struct framed *framed) {
        return has_room(arbiter, packet, framed) ? window_put(&arbiter->window, packet, framed)
                                                 : WINDOW_E_FULL;
}

/* Puts a packet of this session in its place. False: it brings nothing new. */
static bool place(struct arbiter *arbiter, const struct packet *packet,
                  const struct framed *framed) {
        for (;;) {
                if (framed->sequence <= arbiter->next) {
                        if (end_of(framed) <= arbiter->next && framed->sequence != arbiter->next)
                                break;
                        note_filled(arbiter, packet, framed);
                        note_first(arbiter, packet, framed);
                        hand_on(arbiter, packet, framed);
                        release(arbiter);
                        return true;
                }
                switch (hold(arbiter, packet, framed)) {
                case WINDOW_OK:
                        note_first(arbiter, packet, framed);
                        return true;
                case WINDOW_E_COPY:
                        note_copy(arbiter, packet, framed);
                        return false;
                default:
                        if (arbiter->catching_up.on || begin_to_catch_up(arbiter, 1)) {
                                put_off(arbiter, framed);
                                return true;
                        }
                        squeeze(arbiter, framed->sequence);
                        break;
                }
        }
        note_copy(arbiter, packet, framed);
        return false;
}

/* ---- lines ---- */

/* The packet is the first that we see of a session. */
static void begin(struct arbiter *arbiter, const struct packet *packet,
                  const struct framed *framed) {
        bool first = !arbiter->begun;

        if (arbiter->catching_up.on)
                window_clear(&arbiter->window);
        arbiter->catching_up.on = false;
        give_up_all(arbiter);
        arbiter->begun = true;
        arbiter->joining = first;
        arbiter->ended = false;
        arbiter->epoch++;
        arbiter->before = first ? framed->session : arbiter->session;
        arbiter->session = framed->session;
        arbiter->next = 1;
        arbiter->seen = framed->sequence;
        arbiter->first = framed->sequence;
        arbiter->sent = framed->sent;
        arbiter->opening = 0;
        arbiter->stragglers = 0;
        arbiter->asked.first = 0;
        if (!first)
                arbiter->ops->reset(arbiter->userdata, packet, framed);
}

/* It begins with number 1, which is another message than that of this session. */
static bool opens_another(const struct arbiter *arbiter, const struct framed *framed) {
        return framed->count && arbiter->opening && framed_mark(framed) != arbiter->opening;
}

/* A packet with a lower number than its line's next: is it a new beginning, rather than a copy? */
static bool is_restart(const struct arbiter *arbiter, const struct arbiter_line *line,
                       const struct framed *framed) {
        bool later = framed->sent > line->sent;

        if (framed->sequence == 1 &&
            (later || line->carried >= ARBITER_LATE || opens_another(arbiter, framed)))
                return true;
        if (end_of(framed) > line->next)
                return false; /* it leads on to something new: no beginning looks like that */
        return line->doubted + later >= ARBITER_DOUBT || line->older + 1 >= ARBITER_LATE;
}

/* What other line has brought what this one is about to skip? */
static void note_skipped(struct arbiter *arbiter, unsigned line, uint64_t sequence) {
        struct arbiter_line *other = &arbiter->line[line ^ 1];

        if (sequence > arbiter->line[line].next && sequence <= arbiter->next &&
            other->epoch == arbiter->epoch)
                other->figures.filled++;
}

/* The line has come further. */
static void go_on(struct arbiter_line *line, const struct framed *framed) {
        line->next = end_of(framed);
        line->sent = framed->sent;
        line->older = 0;
        line->doubted = 0;
        if (line->next > 1 && line->carried < ARBITER_LATE)
                line->carried++;
}

/* A packet of this session, on a line that is in it. */
static void accept_own(struct arbiter *arbiter, const struct packet *packet,
                       const struct framed *framed) {
        struct arbiter_line *line = &arbiter->line[packet->line];
        bool later = framed->sent > line->sent;

        if (end_of(framed) > arbiter->seen)
                arbiter->seen = end_of(framed);
        if (arbiter->catching_up.on && !arbiter->catching_up.told)
                note_how_far(arbiter, packet, framed);
        if (framed->sequence >= line->next || end_of(framed) > line->next) {
                note_skipped(arbiter, packet->line, framed->sequence);
                go_on(line, framed);
                place(arbiter, packet, framed);
        } else if (!place(arbiter, packet, framed)) {
                line->older++;
                line->doubted += later;
        }
}

static void join(struct arbiter *arbiter, struct arbiter_line *line, const struct framed *framed) {
        struct arbiter_figures figures = line->figures;

        *line = (struct arbiter_line){
                .epoch = arbiter->epoch,
                .next = framed->sequence,
                .sent = framed->sent,
                .figures = figures,
        };
}

/* It may have begun again under the same id: then this was sent before it did; or, where that is not said,
 * goes on where the line was, past all that there is of it. */
static bool is_left_behind(const struct arbiter *arbiter, const struct arbiter_line *line,
                           const struct framed *framed) {
        if (framed->sent)
                return framed->sent < arbiter->sent && framed->sequence >= arbiter->first;
        return line->epoch && framed->sequence == line->next && framed->sequence > arbiter->seen;
}

/* A packet of the session before, on a line that is behind. */
static bool is_straggler(const struct arbiter *arbiter, const struct packet *packet,
                         const struct framed *framed) {
        const struct arbiter_line *line = &arbiter->line[packet->line];
        bool behind = line->epoch != arbiter->epoch;

        if (arbiter->stragglers >= ARBITER_LATE)
                return false;
        if (framed->session == arbiter->session)
                return behind && is_left_behind(arbiter, line, framed);
        return framed->session == arbiter->before &&
               (behind || (framed->sent <= line->sent && line->carried < ARBITER_LATE));
}

/* ---- strangers ---- */

static bool is_strange(const struct arbiter *arbiter, const struct framed *framed) {
        return framed->session != arbiter->session ||
               (framed->sequence > arbiter->seen &&
                framed->sequence - arbiter->seen >= ARBITER_FAR);
}

static bool go_together(const struct framed *a, const struct framed *b) {
        uint64_t apart =
                a->sequence < b->sequence ? b->sequence - a->sequence : a->sequence - b->sequence;

        return a->session == b->session && apart < ARBITER_FAR;
}

/* A packet that is believed, wherever it comes from. */
static void accept_believed(struct arbiter *arbiter, const struct packet *packet,
                            const struct framed *framed) {
        struct arbiter_line *line = &arbiter->line[packet->line];

        if (framed->session != arbiter->session)
                begin(arbiter, packet, framed);
        if (line->epoch != arbiter->epoch)
                join(arbiter, line, framed);
        accept_own(arbiter, packet, framed);
}

/* From now on: what it proves to be missing was not waited for before. */
static void believe_stranger(struct arbiter *arbiter, int64_t now) {
        arbiter->stranger.there = false;
        arbiter->stranger.packet.now = now;
        accept_believed(arbiter, &arbiter->stranger.packet, &arbiter->stranger.framed);
}

static void forget_stranger(struct arbiter *arbiter) {
        arbiter->strangers += arbiter->stranger.there;
        arbiter->stranger.there = false;
}

static void keep_stranger(struct arbiter *arbiter, const struct packet *packet,
                          const struct framed *framed) {
        forget_stranger(arbiter);
        memcpy(arbiter->stranger.data, packet->data, packet->size);
        arbiter->stranger.packet = *packet;
        arbiter->stranger.framed = *framed;
        arbiter->stranger.packet.data = arbiter->stranger.data;
        arbiter->stranger.framed.rest = arbiter->stranger.data + (framed->rest - packet->data);
        arbiter->stranger.answered = false;
        arbiter->stranger.there = true;
}

static void accept_strange(struct arbiter *arbiter, const struct packet *packet,
                           const struct framed *framed) {
        if (arbiter->stranger.there && go_together(&arbiter->stranger.framed, framed)) {
                believe_stranger(arbiter, packet->now);
                accept_believed(arbiter, packet, framed);
        } else if (arbiter->ended || !arbiter->params.hole) {
                accept_believed(arbiter, packet, framed);
        } else if (packet->size <= WINDOW_PACKET_MAX) {
                keep_stranger(arbiter, packet, framed);
        } else {
                arbiter->strangers++;
        }
}

/* ---- packets ---- */

void arbiter_resume(struct arbiter *arbiter, uint64_t session, uint64_t next, int64_t sent) {
        arbiter->begun = true;
        arbiter->epoch++;
        arbiter->session = arbiter->before = session;
        arbiter->next = arbiter->seen = arbiter->first = next;
        arbiter->sent = sent;
        /* what is behind the stream on either of them is a copy, unless it was sent later */
        for (unsigned i = 0; i < ARBITER_LINE_RECOVERY; i++) {
                arbiter->line[i].epoch = arbiter->epoch;
                arbiter->line[i].next = next;
                arbiter->line[i].sent = sent;
        }
}

/* An answer that was on its way when the session began again under its id. */
static bool is_old_answer(const struct arbiter *arbiter, const struct framed *framed) {
        return arbiter->epoch > 1 && arbiter->before == arbiter->session &&
               is_left_behind(arbiter, &arbiter->line[ARBITER_LINE_RECOVERY], framed);
}

/* What was asked for again says nothing of its line, and makes no room for itself. */
static void accept_recovered(struct arbiter *arbiter, const struct packet *packet,
                             const struct framed *framed) {
        if (!arbiter->begun || framed->session != arbiter->session ||
            is_old_answer(arbiter, framed))
                return;
        if (framed->sequence <= arbiter->next)
                place(arbiter, packet, framed);
        else if (hold(arbiter, packet, framed) == WINDOW_OK)
                note_first(arbiter, packet, framed);
}

static void accept_line(struct arbiter *arbiter, const struct packet *packet,
                        const struct framed *framed) {
        struct arbiter_line *line = &arbiter->line[packet->line];

        if (!arbiter->begun)
                begin(arbiter, packet, framed);
        if (is_straggler(arbiter, packet, framed)) {
                arbiter->stragglers++;
                arbiter->duplicates += framed->count;
                if (line->epoch != arbiter->epoch)
                        line->next = end_of(framed);
                return;
        }
        if (is_strange(arbiter, framed)) {
                accept_strange(arbiter, packet, framed);
                return;
        }
        if (line->epoch != arbiter->epoch)
                join(arbiter, line, framed);
        else if (framed->sequence < line->next && is_restart(arbiter, line, framed)) {
                begin(arbiter, packet, framed);
                join(arbiter, line, framed);
        }
        accept_own(arbiter, packet, framed);
}

void arbiter_accept(struct arbiter *arbiter, const struct packet *packet,
                    const struct framed *framed) {
        arbiter_expire(arbiter, packet->now);
        if (packet->line == ARBITER_LINE_RECOVERY)
                accept_recovered(arbiter, packet, framed);
        else
                accept_line(arbiter, packet, framed);
        if (arbiter->catching_up.on)
                look_at_goal(arbiter, packet->now);
        if (!arbiter->params.hole)
                arbiter_expire(arbiter, packet->now);
}

/* ---- the clock ---- */

static void ask(struct arbiter *arbiter, int64_t now) {
        if (arbiter->asked.first == arbiter->next &&
            now - arbiter->asked.when < arbiter->params.recovery / ASKS)
                return;
        arbiter->asked.first = arbiter->next;
        arbiter->asked.when = now;
        arbiter->ops->ask(arbiter->userdata, arbiter->session, arbiter->next,
                          arbiter->window.lowest - arbiter->next);
}

/* What a stranger said of itself was neither borne out nor belied. */
static void settle_stranger(struct arbiter *arbiter, int64_t now) {
        if (arbiter->stranger.answered)
                forget_stranger(arbiter);
        else
                believe_stranger(arbiter, now);
}

/* How long a second one may take to follow. */
static int64_t stranger_wait(const struct arbiter *arbiter) {
        return arbiter->stranger.answered ? arbiter->params.hole : ARBITER_SILENCE;
}

/* True: a stranger was due, and now the rest may be due, too. */
static bool expire_stranger(struct arbiter *arbiter, int64_t now) {
        if (!arbiter->stranger.there || now - arbiter->stranger.packet.now < stranger_wait(arbiter))
                return false;
        settle_stranger(arbiter, now);
        return true;
}

/* Since when the lowest hole is known; ARBITER_NEVER: there is none that could get too old. */
static int64_t hole_since(struct arbiter *arbiter) {
        int64_t since;

        if (window_is_empty(&arbiter->window) || arbiter->catching_up.on)
                return ARBITER_NEVER;
        since = window_since(&arbiter->window);
        return since > arbiter->catching_up.over ? since : arbiter->catching_up.over;
}

/* True: a hole was given up, and now a stranger may be due: the stream has gone on since. */
static bool expire_hole(struct arbiter *arbiter, int64_t now) {
        const struct arbiter_params *params = &arbiter->params;
        int64_t since = hole_since(arbiter), age = now - since;

        if (since == ARBITER_NEVER || age < params->hole)
                return false;
        if (begin_to_catch_up(arbiter, 1))
                return false;
        if (age < params->hole + params->recovery) {
                ask(arbiter, now);
                return false;
        }
        give_up(arbiter);
        return true;
}

void arbiter_expire(struct arbiter *arbiter, int64_t now) {
        while (expire_stranger(arbiter, now) || expire_hole(arbiter, now))
                continue;
}

static int64_t earlier(int64_t a, int64_t b) {
        return a < b ? a : b;
}

int64_t arbiter_deadline(struct arbiter *arbiter) {
        const struct arbiter_params *params = &arbiter->params;
        int64_t due = ARBITER_NEVER, since = hole_since(arbiter);

        if (since != ARBITER_NEVER) {
                due = since + params->hole + params->recovery;
                if (params->recovery && arbiter->asked.first == arbiter->next)
                        due = earlier(due, arbiter->asked.when + params->recovery / ASKS);
                else if (params->recovery)
                        due = since + params->hole;
        }
        if (arbiter->stranger.there)
                due = earlier(due, arbiter->stranger.packet.now + stranger_wait(arbiter));
        return due;
}

/* Nothing waits any more. */
static void let_go(struct arbiter *arbiter) {
        arbiter_give_in(arbiter, arbiter->catching_up.over);
        give_up_all(arbiter);
}

void arbiter_drain(struct arbiter *arbiter) {
        let_go(arbiter);
        if (arbiter->stranger.there)
                settle_stranger(arbiter, arbiter->stranger.packet.now);
        let_go(arbiter);
}

void arbiter_forget(struct arbiter *arbiter) {
        forget_stranger(arbiter);
        window_clear(&arbiter->window);
        for (unsigned i = 0; i < ARBITER_LINES; i++)
                arbiter->line[i].epoch = 0;
        arbiter->begun = false;
        arbiter->next = 0;
}
