package mdclient

import (
	"context"
	"errors"
	"math/rand"
	"testing"
	"time"
)

// trades publishes so many trades over all handles, numbered from 1.
func trades(p *Publisher, handles []uint32, from, to int64) error {
	for id := from; id <= to; id++ {
		trade := Trade{Px: PxOne, Sz: 1, Volume: Size(id), TradeID: id}
		if err := put(p, trade.Tick(handles[id%int64(len(handles))])); err != nil {
			return err
		}
		if id%100 == 0 {
			if err := p.Flush(); err != nil {
				return err
			}
		}
	}
	return drain(p)
}

func TestEveryTickIsFollowedOrCountedAsMissed(t *testing.T) {
	const n = 200000
	r := newRig(t, "instruments = 64\njournal = 1024\n", demoFeed)
	p, c := r.publisher(), r.dial()
	handles := define(t, p, "A", "B", "C")
	must(t, c.SubscribeAll())
	published := beside(func() error { return trades(p, handles, 1, n) })

	random := rand.New(rand.NewSource(2))
	ctx, f := soon(t), c.Follow()
	last, taken, missed := int64(0), uint64(0), uint64(0)
	for last < n && f.Next(ctx) {
		tick := f.Tick()
		id := tick.Trade().TradeID
		if skipped := uint64(id - last - 1); id <= last || skipped != f.Missed() {
			t.Fatalf("trade %d after %d, and %d are said to be missed", id, last, f.Missed())
		}
		taken++
		missed += f.Missed()
		last = id
		if random.Intn(5000) == 0 {
			time.Sleep(time.Duration(random.Intn(10)) * time.Millisecond)
		}
	}
	must(t, <-published)
	if f.Err() != nil || last != n || taken+missed != n {
		t.Errorf("%d taken and %d missed of %d, %v", taken, missed, n, f.Err())
	}
	if f.Poll() {
		t.Errorf("one too many: %+v", f.Tick())
	}
	h := health(t, c)
	if h.Ticks != taken || h.Missed != missed || h.Cursor != n+1 {
		t.Errorf("%d taken and %d missed, and health says %+v", taken, missed, h)
	}
	t.Logf("%d taken, %d missed, %d laps", taken, missed, h.Laps)
}

// Reading and then following from that very tick leaves out none and gives none twice.
func TestFollowGoesOnFromARead(t *testing.T) {
	const n = 100000
	r := newRig(t, "instruments = 64\njournal = 131072\n", demoFeed)
	p := r.publisher()
	handles := define(t, p, "A")
	published := beside(func() error { return trades(p, handles, 1, n) })
	c := r.dial()
	must(t, c.Subscribe(0))
	for starts := 0; starts < 1000; starts++ {
		tick, ok, err := c.Read(0, KindTrade)
		must(t, err)
		if !ok {
			continue
		}
		must(t, c.Seek(tick.Seq+1))
		f := c.Follow()
		for i := int64(1); i <= 5 && f.Poll(); i++ {
			next := f.Tick()
			if next.Trade().TradeID != tick.Trade().TradeID+i || f.Missed() != 0 {
				t.Fatalf("trade %d, %d after %d", next.Trade().TradeID, i, tick.Trade().TradeID)
			}
		}
	}
	must(t, <-published)
	refuses(t, c.Seek(0), ErrInvalid, "no tick 0")
	refuses(t, c.Seek(n+2), ErrInvalid, "no tick")
	must(t, c.Seek(n))
	if f := c.Follow(); !f.Poll() || f.Tick().Seq != n || c.Cursor() != n+1 {
		t.Errorf("got %+v, cursor %d", f.Tick(), c.Cursor())
	}
}

// A client that sleeps is woken by each tick that it waits for, however the two meet.
func TestSleepersAreWoken(t *testing.T) {
	const rounds = 2000
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	handles := define(t, p, "A", "B")
	must(t, c.Subscribe(0))
	ctx, f := soon(t), c.Follow()
	random := rand.New(rand.NewSource(3))
	for n := int64(1); n <= rounds; n++ {
		i := n
		must(t, p.Trade(handles[1], Trade{Px: PxOne, TradeID: -i}))
		delay := time.Duration(random.Intn(200)) * time.Microsecond
		published := beside(func() error {
			time.Sleep(delay)
			return p.Trade(handles[0], Trade{Px: PxOne, TradeID: i})
		})
		if !f.Next(ctx) {
			t.Fatalf("round %d: %v", i, f.Err())
		}
		must(t, <-published)
		if tick := f.Tick(); tick.Trade().TradeID != i {
			t.Fatalf("round %d: got trade %d", i, tick.Trade().TradeID)
		}
	}
	if wakes := c.control.load64(offControlWakes); wakes == 0 {
		t.Error("nobody slept")
	}
}

// One who never sleeps is never woken, however long there is nothing to see.
func TestWhoSpinsForEverIsNotWoken(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial(WithSpin(-1))
	h := define(t, p, "A")[0]
	must(t, c.Subscribe(0))
	f := c.Follow()
	for i := int64(1); i <= 3; i++ {
		published := beside(func() error {
			time.Sleep(100 * time.Millisecond)
			return p.Trade(h, Trade{Px: PxOne, TradeID: i})
		})
		if !f.Next(soon(t)) {
			t.Fatal(f.Err())
		}
		must(t, <-published)
	}
	if wakes, sleeps := c.control.load64(offControlWakes), c.stream.sleeps; wakes != 0 || sleeps != 0 {
		t.Errorf("woken %d times, asleep %d times", wakes, sleeps)
	}
}

