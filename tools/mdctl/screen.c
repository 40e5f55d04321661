/*
 * mdctl watch on a terminal: a table that is always now
 */

#include "screen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fields.h"
#include "state.h"
#include "term.h"

#define MS         INT64_C(1000000) /* ns */
#define SECOND     (1000 * MS)
#define FRAME      (100 * MS) /* no two frames are closer */
#define IDLE_FRAME SECOND     /* nor farther apart */
#define TAKE_MAX   (50 * MS)  /* what changed is taken for so long at a time */
#define LATE       SECOND     /* a heartbeat older than this is a bad sign */

static const struct output_column columns[] = {
        { "symbol", .width = 8 },
        { "venue", .width = 5 },
        { "bid_sz", .right = true, .width = 7 },
        { "bid", .right = true, .width = 9 },
        { "ask", .right = true, .width = 9 },
        { "ask_sz", .right = true, .width = 7 },
        { "last", .right = true, .width = 9 },
        { "size", .right = true, .width = 6 },
        { "volume", .right = true, .width = 9 },
        { "trades", .right = true, .width = 7 },
        { "status" },
        { "change", .right = true, .width = 8 },
        { "merged", .right = true, .width = 6 },
};

struct row {
        struct md_instrument instrument;
        uint64_t merged;
        int64_t base_px; /* the last trade when we began, or the first after; MD_PX_NONE: none yet */
};

struct screen {
        const struct mdctl *mdctl;
        struct md_client *client;
        struct selection *selection;
        struct term term;
        struct output *output;

        struct row *rows; /* sorted */
        size_t n_rows;
        uint32_t *row_of; /* per instrument of the capacity: its row plus one, 0: none */
        size_t top;       /* the first row in the window */

        int64_t drawn;   /* when the last frame was */
        bool stale;      /* there is something to draw */
        bool unreadable; /* what went wrong is the library's to say, when we have left the screen */
        bool moved;      /* to another segment, where instruments have other indexes */

        uint64_t rate; /* ticks per second */
        uint64_t rate_newest;
        int64_t rate_since;
};

static int64_t now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * SECOND + now.tv_nsec;
}

static int fail_read(struct screen *screen, int r) {
        screen->unreadable = true;
        return r;
}

/* ---- rows ---- */

static int64_t read_last_px(struct screen *screen, uint32_t instrument) {
        struct md_tick tick;

        if (md_read(screen->client, instrument, MD_TRADE, &tick) <= 0)
                return MD_PX_NONE;
        return tick.u.trade.px;
}

/* Makes the rows afresh, with what is known of those that were there before. */
static int make_rows(struct screen *screen) {
        _cleanup_(freep) struct md_instrument *list = NULL;
        struct row *rows, *old = screen->rows;
        uint32_t *row_of = screen->row_of;
        size_t n;
        int r;

        r = selection_list(screen->selection, &list, &n);
        if (r < 0)
                return r;
        rows = calloc(n + 1, sizeof(*rows));
        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                uint32_t instrument = list[i].instrument, before = row_of[instrument];

                if (before)
                        rows[i] = old[before - 1];
                else
                        rows[i].base_px = read_last_px(screen, instrument);
                rows[i].instrument = list[i];
                row_of[instrument] = (uint32_t)i + 1;
        }
        free(old);
        screen->rows = rows;
        screen->n_rows = n;
        return 0;
}

static void take_change(struct screen *screen, const struct md_change *change) {
        const struct md_tick *tick = &change->tick;
        struct row *row;

        if (!selection_wants(screen->selection, tick->instrument) ||
            tick->instrument >= screen->selection->looked || !screen->row_of[tick->instrument])
                return;
        row = &screen->rows[screen->row_of[tick->instrument] - 1];
        row->merged += change->merged;
        if (tick->kind == MD_TRADE && row->base_px == MD_PX_NONE)
                row->base_px = tick->u.trade.px;
}

/* All anew, from what the client has now. */
static int restart(struct screen *screen) {
        struct md_health health;
        int r;

        free(screen->rows);
        free(screen->row_of);
        screen->rows = NULL;
        screen->row_of = NULL;
        screen->n_rows = 0;
        screen->moved = false;

        r = md_health(screen->client, &health);
        if (r < 0)
                return r;
        screen->rate_newest = health.newest;
        screen->rate_since = now_ns();
        screen->row_of = calloc(health.capacity + 1, sizeof(*screen->row_of));
        return screen->row_of ? make_rows(screen) : -ENOMEM;
}

