/*
 * A model of the record protocol: lib/shm/line.h, journal.h, table.h, and the redo of segment.c
 *
 * One writer puts ticks into a journal and a table. It may be killed after any store; a successor
 * then redoes the log and goes on. A reader looks at the table, follows the journal and looks at the
 * header's number, in any order. What must hold is asserted where it would break:
 *
 *      torn      a tick whose words are not all of one tick, or not of the one it is numbered as
 *      older     a tick from the table that is older than what this reader knew of its place
 *      hole      "not there yet" for a number that this reader had learned of
 *      waits     a round that failed although the writer had stored nothing new: a reader that waits
 *      damaged   a segment called damaged although nothing but a kill has happened to it
 *
 * Memory is that of C11, not of one machine. Only the writer stores, and a successor begins where
 * its predecessor's last store was (the lock that it takes orders them), so all stores have one
 * order, and each is known by its place in that order, its stamp. A store also hands on the stamp up
 * to which whoever acquires it has seen everything: its own for a release store, that of the last
 * release fence for a relaxed one. A load may take any store to its location that is not older than
 * what the reader has taken from there before, nor older than what it has acquired. So loads between
 * two fences come in any order, and a value may be as stale as the language permits.
 *
 * A reader stores nothing, hence cannot disturb the writer or another reader. So the writer may run
 * first and to its end, and one reader afterwards choose among all that it has ever stored: what a
 * reader sees of a writer that stopped, or died and had no successor, is among the choices.
 *
 * The body of a line is one word here. It stands for any of the seven: they are stored and loaded
 * between the same fences, in no order, so what holds for one of them by itself holds for each.
 *
 * Each variant takes one thing away, and an assertion must fail (meson.build says which):
 *
 *      SEQLOCK         a reader that finds a place BUSY looks again, instead of into the journal
 *      TABLE_FIRST     the table is written before the journal
 *      NEWEST_FIRST    the header's number is stored before its tick
 *      NO_REDO         the successor goes on without redoing
 *      NO_BUSY         a line is overwritten without being marked
 *      BUSY_RELAXED    the mark is no release store
 *      NO_STORE_FENCE  no fence between the mark and the words
 *      NO_LOAD_FENCE   no fence between the words and the second look
 *      LOOK_RELAXED    the second look is no acquire load
 */

#ifndef TICKS
#define TICKS 5 /* that the writer publishes */
#endif
#ifndef KILLS
#define KILLS 1 /* of the writer, or of its successor while it redoes */
#endif
#ifndef LOOKS
#define LOOKS 2 /* of the reader */
#endif

#define JOURNAL 2 /* lines */
#define PLACES  2

/* locations */
#define LINE      2 /* the number, then the body */
#define J(n)      (((n) % JOURNAL) * LINE)
#define T(place)  ((JOURNAL + (place)) * LINE)
#define NEWEST    ((JOURNAL + PLACES) * LINE)
#define LOCATIONS (NEWEST + 1)

#define BUSY 128
#define BODY (TICKS + KILLS + 1) /* bodies are numbered: a killed tick's number is used again */
#define STORES (LOCATIONS + 1 + (TICKS + 2 * KILLS) * (2 * 3 + 1))

/* every store ever made; the first ones are the zeros of a new segment */
byte value[STORES];
byte handed[STORES]; /* the stamp that it hands on */
byte later[STORES];  /* the next store to the same location, 0: none */
byte last[LOCATIONS];
byte now;    /* stamp of the last store */
byte fenced; /* stamp at the writer's last release fence */
byte kills;

/* what is true, whatever anybody sees */
byte place_of[BODY];
byte whole[TICKS + 1]; /* the body that tick n had when it became whole */
byte bodies;

#define stored(location) value[last[location]]

/* ---- the writer ---- */

inline store(location, v, stamp) {
        atomic {
                now++;
                value[now] = v;
                handed[now] = stamp;
                later[last[location]] = now;
                last[location] = now;
                if
                :: kills < KILLS -> kills++; goto killed
                :: true
                fi
        }
}

#define RELEASE now
#define RELAXED fenced

inline line_write(line, n, body) {
#ifndef NO_BUSY
#ifdef BUSY_RELAXED
        store(line, n | BUSY, RELAXED);
#else
        store(line, n | BUSY, RELEASE);
#endif
#endif
#ifndef NO_STORE_FENCE
        fenced = now;
#endif
        store(line + 1, body, RELAXED);
        whole[n] = body;
        store(line, n, RELEASE)
}

/* segment.c: what the header's number does not know of yet, then the table */
inline redo() {
        d_step {
                n = stored(NEWEST);
                do
                :: stored(J(n + 1)) == n + 1 -> n++
                :: else -> break
                od;
                body = stored(J(n) + 1);
                place = place_of[body]
        }
#ifndef NO_REDO
        if
        :: n > 0 && stored(J(n)) == n && stored(T(place)) != n ->
                line_write(T(place), n, body)
        :: else
        fi;
#endif
        store(NEWEST, n, RELEASE)
}

