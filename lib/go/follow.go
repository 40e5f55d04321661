package mdclient

import (
	"context"
	"io"
)

// Follower gives every tick that is subscribed to, in order:
//
//	f := client.Follow()
//	for f.Next(ctx) {
//		tick := f.Tick()
//		...
//	}
//	err := f.Err()
//
// It shares the cursor of its client with whatever else follows the stream.
type Follower struct {
	c        *Client
	tick     Tick
	missed   uint64
	remapped bool
	err      error
}

// Follow returns a Follower that begins where the client's cursor is.
func (c *Client) Follow() *Follower {
	return &Follower{c: c}
}

// Next goes to the next tick, and waits for it. False when ctx ends, the client is closed, or nothing can
// come any more: Err says which.
func (f *Follower) Next(ctx context.Context) bool {
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

// Poll is Next without waiting: false when there is nothing more now.
func (f *Follower) Poll() bool {
	c, s := f.c, &f.c.stream
	if _, f.err = c.attached(); f.err != nil {
		return false
	}
	for {
		switch s.segment.journalRead(s.cursor, &f.tick) {
		case journalEmpty:
			s.report()
			return false
		case journalLapped:
			s.unsaid += s.catchUp()
			continue
		}
		s.cursor++
		if c.wants(&f.tick) {
			f.missed, s.unsaid = s.unsaid, 0
			f.remapped, s.remapped = s.remapped, false
			s.count()
			return true
		}
	}
}

// Tick returns the tick that Next or Poll went to.
func (f *Follower) Tick() Tick {
	return f.tick
}

// Missed returns how many ticks of the stream, subscribed or not, were overwritten just before this one
// because nobody took them in time; nearly always 0.
func (f *Follower) Missed() uint64 {
	return f.missed
}

// Remapped says that this is the first tick from another segment: a new daemon has built it afresh.
// Instruments have other indexes, and numbers begin anew; subscriptions were carried over. Of the old
// segment nothing is lost: it was read to its end.
func (f *Follower) Remapped() bool {
	return f.remapped
}

// Err returns why Next has returned false: the error of ctx, ErrClosed, or ErrGone; nil at the end of a
// file.
func (f *Follower) Err() error {
	if f.err == io.EOF {
		return nil
	}
	return f.err
}