// One who spins for a while sleeps in the end, and is woken.
func TestWhoSpinsSleepsInTheEnd(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial(WithSpin(time.Millisecond))
	h := define(t, p, "A")[0]
	must(t, c.Subscribe(0))
	f := c.Follow()
	published := beside(func() error {
		await(t, "it is armed", func() bool { return c.control.load32(offControlArmed) != 0 })
		return p.Trade(h, Trade{Px: PxOne})
	})
	if !f.Next(soon(t)) {
		t.Fatal(f.Err())
	}
	must(t, <-published)
	if c.control.load64(offControlWakes) == 0 {
		t.Error("nobody slept")
	}
}

func TestLaggingIsSaidInTime(t *testing.T) {
	r := newRig(t, "instruments = 16\njournal = 256\n", demoFeed)
	p := r.publisher()
	h := define(t, p, "A")
	chosen, usual := r.dial(WithWatermarks(10, 3)), r.dial()
	for _, c := range []*Client{chosen, usual} {
		must(t, c.SubscribeAll())
	}
	for n := int64(0); n < 192; {
		if chosen.Lagging() != (n >= 10) || usual.Lagging() {
			t.Fatalf("%d behind: %v, %v", n, chosen.Lagging(), usual.Lagging())
		}
		n++
		must(t, trades(p, h, n, n))
		must(t, drain(p))
		await(t, "the tick", func() bool { return usual.stream.segment.newest() == uint64(n) })
	}
	for _, test := range []struct {
		c   *Client
		low int
	}{{chosen, 3}, {usual, 128}} {
		f := test.c.Follow()
		for behind := 192; behind >= 0; behind-- {
			if test.c.Lagging() != (behind > test.low) {
				t.Fatalf("%d behind: %v", behind, test.c.Lagging())
			}
			f.Poll()
		}
	}
}

func TestWaitingEndsWhenItShould(t *testing.T) {
	for _, spin := range []time.Duration{0, -1} {
		waitingEnds(t, spin)
	}
}

func waitingEnds(t *testing.T, spin time.Duration) {
	r := newDemo(t)
	c := r.dial(WithSpin(spin))
	f := c.Follow()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if f.Next(ctx) || !errors.Is(f.Err(), context.DeadlineExceeded) {
		t.Errorf("got %v", f.Err())
	}
	changes := c.Changes(ctx)
	if change, open := <-changes; open {
		t.Errorf("got %+v", change)
	}
	if !errors.Is(c.Err(), context.DeadlineExceeded) {
		t.Errorf("got %v", c.Err())
	}
	go func() {
		time.Sleep(20 * time.Millisecond)
		_ = c.Close()
	}()
	if f.Next(context.Background()) {
		t.Error("somebody came")
	}
	refuses(t, f.Err(), ErrClosed, "closed")
}

func TestOnlyWhatWasSubscribedToComes(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	handles := define(t, p, "A", "B", "C")
	must(t, c.Subscribe(0, 1))
	must(t, c.Unsubscribe(1))
	must(t, c.SubscribeKinds(KindTrade, KindBar))
	refuses(t, c.Subscribe(3), ErrInvalid, "no instrument 3")
	refuses(t, c.SubscribeKinds(32), ErrInvalid, "no kind 32")
	if i, err := c.SubscribeSymbol("C", ""); err != nil || i != 2 {
		t.Errorf("got %d, %v", i, err)
	}
	_, err := c.SubscribeSymbol("D", "")
	refuses(t, err, ErrNotFound, "D is not known")

	for _, h := range handles {
		must(t, put(p, Quote{BidPx: PxOne, AskPx: PxNone}.Tick(h)))
		must(t, put(p, Bar{Open: 1, High: 2, Low: 1, Close: 2}.Tick(h)))
		must(t, put(p, Trade{Px: PxOne}.Tick(h)))
	}
	must(t, drain(p))
	var got []Tick
	for f, ctx := c.Follow(), soon(t); len(got) < 4 && f.Next(ctx); {
		got = append(got, f.Tick())
	}
	for i, want := range []struct {
		instrument uint32
		kind       Kind
	}{{0, KindBar}, {0, KindTrade}, {2, KindBar}, {2, KindTrade}} {
		if i >= len(got) || got[i].Instrument != want.instrument || got[i].Kind != want.kind {
			t.Fatalf("got %+v, want %+v at %d", got, want, i)
		}
	}
}

// Instruments that appear later are included where a pattern says so, and wake those who wait.
func TestPatternsTakeInWhatAppearsLater(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	define(t, p, "A1@X", "A2@Y")
	must(t, c.SubscribePattern("A?", "X"))
	must(t, c.SubscribePattern("B*", ""))
	refuses(t, c.SubscribePattern("", ""), ErrInvalid, "no pattern")
	refuses(t, c.SubscribePattern("[a", ""), ErrInvalid, "no pattern")
	refuses(t, c.SubscribePattern("A", "[a"), ErrInvalid, "no pattern")

	published := beside(func() error {
		time.Sleep(50 * time.Millisecond)
		for i, symbol := range []string{"A3@Y", "A4@X", "B/C", "AB", "BETA@Z"} {
			handle, err := p.Define(symbolAt(symbol))
			if err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond) // it has woken whoever wants to know, who sleeps again
			if err = p.Trade(handle, Trade{Px: PxOne, TradeID: int64(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	f, ctx := c.Follow(), soon(t)
	for _, want := range []int64{1, 2, 4} {
		if !f.Next(ctx) {
			t.Fatal(f.Err())
		}
		if tick := f.Tick(); tick.Trade().TradeID != want {
			t.Errorf("got %+v, want trade %d", tick, want)
		}
	}
	must(t, <-published)
	for i := len(c.patterns.all); i < patternsMax; i++ {
		must(t, c.SubscribePattern("Z", ""))
	}
	refuses(t, c.SubscribePattern("Z", ""), ErrNoRoom, "64 patterns")
}
