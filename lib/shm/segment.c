/*
 * The segment's life; segment.h tells the story.
 */

#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "shm/bind.h"
#include "shm/name.h"

#define COUNTERS_CAPACITY (64 + FEEDS_MAX * COUNTERS_PER_FEED)

_Static_assert(_COUNTERS_N <= 64, "the fixed counters fit before the feeds'");

static uint64_t page_align(uint64_t size) {
        return (size + LAYOUT_PAGE - 1) / LAYOUT_PAGE * LAYOUT_PAGE;
}

/* Fills in the section table for that shape; returns the size of the whole, 0 if it cannot be. */
static uint64_t plan(const struct segment_params *params,
                     struct shm_section sections[LAYOUT_SECTIONS]) {
        uint64_t offset = LAYOUT_PAGE;
        size_t n = 0;

        if (params->depth > DEPTH_MAX)
                return 0;
        if (params->instruments < 1 || params->instruments > SEGMENT_INSTRUMENTS_MAX)
                return 0;
        if (params->journal < SEGMENT_JOURNAL_MIN || params->journal > SEGMENT_JOURNAL_MAX ||
            (params->journal & (params->journal - 1)))
                return 0;

        const struct shm_section wanted[] = {
                { SECTION_FEEDS, 0, 0, FEEDS_MAX, sizeof(struct shm_feed) },
                { SECTION_DIRECTORY, 0, 0, params->instruments, sizeof(struct shm_instrument) },
                { SECTION_INDEX, 0, 0, directory_slots(params->instruments), sizeof(uint64_t) },
                { SECTION_TABLE, 0, 0, params->instruments, MD_PLACES * sizeof(struct line) },
                { SECTION_JOURNAL, 0, 0, params->journal, sizeof(struct line) },
                { SECTION_COUNTERS, 0, 0, COUNTERS_CAPACITY, sizeof(struct shm_counter) },
                { SECTION_DEPTH, params->depth, 0, params->depth ? params->instruments : 0,
                  depth_stride(params->depth) },
        };

        memset(sections, 0, LAYOUT_SECTIONS * sizeof(*sections));
        for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
                if (!wanted[i].count)
                        continue;
                sections[n] = wanted[i];
                sections[n].offset = offset;
                offset = page_align(offset + wanted[i].count * wanted[i].stride);
                n++;
        }
        return offset;
}

size_t segment_footprint(const struct segment_params *params) {
        struct shm_section sections[LAYOUT_SECTIONS];

        return plan(params, sections);
}

static int map_and_bind(struct segment *segment, int fd, int prot, struct segment_why *why) {
        struct stat st;
        uint64_t size;
        void *map;
        int r;

        if (fstat(fd, &st) < 0) {
                r = -errno;
                segment_why_set(why, "cannot be looked at: %s", strerror(-r));
                return r;
        }
        if (st.st_size < LAYOUT_PAGE) {
                segment_why_set(why, "it has %lld bytes, and the header alone has %d",
                                (long long)st.st_size, LAYOUT_PAGE);
                return -EUCLEAN;
        }
        size = (uint64_t)st.st_size;

        map = mmap(NULL, size, prot, MAP_SHARED | (prot & PROT_WRITE ? MAP_POPULATE : 0), fd, 0);
        if (map == MAP_FAILED) {
                r = -errno;
                segment_why_set(why, "cannot be mapped: %s", strerror(-r));
                return r;
        }
        r = segment_bind(segment, map, size, why);
        if (r < 0) {
                munmap(map, size);
                return r;
        }
        if (page_align(size) > page_align(segment->size))
                munmap((char *)map + page_align(segment->size),
                       page_align(size) - page_align(segment->size));
        return 0;
}

int segment_attach(struct segment *segment, int fd, struct segment_why *why) {
        *segment = (struct segment)SEGMENT_INIT;
        return map_and_bind(segment, fd, PROT_READ, why);
}

void segment_detach(struct segment *segment) {
        if (segment->header)
                munmap(segment->header, page_align(segment->size));
        if (segment->fd >= 0)
                close(segment->fd);
        if (segment->lock_fd >= 0)
                close(segment->lock_fd);
        *segment = (struct segment)SEGMENT_INIT;
}

/* Whether what a predecessor left has the shape that is wanted now. */
static bool fits(const struct segment *segment, const struct segment_params *params) {
        struct shm_section wanted[LAYOUT_SECTIONS];
        const struct shm_header *header = segment->header;

        return plan(params, wanted) == header->size && header->minor == LAYOUT_MINOR &&
               header->fingerprint == LAYOUT_FINGERPRINT &&
               atomic_load(&header->state) != SEGMENT_STOPPED &&
               !memcmp(wanted, header->section, sizeof(wanted));
}

/*
 * Redoes the log. The header's number was stored after its tick was finished, so what can be wrong
 * is the next tick: it may stand whole in the journal and not, or half, in the table.
 */
