#pragma once

/*
 * An instance: one daemon of several on a host
 *
 * What there can be only one of is then called by the instance's name: the config
 * /etc/mdshmd/NAME.conf, the segment mdshmd.NAME, the socket NAME.sock. The daemon without a name,
 * NULL here, has mdshmd.conf, mdshmd and mdshmd.sock.
 */

#include <stdbool.h>

/* Whether one can be called that; if not, the sentence is in the log. */
bool instance_check(const char *name);

/* The file that is read where the command line names none. The caller frees it, as the ones below;
 * NULL without memory. */
char *instance_config(const char *name);

/* Where the config says nothing: the segment's name, and the path of the socket, which is under /run
 * for root and system users, under $XDG_RUNTIME_DIR for others. */
char *instance_segment(const char *name);
char *instance_socket(const char *name);
