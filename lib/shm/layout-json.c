/*
 * Prints the layout of the segment as JSON, for readers in other languages
 *
 * A program of the build: mdshm-layout.json is what it prints. Offsets, sizes and types come from the
 * compiler, so they cannot be wrong; what the compiler cannot tell is the list of fields, their units
 * and their meaning. So the list of each struct is held against its size: a byte that is in no field
 * ends the build, and with it a field that was added to a struct and forgotten here.
 */

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/control.h"
#include "shm/json.h"
#include "shm/layout.h"
#include "shm/ring.h"

/* ---- units and types ---- */

/* UNIT(NAME, meaning) */
#define UNITS(UNIT)                                                                                \
        UNIT(PRICE, "signed, 1e-9 of the currency; px_none where there is none")                   \
        UNIT(SIZE, "signed, 10^size_exp of the instrument")                                        \
        UNIT(MONEY, "signed, 1e-4 of the currency; stops at the largest number")                   \
        UNIT(TIME, "signed, nanoseconds since 1970-01-01 UTC; 0 where unknown")                    \
        UNIT(COUNT, "a plain number")                                                              \
        UNIT(ID, "a number that names something")                                                  \
        UNIT(CHAR, "one ASCII character, 0 where unknown")                                         \
        UNIT(TEXT, "ASCII, NUL-padded, not NUL-terminated when full")                              \
        UNIT(FEED, "index of a feed")                                                              \
        UNIT(FLAGS, "a bit for each fact")                                                         \
        UNIT(STRUCT, "another struct of this file")                                                \
        UNIT(PRIVATE, "of daemons alone; others pass it over")                                     \
        UNIT(NONE, "unused, zero")

#define UNIT_ENUM_(NAME, meaning) UNIT_##NAME,
enum { UNITS(UNIT_ENUM_) };
#undef UNIT_ENUM_

#define UNIT_NAME_(NAME, meaning) #NAME,
static const char *const unit_names[] = { UNITS(UNIT_NAME_) };
#undef UNIT_NAME_

struct type {
        const char *name;
        size_t size;
};

static const struct type type_i64 = { "i64", 8 }, type_u64 = { "u64", 8 }, type_u32 = { "u32", 4 },
                         type_i32 = { "i32", 4 }, type_u16 = { "u16", 2 }, type_u8 = { "u8", 1 },
                         type_char = { "char", 1 }, type_body = { "body", 32 },
                         type_section = { "section", sizeof(struct shm_section) },
                         type_feed_line = { "feed_line", sizeof(struct shm_feed_line) },
                         type_taken = { "taken", sizeof(struct shm_taken) };

/* The type of a member, or of the elements where it is an array. */
/* clang-format off */
#define TYPE_OF(member)                                                                            \
        _Generic((member),                                                                         \
                 int64_t: &type_i64,                                                               \
                 uint64_t: &type_u64,                                                              \
                 int32_t: &type_i32,                                                               \
                 uint32_t: &type_u32,                                                              \
                 uint16_t: &type_u16,                                                              \
                 uint8_t: &type_u8,                                                                \
                 char: &type_char,                                                                 \
                 char *: &type_char,                                                               \
                 _Atomic(uint64_t) *: &type_u64,                                                   \
                 struct shm_section *: &type_section,                                              \
                 struct shm_feed_line *: &type_feed_line,                                          \
                 struct shm_taken: &type_taken)
/* clang-format on */

/* ---- fields ---- */

static const char *fields_of; /* the struct whose fields are being printed */
static size_t fields_end;     /* its bytes so far */

static void fields_open(const char *name, size_t begin) {
        fields_of = name;
        fields_end = begin;
        json_open("fields", '[');
}

static void fields_close(size_t end) {
        if (fields_end != end) {
                fprintf(stderr, "layout-json: bytes %zu to %zu of %s are in no field\n", fields_end,
                        end - 1, fields_of);
                exit(EXIT_FAILURE);
        }
        json_close(']');
}

