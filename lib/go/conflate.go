package mdclient

import (
	"context"
	"io"
	"math/bits"
	"time"
)

// Conflation works in rounds. A round walks from the cursor to what was newest when it began: trades and
// breaks are given out on the way, for they never merge; of anything else it is only noted that this
// instrument has a change of this kind. At the end of the walk the noted changes are given out, each read
// from the table at that very moment, so it may be newer than the walk has come. The number that was
// given out is remembered; when a later walk passes ticks up to it, they are counted as merged.
//
// The other way round, the walk may be ahead of the table, for a tick appears in the journal first. The
// number that was noted says so, and the tick is then taken from the journal.
//
// A client that is lapped notes every place whose number is not the one it gave out last, and gives these
// out like any other change; so it ends at the newest state of everything, trades included (the newest of
// those that it missed, that is). What it gives out of the ticks that it missed, now or because it had
// read ahead, is counted as recovered. So at the end of a round each tick of the stream has been given
// out, merged, or missed and not recovered.
type conflation struct {
	limit    uint64 // the present round ends before this tick
	draining bool   // its walk is done, the noted changes are being given out
	late     bool   // it comes later than the interval alone would make it

	lapBegin, lapEnd uint64 // the ticks from begin to before end were missed last

	slots []slot   // by instrument
	queue []uint32 // instruments with noted changes, each once: a ring
	head  int
	used  int
}

// A slot is what is known of one instrument.
type slot struct {
	seen   [Places]uint64 // number of the last tick given out, 0: none
	noted  [Places]uint64 // number of the newest one that waits in the queue, 0: none
	merged [Places]uint64 // ticks passed over since the last that was given out
	dirty  uint32         // bit k: kind k waits in the queue
}

// Reason says why ticks were merged.
type Reason int

const (
	NotMerged   Reason = iota
	MergedAsked        // within the interval that WithInterval asked for
	MergedSlow         // because nobody came in time to see each of them
)

// Change is the newest tick of an instrument and kind, and what it stands for.
type Change struct {
	Tick Tick
	// Merged is how many older ones of the same instrument and kind it replaces, since the last that was
	// given out: passed over, not lost.
	Merged uint64
	Reason Reason // of Merged
	// Missed is how many ticks of the stream were overwritten before they were looked at, since the last
	// change; what they changed comes as a change all the same.
	Missed uint64
	// Remapped: as Follower.Remapped.
	Remapped bool

	segment *segment
}

// Instrument returns the instrument that has changed. It is that of the segment the change came from, even
// if the client has gone over to another one meanwhile. ErrInvalid: the change concerns a whole feed.
func (ch *Change) Instrument() (Instrument, error) {
	if ch.segment == nil || ch.Tick.Instrument >= ch.segment.capacity() {
		return Instrument{}, failure(ErrInvalid, "there is no instrument %d", ch.Tick.Instrument)
	}
	return ch.segment.instrument(ch.Tick.Instrument), nil
}

// Conflator gives what changed, newest only. Each instrument and kind comes once, however many ticks there
// were; trades and breaks are never merged, each of them comes, in order. After being lapped it also gives
// what differs from what was given before, so it always ends at the newest state.
//
// It is used like a Follower, and shares the cursor of its client with whatever else follows the stream.
type Conflator struct {
	c      *Client
	change Change
	err    error
}

// Conflate returns a Conflator that begins where the client's cursor is.
func (c *Client) Conflate() *Conflator {
	return &Conflator{c: c}
}

// Next goes to the next change, and waits for it. False when ctx ends, the client is closed, or nothing
// can come any more: Err says which.
func (f *Conflator) Next(ctx context.Context) bool {
	for !f.Poll() {
		if f.err != nil {
			return false
		}
		if f.err = f.c.wait(ctx); f.err != nil {
			return false
		}
	}
	return true
}

// Poll is Next without waiting: false when there is nothing more now, or when Err is not nil.
func (f *Conflator) Poll() bool {
	if _, f.err = f.c.attached(); f.err != nil {
		return false
	}
	var ok bool
	ok, f.err = f.c.nextChange(&f.change)
	return ok
}

