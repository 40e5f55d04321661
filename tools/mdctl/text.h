#pragma once

/*
 * Text: how a single value is written
 *
 * Whatever comes from outside (symbols, the names of clients) is taken for printable ASCII. What is not
 * never gets to a terminal: it is written as "?", in JSON as an escape.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* 2018-01-27T14:40:00.356870000Z; "" for 0. Returns buf. */
#define TEXT_TIME_SIZE 40
char *text_time(char buf[TEXT_TIME_SIZE], int64_t ns);

/* How long that is, for people: 35 ms, 4.2 s, 27:05:30. Returns buf. */
#define TEXT_DURATION_SIZE 40
char *text_duration(char buf[TEXT_DURATION_SIZE], int64_t ns);

enum tone {
        TONE_NORMAL,
        TONE_GOOD,
        TONE_BAD,
        TONE_WARN,
        TONE_FAINT,
        TONE_BOLD,
};

/* Writes n bytes, in that tone if `colour`. */
void text_write(FILE *file, bool colour, enum tone tone, const char *text, size_t n);

/* The same with a string. */
void text_paint(FILE *file, bool colour, enum tone tone, const char *text);

/* As a field of CSV, quoted where need be. */
void text_write_csv(FILE *file, const char *text, size_t n);

/* As a string of JSON. */
void text_write_json(FILE *file, const char *text, size_t n);
