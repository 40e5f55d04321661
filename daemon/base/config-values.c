/*
 * Values: from what is written to what is meant
 *
 * Each function reads the whole text or refuses it, and a refusal says what would have been right.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/config-keys.h"
#include "base/log.h"

#define SPEED_MIN 0.001
#define SPEED_MAX 1000000.0

int config_refuse(struct config_value *value, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vsnprintf(value->why, sizeof(value->why), format, args);
        va_end(args);
        return CONFIG_E_VALUE;
}

/* Reads digits of that base and moves on behind them. False: there is none, or too many. */
static bool read_digits(const char **text, unsigned base, uint64_t *out) {
        const char *p = *text;
        uint64_t n = 0;

        for (; *p >= '0' && *p < '0' + (char)base; p++)
                if (__builtin_mul_overflow(n, (uint64_t)base, &n) ||
                    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
                        return false;
        if (p == *text)
                return false;
        *text = p;
        *out = n;
        return true;
}

bool config_endpoint(const char *text, char address[CONFIG_ADDRESS_SIZE], uint16_t *port) {
        const char *colon = strrchr(text, ':'), *end = colon, *digits = colon ? colon + 1 : NULL;
        struct in6_addr parsed;
        bool v6 = text[0] == '[';
        uint64_t n;

        if (!colon || !read_digits(&digits, 10, &n) || *digits || n < 1 || n > UINT16_MAX)
                return false;
        if (v6) {
                text++;
                end--;
                if (end <= text || *end != ']')
                        return false;
        }
        if ((size_t)(end - text) >= CONFIG_ADDRESS_SIZE)
                return false;
        memcpy(address, text, (size_t)(end - text));
        address[end - text] = '\0';
        *port = (uint16_t)n;
        return inet_pton(v6 ? AF_INET6 : AF_INET, address, &parsed) == 1;
}

static int store_text(char **out, const char *text) {
        *out = strdup(text);
        return *out ? 0 : -ENOMEM;
}

/* The table knows how wide each number is. */
static void store(const struct config_key *key, void *field, uint64_t n) {
        uint16_t n16 = (uint16_t)n;
        uint32_t n32 = (uint32_t)n;

        if (key->size == sizeof(n16))
                memcpy(field, &n16, sizeof(n16));
        else if (key->size == sizeof(n32))
                memcpy(field, &n32, sizeof(n32));
        else
                memcpy(field, &n, sizeof(n));
}

int config_parse_number(const struct config_key *key, struct config_value *value, void *field) {
        const char *p = value->text;
        uint64_t n;

        if (!read_digits(&p, 10, &n) || *p || n < key->min || n > key->max)
                return config_refuse(value, "\"%s\" is no number from %" PRIu64 " to %" PRIu64,
                                     value->text, key->min, key->max);
        store(key, field, n);
        return 0;
}

/* A number, or one of as many thousands or millions as computers count: 64k, 1M. */
static int read_size(const struct config_key *key, struct config_value *value, uint64_t *out) {
        const char *p = value->text;
        uint64_t unit = 1;

        if (read_digits(&p, 10, out)) {
                if (*p == 'k' || *p == 'K')
                        unit = 1024;
                else if (*p == 'M')
                        unit = 1024 * 1024;
                if (unit > 1)
                        p++;
                if (!*p && !__builtin_mul_overflow(*out, unit, out) && *out >= key->min &&
                    *out <= key->max)
                        return 0;
        }
        return config_refuse(value,
                             "\"%s\" is no number from %" PRIu64 " to %" PRIu64
                             "; k after it stands for 1024, M for 1048576",
                             value->text, key->min, key->max);
}

int config_parse_size(const struct config_key *key, struct config_value *value, void *field) {
        uint64_t n;
        int r;

        r = read_size(key, value, &n);
        if (r)
                return r;
        store(key, field, n);
        return 0;
}

/* Bounds of such a key are powers of two themselves, so both neighbours are within them. */
int config_parse_power(const struct config_key *key, struct config_value *value, void *field) {
        uint64_t n, above = 1;
        int r;

        r = read_size(key, value, &n);
        if (r)
                return r;
        while (above < n)
                above *= 2;
        if (above != n)
                return config_refuse(
                        value, "%s is no power of two; the nearest are %" PRIu64 " and %" PRIu64,
                        value->text, above / 2, above);
        store(key, field, n);
        return 0;
}

int config_parse_mode(const struct config_key *key, struct config_value *value, void *field) {
        const char *p = value->text;
        uint64_t n;

        if (!read_digits(&p, 8, &n) || *p || n > key->max)
                return config_refuse(value,
                                     "\"%s\" is no mode; write three octal digits, like 0666",
                                     value->text);
        store(key, field, n);
        return 0;
}

int config_parse_bool(const struct config_key *key, struct config_value *value, void *field) {
        bool *out = field;

        (void)key;
        if (!strcmp(value->text, "yes"))
                *out = true;
        else if (!strcmp(value->text, "no"))
                *out = false;
        else
                return config_refuse(value, "\"%s\" is neither yes nor no", value->text);
        return 0;
}

int config_parse_level(const struct config_key *key, struct config_value *value, void *field) {
        static const char *const names[] = {
                [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
                [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
        };

        for (uint64_t i = LOG_ERROR; i <= LOG_DEBUG; i++)
                if (!strcmp(value->text, names[i])) {
                        store(key, field, i);
                        return 0;
                }
        return config_refuse(value, "\"%s\" is none of error, warning, notice, info, debug",
                             value->text);
}

const char *config_source_name(enum config_source source) {
        static const char *const names[] = {
                [CONFIG_SOURCE_PCAP] = "pcap",
                [CONFIG_SOURCE_UDP] = "udp",
                [CONFIG_SOURCE_PUBLISHER] = "publisher",
                [CONFIG_SOURCE_FILE] = "file",
        };

        return names[source];
}

int config_parse_source(const struct config_key *key, struct config_value *value, void *field) {
        enum config_source *out = field;

        (void)key;
        if (!strcmp(value->text, "pcap"))
                *out = CONFIG_SOURCE_PCAP;
        else if (!strcmp(value->text, "udp"))
                *out = CONFIG_SOURCE_UDP;
        else if (!strcmp(value->text, "publisher"))
                *out = CONFIG_SOURCE_PUBLISHER;
        else if (!strcmp(value->text, "file"))
                *out = CONFIG_SOURCE_FILE;
        else
                return config_refuse(value, "\"%s\" is none of pcap, udp, file, publisher",
                                     value->text);
        return 0;
}

/* One of a few words. */
int config_parse_choice(const struct config_key *key, struct config_value *value, void *field) {
        char all[128] = "";
        size_t n = 0;

        for (uint64_t i = 0; key->choices[i]; i++) {
                if (!strcmp(value->text, key->choices[i])) {
                        if (key->text)
                                return store_text(field, value->text);
                        store(key, field, i);
                        return 0;
                }
                n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "",
                                      key->choices[i]);
        }
        return config_refuse(value, "\"%s\" is none of %s", value->text, all);
}

/* A decimal number of milliseconds, as nanoseconds. */
int config_parse_ms(const struct config_key *key, struct config_value *value, void *field) {
        size_t length = strspn(value->text, "0123456789.");
        int64_t *out = field;
        double ms;
        char *end;

        ms = strtod(value->text, &end);
        if (!length || value->text[length] || end != value->text + length || ms > (double)key->max)
                return config_refuse(value,
                                     "\"%s\" is no number of milliseconds up to %" PRIu64
                                     "; it may have a decimal point, like 0.5",
                                     value->text, key->max);
        *out = (int64_t)(ms * 1e6 + 0.5);
        return 0;
}

/* "recorded", "max", or a decimal and an x. */
int config_parse_speed(const struct config_key *key, struct config_value *value, void *field) {
        size_t length = strlen(value->text), number = strspn(value->text, "0123456789.");
        double speed, *out = field;
        char *end;

        (void)key;
        if (!strcmp(value->text, "recorded")) {
                *out = 1;
                return 0;
        }
        if (!strcmp(value->text, "max")) {
                *out = 0;
                return 0;
        }

        speed = strtod(value->text, &end);
        if (number + 1 != length || end != value->text + number || *end != 'x' ||
            speed < SPEED_MIN || speed > SPEED_MAX)
                return config_refuse(value,
                                     "\"%s\" is no speed; write recorded, max, or a number and x, "
                                     "like 10x, from %gx to %.0fx",
                                     value->text, SPEED_MIN, SPEED_MAX);
        *out = speed;
        return 0;
}

/* Days since 1970-01-01. */
int config_parse_date(const struct config_key *key, struct config_value *value, void *field) {
        struct tm said = { 0 }, meant;
        int64_t *out = field, seconds;
        const char *end;

        (void)key;
        end = strptime(value->text, "%Y-%m-%d", &said);
        meant = said;
        seconds = timegm(&meant); /* moves a day that a month does not have into the next month */
        if (!end || *end || strlen(value->text) != strlen("YYYY-MM-DD") || seconds < 0 ||
            meant.tm_mday != said.tm_mday)
                return config_refuse(value,
                                     "\"%s\" is no date since 1970; write it like 2019-12-30",
                                     value->text);
        *out = seconds / (24 * 60 * 60);
        return 0;
}

int config_parse_text(const struct config_key *key, struct config_value *value, void *field) {
        if (!*value->text)
                return config_refuse(value, "there is nothing behind the '='");
        if (strlen(value->text) > key->max)
                return config_refuse(value, "\"%s\" is longer than %" PRIu64 " characters",
                                     value->text, key->max);
        return store_text(field, value->text);
}

bool config_is_word(const char *text) {
        return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789-_.")];
}

bool config_is_lock(const char *text) {
        size_t length = strlen(text);

        return length >= strlen(".lock") && !strcmp(text + length - strlen(".lock"), ".lock");
}

int config_parse_word(const struct config_key *key, struct config_value *value, void *field) {
        if (!config_is_word(value->text) || strlen(value->text) > key->max)
                return config_refuse(value,
                                     "\"%s\" is not made of 1 to %" PRIu64
                                     " letters, digits, '-', '_' and '.'",
                                     value->text, key->max);
        return store_text(field, value->text);
}

/* A name in /dev/shm, with or without the slash that it has in the end. */
int config_parse_segment(const struct config_key *key, struct config_value *value, void *field) {
        const char *name = value->text + (value->text[0] == '/');
        char **out = field;

        if (config_is_lock(name))
                return config_refuse(
                        value,
                        "\"%s\" cannot be a segment's name; one that ends with .lock is "
                        "the lock of another",
                        value->text);
        if (!config_is_word(name) || !strcmp(name, ".") || !strcmp(name, "..") ||
            strlen(name) + 1 > key->max)
                return config_refuse(value,
                                     "\"%s\" cannot be a segment's name; write 1 to %" PRIu64
                                     " letters, digits, '-', '_' and '.'",
                                     value->text, key->max - 1);
        if (asprintf(out, "/%s", name) < 0) {
                *out = NULL;
                return -ENOMEM;
        }
        return 0;
}

int config_parse_address(const struct config_key *key, struct config_value *value, void *field) {
        struct in6_addr address;

        (void)key;
        if (inet_pton(AF_INET, value->text, &address) != 1 &&
            inet_pton(AF_INET6, value->text, &address) != 1)
                return config_refuse(value,
                                     "\"%s\" is no address; write it in numbers, like 233.215.21.4 "
                                     "or ff02::1",
                                     value->text);
        return store_text(field, value->text);
}

int config_parse_endpoint(const struct config_key *key, struct config_value *value, void *field) {
        char address[CONFIG_ADDRESS_SIZE];
        uint16_t port;

        (void)key;
        if (!config_endpoint(value->text, address, &port))
                return config_refuse(value,
                                     "\"%s\" is no address and port; write them in numbers, like "
                                     "233.215.21.4:10378 or [ff02::1]:10378",
                                     value->text);
        return store_text(field, value->text);
}

/* "any", or the number of a processor. */
int config_parse_cpu(const struct config_key *key, struct config_value *value, void *field) {
        const char *p = value->text;
        int32_t *out = field;
        uint64_t n;

        if (!strcmp(value->text, "any")) {
                *out = -1;
                return 0;
        }
        if (!read_digits(&p, 10, &n) || *p || n > key->max)
                return config_refuse(value, "\"%s\" is neither any nor a number up to %" PRIu64,
                                     value->text, key->max);
        *out = (int32_t)n;
        return 0;
}
