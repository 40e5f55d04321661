#pragma once

/*
 * For tests that stop a writer between any two of its instructions
 *
 * The writer is a child that is stepped through its work, one instruction at a time; after each, the
 * parent looks at the memory that they share. What it finds there is also all that would be left if
 * the writer were killed at that instruction.
 */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The child, stopped before `work`. Skips the test where nobody may trace. */
static inline pid_t step_begin(void (*work)(void *), void *argument) {
        int status;
        pid_t pid;

        pid = fork();
        assert_true(pid >= 0);
        if (!pid) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                        _exit(77);
                raise(SIGSTOP);
                work(argument);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                print_message("no permission to trace a child\n");
                skip();
        }
        assert_true(WIFSTOPPED(status));
        /* no half-done child outlives a test that fails */
        assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_EXITKILL), 0);
        return pid;
}

/* One instruction further; false at the end. */
static inline bool step(pid_t pid) {
        int status;

        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSTOPPED(status))
                return true;
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        return false;
}
