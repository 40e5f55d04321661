#pragma once

/*
 * A recording in which everything follows from the time
 *
 * Packet number p has the time RAMP_BASE + p * step, and each price, size and trade number in it is a
 * function of p. So whoever reads a quote or a trade can tell by itself whether it is whole.
 */

#include <stdbool.h>
#include <stdint.h>

#include "mdclient.h"

#define RAMP_INSTRUMENTS 64
#define RAMP_QUOTES      10 /* per packet */
#define RAMP_TRADES      2
#define RAMP_MESSAGES    (RAMP_QUOTES + RAMP_TRADES)

/* Writes so many packets, `step` ns apart. */
void ramp_write(const char *path, unsigned packets, int64_t step);

/* Whether a tick made of that recording is in itself what was recorded, or the empty place that is left
 * when a recording begins again. */
bool ramp_is_whole(const struct md_tick *tick, int64_t step);
