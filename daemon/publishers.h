#pragma once

/*
 * Publishers: ticks that come ready-made
 *
 * A tick of a local publisher enters the pipeline one step later than a packet: it has a body and an
 * instrument already. Nothing of it is believed: that the instrument is one of this feed's own, that
 * the body can be (shm/valid.h), is looked at on a copy which the publisher cannot reach.
 */

#include "serve/publishing.h"

struct pipeline;
struct md_tick;

/* What the listener's sessions ask, answered by this pipeline's feeds. */
void publishers_init(struct publishing *publishing, struct pipeline *pipeline);

/* Sinks of the source "publisher"; userdata is the stream. */
const char *publishers_tick(void *userdata, struct md_tick *tick);
uint64_t publishers_next(void *userdata);
void publishers_liar(void *userdata, const char *what);
