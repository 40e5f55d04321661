#pragma once

/* The daemon in one line, as `systemctl status` shows it: feeds by state, instruments, clients, ticks. */

#include <stddef.h>

struct listener;
struct pipeline;

void status_line(char *text, size_t size, const struct pipeline *pipeline,
                 const struct listener *listener);
