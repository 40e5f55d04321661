#pragma once

/* The lines of a feed, A and B: what came on each, and which one is ahead. */

#include "mdctl.h"

/* A row for each line, of all feeds that have at least so many. */
int lines_show(const struct mdctl *mdctl, uint32_t least);

/* The lines of one feed as an array in JSON. The caller frees it. NULL: no memory. */
char *lines_json(struct md_client *client, const struct md_feed *feed);
