/*
 * A changed file under a running daemon
 *
 * What the table calls live changes places between the two configs, so the old one has the new
 * values and both can be freed as ever. For all else there is a sentence: nothing is ignored
 * silently.
 */

#include <string.h>

#include "base/config-keys.h"
#include "base/log.h"

static bool is_equal(const struct config_key *key, const void *a, const void *b) {
        const char *a_text, *b_text;

        if (!key->text)
                return !memcmp(a, b, key->size);

        a_text = *(char *const *)a;
        b_text = *(char *const *)b;
        return a_text && b_text ? !strcmp(a_text, b_text) : a_text == b_text;
}

static void swap(void *a, void *b, size_t size) {
        char *p = a, *q = b, c;

        while (size--) {
                c = *p;
                *p++ = *q;
                *q++ = c;
        }
}

static void reload_key(struct config *old, struct config_feed *old_feed, struct config *new,
                       struct config_feed *new_feed, const struct config_key *key) {
        struct config_setting *was = config_setting(old, old_feed, key);
        struct config_setting *is = config_setting(new, new_feed, key);
        void *was_field = config_field(old, old_feed, key);
        void *is_field = config_field(new, new_feed, key);
        char where[CONFIG_WHERE_SIZE];

        if (key->live) {
                swap(was_field, is_field, key->size);
                swap(was, is, sizeof(*was));
        } else if (!is_equal(key, was_field, is_field)) {
                config_where(where, key->section, old_feed);
                log_warning("%s %s: %s → %s needs a restart", where, key->name,
                            was->text ? was->text : "nothing", is->text ? is->text : "nothing");
        }
}

/* Key by key, in the sections or in one feed. */
static void reload_keys(struct config *old, struct config_feed *old_feed, struct config *new,
                        struct config_feed *new_feed) {
        bool of_feed;

        for (size_t i = 0; i < config_keys_n; i++) {
                of_feed = !strcmp(config_keys[i].section, CONFIG_SECTION_FEED);
                if (of_feed == (old_feed != NULL))
                        reload_key(old, old_feed, new, new_feed, &config_keys[i]);
        }
}

void config_reload(struct config *old, struct config *new) {
        struct config_feed *feed;

        reload_keys(old, NULL, new, NULL);
        for (size_t i = 0; i < old->n_feeds; i++) {
                feed = config_feed_find(new, old->feeds[i].name);
                if (feed)
                        reload_keys(old, &old->feeds[i], new, feed);
                else
                        log_warning("[feed %s]: taking it out needs a restart", old->feeds[i].name);
        }
        for (size_t i = 0; i < new->n_feeds; i++)
                if (!config_feed_find(old, new->feeds[i].name))
                        log_warning("[feed %s]: adding it needs a restart", new->feeds[i].name);
}
