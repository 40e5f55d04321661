#pragma once

/*
 * What an operator waits for: lines of the log that can be found by a MESSAGE_ID
 *
 * systemd/mdshmd.catalog says of each what has happened and what to do, for `journalctl -x`. An id
 * stays what it is, whatever becomes of the sentence.
 */

#define LOG_EVENTS(EVENT)                                                                          \
        EVENT(FEED_LIVE, "3f831b3ac4a84701b05d7fba695096c1")                                       \
        EVENT(FEED_RECOVERING, "3bab002442474f49ba2136baad35d85a")                                 \
        EVENT(FEED_DOWN, "d2624da8323b48e4b29ef3779d025591")                                       \
        EVENT(FEED_ENDED, "c9df7d3fc5cb410fadc583e28ce94c50")                                      \
        EVENT(FEED_GAP, "bd2a277c070d45a2bc3377f0c85304be")                                        \
        EVENT(LINE_SILENT, "dd25c67fe365493688d1e7e2e0966b20")                                     \
        EVENT(LINE_BACK, "7805e1056aa8461a9e3330e8c96e6506")                                       \
        EVENT(CLIENT_REFUSED, "f192117c945646e5857fd2c28760c2be")                                  \
        EVENT(CLIENT_CLOSED, "26e1ca0aa39b4b1daa9ecebe4d8d7583")                                   \
        EVENT(PUBLISHER_LIAR, "8e6472656b834876a057e4406d2ec080")                                  \
        EVENT(SEGMENT_CREATED, "ea2dd1d94edc440fb185bf359c03a321")                                 \
        EVENT(SEGMENT_ADOPTED, "e7df57125f104dc497cf8c6008c1e888")                                 \
        EVENT(CONFIG_RELOADED, "5af3c9bafff14c03a4a50fd28a9bea49")                                 \
        EVENT(CONFIG_REFUSED, "c658245e64694024ad035b4b1e2db7ae")                                  \
        EVENT(DEGRADED, "89c02551369044368fa9bcc815754c77")

enum log_event {
        LOG_PLAIN,
#define LOG_EVENT_NAME(name, id) LOG_##name,
        LOG_EVENTS(LOG_EVENT_NAME)
#undef LOG_EVENT_NAME
};
