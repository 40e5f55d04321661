/* The log: one line per sentence, to stderr. */

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

static int log_level = LOG_INFO;
static bool log_journal; /* stderr is the journal: prefix each line with its priority */
static uint64_t log_held;

void log_init(int level) {
        log_level = level;
        log_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_write(int level, const char *format, ...) {
        static const char *const names[] = {
                [LOG_ERROR] = "error: ", [LOG_WARNING] = "warning: ", [LOG_NOTICE] = "",
                [LOG_INFO] = "",         [LOG_DEBUG] = "debug: ",
        };
        char text[1024];
        va_list args;
        int n, saved = errno;

        if (level > log_level)
                return;

        if (log_journal)
                n = snprintf(text, sizeof(text), "<%d>", level);
        else
                n = snprintf(text, sizeof(text), "mdshmd: %s", names[level]);
        va_start(args, format);
        n += vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
        va_end(args);
        if (n > (int)sizeof(text) - 2)
                n = sizeof(text) - 2;
        /* what a peer says may be quoted, but it cannot forge a line */
        for (int i = 0; i < n; i++)
                if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
                        text[i] = '?';
        text[n++] = '\n';

        /* one write, so that lines do not mix; if stderr is gone there is nobody left to tell */
        if (write(STDERR_FILENO, text, (size_t)n) < 0)
                log_held++;
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
                log_debug("%s:%d: %s(): %s", file, line, function, strerror(-r));
        return r;
}
