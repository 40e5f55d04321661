/* Ours: a publisher and a client of the library, and the daemon between them. */

#include "rivals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "mdclient.h"

#define PATIENCE_MS 10000

_Static_assert(sizeof(struct md_tick) == RIVAL_MESSAGE, "a message is a tick");

static char path[128];
static int server;
static struct md_publisher *publisher;
static struct md_client *client;

static int write_config(const char *folder, const char *config, uint32_t instruments) {
        FILE *file = fopen(config, "we");

        if (!file)
                return -errno;
        snprintf(path, sizeof(path), "%s/sock", folder);
        fprintf(file,
                "[segment]\nname = mdshmd-bench-%d\ninstruments = %u\njournal = 65536\n"
                "[listen]\nsocket = %s\n[log]\nlevel = warning\n[feed bench]\nsource = publisher\n",
                (int)getpid(), instruments, path);
        return fclose(file) ? -errno : 0;
}

static int begin_server(const char *folder, uint32_t instruments) {
        char config[128];
        int r;

        snprintf(config, sizeof(config), "%s/mdshmd.conf", folder);
        r = write_config(folder, config, instruments);
        if (r < 0)
                return r;
        server = child_run("exec " MDSHMD " -c %s", config);
        for (unsigned i = 0; server > 0 && access(path, F_OK) < 0; i++) {
                if (i == PATIENCE_MS / 10)
                        return -ETIMEDOUT;
                usleep(10000);
        }
        return server < 0 ? server : 0;
}

/* Registers as publisher, and defines so many instruments: their handles are 0, 1, ... */
static int come(uint32_t instruments) {
        struct md_instrument instrument = { .close_px = MD_PX_NONE };
        uint32_t handle;
        int r = md_publisher_new(&publisher);

        if (r == 0)
                r = md_publisher_connect(publisher, path, "bench");
        for (uint32_t i = 0; r == 0 && i < instruments; i++) {
                snprintf(instrument.symbol, sizeof(instrument.symbol), "I%u", i);
                r = md_publisher_define(publisher, &instrument, &handle);
        }
        return r;
}

static int begin(const char *folder) {
        return begin_server(folder, 1);
}

static int open_reader(void) {
        int r = md_new(&client);

        if (r == 0)
                r = md_connect(client, path);
        return r == 0 ? md_subscribe_all(client) : r;
}

static int open_publisher(void) {
        return come(1);
}

static void send_message(const char message[RIVAL_MESSAGE]) {
        struct md_tick tick = { .kind = MD_QUOTE };

        memcpy(&tick.ts_event, message, sizeof(tick.ts_event));
        if (md_publisher_put(publisher, &tick) < 0 || md_publisher_flush(publisher) < 0)
                rival_abort("mdshmd", md_publisher_error(publisher));
}

static void receive(bool spin, char message[RIVAL_MESSAGE]) {
        struct md_tick tick;
        int r;

        while ((r = md_follow(client, &tick, NULL)) == 0)
                if (!spin && md_dispatch(client, -1) < 0)
                        rival_abort("mdshmd", md_error(client));
        if (r < 0)
                rival_abort("mdshmd", md_error(client));
        memcpy(message, &tick.ts_event, sizeof(tick.ts_event));
}

static void end(void) {
        client = md_free(client);
        publisher = md_publisher_free(publisher);
        child_stop(server);
}

const struct rival rival_mdshmd = {
        .name = "mdshmd",
        .begin = begin,
        .open_reader = open_reader,
        .open_publisher = open_publisher,
        .send = send_message,
        .receive = receive,
        .end = end,
};

/* ---- newest values ---- */

static int begin_store(const char *folder, uint32_t keys) {
        struct md_tick tick = { .kind = MD_QUOTE };
        int r = begin_server(folder, keys);

        if (r == 0)
                r = come(keys);
        for (uint32_t key = 0; r == 0 && key < keys; key++) {
                tick.instrument = key;
                r = md_publisher_put(publisher, &tick);
        }
        if (r == 0)
                r = md_publisher_drain(publisher, PATIENCE_MS) == 1 ? 0 : -ETIMEDOUT;
        return r == 0 ? open_reader() : r;
}

static void get(uint32_t key, char value[RIVAL_MESSAGE]) {
        struct md_tick tick;

        if (md_read(client, key, MD_QUOTE, &tick) != 1)
                rival_abort("mdshmd", md_error(client));
        memcpy(value, &tick, sizeof(tick));
}

const struct store store_mdshmd = {
        .name = "md_read()",
        .begin = begin_store,
        .get = get,
        .end = end,
};
