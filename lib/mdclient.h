#ifndef MDCLIENT_H
#define MDCLIENT_H

/*
 * libmdclient: market data from mdshmd, at memory speed
 *
 * A client registers with the daemon over a Unix socket and is handed a shared memory segment, mapped
 * read-only. From then on, reading is a matter of memory: the newest quote, trade or status of any
 * instrument (md_read), several of them as one consistent cut (md_read_many), everything that
 * changed, newest only (md_next), or every tick in order (md_follow). A client that has read
 * everything either looks again (spins) or sleeps until the daemon wakes it (md_dispatch).
 *
 *      struct md_client *client;
 *      struct md_change change;
 *
 *      if (md_new(&client) < 0)
 *              return 1;
 *      if (md_connect(client, NULL) < 0 || md_subscribe_symbol(client, "AAPL", NULL) < 0)
 *              fprintf(stderr, "%s\n", md_error(client));
 *      while (md_dispatch(client, -1) >= 0)
 *              while (md_next(client, &change) > 0)
 *                      printf("%lld\n", (long long)change.tick.u.quote.bid_px);
 *      md_free(client);
 *
 * Caveats
 *  - One client belongs to one thread at a time. Several clients in one process are independent.
 *  - After fork() only one of the two processes may go on with a client.
 *  - Nothing is allocated after md_connect(), nothing is printed, no signal is touched, no thread is
 *    started, and no call blocks longer than its timeout says.
 *  - When the daemon dies, everything can still be read; md_health() tells how old it is.
 *  - In the stream, a tick appears an instant before it appears in the table. Whoever has just taken
 *    tick n from md_follow() may, within that instant, read an older one with md_read().
 *  - A client that does not read for longer than the journal lasts is lapped: it is told exactly how
 *    many ticks it missed, and md_next() still ends at the newest state of every instrument.
 *  - The segment has a name, and so cannot be sealed: the user who owns it, or a file that is opened, can
 *    cut it off, and the next read is a SIGBUS. mdshmd never does that. So read only from a user whom you
 *    trust not to end or hold your program. False content can do no more than be false.
 *
 * Prices are integers in units of 1e-9, sizes in units of 10^size_exp of the instrument; see
 * shm/tick.h for every field.
 *
 * Errors are negative errno values; md_error() has the sentence. Outcomes that are no errors are 0 or
 * positive.
 */

#include <stddef.h>
#include <stdint.h>

#include "shm/tick.h" /* ticks, kinds, units: installed beside this file */

