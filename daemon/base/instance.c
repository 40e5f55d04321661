/* What an instance calls its own; instance.h tells the idea. */

#include "base/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config-keys.h"
#include "base/log.h"

#define PLAIN "mdshmd" /* what is called after no instance */

bool instance_check(const char *name) {
        size_t max = CONFIG_SEGMENT_MAX - strlen("/" PLAIN ".");

        if (!strcmp(name, PLAIN)) {
                log_error("an instance cannot be called \"%s\": the daemon without a name is",
                          name);
                return false;
        }
        if (!config_is_word(name) || name[0] == '.' || config_is_lock(name) || strlen(name) > max) {
                log_error(
                        "an instance cannot be called \"%s\"; write 1 to %zu letters, digits, "
                        "'-', '_' and '.', with no '.' at the beginning and no \".lock\" at the end",
                        name, max);
                return false;
        }
        return true;
}

char *instance_config(const char *name) {
        char *path;

        return asprintf(&path, "%s/mdshmd/%s.conf", MDSHMD_SYSCONFDIR, name ? name : PLAIN) < 0
                       ? NULL
                       : path;
}

char *instance_segment(const char *name) {
        char *segment;

        return asprintf(&segment, "%s%s%s", PLAIN, name ? "." : "", name ? name : "") < 0 ? NULL
                                                                                          : segment;
}

char *instance_socket(const char *name) {
        const char *runtime = geteuid() ? secure_getenv("XDG_RUNTIME_DIR") : NULL;
        char *path;

        if (!runtime || runtime[0] != '/')
                runtime = "/run";
        return asprintf(&path, "%s/mdshmd/%s.sock", runtime, name ? name : PLAIN) < 0 ? NULL : path;
}