static void field(const char *name, size_t offset, size_t size, const struct type *type,
                  unsigned unit, const char *text) {
        if (offset != fields_end) {
                fprintf(stderr,
                        "layout-json: %s is at byte %zu of %s, after one that ends at %zu\n", name,
                        offset, fields_of, fields_end);
                exit(EXIT_FAILURE);
        }
        fields_end = offset + size;

        json_item();
        printf("{\"name\": \"%s\", \"offset\": %zu, \"size\": %zu, \"type\": \"%s\", ", name,
               offset, size, type->name);
        printf("\"count\": %zu, \"unit\": \"%s\", \"text\": ", size / type->size, unit_names[unit]);
        json_string(text);
        putchar('}');
}

/* For a member of `struct STRUCT`, a macro that each of the functions below defines. */
#define MEMBER(member) (((struct STRUCT *)NULL)->member)
#define FIELD(member, unit, text)                                                                  \
        field(#member, offsetof(struct STRUCT, member), sizeof(MEMBER(member)),                    \
              TYPE_OF(MEMBER(member)), UNIT_##unit, text)

static void struct_open(const char *name, size_t size, const char *text) {
        json_open(name, '{');
        json_number("size", size);
        json_text("text", text);
        fields_open(name, 0);
}

static void struct_close(size_t size) {
        fields_close(size);
        json_close('}');
}

#define OPEN(name, text) struct_open(name, sizeof(struct STRUCT), text)
#define CLOSE()          struct_close(sizeof(struct STRUCT))

/* ---- ticks ---- */

static void print_tick(void) {
#define STRUCT md_tick
        OPEN("tick", "a line of the journal and of the table");
        FIELD(seq, COUNT, "number in the journal, with busy set while the line is being written");
        FIELD(instrument, ID, "index in the directory; instrument_none: the whole feed");
        FIELD(kind, ID, "which of the kinds: what the body means");
        FIELD(flags, FLAGS, "see flags");
        FIELD(ts_event, TIME, "the exchange's own");
        FIELD(ts_recv, TIME, "arrival on this host, by the network card or the kernel");
        field("body", offsetof(struct STRUCT, u), sizeof(MEMBER(u)), &type_body, UNIT_STRUCT,
              "by kind");
        CLOSE();
#undef STRUCT
}

#define BODY_FIELD_(type, name, array, unit, text)                                                 \
        field(#name, offsetof(struct md_tick, u) + offsetof(__typeof__(*body), name),              \
              sizeof(body->name), TYPE_OF(body->name), UNIT_##unit, text);
#define KIND_(number_, NAME, name, text)                                                           \
        {                                                                                          \
                struct md_##name *const body = NULL;                                               \
                                                                                                   \
                json_open(NULL, '{');                                                              \
                json_number("number", number_);                                                    \
                json_text("name", #name);                                                          \
                json_text("text", text);                                                           \
                fields_open(#name, offsetof(struct md_tick, u));                                   \
                MD_##NAME##_FIELDS(BODY_FIELD_);                                                   \
                fields_close(sizeof(struct md_tick));                                              \
                json_close('}');                                                                   \
        }

/* Offsets are those in the tick. */
static void print_kinds(void) {
        json_open("kinds", '[');
        MD_KINDS(KIND_)
        json_close(']');
}

static void print_named(uint64_t number, const char *name, const char *text) {
        json_item();
        printf("{\"number\": %" PRIu64 ", \"name\": \"%s\", \"text\": ", number, name);
        json_string(text);
        putchar('}');
}

static void print_flags(void) {
        json_open("flags", '[');
#define FLAG_(bit, NAME, name, text) print_named(UINT64_C(1) << (bit), #name, text);
        MD_FLAGS(FLAG_)
#undef FLAG_
        json_close(']');
}

/* ---- the other structs ---- */

static void print_header(void) {
#define STRUCT shm_header
        OPEN("header", "the first bytes of the segment");
        FIELD(magic, ID, "magic of the constants; stored last at birth, cleared first at death");
        FIELD(major, COUNT, "version of the layout: a reader of another one would misread");
        FIELD(minor, COUNT, "version of the layout: what was added, an older reader may ignore");
        FIELD(fingerprint, ID, "fingerprint of the constants, in the same major and minor");
        FIELD(size, COUNT, "bytes of the whole segment");
        FIELD(identity, ID, "random, not 0: tells one segment from the next of the same name");
        FIELD(born, TIME, "when it was built");
        FIELD(unused0, NONE, "zero");
        FIELD(generation, COUNT,
              "1 for the daemon that built it, one more for each that adopts it");
        FIELD(state, ID, "see segment_states");
        FIELD(pid, ID, "of the daemon, in its own pid namespace");
        FIELD(started, TIME, "when that daemon began");
        FIELD(version, TEXT, "of that daemon");
        FIELD(unused1, NONE, "zero");
        FIELD(heartbeat, COUNT, "ns of CLOCK_MONOTONIC, every 100 ms while a daemon lives");
        FIELD(heartbeat_time, TIME, "the same moment");
        FIELD(unused2, NONE, "zero");
        FIELD(newest, COUNT, "number of the newest tick that stands in journal and table");
        FIELD(unused3, NONE, "zero");
        FIELD(instruments, COUNT, "in the directory; they are never taken back");
        FIELD(unused4, NONE, "zero");
        FIELD(section, STRUCT, "where the sections are");
        CLOSE();
#undef STRUCT
}

static void print_section(void) {
#define STRUCT shm_section
        OPEN("section", "where one section is");
        FIELD(kind, ID, "see sections; 0 at the end of the table");
        FIELD(items, COUNT, "depth: levels a side; else zero");
        FIELD(offset, COUNT, "bytes from the start of the segment");
        FIELD(count, COUNT, "records");
        FIELD(stride, COUNT, "bytes from one record to the next");
        CLOSE();
#undef STRUCT
}

static void print_feed(void) {
#define STRUCT shm_feed
        OPEN("feed", "a record of the feeds section");
        FIELD(name, TEXT, "of the section [feed NAME] of the config");
        FIELD(source, TEXT, "pcap, udp, ...");
        FIELD(protocol, TEXT, "iex-tops, ...");
        FIELD(state, ID, "see feed_states; its names are there when it is not 0");
        FIELD(session, ID, "the venue's session id, 0 where it has none");
        FIELD(next, COUNT, "sequence number of the next message expected");
        FIELD(packets, COUNT, "taken in, heartbeats and refused ones included");
        FIELD(bytes, COUNT, "their payload");
        FIELD(heartbeats, COUNT, "packets without a message");
        FIELD(messages, COUNT, "taken in, each once");
        FIELD(ticks, COUNT, "published");
        FIELD(bad, COUNT, "packets and messages that could not be used");
        FIELD(gaps, COUNT, "holes in the sequence, however long");
        FIELD(missed, COUNT, "messages that were in them");
        FIELD(duplicates, COUNT, "messages that had come before");
        FIELD(resets, COUNT, "sessions that began afresh");
        FIELD(last_recv, TIME, "arrival of the last packet");
        FIELD(last_event, TIME, "the last message, by the venue's clock");
        FIELD(instruments, COUNT, "that it brought");
        FIELD(lines, COUNT, "that it comes on: 0 where its source has none, 1, 2");
        FIELD(unused, NONE, "zero");
        FIELD(line, STRUCT, "the copies A and B");
        FIELD(taken, PRIVATE, "what was published of its publisher's ring");
        CLOSE();
#undef STRUCT
}

static void print_feed_line(void) {
#define STRUCT shm_feed_line
        OPEN("feed_line", "one of the two copies in which a venue sends the same packets");
        FIELD(packets, COUNT, "arrived here");
        FIELD(won, COUNT, "packets that brought something new");
        FIELD(lost, COUNT, "that did not: the other line had, or a copy on this one");
        FIELD(dropped, COUNT, "by the kernel, for want of room");
        FIELD(filled, COUNT, "holes of the other line that this one filled");
        FIELD(lead_sum, COUNT, "ns by which it was ahead, over all led");
        FIELD(last_recv, TIME, "arrival of its last packet");
        FIELD(led, COUNT, "packets that both lines brought, and this one first");
        CLOSE();
#undef STRUCT
}

static void print_taken(void) {
#define STRUCT shm_taken
        OPEN("taken", "what was published of a publisher's ring");
        FIELD(ring, ID, "of the ring; 0: nothing was taken of any");
        FIELD(ticks, COUNT, "of it that were published, but for two batches");
        FIELD(batch_tail, COUNT, "their first ticks");
        FIELD(batch_seq, ID, "their numbers in the journal");
        FIELD(batch_n, COUNT, "their ticks; 0: not in use");
        CLOSE();
#undef STRUCT
}

static void print_instrument(void) {
#define STRUCT shm_instrument
        OPEN("instrument", "a record of the directory");
        FIELD(symbol, TEXT, "printable, at least one NUL");
        FIELD(venue, TEXT, "MIC of ISO 10383 where there is one");
        FIELD(feed, FEED, "the feed that brings it");
        FIELD(size_exp, COUNT, "its sizes are in units of 10^size_exp");
        FIELD(unused0, NONE, "zero");
        FIELD(lot, SIZE, "round lot; 0 unknown");
        FIELD(close_px, PRICE, "adjusted closing price of the previous session");
        FIELD(flags, FLAGS, "see instrument_flags");
        FIELD(luld, COUNT, "limit up-limit down tier: 0 none, 1, 2");
        FIELD(bid_levels, COUNT, "of its book; 0 where none is kept");
        FIELD(ask_levels, COUNT, "of its book; 0 where none is kept");
        FIELD(orders, COUNT, "live ones; 0 where the venue does not speak of orders");
        FIELD(unused1, NONE, "zero");
        FIELD(book_ts, TIME, "newest change of its book, by the venue's clock");
        FIELD(unused2, NONE, "zero");
        CLOSE();
#undef STRUCT
}

static void print_depth(void) {
#define STRUCT shm_depth
        OPEN("depth", "a record of the depth section; two depth_copy, each with its levels and "
                      "padded to 64 bytes, begin where it ends");
        FIELD(latch, COUNT, "writes finished; the newest whole copy is the one at latch mod 2");
        FIELD(unused, NONE, "zero");
        CLOSE();
#undef STRUCT
#define STRUCT shm_depth_copy
        OPEN("depth_copy",
             "one of the two; depth_level of the bids, as many as the section's items, "
             "and of the offers begin where it ends");
        FIELD(seq, COUNT, "number of the newest tick of all when it was made");
        FIELD(ts_event, TIME, "newest change of the book");
        FIELD(flags, FLAGS, "see flags");
        FIELD(bid_levels, COUNT, "of the book, however many are here");
        FIELD(ask_levels, COUNT, "of the book, however many are here");
        FIELD(orders, COUNT, "on all levels");
        FIELD(unused, NONE, "zero");
        CLOSE();
#undef STRUCT
#define STRUCT shm_depth_level
        OPEN("depth_level", "one price; the best comes first");
        FIELD(px, PRICE, "the price");
        FIELD(sz, SIZE, "what there is at that price");
        FIELD(orders, COUNT, "how many orders make it up; 0: the venue does not say");
        CLOSE();
#undef STRUCT
}

static void print_counter(void) {
#define STRUCT shm_counter
        OPEN("counter", "a record of the counters section");
        FIELD(value, COUNT, "the figure");
        FIELD(id, ID, "0: not in use, and none after it is");
        FIELD(feed, FEED, "whose it is; 4294967295: the daemon's own");
        FIELD(label, TEXT, "what is counted, NUL-terminated");
        FIELD(unused, NONE, "zero");
        CLOSE();
#undef STRUCT
}

static void print_control(void) {
#define STRUCT control
        OPEN("control", "a client's control page; the bitmap of interest, a u64 for each 64 "
                        "instruments, begins where it ends");
        FIELD(armed, ID, "1: wake me when something of interest is published");
        FIELD(all, ID, "1: everything is of interest, whatever the bitmap says");
        FIELD(kinds, FLAGS, "bit k: ticks of kind k are of interest");
        FIELD(growth, ID, "1: a new instrument is of interest");
        FIELD(unused0, NONE, "zero");
        FIELD(cursor, COUNT, "number of the next tick it wants to read");
        FIELD(ticks, COUNT, "taken");
        FIELD(merged, COUNT, "passed over because a newer one replaced them");
        FIELD(missed, COUNT, "overwritten before it came");
        FIELD(laps, COUNT, "times that it was lapped");
        FIELD(sleeps, COUNT, "times that it armed itself");
        FIELD(unused1, NONE, "zero");
        FIELD(wakes, COUNT, "bytes that the daemon wrote to its wake socket");
        FIELD(unused2, NONE, "zero");
        CLOSE();
#undef STRUCT
}

static void print_ring(void) {
#define STRUCT ring
        OPEN("ring", "a publisher's ring; its slots, of one tick each, begin where it ends");
        FIELD(head, COUNT, "ticks written since the start");
        FIELD(waiting, ID, "1: wake me when there is room");
        FIELD(unused0, NONE, "zero");
        FIELD(tail, COUNT, "ticks taken since the start");
        FIELD(dozing, ID, "1: ring the doorbell when there is something");
        FIELD(size, COUNT, "slots, a power of two");
        FIELD(id, ID, "random, not 0");
        FIELD(last_id, ID, "of the last ring that this feed's ticks were taken of; 0: not known");
        FIELD(last_taken, COUNT, "ticks that were published of that one");
        FIELD(unused1, NONE, "zero");
        CLOSE();
#undef STRUCT
}

/* ---- numbers with names ---- */

static void print_constants(void) {
        json_open("constants", '{');
        json_hex("magic", LAYOUT_MAGIC);
        json_number("major", LAYOUT_MAJOR);
        json_number("minor", LAYOUT_MINOR);
        json_hex("fingerprint", LAYOUT_FINGERPRINT);
        json_number("page", LAYOUT_PAGE);
        json_number("places", MD_PLACES);
        json_hex("busy", MD_SEQ_BUSY);
        json_hex("px_none", (uint64_t)MD_PX_NONE);
        json_number("px_one", (uint64_t)MD_PX_ONE);
        json_number("money_one", (uint64_t)MD_MONEY_ONE);
        json_number("instrument_none", MD_INSTRUMENT_NONE);
        json_close('}');
}

static void print_units(void) {
        json_open("units", '{');
#define UNIT_(NAME, meaning) json_text(#NAME, meaning);
        UNITS(UNIT_)
#undef UNIT_
        json_close('}');
}

static void print_sections(void) {
        json_open("sections", '[');
        print_named(SECTION_FEEDS, "feeds", "records: feed");
        print_named(SECTION_DIRECTORY, "directory", "records: instrument");
        print_named(SECTION_INDEX, "index", "slots of the hash table of symbols: u64");
        print_named(SECTION_TABLE, "table", "records: places times tick, by kind");
        print_named(SECTION_JOURNAL, "journal", "records: tick");
        print_named(SECTION_COUNTERS, "counters", "records: counter");
        print_named(SECTION_DEPTH, "depth", "records: depth, where the config asks for it");
        json_close(']');
}

static void print_states(void) {
        json_open("segment_states", '[');
        print_named(SEGMENT_STARTING, "starting", "being built or adopted");
        print_named(SEGMENT_RUNNING, "running", "a daemon is at work");
        print_named(SEGMENT_STOPPED, "stopped", "its daemon ended cleanly");
        json_close(']');

        json_open("feed_states", '[');
        print_named(FEED_NONE, "none", "a record that is not in use");
        print_named(FEED_DOWN, "down", "no source, or none yet");
        print_named(FEED_RECOVERING, "recovering", "alive, but with something missing");
        print_named(FEED_LIVE, "live", "all is well");
        print_named(FEED_ENDED, "ended", "a recording read to its end");
        json_close(']');
}

static void print_instrument_flags(void) {
        json_open("instrument_flags", '[');
        print_named(INSTRUMENT_TEST, "test", "a test symbol of the venue");
        print_named(INSTRUMENT_ETP, "etp", "exchange traded product");
        print_named(INSTRUMENT_WHEN_ISSUED, "when_issued", "traded before it is issued");
        print_named(INSTRUMENT_BOOK, "book", "its levels are kept and counted");
        print_named((uint32_t)INSTRUMENT_STALE, "stale", "its source is gone or silent");
        json_close(']');
}

int main(void) {
        putchar('{');
        print_constants();
        print_units();
        print_sections();
        print_states();
        print_instrument_flags();
        print_flags();
        print_kinds();
        json_open("structs", '{');
        print_header();
        print_section();
        print_tick();
        print_feed();
        print_feed_line();
        print_taken();
        print_instrument();
        print_depth();
        print_counter();
        print_control();
        print_ring();
        json_close('}');
        json_close('}');
        putchar('\n');
        return ferror(stdout) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
