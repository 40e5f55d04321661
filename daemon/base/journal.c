/* Lines for the journal; journal.h tells the idea. */

#include "base/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define FIELD_ROOM 256 /* of each field but the sentence, name and all */

/* NAME=value lines, in no order. No value holds a line's end: the log has seen to that. */
struct entry {
        char data[4096];
        size_t n;
};

static int journal_fd = -1;

bool journal_init(void) {
        const char *stream =
                getenv("JOURNAL_STREAM"); /* device:inode of the stderr we were given */
        uintmax_t device, inode;
        struct stat st;

        if (!stream || sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) != 2 ||
            fstat(STDERR_FILENO, &st) < 0 || st.st_dev != device || st.st_ino != inode)
                return false;
        if (journal_fd < 0)
                journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return true;
}

__attribute__((format(printf, 3, 4))) static void add(struct entry *entry, size_t room,
                                                      const char *format, ...) {
        char *field = entry->data + entry->n;
        va_list args;
        int n;

        if (room > sizeof(entry->data) - entry->n)
                return;
        va_start(args, format);
        n = vsnprintf(field, room, format, args);
        va_end(args);
        if (n < 0)
                return;
        /* the line's end goes where the NUL is, in one that was cut, too */
        if ((size_t)n >= room)
                n = (int)room - 1;
        field[n] = '\n';
        entry->n += (size_t)n + 1;
}

static void add_event(struct entry *entry, enum log_event event) {
        static const char *const ids[] = {
#define LOG_EVENT_ID(name, id) [LOG_##name] = id,
                LOG_EVENTS(LOG_EVENT_ID)
#undef LOG_EVENT_ID
        };

        if (event != LOG_PLAIN)
                add(entry, FIELD_ROOM, "MESSAGE_ID=%s", ids[event]);
}

static void add_client(struct entry *entry, const struct log_client *client) {
        if (client->id)
                add(entry, FIELD_ROOM, "MDSHMD_CLIENT_ID=%" PRIu32, client->id);
        if (*client->name)
                add(entry, FIELD_ROOM, "MDSHMD_CLIENT=%s", client->name);
        add(entry, FIELD_ROOM, "MDSHMD_CLIENT_PID=%d", client->pid);
        add(entry, FIELD_ROOM, "MDSHMD_CLIENT_UID=%u", client->uid);
}

int journal_send(const struct log_line *line, const char *text) {
        static const struct sockaddr_un address = { AF_UNIX, "/run/systemd/journal/socket" };
        struct entry entry = { .n = 0 };

        add(&entry, 2048, "MESSAGE=%s", text);
        add(&entry, FIELD_ROOM, "PRIORITY=%d", line->level);
        add(&entry, FIELD_ROOM, "SYSLOG_IDENTIFIER=mdshmd");
        add(&entry, FIELD_ROOM, "CODE_FILE=%s", line->file);
        add(&entry, FIELD_ROOM, "CODE_LINE=%d", line->number);
        add(&entry, FIELD_ROOM, "CODE_FUNC=%s", line->function);
        add_event(&entry, line->event);
        if (line->feed)
                add(&entry, FIELD_ROOM, "MDSHMD_FEED=%s", line->feed);
        if (line->client)
                add_client(&entry, line->client);
        if (sendto(journal_fd, entry.data, entry.n, MSG_DONTWAIT | MSG_NOSIGNAL,
                   (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return 0;
}
