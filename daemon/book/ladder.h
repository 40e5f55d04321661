#pragma once

/*
 * The ladder of one instrument: its price levels on both sides, and the top that was shown of them
 *
 * What happens to a level is noted here, and ladder_show() says what of it the world has to be told:
 * nothing, as long as the best price and size of both sides are those that were told last.
 */

#include <stdbool.h>
#include <stdint.h>

#include "book/levels.h"
#include "event.h"

enum {
        LADDER_BID = 0,
        LADDER_ASK = 1,
};

enum {
        LADDER_TOUCHED_BID = 1 << LADDER_BID, /* its best level may be another than was shown */
        LADDER_TOUCHED_ASK = 1 << LADDER_ASK,
        LADDER_TOUCHED = LADDER_TOUCHED_BID | LADDER_TOUCHED_ASK,
        LADDER_SHOWN = 1 << 2,      /* there is a top that was shown */
        LADDER_UNFINISHED = 1 << 3, /* in the middle of an event of the venue */
        LADDER_CHANGED = 1 << 4,    /* since somebody asked */
        LADDER_SUSPECT = 1 << 5,    /* it missed messages */
};

struct ladder {
        _Alignas(64) struct levels side[2]; /* LADDER_BID, LADDER_ASK */
        struct md_quote top;                /* shown last */
        int64_t ts_event;                   /* TIME of the newest change */
        uint32_t marks;                     /* LADDER_... */
};

void ladder_deinit(struct ladder *ladder);

/* An order comes to a side. -ENOMEM, -ENOSPC. */
int ladder_add(struct ladder *ladder, bool ask, int64_t px, int64_t sz);

/* An order loses `sz`; `whole`: it goes. */
void ladder_take(struct ladder *ladder, bool ask, int64_t px, int64_t sz, bool whole);

/* What there is at a price now. -ENOENT: there was nothing, and is nothing. -ENOMEM, -ENOSPC. */
int ladder_set(struct ladder *ladder, bool ask, int64_t px, int64_t sz);

/* True if the top is not the one that was shown last; now it is. */
bool ladder_show(struct ladder *ladder);
