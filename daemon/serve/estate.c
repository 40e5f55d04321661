/* What a session leaves to the next daemon; estate.h tells what that is. */

#include "serve/estate.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/linger.h"
#include "base/store.h"
#include "base/systemd.h"
#include "serve/listener.h"
#include "serve/session.h"

#define READER    'r'
#define PUBLISHER 'p'

#define NAME_SIZE 16

/* ---- what is left ---- */

static char role_of(const struct session *session) {
        return session->state == SESSION_PUBLISHER ? PUBLISHER : READER;
}

/* A name of WIRE_NAME bytes, in hex without the zeros behind. */
static size_t print_hex(char *text, const char *name) {
        size_t n = 0;

        for (size_t i = 0; i < strnlen(name, WIRE_NAME); i++)
                n += (size_t)sprintf(text + n, "%02x", (unsigned char)name[i]);
        return n;
}

void estate_label(const struct session *session, char label[ESTATE_LABEL_SIZE]) {
        size_t n;

        n = (size_t)sprintf(label, "mdshmd %016" PRIx64 " %016" PRIx64 " ",
                            session->listener->segment->header->identity, (uint64_t)session->since);
        n += print_hex(label + n, session->name);
        label[n++] = ' ';
        n += print_hex(label + n, session->feed);
        label[n] = '\0';
}

void estate_leave(struct session *session, const int *fds, unsigned n) {
        char name[NAME_SIZE];
        int all[STORE_FDS_MAX];

        snprintf(name, sizeof(name), "%c%08x", role_of(session), session->id);
        all[0] = session->fd;
        memcpy(all + 1, fds, n * sizeof(*fds));
        session->kept = store_keep(session->listener->store, name, all, n + 1);
}

bool estate_close(struct session *session) {
        struct store *store = session->listener->store;
        bool closed = false;

        if (session->kept && store->fd < 0)
                linger_leave(session->fd);
        else
                closed = linger_close(session->fd);
        store_drop(store, session->kept);
        session->kept = NULL;
        return closed;
}

/* ---- what is found ---- */

enum find {
        FIND_SOCKET,
        FIND_STREAM, /* wakes a reader; the doorbell of a publisher */
        FIND_PAGE,
        _FIND_N,
        FIND_RUBBISH,
};

static const unsigned whole = 1u << FIND_SOCKET | 1u << FIND_STREAM | 1u << FIND_PAGE;

struct estate {
        char role;
        uint32_t id;
        int fds[_FIND_N]; /* -1: missing */
        unsigned has;     /* bits 1 << FIND_... */
        bool rubbish;     /* something else was there, too */
        size_t page_size;

        /* what the page's label says */
        uint64_t identity;
        int64_t since;
        char name[WIRE_NAME + 1], feed[WIRE_NAME + 1];
};

static int socket_option(int fd, int option) {
        socklen_t size = sizeof(int);
        int value;

        return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -errno : value;
}

static enum find look_at_socket(int fd) {
        if (socket_option(fd, SO_DOMAIN) != AF_UNIX || socket_option(fd, SO_ACCEPTCONN) != 0)
                return FIND_RUBBISH;
        switch (socket_option(fd, SO_TYPE)) {
        case SOCK_SEQPACKET:
                return FIND_SOCKET;
        case SOCK_STREAM:
                return FIND_STREAM;
        default:
                return FIND_RUBBISH;
        }
}

static enum find look_at(int fd, size_t *size) {
        const int sealed = F_SEAL_SHRINK | F_SEAL_GROW;
        struct stat st;
        int seals;

        if (fstat(fd, &st) < 0)
                return FIND_RUBBISH;
        if (S_ISSOCK(st.st_mode))
                return look_at_socket(fd);
        seals = fcntl(fd, F_GET_SEALS);
        if (!S_ISREG(st.st_mode) || seals < 0 || (seals & sealed) != sealed)
                return FIND_RUBBISH;
        *size = (size_t)st.st_size;
        return FIND_PAGE;
}

/* Reads up to WIRE_NAME bytes in hex; where they end. */
static const char *scan_hex(const char *text, char name[WIRE_NAME + 1]) {
        unsigned byte;

        memset(name, 0, WIRE_NAME + 1);
        for (size_t n = 0;
             n < WIRE_NAME && isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]);
             n++) {
                sscanf(text, "%2x", &byte);
                name[n] = (char)byte;
                text += 2;
        }
        return text;
}

/* What the page was named when it was made. */
static bool read_label(struct estate *estate, int fd) {
        char path[32], link[PATH_MAX];
        const char *text;
        uint64_t since;
        ssize_t n;
        int end = 0;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        n = readlink(path, link, sizeof(link) - 1);
        if (n < 0)
                return false;
        link[n] = '\0';
        if (sscanf(link, "/memfd:mdshmd %16" SCNx64 " %16" SCNx64 " %n", &estate->identity, &since,
                   &end) != 2 ||
            !end)
                return false;
        estate->since = (int64_t)since;
        text = scan_hex(link + end, estate->name);
        if (*text != ' ')
                return false;
        text = scan_hex(text + 1, estate->feed);
        return !strcmp(text, " (deleted)");
}

