/* The log: one line per sentence, to stderr or to the journal. */

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/journal.h"

#define TEXT_SIZE 1024

static int log_level = LOG_INFO;
static bool log_journal; /* stderr is the journal */
static uint64_t log_held;

void log_init(int level) {
        log_level = level;
        log_journal = journal_init();
}

/* ---- the sentence ---- */

/* How many bytes at `text` are one character of UTF-8; 0: they are none. */
static size_t utf8_length(const char *text) {
        const unsigned char *p = (const unsigned char *)text;
        size_t n = p[0] < 0x80   ? 1
                   : p[0] < 0xc2 ? 0
                   : p[0] < 0xe0 ? 2
                   : p[0] < 0xf0 ? 3
                   : p[0] < 0xf5 ? 4
                                 : 0;

        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

/* Of ASCII and of Latin 1: a terminal might obey. */
static bool is_control(const char *text) {
        const unsigned char *p = (const unsigned char *)text;

        return p[0] < ' ' || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
}

/* What a peer says may be quoted, but it can neither forge a line nor make one unreadable. */
static void make_plain(char *text) {
        size_t n;

        for (char *p = text; *p; p += n) {
                n = utf8_length(p);
                if (n == 0 || is_control(p)) {
                        *p = '?';
                        n = 1;
                }
        }
}

/* Whom it is about. */
static int say_subject(const struct log_line *line, char *text, size_t size) {
        const struct log_client *client = line->client;

        if (line->feed)
                return snprintf(text, size, "feed %s", line->feed);
        if (!client)
                return 0;
        if (!*client->name)
                return snprintf(text, size, "a connection of uid %u (pid %d)", client->uid,
                                client->pid);
        return snprintf(text, size, "client %u \"%s\" (pid %d, uid %u)", client->id, client->name,
                        client->pid, client->uid);
}

/* ---- the line ---- */

static void write_stderr(int level, const char *text) {
        static const char *const names[] = {
                [LOG_ERROR] = "error: ", [LOG_WARNING] = "warning: ", [LOG_NOTICE] = "",
                [LOG_INFO] = "",         [LOG_DEBUG] = "debug: ",
        };
        char line[TEXT_SIZE + 32];
        int n;

        if (log_journal) /* which is not there itself, but may be behind the stream */
                n = snprintf(line, sizeof(line), "<%d>%s\n", level, text);
        else
                n = snprintf(line, sizeof(line), "mdshmd: %s%s\n", names[level], text);
        /* one write, so that lines do not mix; if stderr is gone there is nobody left to tell. The journal's is a
         * socket, which nobody may empty. */
        if ((log_journal ? send(STDERR_FILENO, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL)
                         : write(STDERR_FILENO, line, (size_t)n)) < 0)
                log_held++;
}

void log_write(const struct log_line *line, const char *format, ...) {
        char text[TEXT_SIZE];
        va_list args;
        int n, r = -ENOENT, saved = errno;

        if (line->level > log_level)
                return;

        n = say_subject(line, text, sizeof(text));
        if (n >= (int)sizeof(text))
                n = sizeof(text) - 1;
        va_start(args, format);
        vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
        va_end(args);
        make_plain(text);

        if (log_journal)
                r = journal_send(line, text);
        if (r == -EAGAIN)
                log_held++;
        else if (r < 0)
                write_stderr(line->level, text);
        errno = saved;
}

bool log_gate_pass(struct log_gate *gate, unsigned burst, unsigned seconds) {
        struct timespec now;
        int64_t ns;

        clock_gettime(CLOCK_MONOTONIC, &now);
        ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
        if (ns >= gate->until) {
                if (gate->held)
                        log_warning("%llu more lines like the next one were held back",
                                    (unsigned long long)gate->held);
                *gate = (struct log_gate){ .until = ns + seconds * INT64_C(1000000000) };
        }
        if (gate->passed < burst) {
                gate->passed++;
                return true;
        }
        gate->held++;
        log_held++;
        return false;
}

uint64_t log_suppressed(void) {
        return log_held;
}

int error_note(int r, const char *file, int line, const char *function) {
        if (r < 0)
                log_write(&(const struct log_line){ LOG_DEBUG, file, line, function },
                          "%s:%d: %s(): %s", file, line, function, strerror(-r));
        return r;
}
