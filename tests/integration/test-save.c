/*
 * A saved segment is whole, whatever the writer is at
 *
 * One thread writes the levels of a few instruments as fast as it can, each image with its number in all
 * its words, while the segment is saved again and again. What is in the file must be images, not mixtures.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"
#include "shm/segment.h"

#define INSTRUMENTS 4
#define LEVELS      5
#define SAVES       200
#define MOST        2000 /* saves, should the writer hardly ever get its turn */

static struct {
        char name[SEGMENT_NAME_MAX], path[80], saved[64];
        struct segment segment;
        _Atomic uint64_t written;
        _Atomic bool over;
} save;

static struct depth_image image_of(uint64_t n) {
        struct depth_image image = {
                .seq = n,
                .ts_event = (int64_t)n,
                .flags = n,
                .bid_levels = LEVELS,
                .ask_levels = LEVELS,
                .orders = n,
        };

        for (unsigned i = 0; i < LEVELS; i++)
                image.bid[i] = image.ask[i] = (struct md_level){ (int64_t)n, (int64_t)n, n };
        return image;
}

static void *write_levels(void *unused) {
        struct depth_image image;

        (void)unused;
        for (uint64_t n = 1; !atomic_load(&save.over); n++) {
                image = image_of(n);
                depth_write(&save.segment.depth, n / 1024 % INSTRUMENTS, &image);
                atomic_store_explicit(&save.written, n, memory_order_release);
        }
        return NULL;
}

static void expect_whole(const struct depth_image *image) {
        struct depth_image whole = image_of(image->seq);

        assert_int_equal(image->ts_event, whole.ts_event);
        assert_int_equal(image->flags, whole.flags);
        assert_int_equal(image->bid_levels, LEVELS);
        assert_int_equal(image->ask_levels, LEVELS);
        assert_int_equal(image->orders, whole.orders);
        assert_memory_equal(image->bid, whole.bid, LEVELS * sizeof(*whole.bid));
        assert_memory_equal(image->ask, whole.ask, LEVELS * sizeof(*whole.ask));
}

/* The greatest number in the file. */
static uint64_t look_at_saved(void) {
        struct depth_image image;
        struct segment saved;
        struct segment_why why;
        uint64_t newest = 0;
        int fd = open(save.saved, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(segment_attach(&saved, fd, &why), 0);
        close(fd);
        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                if (!depth_read(&saved.depth, i, &image))
                        continue;
                expect_whole(&image);
                newest = image.seq > newest ? image.seq : newest;
        }
        segment_detach(&saved);
        return newest;
}

static void levels_are_saved_whole(void **state) {
        uint64_t newest = 0, seen, moved = 0, before;
        struct md_client *client;
        pthread_t writer;

        (void)state;
        assert_int_equal(md_new(&client), 0);
        assert_int_equal(md_open_file(client, save.path), 0);
        assert_int_equal(pthread_create(&writer, NULL, write_levels, NULL), 0);
        for (unsigned i = 0; i < MOST && moved < SAVES; i++) {
                before = atomic_load_explicit(&save.written, memory_order_acquire);
                assert_int_equal(md_save(client, save.saved), 0);
                seen = look_at_saved();
                /* what was there before is in the file, or something newer is */
                assert_true(seen >= before && seen >= newest);
                moved += seen > before;
                newest = seen;
        }
        atomic_store(&save.over, true);
        pthread_join(writer, NULL);
        md_free(client);

        /* and once more with nobody writing: the last one of all */
        assert_int_equal(md_new(&client), 0);
        assert_int_equal(md_open_file(client, save.path), 0);
        assert_int_equal(md_save(client, save.saved), 0);
        assert_int_equal(look_at_saved(), atomic_load(&save.written));
        md_free(client);
}

/* As a daemon leaves it that is killed, or not yet done, between the count and the index. */
static void forget_last(void) {
        struct directory *directory = &save.segment.directory;

        for (uint64_t i = 0; i < directory->slots; i++)
                if ((uint32_t)atomic_load(&directory->index[i]) == INSTRUMENTS)
                        atomic_store(&directory->index[i], 0);
}

static void the_last_instrument_is_found(void **state) {
        struct md_client *client;
        uint32_t instrument;

        (void)state;
        forget_last();
        assert_int_equal(md_new(&client), 0);
        assert_int_equal(md_open_file(client, save.path), 0);
        assert_int_equal(md_lookup(client, "AD", NULL, &instrument), -ENOENT);
        assert_int_equal(md_save(client, save.saved), 0);
        md_free(client);

        assert_int_equal(md_new(&client), 0);
        assert_int_equal(md_open_file(client, save.saved), 0);
        assert_int_equal(md_instruments(client), INSTRUMENTS);
        for (uint32_t i = 0; i < INSTRUMENTS; i++) {
                const char symbol[] = { 'A', (char)('A' + i), '\0' };

                assert_int_equal(md_lookup(client, symbol, NULL, &instrument), 0);
                assert_int_equal(instrument, i);
        }
        md_free(client);
}

static int setup(void **state) {
        static const struct segment_params params = { .instruments = INSTRUMENTS,
                                                      .journal = 64,
                                                      .depth = LEVELS };
        struct segment_why why;

        (void)state;
        snprintf(save.name, sizeof(save.name), "/mdshmd-test-save.%d", (int)getpid());
        snprintf(save.path, sizeof(save.path), "/dev/shm%s", save.name);
        snprintf(save.saved, sizeof(save.saved), "/tmp/mdshmd-test-save.%d", (int)getpid());
        assert_int_equal(segment_open(&save.segment, save.name, &params, &why), 0);
        for (unsigned i = 0; i < INSTRUMENTS; i++) {
                struct shm_instrument entry = { .symbol = { 'A', (char)('A' + i) } };

                assert_int_equal(directory_add(&save.segment.directory, &entry), i);
        }
        segment_publish(&save.segment, "1.2.3", 4711);
        return 0;
}

static int teardown(void **state) {
        (void)state;
        segment_retire(&save.segment);
        unlink(save.saved);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(levels_are_saved_whole),
                cmocka_unit_test(the_last_instrument_is_found),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
