/* Registration, the same for every role. */

#include "register.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wire/conn.h"

union answer {
        struct wire_header header;
        struct wire_welcome welcome;
        struct wire_refused refused;
        char bytes[WIRE_SIZE_MAX];
};

int sentence_fail(struct sentence *sentence, int r, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(sentence->text, sizeof(sentence->text), format, args);
        va_end(args);
        return r;
}

void register_name(char name[WIRE_NAME], const char *text) {
        size_t n = 0;

        memset(name, 0, WIRE_NAME);
        for (; *text && n < WIRE_NAME - 1; text++)
                name[n++] = *text > ' ' && *text < 0x7f ? *text : '_';
}

/* Why a connection could not be made, in words. */
static int fail_connect(struct sentence *why, const char *path, int r) {
        const char *hint = "";

        switch (-r) {
        case ENOENT:
        case ECONNREFUSED:
                hint = "; is mdshmd running?";
                break;
        case EACCES:
                hint = "; the folder or the socket does not let this user in";
                break;
        case EPROTOTYPE:
                hint = "; it is the socket of another program";
                break;
        }
        return sentence_fail(why, r, "cannot connect to %s: %s%s", path, strerror(-r), hint);
}

static int refusal_errno(uint32_t code) {
        switch (code) {
        case WIRE_E_VERSION:
                return -EPROTONOSUPPORT;
        case WIRE_E_ACCESS:
                return -EACCES;
        case WIRE_E_LIMIT:
                return -EUSERS;
        case WIRE_E_ROLE:
                return -EOPNOTSUPP;
        case WIRE_E_FEED:
                return -ENODEV;
        case WIRE_E_BUSY:
                return -EBUSY;
        default:
                return -EIO;
        }
}

static int say_hello(int fd, const struct registration *registration) {
        struct wire_hello hello = {
                .header = { WIRE_HELLO, sizeof(hello) },
                .version = WIRE_VERSION,
                .role = registration->role,
        };

        memcpy(hello.name, registration->name, sizeof(hello.name));
        if (registration->feed)
                memcpy(hello.feed, registration->feed, sizeof(hello.feed));
        return conn_send(fd, &hello, NULL, 0, 0);
}

/* What the daemon said, or did not: 0 with a WELCOME. */
static int judge(int r, union answer *answer, unsigned n_fds,
                 const struct registration *registration, const char *path, struct sentence *why) {
        if (r == -ETIMEDOUT || r == CONN_E_AGAIN)
                return sentence_fail(why, -ETIMEDOUT, "%s did not answer within %d ms", path,
                                     registration->timeout_ms);
        if (r < 0)
                return sentence_fail(why, r, "cannot talk to %s: %s", path, strerror(-r));
        if (r == CONN_E_CLOSED)
                return sentence_fail(why, -EPROTO, "%s hung up without an answer", path);
        if (r == CONN_OK && answer->header.opcode == WIRE_WELCOME &&
            answer->header.size == sizeof(answer->welcome) && n_fds == registration->n_fds)
                return 0;
        if (r == CONN_OK && answer->header.opcode == WIRE_REFUSED &&
            answer->header.size == sizeof(answer->refused)) {
                answer->refused.text[WIRE_TEXT - 1] = '\0';
                return sentence_fail(why, refusal_errno(answer->refused.code), "%s refuses: %s",
                                     path, answer->refused.text);
        }
        return sentence_fail(why, -EPROTO, "%s does not speak this version of mdshmd's protocol",
                             path);
}

static const char *socket_path(const struct registration *registration, char path[256]) {
        if (registration->path)
                snprintf(path, 256, "%s", registration->path);
        else
                conn_default_path(path, 256);
        return path;
}

int register_begin(const struct registration *registration, struct sentence *why) {
        char path[256];
        int fd, r;

        fd = conn_connect(socket_path(registration, path), registration->timeout_ms);
        if (fd < 0)
                return fail_connect(why, path, fd);
        r = say_hello(fd, registration);
        /* a daemon that refuses at the door has hung up by now, and its sentence waits here */
        if (r == CONN_OK || r == CONN_E_CLOSED)
                return fd;
        close(fd);
        return judge(r, NULL, 0, registration, path, why);
}

int register_take(const struct registration *registration, int fd, struct wire_welcome *welcome,
                  int *fds, struct sentence *why) {
        unsigned n_fds = registration->n_fds;
        union answer answer;
        char path[256];
        int r;

        r = conn_recv_wait(fd, &answer, fds, &n_fds, registration->timeout_ms);
        r = judge(r, &answer, n_fds, registration, socket_path(registration, path), why);
        if (r == 0)
                *welcome = answer.welcome;
        else
                while (n_fds)
                        close(fds[--n_fds]);
        return r;
}

int register_with(const struct registration *registration, struct wire_welcome *welcome, int *fds,
                  struct sentence *why) {
        int fd, r;

        fd = register_begin(registration, why);
        if (fd < 0)
                return fd;
        r = register_take(registration, fd, welcome, fds, why);
        if (r == 0)
                return fd;
        close(fd);
        return r;
}

bool register_is_sealed(int fd) {
        int seals = fcntl(fd, F_GET_SEALS);

        return seals >= 0 && seals & F_SEAL_SHRINK;
}
