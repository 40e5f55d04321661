/* The feeds that are measured. */

#include "feeds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow.h"

#define FLOW_MESSAGES UINT64_C(20000000)
#define FLOW_STOCKS   5000
#define FLOW_LIVE     1500000

const struct bench_feed bench_feeds[FEEDS_N] = {
        [FEED_TOPS] = { "TOPS", "iex-tops", "iex/tops-1.6-2018-01-27.pcap.gz", 0, 21 },
        [FEED_DEEP] = { "DEEP", "iex-deep", "iex/deep-1.0-2017-04-25.pcap.gz", 5244, 21 },
        [FEED_SLICE] = { "ITCH, a slice", "itch50", "nasdaq/aapl-2019-12-30.itch50", 0, 51 },
        [FEED_FLOW] = { "ITCH, 1.5 million live", "itch50", NULL, 0, 3 },
};

bool bench_feed_init(struct tape *tape, const struct bench_feed *feed) {
        const char *folder = getenv("MDSHMD_TEST_DATA");
        char path[512];

        if (!feed->data) {
                if (flow_make(tape, FLOW_MESSAGES, FLOW_STOCKS, FLOW_LIVE) == 0)
                        return true;
                printf("  SKIPPED: %s: no memory for it\n", feed->title);
                return false;
        }
        snprintf(path, sizeof(path), "%s/%s", folder ? folder : TEST_DATA, feed->data);
        if (access(path, R_OK) < 0) {
                printf("  SKIPPED: no recorded market data: %s: %s\n", path, strerror(errno));
                return false;
        }
        if (!strcmp(feed->protocol, "itch50"))
                return tape_init_file(tape, path) == 0;
        return tape_init(tape, path, feed->packets) == 0;
}