inline publish() {
        d_step {
                n++;
                bodies++;
                body = bodies
        }
        if
        :: place = 0
        :: place = 1
        fi;
        place_of[body] = place;
#ifdef NEWEST_FIRST
        store(NEWEST, n, RELEASE);
#endif
#ifdef TABLE_FIRST
        line_write(T(place), n, body);
        line_write(J(n), n, body);
#else
        line_write(J(n), n, body);
        line_write(T(place), n, body);
#endif
#ifndef NEWEST_FIRST
        store(NEWEST, n, RELEASE)
#endif
}

/* ---- the reader ---- */

byte seen[LOCATIONS]; /* stamp of what it took from there last */
byte acquired;        /* it has seen everything up to this stamp */
byte pending;         /* the same, once it passes an acquire fence */
bool news;            /* it took something new in this round */

/* any store that is not too old for this reader */
inline load(location, v) {
        atomic {
                t = seen[location];
                do
                :: later[t] != 0 && later[t] <= acquired -> t = later[t]
                :: else -> break
                od;
                seen[location] = t;
                do
                :: later[t] != 0 -> t = later[t]
                :: break
                od;
                news = news || t != seen[location];
                seen[location] = t;
                v = value[t];
                pending = (handed[t] > pending -> handed[t] : pending);
                t = 0
        }
}

inline acquire_fence() {
        acquired = (pending > acquired -> pending : acquired)
}

inline load_acquire(location, v) {
        load(location, v);
        /* a load of its own hands on what it has taken, not what others before it have */
        acquired = (handed[seen[location]] > acquired -> handed[seen[location]] : acquired)
}

/* ok: got is the body of tick s, which stood there */
inline line_copy(line, s) {
        load(line + 1, got);
#ifndef NO_LOAD_FENCE
        acquire_fence();
#endif
#ifdef LOOK_RELAXED
        load(line, again);
#else
        load_acquire(line, again);
#endif
        d_step {
                ok = again == s;
                again = 0
        }
}

inline journal_read(n) {
        load_acquire(J(n), s);
        if
        :: s == n ->
                line_copy(J(n), n);
                outcome = (ok -> OK : LAPPED)
        :: else ->
                outcome = ((s & ~BUSY) > n -> LAPPED : EMPTY)
        fi
}

/* the tick that a reader was given: number n, body got */
inline check(n) {
        d_step {
                torn = got != whole[n];
                assert(!torn);
                known = (n > known -> n : known)
        }
}

inline table_read() {
        stuck = 0;
        do
        :: news = false;
           load_acquire(T(0), s);
           if
           :: !(s & BUSY) ->
                n = s;
                line_copy(T(0), n);
                if
                :: ok -> break
                :: else
                fi
           :: else ->
#ifndef SEQLOCK
                mark = s;
                n = s & ~BUSY;
                journal_read(n);
                if
                :: outcome == OK -> break
                :: else
                fi;
                damaged = mark == stuck;
                assert(!damaged);
                stuck = mark;
#else
                skip
#endif
           fi;
           waits = !news;
           assert(!waits)
        od;
        check(n);
        d_step {
                older = n < floor || (n > 0 && place_of[got] != 0);
                assert(!older);
                floor = n
        }
}

/* the next tick of the stream, or where to go on when it is gone */
inline follow() {
        journal_read(cursor);
        if
        :: outcome == OK ->
                check(cursor);
                cursor++
        :: outcome == EMPTY ->
                hole = cursor <= known;
                assert(!hole)
        :: outcome == LAPPED ->
                load_acquire(NEWEST, n);
                d_step {
                        n = (n >= JOURNAL -> n - JOURNAL + 2 : 1);
                        waits = n <= cursor;
                        assert(!waits);
                        cursor = n
                }
        fi
}

/* the header's number promises the journal and the table up to it */
inline newest() {
        load_acquire(NEWEST, n);
        d_step {
                known = (n > known -> n : known);
                do
                :: n > 0 ->
                        if
                        :: place_of[whole[n]] == 0 && n > floor -> floor = n
                        :: else
                        fi;
                        n--
                :: else -> break
                od;
                skip
        }
}

mtype = { OK, EMPTY, LAPPED };

active proctype world() {
        byte n, body, place;
        byte i, t, s, mark, stuck, again, got;
        byte cursor = 1, known, floor;
        bool ok, torn, older, hole, waits, damaged;
        mtype outcome;

        d_step {
                do
                :: i < LOCATIONS -> last[i] = i; i++
                :: else -> break
                od;
                now = LOCATIONS - 1;
                fenced = now;
                i = 0
        }

killed:
        redo();
        do
        :: n < TICKS -> publish()
        :: else -> break
        od;
        skip;

        d_step {
                n = 0; body = 0; place = 0;
                for (i : 0 .. LOCATIONS - 1) {
                        seen[i] = i
                }
                i = 0
        }
        do
        :: i < LOOKS ->
                i++;
                if
                :: table_read()
                :: follow()
                :: newest()
                fi;
                d_step { news = false; n = 0; s = 0; mark = 0; stuck = 0; got = 0; ok = false; outcome = 0 }
        :: else -> break
        od
}
