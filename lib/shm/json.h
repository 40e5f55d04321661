#pragma once

/*
 * JSON on standard output, for layout-json.c
 *
 * Lists and objects with one item a line, in the object that the program itself opens and closes. An item
 * has a key, or NULL in a list.
 */

#include <stdint.h>

void json_open(const char *key, char bracket);
void json_close(char bracket);

void json_number(const char *key, uint64_t number);

/* More than a JSON number can be trusted with. */
void json_hex(const char *key, uint64_t number);

void json_text(const char *key, const char *text);

/* Begins an item that the caller writes; a string of one. */
void json_item(void);
void json_string(const char *string);
