package mdclient

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// A stream is a client's way through the journal: one cursor, for one goroutine.
type stream struct {
	segment *segment
	control control
	link    *link // nil: a file

	cursor                                         uint64 // number of the next tick to look at
	ticks, merged, missed, recovered, laps, sleeps uint64
	unsaid                                         uint64 // of missed, not yet given out
	remapped                                       bool   // another segment, not yet given out
	lagging                                        bool   // as Lagging has said last

	recoveredTold atomic.Uint64 // recovered, for other goroutines: it is not on the control page

	retryAt    time.Time // when to connect again
	retryDelay time.Duration
	lastRound  time.Time // when the last round of changes was announced

	conflation conflation
}

const (
	reportEvery = 256 // ticks, while there is no pause in which to do it

	retryMin = 50 * time.Millisecond
	retryMax = 2 * time.Second
)

func (s *stream) attach(seg *segment, page control, l *link) {
	s.segment, s.control, s.link = seg, page, l
	s.retryAt = time.Time{}
}

// begin goes to a tick of a segment that was not read before.
func (s *stream) begin(cursor uint64) {
	s.cursor = cursor
	s.conflation = conflation{limit: cursor}
}

// report tells those who watch how far we are.
func (s *stream) report() {
	s.control.store64(offControlCursor, s.cursor)
	s.control.store64(offControlTicks, s.ticks)
	s.control.store64(offControlMerged, s.merged)
	s.control.store64(offControlMissed, s.missed)
	s.recoveredTold.Store(s.recovered)
	s.control.store64(offControlLaps, s.laps)
	s.control.store64(offControlSleeps, s.sleeps)
}

// count counts a tick that is given out.
func (s *stream) count() {
	s.ticks++
	if s.ticks%reportEvery == 0 {
		s.report()
	}
}

// Cursor returns the number of the next tick that this client will look at. After Dial it is the one
// after the newest.
func (c *Client) Cursor() uint64 {
	return c.stream.cursor
}

// Seek goes to tick number seq: with the Seq of a tick from Read plus one, the stream goes on from that
// very tick. ErrInvalid: 0, or more than one after the newest.
func (c *Client) Seek(seq uint64) error {
	s := &c.stream
	// the tick that somebody has just seen may be newer than what the header says yet
	if seq == 0 || seq > s.segment.newest()+1 && s.segment.journalLook(seq-1) == journalEmpty {
		return failure(ErrInvalid, "there is no tick %d to go on from", seq)
	}
	s.cursor = seq
	s.conflation.limit = seq
	s.conflation.lapBegin, s.conflation.lapEnd = 0, 0
	return nil
}

// catchUp moves a lapped cursor to the oldest tick that may still be whole, and returns how many it
// passes. The line that stopped us may be newer than the header says, for a moment, or for ever in a
// damaged segment: both are asked, so that the cursor gets past that line in any case.
func (s *stream) catchUp() uint64 {
	newest := s.segment.newest()
	if here := s.segment.lineSeq(s.segment.journalLine(s.cursor)) &^ seqBusy; here > newest {
		newest = here
	}
	oldest := s.segment.journalOldest(newest)
	if oldest <= s.cursor {
		oldest = s.cursor + 1
	}
	missed := oldest - s.cursor
	s.cursor = oldest
	s.missed += missed
	s.laps++
	return missed
}

// hasNews says whether there is something to give out; it passes over what nobody subscribed to.
func (c *Client) hasNews() bool {
	s := &c.stream
	if s.conflation.pending() {
		return true
	}
	c.learn()
	var t Tick
	for {
		switch s.segment.journalRead(s.cursor, &t) {
		case journalEmpty:
			return false
		case journalLapped:
			return true
		}
		if c.wants(&t) {
			return true
		}
		s.cursor++
	}
}

// wait returns when there is something to give out. Otherwise an error: that of ctx; ErrClosed; ErrGone,
// where the daemon is and nobody wants it back; io.EOF at the end of a file.
func (c *Client) wait(ctx context.Context) error {
	s := &c.stream
	for {
		if err := c.holdBack(ctx); err != nil {
			return err
		}
		if c.hasNews() {
			return s.announce()
		}
		if c.spin != 0 && s.link != nil {
			if news, err := c.lookOut(ctx); err != nil {
				return err
			} else if news {
				return s.announce()
			}
		}
		s.control.arm()
		if c.hasNews() {
			s.control.disarm()
			return s.announce()
		}
		s.sleeps++
		s.report()
		if s.link == nil {
			return io.EOF
		}
		if err := c.sleep(ctx); err != nil {
			s.control.disarm()
			return err
		}
	}
}

func (s *stream) announce() error {
	s.lastRound = time.Now()
	return nil
}

// holdBack waits until the next round may be announced, as the interval wants it.
func (c *Client) holdBack(ctx context.Context) error {
	if c.interval == 0 {
		return nil
	}
	return c.pause(ctx, time.Until(c.stream.lastRound.Add(c.interval)))
}

// sleep waits for a hint from the daemon, or for another daemon. What the last one has left is looked at
// before there can be another: the first call after its end does nothing but notice it.
func (c *Client) sleep(ctx context.Context) error {
	s := &c.stream
	select {
	case <-s.link.woken:
		return nil
	case <-s.link.gone:
		return c.callAgain(ctx)
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closing.Done():
		return failure(ErrClosed, "this client is closed")
	}
}

// callAgain registers again, when it is time to; each try that fails makes the next pause longer.
func (c *Client) callAgain(ctx context.Context) error {
	s := &c.stream
	if !c.reconnect {
		return failure(ErrGone, "the daemon has closed the connection")
	}
	if s.retryAt.IsZero() {
		s.link.close()
		s.retryDelay = retryMin
		s.retryAt = time.Now().Add(s.retryDelay)
		return nil
	}
	if err := c.pause(ctx, time.Until(s.retryAt)); err != nil {
		return err
	}
	ctx, cancel := c.untilClosed(ctx)
	defer cancel()
	if c.register(ctx) != nil {
		if s.retryDelay *= 2; s.retryDelay > retryMax {
			s.retryDelay = retryMax
		}
		s.retryAt = time.Now().Add(s.retryDelay)
	}
	return nil
}

// untilClosed returns a context that also ends when the client is closed.
func (c *Client) untilClosed(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-c.closing.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// pause waits for a time, if that is not over yet.
func (c *Client) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closing.Done():
		return failure(ErrClosed, "this client is closed")
	}
}
