/*
 * mdctl: what its commands share
 */

#include "mdctl.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void complain(const char *format, ...) {
        va_list args;

        fputs("mdctl: ", stderr);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        putc('\n', stderr);
}

int complain_client(const struct mdctl *mdctl, int r) {
        complain("%s", md_error(mdctl->client));
        return r;
}

/* ---- output ---- */

int begin_output(const struct mdctl *mdctl, unsigned flags, const struct output_column *columns,
                 size_t n_columns, struct output **outputp) {
        int r;

        r = output_new(outputp, stdout, mdctl->format, mdctl->output_flags | flags, columns,
                       n_columns);
        if (r < 0)
                complain("%s", strerror(-r));
        return r;
}

int end_output(struct output *output) {
        int r;

        r = output_finish(output);
        if (r < 0 && r != -EPIPE)
                complain("cannot write: %s", strerror(-r));
        return r;
}

/* ---- instruments and feeds ---- */

static int select_instruments(const struct mdctl *mdctl, struct selection *selection) {
        int r;

        r = selection_init(selection, mdctl->client, mdctl->args, mdctl->n_args);
        if (r == -ENOMEM)
                complain("%s", strerror(-r));
        else if (r < 0)
                complain_client(mdctl, r);
        return r;
}

int follow_instruments(const struct mdctl *mdctl, uint32_t kinds, struct selection *selection) {
        const char *pattern;
        size_t i = 0;
        int r;

        r = select_instruments(mdctl, selection);
        if (r < 0)
                return r;
        while ((pattern = selection_unmet(selection, &i)))
                complain("no instrument is called %s yet: waiting for it", pattern);

        r = md_subscribe_kinds(mdctl->client, kinds);
        if (r == 0)
                r = selection_subscribe(selection);
        return r < 0 ? complain_client(mdctl, r) : 0;
}

int list_instruments(const struct mdctl *mdctl, struct md_instrument **listp, size_t *n,
                     int *unmet) {
        struct selection selection;
        const char *pattern;
        size_t i = 0;
        int r;

        r = select_instruments(mdctl, &selection);
        if (r < 0)
                return r;
        *unmet = 0;
        while ((pattern = selection_unmet(&selection, &i))) {
                complain("no instrument is called %s", pattern);
                *unmet = -ENOENT;
        }
        r = selection_list(&selection, listp, n);
        if (r < 0)
                complain("%s", strerror(-r));
        selection_deinit(&selection);
        return r;
}

const char *feed_name(const struct mdctl *mdctl, uint32_t index, struct md_feed *feed) {
        return md_feed(mdctl->client, index, feed) == 0 ? feed->name : "";
}

enum tone feed_tone(uint32_t state) {
        switch (state) {
        case MD_FEED_LIVE:
                return TONE_GOOD;
        case MD_FEED_ENDED:
                return TONE_FAINT;
        case MD_FEED_RECOVERING:
                return TONE_WARN;
        default:
                return TONE_BAD;
        }
}

/* ---- waiting ---- */

int wait_for_news(const struct mdctl *mdctl) {
        struct pollfd fds[] = {
                { .fd = md_fd(mdctl->client), .events = POLLIN },
                { .fd = STDOUT_FILENO },
        };
        int r;

        for (;;) {
                r = md_dispatch(mdctl->client, 0);
                if (r == -EPIPE && mdctl->file)
                        return 0;
                if (r == -EPIPE) {
                        complain("the daemon has gone");
                        return -ECONNRESET;
                }
                if (r < 0 && r != -EINTR)
                        return complain_client(mdctl, r);
                if (r > 0)
                        return r;
                if (poll(fds, N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        return -errno;
                if (fds[1].revents)
                        return -EPIPE;
        }
}
