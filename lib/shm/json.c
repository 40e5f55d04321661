/* JSON on standard output. */

#include "shm/json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static int depth = 1;
static bool first = true; /* in the innermost list or object */

static void next_line(void) {
        printf("\n%*s", 2 * depth, "");
}

void json_item(void) {
        if (!first)
                putchar(',');
        next_line();
        first = false;
}

void json_string(const char *string) {
        putchar('"');
        for (; *string; string++) {
                if (*string == '"' || *string == '\\')
                        printf("\\%c", *string);
                else if ((unsigned char)*string < ' ')
                        printf("\\u%04x", (unsigned)*string);
                else
                        putchar(*string);
        }
        putchar('"');
}

/* "key": or nothing where there is no key */
static void print_key(const char *key) {
        if (!key)
                return;
        json_string(key);
        printf(": ");
}

void json_open(const char *key, char bracket) {
        json_item();
        print_key(key);
        putchar(bracket);
        depth++;
        first = true;
}

void json_close(char bracket) {
        depth--;
        next_line();
        putchar(bracket);
        first = false;
}

void json_number(const char *key, uint64_t number) {
        json_item();
        print_key(key);
        printf("%" PRIu64, number);
}

void json_hex(const char *key, uint64_t number) {
        json_item();
        print_key(key);
        printf("\"0x%016" PRIx64 "\"", number);
}

void json_text(const char *key, const char *text) {
        json_item();
        print_key(key);
        json_string(text);
}
