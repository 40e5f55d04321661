#pragma once

/*
 * Letting go of what a peer has sent, without waiting for it
 *
 * With whatever it says a peer can send descriptors, wanted or not. Taking the message, or closing the
 * socket in which it still waits, throws them away; and who lets go of the last hold on a thing does the work
 * of its end. A TCP socket that was told to linger (SO_LINGER), and whose other end takes nothing, waits
 * as long as its maker likes; a set of inotify watches waits for the whole kernel; memory and files are
 * given back page by page.
 *
 * So the loop takes no message that brings descriptors, and closes no socket in which there is one: both
 * does a thread, one socket after the other. There a timer sends a signal every LINGER_NS, which is what
 * ends the wait of sockets that linger. systemd may have a copy of a socket (base/store.h), and is
 * process 1, which must not wait either: so a socket is emptied before it is closed. Whoever closes his copy
 * after us then finds nothing in it, and whoever does so before us lets nothing go.
 *
 * A socket on which no descriptors can come needs none of this; from Linux 6.16 on there is such a thing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LINGER_NS 100000

/* Starts the thread, one for the whole process; without it, all of this is done at once by whoever calls.
 * linger_deinit() waits until everything is let go. */
int linger_init(void);
void linger_deinit(void);

/* Readable while linger_dispatch() has something to do; -1 without a thread. */
int linger_fd(void);
void linger_dispatch(void);

/* A peer's socket is over: the peer sees the end now, what it has sent goes unread. False: something in there
 * has still to be let go. */
bool linger_close(int fd);

/* close() alone: somebody else has the socket, too, and may go on with it. */
void linger_leave(int fd);

/* Calls that in linger_dispatch(), when all that was said before is done. */
void linger_then(void (*then)(void *userdata), void *userdata);

/* Looks at what comes next on a peer's socket, and takes none of it: how many bytes, at most `most`, are
 * there without a descriptor. -EBADMSG: it brings descriptors. Else negative errno, -EAGAIN. */
ssize_t linger_peek(int fd, size_t most);

/* Has the kernel refuse descriptors at their sender. False where it cannot. */
bool linger_refuse_rights(int fd);
