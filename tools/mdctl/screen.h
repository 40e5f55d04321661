#pragma once

/*
 * mdctl watch on a terminal: a table that is always now
 *
 * At most ten times a second: everything that changed is taken from the library, newest only, and
 * counted; then the rows in the window are read and drawn. Between two frames nothing is read, so
 * what comes meanwhile is merged. Without changes there is a frame a second, for the ages.
 */

#include "mdctl.h"

/* Runs until the user has seen enough: 0. The client is subscribed. */
int screen_run(const struct mdctl *mdctl, struct selection *selection);
