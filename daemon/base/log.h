#pragma once

/* The log: sentences for people, to stderr; with priorities that the journal understands. */

#include <stdbool.h>
#include <stdint.h>

enum {
        LOG_ERROR = 3,
        LOG_WARNING = 4,
        LOG_NOTICE = 5,
        LOG_INFO = 6,
        LOG_DEBUG = 7,
};

/* Messages above `level` are dropped. */
void log_init(int level);

void log_write(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)

/* A gate for one place in the code that a peer could make talk without end: lets `burst` lines pass
 * per `seconds`, counts the rest, and says how many there were when it opens again. */
struct log_gate {
        int64_t until; /* ns of CLOCK_MONOTONIC */
        uint32_t passed;
        uint64_t held;
};

bool log_gate_pass(struct log_gate *gate, unsigned burst, unsigned seconds);

/* Lines held back by all gates since the start. */
uint64_t log_suppressed(void);
