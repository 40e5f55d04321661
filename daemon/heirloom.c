/* The segment and its lock, from one daemon to the next. */

#include "heirloom.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/store.h"
#include "base/systemd.h"
#include "shm/segment.h"

#define SEGMENT "segment."
#define LOCK    "lock."

#define NAME_SIZE (SEGMENT_NAME_MAX + 16)

/* `segment` is a segment's name, with its slash. */
static const char *name_of(char name[NAME_SIZE], const char *what, const char *segment) {
        snprintf(name, NAME_SIZE, "%s%s", what, segment + 1);
        return name;
}

/* The descriptor of that name, or -1. */
static int take(struct systemd_fds *inherited, struct store *store, const char *what,
                const char *segment, struct kept **kept) {
        char name[NAME_SIZE];
        int fd;

        fd = systemd_fds_take(inherited, name_of(name, what, segment));
        *kept = fd >= 0 ? store_known(store, name, 1) : NULL;
        return fd >= 0 ? fd : -1;
}

/* A segment of another name than the config's: what has no daemon any more says so, and goes. */
static void end_other(const char *name, int fd, int lock_fd, const struct segment_params *params) {
        struct segment segment;
        struct segment_why why;

        if (segment_inherit(&segment, name, params, fd, lock_fd, &why) < 0) {
                log_warning("segment %s, which is not the config's any more: %s", name, why.text);
                return;
        }
        segment_retire(&segment);
        log_notice("segment %s has ended: the config has another name now", name);
}

static void end_others(struct systemd_fds *inherited, struct store *store,
                       const struct segment_params *params) {
        struct systemd_parcel parcel;
        char name[SEGMENT_NAME_MAX];
        struct kept *kept, *lock;
        int lock_fd;

        while (systemd_fds_take_parcel(inherited, SEGMENT, &parcel)) {
                snprintf(name, sizeof(name), "/%s", parcel.name + strlen(SEGMENT));
                kept = store_known(store, parcel.name, parcel.n);
                lock_fd = take(inherited, store, LOCK, name, &lock);
                if (parcel.n == 1 && lock_fd >= 0)
                        end_other(name, parcel.fds[0], lock_fd, params);
                else
                        for (unsigned i = 0; i < parcel.n; i++)
                                close(parcel.fds[i]);
                store_drop(store, kept);
                store_drop(store, lock);
        }
}

int heirlooms_open(struct heirlooms *heirlooms, struct segment *segment, const char *name,
                   const struct segment_params *params, struct systemd_fds *inherited,
                   struct store *store, struct segment_why *why) {
        int fd, lock_fd, r;

        fd = take(inherited, store, SEGMENT, name, &heirlooms->segment);
        lock_fd = take(inherited, store, LOCK, name, &heirlooms->lock);
        r = segment_inherit(segment, name, params, fd, lock_fd, why);
        if (r < 0)
                return r; /* the store keeps what it has, for one that can start */
        if (!segment->inherited) {
                store_drop(store, heirlooms->segment);
                heirlooms->segment = NULL;
        }
        if (!segment->locked) {
                store_drop(store, heirlooms->lock);
                heirlooms->lock = NULL;
        }
        end_others(inherited, store, params);
        return 0;
}

void heirlooms_leave(struct heirlooms *heirlooms, const struct segment *segment,
                     struct store *store) {
        char name[NAME_SIZE];

        if (!heirlooms->segment)
                heirlooms->segment =
                        store_keep(store, name_of(name, SEGMENT, segment->name), &segment->fd, 1);
        if (!heirlooms->lock)
                heirlooms->lock =
                        store_keep(store, name_of(name, LOCK, segment->name), &segment->lock_fd, 1);
}

void heirlooms_withdraw(struct heirlooms *heirlooms, struct store *store) {
        store_drop(store, heirlooms->segment);
        store_drop(store, heirlooms->lock);
        *heirlooms = (struct heirlooms){ 0 };
}

void heirlooms_discard_rest(struct systemd_fds *inherited, struct store *store) {
        struct systemd_parcel parcel;

        while (systemd_fds_take_parcel(inherited, "", &parcel)) {
                log_warning(
                        "systemd handed over a descriptor named \"%s\", which is not known here; "
                        "closing it",
                        parcel.name);
                store_drop(store, store_known(store, parcel.name, parcel.n));
                for (unsigned i = 0; i < parcel.n; i++)
                        close(parcel.fds[i]);
        }
}
