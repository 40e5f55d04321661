#pragma once

/*
 * A recording, sent again
 *
 * Its payloads go out on the lines as they are, at the pace of the recording, a number of times that, or
 * as fast as can be.
 */

struct options;

/* Says what is wrong on stderr and returns a negative errno. */
int replay_run(const struct options *options);
