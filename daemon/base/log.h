#pragma once

/*
 * The log: sentences for people
 *
 * By hand they go to stderr, a line each. Where stderr is the journal, they go there with fields
 * beside them (base/journal.h): where in the code, which event, which feed or client. A sentence that
 * is about one of these two begins with its name, which the caller does not write: its format goes on
 * behind it, with ": what" or " does what".
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log-events.h"

enum {
        LOG_ERROR = 3,
        LOG_WARNING = 4,
        LOG_NOTICE = 5,
        LOG_INFO = 6,
        LOG_DEBUG = 7,
};

/* A peer; one that has not told its name yet is known by the kernel's word alone. */
struct log_client {
        uint32_t id;
        const char *name; /* "": not told */
        pid_t pid;
        uid_t uid;
};

/* What is known of a line beside its words. */
struct log_line {
        int level; /* LOG_... */
        const char *file;
        int number;
        const char *function;
        enum log_event event;
        const char *feed;                /* its name; NULL: about none */
        const struct log_client *client; /* NULL: about none */
};

/* Messages above `level` are dropped. */
void log_init(int level);

void log_write(const struct log_line *line, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#define LOG_LINE(level, ...)                                                                       \
        (&(const struct log_line){ (level), __FILE__, __LINE__, __func__, __VA_ARGS__ })

#define log_error(...)   log_write(LOG_LINE(LOG_ERROR, LOG_PLAIN), __VA_ARGS__)
#define log_warning(...) log_write(LOG_LINE(LOG_WARNING, LOG_PLAIN), __VA_ARGS__)
#define log_notice(...)  log_write(LOG_LINE(LOG_NOTICE, LOG_PLAIN), __VA_ARGS__)
#define log_info(...)    log_write(LOG_LINE(LOG_INFO, LOG_PLAIN), __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LINE(LOG_DEBUG, LOG_PLAIN), __VA_ARGS__)

#define log_event(level, event, ...) log_write(LOG_LINE(level, event), __VA_ARGS__)
#define log_feed(level, event, name, ...)                                                          \
        log_write(LOG_LINE(level, event, .feed = (name)), __VA_ARGS__)
#define log_client(level, event, who, ...)                                                         \
        log_write(LOG_LINE(level, event, .client = (who)), __VA_ARGS__)

/* A gate for one place in the code that a peer could make talk without end: lets `burst` lines pass
 * per `seconds`, counts the rest, and says how many there were when it opens again. */
struct log_gate {
        int64_t until; /* ns of CLOCK_MONOTONIC */
        uint32_t passed;
        uint64_t held;
};

bool log_gate_pass(struct log_gate *gate, unsigned burst, unsigned seconds);

/* Lines held back by all gates since the start, and those that nobody took. */
uint64_t log_suppressed(void);