static void redo(struct segment *segment) {
        struct md_tick tick;
        uint64_t newest = segment_newest(segment);

        while (journal_read(&segment->journal, newest + 1, &tick) == JOURNAL_OK)
                newest++;
        if (newest && journal_read(&segment->journal, newest, &tick) == JOURNAL_OK &&
            tick.kind < MD_PLACES && tick.instrument < segment->table.count &&
            line_seq(table_line(&segment->table, tick.instrument, tick.kind)) != newest)
                table_write(&segment->table, &tick);
        atomic_store_explicit(&segment->header->newest, newest, memory_order_release);

        for (uint32_t i = 0; i < segment->feeds_count; i++)
                taken_settle(&segment_feed(segment, i)->taken, newest);
        directory_repair(&segment->directory);
        while (segment->counters.used < segment->counters.capacity &&
               atomic_load(&segment->counters.base[segment->counters.used].id))
                segment->counters.used++;
}

/* Says that nobody will write here any more. */
static void end(struct segment *segment) {
        atomic_store(&segment->header->state, SEGMENT_STOPPED);
        atomic_store(&segment->header->magic, 0);
}

/* Takes over the object behind `fd`. 1: done; 0: it does not fit, and is marked as dead. */
static int adopt(struct segment *segment, int fd, const struct segment_params *params) {
        struct segment_why why;

        if (map_and_bind(segment, fd, PROT_READ | PROT_WRITE, &why) < 0)
                return 0;
        if (!fits(segment, params)) {
                end(segment);
                munmap(segment->header, page_align(segment->size));
                segment->header = NULL;
                return 0;
        }
        atomic_store(&segment->header->state, SEGMENT_STARTING);
        redo(segment);
        segment->adopted = true;
        return 1;
}

static int no_room(const char *name, uint64_t size, struct segment_why *why) {
        struct statvfs vfs;

        if (statvfs("/dev/shm", &vfs) == 0)
                segment_why_set(
                        why,
                        "cannot allocate %s: it needs %.1f MiB, and /dev/shm has %.1f MiB free; make "
                        "[segment] instruments or journal smaller, or /dev/shm larger",
                        name, (double)size / 1048576,
                        (double)vfs.f_bavail * (double)vfs.f_frsize / 1048576);
        else
                segment_why_set(why, "cannot allocate %s: it needs %.1f MiB", name,
                                (double)size / 1048576);
        return -ENOSPC;
}

/* Builds a new segment in the empty object behind `fd`; everything but the magic. */
static int format(struct segment *segment, int fd, const struct segment_params *params,
                  struct segment_why *why) {
        struct shm_section sections[LAYOUT_SECTIONS];
        struct shm_header *header;
        uint64_t size = plan(params, sections), identity = 0;
        struct timespec now;
        int r;

        r = posix_fallocate(fd, 0, (off_t)size);
        if (r == ENOSPC || r == ENOMEM)
                return no_room(segment->name, size, why);
        if (r) {
                segment_why_set(why, "cannot allocate %s: %s%s", segment->name, strerror(r),
                                r == EFBIG ? "; raise RLIMIT_FSIZE (ulimit -f)" : "");
                return -r;
        }
        /* populated: the first lap of the journal shall not fault at each page */
        header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (header == MAP_FAILED) {
                r = -errno;
                segment_why_set(why, "cannot map %s: %s", segment->name, strerror(-r));
                return r;
        }

        while (!identity)
                if (getrandom(&identity, sizeof(identity), 0) != sizeof(identity))
                        identity = 0;
        clock_gettime(CLOCK_REALTIME, &now);

        header->major = LAYOUT_MAJOR;
        header->minor = LAYOUT_MINOR;
        header->fingerprint = LAYOUT_FINGERPRINT;
        header->size = size;
        header->identity = identity;
        header->born = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
        memcpy(header->section, sections, sizeof(sections));

        /* segment_bind() wants the magic; nobody else can see this memory yet */
        atomic_store(&header->magic, LAYOUT_MAGIC);
        r = segment_bind(segment, header, size, why);
        atomic_store(&header->magic, 0);
        if (r < 0) {
                munmap(header, size);
                return r;
        }

#define ADD(NAME, label) counters_add(&segment->counters, COUNTER_FEED_NONE, label);
        COUNTERS(ADD)
#undef ADD
        return 0;
}

/* The end of a daemon that never got hold of what stands under the name: only the lock was its own. */
static void give_up(struct segment *segment) {
        name_lock_remove(segment->name);
        segment_detach(segment);
}

static int check_shape(const char *name, const struct segment_params *params,
                       struct segment_why *why) {
        size_t length = strlen(name);

        if (length < 2 || length >= SEGMENT_NAME_MAX || name[0] != '/' || strchr(name + 1, '/')) {
                segment_why_set(
                        why,
                        "\"%s\" cannot be a segment's name: it begins with '/', has no other, and "
                        "at most %d characters",
                        name, SEGMENT_NAME_MAX - 1);
                return -EINVAL;
        }
        if (!segment_footprint(params)) {
                segment_why_set(why,
                                "a segment of %u instruments, %" PRIu64
                                " journal ticks and %u levels of depth "
                                "cannot be",
                                params->instruments, params->journal, params->depth);
                return -EINVAL;
        }
        return 0;
}

