#pragma once

/* Programs that run beside a benchmark, and end with it. */

/* Runs a command of the shell: its pid, or negative errno. */
int child_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends it, and waits for that. With no pid at all, nothing. */
void child_stop(int pid);
