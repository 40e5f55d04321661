/* The levels of a book, as the depth section shows them; shm/depth.h tells how that is read. */

#include <errno.h>
#include <string.h>

#include "client.h"

_Static_assert(MD_DEPTH_MAX == DEPTH_MAX, "published limit");

/* 0, or why there is no book to read. */
static int check_book(struct md_client *client, uint32_t instrument) {
        const struct shm_instrument *entry;

        if (instrument >= md_instruments(client))
                return client_fail(client, -EINVAL, "there is no instrument %u", instrument);
        entry = directory_get(&client->segment.directory, instrument);
        if (!(atomic_load_explicit(&entry->flags, memory_order_relaxed) & INSTRUMENT_BOOK))
                return client_fail(client, -ENODATA,
                                   "%.*s has no book: its feed brings neither levels nor orders",
                                   SYMBOL_SIZE, entry->symbol);
        if (!client->segment.depth.count)
                return client_fail(client, -EOPNOTSUPP,
                                   "this segment has no depth: set [segment] depth in the "
                                   "config of mdshmd");
        return 0;
}

static void take_image(struct md_depth *depth, const struct depth_image *image,
                       const struct depth *section) {
        depth->seq = image->seq;
        depth->ts_event = image->ts_event;
        depth->bid_levels = image->bid_levels;
        depth->ask_levels = image->ask_levels;
        depth->orders = image->orders;
        depth->flags = (uint32_t)image->flags;
        depth->bids = depth_shown(section, image->bid_levels);
        depth->asks = depth_shown(section, image->ask_levels);
        memcpy(depth->bid, image->bid, depth->bids * sizeof(*depth->bid));
        memcpy(depth->ask, image->ask, depth->asks * sizeof(*depth->ask));
}

int md_read_depth(struct md_client *client, uint32_t instrument, struct md_depth *depth) {
        const struct depth *section = &client->segment.depth;
        struct depth_image image;
        int r;

        r = check_book(client, instrument);
        if (r < 0)
                return r;
        r = depth_read(section, instrument, &image);
        if (r < 0)
                return client_fail(client, r,
                                   "the book of instrument %u changes faster than it can be read",
                                   instrument);
        if (!r)
                image = (struct depth_image){ .bid_levels = 0 };
        depth->capacity = section->levels;
        take_image(depth, &image, section);
        return r;
}
