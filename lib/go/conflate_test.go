package mdclient

import (
	"context"
	"math/rand"
	"testing"
	"time"
)

// mix publishes n ticks, one in four a trade, each sort with running numbers of its own.
func mix(p *Publisher, handles []uint32, n int) error {
	quotes, trades := int64(0), int64(0)
	for i := 0; i < n; i++ {
		h := handles[i%len(handles)]
		var tick Tick
		if i%4 == 0 {
			trades++
			tick = Trade{Px: PxOne, TradeID: trades}.Tick(h)
		} else {
			quotes++
			tick = Quote{BidPx: Price(quotes), AskPx: Price(quotes)}.Tick(h)
		}
		if err := put(p, tick); err != nil {
			return err
		}
	}
	return drain(p)
}

// sums is what a conflating client was given.
type sums struct {
	given, missed uint64
	trades        int64
	newest        map[uint32]Tick // quotes, by instrument
}

// add counts a change, and checks it against those before.
func (s *sums) add(t *testing.T, change *Change) {
	s.given++
	s.missed += change.Missed
	if (change.Reason == NotMerged) != (change.Merged == 0) {
		t.Errorf("%d were merged for reason %d", change.Merged, change.Reason)
	}
	if change.Tick.Kind == KindQuote {
		if before := s.newest[change.Tick.Instrument].Seq; change.Tick.Seq <= before {
			t.Errorf("tick %d after %d", change.Tick.Seq, before)
		}
		s.newest[change.Tick.Instrument] = change.Tick
		return
	}
	s.trades++
	if id := change.Tick.Trade().TradeID; change.Merged != 0 || id != s.trades {
		t.Errorf("trade %d comes as number %d, %d merged", id, s.trades, change.Merged)
	}
}

// complete says whether all trades have come, and the newest quote of each instrument.
func (s *sums) complete(t *testing.T, c *Client, trades int64) bool {
	for _, i := range c.Instruments() {
		tick, _, err := c.Read(i.Index, KindQuote)
		must(t, err)
		if tick != s.newest[i.Index] {
			return false
		}
	}
	return s.trades == trades
}

func TestQuotesMergeAndTradesDoNot(t *testing.T) {
	const n = 60000
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	handles := define(t, p, "A", "B", "C", "D", "E")
	must(t, c.SubscribeAll())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	changes := c.Changes(ctx)
	published := beside(func() error { return mix(p, handles, n) })

	s, random := sums{newest: map[uint32]Tick{}}, rand.New(rand.NewSource(4))
	for changes != nil {
		select {
		case change, open := <-changes:
			if !open {
				changes = nil
				break
			}
			s.add(t, &change)
			if random.Intn(500) == 0 {
				time.Sleep(time.Duration(random.Intn(5)) * time.Millisecond)
			}
		case err := <-published:
			must(t, err)
			published = nil
		}
		if published == nil && s.complete(t, c, n/4) {
			cancel()
		}
	}
	refuses(t, c.Err(), context.Canceled, "canceled")
	merged := c.stream.merged
	if s.given+merged != n || s.missed != 0 {
		t.Errorf("%d given, %d merged, %d missed of %d", s.given, merged, s.missed, n)
	}
	if merged == 0 {
		t.Error("nothing was merged")
	}
}

