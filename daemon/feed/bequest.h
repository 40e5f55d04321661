#pragma once

/*
 * Bequests: what waits in the sockets of feeds, from one daemon to the next
 *
 * As long as somebody holds a socket, the kernel puts packets into its buffer; while no daemon is there,
 * systemd does (base/store.h). The next daemon opens a socket of its own beside it, as the config has it
 * now, takes from the old one what came before the new one was there, and lets it go. It does not go
 * on with the old one, for a socket is for ever under the packet filter (IPAddressAllow=) of the run of
 * the service that made it, and in its groups as interfaces and routes were at that time.
 *
 *      uXXXXXXXXXXXXXXXXDDDDDDDD
 *
 * X is a hash of all that a socket is there for: the segment, the feed, its line, and where that is. What
 * comes under a hash that nobody asks for is closed, and nothing of it taken. D is how many drops of the
 * line had been counted when the socket was new. The kernel counts them from a socket's beginning, so this
 * says which of them are counted already.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bequest; /* one of them */
struct kept;
struct receiver_params;
struct store;
struct systemd_fds;

struct bequests {
        struct store *store;
        uint64_t segment; /* its identity */
        struct bequest *list;
        size_t n;
};

#define BEQUESTS_INIT                                                                              \
        { NULL, 0, NULL, 0 }

/* Takes from what was inherited the sockets of feeds. New ones can then be bound beside them. */
void bequests_init(struct bequests *bequests, uint64_t segment, struct systemd_fds *inherited,
                   struct store *store);

/* Closes those that nobody has asked for. */
void bequests_deinit(struct bequests *bequests);

/* What a socket of that line is known by. */
uint64_t bequests_id(const struct bequests *bequests, unsigned line,
                     const struct receiver_params *params);

/* Whether one of them has that port. */
bool bequests_has_port(const struct bequests *bequests, uint16_t port);

/* The socket of that id, which is the caller's from then on, with how many drops had been counted when it was
 * new, and itself in the store; -1: there is none. */
int bequests_take(struct bequests *bequests, uint64_t id, uint32_t *drops, struct kept **kept);

/* Leaves a socket, which remains the caller's, to the next daemon. */
struct kept *bequests_leave(struct bequests *bequests, uint64_t id, uint32_t drops, int fd);

/* The next daemon shall not have it. */
void bequests_withdraw(struct bequests *bequests, struct kept *kept);
