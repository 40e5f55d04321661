/*
 * The handle and its settings
 */

#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_TIMEOUT_MS 5000

int client_check(struct md_client *client) {
        if (client->segment.header)
                return 0;
        return client_fail(client, -ENOTCONN, "not connected: call md_connect() first");
}

int md_new(struct md_client **clientp) {
        struct md_client *client;

        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;
        client->timeout_ms = DEFAULT_TIMEOUT_MS;
        client->socket_fd = client->wake_fd = client->timer_fd = client->epoll_fd = -1;
        client->reconnect.on = true;
        client->reconnect.fd = -1;
        client->segment = (struct segment)SEGMENT_INIT;
        md_set_name(client, program_invocation_short_name);
        *clientp = client;
        return 0;
}

struct md_client *md_free(struct md_client *client) {
        if (client) {
                client_detach(client);
                free(client);
        }
        return NULL;
}

void md_set_name(struct md_client *client, const char *name) {
        register_name(client->name, name);
}

void md_set_timeout(struct md_client *client, int ms) {
        client->timeout_ms = ms < 0 ? 0 : ms;
}

const char *md_error(const struct md_client *client) {
        return client->error.text;
}

void md_set_reconnect(struct md_client *client, int on) {
        client->reconnect.on = on != 0;
}

void md_set_spin(struct md_client *client, int64_t ns) {
        client->spin_ns = ns;
}

void md_set_interval(struct md_client *client, int ms) {
        client->interval_ms = ms < 0 ? 0 : ms;
}

void md_set_watermarks(struct md_client *client, uint64_t high, uint64_t low) {
        client->high = high;
        client->low = low < high ? low : high;
}

int md_connect(struct md_client *client, const char *socket) {
        int r;

        if (client->segment.header)
                return client_fail(client, -EISCONN, "this client is connected already");
        if (socket && strlen(socket) >= sizeof(client->path))
                return client_fail(client, -ENAMETOOLONG, "%.64s... is too long for a socket",
                                   socket);
        strcpy(client->path, socket ? socket : "");
        client->ticks = client->merged = client->missed = client->recovered = 0;
        client->laps = client->sleeps = client->unsaid = 0;
        client->reconnect.count = 0;
        client->reconnect.remapped = false;
        r = client_register(client);
        if (r < 0)
                client_detach(client);
        return r;
}

void client_report(struct md_client *client) {
        struct control *control = client->control;

        atomic_store_explicit(&control->cursor, client->cursor, memory_order_relaxed);
        atomic_store_explicit(&control->ticks, client->ticks, memory_order_relaxed);
        atomic_store_explicit(&control->merged, client->merged, memory_order_relaxed);
        atomic_store_explicit(&control->missed, client->missed, memory_order_relaxed);
        atomic_store_explicit(&control->laps, client->laps, memory_order_relaxed);
        atomic_store_explicit(&control->sleeps, client->sleeps, memory_order_relaxed);
}

int64_t client_now_ms(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}