static int take_changes(struct screen *screen) {
        int64_t until = now_ns() + TAKE_MAX;
        struct md_change change;
        int r = 0;

        if (screen->moved) {
                r = selection_restart(screen->selection);
                if (r == 0)
                        r = restart(screen);
        } else if (selection_update(screen->selection)) {
                r = make_rows(screen);
        }
        if (r < 0)
                return r;
        for (unsigned i = 1; (r = md_next(screen->client, &change)) > 0; i++) {
                take_change(screen, &change);
                if (i % 1024 == 0 && now_ns() > until)
                        break;
        }
        screen->stale = true;
        return r < 0 ? fail_read(screen, r) : 0;
}

/* ---- drawing ---- */

static void put_change(struct output *output, const struct row *row, const struct md_tick *trade) {
        char text[FIELD_TEXT_SIZE + 1] = "+";
        int64_t change;

        if (!trade->seq || trade->u.trade.px == MD_PX_NONE || row->base_px == MD_PX_NONE ||
            __builtin_sub_overflow(trade->u.trade.px, row->base_px, &change)) {
                output_null(output);
                return;
        }
        price_format(change > 0 ? text + 1 : text, output, change);
        output_tone(output, change > 0 ? TONE_GOOD : change < 0 ? TONE_BAD : TONE_NORMAL);
        output_text(output, text);
}

static int draw_row(struct screen *screen, const struct row *row) {
        struct output *output = screen->output;
        struct state state;
        int r;

        r = state_read(&state, screen->client, &row->instrument);
        if (r < 0)
                return fail_read(screen, r);
        output_text(output, row->instrument.symbol);
        output_text(output, row->instrument.venue);
        state_put_bid_sz(&state, output);
        state_put_bid_px(&state, output);
        state_put_ask_px(&state, output);
        state_put_ask_sz(&state, output);
        state_put_last(&state, output);
        state_put_volume(&state, output);
        output_int(output, state.tick[STATE_TOTALS].u.totals.trades);
        state_put_status(&state, output);
        put_change(output, row, &state.tick[STATE_TRADE]);
        output_uint(output, row->merged);
        output_row(output);
        return 0;
}

static void measure_rate(struct screen *screen, const struct md_health *health, int64_t now) {
        int64_t past = now - screen->rate_since;

        if (past < SECOND)
                return;
        screen->rate = (uint64_t)((double)(health->newest - screen->rate_newest) * (double)SECOND /
                                  (double)past);
        screen->rate_newest = health->newest;
        screen->rate_since = now;
}

/* How old what we show is, and why. */
static void draw_age(struct screen *screen, FILE *frame, const struct md_health *health) {
        bool colour = screen->mdctl->output_flags & OUTPUT_COLOUR;
        bool good = health->connected && health->heartbeat_age <= LATE;
        char age[TEXT_DURATION_SIZE], text[128];
        const char *words = "heartbeat";

        if (health->file)
                words = "saved";
        else if (health->state == MD_STATE_STOPPED)
                words = "the daemon has stopped: this is as it was";
        else if (!health->connected)
                words = "the daemon has gone: this is as it was";
        text_duration(age, health->heartbeat_age);
        snprintf(text, sizeof(text), "%s %s ago", words, age);
        text_paint(frame, colour, good ? TONE_GOOD : TONE_BAD, text);
}

static void draw_daemon(struct screen *screen, FILE *frame, const struct md_health *health) {
        bool colour = screen->mdctl->output_flags & OUTPUT_COLOUR;
        char text[64];

        text_paint(frame, colour, TONE_NORMAL, "mdshmd ");
        text_paint(frame, colour, TONE_NORMAL, health->version);
        fputs("  ", frame);
        draw_age(screen, frame, health);
        if (health->connected)
                fprintf(frame, "  %" PRIu64 " ticks/s", screen->rate);
        if (health->missed) {
                snprintf(text, sizeof(text), "  missed %" PRIu64, health->missed);
                text_paint(frame, colour, TONE_BAD, text);
        }
        if (screen->term.has_keys)
                text_paint(frame, colour, TONE_FAINT, "  q quits");
        putc('\n', frame);
}

/* What the segment says of the feeds is a matter of the past without a daemon. */
static void draw_feeds(struct screen *screen, FILE *frame, bool past, size_t n_shown) {
        bool colour = screen->mdctl->output_flags & OUTPUT_COLOUR;
        struct md_feed feed;

        for (uint32_t i = 0; md_feed(screen->client, i, &feed) == 0; i++) {
                text_paint(frame, colour, TONE_NORMAL, feed.name);
                fputs(past ? " was " : " ", frame);
                text_paint(frame, colour, past ? TONE_FAINT : feed_tone(feed.state),
                           md_feed_state_name(feed.state));
                fputs("  ", frame);
        }
        if (n_shown < screen->n_rows)
                fprintf(frame, "%zu-%zu of %zu", screen->top + 1, screen->top + n_shown,
                        screen->n_rows);
        else if (!screen->n_rows)
                fputs("no instruments yet", frame);
        putc('\n', frame);
}

