#pragma once

/* The bytes of a file, unpacked where it is packed in gzip. Its first bytes tell, not its name. */

#include <stdbool.h>
#include <zlib.h>

#define PACKED_WHY_SIZE 320

/* Opens a regular file, so that reading never waits. A negative errno, and why in words. */
int packed_open(gzFile *gzp, const char *path, char why[PACKED_WHY_SIZE]);

/* What zlib found wrong, NULL if nothing. */
const char *packed_trouble(gzFile gz);

/* It ended before its contents did. */
bool packed_is_cut(gzFile gz);
