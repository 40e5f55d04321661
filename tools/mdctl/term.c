/*
 * The terminal, as a full screen
 */

#include "term.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENTER      "\033[?1049h\033[?25l" /* alternate screen, no cursor */
#define LEAVE      "\033[?25h\033[?1049l"
#define HOME       "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"
#define NORMAL     "\033[0m"

static int write_all(const char *text, size_t size) {
        ssize_t n;

        for (; size; text += n, size -= (size_t)n) {
                n = write(STDOUT_FILENO, text, size);
                if (n < 0 && errno == EINTR)
                        n = 0;
                if (n < 0)
                        return -errno;
        }
        return 0;
}

static void measure(struct term *term) {
        struct winsize size;

        term->rows = 24;
        term->columns = 80;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
                term->rows = size.ws_row;
                term->columns = size.ws_col;
        }
}

static void enter(struct term *term) {
        struct termios raw = term->saved;

        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        if (term->has_keys)
                tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
        write_all(ENTER, strlen(ENTER));
        measure(term);
}

static void leave(struct term *term) {
        write_all(LEAVE, strlen(LEAVE));
        if (term->has_keys)
                tcsetattr(STDIN_FILENO, TCSADRAIN, &term->saved);
}

int term_init(struct term *term) {
        static const int signals[] = {
                SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH
        };
        sigset_t mask;
        int r;

        *term = (struct term)TERM_INIT;
        term->frame = open_memstream(&term->text, &term->size);
        if (!term->frame)
                return -errno;
        sigemptyset(&mask);
        for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
                sigaddset(&mask, signals[i]);
        term->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (term->signal_fd < 0) {
                r = -errno;
                fclose(term->frame);
                free(term->text);
                return r;
        }
        sigprocmask(SIG_BLOCK, &mask, &term->saved_mask);
        term->has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &term->saved) == 0;
        enter(term);
        return 0;
}

void term_deinit(struct term *term) {
        if (term->signal_fd < 0)
                return;

        leave(term);
        close(term->signal_fd);
        sigprocmask(SIG_SETMASK, &term->saved_mask, NULL);
        fclose(term->frame);
        free(term->text);
        free(term->screen);
        *term = (struct term)TERM_INIT;
}

/* ---- frames ---- */

FILE *term_frame(struct term *term) {
        rewind(term->frame);
        return term->frame;
}

/* Copies a line to `out` as far as it fits the window, colours whole. Returns the end of the copy. */
static char *cut_line(const struct term *term, const char *line, const char *end, char *out) {
        unsigned column = 0;

        while (line < end) {
                if (*line == '\033') {
                        while (line < end && *line != 'm')
                                *out++ = *line++;
                        if (line < end)
                                *out++ = *line++;
                } else {
                        if (column < term->columns)
                                *out++ = *line;
                        column += column < term->columns;
                        line++;
                }
        }
        /* in the last column the cursor waits on the character just written: it must not go */
        return stpcpy(out, column < term->columns ? NORMAL CLEAR_LINE : NORMAL);
}

int term_show(struct term *term) {
        const char *line, *end, *next;
        unsigned row = 0;
        char *out;

        if (fflush(term->frame) || ferror(term->frame))
                return -ENOMEM;
        out = realloc(term->screen, term->size + sizeof(HOME CLEAR_REST) +
                                            (term->rows + 1) * sizeof(NORMAL CLEAR_LINE "\n"));
        if (!out)
                return -ENOMEM;
        term->screen = out;

        out = stpcpy(out, HOME);
        end = term->text + term->size;
        for (line = term->text; line < end && row < term->rows; line = next + 1, row++) {
                next = memchr(line, '\n', (size_t)(end - line));
                if (!next)
                        next = end;
                if (row)
                        *out++ = '\n';
                out = cut_line(term, line, next, out);
        }
        if (row < term->rows)
                out = stpcpy(out, "\n" CLEAR_REST);
        return write_all(term->screen, (size_t)(out - term->screen));
}

/* ---- keys and signals ---- */

static const struct key {
        const char *bytes;
        enum term_event event;
} keys[] = {
        { "q", TERM_QUIT },          { "Q", TERM_QUIT },      { "k", TERM_UP },
        { "\033[A", TERM_UP },       { "\033OA", TERM_UP },   { "j", TERM_DOWN },
        { "\033[B", TERM_DOWN },     { "\033OB", TERM_DOWN }, { "b", TERM_PAGE_UP },
        { "\033[5~", TERM_PAGE_UP }, { " ", TERM_PAGE_DOWN }, { "\033[6~", TERM_PAGE_DOWN },
        { "g", TERM_HOME },          { "\033[H", TERM_HOME }, { "\033OH", TERM_HOME },
        { "\033[1~", TERM_HOME },    { "G", TERM_END },       { "\033[F", TERM_END },
        { "\033OF", TERM_END },      { "\033[4~", TERM_END },
};

/* Takes the first of the keys typed. An escape sequence that means nothing takes all of them along. */
static enum term_event take_key(struct term *term) {
        enum term_event event = TERM_NOTHING;
        size_t size = term->keys[0] == '\033' ? strlen(term->keys) : 1;

        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
                if (strncmp(term->keys, keys[i].bytes, strlen(keys[i].bytes)))
                        continue;
                size = strlen(keys[i].bytes);
                event = keys[i].event;
                break;
        }
        memmove(term->keys, term->keys + size, strlen(term->keys + size) + 1);
        return event;
}

static enum term_event read_key(struct term *term) {
        ssize_t n;

        n = read(STDIN_FILENO, term->keys, sizeof(term->keys) - 1);
        if (n <= 0) {
                term->has_keys = n < 0 && errno == EINTR;
                return TERM_NOTHING;
        }
        term->keys[n] = '\0';
        return take_key(term);
}

static enum term_event read_signal(struct term *term) {
        struct signalfd_siginfo info;

        if (read(term->signal_fd, &info, sizeof(info)) != sizeof(info))
                return TERM_NOTHING;
        switch (info.ssi_signo) {
        case SIGWINCH:
                measure(term);
                return TERM_RESIZED;
        case SIGTSTP:
                leave(term);
                raise(SIGSTOP);
                enter(term);
                return TERM_RESIZED;
        case SIGCONT: /* somebody else had stopped us, and the shell has taken the terminal */
                enter(term);
                return TERM_RESIZED;
        default:
                return TERM_QUIT;
        }
}

enum term_event term_wait(struct term *term, int fd, int timeout_ms) {
        struct pollfd fds[] = {
                { .fd = term->signal_fd, .events = POLLIN },
                { .fd = term->has_keys ? STDIN_FILENO : -1, .events = POLLIN },
                { .fd = fd, .events = POLLIN },
        };

        if (term->keys[0])
                return take_key(term);
        if (poll(fds, 3, timeout_ms) <= 0)
                return TERM_NOTHING;
        if (fds[0].revents)
                return read_signal(term);
        if (fds[1].revents)
                return read_key(term);
        return TERM_READY;
}
