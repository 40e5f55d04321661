#pragma once

/*
 * The segment: what stands where
 *
 * One POSIX shared memory object. A header of one page, then sections, each at the offset that the
 * header's section table gives: {kind, offset, count, stride}. Nothing in here is a pointer, and
 * nothing is found by adding up the lengths of what comes before it: a reader takes offset, count
 * and stride from the table, so a reader of major version M reads any segment of major version M,
 * with sections it does not know and records that have grown at their end.
 *
 * The layout defends itself three times: by the static asserts beside each struct; by the
 * fingerprint, a number made at compile time from the sizes below and compared at attach; and by
 * the published mdshm-layout.json, which the build writes and a test compares with the one that was
 * published. A change to any of them wants a new version number.
 *
 * Major: a reader of an older one would misread. Minor: something was added that it may ignore.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/counters.h"
#include "shm/depth.h"
#include "shm/directory.h"
#include "shm/feeds.h"
#include "shm/line.h"

#define LAYOUT_MAGIC UINT64_C(0x0a31646d6873646d) /* the bytes "mdshmd1\n" */
#define LAYOUT_MAJOR 1
#define LAYOUT_MINOR 3

#define LAYOUT_PAGE     4096 /* sections begin on a multiple of this */
#define LAYOUT_SECTIONS 16   /* room in the header's section table */

enum {
        SECTION_NONE = 0,
        SECTION_FEEDS,     /* struct shm_feed, FEEDS_MAX of them */
        SECTION_DIRECTORY, /* struct shm_instrument, one per instrument of the capacity */
        SECTION_INDEX,     /* 8-byte slots, a power of two of them */
        SECTION_TABLE,     /* MD_PLACES lines per instrument of the capacity */
        SECTION_JOURNAL,   /* lines, a power of two of them */
        SECTION_COUNTERS,  /* struct shm_counter */
        SECTION_DEPTH,     /* struct shm_depth and two copies, one per instrument of the capacity;
                            * only where the config asks for it */
};

enum {
        SEGMENT_STARTING, /* being built or adopted */
        SEGMENT_RUNNING,
        SEGMENT_STOPPED, /* its daemon ended cleanly; nothing will be written here any more */
};

struct shm_section {
        uint32_t kind;   /* SECTION_..., 0 at the end of the table */
        uint32_t items;  /* DEPTH: levels a side; else zero */
        uint64_t offset; /* bytes from the start of the segment */
        uint64_t count;  /* records */
        uint64_t stride; /* bytes from one record to the next */
};

struct shm_header {
        /* Written before the magic, then left alone. */
        _Atomic uint64_t magic; /* LAYOUT_MAGIC, stored last at birth and cleared first at death */
        uint32_t major;
        uint32_t minor;
        uint64_t fingerprint; /* LAYOUT_FINGERPRINT of the daemon that built it */
        uint64_t size;        /* bytes of the whole segment */
        uint64_t identity;    /* random, not 0: tells one segment from the next of the same name */
        int64_t born;         /* TIME at which it was built */
        char unused0[16];     /* zero */

        /* Written when a daemon starts or stops. */
        _Atomic uint64_t
                generation; /* 1 for the daemon that built it, one more for each that adopts it */
        _Atomic uint32_t state;  /* SEGMENT_... */
        _Atomic uint32_t pid;    /* of the daemon, in its own pid namespace */
        _Atomic int64_t started; /* TIME at which that daemon began */
        char version[24];        /* of that daemon, NUL-padded */
        char unused1[16];        /* zero */

        /* Written every 100 ms while a daemon lives. */
        _Atomic int64_t heartbeat;      /* ns of CLOCK_MONOTONIC */
        _Atomic int64_t heartbeat_time; /* TIME */
        char unused2[48];               /* zero */

        /* Written per tick. */
        _Atomic uint64_t newest; /* number of the newest tick: a hint, the lines hold the truth */
        char unused3[56];        /* zero */

        /* Written per new instrument. */
        _Atomic uint32_t instruments; /* in the directory; they are never taken back */
        char unused4[60];             /* zero */

        struct shm_section section[LAYOUT_SECTIONS];
};

_Static_assert(sizeof(struct shm_section) == 32, "published layout");
_Static_assert(offsetof(struct shm_header, generation) == 64, "published layout");
_Static_assert(offsetof(struct shm_header, heartbeat) == 128, "its own cache line");
_Static_assert(offsetof(struct shm_header, newest) == 192, "its own cache line");
_Static_assert(offsetof(struct shm_header, instruments) == 256, "its own cache line");
_Static_assert(offsetof(struct shm_header, section) == 320, "published layout");
_Static_assert(sizeof(struct shm_header) <= LAYOUT_PAGE, "the header fits its page");

/* FNV-1a over the sizes and places that two programs must agree on. */
#define LAYOUT_STEP(hash, n) (((hash) ^ (uint64_t)(n)) * UINT64_C(0x100000001b3))
#define LAYOUT_HASH_0        UINT64_C(0xcbf29ce484222325)
#define LAYOUT_HASH_1        LAYOUT_STEP(LAYOUT_HASH_0, sizeof(struct md_tick))
#define LAYOUT_HASH_2        LAYOUT_STEP(LAYOUT_HASH_1, offsetof(struct md_tick, u))
#define LAYOUT_HASH_3        LAYOUT_STEP(LAYOUT_HASH_2, MD_PLACES)
#define LAYOUT_HASH_4        LAYOUT_STEP(LAYOUT_HASH_3, sizeof(struct shm_feed))
#define LAYOUT_HASH_5        LAYOUT_STEP(LAYOUT_HASH_4, sizeof(struct shm_instrument))
#define LAYOUT_HASH_6        LAYOUT_STEP(LAYOUT_HASH_5, offsetof(struct shm_instrument, lot))
#define LAYOUT_HASH_7        LAYOUT_STEP(LAYOUT_HASH_6, sizeof(struct shm_counter))
#define LAYOUT_HASH_8        LAYOUT_STEP(LAYOUT_HASH_7, offsetof(struct shm_header, section))
#define LAYOUT_HASH_9        LAYOUT_STEP(LAYOUT_HASH_8, offsetof(struct shm_instrument, book_ts))
#define LAYOUT_HASH_10       LAYOUT_STEP(LAYOUT_HASH_9, sizeof(struct shm_depth))
#define LAYOUT_HASH_11       LAYOUT_STEP(LAYOUT_HASH_10, sizeof(struct shm_depth_copy))
#define LAYOUT_FINGERPRINT   LAYOUT_STEP(LAYOUT_HASH_11, sizeof(struct shm_depth_level))
