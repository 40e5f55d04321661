/*
 * The control role: questions that only the daemon can answer
 */

#include "control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/conn.h"

#define TIMEOUT_MS 5000 /* per message */

union message {
        struct wire_header header;
        struct wire_welcome welcome;
        struct wire_refused refused;
        struct wire_client client;
        struct wire_text text;
        struct wire_done done;
        char bytes[WIRE_SIZE_MAX];
};

static int fail(struct control_link *link, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int fail(struct control_link *link, int r, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(link->error, sizeof(link->error), format, args);
        va_end(args);
        return r;
}

/* Whether it is such a message; each opcode has one size. */
static bool is(const union message *message, uint32_t opcode, size_t size) {
        return message->header.opcode == opcode && message->header.size == size;
}

static int send_message(struct control_link *link, const void *message) {
        int r;

        r = conn_send(link->fd, message, NULL, 0, 0);
        if (r < 0)
                return fail(link, r, "cannot talk to %s: %s", link->path, strerror(-r));
        if (r != CONN_OK)
                return fail(link, -EPROTO, "%s hung up", link->path);
        return 0;
}

static int take_message(struct control_link *link, union message *message) {
        unsigned n_fds = 0;
        int r;

        r = conn_recv_wait(link->fd, message, NULL, &n_fds, TIMEOUT_MS);
        if (r == -ETIMEDOUT)
                return fail(link, r, "%s did not answer within %d ms", link->path, TIMEOUT_MS);
        if (r < 0)
                return fail(link, r, "cannot talk to %s: %s", link->path, strerror(-r));
        if (r == CONN_E_CLOSED)
                return fail(link, -EPROTO, "%s hung up", link->path);
        if (r != CONN_OK)
                return fail(link, -EPROTO, "%s does not speak this version of mdshmd's protocol",
                            link->path);
        return 0;
}

static int introduce(struct control_link *link, const char *name) {
        struct wire_hello hello = {
                .header = { WIRE_HELLO, sizeof(hello) },
                .version = WIRE_VERSION,
                .role = WIRE_ROLE_CONTROL,
        };
        union message answer;
        int r;

        strncpy(hello.name, name, sizeof(hello.name) - 1);
        r = send_message(link, &hello);
        if (r == 0)
                r = take_message(link, &answer);
        if (r < 0)
                return r;
        if (is(&answer, WIRE_REFUSED, sizeof(answer.refused)))
                return fail(link, answer.refused.code == WIRE_E_ACCESS ? -EACCES : -EPROTO,
                            "%s refuses: %.*s", link->path, WIRE_TEXT, answer.refused.text);
        if (!is(&answer, WIRE_WELCOME, sizeof(answer.welcome)))
                return fail(link, -EPROTO, "%s does not speak this version of mdshmd's protocol",
                            link->path);
        link->newest = answer.welcome.newest;
        return 0;
}

int control_open(struct control_link *link, const char *path, const char *name) {
        int r;

        if (path)
                snprintf(link->path, sizeof(link->path), "%s", path);
        else
                conn_default_path(link->path, sizeof(link->path));

        r = conn_connect(link->path, TIMEOUT_MS);
        if (r < 0)
                return fail(link, r, "cannot connect to %s: %s%s", link->path, strerror(-r),
                            r == -ENOENT || r == -ECONNREFUSED ? "; is mdshmd running?" : "");
        link->fd = r;
        r = introduce(link, name);
        if (r < 0)
                control_close(link);
        return r;
}

void control_close(struct control_link *link) {
        if (link->fd >= 0)
                close(link->fd);
        link->fd = -1;
}

static int ask(struct control_link *link, uint32_t opcode) {
        struct wire_request request = { .header = { opcode, sizeof(request) } };

        return send_message(link, &request);
}

/* The next part of an answer: 1 with one of that opcode and size, 0 at the end. */
static int next_part(struct control_link *link, union message *part, uint32_t opcode, size_t size) {
        int r;

        r = take_message(link, part);
        if (r < 0)
                return r;
        if (is(part, opcode, size))
                return 1;
        if (!is(part, WIRE_DONE, sizeof(part->done)))
                return fail(link, -EPROTO, "%s gave an answer that does not fit the question",
                            link->path);
        if (part->done.result < 0)
                return fail(link, part->done.result, "%s refuses: %s", link->path,
                            strerror(-part->done.result));
        return 0;
}

int control_clients(struct control_link *link, struct wire_client **listp, size_t *n) {
        struct wire_client *list = NULL, *grown;
        size_t used = 0, room = 0;
        union message part;
        int r;

        r = ask(link, WIRE_CLIENTS);
        while (r >= 0) {
                r = next_part(link, &part, WIRE_CLIENT, sizeof(part.client));
                if (r <= 0)
                        break;
                if (used == room) {
                        room = room ? 2 * room : 64;
                        grown = realloc(list, room * sizeof(*list));
                        if (!grown) {
                                r = fail(link, -ENOMEM, "%s", strerror(ENOMEM));
                                break;
                        }
                        list = grown;
                }
                list[used++] = part.client;
        }
        if (r < 0) {
                free(list);
                return r;
        }
        *listp = list;
        *n = used;
        return 0;
}

int control_about(struct control_link *link, const char *key, char value[WIRE_TEXT]) {
        size_t size = strlen(key);
        union message part;
        int r;

        value[0] = '\0';
        r = ask(link, WIRE_ABOUT);
        while (r >= 0) {
                r = next_part(link, &part, WIRE_TEXT_LINE, sizeof(part.text));
                if (r <= 0)
                        break;
                part.text.text[WIRE_TEXT - 1] = '\0';
                if (!strncmp(part.text.text, key, size) && part.text.text[size] == ' ')
                        snprintf(value, WIRE_TEXT, "%s", part.text.text + size + 1);
        }
        return r;
}

int control_reload(struct control_link *link) {
        union message part;
        int r;

        r = ask(link, WIRE_RELOAD);
        /* the answer is its end */
        return r < 0 ? r : next_part(link, &part, WIRE_DONE, 0);
}
