/*
 * Access lists: names of users and groups, made numbers
 *
 * Names are looked up once, when the config is read, so a peer's numbers (SO_PEERCRED) are compared
 * with numbers, and a directory service that hangs cannot hold up a connection.
 */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/config-keys.h"

_Static_assert(sizeof(uid_t) == sizeof(gid_t), "one kind of list for both");

static int add(uid_t **ids, size_t *n, uid_t id) {
        uid_t *more;

        for (size_t i = 0; i < *n; i++)
                if ((*ids)[i] == id)
                        return 0;

        more = reallocarray(*ids, *n + 1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        more[(*n)++] = id;
        *ids = more;
        return 0;
}

/* A number as it stands. The highest one means "nobody" to the kernel. */
static bool read_id(const char *text, uid_t *id) {
        unsigned long n;
        char *end;

        if (!*text || text[strspn(text, "0123456789")])
                return false;
        errno = 0;
        n = strtoul(text, &end, 10);
        if (errno || n >= (uid_t)-1)
                return false;
        *id = (uid_t)n;
        return true;
}

static int add_user(struct config_access *access, const char *name, struct config_value *value) {
        const struct passwd *user;
        uid_t uid;

        if (!read_id(name, &uid)) {
                user = getpwnam(name);
                if (!user)
                        return value->fallback
                                       ? 0
                                       : config_refuse(value,
                                                       "there is no user \"%s\"; create it, "
                                                       "or write its number; a group has "
                                                       "an @ before it",
                                                       name);
                uid = user->pw_uid;
        }
        return add(&access->uids, &access->n_uids, uid);
}

static int add_group(struct config_access *access, const char *name, struct config_value *value) {
        const struct group *group;
        gid_t gid;

        if (!read_id(name, &gid)) {
                group = getgrnam(name);
                if (!group)
                        return value->fallback ? 0
                                               : config_refuse(value,
                                                               "there is no group \"%s\"; create "
                                                               "it, or write its number",
                                                               name);
                gid = group->gr_gid;
        }
        return add(&access->gids, &access->n_gids, gid);
}

static int add_words(struct config_access *access, struct config_value *value) {
        _cleanup_(freep) char *words = strdup(value->text);
        char *word, *rest;
        int r = 0;

        if (!words)
                return -ENOMEM;
        for (word = strtok_r(words, ", \t", &rest); word && !r;
             word = strtok_r(NULL, ", \t", &rest)) {
                if (!strcmp(word, "*"))
                        access->all = true;
                else if (*word == '@')
                        r = add_group(access, word + 1, value);
                else
                        r = add_user(access, word, value);
        }
        return r;
}

int config_parse_access(const struct config_key *key, struct config_value *value, void *field) {
        struct config_access *access = field;

        (void)key;
        access->text = strdup(value->text);
        if (!access->text)
                return -ENOMEM;
        return add_words(access, value);
}

void config_access_deinit(struct config_access *access) {
        free(access->uids);
        free(access->gids);
        free(access->text);
        *access = (struct config_access){ 0 };
}
