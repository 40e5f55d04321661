package mdclient

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestInstrumentsAreFound(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	if _, err := c.Lookup("AAPL", ""); true {
		refuses(t, err, ErrNotFound, "AAPL is not known (yet)")
	}
	define(t, p, "AAPL@XNAS", "MSFT@XNAS", "AAPL@IEXG", "BRK.A")
	_, err := p.Define(Instrument{Symbol: "BTC", Venue: "X", SizeExp: -8, Lot: 5, ClosePx: 9, Flags: InstrumentTest})
	must(t, err)

	for _, test := range []struct {
		symbol, venue string
		want          uint32
		err           error
		says          string
	}{
		{"AAPL", "XNAS", 0, nil, ""},
		{"MSFT", "", 1, nil, ""},
		{"MSFT", "XNAS", 1, nil, ""},
		{"AAPL", "IEXG", 2, nil, ""},
		{"BRK.A", "", 3, nil, ""},
		{"AAPL", "", 0, ErrAmbiguous, "several venues"},
		{"AAPL", "XNYS", 0, ErrNotFound, "AAPL at XNYS"},
		{"aapl", "", 0, ErrNotFound, "aapl"},
		{"", "", 0, ErrInvalid, "no symbol"},
		{"0123456789012345678901234567890", "", 0, ErrNotFound, "not known"},
		{"01234567890123456789012345678901", "", 0, ErrInvalid, "no symbol"},
		{"AAPL", "123456789", 0, ErrInvalid, "no venue"},
	} {
		got, err := c.Lookup(test.symbol, test.venue)
		if test.err != nil {
			refuses(t, err, test.err, test.says)
		} else if err != nil || got != test.want {
			t.Errorf("%s at %q: got %d, %v", test.symbol, test.venue, got, err)
		}
	}

	all := c.Instruments()
	if len(all) != 5 || c.InstrumentCount() != 5 {
		t.Fatalf("got %d instruments", len(all))
	}
	want := Instrument{Index: 4, Symbol: "BTC", Venue: "X", SizeExp: -8, Lot: 5, ClosePx: 9, Flags: InstrumentTest}
	if got, err := c.Instrument(4); err != nil || got != want || all[4] != want {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = c.Instrument(5)
	refuses(t, err, ErrInvalid, "no instrument 5")
}

func TestPlacesWithoutATickAreEmpty(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	define(t, p, "A")
	if tick, ok, err := c.Read(0, KindQuote); ok || err != nil {
		t.Errorf("got %+v, %v, %v", tick, ok, err)
	}
	_, _, err := c.Read(1, KindQuote)
	refuses(t, err, ErrInvalid, "no instrument 1")
	_, _, err = c.Read(0, KindBroken)
	refuses(t, err, ErrInvalid, "broken")
	_, err = c.ReadMany([]Tick{{Instrument: 0}, {Instrument: 9}}, nil)
	refuses(t, err, ErrInvalid, "no instrument 9")
}

// waves publishes quotes of instruments 0 to n-1, over and over, until it is told to stop. In wave w, every
// number in a quote follows from w, so that a torn one shows.
func waves(p *Publisher, n int, stop *atomic.Bool) error {
	for w := int64(1); !stop.Load(); w++ {
		for i := 0; i < n; i++ {
			q := waveQuote(w, i)
			if err := put(p, q.Tick(uint32(i))); err != nil {
				return err
			}
		}
		if w%64 == 0 {
			if err := p.Flush(); err != nil {
				return err
			}
		}
	}
	return drain(p)
}

func waveQuote(w int64, i int) Quote {
	return Quote{BidPx: Price(w), AskPx: Price(w + int64(i)), BidSz: Size(w * 3), AskSz: Size(w ^ 0x5555)}
}

// checkWave returns the wave that a quote is from.
func checkWave(t *testing.T, tick *Tick) int64 {
	q := *tick.Quote()
	w := int64(q.BidPx)
	if q != waveQuote(w, int(tick.Instrument)) {
		t.Errorf("torn: %+v", *tick)
	}
	return w
}

func TestNothingTornIsReadUnderLoad(t *testing.T) {
	const instruments = 8
	r := newRig(t, "instruments = 64\njournal = 64\n", demoFeed)
	p, c := r.publisher(), r.dial()
	define(t, p, "A", "B", "C", "D", "E", "F", "G", "H")
	var stop atomic.Bool
	published := beside(func() error { return waves(p, instruments, &stop) })
	var readers sync.WaitGroup
	defer func() {
		stop.Store(true)
		readers.Wait()
		if err := <-published; err != nil {
			t.Error(err)
		}
	}()
	await(t, "the first wave", func() bool {
		_, ok, _ := c.Read(instruments-1, KindQuote)
		return ok
	})

	// one client, several goroutines
	for g := 0; g < 2; g++ {
		readers.Add(1)
		go func() {
			defer readers.Done()
			var seen [instruments]uint64
			for n := 0; !stop.Load(); n++ {
				i := uint32(n % instruments)
				tick, ok, err := c.Read(i, KindQuote)
				if err != nil || !ok || tick.Instrument != i {
					t.Errorf("got %+v, %v, %v", tick, ok, err)
					return
				}
				checkWave(t, &tick)
				if tick.Seq < seen[i] {
					t.Errorf("tick %d after %d", tick.Seq, seen[i])
				}
				seen[i] = tick.Seq
			}
		}()
	}
	cuts := countCuts(t, c, instruments, time.Now().Add(2*time.Second))
	if cuts == 0 {
		t.Error("not one true cut")
	}
}

// countCuts reads all instruments as they stood at one moment, again and again: in the middle of wave w,
// some are of wave w and those after them of the one before.
func countCuts(t *testing.T, c *Client, instruments int, end time.Time) (cuts int) {
	ticks, moved := make([]Tick, instruments), make([]bool, instruments)
	for time.Now().Before(end) {
		for i := range ticks {
			ticks[i] = Tick{Instrument: uint32(i), Kind: KindQuote}
		}
		n, err := c.ReadMany(ticks, moved)
		must(t, err)
		said := 0
		for i := range ticks {
			if moved[i] {
				said++
			}
		}
		if said != n {
			t.Fatalf("%d moved, and it says %d", said, n)
		}
		if n > 0 {
			continue
		}
		cuts++
		first, last := checkWave(t, &ticks[0]), int64(0)
		for i := range ticks {
			w := checkWave(t, &ticks[i])
			if w > first || w < first-1 || i > 0 && w > last {
				t.Fatalf("no moment had instrument %d at wave %d, after %d and %d", i, w, first, last)
			}
			last = w
		}
	}
	return cuts
}

func TestStateOfEverythingIsShown(t *testing.T) {
	r := newRig(t, "instruments = 16\njournal = 256\n", demoFeed+"ring = 128\n")
	c := r.dial(WithName("who am I?"))
	feeds := c.Feeds()
	if len(feeds) != 1 || feeds[0].Name != "demo" || feeds[0].Source != "publisher" || feeds[0].State != FeedDown {
		t.Fatalf("got %+v", feeds)
	}
	p := r.publisher()
	define(t, p, "A")
	must(t, p.Trade(0, Trade{Px: PxOne, Sz: 1, Volume: 1}))
	must(t, drain(p))
	await(t, "the feed shows the tick", func() bool {
		feeds = c.Feeds()
		return feeds[0].State == FeedLive && feeds[0].Ticks == 1 && feeds[0].Instruments == 1
	})
	if d := feeds[0].Dropped(); d != 0 {
		t.Errorf("%d dropped", d)
	}

	h := health(t, c)
	if !h.Connected || h.File || h.State != SegmentRunning || h.Capacity != 16 || h.Journal != 256 ||
		h.Instruments != 1 || h.Newest != 1 || h.Version == "" || h.Generation != 1 ||
		h.Reconnects != 0 || h.Client == 0 || h.Pid != uint32(r.daemon.Process.Pid) {
		t.Errorf("got %+v", h)
	}
	if age := h.HeartbeatAge; age < 0 || age > patience {
		t.Errorf("the heartbeat is %v old", age)
	}
	if started := time.Since(h.Started.Time()); started < 0 || started > 10*patience {
		t.Errorf("the daemon began %v ago", started)
	}
	published := false
	for _, counter := range c.Counters() {
		published = published || counter.Label == "ticks published" && counter.Value == 1 &&
			counter.Feed == CounterFeedNone
	}
	if !published {
		t.Errorf("no counter says that one tick was published: %+v", c.Counters())
	}
}

func TestClosedClientsSaySo(t *testing.T) {
	r := newDemo(t)
	c := r.dial()
	must(t, c.Close())
	_, _, err := c.Read(0, KindQuote)
	refuses(t, err, ErrClosed, "closed")
	_, err = c.Lookup("A", "")
	refuses(t, err, ErrClosed, "closed")
	_, err = c.Health()
	refuses(t, err, ErrClosed, "closed")
	refuses(t, c.SubscribeAll(), ErrClosed, "closed")
	refuses(t, c.Close(), ErrClosed, "closed already")
	if c.Follow().Poll() || c.Conflate().Poll() || c.Feeds() != nil || c.Counters() != nil || c.Instruments() != nil {
		t.Error("there is something to read")
	}
	f := c.Follow()
	if f.Next(soon(t)) {
		t.Error("there is something to follow")
	}
	refuses(t, f.Err(), ErrClosed, "closed")
}

// Who comes and goes leaves nothing behind.
func TestNoDescriptorIsLeftOpen(t *testing.T) {
	r := newDemo(t)
	before := openFDs(t)
	for i := 0; i < 50; i++ {
		c := r.dial()
		must(t, c.Close())
		p, err := DialPublisher(r.socket, "demo")
		if errors.Is(err, ErrFeedBusy) {
			continue // the daemon has yet to notice that the last one has left
		}
		must(t, err)
		must(t, p.Close())
	}
	if _, err := Dial(r.folder + "/nothing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	// the runtime closes a file when the last goroutine has left it
	await(t, "all descriptors are closed", func() bool { return openFDs(t) <= before })
}
