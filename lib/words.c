/*
 * Names and numbers as text
 */

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "mdclient.h"

const char *md_kind_name(unsigned kind) {
#define NAME(number, NAME_, name, text) [number] = #name,
        static const char *const names[] = { MD_KINDS(NAME) };
#undef NAME

        if (kind == MD_BREAK)
                return "break"; /* which C does not allow as a member's name */
        return kind < sizeof(names) / sizeof(*names) && names[kind] ? names[kind] : "?";
}

const char *md_feed_state_name(uint32_t state) {
        static const char *const names[] = {
                [MD_FEED_DOWN] = "down",
                [MD_FEED_RECOVERING] = "recovering",
                [MD_FEED_LIVE] = "live",
                [MD_FEED_ENDED] = "ended",
        };

        return state < sizeof(names) / sizeof(*names) && names[state] ? names[state] : "?";
}

char *md_format(char buf[MD_NUMBER_SIZE], int64_t value, int exp) {
        char digits[MD_NUMBER_SIZE];
        uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
        int n, point, length = 0;

        if (value == MD_PX_NONE || exp < -18 || exp > 18) {
                buf[0] = '\0';
                return buf;
        }
        if (!magnitude)
                exp = 0;
        while (exp < 0 && magnitude % 10 == 0) {
                magnitude /= 10;
                exp++;
        }
        n = snprintf(digits, sizeof(digits), "%0*llu", exp < 0 ? 1 - exp : 1,
                     (unsigned long long)magnitude);
        point = exp < 0 ? n + exp : n;

        if (value < 0)
                buf[length++] = '-';
        memcpy(buf + length, digits, (size_t)point);
        length += point;
        if (exp < 0) {
                buf[length++] = '.';
                memcpy(buf + length, digits + point, (size_t)-exp);
                length -= exp;
        }
        for (; exp > 0; exp--)
                buf[length++] = '0';
        buf[length] = '\0';
        return buf;
}

/* value = value * 10 + digit, or false. */
static bool push_digit(uint64_t *value, unsigned digit) {
        return !__builtin_mul_overflow(*value, 10u, value) &&
               !__builtin_add_overflow(*value, digit, value);
}

/* An exponent "e-5"; moves the text past it. */
static int parse_exponent(const char **textp, int *exp) {
        const char *text = *textp;
        bool negative;
        int e = 0;

        if (*text != 'e' && *text != 'E')
                return 0;
        text++;
        negative = *text == '-';
        if (*text == '-' || *text == '+')
                text++;
        if (*text < '0' || *text > '9')
                return -EINVAL;
        for (; *text >= '0' && *text <= '9'; text++)
                if (e < 1000)
                        e = e * 10 + (*text - '0');
        *exp += negative ? -e : e;
        *textp = text;
        return 0;
}

int md_parse(const char *text, int exp, int64_t *value) {
        uint64_t magnitude = 0;
        bool negative, any = false, point = false;
        int scale = 0, zeros = 0;

        negative = *text == '-';
        if (*text == '-' || *text == '+')
                text++;
        for (;; text++) {
                if (*text == '.' && !point) {
                        point = true;
                        continue;
                }
                if (*text < '0' || *text > '9')
                        break;
                any = true;
                scale -= point;
                /* zeros are held back until another digit follows: those at the end may be many */
                if (*text == '0') {
                        zeros++;
                        continue;
                }
                for (; zeros && magnitude; zeros--)
                        if (!push_digit(&magnitude, 0))
                                return -ERANGE;
                zeros = 0;
                if (!push_digit(&magnitude, (unsigned)(*text - '0')))
                        return -ERANGE;
        }
        if (!any || parse_exponent(&text, &scale) < 0 || *text)
                return -EINVAL;
        scale += zeros - exp;

        if (!magnitude) {
                *value = 0;
                return 0;
        }
        if (scale < 0) /* the last digit is not 0, so there is something that does not fit */
                return -ERANGE;
        for (; scale > 0; scale--)
                if (!push_digit(&magnitude, 0))
                        return -ERANGE;
        /* INT64_MAX is MD_PX_NONE, and INT64_MIN is no price either */
        if (magnitude >= (uint64_t)INT64_MAX + negative)
                return -ERANGE;
        *value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
        return 0;
}

double md_price(int64_t px) {
        return px == MD_PX_NONE ? (double)NAN : (double)px / 1e9;
}
