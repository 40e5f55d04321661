#pragma once

/* Being somebody else, in a child of a test that runs as root. */

#include "harness.h"

#define NOBODY 65534
#define OTHER  65533 /* no account need have it */

/* Ends the program with 77 where there is no root to become others from. */
void as_user_or_skip(void);

/* Becomes that user for good, with that group and one supplementary group. */
void become(uid_t uid, gid_t gid, gid_t extra);
