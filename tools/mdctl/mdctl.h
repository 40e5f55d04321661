#pragma once

/*
 * mdctl: what its commands share
 *
 * main.c reads the command line into a struct mdctl, connects, and runs one command. A command has one
 * file, returns 0 or a negative errno, and has then said why.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mdclient.h"
#include "output.h"
#include "selection.h"

#define _cleanup_(f) __attribute__((__cleanup__(f)))

struct mdctl {
        const char *socket; /* path; NULL: the usual ones */
        char path[256];     /* the socket of --instance */
        const char *file;   /* a saved segment, to be read instead; or NULL */
        enum output_format format;
        unsigned output_flags; /* OUTPUT_COLOUR, where it is wanted */
        bool terminal;  /* standard output can show a full screen, and no format was asked for */
        bool all;       /* --all */
        uint32_t kinds; /* --kind, a bit each; without it all */
        uint64_t count; /* --count; 0: no end */
        double rate;    /* --rate, rows per second; 0: as they come */
        bool loop;      /* --loop */
        bool lines;     /* --lines */
        char **args;    /* what follows the command */
        size_t n_args;
        struct md_client *client; /* connected, for the commands that read; else NULL */
};

int command_status(struct mdctl *mdctl);
int command_feeds(struct mdctl *mdctl);
int command_clients(struct mdctl *mdctl);
int command_counters(struct mdctl *mdctl);
int command_list(struct mdctl *mdctl);
int command_get(struct mdctl *mdctl);
int command_watch(struct mdctl *mdctl);
int command_ticks(struct mdctl *mdctl);
int command_dump(struct mdctl *mdctl);
int command_book(struct mdctl *mdctl);
int command_save(struct mdctl *mdctl);
int command_publish(struct mdctl *mdctl);
int command_reload(struct mdctl *mdctl);

/* A sentence to standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The complaint for an error of the library, which is returned. */
int complain_client(const struct mdctl *mdctl, int r);

/* Begins the output of a command, with OUTPUT_... on top of what the user asked for. */
int begin_output(const struct mdctl *mdctl, unsigned flags, const struct output_column *columns,
                 size_t n_columns, struct output **outputp);

/* Ends it. A reader who left early is no news. */
int end_output(struct output *output);

/* Subscribes to the instruments that the arguments name, now or later, and to the kinds of the mask. */
int follow_instruments(const struct mdctl *mdctl, uint32_t kinds, struct selection *selection);

/* The instruments that the arguments name, sorted by symbol and venue. The caller frees the list.
 * *unmet is 0, or, after a complaint, -ENOENT where an argument names none. */
int list_instruments(const struct mdctl *mdctl, struct md_instrument **listp, size_t *n,
                     int *unmet);

/* The name of a feed, "" where there is none. */
const char *feed_name(const struct mdctl *mdctl, uint32_t index, struct md_feed *feed);

enum tone feed_tone(uint32_t state);

/* Sleeps until there is something to read: 1. 0: a file, and it is at its end. -ECONNRESET: the daemon
 * has gone. -EPIPE: nobody reads our output any more. */
int wait_for_news(const struct mdctl *mdctl);

static inline void freep(void *p) {
        free(*(void **)p);
}

#define N_ELEMENTS(array) (sizeof(array) / sizeof(*(array)))
