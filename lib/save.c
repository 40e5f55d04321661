/*
 * A segment as a file: to be saved, to be opened
 *
 * Saving a segment that is being written, as it stood at one moment, without asking its writer: the table is
 * copied place by place, which takes a while. Then the journal is asked what came from just before the
 * first place to just after the last one, and these ticks are done over again in the copy. What comes
 * out is the table as tick N left it, where N is the last of them. The depth is copied book by book
 * before N is settled: each is whole, and none is newer than N.
 *
 * If the journal has lost one of those ticks by then, or instruments were added, it begins again.
 */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"

#define SAVE_ROUNDS 8
#define NAMES_MAX   64 /* to try for a file that is about to take another's place */

/* The copy: memory of the same shape, in a file. */
struct copy {
        const struct segment *segment;
        char *base;
};

/* What stands in the copy where `p` stands in the segment. */
static void *twin(const struct copy *copy, const void *p) {
        return copy->base + ((const char *)p - (const char *)copy->segment->header);
}

/* Words that may be changing: each by itself is whole. */
static void copy_words(const struct copy *copy, const void *from, size_t bytes) {
        const _Atomic uint64_t *source = from;
        uint64_t *target = twin(copy, from);

        for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
                target[i] = atomic_load_explicit(&source[i], memory_order_relaxed);
}

/* Sections of a later version are copied as they stand; nobody has looked at their numbers yet. */
static bool is_inside(const struct segment *segment, const struct shm_section *section) {
        uint64_t bytes;

        return section->offset % sizeof(uint64_t) == 0 &&
               !__builtin_mul_overflow(section->count, section->stride, &bytes) &&
               bytes <= segment->size && section->offset <= segment->size - bytes;
}

/* What has a protocol of its own, and is not merely words. */
static bool is_read_by_protocol(uint32_t kind) {
        return kind == SECTION_TABLE || kind == SECTION_JOURNAL || kind == SECTION_DIRECTORY ||
               kind == SECTION_DEPTH;
}

/* Header and small sections: everything but ticks and levels. -EUCLEAN. */
static int copy_figures(const struct copy *copy) {
        const struct shm_header *header = copy->segment->header, *copied = twin(copy, header);

        copy_words(copy, header, LAYOUT_PAGE);
        for (unsigned i = 0; i < LAYOUT_SECTIONS; i++) {
                /* of the copy, which nobody changes between the check and the use */
                const struct shm_section *section = &copied->section[i];

                if (!section->kind || is_read_by_protocol(section->kind))
                        continue;
                if (!is_inside(copy->segment, section))
                        return -EUCLEAN;
                copy_words(copy, (const char *)header + section->offset,
                           section->count * section->stride);
        }
        return 0;
}

/* The first n instruments, and the index without any later ones: a later one was never in the way of
 * an earlier one's search, so its slot can simply be emptied. The last one may not be in the index yet. */
static void copy_directory(const struct copy *copy, uint32_t n) {
        const struct directory *directory = &copy->segment->directory;
        uint64_t *slots = twin(copy, directory->index);
        struct shm_header *header = (struct shm_header *)(void *)copy->base;
        struct directory target = *directory;

        copy_words(copy, directory->base, n * directory->stride);
        for (uint64_t i = 0; i < directory->slots; i++)
                if (slots[i] && (uint32_t)slots[i] - 1 >= n)
                        slots[i] = 0;
        atomic_store_explicit(&header->instruments, n, memory_order_relaxed);
        target.base = twin(copy, directory->base);
        target.index = twin(copy, directory->index);
        target.count = &header->instruments;
        directory_repair(&target);
}

static struct md_tick *place(const struct copy *copy, uint32_t instrument, unsigned kind) {
        return twin(copy, table_line(&copy->segment->table, instrument, kind));
}

/* The places of n instruments; *newest is raised to the newest tick among them. */
static int copy_table(const struct copy *copy, uint32_t n, uint64_t *newest) {
        const struct segment *segment = copy->segment;
        int r;

        for (uint32_t i = 0; i < n; i++) {
                for (unsigned kind = 0; kind < MD_PLACES; kind++) {
                        struct md_tick *tick = place(copy, i, kind);

                        r = table_read(&segment->table, &segment->journal, i, kind, tick);
                        if (r < 0)
                                return r;
                        if (tick->seq > *newest)
                                *newest = tick->seq;
                }
        }
        return 0;
}

