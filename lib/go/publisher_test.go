package mdclient

import (
	"context"
	"errors"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestEveryKindComesThrough(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	h := define(t, p, "A@XNAS")[0]
	must(t, c.SubscribeAll())
	ticks := []Tick{
		Quote{BidPx: -PxOne, AskPx: PxNone, BidSz: 5}.Tick(h),
		Trade{Px: 12345, Sz: 1, Volume: 2, TradeID: -3}.Tick(h),
		Bar{Open: 1, High: 4, Low: 1, Close: 2}.Tick(h),
		Totals{Notional: 99 * MoneyOne, Trades: 1, Breaks: 2, BrokenVolume: 3}.Tick(h),
		Status{Trading: 'H', Reason: [4]byte{'T', '1'}, Retail: ' '}.Tick(h),
		Auction{RefPx: 7, Paired: 1, Imbalance: 2, Scheduled: 3, Type: 'O', Side: 'B', Extension: 255}.Tick(h),
		Clearing{ClearingPx: 1, BookPx: 2, CollarLo: 3, CollarHi: PxNone}.Tick(h),
		Official{OpenPx: 1, ClosePx: 2, OpenTs: 3, CloseTs: 4}.Tick(h),
		Broken{Px: 12345, Sz: 1, Volume: 1, TradeID: -3}.Tick(h),
	}
	for i := range ticks {
		ticks[i].Flags = FlagLast | FlagOddLot
		ticks[i].TsEvent = Timestamp(1000 + i)
		ticks[i].TsRecv = Timestamp(2000 + i)
		must(t, p.Put(ticks[i]))
	}
	must(t, drain(p))

	f := c.Follow()
	for i, want := range ticks {
		if !f.Next(soon(t)) {
			t.Fatal(f.Err())
		}
		got := f.Tick()
		want.Seq = uint64(i + 1)
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if want.Kind < Places {
			if tick, ok, err := c.Read(got.Instrument, want.Kind); err != nil || !ok || tick != want {
				t.Errorf("read %+v, %v, %v", tick, ok, err)
			}
		}
	}
}

func TestTimesAreFilledIn(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	h := define(t, p, "A")[0]
	before := Now()
	must(t, p.Quote(h, Quote{BidPx: PxOne, AskPx: PxOne}))
	must(t, drain(p))
	tick, _, err := c.Read(h, KindQuote)
	must(t, err)
	if tick.TsEvent < before || tick.TsRecv < tick.TsEvent || tick.TsRecv > Now() || tick.Flags != FlagLast {
		t.Errorf("got %+v", tick)
	}
	if Timestamp(0).Time() != (time.Time{}) || !Timestamp(1).Time().Equal(time.Unix(0, 1)) {
		t.Error("a moment is another one")
	}
}

func TestTicksThatCannotBeAreRefused(t *testing.T) {
	r := newDemo(t)
	p, c := r.publisher(), r.dial()
	define(t, p, "A")
	bad := Price(math.MinInt64)
	flagged := Trade{Px: 1}.Tick(0)
	flagged.Flags = 1 << 15
	unused := Status{}.Tick(0)
	unused.Words[3] = 1
	for _, test := range []struct {
		tick Tick
		says string
	}{
		{flagged, "unknown flags"},
		{Quote{BidPx: bad}.Tick(0), "price is out of range"},
		{Quote{AskSz: -1}.Tick(0), "size is negative"},
		{Quote{BidPx: PxNone, BidSz: 1}.Tick(0), "size but no price"},
		{Trade{Px: PxNone, Sz: 1}.Tick(0), "but no price"},
		{Trade{Px: PxNone, Volume: 1}.Tick(0), "but no price"},
		{Trade{Px: PxNone, TradeID: 1}.Tick(0), "but no price"},
		{Trade{Px: bad}.Tick(0), "price is out of range"},
		{Trade{Volume: -1}.Tick(0), "negative"},
		{Bar{High: 1, Low: 2}.Tick(0), "high is below its low"},
		{Bar{Close: bad}.Tick(0), "out of range"},
		{Totals{Breaks: -1}.Tick(0), "negative count"},
		{Status{Reason: [4]byte{3: '\n'}}.Tick(0), "unprintable"},
		{unused, "unused bytes"},
		{Auction{RefPx: bad}.Tick(0), "out of range"},
		{Auction{Side: 0x80}.Tick(0), "unprintable"},
		{Clearing{CollarHi: bad}.Tick(0), "out of range"},
		{Official{OpenPx: bad}.Tick(0), "out of range"},
		{Broken{Sz: -1}.Tick(0), "out of range"},
		{System{Event: 'O'}.Tick(0), "nobody can publish"},
		{Tick{Kind: 99}, "nobody can publish"},
		{Trade{Px: 1}.Tick(1), "no handle 1"},
	} {
		refuses(t, p.Put(test.tick), ErrInvalid, test.says)
	}
	if p.Pending() != 0 || c.stream.segment.newest() != 0 {
		t.Error("something was put")
	}
	must(t, p.Trade(0, Trade{Px: 1}))
}

func TestDefinitionsAreAnswered(t *testing.T) {
	r := newRig(t, "instruments = 4\njournal = 64\n", demoFeed+"instruments = 3\n[feed other]\nsource = publisher\n")
	p := r.publisher()
	if h := define(t, p, "A", "A@X", "A"); h[0] != 0 || h[1] != 1 || h[2] != 0 {
		t.Errorf("got handles %v", h)
	}
	for _, test := range []struct {
		def  Instrument
		err  error
		says string
	}{
		{Instrument{}, ErrInvalid, "no symbol"},
		{Instrument{Symbol: strings.Repeat("S", 32)}, ErrInvalid, "no symbol"},
		{Instrument{Symbol: " A"}, ErrInvalid, "no symbol"},
		{Instrument{Symbol: "A\n"}, ErrInvalid, "no symbol"},
		{Instrument{Symbol: "Ä"}, ErrInvalid, "no symbol"},
		{Instrument{Symbol: "A", Venue: "123456789"}, ErrInvalid, "no venue"},
		{Instrument{Symbol: "A", Venue: "X "}, ErrInvalid, "no venue"},
		{Instrument{Symbol: "B", SizeExp: 19}, ErrInvalid, "size_exp is -18 to 18"},
		{Instrument{Symbol: "A", SizeExp: 2}, ErrSizeExp, "A"},
	} {
		_, err := p.Define(test.def)
		refuses(t, err, test.err, test.says)
	}
	define(t, p, strings.Repeat("S", 31))
	_, err := p.Define(Instrument{Symbol: "D"})
	refuses(t, err, ErrNoRoom, "D")

	other, err := DialPublisher(r.socket, "other")
	must(t, err)
	defer other.Close()
	_, err = other.Define(Instrument{Symbol: "A"})
	refuses(t, err, ErrOtherFeed, "A")
	_, err = p.Define(Instrument{Symbol: "A", Lot: 100, ClosePx: 5})
	must(t, err)
	if got, err := r.dial().Instrument(0); err != nil || got.Lot != 100 || got.ClosePx != 5 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFeedsAreForOnePublisher(t *testing.T) {
	r := newDemo(t)
	p := r.publisher()
	_, err := DialPublisher(r.socket, "demo")
	refuses(t, err, ErrFeedBusy, "demo")
	_, err = DialPublisher(r.socket, "nothing")
	refuses(t, err, ErrNoFeed, "nothing")
	_, err = DialPublisher(r.socket, strings.Repeat("x", 32))
	refuses(t, err, ErrNoFeed, "so long a name")
	refuses(t, p.Redial(), ErrInvalid, "connected already")
	define(t, p, "A")
	must(t, p.Close())
	refuses(t, p.Put(Trade{Px: 1}.Tick(0)), ErrClosed, "closed")
	refuses(t, p.Flush(), ErrClosed, "closed")
	refuses(t, p.Wait(soon(t)), ErrClosed, "closed")
	refuses(t, p.Drain(soon(t)), ErrClosed, "closed")
	refuses(t, p.Close(), ErrClosed, "closed already")
	_, err = p.Define(Instrument{Symbol: "A"})
	refuses(t, err, ErrClosed, "closed")

	c := r.dial()
	await(t, "its instruments are stale", func() bool {
		i, err := c.Instrument(0)
		return err == nil && i.Flags == InstrumentStale && c.Feeds()[0].State == FeedDown
	})
}

// The daemon ends the connection of a publisher that goes around what this package refuses.
func TestLiarsAreTold(t *testing.T) {
	r := newDemo(t)
	p := r.publisher()
	h := define(t, p, "A")[0]
	lie := Trade{Px: PxNone, Sz: 1}.Tick(h)
	p.ring.put(&lie)
	must(t, p.Flush())
	refuses(t, p.Drain(soon(t)), ErrLiar, "but no price")
	refuses(t, p.Trade(h, Trade{Px: 1}), ErrLiar, "refuses")
	if newest := r.dial().stream.segment.newest(); newest != 0 {
		t.Errorf("tick %d was made of it", newest)
	}
}

// So is one that may not publish any more, and it is told from a liar.
func TestWhoIsShutOutIsTold(t *testing.T) {
	l := newLiar(t)
	p := l.publisher()
	refused := wireRefused{code: 2}
	copy(refused.text[:], "because of the weather")
	_, err := (<-l.conns).Write(packet(&refused, wireRefusedOp))
	must(t, err)
	_, err = p.Define(Instrument{Symbol: "A"})
	refuses(t, err, ErrAccess, "refuses: because of the weather")
}

func TestFullRingSaysSo(t *testing.T) {
	r := newRig(t, "instruments = 16\njournal = 256\n", demoFeed+"ring = 64\n")
	p, c := r.publisher(), r.dial()
	h := define(t, p, "A")
	must(t, c.SubscribeAll())
	r.signal(syscall.SIGSTOP)
	id := int64(0)
	for err := error(nil); err == nil; id++ {
		if err = p.Put(Trade{Px: 1, TradeID: id}.Tick(h[0])); err != nil {
			refuses(t, err, ErrFull, "ring of 64 ticks")
			break
		}
	}
	if id != 64 || p.Pending() != 64 {
		t.Fatalf("%d were put, %d are pending", id, p.Pending())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := p.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	r.signal(syscall.SIGCONT)
	must(t, p.Wait(soon(t)))
	must(t, put(p, Trade{Px: 1, TradeID: id}.Tick(h[0])))
	must(t, drain(p))
	f := c.Follow()
	for want := int64(0); want <= id; want++ {
		if !f.Next(soon(t)) || f.tick.Trade().TradeID != want {
			t.Fatalf("got %+v, %v, want trade %d", f.Tick(), f.Err(), want)
		}
	}
}
