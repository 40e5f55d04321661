/* Redis over a Unix socket: PUBLISH and SUBSCRIBE for messages, GET for the newest value. */

#include "rivals.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"

#define CHANNEL "ticks"

static char path[128];
static int server;
static redisContext *publisher, *reader;

/* ---- server and connections ---- */

static int begin_server(const char *folder) {
        snprintf(path, sizeof(path), "%s/redis", folder);
        server = child_run("exec redis-server --port 0 --unixsocket %s --save '' --appendonly no "
                           "--dir %s --logfile redis.log",
                           path, folder);
        return server < 0 ? server : 0;
}

/* The server takes a moment until it listens. */
static int dial(redisContext **context) {
        for (unsigned i = 0; i < 500; i++) {
                *context = redisConnectUnix(path);
                if (*context && !(*context)->err)
                        return 0;
                if (*context)
                        redisFree(*context);
                *context = NULL;
                usleep(10000);
        }
        return -ECONNREFUSED;
}

static redisReply *checked(redisContext *context, redisReply *reply) {
        if (!reply || reply->type == REDIS_REPLY_ERROR)
                rival_abort("redis", reply ? reply->str : context->errstr);
        return reply;
}

static void end(void) {
        if (publisher)
                redisFree(publisher);
        publisher = NULL;
        child_stop(server);
}

/* ---- messages ---- */

static int open_reader(void) {
        int r = dial(&reader);

        if (r < 0)
                return r;
        freeReplyObject(checked(reader, redisCommand(reader, "SUBSCRIBE " CHANNEL)));
        return 0;
}

static long long subscribers(void) {
        redisReply *reply = checked(publisher, redisCommand(publisher, "PUBSUB NUMSUB " CHANNEL));
        long long n = reply->elements == 2 ? reply->element[1]->integer : 0;

        freeReplyObject(reply);
        return n;
}

static int open_publisher(void) {
        int r = dial(&publisher);

        while (r == 0 && subscribers() == 0)
                usleep(10000);
        return r;
}

static void send_message(const char message[RIVAL_MESSAGE]) {
        freeReplyObject(checked(publisher, redisCommand(publisher, "PUBLISH " CHANNEL " %b",
                                                        message, (size_t)RIVAL_MESSAGE)));
}

/* A reply without sleeping: the descriptor is looked at again and again. */
static redisReply *spin_for_reply(void) {
        void *reply = NULL;

        reader->flags &= ~REDIS_BLOCK;
        fcntl(reader->fd, F_SETFL, O_NONBLOCK);
        while (!reply) {
                if (redisBufferRead(reader) != REDIS_OK ||
                    redisGetReplyFromReader(reader, &reply) != REDIS_OK)
                        return NULL;
        }
        return reply;
}

static void receive(bool spin, char message[RIVAL_MESSAGE]) {
        void *reply = NULL;
        redisReply *array;

        if (spin)
                reply = spin_for_reply();
        else if (redisGetReply(reader, &reply) != REDIS_OK)
                reply = NULL;
        array = checked(reader, reply);
        if (array->elements != 3 || array->element[2]->len != RIVAL_MESSAGE)
                rival_abort("redis", "something else than a message");
        memcpy(message, array->element[2]->str, RIVAL_MESSAGE);
        freeReplyObject(array);
}

const struct rival rival_redis = {
        .name = "Redis PUBLISH, Unix socket",
        .begin = begin_server,
        .open_reader = open_reader,
        .open_publisher = open_publisher,
        .send = send_message,
        .receive = receive,
        .end = end,
};

/* ---- newest values ---- */

static int begin_store(const char *folder, uint32_t keys) {
        const char value[RIVAL_MESSAGE] = { 0 };
        int r = begin_server(folder);

        if (r == 0)
                r = dial(&publisher);
        for (uint32_t key = 0; r == 0 && key < keys; key++)
                freeReplyObject(checked(publisher, redisCommand(publisher, "SET %u %b", key, value,
                                                                sizeof(value))));
        return r;
}

static void get(uint32_t key, char value[RIVAL_MESSAGE]) {
        redisReply *reply = checked(publisher, redisCommand(publisher, "GET %u", key));

        if (reply->len != RIVAL_MESSAGE)
                rival_abort("redis", "there is no such value");
        memcpy(value, reply->str, RIVAL_MESSAGE);
        freeReplyObject(reply);
}

const struct store store_redis = {
        .name = "Redis GET, Unix socket",
        .begin = begin_store,
        .get = get,
        .end = end,
};
