/* The bytes of a file, unpacked where it is packed. */

#include "feed/packed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define BUFFER_SIZE (1 << 17) /* of zlib's input */

/* Says so where another program than gzip has packed the file. */
static int check_packer(int fd, char why[PACKED_WHY_SIZE]) {
        static const struct {
                const char *name;
                char start[7];
        } packers[] = {
                { "xz", "\xfd\x37zXZ" },       { "zstd", "\x28\xb5\x2f\xfd" }, { "bzip2", "BZh" },
                { "lz4", "\x04\x22\x4d\x18" }, { "zip", "PK\x03\x04" },
        };
        char start[sizeof(packers->start)] = "";

        if (pread(fd, start, sizeof(start), 0) < 0)
                return 0; /* whoever reads it next will say why it cannot be read */
        for (size_t i = 0; i < sizeof(packers) / sizeof(*packers); i++) {
                if (strncmp(start, packers[i].start, strlen(packers[i].start)))
                        continue;
                snprintf(why, PACKED_WHY_SIZE,
                         "it is packed by %s; unpack it, or pack it by gzip instead",
                         packers[i].name);
                return error_origin(-EINVAL);
        }
        return 0;
}

/* A regular file, so that a read never waits; O_NONBLOCK, so that neither does the open. */
static int open_file(const char *path, char why[PACKED_WHY_SIZE]) {
        _cleanup_(closep) int fd = -1;
        struct stat st;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0) {
                r = -errno;
                snprintf(why, PACKED_WHY_SIZE, "%s", strerror(-r));
                return error_origin(r);
        }
        if (!S_ISREG(st.st_mode)) {
                snprintf(why, PACKED_WHY_SIZE, "it is not a regular file");
                return error_origin(-EINVAL);
        }
        r = check_packer(fd, why);
        if (r < 0)
                return error_trace(r);

        r = fd;
        fd = -1;
        return r;
}

int packed_open(gzFile *gzp, const char *path, char why[PACKED_WHY_SIZE]) {
        gzFile gz;
        int fd;

        fd = open_file(path, why);
        if (fd < 0)
                return error_trace(fd);
        gz = gzdopen(fd, "rb");
        if (!gz) {
                close(fd);
                snprintf(why, PACKED_WHY_SIZE, "%s", strerror(ENOMEM));
                return error_origin(-ENOMEM);
        }
        gzbuffer(gz, BUFFER_SIZE);
        *gzp = gz;
        return 0;
}

const char *packed_trouble(gzFile gz) {
        const char *text, *colon;
        int code;

        text = gzerror(gz, &code);
        if (code == Z_OK || code == Z_BUF_ERROR)
                return NULL;
        colon = strstr(text, ": "); /* behind zlib's own name for the file */
        return colon ? colon + 2 : text;
}

bool packed_is_cut(gzFile gz) {
        int code;

        gzerror(gz, &code);
        return code == Z_BUF_ERROR;
}
