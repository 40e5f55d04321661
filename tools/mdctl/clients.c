/* mdctl clients: who is connected, and who lags. */

#include <pwd.h>
#include <stdio.h>
#include <time.h>

#include "control.h"
#include "mdctl.h"

static const struct output_column columns[] = {
        { "id", .right = true },
        { "pid", .right = true },
        { "uid", .right = true, .where = OUTPUT_FOR_PROGRAMS },
        { "user" },
        { "name" },
        { "role" },
        { "since", .where = OUTPUT_FOR_PROGRAMS },
        { "age", .right = true },
        { "lag", .right = true },
        { "ticks", .right = true },
        { "merged", .right = true },
        { "missed", .right = true },
        { "laps", .right = true },
        { "sleeps", .right = true },
        { "wakes", .right = true },
        { "interest", .right = true },
};

static const char *role_name(uint32_t role) {
        switch (role) {
        case WIRE_ROLE_READER:
                return "reader";
        case WIRE_ROLE_PUBLISHER:
                return "publisher";
        case WIRE_ROLE_CONTROL:
                return "control";
        default:
                return NULL;
        }
}

static void put_user(struct output *output, uint32_t uid) {
        const struct passwd *user = getpwuid(uid);
        char number[16];

        snprintf(number, sizeof(number), "%u", uid);
        output_uint(output, uid);
        output_text(output, user ? user->pw_name : number);
}

/* How many ticks were there that it had not looked at, when we asked. */
static uint64_t lag_of(const struct wire_client *client, uint64_t newest) {
        return client->cursor <= newest ? newest + 1 - client->cursor : 0;
}

/* What only a client that reads has. */
static void put_reading(struct output *output, const struct wire_client *client, uint64_t newest) {
        uint64_t lag = lag_of(client, newest);

        output_tone(output, lag ? TONE_WARN : TONE_NORMAL);
        output_uint(output, lag);
        output_uint(output, client->ticks);
        output_uint(output, client->merged);
        output_tone(output, client->missed ? TONE_BAD : TONE_NORMAL);
        output_uint(output, client->missed);
        output_uint(output, client->laps);
        output_uint(output, client->sleeps);
        output_uint(output, client->wakes);
        if (client->instruments == UINT32_MAX)
                output_text(output, "all");
        else
                output_uint(output, client->instruments);
}

static void put_client(struct output *output, const struct wire_client *client, uint64_t newest) {
        char name[WIRE_NAME + 1];
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(name, sizeof(name), "%.*s", WIRE_NAME, client->name);
        output_uint(output, client->client);
        output_int(output, client->pid);
        put_user(output, client->uid);
        output_text(output, name);
        output_text(output, role_name(client->role));
        output_time(output, client->since);
        output_duration(output, now.tv_sec * INT64_C(1000000000) + now.tv_nsec - client->since);
        if (client->role == WIRE_ROLE_READER)
                put_reading(output, client, newest);
        else
                for (unsigned i = 0; i < 8; i++)
                        output_null(output);
        output_row(output);
}

int command_clients(struct mdctl *mdctl) {
        _cleanup_(control_close) struct control_link link = CONTROL_LINK_INIT;
        _cleanup_(output_freep) struct output *output = NULL;
        _cleanup_(freep) struct wire_client *list = NULL;
        size_t n = 0;
        int r;

        r = control_open(&link, mdctl->socket, "mdctl-clients");
        if (r == 0)
                r = control_clients(&link, &list, &n);
        if (r < 0) {
                complain("%s", link.error);
                return r;
        }
        r = begin_output(mdctl, 0, columns, N_ELEMENTS(columns), &output);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                put_client(output, &list[i], link.newest);
        return end_output(output);
}
