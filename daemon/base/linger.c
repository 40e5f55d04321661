/* A timer for the moments in which a peer could make us wait; linger.h tells why. */

#include "base/linger.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* asm-generic/socket.h of Linux 6.16; not on parisc, sparc */
#endif

static timer_t timer;
static bool ready;

/* It has done its work by coming. */
static void ignore(int signal) {
        (void)signal;
}

int linger_init(void) {
        struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
        struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };

        if (ready)
                return 0;
        event._sigev_un._tid = gettid();
        if (sigaction(SIGALRM, &action, NULL) < 0 ||
            timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
                return error_origin(-errno);
        ready = true;
        return 0;
}

static void set(long ns) {
        const struct itimerspec every = { { 0, ns }, { 0, ns } };

        if (ready)
                timer_settime(timer, 0, &every, NULL);
}

void linger_forbid(void) {
        set(LINGER_NS);
}

void linger_allow(void) {
        set(0);
}

void linger_close(int fd) {
        linger_forbid();
        close(fd);
        linger_allow();
}

bool linger_refuse_rights(int fd) {
        int pass = 0;

        return setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &pass, sizeof(pass)) == 0;
}
