/* Which messages all lines have lost. */

#include "sim/lost.h"

#include <inttypes.h>

void lost_begin(struct lost *lost, FILE *file) {
        *lost = (struct lost){ .file = file };
        if (file)
                fprintf(file, "session,first,messages\n");
}

void lost_add(struct lost *lost, uint64_t session, uint64_t first, uint64_t n) {
        if (!n)
                return;
        if (!lost->n) {
                lost->session = session;
                lost->first = first;
        }
        lost->n += n;
}

void lost_end(struct lost *lost) {
        if (!lost->n)
                return;
        lost->gaps++;
        lost->messages += lost->n;
        if (lost->file)
                fprintf(lost->file, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", lost->session,
                        lost->first, lost->n);
        lost->n = 0;
}
