#pragma once

/*
 * Registration: from a path to a connection that the daemon has welcomed, the same for every role
 */

#include <stdbool.h>

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
        int timeout_ms;   /* for each of the two steps; 0: no time at all */
        unsigned n_fds;   /* descriptors that must come with WELCOME */
};

/* Connects and says HELLO. Returns the socket, or a negative errno and a sentence that names it. */
int register_begin(const struct registration *registration, struct sentence *why);

/* Takes the answer: with 0, *welcome and fds are the caller's. -ETIMEDOUT: it has not come yet. Otherwise a
 * negative errno. In words as above; the socket remains the caller's in any case. */
int register_take(const struct registration *registration, int fd, struct wire_welcome *welcome,
                  int *fds, struct sentence *why);

/* The two in one; the socket, or a negative errno. */
int register_with(const struct registration *registration, struct wire_welcome *welcome, int *fds,
                  struct sentence *why);

/* Sets a peer's name: printable, cut to what fits. */
void register_name(char name[WIRE_NAME], const char *text);

/* Whether a descriptor that came from the daemon is sealed: memory that can be cut off would let a mapping of
 * it fault. To be asked before its size is. */
bool register_is_sealed(int fd);
