package mdclient

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func health(t *testing.T, c *Client) Health {
	t.Helper()
	h, err := c.Health()
	must(t, err)
	return h
}

// A daemon that is killed while it writes leaves everything readable, and nobody waiting. The next one
// goes on where it was.
func TestReadersSurviveAKilledDaemon(t *testing.T) {
	const instruments, kills = 4, 5
	r := newRig(t, "instruments = 16\njournal = 64\n", demoFeed)
	p, c := r.publisher(), r.dial()
	define(t, p, "A", "B", "C", "D")
	must(t, c.SubscribeAll())
	var stop atomic.Bool
	var readers sync.WaitGroup
	readers.Add(2)
	go func() {
		defer readers.Done()
		var seen [instruments]uint64
		for n := 0; !stop.Load(); n++ {
			i := n % instruments
			tick, ok, err := c.Read(uint32(i), KindQuote)
			if err != nil || tick.Seq < seen[i] {
				t.Errorf("got %+v, %v after tick %d", tick, err, seen[i])
				return
			}
			if ok {
				checkWave(t, &tick)
			}
			seen[i] = tick.Seq
		}
	}()
	ctx := soon(t)
	go func() {
		defer readers.Done()
		for f := c.Conflate(); !stop.Load() && f.Next(ctx); {
			change := f.Change()
			if change.Tick.Kind == KindQuote { // else the feed has passed to the next daemon
				checkWave(t, &change.Tick)
			}
		}
	}()

	for i := 0; i < kills; i++ {
		var enough atomic.Bool
		published := beside(func() error { return waves(p, instruments, &enough) })
		time.Sleep(20 * time.Millisecond)
		r.kill()
		enough.Store(true)
		if err := <-published; err != nil && !errors.Is(err, ErrGone) {
			t.Error(err)
		}
		await(t, "both connections have ended", func() bool {
			return p.link.over() && !health(t, c).Connected
		})
		r.start()
		must(t, p.Redial())
		await(t, "the client is back", func() bool { return health(t, c).Connected })
		if h := health(t, c); h.Generation != uint64(i+2) || h.Reconnects != uint64(i+1) {
			t.Errorf("got %+v", h)
		}
	}
	stop.Store(true)
	must(t, p.Quote(0, waveQuote(1, 0))) // the last news, for whoever still waits
	readers.Wait()
}

// What a publisher had put when its daemon died goes out first to the next one, and whoever follows misses
// nothing.
func TestNothingIsLostBetweenTwoDaemons(t *testing.T) {
	const n = 100
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	h := define(t, p, "A", "B")
	must(t, c.Subscribe(h...))
	must(t, trades(p, h, 1, n))
	r.signal(syscall.SIGSTOP)
	for id := int64(n + 1); id <= 2*n; id++ {
		must(t, p.Put(Trade{Px: 1, TradeID: id}.Tick(h[id%2])))
	}
	must(t, p.Flush())
	r.kill()
	await(t, "the connection has ended", p.link.over)
	refuses(t, p.Put(Trade{Px: 1}.Tick(h[0])), ErrGone, "100 ticks were not taken")
	if err := p.Redial(); err == nil {
		t.Fatal("nobody is there")
	}
	refuses(t, p.Flush(), ErrClosed, "closed")
	r.start()
	must(t, p.Redial())
	must(t, trades(p, h, 2*n+1, 3*n))

	f := c.Follow()
	for id := int64(1); id <= 3*n; id++ {
		if !f.Next(soon(t)) || f.tick.Trade().TradeID != id || f.Missed() != 0 || f.Remapped() {
			t.Fatalf("got %+v, %v, %d missed, want trade %d", f.Tick(), f.Err(), f.Missed(), id)
		}
	}
}

// A daemon that ends cleanly takes its segment with it; the next one builds another, with other indexes.
func TestSubscriptionsAreCarriedOverByName(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	h := define(t, p, "A", "B", "C@X")
	must(t, c.Subscribe(h[1]))
	must(t, c.SubscribePattern("C*", "X"))
	must(t, c.SubscribeKinds(KindTrade))
	changes := c.Changes(soon(t))
	must(t, p.Trade(h[1], Trade{Px: 1, TradeID: 1}))
	first := <-changes
	if first.Tick.Trade() == nil || first.Remapped {
		t.Errorf("got %+v", first)
	}

	r.stop()
	await(t, "the connection has ended", p.link.over)
	if h := health(t, c); h.State != SegmentStopped {
		t.Errorf("got %+v", h)
	}
	if tick, ok, err := c.Read(h[1], KindTrade); err != nil || !ok || tick != first.Tick {
		t.Errorf("got %+v, %v, %v", tick, ok, err)
	}
	r.start()
	other, err := DialPublisher(r.socket, "demo")
	must(t, err)
	defer other.Close()
	h = define(t, other, "X", "Y", "C2@X", "B", "A")
	for i, handle := range h {
		must(t, other.Quote(handle, Quote{BidPx: 1, AskPx: 1}))
		must(t, other.Trade(handle, Trade{Px: 1, TradeID: int64(10 + i)}))
	}
	for i, want := range []struct {
		id     int64
		symbol string
	}{{12, "C2"}, {13, "B"}} {
		change := <-changes
		instrument, err := change.Instrument()
		if err != nil || instrument.Symbol != want.symbol || change.Tick.Trade() == nil ||
			change.Tick.Trade().TradeID != want.id || change.Remapped != (i == 0) {
			t.Errorf("got %+v of %+v, %v, want %+v", change, instrument, err, want)
		}
	}
	// a change knows its instrument even now
	if instrument, err := first.Instrument(); err != nil || instrument.Symbol != "B" || instrument.Index != 1 {
		t.Errorf("got %+v, %v", instrument, err)
	}
}

// A program that may start before its daemon's publishers, and does not want to be called back, is told.
func TestWhoDoesNotReconnectIsTold(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial(WithReconnect(false))
	h := define(t, p, "A")
	must(t, c.SubscribeAll())
	must(t, trades(p, h, 1, 10))
	r.kill()
	f, n := c.Follow(), 0
	for f.Next(soon(t)) {
		n++
	}
	refuses(t, f.Err(), ErrGone, "closed the connection")
	if n != 10 {
		t.Errorf("%d ticks of 10 before the end", n)
	}
	before := health(t, c)
	await(t, "the heartbeat grows old", func() bool {
		after := health(t, c)
		return !after.Connected && after.HeartbeatAge > before.HeartbeatAge
	})
}
