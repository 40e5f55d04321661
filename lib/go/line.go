package mdclient

import (
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// This file reads ticks while they may be written. lib/shm/line.h, table.h and journal.h tell how a tick
// is written, and why these ways of reading never see a torn one, never an older one than was seen
// before, and never wait for the writer, even if it was killed half-way.

const lineWords = sizeofTick / 8

// lineSeq returns the number of the tick in a line, with seqBusy set while it is being written; 0 where
// there never was one.
func (s *segment) lineSeq(line uintptr) uint64 {
	return s.load64(line)
}

// copyLine copies the line if it holds tick number seq whole, as a look at lineSeq has just said. False
// where it was overwritten meanwhile; *t is then worth nothing.
func (s *segment) copyLine(line uintptr, seq uint64, t *Tick) bool {
	from, to := (*[lineWords]uint64)(s.at(line)), (*[lineWords]uint64)(unsafe.Pointer(t))
	to[0] = seq
	for i := 1; i < lineWords; i++ {
		to[i] = atomic.LoadUint64(&from[i])
	}
	whole := atomic.LoadUint64(&from[0]) == seq
	runtime.KeepAlive(s.mapping)
	return whole
}

// What the journal may say of a number.
type journalAnswer int

const (
	journalOK     journalAnswer = iota
	journalEmpty                // not written yet
	journalLapped               // overwritten already
)

func (s *segment) journalLine(seq uint64) uintptr {
	return s.journal.record(seq & (s.journal.count - 1))
}

// journalLook says whether tick number seq is there, without copying it.
func (s *segment) journalLook(seq uint64) journalAnswer {
	there := s.lineSeq(s.journalLine(seq))
	switch {
	case there == seq:
		return journalOK
	case there&^seqBusy > seq:
		return journalLapped
	}
	return journalEmpty
}

// journalRead copies tick number seq; *t is worth something only with journalOK.
func (s *segment) journalRead(seq uint64, t *Tick) journalAnswer {
	answer := s.journalLook(seq)
	if answer == journalOK && !s.copyLine(s.journalLine(seq), seq, t) {
		// a line that held our number and no longer does can only hold a later one
		return journalLapped
	}
	return answer
}

// journalOldest returns the oldest number that can still stand whole when newest is the newest one: the
// line of newest + 1 may be under the writer's pen already.
func (s *segment) journalOldest(newest uint64) uint64 {
	if newest >= s.journal.count {
		return newest - s.journal.count + 2
	}
	return 1
}

func (s *segment) tableLine(instrument uint32, kind Kind) uintptr {
	return s.table.record(uint64(instrument)) + uintptr(kind)*sizeofTick
}

// tableSeq returns the number of the newest tick in a place, 0 where there never was one.
func (s *segment) tableSeq(instrument uint32, kind Kind) uint64 {
	return s.lineSeq(s.tableLine(instrument, kind)) &^ seqBusy
}

var errTorn = errors.New("a tick that is neither whole nor in the journal")

// tableRead copies the newest tick of a place; t.Seq is 0 where there never was one. A place that is BUSY
// with tick n stands whole in the journal; if it is not there any more, the place holds something newer
// by now, and is looked at again. One that stays BUSY without its tick in the journal is damaged.
func (s *segment) tableRead(instrument uint32, kind Kind, t *Tick) error {
	line, stuck := s.tableLine(instrument, kind), uint64(0)
	for {
		seq := s.lineSeq(line)
		if seq&seqBusy == 0 {
			if s.copyLine(line, seq, t) {
				return nil
			}
			continue
		}
		if s.journalRead(seq&^seqBusy, t) == journalOK {
			return nil
		}
		if seq == stuck {
			return errTorn
		}
		stuck = seq
	}
}
