/* Text: how a single value is written. */

#include "text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

char *text_time(char buf[TEXT_TIME_SIZE], int64_t ns) {
        int64_t fraction = ns % 1000000000;
        time_t seconds = ns / 1000000000;
        struct tm tm;
        size_t n;

        buf[0] = '\0';
        if (!ns)
                return buf;
        if (fraction < 0) {
                fraction += 1000000000;
                seconds--;
        }
        if (!gmtime_r(&seconds, &tm))
                return buf;
        n = strftime(buf, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(buf + n, TEXT_TIME_SIZE - n, ".%09" PRId64 "Z", fraction);
        return buf;
}

char *text_duration(char buf[TEXT_DURATION_SIZE], int64_t ns) {
        int64_t seconds = ns / 1000000000, ms = ns / 1000000;

        if (seconds < 1)
                snprintf(buf, TEXT_DURATION_SIZE, "%" PRId64 " ms", ms);
        else if (seconds < 60)
                snprintf(buf, TEXT_DURATION_SIZE, "%" PRId64 ".%d s", seconds,
                         (int)(ms % 1000 / 100));
        else
                snprintf(buf, TEXT_DURATION_SIZE, "%" PRId64 ":%02d:%02d", seconds / 3600,
                         (int)(seconds / 60 % 60), (int)(seconds % 60));
        return buf;
}

static bool printable(char c) {
        return c >= ' ' && c <= '~';
}

static void write_printable(FILE *file, const char *text, size_t size) {
        for (size_t i = 0; i < size; i++)
                putc(printable(text[i]) ? text[i] : '?', file);
}

void text_write_csv(FILE *file, const char *text, size_t size) {
        bool quoted = size && (text[0] == ' ' || text[size - 1] == ' ');

        for (size_t i = 0; i < size; i++)
                quoted |= text[i] == ',' || text[i] == '"';
        if (!quoted) {
                write_printable(file, text, size);
                return;
        }
        putc('"', file);
        for (size_t i = 0; i < size; i++) {
                if (text[i] == '"')
                        putc('"', file);
                write_printable(file, &text[i], 1);
        }
        putc('"', file);
}

void text_write_json(FILE *file, const char *text, size_t size) {
        putc('"', file);
        for (size_t i = 0; i < size; i++) {
                if (!printable(text[i]))
                        fprintf(file, "\\u%04x", (unsigned char)text[i]);
                else if (text[i] == '"' || text[i] == '\\')
                        fprintf(file, "\\%c", text[i]);
                else
                        putc(text[i], file);
        }
        putc('"', file);
}

void text_write(FILE *file, bool colour, enum tone tone, const char *text, size_t size) {
        static const char *const codes[] = {
                [TONE_NORMAL] = NULL, [TONE_GOOD] = "32", [TONE_BAD] = "31",
                [TONE_WARN] = "33",   [TONE_FAINT] = "2", [TONE_BOLD] = "1",
        };

        colour = colour && codes[tone];
        if (colour)
                fprintf(file, "\033[%sm", codes[tone]);
        write_printable(file, text, size);
        if (colour)
                fputs("\033[0m", file);
}

void text_paint(FILE *file, bool colour, enum tone tone, const char *text) {
        text_write(file, colour, tone, text, strlen(text));
}