/* The books of n instruments; an earlier round's are written over. -EAGAIN. */
static int copy_depth(const struct copy *copy, uint32_t n) {
        const struct depth *depth = &copy->segment->depth;
        struct depth target = *depth;
        struct depth_image image;
        int r;

        if (!depth->count)
                return 0;
        target.base = twin(copy, depth->base);
        for (uint32_t i = 0; i < n; i++) {
                r = depth_read(depth, i, &image);
                if (r < 0)
                        return r;
                if (r > 0)
                        depth_write(&target, i, &image);
        }
        return 0;
}

/* Does the ticks from..to over again. False where one of them is lost. */
static bool redo(const struct copy *copy, uint32_t n, uint64_t from, uint64_t to) {
        struct md_tick tick;

        for (uint64_t seq = from; seq <= to; seq++) {
                if (journal_read(&copy->segment->journal, seq, &tick) != JOURNAL_OK)
                        return false;
                if (tick.kind >= MD_PLACES || tick.instrument >= n)
                        continue;
                if (place(copy, tick.instrument, tick.kind)->seq < seq)
                        *place(copy, tick.instrument, tick.kind) = tick;
        }
        return true;
}

/* The stream up to `newest`, as far as it still stands. */
static void copy_journal(const struct copy *copy, uint64_t newest) {
        const struct journal *journal = &copy->segment->journal;

        for (uint64_t seq = journal_oldest(journal, newest); seq <= newest; seq++) {
                struct md_tick *tick = twin(copy, journal_line(journal, seq));

                if (journal_read(journal, seq, tick) != JOURNAL_OK)
                        memset(tick, 0, sizeof(*tick));
        }
}

/* 0; -EAGAIN: the writer is faster than this. -EUCLEAN. */
static int copy_segment(const struct copy *copy) {
        const struct segment *segment = copy->segment;
        struct shm_header *header = (struct shm_header *)(void *)copy->base;

        for (unsigned round = 0; round < SAVE_ROUNDS; round++) {
                uint32_t n = directory_count(&segment->directory);
                uint64_t before = segment_newest(segment), newest = before;
                int r;

                r = copy_figures(copy);
                if (r < 0)
                        return r;
                copy_directory(copy, n);
                r = copy_table(copy, n, &newest);
                if (r < 0)
                        return r;
                if (copy_depth(copy, n) < 0)
                        continue;
                if (newest < segment_newest(segment))
                        newest = segment_newest(segment);
                if (!redo(copy, n, before + 1, newest) || directory_count(&segment->directory) != n)
                        continue;
                copy_journal(copy, newest);
                atomic_store_explicit(&header->newest, newest, memory_order_relaxed);
                return 0;
        }
        return -EAGAIN;
}

static int save_to(struct md_client *client, int fd) {
        struct copy copy = { .segment = &client->segment };
        size_t size = client->segment.size;
        void *map;
        int r;

        /* taken at once: a full disk is an error here, not a fault while writing */
        r = posix_fallocate(fd, 0, (off_t)size);
        if (r)
                return client_fail(client, -r, "no room for %zu MiB: %s", size >> 20, strerror(r));
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return client_fail(client, -errno, "cannot map the new file: %s", strerror(errno));
        copy.base = map;
        r = copy_segment(&copy);
        munmap(map, size);
        /* nobody writes a file: what does not go together there never will */
        if (r == -EAGAIN && client->file)
                r = -EUCLEAN;
        if (r == -EAGAIN)
                return client_fail(client, r,
                                   "the daemon writes faster than this can copy: make "
                                   "[segment] journal larger, or try again");
        if (r < 0)
                return client_fail(client, r, "the segment is damaged");
        return 0;
}

/* Whether that is the segment that we read, by whatever name. */
static bool is_ours(const struct md_client *client, const struct stat *st) {
        struct stat ours;

        return fstat(client->segment.fd, &ours) == 0 && ours.st_dev == st->st_dev &&
               ours.st_ino == st->st_ino;
}

