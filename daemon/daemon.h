#pragma once

/*
 * The daemon: everything set up in order, and torn down in reverse
 */

struct config;
struct daemon;

/* What can be said of a config without touching anything: whether its protocols are known and its
 * segment has room. -EINVAL, with sentences in the log. */
int daemon_check(const struct config *config);

/* Sets up segment, feeds and socket. The config is the daemon's from then on, whatever comes. Negative
 * errno, with a sentence in the log; nothing is left behind. */
int daemon_new(struct daemon **daemonp, struct config *config);

/* Works until it is told to stop. 0, or negative errno. */
int daemon_run(struct daemon *daemon);

/* The clean end: the segment says that it is one, and its name goes. Where the daemon was told to leave
 * everything to the next one, both stay. */
struct daemon *daemon_free(struct daemon *daemon);