// However often a client is lapped, each tick was given out, merged, or missed and not recovered; and it
// ends at the newest state of everything.
func TestLappedClientsEndAtTheNewestState(t *testing.T) {
	const n = 200000
	r := newRig(t, "instruments = 64\njournal = 256\n", demoFeed)
	p, c := r.publisher(), r.dial()
	handles := define(t, p, "A", "B", "C", "D", "E")
	must(t, c.SubscribeAll())
	published := beside(func() error { return mix(p, handles, n) })

	f, random := c.Conflate(), rand.New(rand.NewSource(5))
	state := map[[2]uint32]Tick{}
	given, merged, missed, running := uint64(0), uint64(0), uint64(0), true
	for running {
		select {
		case err := <-published:
			must(t, err)
			running = false
		default:
		}
		for f.Poll() {
			change := f.Change()
			given++
			merged += change.Merged
			missed += change.Missed
			key := [2]uint32{change.Tick.Instrument, uint32(change.Tick.Kind)}
			if change.Tick.Seq <= state[key].Seq {
				t.Fatalf("tick %d after %d", change.Tick.Seq, state[key].Seq)
			}
			state[key] = change.Tick
		}
		must(t, f.Err())
		time.Sleep(time.Duration(random.Intn(3)) * time.Millisecond)
	}

	h, err := c.Health()
	must(t, err)
	if h.Laps == 0 || h.Ticks != given {
		t.Errorf("%d laps, %d ticks; %d were given", h.Laps, h.Ticks, given)
	}
	if total := given + h.Merged + h.Missed - h.Recovered; total != n {
		t.Errorf("%d given, %d merged, %d missed, %d recovered: %d of %d", given, h.Merged, h.Missed,
			h.Recovered, total, n)
	}
	if merged > h.Merged || missed > h.Missed {
		t.Errorf("%d said to be merged, %d missed; it was %d and %d", merged, missed, h.Merged, h.Missed)
	}
	for _, h := range handles {
		for _, kind := range []Kind{KindQuote, KindTrade} {
			tick, _, err := c.Read(h, kind)
			must(t, err)
			if got := state[[2]uint32{h, uint32(kind)}]; got != tick {
				t.Errorf("instrument %d ends at %+v, given was %+v", h, tick, got)
			}
		}
	}
	t.Logf("%d given, %d merged, %d missed, %d recovered, %d laps", given, h.Merged, h.Missed,
		h.Recovered, h.Laps)
}

// The last quote of B was overwritten in the journal, and comes from the table.
func TestWhatComesFromTheTableIsRecovered(t *testing.T) {
	const n = 1000
	r := newRig(t, "instruments = 64\njournal = 256\n", demoFeed)
	p, c := r.publisher(), r.dial()
	handles := define(t, p, "A", "B")
	must(t, c.SubscribeAll())
	must(t, put(p, Quote{BidPx: 1, AskPx: PxNone}.Tick(handles[1])))
	for i := 1; i <= n; i++ {
		must(t, put(p, Quote{BidPx: Price(i), AskPx: PxNone}.Tick(handles[0])))
	}
	must(t, drain(p))

	f, newest := c.Conflate(), map[uint32]Price{}
	for f.Poll() {
		change := f.Change()
		newest[change.Tick.Instrument] = change.Tick.Quote().BidPx
	}
	must(t, f.Err())
	h, err := c.Health()
	must(t, err)
	if newest[handles[0]] != n || newest[handles[1]] != 1 {
		t.Errorf("got %v", newest)
	}
	if h.Laps != 1 || h.Ticks != 2 || h.Recovered != 1 || h.Ticks+h.Merged+h.Missed-h.Recovered != n+1 {
		t.Errorf("got %+v", h)
	}
}

func TestIntervalKeepsRoundsApart(t *testing.T) {
	const interval = 50 * time.Millisecond
	r := newDemo(t)
	p, c := r.publisher(), r.dial(WithInterval(interval))
	handles := define(t, p, "A")
	must(t, c.Subscribe(0))
	changes := c.Changes(soon(t))
	published := beside(func() error {
		for i := 1; i <= 400; i++ {
			if err := p.Quote(handles[0], Quote{BidPx: Price(i), AskPx: PxNone}); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	sum, asked, begin, rounds := uint64(0), 0, time.Now(), 0
	for change := range changes {
		sum += change.Merged + 1
		rounds++
		if change.Reason == MergedAsked {
			asked++
		}
		if instrument, err := change.Instrument(); err != nil || instrument.Symbol != "A" {
			t.Errorf("got %+v, %v", instrument, err)
		}
		if change.Tick.Quote().BidPx == 400 {
			break
		}
	}
	must(t, <-published)
	// a round that reads ahead may be followed by another one at once
	if most := 2*int(time.Since(begin)/interval) + 2; sum != 400 || asked == 0 || rounds > most {
		t.Errorf("%d quotes in %d rounds (at most %d), %d of them asked for", sum, rounds, most, asked)
	}
}
