/* The lines that packets go out on; lines.h tells the idea. */

#include "sim/lines.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define SECOND        INT64_C(1000000000)
#define OVERTAKEN_MIN INT64_C(1000000) /* ns by which a packet is late that others overtake */
#define OVERTAKEN_MAX INT64_C(4000000)

void lines_seed(struct lines *lines, uint64_t seed) {
        struct random random = { seed };

        for (unsigned i = 0; i < LINES; i++)
                lines->line[i].random.state = random_next(&random);
}

void lines_deinit(struct lines *lines) {
        for (unsigned i = 0; i < LINES; i++) {
                sender_deinit(&lines->line[i].sender);
                queue_deinit(&lines->line[i].queue);
        }
}

int64_t lines_clock(const struct lines *lines) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * SECOND + now.tv_nsec - lines->began;
}

/* ---- out ---- */

static int put_out(struct lines *lines, unsigned i, int64_t time, const uint8_t *data,
                   size_t size) {
        struct line *line = &lines->line[i];

        line->sent++;
        if (lines->capture.file)
                capture_write(&lines->capture, lines->stamp + time, i, &line->sender.to, data,
                              size);
        return lines->live ? sender_send(&line->sender, data, size) : 0;
}

static struct line *next_due(struct lines *lines) {
        struct line *next = &lines->line[0];

        for (unsigned i = 1; i < LINES; i++)
                if (queue_due(&lines->line[i].queue) < queue_due(&next->queue))
                        next = &lines->line[i];
        return next;
}

/* Sends what is due by then. */
static int advance(struct lines *lines, int64_t now) {
        struct line *line;
        int r;

        if (now > lines->passed)
                lines->passed = now;
        for (;;) {
                struct queue_item item;

                line = next_due(lines);
                if (queue_due(&line->queue) > now)
                        return 0;
                item = queue_take(&line->queue);
                r = put_out(lines, (unsigned)(line - lines->line), item.due, item.data, item.size);
                free(item.data);
                if (r < 0)
                        return r;
        }
}

/* ---- what happens on the way ---- */

static bool happens(struct line *line, uint32_t chance) {
        return random_below(&line->random, LINE_ALL) < chance;
}

/* -ENOBUFS: there is no room on the line. */
static int put_in(struct line *line, int64_t due, const uint8_t *data, size_t size) {
        int r = queue_put(&line->queue, due, data, size);

        if (r == -ENOMEM)
                warnx("no memory for a packet on its way");
        return r;
}

/* When a packet arrives that is sent now. */
static int64_t arrival(struct line *line, int64_t now) {
        int64_t due = now + line->faults.delay;

        if (!happens(line, line->faults.reorder))
                return due;
        line->overtaken++;
        return due + OVERTAKEN_MIN +
               random_below(&line->random, (uint32_t)(OVERTAKEN_MAX - OVERTAKEN_MIN));
}

static int carry_once(struct lines *lines, unsigned i, int64_t now, const uint8_t *data,
                      size_t size) {
        struct line *line = &lines->line[i];
        int64_t due = arrival(line, now);

        return due <= now ? put_out(lines, i, now, data, size) : put_in(line, due, data, size);
}

/* Returns 1 if it is lost. What a line has no room for is. */
static int carry(struct lines *lines, unsigned i, int64_t now, const uint8_t *data, size_t size) {
        struct line *line = &lines->line[i];
        unsigned copies = 1, carried = 0;
        int r;

        if (happens(line, line->faults.loss)) {
                line->lost++;
                return 1;
        }
        if (happens(line, line->faults.duplicates)) {
                line->doubled++;
                copies++;
        }
        for (; copies; copies--) {
                r = carry_once(lines, i, now, data, size);
                if (r < 0 && r != -ENOBUFS)
                        return r;
                carried += r == 0;
        }
        line->lost += !carried;
        return !carried;
}

int lines_send(struct lines *lines, int64_t now, const uint8_t *data, size_t size) {
        bool lost = true;
        int r;

        r = advance(lines, now);
        if (r < 0)
                return r;
        now = lines->passed;
        for (unsigned i = LINE_A; i <= LINE_B; i++) {
                if (!lines->line[i].there)
                        continue;
                r = carry(lines, i, now, data, size);
                if (r < 0)
                        return r;
                lost = lost && r;
        }
        return lost;
}

/* ---- time ---- */

/* Sleeps until then, or until there is something to do besides. */
static int sleep_until(struct lines *lines, int64_t until) {
        int64_t rest = until - lines_clock(lines);
        const struct timespec time = { rest / SECOND, rest % SECOND };
        struct pollfd fd = { .fd = lines->idle_fd, .events = POLLIN };

        if (rest <= 0)
                return 0;
        if (ppoll(&fd, 1, &time, NULL) > 0)
                return lines->idle(lines->userdata);
        return 0;
}

/* The schedule is never ahead of the clock, but may well be behind it: what is sent late is late for all. */
int lines_wait(struct lines *lines, int64_t until, const volatile sig_atomic_t *stopped) {
        int64_t due, now;
        int r;

        while (lines->live && !*stopped && (now = lines_clock(lines)) < until) {
                r = advance(lines, now);
                if (r < 0)
                        return r;
                due = queue_due(&next_due(lines)->queue);
                r = sleep_until(lines, due < until ? due : until);
                if (r < 0)
                        return r;
        }
        return advance(lines, until);
}

int lines_drain(struct lines *lines, int64_t now, const volatile sig_atomic_t *stopped) {
        int64_t due;
        int r;

        while ((due = queue_due(&next_due(lines)->queue)) != QUEUE_NEVER) {
                r = lines_wait(lines, due > now ? due : now, stopped);
                if (r < 0)
                        return r;
        }
        return 0;
}
