/* An invented flow of orders; flow.h tells the idea. */

#include "flow.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "tape.h"

#define MESSAGE_MAX 36 /* bytes of the longest */

struct flow_order {
        uint64_t ref;
        uint32_t px, sz;
        uint16_t stock;
        bool ask;
};

struct maker {
        uint8_t message[MESSAGE_MAX]; /* the newest one */
        size_t size;
        uint32_t stocks;
        uint32_t *middle; /* of each stock, 1e-4 */
        struct flow_order *orders;
        uint32_t n, live; /* orders now, and at most */
        bool filled;      /* there were as many as that */
        uint64_t noise, next_ref, now, next_trade;
};

static uint32_t any(struct maker *maker, uint32_t below) {
        return (uint32_t)((bench_random(&maker->noise) >> 16) % below);
}

/* ---- bytes ---- */

static void put(struct maker *maker, const void *bytes, size_t n) {
        memcpy(maker->message + maker->size, bytes, n);
        maker->size += n;
}

static void put_u16(struct maker *maker, uint16_t n) {
        n = htobe16(n);
        put(maker, &n, sizeof(n));
}

static void put_u32(struct maker *maker, uint32_t n) {
        n = htobe32(n);
        put(maker, &n, sizeof(n));
}

static void put_u64(struct maker *maker, uint64_t n) {
        n = htobe64(n);
        put(maker, &n, sizeof(n));
}

static void begin(struct maker *maker, char type, uint16_t stock) {
        uint64_t time = htobe64(maker->now << 16);

        maker->now += 1000;
        maker->size = 0;
        put(maker, &type, 1);
        put_u16(maker, stock + 1);
        put_u16(maker, 0);
        put(maker, &time, 6);
}

/* ---- messages ---- */

/* One step in four is one further away from the middle. */
static uint32_t any_price(struct maker *maker, uint16_t stock, bool ask) {
        uint32_t away = 1, px;

        while (away < 200 && any(maker, 4))
                away += 1 + any(maker, 4);
        if (any(maker, 16) == 0)
                maker->middle[stock] += any(maker, 2) ? 100 : (uint32_t)-100;
        px = maker->middle[stock];
        return ask ? px + away * 100 : px - away * 100;
}

static void add(struct maker *maker) {
        uint16_t stock = (uint16_t)any(maker, maker->stocks);
        bool ask = any(maker, 2);
        struct flow_order order = {
                .ref = maker->next_ref,
                .px = any_price(maker, stock, ask),
                .sz = 100 * (1 + any(maker, 10)),
                .stock = stock,
                .ask = ask,
        };
        char symbol[9];

        maker->next_ref += 1 + any(maker, 3);
        maker->orders[maker->n++] = order;
        snprintf(symbol, sizeof(symbol), "S%-7u", stock);
        begin(maker, 'A', stock);
        put_u64(maker, order.ref);
        put(maker, ask ? "S" : "B", 1);
        put_u32(maker, order.sz);
        put(maker, symbol, 8);
        put_u32(maker, order.px);
}

static void forget(struct maker *maker, struct flow_order *order) {
        *order = maker->orders[--maker->n];
}

static void delete (struct maker *maker, struct flow_order *order) {
        begin(maker, 'D', order->stock);
        put_u64(maker, order->ref);
        forget(maker, order);
}

static void execute(struct maker *maker, struct flow_order *order) {
        uint32_t sz = any(maker, 2) ? order->sz : 100;

        begin(maker, 'E', order->stock);
        put_u64(maker, order->ref);
        put_u32(maker, sz);
        put_u64(maker, maker->next_trade++);
        order->sz -= sz;
        if (!order->sz)
                forget(maker, order);
}

static void cancel(struct maker *maker, struct flow_order *order) {
        if (order->sz <= 100) {
                delete (maker, order);
                return;
        }
        begin(maker, 'X', order->stock);
        put_u64(maker, order->ref);
        put_u32(maker, 100);
        order->sz -= 100;
}

static void replace(struct maker *maker, struct flow_order *order) {
        begin(maker, 'U', order->stock);
        put_u64(maker, order->ref);
        order->ref = maker->next_ref;
        order->px = any_price(maker, order->stock, order->ask);
        maker->next_ref += 1 + any(maker, 3);
        put_u64(maker, order->ref);
        put_u32(maker, order->sz);
        put_u32(maker, order->px);
}

/* Of a hundred messages about 45 are new orders, 42 deletions, 6 replacements, 6 executions. */
static void step(struct maker *maker) {
        struct flow_order *order;
        uint32_t dice;

        if (maker->n < maker->live && (!maker->filled || any(maker, 100) < 60)) {
                add(maker);
                return;
        }
        maker->filled = true;
        order = &maker->orders[any(maker, maker->n)];
        dice = any(maker, 100);
        if (dice < 75)
                delete (maker, order);
        else if (dice < 87)
                execute(maker, order);
        else if (dice < 98)
                replace(maker, order);
        else
                cancel(maker, order);
}

/* ---- flows ---- */

static int make(struct maker *maker, struct tape *tape, uint64_t messages) {
        for (uint32_t i = 0; i < maker->stocks; i++)
                maker->middle[i] = 1000000 + 100 * any(maker, 1000);
        while (tape->messages < messages) {
                step(maker);
                if (tape_put(tape, maker->message, maker->size) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int flow_make(struct tape *tape, uint64_t messages, uint32_t stocks, uint32_t live) {
        struct maker maker = {
                .stocks = stocks,
                .middle = malloc(stocks * sizeof(*maker.middle)),
                .orders = malloc(live * sizeof(*maker.orders)),
                .live = live,
                .noise = UINT64_C(88172645463325252),
                .next_ref = 1,
                .next_trade = 1,
                .now = UINT64_C(34200000000000),
        };
        int r = -ENOMEM;

        tape_begin(tape);
        if (maker.middle && maker.orders)
                r = make(&maker, tape, messages);
        free(maker.middle);
        free(maker.orders);
        if (r < 0)
                tape_deinit(tape);
        else
                tape_end(tape);
        return r;
}