/* The new file takes the place of what is there, which must not be a device, a pipe or the like, nor the
 * segment itself: its daemon's successor would go on with the copy, and readers with the segment. Of a
 * symbolic link, what it stands for is replaced. */
static int resolve(struct md_client *client, const char *path, char target[PATH_MAX]) {
        struct stat st;

        if (stat(path, &st) < 0) {
                /* none yet, or cannot be written either: that is told then */
                if (snprintf(target, PATH_MAX, "%s", path) >= PATH_MAX)
                        return client_fail(client, -ENAMETOOLONG, "%.64s... is too long for a file",
                                           path);
                return 0;
        }
        if (!S_ISREG(st.st_mode))
                return client_fail(client, -EINVAL, "%s is no regular file: name one, or a new one",
                                   path);
        if (is_ours(client, &st))
                return client_fail(client, -EINVAL,
                                   "%s is the very segment that is to be saved: name another file",
                                   path);
        if (!realpath(path, target))
                return client_fail(client, -errno, "cannot find %s: %s", path, strerror(errno));
        return 0;
}

/* A file without a name in the target's folder, so that nothing is left of it when we are killed. Where
 * the file system has none such, one with the name `temporary`. */
static int open_new(const char *target, char *temporary, bool *named) {
        char copy[PATH_MAX];
        int fd;

        strcpy(copy, target);
        fd = access("/proc/self/fd", X_OK) == 0
                     ? open(dirname(copy), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
                     : -1; /* it could not be given a name */
        *named = fd < 0;
        return fd < 0 ? mkostemp(temporary, O_CLOEXEC) : fd;
}

/* Gives the file the target's name. A file that is there can only be replaced by one with a name. */
static int give_name(int fd, const char *target, char *temporary, bool *named) {
        char self[64];

        snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        for (unsigned n = 0; !*named; n++) {
                if (linkat(AT_FDCWD, self, AT_FDCWD, n ? temporary : target, AT_SYMLINK_FOLLOW) ==
                    0) {
                        if (!n)
                                return 0;
                        *named = true;
                } else if (errno != EEXIST || n == NAMES_MAX) {
                        return -errno;
                } else {
                        sprintf(temporary + strlen(target), ".%06x",
                                ((unsigned)getpid() * NAMES_MAX + n) & 0xffffff);
                }
        }
        return rename(temporary, target) < 0 ? -errno : 0;
}

int md_save(struct md_client *client, const char *path) {
        char target[PATH_MAX], temporary[PATH_MAX];
        bool named;
        int fd, r;

        r = client_check(client);
        if (r == 0)
                r = resolve(client, path, target);
        if (r < 0)
                return r;
        if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", target) >= (int)sizeof(temporary))
                return client_fail(client, -ENAMETOOLONG, "%.64s... is too long for a file", path);
        fd = open_new(target, temporary, &named);
        if (fd < 0)
                return client_fail(client, -errno, "cannot write beside %s: %s", path,
                                   strerror(errno));
        r = save_to(client, fd);
        if (r == 0) {
                r = fsync(fd) < 0 ? -errno : give_name(fd, target, temporary, &named);
                if (r < 0)
                        client_fail(client, r, "cannot write %s: %s", path, strerror(-r));
        }
        close(fd);
        if (r < 0 && named)
                unlink(temporary);
        return r;
}

/* Opens a regular file, without waiting for whoever may write to a pipe, or touching a device for longer
 * than to see that it is one. */
static int open_regular(struct md_client *client, const char *path) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0)
                return client_fail(client, -errno, "cannot open %s: %s", path, strerror(errno));
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
                return fd;
        close(fd);
        return client_fail(client, -EINVAL,
                           "%s is no regular file: name a saved segment, or one in /dev/shm", path);
}

int md_open_file(struct md_client *client, const char *path) {
        int fd, r;

        if (client->segment.header)
                return client_fail(client, -EISCONN, "this client is connected already");
        fd = open_regular(client, path);
        if (fd < 0)
                return fd;
        r = client_attach_file(client, fd);
        close(fd);
        if (r < 0) {
                char why[sizeof(client->error.text)];

                memcpy(why, client->error.text, sizeof(why));
                client_fail(client, r, "%.200s cannot be used: %.256s", path, why);
                client_detach(client);
        }
        return r;
}