/* Rows that the window has room for, below two lines of state and the names of the columns. */
static size_t page_size(const struct screen *screen) {
        return screen->term.rows > 4 ? screen->term.rows - 3 : 1;
}

/* How many rows the window shows; sees to it that none of them is beyond the last. */
static size_t place_window(struct screen *screen) {
        size_t n = page_size(screen);

        if (screen->top + n > screen->n_rows)
                screen->top = screen->n_rows > n ? screen->n_rows - n : 0;
        return n < screen->n_rows ? n : screen->n_rows;
}

static int draw(struct screen *screen) {
        FILE *frame = term_frame(&screen->term);
        size_t n = place_window(screen);
        struct md_health health;
        int r;

        r = md_health(screen->client, &health);
        if (r < 0)
                return fail_read(screen, r);
        screen->drawn = now_ns();
        screen->stale = false;
        measure_rate(screen, &health, screen->drawn);
        draw_daemon(screen, frame, &health);
        draw_feeds(screen, frame, !health.connected, n);
        output_header(screen->output);
        for (size_t i = 0; i < n; i++) {
                r = draw_row(screen, &screen->rows[screen->top + i]);
                if (r < 0)
                        return r;
        }
        r = output_flush(screen->output);
        return r < 0 ? r : term_show(&screen->term);
}

/* ---- the loop ---- */

/* Waits until the next frame is due, or something else happens. */
static enum term_event next_event(struct screen *screen) {
        int64_t since = now_ns() - screen->drawn;
        int r;

        if (since < FRAME)
                return term_wait(&screen->term, -1, (int)((FRAME - since) / MS) + 1);
        r = md_dispatch(screen->client, 0);
        screen->moved |= r == MD_REMAPPED;
        if (r > 0)
                return TERM_READY;
        if (since >= IDLE_FRAME)
                screen->stale = true;
        return term_wait(&screen->term, r == -EPIPE ? -1 : md_fd(screen->client),
                         screen->stale ? 0 : (int)((IDLE_FRAME - since) / MS) + 1);
}

static void scroll(struct screen *screen, enum term_event event) {
        size_t page = page_size(screen), top = screen->top;

        switch (event) {
        case TERM_UP:
                top -= top > 0;
                break;
        case TERM_DOWN:
                top++;
                break;
        case TERM_PAGE_UP:
                top -= top > page ? page : top;
                break;
        case TERM_PAGE_DOWN:
                top += page;
                break;
        case TERM_HOME:
                top = 0;
                break;
        default:
                top = screen->n_rows;
                break;
        }
        screen->top = top; /* draw() keeps it in bounds */
        screen->stale = true;
}

static int loop(struct screen *screen) {
        int r;

        for (;;) {
                enum term_event event = next_event(screen);

                switch (event) {
                case TERM_QUIT:
                        return 0;
                case TERM_READY:
                        r = take_changes(screen);
                        if (r < 0)
                                return r;
                        break;
                case TERM_NOTHING:
                        break;
                case TERM_RESIZED:
                        screen->stale = true;
                        break;
                default:
                        scroll(screen, event);
                        break;
                }
                if (screen->stale) {
                        r = draw(screen);
                        if (r < 0)
                                return r;
                }
        }
}

static void screen_deinit(struct screen *screen) {
        term_deinit(&screen->term);
        output_free(screen->output);
        free(screen->rows);
        free(screen->row_of);
}

static int run(struct screen *screen) {
        int r;

        r = restart(screen);
        if (r == 0)
                r = term_init(&screen->term);
        if (r == 0)
                r = output_new(&screen->output, term_frame(&screen->term), OUTPUT_TABLE,
                               screen->mdctl->output_flags | OUTPUT_STREAM, columns,
                               N_ELEMENTS(columns));
        if (r == 0)
                r = draw(screen);
        return r < 0 ? r : loop(screen);
}

int screen_run(const struct mdctl *mdctl, struct selection *selection) {
        struct screen screen = {
                .mdctl = mdctl,
                .client = mdctl->client,
                .selection = selection,
                .term = TERM_INIT,
        };
        int r;

        r = run(&screen);
        screen_deinit(&screen);
        if (r < 0)
                complain("%s", screen.unreadable ? md_error(mdctl->client) : strerror(-r));
        return r;
}
