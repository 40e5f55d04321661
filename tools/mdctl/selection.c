/*
 * The selection: which instruments the user means
 */

#include "selection.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int selection_init(struct selection *selection, struct md_client *client, char **patterns,
                   size_t n_patterns) {
        struct md_health health;
        int r;

        r = md_health(client, &health);
        if (r < 0)
                return r;
        *selection = (struct selection){
                .client = client,
                .patterns = patterns,
                .n_patterns = n_patterns,
                .met = calloc(n_patterns + 1, sizeof(*selection->met)),
                .wanted = calloc((size_t)health.capacity + 1, sizeof(*selection->wanted)),
        };
        if (!selection->met || !selection->wanted) {
                selection_deinit(selection);
                return -ENOMEM;
        }
        selection_update(selection);
        return 0;
}

void selection_deinit(struct selection *selection) {
        free(selection->met);
        free(selection->wanted);
        *selection = (struct selection)SELECTION_INIT;
}

static bool has_wildcard(const char *pattern) {
        return strpbrk(pattern, "*?[");
}

static bool meets(const char *pattern, const struct md_instrument *instrument) {
        char full[sizeof(instrument->symbol) + sizeof(instrument->venue)];

        snprintf(full, sizeof(full), "%s@%s", instrument->symbol, instrument->venue);
        if (!strcmp(pattern, instrument->symbol) || !strcmp(pattern, full))
                return true;
        return has_wildcard(pattern) &&
               (!fnmatch(pattern, instrument->symbol, 0) || !fnmatch(pattern, full, 0));
}

static bool judge(struct selection *selection, uint32_t index) {
        struct md_instrument instrument;
        bool wanted = !selection->n_patterns;

        if (md_instrument(selection->client, index, &instrument) < 0)
                return false;
        for (size_t i = 0; i < selection->n_patterns; i++) {
                if (!meets(selection->patterns[i], &instrument))
                        continue;
                selection->met[i] = true;
                wanted = true;
        }
        return wanted;
}

bool selection_update(struct selection *selection) {
        uint32_t n = md_instruments(selection->client);
        bool more = selection->looked < n;

        for (; selection->looked < n; selection->looked++)
                selection->wanted[selection->looked] = judge(selection, selection->looked);
        return more;
}

bool selection_wants(struct selection *selection, uint32_t instrument) {
        if (instrument >= selection->looked)
                selection_update(selection);
        if (instrument >= selection->looked)
                return !selection->n_patterns;
        return selection->wanted[instrument];
}

static int compare(const void *a, const void *b) {
        const struct md_instrument *one = a, *other = b;
        int r;

        r = strcmp(one->symbol, other->symbol);
        return r ? r : strcmp(one->venue, other->venue);
}

int selection_list(struct selection *selection, struct md_instrument **listp, size_t *n) {
        struct md_instrument *list;
        size_t found = 0;

        selection_update(selection);
        for (uint32_t i = 0; i < selection->looked; i++)
                found += selection->wanted[i];
        list = calloc(found + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;

        found = 0;
        for (uint32_t i = 0; i < selection->looked; i++)
                if (selection->wanted[i] && md_instrument(selection->client, i, &list[found]) == 0)
                        found++;
        qsort(list, found, sizeof(*list), compare);
        *listp = list;
        *n = found;
        return 0;
}

/* One pattern, as symbol and, where it can be read so, as symbol and venue. What can be no name is in
 * nobody's way. */
static int subscribe_pattern(struct md_client *client, const char *pattern) {
        const char *at = strrchr(pattern, '@');
        char *symbol;
        int r;

        r = md_subscribe_pattern(client, pattern, NULL);
        if (!at || (r < 0 && r != -EINVAL))
                return r == -EINVAL ? 0 : r;
        symbol = strndup(pattern, (size_t)(at - pattern));
        if (!symbol)
                return -ENOMEM;
        r = md_subscribe_pattern(client, symbol, at + 1);
        free(symbol);
        return r == -EINVAL ? 0 : r;
}

int selection_subscribe(struct selection *selection) {
        int r = 0;

        if (!selection->n_patterns)
                return md_subscribe_all(selection->client);
        for (size_t i = 0; i < selection->n_patterns && r == 0; i++)
                r = subscribe_pattern(selection->client, selection->patterns[i]);
        return r == -ENOSPC ? md_subscribe_all(selection->client) : r;
}

int selection_restart(struct selection *selection) {
        struct selection old = *selection;

        selection_deinit(selection);
        return selection_init(selection, old.client, old.patterns, old.n_patterns);
}

const char *selection_unmet(const struct selection *selection, size_t *i) {
        for (; *i < selection->n_patterns; (*i)++)
                if (!selection->met[*i])
                        return selection->patterns[(*i)++];
        return NULL;
}
