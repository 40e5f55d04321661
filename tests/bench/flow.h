#pragma once

/*
 * An invented flow of orders, as ITCH messages
 *
 * Orders come until so many are live; from then on as many go as come. Which one goes, or is
 * traded, or replaced, is chosen among all that are live, each as likely as any other, and so is
 * the stock: no cache can foresee them. Prices lie around a middle that wanders, the nearer the
 * likelier. The same numbers always make the same flow.
 */

#include <stdint.h>

struct tape;

/* Puts so many messages on a new tape. -ENOMEM. */
int flow_make(struct tape *tape, uint64_t messages, uint32_t stocks, uint32_t live);
