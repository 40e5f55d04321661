/* Whose a name in /dev/shm is; name.h tells the idea. */

#include "shm/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/bind.h"

static void lock_name(char name[SEGMENT_NAME_MAX + 8], const char *segment) {
        snprintf(name, SEGMENT_NAME_MAX + 8, "%s.lock", segment);
}

int name_check_owner(int fd, const char *name, struct segment_why *why) {
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0) {
                r = -errno;
                segment_why_set(why, "cannot look at /dev/shm%s: %s", name, strerror(-r));
                return r;
        }
        if (st.st_uid != geteuid()) {
                segment_why_set(
                        why,
                        "/dev/shm%s belongs to uid %u, not to this daemon's %u: remove it, or give "
                        "this one another [segment] name",
                        name, st.st_uid, geteuid());
                return -EPERM;
        }
        if (st.st_nlink > 1) {
                segment_why_set(
                        why,
                        "/dev/shm%s has %lu names, and may be another daemon's: remove this one",
                        name, (unsigned long)st.st_nlink);
                return -EPERM;
        }
        return 0;
}

bool name_is_of(int fd, const char *name) {
        struct stat ours, named;
        int probe;
        bool is;

        probe = shm_open(name, O_RDONLY, 0);
        if (probe < 0)
                return false;
        is = fstat(fd, &ours) == 0 && fstat(probe, &named) == 0 && ours.st_ino == named.st_ino &&
             ours.st_dev == named.st_dev;
        close(probe);
        return is;
}

/* The lock object is unlinked by whoever ends cleanly, so we may have locked one without a name:
 * then again. */
int name_lock(const char *segment, struct segment_why *why) {
        char name[SEGMENT_NAME_MAX + 8];
        int fd, r;

        lock_name(name, segment);
        for (;;) {
                fd = shm_open(name, O_RDWR | O_CREAT, 0600);
                if (fd < 0) {
                        r = -errno;
                        segment_why_set(why, "cannot make the lock /dev/shm%s: %s", name,
                                        strerror(-r));
                        return r;
                }
                r = name_check_owner(fd, name, why);
                if (r < 0) {
                        close(fd);
                        return r;
                }
                if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                        r = errno == EWOULDBLOCK ? -EBUSY : -errno;
                        if (r == -EBUSY)
                                segment_why_set(
                                        why,
                                        "another mdshmd is at work on it (it holds /dev/shm%s); stop "
                                        "that one, or give this one another [segment] name",
                                        name);
                        else
                                segment_why_set(why, "cannot lock /dev/shm%s: %s", name,
                                                strerror(-r));
                        close(fd);
                        return r;
                }
                if (name_is_of(fd, name))
                        return fd;
                close(fd);
        }
}

bool name_lock_inherit(const char *segment, int fd) {
        char name[SEGMENT_NAME_MAX + 8];

        lock_name(name, segment);
        return fd >= 0 && name_is_of(fd, name) && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

void name_lock_remove(const char *segment) {
        char name[SEGMENT_NAME_MAX + 8];

        lock_name(name, segment);
        shm_unlink(name);
}
