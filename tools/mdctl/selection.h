#pragma once

/*
 * The selection: which instruments the user means
 *
 * Without a pattern: all of them. Otherwise those that any of the patterns names, as a symbol or as
 * SYMBOL@VENUE, in full or with the shell's wildcards * ? [...]. Instruments that come while we run
 * are looked at when they come.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdclient.h"

struct selection {
        struct md_client *client;
        char **patterns;
        size_t n_patterns;
        bool *met;       /* per pattern: it names an instrument */
        bool *wanted;    /* per instrument of the capacity */
        uint32_t looked; /* instruments 0 .. looked-1 have been looked at */
};

#define SELECTION_INIT                                                                             \
        { .client = NULL }

/* Looks at all instruments there are. The patterns stay the caller's. -ENOMEM; errors of
 * md_health(). */
int selection_init(struct selection *selection, struct md_client *client, char **patterns,
                   size_t n_patterns);
void selection_deinit(struct selection *selection);

/* Looks at the instruments that have come since; true if there were any. */
bool selection_update(struct selection *selection);

/* Whether it is one of them; MD_INSTRUMENT_NONE, a whole feed, is where all are. */
bool selection_wants(struct selection *selection, uint32_t instrument);

/* All of them, sorted by symbol, then by venue. The caller frees the list. -ENOMEM. */
int selection_list(struct selection *selection, struct md_instrument **listp, size_t *n);

/*
 * Subscribes to all of them, and to those that come later. Where the library has no room for so many
 * patterns, it is everything: what comes must go through selection_wants().
 */
int selection_subscribe(struct selection *selection);

/* Begins again: the client has another segment. -ENOMEM; errors of md_health(). */
int selection_restart(struct selection *selection);

/* The next pattern from *i on that names nothing, NULL at the end; moves *i past it. */
const char *selection_unmet(const struct selection *selection, size_t *i);
