#pragma once

/*
 * Letting go of what a peer has sent, without waiting for it
 *
 * With whatever it says a peer can send descriptors, wanted or not. Taking the message, or closing the
 * socket in which it still waits, throws them away; and who throws away the last hold on a TCP socket that
 * was told to linger (SO_LINGER), and whose other end takes nothing, waits as long as its maker likes. But
 * only until a signal comes. So for that moment a timer sends this thread one every LINGER_NS, and what
 * was meant to hold the daemon for hours holds it for one of them, however many there are.
 *
 * A socket on which no descriptors can come needs none of this; from Linux 6.16 on there is such a thing.
 */

#include <stdbool.h>

#define LINGER_NS 100000

/* For the thread that calls it, and the whole process: one thread alone listens to peers. Negative errno. */
int linger_init(void);

/* Around recvmsg(), read() and close() of a peer's socket. Without linger_init() they do nothing. */
void linger_forbid(void);
void linger_allow(void);

/* close() of a peer's socket. */
void linger_close(int fd);

/* Has the kernel refuse descriptors at their sender. False where it cannot. */
bool linger_refuse_rights(int fd);
