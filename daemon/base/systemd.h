#pragma once

/*
 * What systemd gives and wants: descriptors at the start, news while running, signs of life
 *
 * Without systemd each of these does nothing, and costs nothing.
 */

#include <stdbool.h>
#include <stddef.h>

/* Descriptors that came with the process: sockets of its .socket unit, and what it stored itself.
 * They come in no order that can be relied on, so they are known by their names alone. */
struct systemd_fds {
        struct systemd_fd *fds; /* in the order of their names */
        size_t n;
};

#define SYSTEMD_FDS_INIT                                                                           \
        { NULL, 0 }

/* All that came under one name. */
#define SYSTEMD_PARCEL_MAX 8

struct systemd_parcel {
        const char *name; /* as long as the systemd_fds live */
        int fds[SYSTEMD_PARCEL_MAX];
        unsigned n;
};

/* Takes them over, once and for all, so that no child inherits them. Returns 0, negative errno. */
int systemd_fds_init(struct systemd_fds *fds);

/* Hands out one of that name, which is the caller's from then on; -ENOENT when there is none. */
int systemd_fds_take(struct systemd_fds *fds, const char *name);

/* Hands out the first name that begins with `prefix`, with all that came under it: the caller's from then
 * on. More than SYSTEMD_PARCEL_MAX are closed, and none handed out. False: there is no such name (any more). */
bool systemd_fds_take_parcel(struct systemd_fds *fds, const char *prefix,
                             struct systemd_parcel *parcel);

/* Closes those that nobody took, and says so in the log. */
void systemd_fds_deinit(struct systemd_fds *fds);

/* Whether anybody waits for what follows. */
bool systemd_listens(void);

/* A socket on which it hears, close-on-exec and non-blocking, or negative errno. */
int systemd_connect(void);

/* A systemd that stands still holds nobody up: what it does not hear goes unsaid. For what is said once it is
 * given a second; signs of life and the status come again by themselves. */

/* A sentence for `systemctl status`. */
void systemd_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Started, or done with reloading: from now on requests are served. */
void systemd_ready(void);
void systemd_reloading(void);
void systemd_stopping(void);

/* Seconds between two calls of systemd_alive(); 0 when nobody waits for them. */
double systemd_watchdog_interval(void);
void systemd_alive(void);
