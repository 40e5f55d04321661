#pragma once

/*
 * Who a peer is, and what it may do
 *
 * The kernel says who connected; the config says what users and groups may do. Root and the daemon's
 * own user may do everything.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct config_access;

struct peer {
        pid_t pid;
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* the supplementary ones */
        size_t n_groups;
};

/* Asks the kernel about the other end of a connected socket. Negative errno. */
int peer_init(struct peer *peer, int fd);
void peer_deinit(struct peer *peer);

bool peer_may(const struct peer *peer, const struct config_access *access);
