#pragma once

/*
 * Which messages all lines have lost
 *
 * In a row they are one gap: what a receiver has to find missing, and nothing else.
 */

#include <stdint.h>
#include <stdio.h>

struct lost {
        FILE *file; /* a line for each gap: session (1 is the first), first number, messages; NULL: none */
        uint64_t session;
        uint64_t first, n; /* the present gap; n 0: there is none */
        uint64_t gaps, messages;
};

void lost_begin(struct lost *lost, FILE *file);

/* A packet with these messages is lost; or some packet is not, or its session is over. */
void lost_add(struct lost *lost, uint64_t session, uint64_t first, uint64_t n);
void lost_end(struct lost *lost);
