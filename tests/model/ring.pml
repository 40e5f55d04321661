/*
 * A model of a publisher's ring: lib/shm/ring.h, and how lib/publisher.c and daemon/feed/local.c use it
 *
 * A publisher puts ticks, and sleeps where there is no room; the daemon takes them in batches, and sleeps
 * where there is none. Each is woken by the other alone: the daemon by a knock on its doorbell, the
 * publisher by a byte in its room pipe. What must hold: the daemon takes every tick, so neither sleeps
 * for ever with something to do (spin calls that an invalid end state); and
 *
 *      lost       what the daemon takes is the next tick, unchanged
 *      intrusive  the publisher knocks no more often than the daemon has dozed, which ends its connection
 *
 * What threatens this is that a store may reach memory after a load that follows it: then each of the two
 * may miss that the other sleeps. So each has a store buffer, as in wake.pml, where it is told. An
 * exchange is done in memory, and waits for no buffer.
 *
 * Each variant takes one thing away, and something must go wrong (meson.build says what):
 *
 *      NO_DOZE_FENCE     no fence between dozing and the daemon's second look
 *      NO_DOZE_LOOK      the daemon dozes and sleeps
 *      NO_KNOCK_FENCE    no fence between the head and the publisher's look at dozing
 *      NO_KNOCK          the publisher waits for room without a knock for what it has put
 *      HEAR_LATE         the daemon empties the doorbell before it sleeps, not when it wakes
 *      NO_WAIT_FENCE     no fence between waiting and the publisher's second look
 *      NO_WAIT_LOOK      the publisher says that it waits, and sleeps
 *      NO_RELEASE_FENCE  no fence between the tail and the daemon's look at waiting
 *      NO_ROOM           the publisher does not look for room
 *      HEAD_FIRST        the head moves before the tick is written
 *      TAIL_FIRST        the tail moves before the ticks are copied
 *      KNOCK_AGAIN       the publisher looks at dozing and knocks, without taking dozing back
 */

#define TICKS 5
#define SIZE  2 /* slots */
#define BATCH 1 /* ticks that the daemon takes at once */

/* memory */
#define HEAD     0 /* ticks put */
#define TAIL     1 /* ticks taken */
#define DOZING   2
#define WAITING  3
#define DOORBELL 4 /* 1 when it is readable */
#define ROOM     5 /* 1 when it is readable */
#define SLOT(i)  (6 + (i) % SIZE)
byte memory[6 + SIZE];

/* store buffers: location, value */
chan by_publisher = [4] of { byte, byte };
chan by_daemon = [4] of { byte, byte };

byte dozes, knocks;

inline fence(buffer) {
        empty(buffer)
}

inline drain(buffer) {
        atomic {
                buffer?location, v;
                memory[location] = v;
                location = 0;
                v = 0
        }
}

active proctype buffers() {
        byte location, v;

end:    do
        :: drain(by_publisher)
        :: drain(by_daemon)
        od
}

inline sleep(pipe) {
        atomic { memory[pipe] == 1 -> memory[pipe] = 0 }
}

inline exchange(location, was) {
        atomic {
                was = memory[location];
                memory[location] = 0
        }
}

/* ---- the publisher ---- */

inline knock() {
        knocks++;
        intrusive = knocks > dozes;
        assert(!intrusive);
        by_publisher!DOORBELL, 1
}

inline flush() {
#ifndef NO_KNOCK_FENCE
        fence(by_publisher);
#endif
        if
        :: memory[DOZING] == 1 ->
#ifdef KNOCK_AGAIN
                knock()
#else
                exchange(DOZING, was);
                if
                :: was == 1 -> knock()
                :: else
                fi
#endif
        :: else
        fi
}

#ifdef NO_ROOM
#define room true
#else
#define room (n - memory[TAIL] < SIZE)
#endif

inline wait_for_room() {
#ifndef NO_KNOCK
        flush();
#endif
        do
        :: room -> break
        :: else ->
                by_publisher!WAITING, 1;
#ifndef NO_WAIT_FENCE
                fence(by_publisher);
#endif
#ifndef NO_WAIT_LOOK
                if
                :: room -> break
                :: else
                fi;
#endif
                sleep(ROOM)
        od
}

inline put() {
#ifdef HEAD_FIRST
        by_publisher!HEAD, n + 1;
        by_publisher!SLOT(n), n + 1;
#else
        by_publisher!SLOT(n), n + 1;
        by_publisher!HEAD, n + 1;
#endif
        n++
}

active proctype publisher() {
        byte n, was;
        bool intrusive;

        /* the daemon dozes before there is a publisher */
        dozes > 0;
        do
        :: n == TICKS -> break
        :: else ->
                if
                :: room
                :: else -> wait_for_room()
                fi;
                put();
                /* once per burst */
                if
                :: flush()
                :: n < TICKS
                fi
        od
}

/* ---- the daemon ---- */

inline release() {
        by_daemon!TAIL, tail;
#ifndef NO_RELEASE_FENCE
        fence(by_daemon);
#endif
        if
        :: memory[WAITING] == 1 && memory[HEAD] - tail <= SIZE / 2 ->
                exchange(WAITING, was);
                if
                :: was == 1 -> by_daemon!ROOM, 1
                :: else
                fi
        :: else
        fi
}

inline take() {
        n = memory[HEAD] - tail;
        lost = n > SIZE;
        assert(!lost);
        left = n > BATCH;
        n = (left -> BATCH : n);
#ifdef TAIL_FIRST
        by_daemon!TAIL, tail + n;
#endif
        do
        :: n > 0 ->
                lost = memory[SLOT(tail)] != tail + 1;
                assert(!lost);
                tail++;
                n--
        :: else -> break
        od;
        release()
}

inline doze() {
        dozes++;
        by_daemon!DOZING, 1;
#ifndef NO_DOZE_FENCE
        fence(by_daemon);
#endif
#ifndef NO_DOZE_LOOK
        left = memory[HEAD] != tail;
        if
        :: left -> by_daemon!DOZING, 0
        :: else
        fi
#endif
}

active proctype daemon() {
        byte tail, n, was;
        bool left, lost;

        d_step {
                memory[DOZING] = 1;
                dozes = 1
        }
        do
        :: tail == TICKS -> break
        :: else ->
#ifdef HEAR_LATE
                memory[DOORBELL] = 0;
                memory[DOORBELL] == 1;
#else
                sleep(DOORBELL);
#endif
                do
                :: take();
                   if
                   :: !left -> doze()
                   :: else
                   fi;
                   if
                   :: left
                   :: else -> break
                   fi
                od
        od
}
