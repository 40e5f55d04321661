#pragma once

/* For tests of the config: a text read as a file, and what that put into the log. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/log.h"

struct attempt {
        char path[32];
        struct config *config; /* NULL: refused */
        int r;
        char said[65536];
        size_t lines; /* of them */
};

/* Standard error is a file for as long as the log is listened to. */
static inline int listen_begin(void) {
        int saved = dup(STDERR_FILENO);
        FILE *file = tmpfile();

        assert_true(saved >= 0);
        assert_non_null(file);
        assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
        fclose(file);
        return saved;
}

static inline void listen_end(struct attempt *attempt, int saved) {
        ssize_t n = pread(STDERR_FILENO, attempt->said, sizeof(attempt->said) - 1, 0);

        dup2(saved, STDERR_FILENO);
        close(saved);
        assert_true(n >= 0);
        attempt->said[n] = '\0';
        attempt->lines = 0;
        for (ssize_t i = 0; i < n; i++)
                attempt->lines += attempt->said[i] == '\n';
}

static inline void attempt_path(struct attempt *attempt, const char *path) {
        int saved = listen_begin();

        log_init(LOG_INFO);
        attempt->config = NULL;
        attempt->r = config_new(&attempt->config, path);
        listen_end(attempt, saved);
}

static inline void attempt_bytes(struct attempt *attempt, const char *bytes, size_t n) {
        int fd;

        strcpy(attempt->path, "/tmp/test-config.XXXXXX");
        fd = mkstemp(attempt->path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, n), n);
        close(fd);
        attempt_path(attempt, attempt->path);
        unlink(attempt->path);
}

/* Reads `text` as a file; config_free(attempt->config) afterwards. */
static inline void attempt_text(struct attempt *attempt, const char *text) {
        attempt_bytes(attempt, text, strlen(text));
}

/* Whether a line of the log says this of that line of the file. */
static inline int attempt_said(const struct attempt *attempt, unsigned line, const char *text) {
        char begin[64];
        const char *p, *end;

        snprintf(begin, sizeof(begin), "mdshmd: error: %s:%u: ", attempt->path, line);
        for (p = attempt->said; (p = strstr(p, begin)); p = end) {
                end = strchrnul(p, '\n');
                if (memmem(p, (size_t)(end - p), text, strlen(text)))
                        return 1;
        }
        return 0;
}
