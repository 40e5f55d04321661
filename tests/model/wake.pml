/*
 * A model of the wake handshake: lib/shm/control.h
 *
 * A writer publishes ticks; a notifier, in the writer's thread or in one of its own (THREADED),
 * wakes the client if it is armed; the client sleeps when it has taken everything. What must hold:
 * the client takes every tick, so it never sleeps for ever with one unread (spin calls that an
 * invalid end state); and the pipe is written to at most once for each time that the client armed.
 *
 * What threatens this is that a store may reach memory after a load that follows it: then the client
 * misses the tick, and the notifier the arming. So each thread has a store buffer that empties itself
 * into memory in order, at any later moment, and a full fence waits until it has. The write to the
 * pipe takes the same way: a system call is no fence, but comes after what was stored before it.
 *
 * Each variant takes one thing away, and the client must be found asleep for ever:
 *
 *      NO_CLIENT_FENCE    no fence between arming and the second look
 *      NO_NOTIFIER_FENCE  no fence between the tick and the look at armed
 *      NO_SECOND_LOOK     the client looks, arms and sleeps
 *      DISARM_LATE        the notifier disarms after the write, not before it
 *      DRAIN_LATE         the client empties the pipe before it sleeps, not when it wakes
 */

#define TICKS 4

/* memory */
#define NEWEST 0 /* number of the newest tick in the journal */
#define ARMED  1
#define PIPE   2 /* 1 when it is readable */
byte memory[3];

/* store buffers: location, value */
#ifdef THREADED
chan by_writer = [2] of { byte, byte };
#endif
chan by_notifier = [3] of { byte, byte };
chan by_client = [3] of { byte, byte };

byte arms, writes;

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
#ifdef THREADED
        :: drain(by_writer)
#endif
        :: drain(by_notifier)
        :: drain(by_client)
        od
}

/* The notifier sees its own disarming at once, whatever has reached memory. */
#define armed (memory[ARMED] == 1 && !by_notifier??[ARMED, 0])

/* once per burst */
inline notify() {
#ifndef NO_NOTIFIER_FENCE
        fence(by_notifier);
#endif
        if
        :: armed ->
                writes++;
                assert(writes <= arms);
#ifdef DISARM_LATE
                by_notifier!PIPE, 1;
                by_notifier!ARMED, 0
#else
                by_notifier!ARMED, 0;
                by_notifier!PIPE, 1
#endif
        :: !armed
        fi
}

#ifdef THREADED
active proctype writer() {
        byte n;

        do
        :: n < TICKS -> n++; by_writer!NEWEST, n
        :: else -> break
        od
}

active proctype notifier() {
        byte n;

        do
        :: n < memory[NEWEST] -> n = memory[NEWEST]; notify()
        :: n == TICKS -> break
        od
}
#else
active proctype writer() {
        byte n;

        do
        :: n < TICKS -> n++; by_notifier!NEWEST, n; notify()
        :: else -> break
        od
}
#endif

#define news (memory[NEWEST] > taken)

inline take() {
        by_client!ARMED, 0;
        taken = memory[NEWEST]
}

inline arm() {
        arms++;
        by_client!ARMED, 1;
#ifndef NO_CLIENT_FENCE
        fence(by_client)
#endif
}

inline sleep() {
#ifdef DRAIN_LATE
        memory[PIPE] = 0;
        memory[PIPE] == 1
#else
        atomic { memory[PIPE] == 1 -> memory[PIPE] = 0 }
#endif
}

active proctype client() {
        byte taken;

        do
        :: taken == TICKS -> break
        :: taken < TICKS ->
#ifdef NO_SECOND_LOOK
                if
                :: news -> take()
                :: else -> arm(); sleep()
                fi
#else
                arm();
                if
                :: news -> take()
                :: else -> sleep()
                fi
#endif
        od
}