#ifdef __cplusplus
extern "C" {
#endif

struct md_client;

/* ---- open and close ---- */

/* A client that is not connected yet. -ENOMEM. The caller owns it. */
int md_new(struct md_client **clientp);

/* Leaves the daemon, unmaps, frees. NULL is fine. Returns NULL. */
struct md_client *md_free(struct md_client *client);

/* Before md_connect(): the name by which `mdctl clients` shows this client; at most 31 printable
 * characters, longer ones are cut. Without it, the name of the program. */
void md_set_name(struct md_client *client, const char *name);

/* Before md_connect(): how long it may take, in milliseconds; 5000 without it. */
void md_set_timeout(struct md_client *client, int ms);

/*
 * Before md_connect(): what md_dispatch() does when the daemon goes away. 1, which is also how it is
 * without this call: it registers again by itself, with growing pauses, and carries the subscriptions
 * over. 0: it returns -EPIPE.
 */
void md_set_reconnect(struct md_client *client, int on);

/*
 * Registers with the daemon whose socket is at that path. NULL: $MDSHMD_SOCKET, else
 * $XDG_RUNTIME_DIR/mdshmd/mdshmd.sock if there is one, else /run/mdshmd/mdshmd.sock.
 *
 * -ENOENT, -ECONNREFUSED: nobody listens there. -EACCES: refused, or no way to the socket.
 * -ETIMEDOUT: no answer. -EUSERS: too many clients. -EPROTONOSUPPORT, -EUCLEAN: a daemon of another
 * version. -EPROTO: no mdshmd, or one that ended before it answered. -EISCONN: it is connected already.
 * -ENOMEM. After an error it can be called again.
 */
int md_connect(struct md_client *client, const char *socket);

/*
 * Opens a saved segment, or the /dev/shm file of a daemon that is gone, instead of connecting. Everything
 * can be read as from a daemon; the stream begins at the oldest tick, and at its end md_dispatch()
 * returns -EPIPE. -EUCLEAN: it is no segment, or not one of this version. -EINVAL: it is no regular file.
 * -EISCONN. Other errors as open(2).
 */
int md_open_file(struct md_client *client, const char *path);

/*
 * Writes the segment to a file as it stood at one moment, from memory and without stopping anybody: the
 * table with every tick up to one number, and of the journal what was not overwritten meanwhile. Each
 * book of the depth is whole, and no newer than that. An existing file is replaced when the new one is
 * complete. -EINVAL: what is there is no regular file, or the segment itself. -EAGAIN: the daemon writes
 * faster than this can copy. -EUCLEAN: the segment is damaged. Other errors as open(2), write(2),
 * linkat(2), rename(2).
 */
int md_save(struct md_client *client, const char *path);

/* The sentence for the last call that failed. Valid until the next call; never NULL. */
const char *md_error(const struct md_client *client);

/* ---- instruments ---- */

#define MD_INSTRUMENT_TEST        (1u << 0) /* a test symbol of the venue */
#define MD_INSTRUMENT_ETP         (1u << 1) /* exchange traded product */
#define MD_INSTRUMENT_WHEN_ISSUED (1u << 2)
#define MD_INSTRUMENT_BOOK        (1u << 3)  /* its levels are kept: see md_read_depth() */
#define MD_INSTRUMENT_STALE       (1u << 31) /* its source is gone or silent */

struct md_instrument {
        char symbol[33];     /* NUL-terminated */
        char venue[9];       /* MIC of ISO 10383 where there is one; NUL-terminated */
        uint32_t instrument; /* its index, for all other calls; it never changes */
        uint32_t feed;       /* index of the feed that brings it */
        uint32_t flags;      /* MD_INSTRUMENT_... */
        uint32_t luld;       /* limit up-limit down tier: 0 none, 1, 2 */
        int32_t size_exp;    /* its sizes are in units of 10^size_exp */
        int64_t lot;         /* round lot, SIZE; 0 unknown */
        int64_t close_px;    /* adjusted close of the previous session, PRICE; MD_PX_NONE unknown */
        /* Of its book, where MD_INSTRUMENT_BOOK says that one is kept; else 0. */
        uint32_t bid_levels, ask_levels; /* all there are */
        uint32_t orders;                 /* live ones; 0: the venue does not speak of orders */
        int64_t book_ts;                 /* TIME of its newest change, by the venue's clock */
};

/* Instruments known now; their indexes are 0 to that number less one. More may come, none goes. */
uint32_t md_instruments(const struct md_client *client);

/* Fills in *out. -EINVAL: there is no such index. */
int md_instrument(struct md_client *client, uint32_t instrument, struct md_instrument *out);

/* The index of a symbol; venue NULL or "" means any. -ENOENT: not known (yet). -ENOTUNIQ: several
 * venues have it, say which. -EINVAL: no name for a symbol or venue. */
int md_lookup(struct md_client *client, const char *symbol, const char *venue,
              uint32_t *instrument);

/* ---- the newest state ---- */

/*
 * Copies the newest tick of that kind (one with a place: below MD_PLACES). Returns 1, or 0 where there has
 * not been one yet. Never waits. -EINVAL: no such instrument or kind. -EUCLEAN: the segment is damaged.
 *
 * When a venue's session begins afresh, the ticks of the one before are taken back: by ticks with
 * MD_FLAG_SNAPSHOT, whose prices are MD_PX_NONE and whose sums are 0. So the newest "trade" may say that
 * there has been none in its session yet.
 */
int md_read(struct md_client *client, uint32_t instrument, unsigned kind, struct md_tick *tick);

/*
 * Several at once, as they all stood at one moment. The caller sets instrument and kind of each of
 * the n ticks; the rest is filled in (seq is 0 where there has not been one). Returns 0 for a true
 * cut. Where the market moves too fast for that, it gives up after some rounds and returns how many of
 * the places moved meanwhile; moved (NULL, or n bytes) then has a 1 for each of those. Every tick by
 * itself is whole in any case. Errors as md_read().
 */
int md_read_many(struct md_client *client, struct md_tick *ticks, size_t n, unsigned char *moved);

#define MD_DEPTH_MAX 64 /* levels a side, at the most */

/* A book: its best levels on each side, the best of all first. PRICE, SIZE, COUNT as in ticks. */
struct md_depth {
        uint64_t seq;        /* of the newest tick of all instruments when the book was written */
        int64_t ts_event;    /* TIME of the book's newest change, by the venue's clock */
        uint64_t bid_levels; /* of the whole book, however many are here */
        uint64_t ask_levels;
        uint64_t orders;     /* on all its levels; 0: the venue does not speak of orders */
        uint32_t flags;      /* MD_FLAG_MAYBE_BAD_BOOK: messages are missing, it may be wrong */
        uint32_t bids, asks; /* how many levels are here: bid[0 .. bids-1], ask[0 .. asks-1] */
        uint32_t capacity;   /* most that a side can have here: `[segment] depth` of the config */
        struct md_level bid[MD_DEPTH_MAX]; /* from the highest price down */
        struct md_level ask[MD_DEPTH_MAX]; /* from the lowest price up */
};

/*
 * Copies the newest book of an instrument into the caller's *depth, both sides as they stood at one
 * moment; what lies behind the last level is left as it was. Returns 1, or 0 where no book has been written
 * yet, and *depth is then an empty one. Never waits, not even for a daemon that was killed while
 * writing. The book is written once per burst of packets, so it may be a burst older than md_read().
 *
 * -EINVAL: no such instrument. -ENODATA: its feed brings no levels and no orders, so there is no book.
 * -EOPNOTSUPP: the daemon keeps no depth at all. -EAGAIN: the book was written faster than it could be
 * copied, round after round; *depth is then worth nothing.
 */
int md_read_depth(struct md_client *client, uint32_t instrument, struct md_depth *depth);

/*
 * A read-only descriptor of the segment, for a program that wants to map it itself: to look at the whole
 * table as one array, say. mdshm(7) says what stands where; such a reader follows its protocols, or takes
 * what it sees as it is. The descriptor belongs to the client: map it, do not close it. -1 without a
 * connection; after MD_REMAPPED it is another one.
 */
int md_segment_fd(const struct md_client *client);

/* ---- the stream ---- */

/* What md_next() and md_follow() give, and what wakes md_dispatch(). At first: nothing, and every
 * kind. -EINVAL: no such instrument. */
int md_subscribe(struct md_client *client, uint32_t instrument);
int md_unsubscribe(struct md_client *client, uint32_t instrument);

/* md_lookup() and md_subscribe() in one. */
int md_subscribe_symbol(struct md_client *client, const char *symbol, const char *venue);

/*
 * All instruments whose symbol and venue fit these patterns ('*' any characters, '?' any one, [abc] one of
 * these; venue NULL: any), those that appear later included. -EINVAL: too long. -ENOSPC: a client
 * can have 64 patterns.
 */
int md_subscribe_pattern(struct md_client *client, const char *symbol, const char *venue);

/* All instruments, those that are not known yet and ticks of whole feeds included. */
int md_subscribe_all(struct md_client *client);

/* Only these kinds: a bit 1 << kind for each. */
int md_subscribe_kinds(struct md_client *client, uint32_t kinds);

/* The number of the next tick that this client will look at. After md_connect() it is the one after
 * the newest. */
uint64_t md_cursor(const struct md_client *client);

/* Goes to tick number `seq`: with the seq of a tick from md_read() plus one, the stream goes on from
 * that very tick. -EINVAL: 0, or more than one after the newest. */
int md_seek(struct md_client *client, uint64_t seq);

/*
 * The next tick that is subscribed to, in order. Returns 1, or 0 when there is nothing more now.
 * *missed (may be NULL) is how many ticks of the stream, subscribed or not, were overwritten just
 * before this one because this client was too slow; nearly always 0. It can be more than 0 when the
 * result is 0.
 */
int md_follow(struct md_client *client, struct md_tick *tick, uint64_t *missed);

enum {
        MD_MERGED_NOT,
        MD_MERGED_ASKED, /* within the interval that md_set_interval() asked for */
        MD_MERGED_SLOW,  /* because we did not come in time to see each of them */
};

struct md_change {
        struct md_tick tick; /* the newest of its instrument and kind */
        uint64_t
                merged; /* older ones of the same instrument and kind that it replaces, since the last
                              * that was given out: passed over, not lost */
        uint64_t missed; /* ticks of the stream overwritten before they were looked at, since the
                              * last change; what they changed comes as a change all the same */
        uint32_t reason; /* of merged: MD_MERGED_... */
};

/*
 * What changed, newest only. Each instrument and kind comes once, however many ticks there were;
 * trades and breaks are never merged, each of them comes, in order. Returns 1, or 0 when there is
 * nothing more now. After being lapped it also gives what differs from what was given before, so a
 * client always ends at the newest state.
 *
 * md_next() and md_follow() share one cursor: use one of them on a client.
 */
int md_next(struct md_client *client, struct md_change *change);

/* ---- waiting ---- */

enum {
        MD_NEWS = 1, /* there is something to read */
        MD_REMAPPED, /* a new daemon has built another segment: instruments have other indexes, tick
                      * numbers begin anew. Subscriptions were carried over; look up again whatever index
                      * you keep. Until then nothing of the old segment is lost: it was read to its end */
};

/*
 * Waits until there is something to read: at most timeout_ms, for ever where it is negative, not at
 * all where it is 0. Returns MD_NEWS, MD_REMAPPED, or 0 when the time is over. -EPIPE: the daemon
 * has closed the connection, and nobody wants it back (md_set_reconnect(0), md_open_file()); what it
 * left can still be read. -EINTR: a signal came.
 *
 * What is there to read comes first: it is MD_NEWS, again and again, until it has been read, and only then
 * is a daemon missed that went away without a successor.
 */
int md_dispatch(struct md_client *client, int timeout_ms);

/* How md_dispatch() waits. It looks again and again for so many ns before it sleeps; 0, as without this
 * call: it sleeps at once; -1: it never sleeps, and costs the daemon nothing. */
void md_set_spin(struct md_client *client, int64_t ns);

/* The least time between two MD_NEWS, for a client that wants to be told of changes only so often. What
 * is merged within it was asked for. 0, as without this call: none. */
void md_set_interval(struct md_client *client, int ms);

/* A warning before we are lapped: md_lagging() is 1 from the moment that we are `high` ticks behind, until
 * we are at most `low` behind. 0, 0, as without this call: three quarters and half of the journal. */
void md_set_watermarks(struct md_client *client, uint64_t high, uint64_t low);
int md_lagging(struct md_client *client);

/*
 * A descriptor for the caller's own poll(), epoll or event loop: readable when md_dispatch() has
 * something to say. Call md_dispatch(client, 0) and read, until it returns 0: only then is the client
 * armed, and the descriptor will wake it. It belongs to the client: do not read or close it.
 */
int md_fd(const struct md_client *client);

/* ---- how things are ---- */

enum {
        MD_STATE_STARTING,
        MD_STATE_RUNNING,
        MD_STATE_STOPPED, /* the daemon ended cleanly, and nothing will come any more */
};

struct md_health {
        int connected;   /* 1: the daemon has not closed the connection, as far as is known */
        int file;        /* 1: a saved segment; heartbeat_age is then its age in wall-clock time */
        uint32_t state;  /* MD_STATE_... */
        uint32_t client; /* our id */
        uint32_t pid;    /* the daemon's, in its own pid namespace */
        uint64_t reconnects;   /* connections that replaced one that was lost */
        uint64_t generation;   /* which daemon: one more after each that took the segment over */
        int64_t started;       /* TIME at which it began */
        int64_t heartbeat_age; /* ns since its last heartbeat; they come every 100 ms */
        uint64_t newest;       /* number of the newest tick */
        uint64_t cursor;       /* number of the next tick we would look at */
        uint64_t ticks;        /* we took */
        uint64_t merged;       /* we passed over */
        uint64_t missed;       /* were overwritten before we came */
        uint64_t recovered;    /* of these, md_next() gave us all the same, from the table */
        uint64_t laps;         /* times that we were lapped */
        uint64_t journal;      /* ticks that the journal holds */
        uint32_t instruments;  /* known */
        uint32_t capacity;     /* of the directory */
        char version[25];      /* of the daemon */
};

/* Costs no system call but a look at the clock. */
int md_health(struct md_client *client, struct md_health *health);

enum { MD_FEED_NONE, MD_FEED_DOWN, MD_FEED_RECOVERING, MD_FEED_LIVE, MD_FEED_ENDED };

struct md_feed {
        char name[33];
        char source[17];   /* "pcap", "udp", ... */
        char protocol[17]; /* "iex-tops", ... */
        uint32_t feed;     /* its index */
        uint32_t state;    /* MD_FEED_... */
        uint32_t session;  /* the venue's session id */
        uint64_t next;     /* sequence number of the next message expected */
        uint64_t packets, bytes, heartbeats, messages, ticks, bad;
        uint64_t gaps;       /* holes in the sequence */
        uint64_t missed;     /* messages in them */
        uint64_t duplicates; /* messages that had come before */
        uint64_t resets;     /* sessions that began afresh */
        uint64_t dropped;    /* packets that the kernel had no room for */
        int64_t last_recv;   /* TIME of the last packet's arrival; 0: none yet */
        int64_t last_event;  /* TIME of the last message, by the venue's clock; 0: none yet */
        uint64_t instruments;
        uint32_t lines; /* that its packets come on: 2, 1, or 0 where its source has none */
};

/* Feeds have the indexes 0 to md_feeds() less one. -EINVAL: no such feed. */
uint32_t md_feeds(const struct md_client *client);
int md_feed(struct md_client *client, uint32_t feed, struct md_feed *out);

/* One of the lines on which a venue sends the same packets. What both have lost is a gap of the feed. */
struct md_feed_line {
        uint64_t packets;  /* that came on it, heartbeats and refused ones included */
        uint64_t won;      /* of these, brought something new */
        uint64_t lost;     /* brought nothing new: the other line had, or a copy on this one */
        uint64_t filled;   /* holes of the other line that this one filled */
        uint64_t dropped;  /* packets that the kernel had no room for */
        uint64_t both;     /* packets of which it is known when both lines brought them */
        int64_t lead;      /* ns by which it is ahead of the other line, the mean over `both`;
                            * less than 0: behind; 0 where `both` is 0 */
        int64_t last_recv; /* TIME of its last packet's arrival; 0: none yet */
};

/* Lines have the indexes 0 (A) and 1 (B), as far as there are any. -EINVAL: no such feed or line. */
int md_feed_line(struct md_client *client, uint32_t feed, uint32_t line, struct md_feed_line *out);

struct md_counter {
        uint64_t value;
        uint32_t id;
        uint32_t feed; /* index of the feed, UINT32_MAX for the daemon's own */
        char label[45];
};

/* Counters have the indexes 0 to md_counters() less one. -EINVAL: no such counter. */
uint32_t md_counters(const struct md_client *client);
int md_counter(struct md_client *client, uint32_t counter, struct md_counter *out);

/* ---- publishing ----
 *
 * A publisher feeds its own instruments into the daemon: it registers for a [feed NAME] of the config
 * with source = publisher, defines its instruments, and puts ticks. They go through a ring of memory that
 * it shares with the daemon, without a system call while the daemon is awake, and from there through
 * the journal to every reader.
 *
 * A publisher belongs to one thread at a time, and is independent of any client in the process. Nothing
 * is dropped silently: a full ring is -EAGAIN, and what the daemon has not taken when a connection
 * ends goes out first on the next one.
 */

struct md_publisher;

/* As md_new(), md_free(), md_set_name(), md_set_timeout(), md_error(). */
int md_publisher_new(struct md_publisher **publisherp);
struct md_publisher *md_publisher_free(struct md_publisher *publisher);
void md_publisher_set_name(struct md_publisher *publisher, const char *name);
void md_publisher_set_timeout(struct md_publisher *publisher, int ms);
const char *md_publisher_error(const struct md_publisher *publisher);

/*
 * Registers as the publisher of that feed. May be called again after -EPIPE: the instruments defined
 * before are defined again, with the same handles, and ticks that the daemon had not taken go out first.
 *
 * Errors as md_connect(); -ENODEV: no such feed, or none that takes a publisher. -EBUSY: it has one.
 * -ENOBUFS: its ring has become too small for those ticks. -EPIPE: the daemon ended before it had answered
 * everything. After an error it can be called again.
 */
int md_publisher_connect(struct md_publisher *publisher, const char *socket, const char *feed);

/*
 * Defines an instrument, or brings it up to date: symbol, venue ("" for none), size_exp, lot, flags,
 * luld (ignored) and close_px of *definition. *handle is for the ticks of this publisher; the same
 * symbol and venue get the same handle again. Waits for the daemon's answer.
 *
 * -EINVAL: no name for a symbol or venue, or a size_exp that is not -18 to 18. -EEXIST: an instrument
 * of another feed. -ENOSPC: no room for more. -EPERM: it has another size_exp, which cannot change.
 * -EPIPE: the daemon is gone.
 */
int md_publisher_define(struct md_publisher *publisher, const struct md_instrument *definition,
                        uint32_t *handle);

/*
 * Puts a tick: instrument (a handle), kind, flags, ts_event, ts_recv (0: the daemon's clock) and body.
 * seq is ignored. A trade's volume is the publisher's own sum; one of MD_PX_NONE and zeros says that its
 * session has had none yet. Until md_publisher_flush() a sleeping daemon may not notice.
 *
 * -EAGAIN: the ring is full. -EINVAL: not a tick that can be; md_publisher_error() says why. -EPIPE: the
 * daemon is gone, or has refused an earlier tick.
 */
int md_publisher_put(struct md_publisher *publisher, const struct md_tick *tick);

/* Wakes the daemon where it sleeps, and looks for it where it has stood still for a while. Once per burst
 * is enough. -EPIPE as above; what was put before goes out on the next connection. */
int md_publisher_flush(struct md_publisher *publisher);

/* The two that are put most, in one call each: put and flush. ts_event 0: now. */
int md_publisher_quote(struct md_publisher *publisher, uint32_t handle, int64_t ts_event,
                       int64_t bid_px, int64_t bid_sz, int64_t ask_px, int64_t ask_sz);
int md_publisher_trade(struct md_publisher *publisher, uint32_t handle, int64_t ts_event,
                       int64_t px, int64_t sz, int64_t volume, int64_t trade_id);

/* Waits until there is room for one tick at least: 1, or 0 when the time is over. -EPIPE, -EINTR. */
int md_publisher_wait(struct md_publisher *publisher, int timeout_ms);

/* Waits until the daemon has taken everything: 1, or 0 when the time is over. -EPIPE, -EINTR. */
int md_publisher_drain(struct md_publisher *publisher, int timeout_ms);

/* Ticks that the daemon has not taken yet. */
uint64_t md_publisher_pending(const struct md_publisher *publisher);

/* ---- words and numbers ---- */

/* "quote", "trade", ...; "?" for none. */
const char *md_kind_name(unsigned kind);

/* "down", "recovering", "live", "ended"; "?" for none. */
const char *md_feed_state_name(uint32_t state);

/* Long enough for any number that these write. */
#define MD_NUMBER_SIZE 48

/* An exact decimal without needless zeros, "" for MD_PX_NONE: value times 10^exp. For a price, exp is
 * -9, for a size the size_exp of its instrument. Returns buf. */
char *md_format(char buf[MD_NUMBER_SIZE], int64_t value, int exp);

/* The other way round: reads a decimal as units of 10^exp. -EINVAL: no number. -ERANGE: it does not
 * fit, or is finer than 10^exp. */
int md_parse(const char *text, int exp, int64_t *value);

/* The price as a double, for arithmetic that may be inexact; NaN for MD_PX_NONE. */
double md_price(int64_t px);

#ifdef __cplusplus
}
#endif

#endif
