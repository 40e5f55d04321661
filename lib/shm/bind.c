/* From a header to pointers; bind.h tells why it is copied first. */

#include "shm/bind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void segment_why_set(struct segment_why *why, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(why->text, sizeof(why->text), format, args);
        va_end(args);
}

static const struct shm_section *section_find(const struct shm_header *header, uint32_t kind) {
        for (size_t i = 0; i < LAYOUT_SECTIONS; i++)
                if (header->section[i].kind == kind)
                        return &header->section[i];
        return NULL;
}

static bool is_power_of_two(uint64_t n) {
        return n && !(n & (n - 1));
}

/* A section of at least one record, of records at least `size` long, inside the mapping. */
static const struct shm_section *section_check(const struct shm_header *header, uint32_t kind,
                                               const char *name, uint64_t size, uint64_t align,
                                               struct segment_why *why) {
        const struct shm_section *section = section_find(header, kind);
        uint64_t bytes;

        if (!section) {
                segment_why_set(why, "it has no %s section", name);
                return NULL;
        }
        if (section->offset < LAYOUT_PAGE || section->offset % LAYOUT_PAGE ||
            section->stride < size || section->stride % align || !section->count ||
            __builtin_mul_overflow(section->count, section->stride, &bytes) ||
            bytes > header->size || section->offset > header->size - bytes) {
                segment_why_set(
                        why,
                        "its %s section (offset %" PRIu64 ", %" PRIu64 " records of %" PRIu64
                        " bytes) does not lie inside its %" PRIu64 " bytes",
                        name, section->offset, section->count, section->stride, header->size);
                return NULL;
        }
        return section;
}

/* The depth section may be missing. -EUCLEAN where it is there and wrong. */
static int bind_depth(struct segment *segment, const struct shm_header *header, char *base,
                      struct segment_why *why) {
        const struct shm_section *section = section_find(header, SECTION_DEPTH);

        segment->depth = (struct depth){ 0 };
        if (!section)
                return 0;
        if (section->items < 1 || section->items > DEPTH_MAX) {
                segment_why_set(
                        why,
                        "its depth section has %u levels a side, and this program reads 1 to %d",
                        section->items, DEPTH_MAX);
                return -EUCLEAN;
        }
        section = section_check(header, SECTION_DEPTH, "depth", depth_stride(section->items), 64,
                                why);
        if (!section)
                return -EUCLEAN;
        segment->depth = (struct depth){
                .base = base + section->offset,
                .count = section->count,
                .stride = section->stride,
                .levels = section->items,
        };
        return 0;
}

static void copy_header(struct shm_header *copy, const struct shm_header *shared) {
        const volatile uint64_t *from = (const volatile void *)shared;
        uint64_t word;

        for (size_t i = 0; i < sizeof(*copy) / sizeof(word); i++) {
                word = from[i];
                memcpy((char *)copy + i * sizeof(word), &word, sizeof(word));
        }
}

int segment_bind(struct segment *segment, struct shm_header *shared, uint64_t size,
                 struct segment_why *why) {
        const struct shm_section *feeds, *directory, *index, *table, *journal, *counters;
        struct shm_header copy;
        const struct shm_header *header = &copy;
        char *base = (char *)shared;
        uint64_t magic;

        magic = atomic_load_explicit(&shared->magic, memory_order_acquire);
        copy_header(&copy, shared);
        if (magic != LAYOUT_MAGIC) {
                segment_why_set(why,
                                magic ? "it is not an mdshmd segment (its first bytes are foreign)"
                                      : "it is empty, unfinished, or its daemon has retired it");
                return -EUCLEAN;
        }
        if (header->major != LAYOUT_MAJOR) {
                segment_why_set(why, "it has layout version %u.%u, and this program reads %u.x",
                                header->major, header->minor, LAYOUT_MAJOR);
                return -EUCLEAN;
        }
        if (header->minor == LAYOUT_MINOR && header->fingerprint != LAYOUT_FINGERPRINT) {
                segment_why_set(
                        why,
                        "its layout fingerprint %016" PRIx64 " is not %016" PRIx64
                        " although both are version %u.%u: one of the two was built wrongly",
                        header->fingerprint, LAYOUT_FINGERPRINT, LAYOUT_MAJOR, LAYOUT_MINOR);
                return -EUCLEAN;
        }
        if (header->size < LAYOUT_PAGE || header->size > size) {
                segment_why_set(why, "it says that it has %" PRIu64 " bytes, and has %" PRIu64,
                                header->size, size);
                return -EUCLEAN;
        }

        feeds = section_check(header, SECTION_FEEDS, "feeds", sizeof(struct shm_feed), 64, why);
        directory = !feeds ? NULL
                           : section_check(header, SECTION_DIRECTORY, "directory",
                                           sizeof(struct shm_instrument), 64, why);
        index = !directory
                        ? NULL
                        : section_check(header, SECTION_INDEX, "index", sizeof(uint64_t), 8, why);
        table = !index ? NULL
                       : section_check(header, SECTION_TABLE, "table",
                                       MD_PLACES * sizeof(struct line), 64, why);
        journal = !table ? NULL
                         : section_check(header, SECTION_JOURNAL, "journal", sizeof(struct line),
                                         64, why);
        counters = !journal ? NULL
                            : section_check(header, SECTION_COUNTERS, "counters",
                                            sizeof(struct shm_counter), 64, why);
        if (!counters)
                return -EUCLEAN;

        if (directory->count > SEGMENT_INSTRUMENTS_MAX || table->count < directory->count ||
            !is_power_of_two(index->count) || index->count <= directory->count ||
            index->stride != sizeof(uint64_t) || !is_power_of_two(journal->count) ||
            journal->stride != sizeof(struct line) ||
            counters->stride != sizeof(struct shm_counter) || counters->count > UINT32_MAX ||
            feeds->count > UINT32_MAX) {
                segment_why_set(why,
                                "its sections do not go together (%" PRIu64 " instruments, %" PRIu64
                                " places, %" PRIu64 " index slots, %" PRIu64 " journal ticks)",
                                directory->count, table->count, index->count, journal->count);
                return -EUCLEAN;
        }

        if (bind_depth(segment, header, base, why) < 0)
                return -EUCLEAN;
        if (segment->depth.count && segment->depth.count < directory->count) {
                segment_why_set(why,
                                "its depth section has %" PRIu64
                                " instruments, its directory %" PRIu64,
                                segment->depth.count, directory->count);
                return -EUCLEAN;
        }

        segment->header = shared;
        segment->size = header->size;
        segment->feeds = base + feeds->offset;
        segment->feeds_count = feeds->count;
        segment->feeds_stride = feeds->stride;
        segment->directory = (struct directory){
                .base = base + directory->offset,
                .stride = directory->stride,
                .capacity = (uint32_t)directory->count,
                .index = (_Atomic uint64_t *)(void *)(base + index->offset),
                .slots = index->count,
                .count = &shared->instruments,
        };
        segment->table = (struct table){
                .base = base + table->offset,
                .count = table->count,
                .stride = table->stride,
        };
        segment->journal = (struct journal){
                .lines = (struct line *)(void *)(base + journal->offset),
                .size = journal->count,
        };
        segment->counters = (struct counters){
                .base = (struct shm_counter *)(void *)(base + counters->offset),
                .capacity = (uint32_t)counters->count,
        };
        return 0;
}
