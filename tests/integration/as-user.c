/* Being somebody else; as-user.h tells when. */

#include "as-user.h"

#include <grp.h>

void as_user_or_skip(void) {
        if (geteuid() == 0)
                return;
        fprintf(stderr, "SKIPPED: other users can be played by root alone\n");
        exit(SKIPPED);
}

void become(uid_t uid, gid_t gid, gid_t extra) {
        CHILD_CHECK(setgroups(1, &extra) == 0);
        CHILD_CHECK(setresgid(gid, gid, gid) == 0);
        CHILD_CHECK(setresuid(uid, uid, uid) == 0);
        CHILD_CHECK(getuid() == uid && setuid(0) < 0);
}
