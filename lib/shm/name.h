#pragma once

/*
 * Whose a name in /dev/shm is
 *
 * Anybody can put something there under our names, and who owns an object can write to it, and cut it off:
 * nothing is taken over but what this user has made.
 *
 * One daemon at a time may write. The lock is not on the segment itself, which readers hold open and
 * could lock, but on an object beside it (NAME.lock), readable by nobody else. It belongs to an open
 * file description, so it outlives the process exactly as long as somebody keeps the descriptor for
 * its successor, and is gone with the last one.
 */

#include <stdbool.h>

struct segment_why;

/* Whether the object behind `fd`, that stands under that name, is this user's and has no other name.
 * -EPERM. */
int name_check_owner(int fd, const char *name, struct segment_why *why);

/* Whether an object that we have open stands under that name. */
bool name_is_of(int fd, const char *name);

/* Takes the lock of the segment of that name; its descriptor. -EBUSY: another daemon has it. -EPERM. */
int name_lock(const char *segment, struct segment_why *why);

/* Whether a lock that was handed on is the one of this name, and ours. Another one says nothing of
 * who may write. */
bool name_lock_inherit(const char *segment, int fd);

/* Takes the lock's name away, for whoever holds it and ends cleanly. */
void name_lock_remove(const char *segment);
