/* Prints size and offsets of the public structs, for bindings that mirror them. */

#include <mdclient.h>
#include <stdio.h>

#define SIZE(name) printf("md_" #name " %zu\n", sizeof(struct md_##name))
#define MEMBER(name, field)                                                                        \
        printf("md_" #name "." #field " %zu\n", offsetof(struct md_##name, field))

static void print_ticks(void) {
        SIZE(tick);
        MEMBER(tick, seq), MEMBER(tick, instrument), MEMBER(tick, kind), MEMBER(tick, flags);
        MEMBER(tick, ts_event), MEMBER(tick, ts_recv), MEMBER(tick, u);
        SIZE(change);
        MEMBER(change, tick), MEMBER(change, merged), MEMBER(change, missed);
        MEMBER(change, reason);
}

static void print_instrument(void) {
        SIZE(instrument);
        MEMBER(instrument, symbol), MEMBER(instrument, venue), MEMBER(instrument, instrument);
        MEMBER(instrument, feed), MEMBER(instrument, flags), MEMBER(instrument, luld);
        MEMBER(instrument, size_exp), MEMBER(instrument, lot), MEMBER(instrument, close_px);
        MEMBER(instrument, bid_levels), MEMBER(instrument, ask_levels);
        MEMBER(instrument, orders), MEMBER(instrument, book_ts);
}

static void print_depth(void) {
        SIZE(level);
        MEMBER(level, px), MEMBER(level, sz), MEMBER(level, orders);
        SIZE(depth);
        MEMBER(depth, seq), MEMBER(depth, ts_event), MEMBER(depth, bid_levels);
        MEMBER(depth, ask_levels), MEMBER(depth, orders), MEMBER(depth, flags);
        MEMBER(depth, bids), MEMBER(depth, asks), MEMBER(depth, capacity);
        MEMBER(depth, bid), MEMBER(depth, ask);
}

static void print_health(void) {
        SIZE(health);
        MEMBER(health, connected), MEMBER(health, file), MEMBER(health, state);
        MEMBER(health, client), MEMBER(health, pid), MEMBER(health, reconnects);
        MEMBER(health, generation), MEMBER(health, started), MEMBER(health, heartbeat_age);
        MEMBER(health, newest), MEMBER(health, cursor), MEMBER(health, ticks);
        MEMBER(health, merged), MEMBER(health, missed), MEMBER(health, recovered);
        MEMBER(health, laps), MEMBER(health, journal), MEMBER(health, instruments);
        MEMBER(health, capacity), MEMBER(health, version);
}

static void print_feed(void) {
        SIZE(feed);
        MEMBER(feed, name), MEMBER(feed, source), MEMBER(feed, protocol), MEMBER(feed, feed);
        MEMBER(feed, state), MEMBER(feed, session), MEMBER(feed, next), MEMBER(feed, packets);
        MEMBER(feed, bytes), MEMBER(feed, heartbeats), MEMBER(feed, messages);
        MEMBER(feed, ticks), MEMBER(feed, bad), MEMBER(feed, gaps), MEMBER(feed, missed);
        MEMBER(feed, duplicates), MEMBER(feed, resets), MEMBER(feed, dropped);
        MEMBER(feed, last_recv), MEMBER(feed, last_event), MEMBER(feed, instruments);
        MEMBER(feed, lines);
        SIZE(feed_line);
        MEMBER(feed_line, packets), MEMBER(feed_line, won), MEMBER(feed_line, lost);
        MEMBER(feed_line, filled), MEMBER(feed_line, dropped), MEMBER(feed_line, both);
        MEMBER(feed_line, lead), MEMBER(feed_line, last_recv);
        SIZE(counter);
        MEMBER(counter, value), MEMBER(counter, id), MEMBER(counter, feed);
        MEMBER(counter, label);
}

int main(void) {
        print_ticks();
        print_instrument();
        print_depth();
        print_health();
        print_feed();
        return 0;
}
