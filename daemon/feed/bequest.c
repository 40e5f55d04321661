/* Sockets of feeds, from one daemon to the next; bequest.h tells the idea. */

#include "feed/bequest.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/store.h"
#include "base/systemd.h"
#include "feed/receiver.h"

#define PREFIX      "u"
#define NAME_LENGTH (1 + 16 + 8)

struct bequest {
        uint64_t id;
        uint32_t drops;
        uint16_t port;
        int fd; /* -1: taken */
        struct kept *kept;
};

static bool read_name(struct bequest *bequest, const char *name) {
        char end;

        return strlen(name) == NAME_LENGTH && sscanf(name, PREFIX "%16" SCNx64 "%8" SCNx32 "%c",
                                                     &bequest->id, &bequest->drops, &end) == 2;
}

/* Its port; 0: it is no such socket. */
static uint16_t port_of(int fd) {
        struct sockaddr_storage address;
        socklen_t address_size = sizeof(address), type_size = sizeof(int);
        int type;

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 || type != SOCK_DGRAM ||
            getsockname(fd, (struct sockaddr *)&address, &address_size) < 0)
                return 0;
        if (address.ss_family == AF_INET)
                return ntohs(((struct sockaddr_in *)&address)->sin_port);
        return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
                                             : 0;
}

static bool add(struct bequests *bequests, const struct bequest *bequest) {
        struct bequest *list;

        list = realloc(bequests->list, (bequests->n + 1) * sizeof(*list));
        if (!list)
                return false;
        list[bequests->n++] = *bequest;
        bequests->list = list;
        return true;
}

static bool keep_one(struct bequests *bequests, const struct systemd_parcel *parcel,
                     struct kept *kept) {
        struct bequest bequest = { .fd = parcel->fds[0], .kept = kept };
        const int yes = 1;

        if (parcel->n != 1 || !read_name(&bequest, parcel->name))
                return false;
        bequest.port = port_of(bequest.fd);
        /* the kernel asks both for their leave */
        return bequest.port &&
               setsockopt(bequest.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
               add(bequests, &bequest);
}

void bequests_init(struct bequests *bequests, uint64_t segment, struct systemd_fds *inherited,
                   struct store *store) {
        struct systemd_parcel parcel;
        struct kept *kept;

        *bequests = (struct bequests){ .store = store, .segment = segment };
        while (systemd_fds_take_parcel(inherited, PREFIX, &parcel)) {
                kept = store_known(store, parcel.name, parcel.n);
                if (keep_one(bequests, &parcel, kept))
                        continue;
                log_warning("what systemd has kept as \"%s\" is no socket of a feed; closing it",
                            parcel.name);
                for (unsigned i = 0; i < parcel.n; i++)
                        close(parcel.fds[i]);
                store_drop(store, kept);
        }
}

void bequests_deinit(struct bequests *bequests) {
        for (size_t i = 0; i < bequests->n; i++) {
                struct bequest *bequest = &bequests->list[i];

                if (bequest->fd < 0)
                        continue;
                log_info("what came to port %u while no daemon was there is not taken: the config "
                         "wants it for nothing that it was for",
                         bequest->port);
                close(bequest->fd);
                store_drop(bequests->store, bequest->kept);
        }
        free(bequests->list);
        bequests->list = NULL;
        bequests->n = 0;
}

/* Includes the zero behind, so that two texts are not the same as one. */
static uint64_t hash_text(uint64_t hash, const char *text) {
        size_t n = text ? strlen(text) + 1 : 0;

        for (size_t i = 0; i < n; i++)
                hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
        return hash * UINT64_C(0x100000001b3);
}

uint64_t bequests_id(const struct bequests *bequests, unsigned line,
                     const struct receiver_params *params) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        char numbers[64];

        snprintf(numbers, sizeof(numbers), "%" PRIx64 " %u %u", bequests->segment, line,
                 params->port);
        hash = hash_text(hash, numbers);
        hash = hash_text(hash, params->feed);
        hash = hash_text(hash, params->address);
        hash = hash_text(hash, params->interface);
        return hash_text(hash, params->source);
}

bool bequests_has_port(const struct bequests *bequests, uint16_t port) {
        for (size_t i = 0; i < bequests->n; i++)
                if (bequests->list[i].port == port)
                        return true;
        return false;
}

int bequests_take(struct bequests *bequests, uint64_t id, uint32_t *drops, struct kept **kept) {
        for (size_t i = 0; i < bequests->n; i++) {
                struct bequest *bequest = &bequests->list[i];
                int fd = bequest->fd;

                if (fd < 0 || bequest->id != id)
                        continue;
                *drops = bequest->drops;
                *kept = bequest->kept;
                bequest->fd = -1;
                return fd;
        }
        return -1;
}

struct kept *bequests_leave(struct bequests *bequests, uint64_t id, uint32_t drops, int fd) {
        char name[NAME_LENGTH + 1];

        snprintf(name, sizeof(name), PREFIX "%016" PRIx64 "%08" PRIx32, id, drops);
        return store_keep(bequests->store, name, &fd, 1);
}

void bequests_withdraw(struct bequests *bequests, struct kept *kept) {
        store_drop(bequests->store, kept);
}
