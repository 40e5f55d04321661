#pragma once

/*
 * The directory of instruments, and the index that finds them
 *
 * Both only ever grow, so a reader needs no protocol: an instrument is written whole, then the count
 * in the header (release), then its slot in the index (release). Whoever sees the count or the slot
 * (acquire) sees the instrument. A writer killed between the two leaves one counted instrument that
 * the index does not know; its successor adds the slot (directory_repair()).
 *
 * The index is an open-addressing hash table with linear probing, at least twice as many slots as
 * instruments. The hash is that of the symbol alone: all venues of one symbol stand in one run, so
 * that "AAPL", wherever it trades, is as quick to find as "AAPL at XNAS". A slot holds the upper half
 * of the hash in its upper half, and the instrument plus one in its lower half; 0 is an empty slot.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SYMBOL_SIZE 32
#define VENUE_SIZE  8

enum {
        INSTRUMENT_TEST = 1 << 0, /* a test symbol of the venue */
        INSTRUMENT_ETP = 1 << 1,  /* exchange traded product */
        INSTRUMENT_WHEN_ISSUED = 1 << 2,
        INSTRUMENT_BOOK = 1 << 3, /* its levels are kept, and counted below; the daemon's to say */
        INSTRUMENT_FLAGS = INSTRUMENT_TEST | INSTRUMENT_ETP | INSTRUMENT_WHEN_ISSUED,
        INSTRUMENT_STALE = 1 << 31, /* its source is gone or silent; the daemon alone says so */
};

struct shm_instrument {
        /* Written once, before the instrument can be found. */
        char symbol[SYMBOL_SIZE]; /* printable ASCII, NUL-padded, at least one NUL */
        char venue[VENUE_SIZE];   /* MIC of ISO 10383 where there is one; as symbol */
        uint32_t feed;            /* index of the feed that brings it */
        int32_t size_exp;         /* sizes are in units of 10^size_exp; -18 to 18 */
        char unused0[16];         /* zero */
        /* May change while running; each can be read by itself. */
        _Atomic int64_t lot;      /* round lot in sizes; 0 unknown */
        _Atomic int64_t close_px; /* adjusted closing price of the previous session; MD_PX_NONE */
        _Atomic uint32_t flags;   /* INSTRUMENT_... */
        _Atomic uint32_t luld;    /* limit up-limit down tier: 0 none, 1, 2 */
        /* Of its book, at the end of the newest burst that changed it; 0 where none is kept. */
        _Atomic uint32_t bid_levels;
        _Atomic uint32_t ask_levels;
        _Atomic uint32_t orders; /* live ones; 0 where the venue does not speak of orders */
        char unused1[4];         /* zero */
        _Atomic int64_t book_ts; /* TIME of the book's newest change, by the venue's clock */
        char unused2[16];        /* zero */
};

_Static_assert(sizeof(struct shm_instrument) == 128, "two cache lines");
_Static_assert(offsetof(struct shm_instrument, feed) == 40, "published layout");
_Static_assert(offsetof(struct shm_instrument, lot) == 64, "its own cache line");
_Static_assert(offsetof(struct shm_instrument, book_ts) == 104, "published layout");

struct directory {
        char *base;
        uint64_t stride;
        uint32_t capacity;
        _Atomic uint64_t *index;
        uint64_t slots; /* a power of two, more than capacity */
        _Atomic uint32_t *count;
};

static inline uint64_t directory_slots(uint32_t capacity) {
        uint64_t slots = 16;

        while (slots < 2 * (uint64_t)capacity)
                slots *= 2;
        return slots;
}

static inline struct shm_instrument *directory_get(const struct directory *dir,
                                                   uint32_t instrument) {
        return (struct shm_instrument *)(void *)(dir->base + instrument * dir->stride);
}

/* Instruments known now: 0 .. count-1. Never more than the capacity, whatever the memory says. */
static inline uint32_t directory_count(const struct directory *dir) {
        uint32_t n = atomic_load_explicit(dir->count, memory_order_acquire);

        return n < dir->capacity ? n : dir->capacity;
}

/* FNV-1a, 64 bits, over the bytes of the symbol before its first NUL. */
static inline uint64_t directory_hash(const char symbol[SYMBOL_SIZE]) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (unsigned i = 0; i < SYMBOL_SIZE && symbol[i]; i++)
                hash = (hash ^ (unsigned char)symbol[i]) * UINT64_C(0x100000001b3);
        return hash;
}

/*
 * Finds an instrument. Both names are NUL-padded; venue NULL means any. Returns its index;
 * -ENOENT where there is none; -ENOTUNIQ where the venue was left open and there are several.
 */
static inline int64_t directory_find(const struct directory *dir, const char symbol[SYMBOL_SIZE],
                                     const char *venue) {
        uint64_t hash = directory_hash(symbol), slot = hash & (dir->slots - 1);
        int64_t found = -ENOENT;

        /* an index without an empty slot is damaged, but must not hold us */
        for (uint64_t i = 0; i < dir->slots; i++, slot = (slot + 1) & (dir->slots - 1)) {
                uint64_t s = atomic_load_explicit(&dir->index[slot], memory_order_acquire);
                uint32_t instrument = (uint32_t)s - 1;
                const struct shm_instrument *entry;

                if (!s)
                        break;
                if (s >> 32 != hash >> 32 || instrument >= dir->capacity)
                        continue;
                entry = directory_get(dir, instrument);
                if (memcmp(entry->symbol, symbol, SYMBOL_SIZE))
                        continue;
                if (venue) {
                        if (!memcmp(entry->venue, venue, VENUE_SIZE))
                                return instrument;
                } else if (found >= 0) {
                        return -ENOTUNIQ;
                } else {
                        found = instrument;
                }
        }
        return found;
}

static inline void directory_link(struct directory *dir, uint32_t instrument) {
        uint64_t hash = directory_hash(directory_get(dir, instrument)->symbol);
        uint64_t slot = hash & (dir->slots - 1);

        /* as above: a damaged index may be full */
        for (uint64_t i = 0; i < dir->slots; i++, slot = (slot + 1) & (dir->slots - 1)) {
                if (atomic_load_explicit(&dir->index[slot], memory_order_relaxed))
                        continue;
                atomic_store_explicit(&dir->index[slot],
                                      (hash >> 32 << 32) | (instrument + UINT64_C(1)),
                                      memory_order_release);
                return;
        }
}

/*
 * Adds an instrument that is not there yet; only the writer may. Returns its index, or -ENOSPC when
 * the directory is full.
 */
static inline int64_t directory_add(struct directory *dir, const struct shm_instrument *entry) {
        uint32_t instrument = directory_count(dir);

        if (instrument >= dir->capacity)
                return -ENOSPC;

        /* nobody can see this entry yet, so a plain copy will do */
        memcpy((void *)directory_get(dir, instrument), (const void *)entry, sizeof(*entry));
        atomic_store_explicit(dir->count, instrument + 1, memory_order_release);
        directory_link(dir, instrument);
        return instrument;
}

/* What a successor does with a directory whose writer may have been killed. */
static inline void directory_repair(struct directory *dir) {
        uint32_t n = directory_count(dir);
        const struct shm_instrument *last;

        if (!n)
                return;
        last = directory_get(dir, n - 1);
        if (directory_find(dir, last->symbol, last->venue) != n - 1)
                directory_link(dir, n - 1);
}
