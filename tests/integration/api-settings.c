/* The exports that set how a client waits, what it wants and where it reads, called for test-api.c. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"

static void call_set_reconnect(struct md_client *client, bool connected) {
        (void)connected;
        md_set_reconnect(client, 0);
        md_set_reconnect(client, 1);
}

static void call_set_spin(struct md_client *client, bool connected) {
        md_set_spin(client, 1000);
        if (connected)
                assert_int_equal(md_dispatch(client, 0), 0);
        md_set_spin(client, 0);
}

static void call_set_interval(struct md_client *client, bool connected) {
        md_set_interval(client, -1);
        if (connected)
                assert_int_equal(md_dispatch(client, 0), 0);
        md_set_interval(client, 0);
}

static void call_set_watermarks(struct md_client *client, bool connected) {
        struct md_change change;

        md_set_watermarks(client, 1, 0);
        if (connected) {
                assert_int_equal(md_lagging(client), 0);
                assert_int_equal(md_seek(client, 1), 0);
                assert_int_equal(md_lagging(client), 1);
                while (md_next(client, &change) > 0)
                        ;
                assert_int_equal(md_lagging(client), 0);
        }
        md_set_watermarks(client, 0, 0);
}

static void call_lagging(struct md_client *client, bool connected) {
        (void)connected;
        assert_int_equal(md_lagging(client), 0);
}

static void call_subscribe_pattern(struct md_client *client, bool connected) {
        int r = md_subscribe_pattern(client, "A*", "IEX?");

        assert_int_equal(r, connected ? 0 : -ENOTCONN);
        if (connected)
                assert_int_equal(md_subscribe_pattern(client, "", NULL), -EINVAL);
}

static void call_save(struct md_client *client, bool connected) {
        char path[300];

        snprintf(path, sizeof(path), "%s/none/saved", rig.folder);
        assert_int_equal(md_save(client, path), connected ? -ENOENT : -ENOTCONN);
        assert_true(strlen(md_error(client)) > 10);
}

static void call_open_file(struct md_client *client, bool connected) {
        struct md_client *reader;
        struct md_tick tick;
        char path[300];

        assert_int_equal(md_new(&reader), 0);
        snprintf(path, sizeof(path), "%s/saved", rig.folder);
        assert_int_equal(md_open_file(reader, path), -ENOENT);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(md_open_file(reader, path), -EINVAL);
        assert_non_null(strstr(md_error(reader), "no regular file"));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(md_open_file(reader, "/dev/zero"), -EINVAL);
        assert_int_equal(md_open_file(reader, rig.folder), -EINVAL);
        if (connected) {
                assert_int_equal(md_save(client, path), 0);
                assert_int_equal(md_open_file(client, path), -EISCONN);
                assert_int_equal(md_open_file(reader, path), 0);
                assert_int_equal(md_read(reader, 0, MD_QUOTE, &tick), 1);
                assert_true(tick.u.quote.bid_px == 100 * MD_PX_ONE);
                assert_int_equal(unlink(path), 0);
        }
        md_free(reader);
}

static void call_segment_fd(struct md_client *client, bool connected) {
        char magic[8];

        if (!connected) {
                assert_int_equal(md_segment_fd(client), -1);
                return;
        }
        assert_int_equal(pread(md_segment_fd(client), magic, sizeof(magic), 0), sizeof(magic));
        assert_memory_equal(magic, "mdshmd1\n", sizeof(magic));
}

const struct api_call api_settings_calls[] = {
        CALL(set_reconnect),  CALL(set_spin),  CALL(set_interval),
        CALL(set_watermarks), CALL(lagging),   CALL(subscribe_pattern),
        CALL(save),           CALL(open_file), CALL(segment_fd),
};
const size_t api_settings_calls_n = sizeof(api_settings_calls) / sizeof(*api_settings_calls);
