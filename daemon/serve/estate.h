#pragma once

/*
 * The estate: what a session leaves to the next daemon
 *
 * A client and the daemon share descriptors; kept in systemd's store (base/store.h), they come to the next
 * daemon, which goes on with the session as if nothing had been: the client keeps its mapping, its
 * connection, and all that it has said in its control page.
 *
 *      name        what                                 told apart by
 *      rXXXXXXXX   reader: its connection,              socket of packets
 *                  our end of its wake socket,          socket of a stream
 *                  its control page                     sealed memfd
 *      pXXXXXXXX   publisher: its connection,           socket of packets
 *                  our end of its doorbell,             socket of a stream
 *                  its ring                             sealed memfd
 *
 * XXXXXXXX is the id of the client, in hex. Of its user and groups the kernel tells by the socket. What
 * else has to be known (the name that it gave itself, since when it is here, its feed, and of which
 * segment the page is) stands in the name that the memfd was made with: that one is written once,
 * by us, while whatever stands in the memfd is the client's to forge.
 *
 * Everything that comes is looked at before it is used. A session of which something is missing, or does
 * not fit, ends alone: its client sees that, and registers again.
 */

#include <stdbool.h>
#include <stdint.h>

struct listener;
struct session;
struct systemd_fds;

#define ESTATE_LABEL_SIZE 200 /* the kernel allows 249 */

/* The name for a session's memfd. */
void estate_label(const struct session *session, char label[ESTATE_LABEL_SIZE]);

/* Leaves the session to the next daemon; the descriptors, of which the session's own is not one, remain
 * the caller's. */
void estate_leave(struct session *session, const int *fds, unsigned n);

/* Closes its connection. The session is over: the next daemon shall not have it, and its peer shall see the
 * end now. But when we leave, it is only we who go. False: it is not closed yet, see linger_then(). */
bool estate_close(struct session *session);

/* Goes on with the sessions that a predecessor left. */
void estate_adopt(struct listener *listener, struct systemd_fds *inherited);
