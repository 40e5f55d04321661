#pragma once

/*
 * The terminal, as a full screen
 *
 * While it is taken, the alternate screen is shown, keys come one by one, and the signals that end,
 * stop or resize us are waited for like keys (a signalfd), so that whatever ends us gives the terminal
 * back as it was. ^Z gives it back until we are continued.
 *
 * A frame is written as plain lines to term_frame(), colours included; term_show() cuts them to the
 * window and puts them over the last frame, in one write and without clearing anything first, so that
 * nothing flickers.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <termios.h>

struct term {
        unsigned rows, columns; /* of the window, now */
        bool has_keys;          /* standard input is a terminal */
        int signal_fd;
        sigset_t saved_mask;
        struct termios saved;
        FILE *frame; /* a memory stream over text */
        char *text;
        size_t size;
        char *screen;  /* the frame, cut, with what moves the cursor */
        char keys[32]; /* typed and not looked at yet, NUL-terminated */
};

#define TERM_INIT                                                                                  \
        { .signal_fd = -1 }

enum term_event {
        TERM_NOTHING, /* the time is over */
        TERM_READY,   /* the descriptor is readable */
        TERM_RESIZED, /* draw again */
        TERM_UP,
        TERM_DOWN,
        TERM_PAGE_UP,
        TERM_PAGE_DOWN,
        TERM_HOME,
        TERM_END,
        TERM_QUIT, /* q, ^C, a signal that ends us */
};

/* Takes the terminal; negative errno. */
int term_init(struct term *term);
void term_deinit(struct term *term);

/* Where to write the next frame. */
FILE *term_frame(struct term *term);

/* Shows it. Negative errno when the terminal is gone. */
int term_show(struct term *term);

/* Waits for a key, a signal, or `fd` (-1: none), at most timeout_ms. */
enum term_event term_wait(struct term *term, int fd, int timeout_ms);
