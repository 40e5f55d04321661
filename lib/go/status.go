package mdclient

import (
	"math"
	"syscall"
	"time"
	"unsafe"
)

// CounterFeedNone is the feed of a counter that is the daemon's own.
const CounterFeedNone = math.MaxUint32

// Health says how daemon and client are.
type Health struct {
	Connected    bool          // the daemon has not closed the connection, as far as is known
	File         bool          // a saved segment; HeartbeatAge is then its age in wall-clock time
	State        SegmentState  // of the daemon, as it has said last
	Client       uint32        // our id
	Pid          uint32        // the daemon's, in its own pid namespace
	Reconnects   uint64        // connections that replaced one that was lost
	Generation   uint64        // which daemon: one more after each that took the segment over
	Started      Timestamp     // when it began
	HeartbeatAge time.Duration // since its last heartbeat; they come every 100 ms
	Newest       uint64        // number of the newest tick
	Journal      uint64        // ticks that the journal holds
	Instruments  uint32        // known
	Capacity     uint32        // instruments that there is room for
	Version      string        // of the daemon

	// Of this client's stream; while it is busy, as of at most 256 ticks ago.
	Cursor    uint64 // number of the next tick it would look at
	Ticks     uint64 // taken
	Merged    uint64 // passed over
	Missed    uint64 // overwritten before they were looked at
	Recovered uint64 // of these, Conflate or Changes gave out all the same, from the table
	Laps      uint64 // times that it was lapped
}

// Health says how things are. It costs no system call but a look at the clock.
func (c *Client) Health() (Health, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.attached()
	if err != nil {
		return Health{}, err
	}
	h := Health{
		File:        c.file,
		Client:      c.id,
		State:       SegmentState(s.load32(offHeaderState)),
		Pid:         s.load32(offHeaderPid),
		Generation:  s.load64(offHeaderGeneration),
		Started:     Timestamp(s.load64(offHeaderStarted)),
		Newest:      s.newest(),
		Journal:     s.journal.count,
		Instruments: s.known(),
		Capacity:    s.capacity(),
		Version:     s.text(offHeaderVersion, sizeHeaderVersion),
		Cursor:      c.control.load64(offControlCursor),
		Ticks:       c.control.load64(offControlTicks),
		Merged:      c.control.load64(offControlMerged),
		Missed:      c.control.load64(offControlMissed),
		Recovered:   c.stream.recoveredTold.Load(),
		Laps:        c.control.load64(offControlLaps),
	}
	if c.file {
		h.HeartbeatAge = time.Duration(int64(Now()) - int64(s.load64(offHeaderHeartbeatTime)))
	} else {
		h.Connected = !c.link.over()
		h.Reconnects = c.connected - 1
		h.HeartbeatAge = time.Duration(monotonic() - int64(s.load64(offHeaderHeartbeat)))
	}
	return h, nil
}

// monotonic is CLOCK_MONOTONIC in nanoseconds, the clock of the daemon's heartbeat. The time package
// has only differences of it.
func monotonic() int64 {
	const clockMonotonic = 1
	var now syscall.Timespec
	// it cannot fail: the clock exists, and there is room for the time
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

// Feeds returns all feeds, by index.
func (c *Client) Feeds() []Feed {
	s, err := c.attached()
	if err != nil {
		return nil
	}
	var feeds []Feed
	// they are claimed in order and never given back
	for i := uint64(0); i < s.feeds.count; i++ {
		at := s.feeds.record(i)
		if FeedState(s.load32(at+offFeedState)) == FeedNone {
			break
		}
		feeds = append(feeds, loadFeed(s.mapping, at, uint32(i)))
	}
	return feeds
}

// Dropped returns how many packets the kernel had no room for.
func (f *Feed) Dropped() uint64 {
	return f.Line[0].Dropped + f.Line[1].Dropped
}

// Lead returns by how much a line is ahead of the other one: the mean over the packets that both brought,
// of which there are n. It is negative where the line is behind.
func (f *Feed) Lead(line int) (lead time.Duration, n uint64) {
	own, other := &f.Line[line], &f.Line[line^1]
	n = own.Led + other.Led
	if n == 0 || n > math.MaxInt64 {
		return 0, n
	}
	return time.Duration((own.LeadSum - other.LeadSum) / int64(n)), n
}

// Counters returns every figure that the daemon keeps.
func (c *Client) Counters() []Counter {
	s, err := c.attached()
	if err != nil {
		return nil
	}
	var counters []Counter
	for i := uint64(0); i < s.counters.count; i++ {
		at := s.counters.record(i)
		if s.load32(at+offCounterID) == 0 {
			break
		}
		counters = append(counters, loadCounter(s.mapping, at, uint32(i)))
	}
	return counters
}
