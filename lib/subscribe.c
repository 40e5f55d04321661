/*
 * What is of interest: instruments, kinds, and patterns for those that are not known yet
 *
 * The interest is kept where the daemon can see it, in the control page. A pattern is held against each
 * instrument once, when it is first seen: the daemon wakes a client with patterns when the directory
 * grows, and the walk looks at it again before it passes a tick of an instrument it does not know.
 */

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "client.h"

bool client_wants(struct md_client *client, const struct md_tick *tick) {
        const struct control *control = client->control;

        if (tick->kind < 32 &&
            !(atomic_load_explicit(&control->kinds, memory_order_relaxed) >> tick->kind & 1))
                return false;
        if (atomic_load_explicit(&control->all, memory_order_relaxed))
                return true;
        if (tick->instrument >= client->segment.directory.capacity)
                return false;
        if (tick->instrument >= client->patterns.known)
                client_learn(client);
        return control_interest_get(control, tick->instrument);
}

/* ---- subscriptions ---- */

static int check_subscription(struct md_client *client, uint32_t instrument) {
        int r;

        r = client_check(client);
        if (r < 0)
                return r;
        if (instrument >= md_instruments(client))
                return client_fail(client, -EINVAL, "there is no instrument %u", instrument);
        return 0;
}

int md_subscribe(struct md_client *client, uint32_t instrument) {
        int r;

        r = check_subscription(client, instrument);
        if (r == 0)
                control_interest_set(client->control, instrument, true);
        return r;
}

int md_unsubscribe(struct md_client *client, uint32_t instrument) {
        int r;

        r = check_subscription(client, instrument);
        if (r == 0)
                control_interest_set(client->control, instrument, false);
        return r;
}

int md_subscribe_symbol(struct md_client *client, const char *symbol, const char *venue) {
        uint32_t instrument;
        int r;

        r = md_lookup(client, symbol, venue, &instrument);
        return r < 0 ? r : md_subscribe(client, instrument);
}

int md_subscribe_all(struct md_client *client) {
        int r;

        r = client_check(client);
        if (r == 0)
                atomic_store_explicit(&client->control->all, 1, memory_order_relaxed);
        return r;
}

int md_subscribe_kinds(struct md_client *client, uint32_t kinds) {
        int r;

        r = client_check(client);
        if (r == 0)
                atomic_store_explicit(&client->control->kinds, kinds, memory_order_relaxed);
        return r;
}

/* ---- patterns ---- */

/* At least one name is still looked for: the daemon shall tell of new instruments. */
static void ask_for_growth(struct md_client *client) {
        atomic_store_explicit(&client->control->growth,
                              client->patterns.n || client->patterns.n_lost, memory_order_relaxed);
}

static bool fits(const struct patterns *patterns, unsigned i, const struct shm_instrument *entry) {
        char symbol[SYMBOL_SIZE + 1] = "", venue[VENUE_SIZE + 1] = "";

        memcpy(symbol, entry->symbol, SYMBOL_SIZE);
        memcpy(venue, entry->venue, VENUE_SIZE);
        return !fnmatch(patterns->pattern[i].symbol, symbol, 0) &&
               (!patterns->pattern[i].venue[0] || !fnmatch(patterns->pattern[i].venue, venue, 0));
}

/* Instruments from..to-1 against one pattern. */
static void match(struct md_client *client, unsigned pattern, uint32_t from, uint32_t to) {
        for (uint32_t i = from; i < to; i++)
                if (fits(&client->patterns, pattern, directory_get(&client->segment.directory, i)))
                        control_interest_set(client->control, i, true);
}

static void find_lost(struct md_client *client) {
        struct patterns *patterns = &client->patterns;
        uint32_t i = 0;

        while (i < patterns->n_lost) {
                int64_t found = directory_find(&client->segment.directory, patterns->lost[i].symbol,
                                               patterns->lost[i].venue);

                if (found < 0) {
                        i++;
                        continue;
                }
                control_interest_set(client->control, (uint32_t)found, true);
                patterns->lost[i] = patterns->lost[--patterns->n_lost];
                if (!patterns->n_lost)
                        ask_for_growth(client);
        }
}

void client_learn(struct md_client *client) {
        struct patterns *patterns = &client->patterns;
        uint32_t n = md_instruments(client);

        if (n == patterns->known)
                return;
        for (unsigned i = 0; i < patterns->n; i++)
                match(client, i, patterns->known, n);
        find_lost(client);
        patterns->known = n;
}

int md_subscribe_pattern(struct md_client *client, const char *symbol, const char *venue) {
        struct patterns *patterns = &client->patterns;
        unsigned i = patterns->n;
        int r;

        r = client_check(client);
        if (r < 0)
                return r;
        if (!*symbol || strlen(symbol) >= sizeof(patterns->pattern[i].symbol) ||
            (venue && strlen(venue) >= sizeof(patterns->pattern[i].venue)))
                return client_fail(client, -EINVAL,
                                   "\"%.64s\" at \"%.64s\" is no pattern: at most %d "
                                   "characters for a symbol, %d for a venue",
                                   symbol, venue ? venue : "", SYMBOL_SIZE - 1, VENUE_SIZE);
        if (i == PATTERNS_MAX)
                return client_fail(client, -ENOSPC, "a client can have %d patterns", PATTERNS_MAX);

        client_learn(client);
        strcpy(patterns->pattern[i].symbol, symbol);
        strcpy(patterns->pattern[i].venue, venue ? venue : "");
        patterns->n++;
        match(client, i, 0, patterns->known);
        ask_for_growth(client);
        return 0;
}

/* ---- another segment ---- */

void client_resubscribe(struct md_client *client, const struct segment *old,
                        const struct control *control) {
        struct patterns *patterns = &client->patterns;
        struct control *mine = client->control;
        uint32_t n = directory_count(&old->directory);

        atomic_store(&mine->all, atomic_load(&control->all));
        atomic_store(&mine->kinds, atomic_load(&control->kinds));
        patterns->known = 0;
        for (uint32_t i = 0; i < n; i++) {
                const struct shm_instrument *entry = directory_get(&old->directory, i);
                struct lost_name *lost = &patterns->lost[patterns->n_lost];

                if (!control_interest_get(control, i) || patterns->n_lost == patterns->room_lost)
                        continue;
                memcpy(lost->symbol, entry->symbol, sizeof(lost->symbol));
                memcpy(lost->venue, entry->venue, sizeof(lost->venue));
                patterns->n_lost++;
        }
        find_lost(client);
        client_learn(client);
        ask_for_growth(client);
}

void client_resume(struct md_client *client, const struct control *old) {
        struct control *mine = client->control;

        atomic_store(&mine->all, atomic_load(&old->all));
        atomic_store(&mine->kinds, atomic_load(&old->kinds));
        for (uint32_t i = 0; i < (client->segment.directory.capacity + 63) / 64; i++)
                atomic_store_explicit(&mine->interest[i], atomic_load(&old->interest[i]),
                                      memory_order_relaxed);
        ask_for_growth(client);
}
