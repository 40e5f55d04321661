package mdclient

import (
	"context"
	"runtime"
	"time"
)

const spinRounds = 64 // looks between two at what else may have happened

// lookOut looks for news again and again, for as long as WithSpin says: false when that is over, or the
// connection.
func (c *Client) lookOut(ctx context.Context) (bool, error) {
	begin := time.Now()
	for {
		for i := 0; i < spinRounds; i++ {
			if c.hasNews() {
				return true, nil
			}
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-c.closing.Done():
			return false, failure(ErrClosed, "this client is closed")
		case <-c.stream.link.gone:
			return false, nil // who is gone makes no news
		default:
		}
		if c.spin >= 0 && time.Since(begin) >= c.spin {
			return false, nil
		}
		runtime.Gosched()
	}
}

// Lagging warns before this client is lapped: it is true from the moment that the client is so many ticks
// behind as WithWatermarks says, until it has caught up. It belongs to the goroutine that follows the stream.
func (c *Client) Lagging() bool {
	s := &c.stream
	if s.segment == nil {
		return false
	}
	lag, high, low := uint64(0), c.high, c.low
	if newest := s.segment.newest(); newest >= s.cursor {
		lag = newest - s.cursor + 1
	}
	if high == 0 {
		high, low = s.segment.journal.count/4*3, s.segment.journal.count/2
	}
	if s.lagging {
		s.lagging = lag > low
	} else {
		s.lagging = lag >= high
	}
	return s.lagging
}