/* Another object stands under the name of the one that we have: its daemon was not ours, and is gone. */
static void discard_namesake(const char *name, int fd) {
        struct segment other = SEGMENT_INIT;
        struct segment_why why;

        if (name_is_of(fd, name))
                return;
        other.fd = shm_open(name, O_RDWR, 0);
        if (other.fd >= 0 && name_check_owner(other.fd, name, &why) < 0) {
                segment_detach(&other);
                return; /* not ours to end */
        }
        if (other.fd >= 0 && map_and_bind(&other, other.fd, PROT_READ | PROT_WRITE, &why) == 0)
                end(&other);
        segment_detach(&other);
        shm_unlink(name);
}

/* Under the lock: takes over what stands under the name, or builds a new one in its place. */
static int open_named(struct segment *segment, const struct segment_params *params,
                      struct segment_why *why) {
        const char *name = segment->name;
        int fd, r;

        fd = shm_open(name, O_RDWR, 0);
        if (fd >= 0) {
                r = name_check_owner(fd, name, why);
                if (r < 0) {
                        close(fd);
                        give_up(segment);
                        return r;
                }
                if (adopt(segment, fd, params)) {
                        segment->fd = fd;
                        return 0;
                }
                close(fd);
                shm_unlink(name);
        } else if (errno != ENOENT) {
                r = -errno;
                segment_why_set(why, "cannot open /dev/shm%s, which exists: %s", name,
                                strerror(-r));
                give_up(segment);
                return r;
        }

        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd < 0) {
                r = -errno;
                segment_why_set(why, "cannot make /dev/shm%s: %s", name, strerror(-r));
                give_up(segment);
                return r;
        }
        r = format(segment, fd, params, why);
        if (r < 0) {
                close(fd);
                segment_retire(segment);
                return r;
        }
        segment->fd = fd;
        return 0;
}

int segment_inherit(struct segment *segment, const char *name, const struct segment_params *params,
                    int fd, int lock_fd, struct segment_why *why) {
        int r;

        *segment = (struct segment)SEGMENT_INIT;
        r = check_shape(name, params, why);
        if (r == 0) {
                strcpy(segment->name, name);
                segment->locked = name_lock_inherit(name, lock_fd);
                segment->lock_fd = segment->locked ? lock_fd : -1;
        }
        /* without its lock, it may be somebody else's by now */
        if (segment->locked && fd >= 0 && adopt(segment, fd, params)) {
                discard_namesake(name, fd);
                segment->fd = fd;
                segment->inherited = true;
                return 0;
        }
        if (fd >= 0)
                close(fd);
        if (lock_fd >= 0 && !segment->locked)
                close(lock_fd);
        if (r < 0)
                return r;
        if (!segment->locked) {
                r = name_lock(name, why);
                if (r < 0)
                        return r;
                segment->lock_fd = r;
        }
        return open_named(segment, params, why);
}

int segment_open(struct segment *segment, const char *name, const struct segment_params *params,
                 struct segment_why *why) {
        return segment_inherit(segment, name, params, -1, -1, why);
}

int64_t segment_claim_feed(struct segment *segment, const char *name, const char *source,
                           const char *protocol) {
        struct shm_feed *feed;
        uint32_t was;

        for (uint32_t i = 0; i < segment->feeds_count; i++) {
                feed = segment_feed(segment, i);
                if (atomic_load(&feed->state) == FEED_NONE)
                        strncpy(feed->name, name, sizeof(feed->name) - 1);
                else if (strncmp(feed->name, name, sizeof(feed->name) - 1))
                        continue;
                strncpy(feed->source, source, sizeof(feed->source) - 1);
                strncpy(feed->protocol, protocol, sizeof(feed->protocol) - 1);
                was = atomic_load(&feed->state);
                atomic_store_explicit(&feed->state,
                                      was == FEED_LIVE || was == FEED_RECOVERING ? FEED_RECOVERING
                                                                                 : FEED_DOWN,
                                      memory_order_release);
                return i;
        }
        return -ENOSPC;
}

void segment_publish(struct segment *segment, const char *version, int64_t now) {
        struct shm_header *header = segment->header;

        memset(header->version, 0, sizeof(header->version));
        strncpy(header->version, version, sizeof(header->version) - 1);
        atomic_store(&header->pid, (uint32_t)getpid());
        atomic_store(&header->started, now);
        atomic_store(&header->state, SEGMENT_RUNNING);
        atomic_store(&header->generation, atomic_load(&header->generation) + 1);
        atomic_store_explicit(&header->magic, LAYOUT_MAGIC, memory_order_release);
}

int segment_open_readonly(const struct segment *segment) {
        char path[32];
        int fd;

        /* by descriptor, so that it is this very object whatever its name now means */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", segment->fd);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

void segment_retire(struct segment *segment) {
        if (segment->header)
                end(segment);
        /* without the lock the names are another daemon's */
        if (segment->lock_fd >= 0) {
                shm_unlink(segment->name);
                name_lock_remove(segment->name);
        }
        segment_detach(segment);
}