// Change returns the change that Next or Poll went to.
func (f *Conflator) Change() Change {
	return f.change
}

// Err returns why Next has returned false: the error of ctx, ErrClosed, ErrGone, or ErrDamaged; nil at the
// end of a file.
func (f *Conflator) Err() error {
	if f.err == io.EOF {
		return nil
	}
	return f.err
}

// Changes gives what changed, newest only, as a Conflator does, through a channel. While nobody receives,
// changes go on being merged behind the one that is held out. The channel is closed when ctx ends, the
// client is closed, or nothing can come any more: then Err says why.
func (c *Client) Changes(ctx context.Context) <-chan Change {
	changes := make(chan Change)
	go func() {
		defer close(changes)
		f := c.Conflate()
		for f.Next(ctx) {
			select {
			case changes <- f.Change():
			case <-ctx.Done():
				c.setErr(ctx.Err())
				return
			case <-c.closing.Done():
				c.setErr(failure(ErrClosed, "this client is closed"))
				return
			}
		}
		c.setErr(f.Err())
	}()
	return changes
}

func (c *Client) setErr(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// Err returns why the channel of Changes was closed: as Conflator.Err.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// ---- rounds ----

func neverMerges(kind Kind) bool {
	return kind == KindTrade || kind == KindBroken || kind >= Places
}

// pending says that changes wait to be given out.
func (f *conflation) pending() bool {
	return f.used > 0 || f.draining
}

// nextChange gives out the next change; false when there is nothing more now.
func (c *Client) nextChange(change *Change) (bool, error) {
	f := &c.stream.conflation
	if f.slots == nil {
		// taken by the system as it is used: most of it never is
		f.slots = make([]slot, c.stream.segment.capacity())
		f.queue = make([]uint32, c.stream.segment.capacity())
	}
	for {
		if !f.draining && c.walk(change) {
			c.give(change)
			return true, nil
		}
		f.draining = true
		if ok, err := c.drain(change); err != nil {
			return false, err
		} else if ok {
			c.give(change)
			return true, nil
		}
		f.draining = false
		if !c.beginRound() {
			c.stream.report()
			return false, nil
		}
	}
}

func (c *Client) give(change *Change) {
	s := &c.stream
	change.segment = s.segment
	change.Missed, s.unsaid = s.unsaid, 0
	change.Remapped, s.remapped = s.remapped, false
	switch {
	case change.Merged == 0:
		change.Reason = NotMerged
	case s.conflation.late:
		change.Reason = MergedSlow
	default:
		change.Reason = MergedAsked
	}
	s.count()
}

// beginRound begins a round, if there is anything to walk over.
func (c *Client) beginRound() bool {
	s := &c.stream
	if s.segment.journalLook(s.cursor) == journalEmpty {
		return false
	}
	// the line may be ahead of the header for a moment, or for long if the writer died there
	limit := s.segment.newest()
	if limit < s.cursor {
		limit = s.cursor
	}
	s.conflation.limit = limit + 1
	s.conflation.late = c.interval == 0 || time.Since(s.lastRound) > 2*c.interval
	return true
}

// walk goes on to the end of the round; true with a tick that is to be given out at once.
func (c *Client) walk(change *Change) bool {
	s := &c.stream
	f := &s.conflation
	for s.cursor < f.limit {
		switch s.segment.journalRead(s.cursor, &change.Tick) {
		case journalEmpty:
			f.limit = s.cursor
		case journalLapped:
			f.lapBegin = s.cursor
			s.unsaid += s.catchUp()
			f.lapEnd = s.cursor
			// what is in between is gone; the round ends here, and says what it left
			f.limit = s.cursor
			c.sweep()
		default:
			s.cursor++
			if c.pass(&change.Tick) {
				change.Merged = 0
				return true
			}
		}
	}
	return false
}

// pass takes one tick of the walk; true when it is to be given out at once.
func (c *Client) pass(t *Tick) bool {
	if !c.wants(t) {
		return false
	}
	s := &c.stream
	f := &s.conflation
	if t.Kind >= Places || int64(t.Instrument) >= int64(len(f.slots)) {
		return true
	}
	slot, kind := &f.slots[t.Instrument], t.Kind
	if t.Seq <= slot.seen[kind] {
		// a newer one was given out before the walk came here; that one is this very tick, or replaced it
		if t.Seq != slot.seen[kind] {
			s.countMerged(slot, kind)
		}
		return false
	}
	if neverMerges(kind) {
		slot.seen[kind] = t.Seq
		return true
	}
	if slot.noted[kind] != 0 {
		s.countMerged(slot, kind)
	}
	slot.noted[kind] = t.Seq
	f.note(t.Instrument, kind)
	return false
}

func (s *stream) countMerged(slot *slot, kind Kind) {
	slot.merged[kind]++
	s.merged++
}

// note puts a place in the queue.
func (f *conflation) note(instrument uint32, kind Kind) {
	slot := &f.slots[instrument]
	if slot.dirty == 0 {
		f.queue[(f.head+f.used)%len(f.queue)] = instrument
		f.used++
	}
	slot.dirty |= 1 << kind
}

// ---- the queue ----

// inLap says whether a tick is one of those that were overwritten before we came.
func (f *conflation) inLap(seq uint64) bool {
	return seq >= f.lapBegin && seq < f.lapEnd
}

// sweep notes every place that holds something else than what was given out last.
func (c *Client) sweep() {
	known := c.stream.segment.known()
	for i := uint32(0); i < known; i++ {
		for kind := Kind(0); kind < Places; kind++ {
			c.sweepPlace(i, kind)
		}
	}
}

func (c *Client) sweepPlace(instrument uint32, kind Kind) {
	s := &c.stream
	f := &s.conflation
	seq, seen := s.segment.tableSeq(instrument, kind), f.slots[instrument].seen[kind]
	if f.inLap(seen) {
		s.recovered++
	}
	// what the walk has yet to pass it will find by itself
	if seq != 0 && seq < s.cursor && seq > seen && c.wants(&Tick{Instrument: instrument, Kind: kind}) {
		f.note(instrument, kind)
	}
}

// drain gives out the next change of the queue; false when it is empty.
func (c *Client) drain(change *Change) (bool, error) {
	s := &c.stream
	f := &s.conflation
	for f.used > 0 {
		instrument := f.queue[f.head]
		slot := &f.slots[instrument]
		if slot.dirty == 0 {
			f.head = (f.head + 1) % len(f.queue)
			f.used--
			continue
		}
		kind := Kind(bits.TrailingZeros32(slot.dirty))
		slot.dirty &= slot.dirty - 1
		if err := s.readNoted(instrument, kind, &change.Tick); err != nil {
			return false, err
		}
		seq := change.Tick.Seq
		// a trade that the walk has yet to pass must not overtake those before it
		if seq <= slot.seen[kind] || neverMerges(kind) && seq >= s.cursor {
			continue
		}
		s.settle(slot, kind, seq)
		change.Merged, slot.merged[kind] = slot.merged[kind], 0
		return true, nil
	}
	return false, nil
}

// readNoted copies the newest tick of a noted place. The table may be one step behind the journal; where
// the journal has lost the tick meanwhile, the table has it, or a newer one.
func (s *stream) readNoted(instrument uint32, kind Kind, t *Tick) error {
	noted := s.conflation.slots[instrument].noted[kind]
	err := s.segment.tableRead(instrument, kind, t)
	if err == nil && t.Seq < noted && s.segment.journalRead(noted, t) != journalOK {
		err = s.segment.tableRead(instrument, kind, t)
		if err == nil && t.Seq < noted {
			err = errTorn
		}
	}
	if err != nil {
		return damaged(instrument, kind)
	}
	return nil
}

// settle counts a tick that comes out of the queue instead of the one that the walk has noted there.
func (s *stream) settle(slot *slot, kind Kind, seq uint64) {
	if seq != slot.noted[kind] {
		if slot.noted[kind] != 0 {
			s.countMerged(slot, kind)
		}
		if s.conflation.inLap(seq) {
			s.recovered++
		}
	}
	slot.noted[kind] = 0
	slot.seen[kind] = seq
}
