#pragma once

/*
 * Messages over the socket, for both ends
 *
 * A message is one packet: it comes whole or is refused. What a peer does wrong is an outcome, never
 * an error; what the kernel refuses us is an error.
 */

#include <stddef.h>

#include "wire/wire.h"

#define CONN_FDS_MAX 8 /* no message brings more descriptors */

enum {
        CONN_OK = 0,
        CONN_E_AGAIN,  /* nothing there now; the other end's buffer is full */
        CONN_E_CLOSED, /* the other end is gone */
        CONN_E_BROKEN, /* a packet that is no message: its size is not what it says, it was too long, or
                        * it brought descriptors that nobody asked for */
};

/* Where a daemon listens when nobody says where: $MDSHMD_SOCKET, else
 * $XDG_RUNTIME_DIR/mdshmd/mdshmd.sock if there is one, else /run/mdshmd/mdshmd.sock. A path
 * that does not fit `size` bytes is cut. */
void conn_default_path(char *path, size_t size);

/* The same of an instance, NAME.sock, whatever $MDSHMD_SOCKET says. */
void conn_instance_path(char *path, size_t size, const char *instance);

/* Connects to the socket at `path`, close-on-exec; sending and connecting then take at most
 * timeout_ms, and no time at all where that is 0. The descriptor, or negative errno: -ENAMETOOLONG, -ENOENT, -ECONNREFUSED, -EACCES,
 * -ETIMEDOUT (its queue is full), ... */
int conn_connect(const char *path, int timeout_ms);

/* Sends one message with n_fds descriptors, which stay the caller's. Never waits with MSG_DONTWAIT in
 * `flags`. */
int conn_send(int fd, const void *message, const int *fds, unsigned n_fds, int flags);

/*
 * Takes one message without waiting. `buffer` has room for WIRE_SIZE_MAX bytes and begins with a
 * wire_header; *n_fds is the room in fds before, and the number of descriptors that came after (0 in any
 * outcome but CONN_OK). With *n_fds 0, any descriptor makes the message CONN_E_BROKEN.
 */
int conn_recv(int fd, void *buffer, int *fds, unsigned *n_fds);

/* The same, but waits at most timeout_ms; then -ETIMEDOUT. */
int conn_recv_wait(int fd, void *buffer, int *fds, unsigned *n_fds, int timeout_ms);
