#pragma once

/*
 * A daemon of our own, for one test
 *
 * The real mdshmd, with its config, socket and log in a folder under /tmp and a segment name that
 * nobody else has: tests run beside each other, and beside whatever runs on this machine. It dies with
 * the test, however that ends. A daemon that is stopped must end with status 0 and leave nothing
 * behind, which rig_stop() checks each time.
 *
 * The environment says where the programs are (MDSHMD_DAEMON); meson sets it. Assertions are cmocka's,
 * so they belong to the test's own process; a child that the test forks says CHILD_CHECK(), and its
 * exit status tells.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "mdclient.h"

#define SKIPPED     77    /* exit status of a test that cannot be done here */
#define PATIENCE_MS 60000 /* for what must happen, on a slow machine under a sanitizer */

struct wire_client;

struct rig {
        char folder[40];
        char segment[40]; /* its name, without the slash */
        char socket[64], config[64], log[64];
        pid_t pid; /* of the daemon; 0: it does not run */
};

/* The folder and the names. */
void rig_init(struct rig *rig);

/* Writes the config: keys of [segment] beside its name, then whatever follows [listen] socket (so it
 * begins with further keys of that section, or with the next one). */
void rig_configure(struct rig *rig, const char *segment, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Runs the daemon and waits until clients can connect; or does not wait. */
void rig_start(struct rig *rig);
void rig_launch(struct rig *rig);

/* SIGTERM: a clean end, and nothing left of it. */
void rig_stop(struct rig *rig);

/* SIGKILL: everything is left. */
void rig_kill(struct rig *rig);

/* Ends the daemon if it runs, takes away what is left, and shows the end of its log. */
void rig_deinit(struct rig *rig);

/* From now on the kernel is older, for us and our children: it cannot refuse descriptors for a daemon
 * (SO_PASSRIGHTS). False where that cannot be had. */
bool rig_older_kernel(void);

/* A client of it, named; md_free() it. The second one is for children of the test. */
struct md_client *rig_connect(const struct rig *rig, const char *name);
struct md_client *rig_connect_child(const struct rig *rig, const char *name);

/* What the daemon says of the client with that name; false if there is none. */
bool rig_client(const struct rig *rig, const char *name, struct wire_client *record);

/* Lines of the log that have this text in them. */
unsigned rig_log_count(const struct rig *rig, const char *text);

/* A connection in the role of mdctl, for children of the test, too; -1: it was not let in. */
int rig_control(const struct rig *rig);

/* A request in the role of mdctl, WIRE_RELOAD or so; the result that it ends with. */
int rig_request(const struct rig *rig, uint32_t opcode);

/* Descriptors that the daemon holds. */
unsigned rig_fds(const struct rig *rig);

/* The value of a counter of the daemon, or of its first feed, by label; 0 if there is none. */
uint64_t counter_value(struct md_client *client, const char *label);

/* The first feed. */
struct md_feed feed_of(struct md_client *client);

/* The first feed after it has taken so many packets, or has ended. */
struct md_feed feed_await_packets(struct md_client *client, uint64_t packets);
struct md_feed feed_await_end(struct md_client *client);

int64_t now_ms(void);
void sleep_ms(unsigned ms);

/* $MDSHMD_LONG is set: ./check.sh --long. */
bool long_run(void);

/* A child that dies with the test; 0 in the child. */
pid_t fork_child(void);

/* Waits for a child and checks that its exit status is 0. */
void await_child(pid_t pid);

/* Waits until the condition holds; it is a failure if it never does. */
#define AWAIT(condition)                                                                           \
        do {                                                                                       \
                int64_t await_end_ = now_ms() + PATIENCE_MS;                                       \
                while (!(condition)) {                                                             \
                        if (now_ms() > await_end_)                                                 \
                                fail_msg("waited in vain for: %s", #condition);                    \
                        sleep_ms(2);                                                               \
                }                                                                                  \
        } while (0)

/* In a child: what must hold there. */
#define CHILD_CHECK(condition)                                                                     \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: child %d: not so: %s\n", __FILE__, __LINE__,       \
                                (int)getpid(), #condition);                                        \
                        _exit(1);                                                                  \
                }                                                                                  \
        } while (0)
