package mdclient

import (
	"path"
	"strings"
	"sync/atomic"
)

// What is of interest stands in the control page, where the daemon can see it. A pattern is held against
// each instrument once, when it is first seen: the daemon wakes a client with patterns when the directory
// grows, and whoever follows the stream looks again before passing a tick of an instrument that is new.

const patternsMax = 64

type pattern struct {
	symbol, venue string // venue "": any
}

type patterns struct {
	all    []pattern
	lost   []pattern     // names of a former segment that this one does not have yet
	learnt atomic.Uint32 // instruments that have been held against them
}

// pending says that new instruments are of interest. The client is locked.
func (p *patterns) pending() bool {
	return len(p.all) > 0 || len(p.lost) > 0
}

// wants says whether a tick is subscribed to. For whoever follows the stream.
func (c *Client) wants(t *Tick) bool {
	s := &c.stream
	if t.Kind < 32 && s.control.load32(offControlKinds)>>t.Kind&1 == 0 {
		return false
	}
	if s.control.load32(offControlAll) != 0 {
		return true
	}
	if t.Instrument >= s.segment.capacity() {
		return false
	}
	if t.Instrument >= c.patterns.learnt.Load() {
		c.learn()
	}
	return s.control.interested(t.Instrument)
}

// Subscribe adds instruments to those whose ticks Follow, Conflate and Changes give. At first there are
// none. ErrInvalid: there is no such instrument.
func (c *Client) Subscribe(instruments ...uint32) error {
	return c.setInterest(instruments, true)
}

// Unsubscribe takes instruments away again.
func (c *Client) Unsubscribe(instruments ...uint32) error {
	return c.setInterest(instruments, false)
}

func (c *Client) setInterest(instruments []uint32, on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.attached()
	if err != nil {
		return err
	}
	known := s.known()
	for _, i := range instruments {
		if i >= known {
			return failure(ErrInvalid, "there is no instrument %d", i)
		}
		c.control.setInterest(i, on)
	}
	return nil
}

// SubscribeSymbol is Lookup and Subscribe in one.
func (c *Client) SubscribeSymbol(symbol, venue string) (uint32, error) {
	instrument, err := c.Lookup(symbol, venue)
	if err != nil {
		return 0, err
	}
	return instrument, c.Subscribe(instrument)
}

// SubscribeAll subscribes to all instruments, those that are not known yet and ticks of whole feeds
// included.
func (c *Client) SubscribeAll() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.attached(); err != nil {
		return err
	}
	c.control.store32(offControlAll, 1)
	return nil
}

// SubscribeKinds narrows all subscriptions to ticks of these kinds.
func (c *Client) SubscribeKinds(kinds ...Kind) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.attached(); err != nil {
		return err
	}
	bits := uint32(0)
	for _, k := range kinds {
		if k >= 32 {
			return failure(ErrInvalid, "there is no kind %d", k)
		}
		bits |= 1 << k
	}
	c.control.store32(offControlKinds, bits)
	return nil
}

// SubscribePattern subscribes to all instruments whose symbol and venue fit these patterns, those that
// appear later included. The patterns are those of path.Match, but that '*' and '?' also stand for a
// slash; venue "" means any. ErrInvalid: no pattern. ErrNoRoom: a client can have 64 patterns.
func (c *Client) SubscribePattern(symbol, venue string) error {
	p := pattern{foldSlash(symbol), foldSlash(venue)}
	if _, err := path.Match(p.symbol, ""); err != nil || symbol == "" {
		return failure(ErrInvalid, "%.64q is no pattern for a symbol", symbol)
	}
	if _, err := path.Match(p.venue, ""); err != nil {
		return failure(ErrInvalid, "%.64q is no pattern for a venue", venue)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.attached()
	if err != nil {
		return err
	}
	if len(c.patterns.all) == patternsMax {
		return failure(ErrNoRoom, "a client can have %d patterns", patternsMax)
	}
	c.learnLocked(s)
	c.patterns.all = append(c.patterns.all, p)
	c.match(s, p, 0, c.patterns.learnt.Load())
	c.control.setGrowth(true)
	return nil
}

// foldSlash lets path.Match take a slash for a character like any other.
func foldSlash(text string) string {
	return strings.ReplaceAll(text, "/", "\x00")
}

func (p pattern) fits(symbol, venue string) bool {
	ok, _ := path.Match(p.symbol, foldSlash(symbol))
	if ok && p.venue != "" {
		ok, _ = path.Match(p.venue, foldSlash(venue))
	}
	return ok
}

// match holds the instruments from..to-1 against a pattern. The client is locked.
func (c *Client) match(s *segment, p pattern, from, to uint32) {
	for i := from; i < to; i++ {
		if p.fits(s.symbol(i), s.venue(i)) {
			c.control.setInterest(i, true)
		}
	}
}

// learn holds instruments that are new against the patterns.
func (c *Client) learn() {
	s := c.stream.segment
	if c.patterns.learnt.Load() == s.known() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.learnLocked(s)
}

func (c *Client) learnLocked(s *segment) {
	known := s.known()
	if known == c.patterns.learnt.Load() {
		return
	}
	for _, p := range c.patterns.all {
		c.match(s, p, c.patterns.learnt.Load(), known)
	}
	c.findLost(s)
	c.patterns.learnt.Store(known)
}

// findLost subscribes to those names of a former segment that have appeared in this one.
func (c *Client) findLost(s *segment) {
	kept := c.patterns.lost[:0]
	for _, name := range c.patterns.lost {
		if i, ok := s.findExactly(name.symbol, name.venue); ok {
			c.control.setInterest(i, true)
		} else {
			kept = append(kept, name)
		}
	}
	c.patterns.lost = kept
	c.control.setGrowth(c.patterns.pending())
}

// resubscribe carries the subscriptions of a segment, with its control page, over to another one. The
// client is locked.
func (c *Client) resubscribe(old *segment, page control, s *segment) {
	c.control.store32(offControlAll, page.load32(offControlAll))
	c.control.store32(offControlKinds, page.load32(offControlKinds))
	for i := uint32(0); i < old.known(); i++ {
		if page.interested(i) {
			c.patterns.lost = append(c.patterns.lost, pattern{old.symbol(i), old.venue(i)})
		}
	}
	c.patterns.learnt.Store(0)
	c.findLost(s)
	c.learnLocked(s)
}
