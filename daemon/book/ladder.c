/* The ladder of one instrument; ladder.h tells the idea. */

#include "book/ladder.h"

void ladder_deinit(struct ladder *ladder) {
        side_deinit(&ladder->side[LADDER_BID]);
        side_deinit(&ladder->side[LADDER_ASK]);
        *ladder = (struct ladder){ 0 };
}
