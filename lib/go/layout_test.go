package mdclient

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"
)

type publishedField struct {
	Name   string
	Offset uintptr
	Size   uintptr
	Unit   string
}

type publishedLayout struct {
	Kinds []struct {
		Number Kind
		Name   string
		Fields []publishedField
	}
	Structs map[string]struct {
		Size   uintptr
		Fields []publishedField
	}
	Flags           []struct{ Number Flags }
	InstrumentFlags []struct{ Number InstrumentFlags } `json:"instrument_flags"`
}

// publishedPath is the layout that the build has written; else the one in the source tree.
func publishedPath() string {
	if path := os.Getenv("MDSHMD_LAYOUT"); path != "" {
		return path
	}
	return "../shm/mdshm-layout.json"
}

func readLayout(t *testing.T) (l publishedLayout) {
	t.Helper()
	text, err := os.ReadFile(publishedPath())
	must(t, err)
	must(t, json.Unmarshal(text, &l))
	return l
}

// compareFields checks that a struct has the published fields at the published offsets, in order.
func compareFields(t *testing.T, typ reflect.Type, base uintptr, fields []publishedField) {
	t.Helper()
	if typ.NumField() != len(fields) {
		t.Fatalf("%s has %d fields, and %d are published", typ, typ.NumField(), len(fields))
	}
	for i, published := range fields {
		f := typ.Field(i)
		if f.Offset+base != published.Offset || f.Type.Size() != published.Size {
			t.Errorf("%s.%s: offset %d, size %d; published as %s: offset %d, size %d", typ, f.Name,
				f.Offset+base, f.Type.Size(), published.Name, published.Offset, published.Size)
		}
		if (f.Name == "_") != (published.Unit == "NONE") {
			t.Errorf("%s.%s: published with unit %s", typ, f.Name, published.Unit)
		}
	}
}

func TestTickIsAsPublished(t *testing.T) {
	tick := readLayout(t).Structs["tick"]
	typ := reflect.TypeOf(Tick{})
	if typ.Size() != tick.Size {
		t.Errorf("a tick has %d bytes, and %d are published", typ.Size(), tick.Size)
	}
	compareFields(t, typ, 0, tick.Fields)
}

func TestBodiesAreAsPublished(t *testing.T) {
	bodies := map[Kind]any{
		KindQuote: Quote{}, KindTrade: Trade{}, KindBar: Bar{}, KindTotals: Totals{}, KindStatus: Status{},
		KindAuction: Auction{}, KindClearing: Clearing{}, KindOfficial: Official{}, KindBroken: Broken{},
		KindSystem: System{},
	}
	kinds := readLayout(t).Kinds
	if len(kinds) != len(bodies) {
		t.Fatalf("%d kinds are published, and %d known here", len(kinds), len(bodies))
	}
	for _, k := range kinds {
		body, ok := bodies[k.Number]
		if !ok || k.Number.String() != k.Name {
			t.Errorf("kind %d is published as %s, and known here as %v", k.Number, k.Name, k.Number)
			continue
		}
		if size := reflect.TypeOf(body).Size(); size != reflect.TypeOf(Tick{}.Words).Size() {
			t.Errorf("the body of %s has %d bytes", k.Name, size)
		}
		compareFields(t, reflect.TypeOf(body), offTickBody, k.Fields)
	}
}

func TestBodiesStandInTheirTicks(t *testing.T) {
	trade := Trade{Px: 7 * PxOne, Sz: 2, Volume: 30, TradeID: 41}
	tick := trade.Tick(5)
	if tick.Instrument != 5 || tick.Kind != KindTrade || *tick.Trade() != trade {
		t.Errorf("got %+v, %+v", tick, tick.Trade())
	}
	if tick.Quote() != nil || tick.Broken() != nil {
		t.Error("a trade shows the body of another kind")
	}
	tick.Trade().Sz = 3
	if tick.Words[1] != 3 {
		t.Error("the body is a copy")
	}
	status := Status{Trading: 'H', Reason: [4]byte{'T', '1'}}.Tick(0)
	if got := status.Status(); got.Trading != 'H' || got.Reason != [4]byte{'T', '1'} {
		t.Errorf("got %+v", got)
	}
}

func TestFlagsAreThosePublished(t *testing.T) {
	l := readLayout(t)
	var flags Flags
	for _, f := range l.Flags {
		flags |= f.Number
	}
	if flags != validFlags {
		t.Errorf("published are %v, and a publisher may set %v", flags, Flags(validFlags))
	}
	if s := (FlagLast | FlagOddLot | 1<<15).String(); s != "last|odd_lot|Flags(32768)" {
		t.Errorf("got %q", s)
	}
	if s := (InstrumentStale | InstrumentTest).String(); s != "test|stale" {
		t.Errorf("got %q", s)
	}
	if s := Kind(77).String(); s != "Kind(77)" {
		t.Errorf("got %q", s)
	}
}
