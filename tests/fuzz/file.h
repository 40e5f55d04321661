#pragma once

/* Files that are read from memory, for what takes a path. */

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

struct memory_file {
        int fd;
        char path[32];
};

static inline struct memory_file memory_file_new(const void *data, size_t size) {
        struct memory_file file = { .fd = memfd_create("fuzz", MFD_CLOEXEC) };

        CHECK(file.fd >= 0);
        CHECK(!size || write(file.fd, data, size) == (ssize_t)size);
        snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
        return file;
}

static inline void memory_file_free(struct memory_file *file) {
        close(file->fd);
        file->fd = -1;
}
