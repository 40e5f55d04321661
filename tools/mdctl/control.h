#pragma once

/*
 * The control role: questions that only the daemon can answer
 *
 * One connection, one question after the other. What goes wrong is a negative errno, and a sentence
 * in `error`.
 */

#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

struct control_link {
        int fd; /* -1: not connected */
        char path[256];
        uint64_t newest; /* number of the newest tick when we connected */
        char error[512];
};

#define CONTROL_LINK_INIT                                                                          \
        { .fd = -1 }

/* `path` is the socket's, NULL for the usual ones; `name` is ours. -EACCES: refused. */
int control_open(struct control_link *link, const char *path, const char *name);
void control_close(struct control_link *link);

/* Who is connected, this link included, in the order in which they came. The caller frees the list. */
int control_clients(struct control_link *link, struct wire_client **listp, size_t *n);

/* The words of the line that begins with `key`, "" where there is none. */
int control_about(struct control_link *link, const char *key, char value[WIRE_TEXT]);

/* Has the daemon read its config again. -EINVAL: there is something wrong with it, and the old one stays. */
int control_reload(struct control_link *link);
