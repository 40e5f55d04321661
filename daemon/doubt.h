#pragma once

/*
 * Doubt: which instruments of a feed may be wrong since messages were lost
 *
 * A lost message says nothing of whom it was about, so each gap puts all instruments of its feed in doubt.
 * They leave it one by one, as a message comes that tells the whole of one's state; or all at once, when
 * the session begins afresh. An instrument is listed while it is whole: a gap then costs as much as was
 * mended since the one before, and nothing for what is in doubt already.
 */

#include <stdbool.h>
#include <stdint.h>

struct doubt {
        uint64_t *bits;   /* by instrument: in doubt */
        uint32_t *whole;  /* instruments of the feed that are not */
        uint32_t n_whole; /* of them */
        uint32_t n;       /* instruments in doubt */
        bool newcomers;   /* are in doubt, too */
};

/* For instruments 0 to capacity-1, none of them the feed's yet. -ENOMEM. */
int doubt_init(struct doubt *doubt, uint32_t capacity);
void doubt_deinit(struct doubt *doubt);

/* An instrument that the feed has not had before. */
void doubt_meet(struct doubt *doubt, uint32_t instrument);

/* Puts one that is whole in doubt; false: there is none left. */
bool doubt_spread(struct doubt *doubt, uint32_t *instrument);

/* All that is to be known of an instrument has just been said. */
void doubt_settle(struct doubt *doubt, uint32_t instrument);
