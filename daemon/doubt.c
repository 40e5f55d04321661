/* Which instruments may be wrong; doubt.h tells the idea. */

#include "doubt.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

#define WORD_BITS 64

int doubt_init(struct doubt *doubt, uint32_t capacity) {
        *doubt = (struct doubt){
                .bits = calloc((size_t)capacity / WORD_BITS + 1, sizeof(*doubt->bits)),
                .whole = calloc((size_t)capacity + 1, sizeof(*doubt->whole)),
        };
        if (doubt->bits && doubt->whole)
                return 0;
        doubt_deinit(doubt);
        return error_origin(-ENOMEM);
}

void doubt_deinit(struct doubt *doubt) {
        free(doubt->bits);
        free(doubt->whole);
        *doubt = (struct doubt){ 0 };
}

static void put_in_doubt(struct doubt *doubt, uint32_t instrument) {
        doubt->bits[instrument / WORD_BITS] |= UINT64_C(1) << instrument % WORD_BITS;
        doubt->n++;
}

void doubt_meet(struct doubt *doubt, uint32_t instrument) {
        if (doubt->newcomers)
                put_in_doubt(doubt, instrument);
        else
                doubt->whole[doubt->n_whole++] = instrument;
}

bool doubt_spread(struct doubt *doubt, uint32_t *instrument) {
        if (!doubt->n_whole)
                return false;
        *instrument = doubt->whole[--doubt->n_whole];
        put_in_doubt(doubt, *instrument);
        return true;
}

void doubt_settle(struct doubt *doubt, uint32_t instrument) {
        uint64_t *word = &doubt->bits[instrument / WORD_BITS];
        uint64_t bit = UINT64_C(1) << instrument % WORD_BITS;

        if (!(*word & bit))
                return;
        *word &= ~bit;
        doubt->n--;
        doubt->whole[doubt->n_whole++] = instrument;
}
