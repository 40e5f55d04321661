/* Programs that run beside a benchmark. */

#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int child_run(const char *format, ...) {
        char command[512];
        va_list args;
        pid_t pid = fork();

        if (pid)
                return pid < 0 ? -errno : pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        va_start(args, format);
        vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(EXIT_FAILURE);
}

void child_stop(int pid) {
        if (pid <= 0)
                return;
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
}
