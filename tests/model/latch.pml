/*
 * A model of the depth latch: lib/shm/depth.h
 *
 * One writer writes two copies in turn, and may be killed after any store; a successor begins the copy
 * that the latch does not name. A reader looks at the latch, the copy and the latch again. What must hold:
 *
 *      torn    a copy whose words are not all of one write
 *      older   a copy older than what this reader was given before, or of another write than the latch's
 *      waits   a round that failed although no write was finished meanwhile
 *
 * Memory is that of C11, in the way of record.pml, where it is told: each store has a stamp, and hands on
 * the stamp up to which whoever acquires it has seen everything; a load may take any store that is not too
 * old for this reader. The writer runs first and to its end.
 *
 * A copy is two words here: of any two of them it is asked whether they are of one write. A reader that is
 * overtaken looks again until nothing overtakes it; that the real one gives up after some rounds takes
 * nothing away from what it was given.
 *
 * Each variant takes one thing away, and an assertion must fail (meson.build says which):
 *
 *      ONE_COPY        each write goes to the same copy
 *      SAME_COPY       the writer is in the copy that the latch names
 *      LATCH_FIRST     the latch is stored before the words
 *      NO_STORE_FENCE  no fence between the last latch and the words of the next copy
 *      NO_LOAD_FENCE   no fence between the words and the second look
 *      LATCH_RELAXED   the latch is no release store
 *      LOOK_RELAXED    the first look is no acquire load
 *      MARKED          the latch is marked while a copy is written, as that of a seqlock is
 */

#ifndef WRITES
#define WRITES 4
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef LOOKS
#define LOOKS 2
#endif

/* locations */
#define LATCH     0
#define COPY(l)   (1 + ((l) % 2) * 2)
#define LOCATIONS 5

#define BUSY   128
#define STORES (LOCATIONS + 1 + (WRITES + KILLS) * 4)

byte value[STORES];
byte handed[STORES]; /* the stamp that it hands on */
byte later[STORES];  /* the next store to the same location, 0: none */
byte last[LOCATIONS];
byte now;    /* stamp of the last store */
byte fenced; /* stamp at the writer's last release fence */
byte kills;

byte whole[WRITES + 1]; /* the body of write l: a killed write's number is used again */
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

inline store_latch() {
        whole[next] = body;
#ifdef LATCH_RELAXED
        store(LATCH, next, RELAXED)
#else
        store(LATCH, next, RELEASE)
#endif
}

inline write() {
        d_step {
                next = (stored(LATCH) & ~BUSY) + 1;
                bodies++;
                body = bodies;
#ifdef ONE_COPY
                copy = COPY(0);
#else
#ifdef SAME_COPY
                copy = COPY(next + 1);
#else
                copy = COPY(next);
#endif
#endif
#ifndef NO_STORE_FENCE
                fenced = now
#else
                skip
#endif
        }
#ifdef LATCH_FIRST
        store_latch();
#endif
#ifdef MARKED
        store(LATCH, (next - 1) | BUSY, RELEASE);
#endif
        store(copy, body, RELAXED);
        store(copy + 1, body, RELAXED);
#ifndef LATCH_FIRST
        store_latch()
#endif
}

/* ---- the reader ---- */

byte seen[LOCATIONS];
byte acquired, pending;

inline load(location, v) {
        atomic {
                t = seen[location];
                do
                :: later[t] != 0 && later[t] <= acquired -> t = later[t]
                :: else -> break
                od;
                do
                :: later[t] != 0 -> t = later[t]
                :: break
                od;
                seen[location] = t;
                v = value[t];
                pending = (handed[t] > pending -> handed[t] : pending);
                t = 0
        }
}

inline load_acquire(location, v) {
        load(location, v);
        acquired = (handed[seen[location]] > acquired -> handed[seen[location]] : acquired)
}

inline look_again() {
#ifndef NO_LOAD_FENCE
        acquired = (pending > acquired -> pending : acquired);
#endif
        load_acquire(LATCH, again)
}

#ifdef ONE_COPY
#define READ_COPY(l) COPY(0)
#else
#define READ_COPY(l) COPY(l)
#endif

inline read() {
#ifdef LOOK_RELAXED
        load(LATCH, l);
#else
        load_acquire(LATCH, l);
#endif
        do
        :: l == 0 -> break
        :: else ->
                /* the words in either order: loads between two fences have none */
                if
                :: load(READ_COPY(l), first); load(READ_COPY(l) + 1, second)
                :: load(READ_COPY(l) + 1, second); load(READ_COPY(l), first)
                fi;
                look_again();
                if
                :: again == l && !(l & BUSY) -> break
                :: else
                fi;
                waits = again <= l;
                assert(!waits);
                l = again
        od;
        skip;
        d_step {
                torn = l != 0 && first != second;
                assert(!torn);
                older = l < floor || (l != 0 && first != whole[l]);
                assert(!older);
                floor = l;
                l = 0; first = 0; second = 0; again = 0
        }
}

active proctype world() {
        byte next, body, copy;
        byte i, t, l, first, second, again, floor;
        bool torn, older, waits;

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
        do
        :: (stored(LATCH) & ~BUSY) < WRITES -> write()
        :: else -> break
        od;
        skip;

        d_step {
                next = 0; body = 0; copy = 0;
                for (i : 0 .. LOCATIONS - 1) {
                        seen[i] = i
                }
                i = 0
        }
        do
        :: i < LOOKS -> i++; read()
        :: else -> break
        od
}
