#pragma once

/*
 * The ladder of one instrument: its price levels on both sides, and the top that was shown of them
 *
 * Whoever changes a level learns whether that may have changed the top, and ladder_show() says
 * whether the world has to be told: not as long as the best price and size are those that were told
 * last.
 */

#include <stdbool.h>
#include <stdint.h>

#include "book/side.h"
#include "event.h"

enum {
        LADDER_BID = 0,
        LADDER_ASK = 1,
};

enum {
        LADDER_TOUCHED_BID = 1 << LADDER_BID, /* its best level may be another than was shown */
        LADDER_TOUCHED_ASK = 1 << LADDER_ASK,
        LADDER_SHOWN = 1 << 2,      /* there is a top that was shown */
        LADDER_UNFINISHED = 1 << 3, /* in the middle of an event of the venue */
        LADDER_CHANGED = 1 << 4,    /* since somebody asked */
        LADDER_SUSPECT = 1 << 5,    /* it missed messages */
};

/* One of zeros is an empty one. */
struct ladder {
        struct side side[2]; /* LADDER_BID, LADDER_ASK */
        union {
                struct md_quote quote;
                struct {
                        int64_t px[2], sz[2]; /* by side */
                };
        } top;            /* shown last, if one was */
        int64_t ts_event; /* TIME of the newest change */
        uint32_t marks;   /* LADDER_... */
};

_Static_assert(sizeof(struct ladder) == 3 * 64, "a cache line for each side, and one more");
_Static_assert(offsetof(struct md_quote, ask_px) == 8 && offsetof(struct md_quote, bid_sz) == 16,
               "a quote is both prices, then both sizes");

void ladder_deinit(struct ladder *ladder);

/* The key of a price, and the other way round: the larger the better. */
static inline int64_t ladder_key(bool ask, int64_t px) {
        return ask ? -px : px;
}

/* Takes the best level of a side as the one that is shown; true if it is another than was. */
static inline bool ladder_show_side(struct ladder *ladder, bool ask) {
        int64_t px = MD_PX_NONE, sz = 0, key;
        bool is_new;

        if (side_best(&ladder->side[ask], &key, &sz))
                px = ladder_key(ask, key);
        is_new = ladder->top.px[ask] != px || ladder->top.sz[ask] != sz;
        ladder->top.px[ask] = px;
        ladder->top.sz[ask] = sz;
        return is_new;
}

/* The same, where one side was touched. The first time both are shown. */
static inline bool ladder_show(struct ladder *ladder, bool ask) {
        if (__builtin_expect(!(ladder->marks & LADDER_SHOWN), 0)) {
                ladder->marks |= LADDER_SHOWN;
                ladder_show_side(ladder, !ask);
                ladder_show_side(ladder, ask);
                return true;
        }
        return ladder_show_side(ladder, ask);
}
