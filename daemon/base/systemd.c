/* systemd, as far as a daemon sees it. */

#include "base/systemd.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define PATIENCE_MS 1000

struct systemd_fd {
        char *name;
        int fd; /* -1: taken */
};

static int by_name(const void *a, const void *b) {
        const struct systemd_fd *one = a, *other = b;

        return strcmp(one->name, other->name);
}

int systemd_fds_init(struct systemd_fds *fds) {
        char **names = NULL; /* one for each, or NULL where there is none */
        int n;

        *fds = (struct systemd_fds)SYSTEMD_FDS_INIT;
        n = sd_listen_fds_with_names(1, &names);
        if (n <= 0)
                return error_origin(n);

        fds->fds = calloc((size_t)n, sizeof(*fds->fds));
        for (int i = 0; i < n; i++) {
                if (fds->fds)
                        fds->fds[i] = (struct systemd_fd){ names[i], SD_LISTEN_FDS_START + i };
                else
                        free(names[i]);
        }
        free(names);
        if (!fds->fds)
                return error_origin(-ENOMEM);
        fds->n = (size_t)n;
        qsort(fds->fds, fds->n, sizeof(*fds->fds), by_name);
        return 0;
}

int systemd_fds_take(struct systemd_fds *fds, const char *name) {
        int fd;

        for (size_t i = 0; i < fds->n; i++) {
                fd = fds->fds[i].fd;
                if (fd < 0 || strcmp(fds->fds[i].name, name))
                        continue;
                fds->fds[i].fd = -1;
                return fd;
        }
        return -ENOENT;
}

/* The first of those whose name is not less than the prefix. */
static size_t lower_bound(const struct systemd_fds *fds, const char *prefix) {
        size_t begin = 0, end = fds->n;

        while (begin < end) {
                size_t middle = begin + (end - begin) / 2;

                if (strcmp(fds->fds[middle].name, prefix) < 0)
                        begin = middle + 1;
                else
                        end = middle;
        }
        return begin;
}

bool systemd_fds_take_parcel(struct systemd_fds *fds, const char *prefix,
                             struct systemd_parcel *parcel) {
        size_t i = lower_bound(fds, prefix);

        *parcel = (struct systemd_parcel){ 0 };
        while (i < fds->n && fds->fds[i].fd < 0)
                i++;
        if (i == fds->n || strncmp(fds->fds[i].name, prefix, strlen(prefix)))
                return false;
        parcel->name = fds->fds[i].name;
        for (; i < fds->n && !strcmp(fds->fds[i].name, parcel->name); i++) {
                if (parcel->n < SYSTEMD_PARCEL_MAX)
                        parcel->fds[parcel->n] = fds->fds[i].fd;
                else
                        close(fds->fds[i].fd);
                parcel->n++;
                fds->fds[i].fd = -1;
        }
        if (parcel->n > SYSTEMD_PARCEL_MAX) {
                for (unsigned k = 0; k < SYSTEMD_PARCEL_MAX; k++)
                        close(parcel->fds[k]);
                parcel->n = 0;
        }
        return true;
}

void systemd_fds_deinit(struct systemd_fds *fds) {
        for (size_t i = 0; i < fds->n; i++) {
                if (fds->fds[i].fd >= 0)
                        log_warning("systemd handed over a descriptor named \"%s\", which is not "
                                    "known here; closing it",
                                    fds->fds[i].name);
                closep(&fds->fds[i].fd);
                free(fds->fds[i].name);
        }
        free(fds->fds);
        *fds = (struct systemd_fds)SYSTEMD_FDS_INIT;
}

bool systemd_listens(void) {
        const char *path = getenv("NOTIFY_SOCKET");

        return path && *path;
}

int systemd_connect(void) {
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t length = path ? strlen(path) : 0;
        _cleanup_(closep) int fd = -1;
        int r;

        if (!length || (path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path))
                return -EINVAL;
        memcpy(address.sun_path, path, length);
        if (path[0] == '@')
                address.sun_path[0] = '\0';

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
                return -errno;
        r = fd;
        fd = -1;
        return r;
}

static int say(const char *state, int patience_ms) {
        _cleanup_(closep) int fd = systemd_connect();
        struct pollfd poller = { .fd = fd, .events = POLLOUT };

        if (fd < 0)
                return fd;
        if (patience_ms)
                poll(&poller, 1, patience_ms);
        return send(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Nothing hangs on it, so a failure is for the debug log. */
static void notify(const char *state, int patience_ms) {
        int r = systemd_listens() ? say(state, patience_ms) : 0;

        if (r < 0)
                log_debug("cannot tell systemd %s: %s", state, strerror(-r));
}

void systemd_status(const char *format, ...) {
        char state[256] = "STATUS=";
        size_t n = strlen(state);
        va_list args;

        va_start(args, format);
        vsnprintf(state + n, sizeof(state) - n, format, args);
        va_end(args);
        /* a newline would begin another field */
        for (char *p = state; *p; p++)
                if (*p == '\n')
                        *p = ' ';
        notify(state, 0);
}

void systemd_ready(void) {
        notify("READY=1", PATIENCE_MS);
}

void systemd_reloading(void) {
        char state[64];
        struct timespec now;

        /* with the time, so that systemd can tell this reload from an earlier one */
        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
                 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
        notify(state, PATIENCE_MS);
}

void systemd_stopping(void) {
        notify("STOPPING=1", PATIENCE_MS);
}

double systemd_watchdog_interval(void) {
        uint64_t us;

        if (sd_watchdog_enabled(0, &us) <= 0)
                return 0;
        /* two signs of life within the time, so that one may be late */
        return (double)us / 2e6;
}

void systemd_alive(void) {
        notify("WATCHDOG=1", 0);
}
