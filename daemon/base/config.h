#pragma once

/*
 * The config: mdshmd.conf as a struct
 *
 * Read whole, checked whole (each value against its range, and values against each other), and only
 * then used. Every complaint names file and line. mdshmd.conf.5 is the manual.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the file says of each key, for sentences; config-keys.h. */
struct config_setting;

enum config_source {
        CONFIG_SOURCE_PCAP,
        CONFIG_SOURCE_UDP,
        CONFIG_SOURCE_PUBLISHER,
        CONFIG_SOURCE_FILE,
};

/* Who says when a datagram came. */
enum config_stamps {
        CONFIG_STAMPS_KERNEL,
        CONFIG_STAMPS_NIC,
};

/* What is done while there is nothing to do. */
enum config_poll {
        CONFIG_POLL_WAIT,
        CONFIG_POLL_SPIN,
};

struct config_feed {
        char *name;    /* of the section: [feed NAME] */
        unsigned line; /* of that section in the file */
        enum config_source source;
        char *protocol; /* "iex-tops"; checked against the decoders by the caller */
        char *framing;  /* "iextp"; NULL: the one that goes with protocol and source */

        /* pcap, udp */
        int64_t hole;         /* ns that a hole in the sequence may stay open */
        uint64_t hole_buffer; /* bytes of packets that may wait for one to close */
        char *a, *b; /* ADDRESS:PORT of the lines; a NULL: address and port, of a recording all that
                      * there is; b NULL: there is none */

        /* pcap, file */
        char *file;
        double speed;      /* times the recorded pace; 0: as fast as can be */
        uint64_t packets;  /* of a pcap: stop after so many UDP packets; 0: all */
        uint64_t messages; /* of a file: stop after so many; 0: all */
        bool loop;         /* begin again at the end */
        int64_t date; /* of its day in New York where it does not tell, days since 1970-01-01 */

        /* publisher */
        uint32_t ring;        /* ticks between the publisher and the daemon, a power of two */
        uint32_t instruments; /* it may define; 0: as many as the segment has room for */

        /* udp */
        char *address;   /* numeric IPv4 or IPv6; multicast is joined */
        uint16_t port;   /* 1 to 65535 */
        char *interface; /* name, for multicast; NULL: the kernel's choice */
        char *interface_a, *interface_b;
        char *source_a, *source_b; /* the one sender to listen to; NULL: any */
        char *recovery;            /* ADDRESS:PORT where messages can be had again; NULL: nowhere */
        int64_t recovery_wait;     /* ns that a hole may stay open for that */
        uint32_t recovery_rate;    /* requests per second */
        uint32_t catch_up_rate;    /* the same for a session that is joined late; 0: none */
        uint32_t receive_buffer;   /* bytes that wait in the kernel, of each line */
        uint32_t stale_ms;         /* of silence until the feed is down; 0: never */
        enum config_stamps stamps;
        enum config_poll poll;

        struct config_setting *settings;
};

/* Users and groups that may do something, besides root and the daemon's own user, who may always do
 * everything. */
struct config_access {
        bool all; /* "*" */
        uid_t *uids;
        size_t n_uids;
        gid_t *gids;
        size_t n_gids;
        char *text; /* as written, for sentences */
};

struct config {
        char *path;     /* of the file */
        char *instance; /* whose it is, see base/instance.h; NULL: of none */

        struct {
                char *name;           /* "/mdshmd" */
                uint32_t instruments; /* capacity */
                uint64_t journal;     /* ticks, a power of two */
                uint32_t depth;       /* levels a side, 0: none */
                bool lock;            /* mlock */
                bool huge_pages;
        } segment;

        struct {
                char *socket; /* path */
                mode_t mode;  /* of the socket */
        } listen;

        struct {
                struct config_access read;
                struct config_access publish;
                struct config_access control;
        } access;

        struct {
                uint32_t clients;          /* at once */
                uint32_t clients_per_user; /* at once */
                uint32_t hello_ms;         /* a peer that says nothing for so long is closed */
        } limits;

        struct {
                int level; /* LOG_... of base/log.h */
        } log;

        struct {
                int32_t cpu;       /* the processor to run on; -1: any */
                uint32_t priority; /* of SCHED_FIFO; 0: the usual scheduling */
        } daemon;

        struct config_feed *feeds;
        size_t n_feeds;

        struct config_setting *settings;
};

/*
 * Reads and checks a file. On failure the complaints are in the log, each with file and line, and
 * the result is a negative errno (-EINVAL for anything that the file says).
 */
int config_new(struct config **configp, const char *path);
int config_new_instance(struct config **configp, const char *path, const char *instance);
struct config *config_free(struct config *config);

static inline void config_freep(struct config **config) {
        config_free(*config);
}

/* Whether /dev/shm, were it empty, could hold a segment of that many bytes. If not, the sentence is
 * in the log and the result is -ENOSPC. */
int config_check_room(const struct config *config, uint64_t bytes);

/* Takes an ADDRESS:PORT apart, as the config has checked it. */
#define CONFIG_ADDRESS_SIZE 64
bool config_endpoint(const char *text, char address[CONFIG_ADDRESS_SIZE], uint16_t *port);

/* The line of that key of a feed, of the feed's section where the key is not written. */
unsigned config_feed_line(const struct config_feed *feed, const char *key);

/*
 * What changes from `old` to `new` while running: moves over what can ([access], [limits], [log]),
 * and logs a sentence for each key that needs a restart. `new` stays the caller's.
 */
void config_reload(struct config *old, struct config *new);
