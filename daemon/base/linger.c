/* A thread for the moments in which a peer could make us wait; linger.h tells why. */

#include "base/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* asm-generic/socket.h of Linux 6.16; not on parisc, sparc */
#endif

#define PIPE_BYTES                                                                                 \
        (1 << 18) /* more requests than there are connections, so that none has to wait */

/* What the thread is asked for. Small enough to go through a pipe whole. */
struct request {
        enum { CLOSE, LEAVE, THEN } what;
        int fd;
        void (*then)(void *userdata);
        void *userdata;
};

static pthread_t thread;
static bool running;
static int requests[2] = { -1, -1 }, answers[2] = { -1, -1 };

/* ---- what may take long ---- */

/* As recvmsg(), without waiting. A peer that has closed without having read all is reported first, and once:
 * that is passed over. */
static ssize_t receive(int fd, struct msghdr *message, int flags) {
        ssize_t n;

        do
                n = recvmsg(fd, message, flags | MSG_DONTWAIT);
        while (n < 0 && errno == ECONNRESET);
        return n;
}

enum look { END, MESSAGE, DESCRIPTORS };

/* What comes next on a socket, with MSG_PEEK; or what it was. On a socket of packets, an empty one brings the
 * credentials that were asked for, which the end does not; on one of a stream, nothing but the end is
 * empty. */
static enum look look(int fd, int type, int flags) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(struct ucred))]; /* and no room for descriptors */
        } control;
        char bytes[4096];
        struct iovec part = { bytes, sizeof(bytes) };
        struct msghdr message = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = receive(fd, &message, flags);

        if (n < 0 || (n == 0 && (type != SOCK_SEQPACKET || message.msg_controllen == 0)))
                return END;
        return message.msg_flags & MSG_CTRUNC ? DESCRIPTORS : MESSAGE;
}

/* Takes what is in a socket to which nothing can come any more. False: descriptors are, and stay there. */
static bool empty(int fd, bool descriptors) {
        socklen_t size = sizeof(int);
        int type = SOCK_STREAM;
        const int pass = 1;
        enum look next;

        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &pass, sizeof(pass));
        while ((next = look(fd, type, MSG_PEEK)) != END) {
                if (next == DESCRIPTORS && !descriptors)
                        return false;
                look(fd, type, 0);
        }
        return true;
}

static void let_go(const struct request *request) {
        if (request->what == CLOSE)
                empty(request->fd, true);
        if (request->what != THEN)
                close(request->fd);
}

/* ---- the thread ---- */

/* It has done its work by coming. */
static void ignore(int signal) {
        (void)signal;
}

static void set(timer_t timer, long ns) {
        const struct itimerspec every = { { 0, ns }, { 0, ns } };

        timer_settime(timer, 0, &every, NULL);
}

static void *run(void *userdata) {
        struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
        struct request request = { .what = THEN };
        sigset_t alarm;
        timer_t timer;

        event._sigev_un._tid = gettid();
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
                request.fd = -errno;
        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
        /* the first answer is whether there is a timer */
        if (write(answers[1], &request, sizeof(request)) != sizeof(request) || request.fd < 0)
                return userdata;
        while (read(requests[0], &request, sizeof(request)) == sizeof(request)) {
                set(timer, LINGER_NS);
                let_go(&request);
                set(timer, 0);
                if (request.what == THEN &&
                    write(answers[1], &request, sizeof(request)) != sizeof(request))
                        break;
        }
        close(answers[1]);
        return userdata;
}

static void close_ends(int ends[2]) {
        for (unsigned i = 0; i < 2; i++) {
                if (ends[i] >= 0)
                        close(ends[i]);
                ends[i] = -1;
        }
}

/* All signals but ours are for the thread that runs the loop. */
static int start(void) {
        struct request answer = { .fd = -EIO };
        sigset_t all, before;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&thread, NULL, run, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r)
                return -r;
        if (read(answers[0], &answer, sizeof(answer)) == sizeof(answer) && answer.fd >= 0)
                return 0;
        pthread_join(thread, NULL);
        return answer.fd;
}

int linger_init(void) {
        struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
        int r;

        if (running)
                return 0;
        if (sigaction(SIGALRM, &action, NULL) < 0 || pipe2(requests, O_CLOEXEC) < 0)
                return error_origin(-errno);
        r = pipe2(answers, O_CLOEXEC) < 0 ? -errno : start();
        if (r < 0) {
                close_ends(requests);
                close_ends(answers);
                return error_origin(r);
        }
        fcntl(requests[1], F_SETPIPE_SZ, PIPE_BYTES);
        fcntl(answers[0], F_SETFL, O_NONBLOCK);
        running = true;
        return 0;
}

void linger_deinit(void) {
        if (!running)
                return;
        running = false; /* what the answers ask for is done at once */
        close(requests[1]);
        requests[1] = -1;
        fcntl(answers[0], F_SETFL, 0);
        linger_dispatch(); /* until the thread has closed its end */
        pthread_join(thread, NULL);
        answers[1] = -1;
        close_ends(requests);
        close_ends(answers);
}

/* ---- the loop's side ---- */

int linger_fd(void) {
        return answers[0];
}

void linger_dispatch(void) {
        struct request answer;

        while (read(answers[0], &answer, sizeof(answer)) == sizeof(answer))
                answer.then(answer.userdata);
}

static void ask(const struct request *request) {
        ssize_t n;

        if (!running) {
                let_go(request);
                if (request->what == THEN)
                        request->then(request->userdata);
                return;
        }
        do
                n = write(requests[1], request, sizeof(*request));
        while (n < 0 && errno == EINTR);
}

bool linger_close(int fd) {
        shutdown(fd, SHUT_RDWR);
        if (empty(fd, false)) {
                close(fd);
                return true;
        }
        ask(&(const struct request){ .what = CLOSE, .fd = fd });
        return !running;
}

void linger_leave(int fd) {
        ask(&(const struct request){ .what = LEAVE, .fd = fd });
}

void linger_then(void (*then)(void *userdata), void *userdata) {
        ask(&(const struct request){ .what = THEN, .fd = -1, .then = then, .userdata = userdata });
}

ssize_t linger_peek(int fd, size_t most) {
        char bytes[64];
        struct iovec part = { bytes, most < sizeof(bytes) ? most : sizeof(bytes) };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
        ssize_t n = receive(fd, &message, MSG_PEEK);

        if (n < 0)
                return -errno;
        return message.msg_flags & MSG_CTRUNC ? -EBADMSG : n;
}

bool linger_refuse_rights(int fd) {
        int pass = 0;

        return setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &pass, sizeof(pass)) == 0;
}
