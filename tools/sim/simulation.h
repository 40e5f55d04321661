#pragma once

/*
 * A run of an invented market
 *
 * Message number k is due k/rate seconds after the start, so no delay adds up; what is due within a
 * millisecond goes out together, which fixes the packets, too: with the same options and a given start
 * time, every byte is the same each time.
 */

struct options;

/* Says what is wrong on stderr and returns a negative errno. */
int simulation_run(const struct options *options);
