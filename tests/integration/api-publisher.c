/* The exports for programs that publish, called for test-api.c: refused, each with its reason. */

#include <errno.h>
#include <string.h>

#include "api.h"

/* A publisher that is not connected: its feed is one that takes none, or there is no daemon. */
static struct md_publisher *publisher_begin(void) {
        struct md_publisher *publisher;

        assert_int_equal(md_publisher_new(&publisher), 0);
        return publisher;
}

/* A call that fails as it should, and says why; ends the publisher. */
static void publisher_refused(struct md_publisher *publisher, int r, int expected) {
        assert_int_equal(r, expected);
        assert_true(strlen(md_publisher_error(publisher)) > 10);
        md_publisher_free(publisher);
}

static void call_publisher_new(struct md_client *client, bool connected) {
        (void)client;
        (void)connected;
        assert_null(md_publisher_free(publisher_begin()));
}

static void call_publisher_free(struct md_client *client, bool connected) {
        (void)client;
        (void)connected;
        assert_null(md_publisher_free(NULL));
}

static void call_publisher_set_name(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();

        (void)client;
        (void)connected;
        md_publisher_set_name(publisher, "a name\n");
        md_publisher_free(publisher);
}

static void call_publisher_set_timeout(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();

        (void)client;
        (void)connected;
        md_publisher_set_timeout(publisher, 100);
        md_publisher_free(publisher);
}

static void call_publisher_error(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();

        (void)client;
        (void)connected;
        assert_string_equal(md_publisher_error(publisher), "");
        md_publisher_free(publisher);
}

static void call_publisher_connect(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();
        int r = md_publisher_connect(publisher, rig.socket, "own");

        (void)client;
        assert_true(r < 0);
        publisher_refused(publisher, r, connected ? r : -ENOENT);
}

static void call_publisher_define(struct md_client *client, bool connected) {
        const struct md_instrument definition = { .symbol = "AAPL" };
        struct md_publisher *publisher = publisher_begin();
        uint32_t handle;

        (void)client;
        (void)connected;
        publisher_refused(publisher, md_publisher_define(publisher, &definition, &handle), -EPIPE);
}

static void call_publisher_put(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();
        const struct md_tick tick = { .kind = MD_QUOTE };

        (void)client;
        (void)connected;
        publisher_refused(publisher, md_publisher_put(publisher, &tick), -EPIPE);
}

static void call_publisher_flush(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();

        (void)client;
        (void)connected;
        publisher_refused(publisher, md_publisher_flush(publisher), -EPIPE);
}

static void call_publisher_quote(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();

        (void)client;
        (void)connected;
        publisher_refused(publisher, md_publisher_quote(publisher, 0, 0, 1, 1, 2, 1), -EPIPE);
}

static void call_publisher_trade(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();

        (void)client;
        (void)connected;
        publisher_refused(publisher, md_publisher_trade(publisher, 0, 0, 1, 1, 1, 1), -EPIPE);
}

static void call_publisher_wait(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();

        (void)client;
        (void)connected;
        publisher_refused(publisher, md_publisher_wait(publisher, 0), -EPIPE);
}

static void call_publisher_drain(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();

        (void)client;
        (void)connected;
        publisher_refused(publisher, md_publisher_drain(publisher, 0), -EPIPE);
}

static void call_publisher_pending(struct md_client *client, bool connected) {
        struct md_publisher *publisher = publisher_begin();

        (void)client;
        (void)connected;
        assert_int_equal(md_publisher_pending(publisher), 0);
        md_publisher_free(publisher);
}

const struct api_call api_publisher_calls[] = {
        CALL(publisher_new),         CALL(publisher_free),    CALL(publisher_set_name),
        CALL(publisher_set_timeout), CALL(publisher_error),   CALL(publisher_connect),
        CALL(publisher_define),      CALL(publisher_put),     CALL(publisher_flush),
        CALL(publisher_quote),       CALL(publisher_trade),   CALL(publisher_wait),
        CALL(publisher_drain),       CALL(publisher_pending),
};

const size_t api_publisher_calls_n = sizeof(api_publisher_calls) / sizeof(*api_publisher_calls);
