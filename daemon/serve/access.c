/* Who a peer is, and what it may do. */

#include "serve/access.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/config.h"
#include "base/error.h"

int peer_init(struct peer *peer, int fd) {
        struct ucred cred;
        socklen_t size = sizeof(cred);

        *peer = (struct peer){ 0 };
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return error_origin(-errno);
        peer->pid = cred.pid;
        peer->uid = cred.uid;
        peer->gid = cred.gid;

        size = 0;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
                return 0; /* there are none */
        peer->groups = malloc(size);
        if (!peer->groups)
                return error_origin(-ENOMEM);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &size) < 0) {
                peer_deinit(peer);
                return error_origin(-errno);
        }
        peer->n_groups = size / sizeof(gid_t);
        return 0;
}

void peer_deinit(struct peer *peer) {
        free(peer->groups);
        *peer = (struct peer){ 0 };
}

static bool in_group(const struct peer *peer, gid_t gid) {
        if (peer->gid == gid)
                return true;
        for (size_t i = 0; i < peer->n_groups; i++)
                if (peer->groups[i] == gid)
                        return true;
        return false;
}

bool peer_may(const struct peer *peer, const struct config_access *access) {
        if (access->all || peer->uid == 0 || peer->uid == geteuid())
                return true;
        for (size_t i = 0; i < access->n_uids; i++)
                if (access->uids[i] == peer->uid)
                        return true;
        for (size_t i = 0; i < access->n_gids; i++)
                if (in_group(peer, access->gids[i]))
                        return true;
        return false;
}
