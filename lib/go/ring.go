package mdclient

import (
	"math/bits"
	"runtime"
	"syscall"
)

// A ring takes ticks from one publisher to the daemon. lib/shm/ring.h tells how, and why neither side
// makes a system call while the other is awake. The head is the publisher's: ticks written since the
// start.
type ring struct {
	*mapping
	slots uint64 // a power of two
	head  uint64
}

const (
	ringMin = 1 << 6 // slots
	ringMax = 1 << 24
)

// mapRing maps what the daemon sent. The descriptor remains the caller's.
func mapRing(fd int) (*ring, error) {
	if !isSealed(fd) {
		return nil, failure(ErrProtocol, "the daemon sent a ring that is not sealed: it could be cut off under "+
			"this program")
	}
	size, err := fileSize(fd)
	if err != nil {
		return nil, failure(err, "the ring cannot be looked at: %v", err)
	}
	if size < sizeofRing+ringMin*sizeofTick {
		return nil, failure(ErrProtocol, "the daemon sent something else than a ring")
	}
	m, err := mapFile(fd, size, syscall.PROT_READ|syscall.PROT_WRITE)
	if err != nil {
		return nil, failure(err, "cannot map the ring: %v", err)
	}
	r := &ring{mapping: m, slots: uint64(m.load32(offRingSize))}
	if r.slots < ringMin || r.slots > ringMax || bits.OnesCount64(r.slots) != 1 ||
		sizeofRing+r.slots*sizeofTick != uint64(size) {
		m.unmap()
		return nil, failure(ErrProtocol, "the daemon sent a ring of the wrong size")
	}
	return r, nil
}

// pending is how many ticks the daemon has not taken yet. More than the ring holds cannot be: then the tail
// is a lie, and nothing is known.
func (r *ring) pending() uint64 {
	n := r.head - r.load64(offRingTail)
	if n > r.slots {
		return 0
	}
	return n
}

func (r *ring) full() bool {
	return r.pending() >= r.slots
}

func (r *ring) slot(i uint64) *Tick {
	return (*Tick)(r.at(sizeofRing + uintptr(i&(r.slots-1))*sizeofTick))
}

// put writes a tick, for which there is room. The daemon does not look at it before the head has moved.
func (r *ring) put(t *Tick) {
	*r.slot(r.head) = *t
	r.head++
	r.store64(offRingHead, r.head)
}

// mustKnock says, after one or more puts, whether the daemon sleeps and wants its doorbell rung, once. The
// head's store and this load stand in one order for everybody, so one of the two sides sees the other.
func (r *ring) mustKnock() bool {
	return r.load32(offRingDozing) != 0 && r.swap32(offRingDozing, 0) != 0
}

// wait asks to be woken when half of the ring is free. Afterwards its caller looks at it once more.
func (r *ring) wait() {
	r.store32(offRingWaiting, 1)
}

// learn looks in the new ring for what has been published of this one, whose daemon may have died before
// it could say so here.
func (r *ring) learn(fresh *ring) {
	taken, tail := fresh.load64(offRingLastTaken), r.load64(offRingTail)
	if fresh.load64(offRingLastID) == r.load64(offRingID) && taken-tail <= r.head-tail {
		r.store64(offRingTail, taken)
	}
}

// eachPending calls visit with every tick that the daemon has not taken, the last so many of them at most. A
// daemon that is not quite gone may have taken some since they were counted, never more came.
func (r *ring) eachPending(most uint64, visit func(Tick)) {
	n := r.pending()
	if n > most {
		n = most
	}
	for ; n > 0; n-- {
		visit(*r.slot(r.head - n))
	}
	runtime.KeepAlive(r.mapping)
}
