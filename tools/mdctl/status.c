/* mdctl status: how the daemon does. */

#include <time.h>

#include "control.h"
#include "mdctl.h"

#define LATE 1000000000 /* ns: a heartbeat older than this is a bad sign; they come every 100 ms */

static const struct output_column columns[] = {
        { "state" },          { "version" },        { "pid" },
        { "generation" },     { "started" },        { "uptime" },
        { "heartbeat_age" },  { "config" },         { "segment" },
        { "newest" },         { "journal" },        { "instruments" },
        { "capacity" },       { "clients" },        { "clients_limit" },
        { "total", "feeds" }, { "live", "feeds" },  { "recovering", "feeds" },
        { "down", "feeds" },  { "ended", "feeds" },
};

static void put_state(struct output *output, const struct md_health *health) {
        static const char *const names[] = {
                [MD_STATE_STARTING] = "starting",
                [MD_STATE_RUNNING] = "running",
                [MD_STATE_STOPPED] = "stopped",
        };
        bool running = health->state == MD_STATE_RUNNING;

        output_tone(output, running ? TONE_GOOD : TONE_BAD);
        output_text(output, health->state < N_ELEMENTS(names) ? names[health->state] : NULL);
}

static void put_daemon(struct output *output, const struct md_health *health) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        put_state(output, health);
        output_text(output, health->version);
        output_uint(output, health->pid);
        output_uint(output, health->generation);
        output_time(output, health->started);
        output_duration(output, now.tv_sec * INT64_C(1000000000) + now.tv_nsec - health->started);
        output_tone(output, health->heartbeat_age > LATE ? TONE_BAD : TONE_NORMAL);
        output_duration(output, health->heartbeat_age);
}

/* What only the daemon can say; undefined for those whom it does not let ask. */
struct about {
        char config[WIRE_TEXT];
        char segment[WIRE_TEXT];
        char clients_limit[WIRE_TEXT];
        bool counted;
        uint64_t clients;
};

/* Counts the clients that read or publish, ourselves left out. */
static uint64_t count_clients(const struct wire_client *list, size_t n, uint32_t self) {
        uint64_t found = 0;

        for (size_t i = 0; i < n; i++)
                found += list[i].role != WIRE_ROLE_CONTROL && list[i].client != self;
        return found;
}

static void ask_about(const struct mdctl *mdctl, uint32_t self, struct about *about) {
        _cleanup_(control_close) struct control_link link = CONTROL_LINK_INIT;
        _cleanup_(freep) struct wire_client *list = NULL;
        size_t n;

        *about = (struct about){ .counted = false };
        if (mdctl->file)
                return;
        if (control_open(&link, mdctl->socket, "mdctl-status") < 0 ||
            control_about(&link, "config", about->config) < 0 ||
            control_about(&link, "segment", about->segment) < 0 ||
            control_about(&link, "clients_limit", about->clients_limit) < 0 ||
            control_clients(&link, &list, &n) < 0)
                return;
        about->counted = true;
        about->clients = count_clients(list, n, self);
}

static const char *text_or_null(const char *text) {
        return *text ? text : NULL;
}

static void put_feeds(struct output *output, struct md_client *client) {
        static const uint32_t states[] = { MD_FEED_LIVE, MD_FEED_RECOVERING, MD_FEED_DOWN,
                                           MD_FEED_ENDED };
        uint64_t counts[MD_FEED_ENDED + 1] = { 0 };
        uint32_t n = md_feeds(client);
        struct md_feed feed;

        for (uint32_t i = 0; i < n; i++)
                if (md_feed(client, i, &feed) == 0 && feed.state < N_ELEMENTS(counts))
                        counts[feed.state]++;
        output_uint(output, n);
        for (size_t i = 0; i < N_ELEMENTS(states); i++)
                output_uint(output, counts[states[i]]);
}

int command_status(struct mdctl *mdctl) {
        _cleanup_(output_freep) struct output *output = NULL;
        struct md_health health;
        struct about about;
        int r;

        r = md_health(mdctl->client, &health);
        if (r < 0)
                return complain_client(mdctl, r);
        ask_about(mdctl, health.client, &about);
        r = begin_output(mdctl, OUTPUT_RECORDS, columns, N_ELEMENTS(columns), &output);
        if (r < 0)
                return r;

        put_daemon(output, &health);
        output_text(output, text_or_null(about.config));
        output_text(output, text_or_null(about.segment));
        output_uint(output, health.newest);
        output_uint(output, health.journal);
        output_uint(output, health.instruments);
        output_uint(output, health.capacity);
        if (about.counted)
                output_uint(output, about.clients);
        else
                output_null(output);
        output_number(output, about.clients_limit);
        put_feeds(output, mdctl->client);
        output_row(output);
        return end_output(output);
}