static void sort_out(struct estate *estate, const struct systemd_parcel *parcel) {
        enum find find;
        char end;

        *estate = (struct estate){ .role = parcel->name[0] };
        for (unsigned i = 0; i < _FIND_N; i++)
                estate->fds[i] = -1;
        if (strlen(parcel->name) != 9 || sscanf(parcel->name + 1, "%8x%c", &estate->id, &end) != 1)
                estate->rubbish = true;
        for (unsigned i = 0; i < parcel->n; i++) {
                find = look_at(parcel->fds[i], &estate->page_size);
                if (find == FIND_RUBBISH || estate->fds[find] >= 0) {
                        estate->rubbish = true;
                        linger_leave(parcel->fds[i]);
                        continue;
                }
                estate->fds[find] = parcel->fds[i];
                estate->has |= 1u << find;
                /* ours alone, and as we have set them; but it costs nothing to be sure */
                if (find != FIND_PAGE)
                        fcntl(parcel->fds[i], F_SETFL, fcntl(parcel->fds[i], F_GETFL) | O_NONBLOCK);
        }
        if (estate->fds[FIND_PAGE] >= 0 && !read_label(estate, estate->fds[FIND_PAGE]))
                estate->rubbish = true;
}

static void close_all(struct estate *estate) {
        for (unsigned i = 0; i < _FIND_N; i++) {
                if (estate->fds[i] >= 0 && i == FIND_PAGE)
                        close(estate->fds[i]);
                else if (estate->fds[i] >= 0)
                        linger_close(estate->fds[i]);
                estate->fds[i] = -1;
        }
}

/* ---- going on ---- */

/* A session of that estate, which then has the socket; NULL. */
static struct session *make_session(struct listener *listener, struct estate *estate,
                                    struct kept **kept) {
        struct peer peer = { 0 };
        struct session *session;

        if (peer_init(&peer, estate->fds[FIND_SOCKET]) < 0)
                return NULL;
        if (session_restore(&session, listener, estate->id, estate->fds[FIND_SOCKET], &peer) < 0) {
                peer_deinit(&peer);
                return NULL;
        }
        estate->fds[FIND_SOCKET] = -1;
        session->since = estate->since;
        memcpy(session->name, estate->name, sizeof(session->name) - 1);
        memcpy(session->feed, estate->feed, sizeof(session->feed));
        session->kept = *kept;
        *kept = NULL;
        return session;
}

/* NULL, or why it cannot be gone on with. */
static const char *adopt_reader(struct listener *listener, struct estate *estate,
                                struct kept **kept) {
        size_t size = control_size(listener->segment->directory.capacity);
        struct session *session;
        void *map;

        if (estate->has != whole || estate->rubbish || estate->page_size != size)
                return "a part of what the daemon knew of it is lost";
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, estate->fds[FIND_PAGE], 0);
        if (map == MAP_FAILED)
                return "the daemon has no memory for it";
        session = make_session(listener, estate, kept);
        if (!session) {
                munmap(map, size);
                return "the daemon has no memory for it";
        }
        session->state = SESSION_READER;
        session->subscriber.wake_fd = estate->fds[FIND_STREAM];
        estate->fds[FIND_STREAM] = -1;
        session_share(session, map, size);
        /* its wake may have died with a predecessor, who disarms before he writes */
        notifier_wake(listener->notifier, &session->subscriber);
        return NULL;
}

static const char *adopt_publisher(struct listener *listener, struct estate *estate,
                                   struct kept **kept, char text[WIRE_TEXT]) {
        const struct publishing *publishing = &listener->publishing;
        struct session *session;

        if (estate->has != whole || estate->rubbish)
                return "a part of what the daemon knew of it is lost";
        session = make_session(listener, estate, kept);
        if (!session)
                return "the daemon has no memory for it";
        session->state = SESSION_PUBLISHER;
        if (publishing->adopt(publishing->userdata, session, &session->publication,
                              estate->fds[FIND_PAGE], estate->fds[FIND_STREAM], text) == 0) {
                estate->fds[FIND_STREAM] = -1;
                return NULL;
        }
        session_refuse(session->fd, WIRE_E_TROUBLE, "%s", text);
        session_free(session);
        return text;
}

/* Its client is told why it has to register again. */
static void dismiss(struct listener *listener, struct estate *estate, const char *why) {
        int fd = estate->fds[FIND_SOCKET];

        if (log_gate_pass(&listener->gate, 10, 10))
                log_notice("client %u \"%.31s\" cannot go on: %s", estate->id, estate->name, why);
        if (fd >= 0)
                session_refuse(fd, WIRE_E_TROUBLE, "%s; connect again", why);
}

static bool adopt(struct listener *listener, const struct systemd_parcel *parcel) {
        struct kept *kept = store_known(listener->store, parcel->name, parcel->n);
        char text[WIRE_TEXT] = "";
        struct estate estate;
        const char *why;

        sort_out(&estate, parcel);
        if (estate.identity && estate.identity != listener->segment->header->identity)
                why = "there is a new segment";
        else if (estate.role == READER)
                why = adopt_reader(listener, &estate, &kept);
        else
                why = adopt_publisher(listener, &estate, &kept, text);
        if (why)
                dismiss(listener, &estate, why);
        close_all(&estate);
        store_drop(listener->store, kept);
        return !why;
}

static void adopt_all(struct listener *listener, struct systemd_fds *inherited, char role,
                      unsigned *adopted, unsigned *left) {
        const char prefix[] = { role, '\0' };
        struct systemd_parcel parcel;

        while (systemd_fds_take_parcel(inherited, prefix, &parcel))
                if (adopt(listener, &parcel))
                        ++*adopted;
                else
                        ++*left;
}

void estate_adopt(struct listener *listener, struct systemd_fds *inherited) {
        unsigned n_readers = 0, n_publishers = 0, left = 0;

        adopt_all(listener, inherited, READER, &n_readers, &left);
        adopt_all(listener, inherited, PUBLISHER, &n_publishers, &left);
        if (n_readers || n_publishers || left)
                log_notice(
                        "of the clients of a daemon that is gone, %u readers and %u publishers go on, %u have to "
                        "register again",
                        n_readers, n_publishers, left);
}
