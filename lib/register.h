#pragma once

/*
 * Registration: from a path to a connection that the daemon has welcomed, the same for every role
 */

#include "wire/wire.h"

/* The last thing that went wrong, in words. */
struct sentence {
        char text[512];
};

/* Sets the sentence and returns r. */
int sentence_fail(struct sentence *sentence, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

struct registration {
        const char *path; /* of the socket; NULL: the usual one */
        uint32_t role;
        const char *name; /* WIRE_NAME bytes */
        const char *feed; /* WIRE_NAME bytes, or NULL */
        int timeout_ms;
        unsigned n_fds; /* descriptors that must come with WELCOME */
};

/*
 * Connects, says HELLO and takes the answer. Returns the socket; *welcome and fds are then the
 * caller's. Otherwise a negative errno and a sentence that names the socket.
 */
int register_with(const struct registration *registration, struct wire_welcome *welcome, int *fds,
                  struct sentence *why);

/* Sets a peer's name: printable, cut to what fits. */
void register_name(char name[WIRE_NAME], const char *text);
