#pragma once

/*
 * Heirlooms: the segment and its lock, from one daemon to the next
 *
 * Both are in systemd's store (base/store.h) as long as a daemon lives, as "segment.NAME" and "lock.NAME". The
 * lock is what counts: while it is there nobody else can write to a segment of that name, even if no
 * daemon runs; and a segment that comes without its lock is not touched (shm/segment.h). Clients' part
 * is serve/estate.h.
 */

struct kept;
struct segment;
struct segment_params;
struct segment_why;
struct store;
struct systemd_fds;

struct heirlooms {
        struct kept *segment, *lock; /* as they are in the store; NULL: they are not */
};

/* As segment_open(), with what came from a predecessor. Segments of other names, which an earlier config
 * had, are ended. */
int heirlooms_open(struct heirlooms *heirlooms, struct segment *segment, const char *name,
                   const struct segment_params *params, struct systemd_fds *inherited,
                   struct store *store, struct segment_why *why);

/* Leaves them to the next daemon, where they are not yet. */
void heirlooms_leave(struct heirlooms *heirlooms, const struct segment *segment,
                     struct store *store);

/* There shall be no next one. */
void heirlooms_withdraw(struct heirlooms *heirlooms, struct store *store);

/* Whatever came beside all that is known: a store may hold rubbish. */
void heirlooms_discard_rest(struct systemd_fds *inherited, struct store *store);
