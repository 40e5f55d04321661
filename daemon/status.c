/* The daemon in one line. */

#include "status.h"

#include <inttypes.h>
#include <stdio.h>

#include "pipeline.h"
#include "serve/listener.h"
#include "stream.h"

static const char *plural(uint64_t n) {
        return n == 1 ? "" : "s";
}

/* ": 2 live, 1 down", as far as there are any. */
static void say_states(char *text, size_t size, const struct pipeline *pipeline) {
        static const struct {
                uint32_t state;
                const char *word;
        } states[] = { { FEED_LIVE, "live" },
                       { FEED_RECOVERING, "recovering" },
                       { FEED_DOWN, "down" },
                       { FEED_ENDED, "ended" } };
        const char *before = ": ";
        size_t count, n = 0;

        for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
                count = 0;
                for (size_t j = 0; j < pipeline->n_streams; j++)
                        count += atomic_load_explicit(&pipeline->streams[j]->record->state,
                                                      memory_order_relaxed) == states[i].state;
                if (!count)
                        continue;
                n += (size_t)snprintf(text + n, size - n, "%s%zu %s", before, count,
                                      states[i].word);
                before = ", ";
        }
}

void status_line(char *text, size_t size, const struct pipeline *pipeline,
                 const struct listener *listener) {
        uint32_t instruments = directory_count(&pipeline->segment->directory);
        uint64_t ticks = segment_newest(pipeline->segment);
        char states[128] = "";

        say_states(states, sizeof(states), pipeline);
        snprintf(text, size,
                 "%zu feed%s%s; %" PRIu32 " instrument%s, %" PRIu32 " client%s, %" PRIu64 " tick%s",
                 pipeline->n_streams, plural(pipeline->n_streams), states, instruments,
                 plural(instruments), listener->n_clients, plural(listener->n_clients), ticks,
                 plural(ticks));
}
