package mdclient

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// savedSegment is a copy of what a daemon has left: two instruments, 80 quotes and trades of each in turn,
// of which the journal still holds the last 64 ticks.
func savedSegment(t *testing.T) string {
	t.Helper()
	r := newRig(t, "instruments = 16\njournal = 64\n", demoFeed)
	p := r.publisher()
	handles := define(t, p, "A", "B@XNAS")
	for w := int64(1); w <= 80; w++ {
		for i, h := range handles {
			q := waveQuote(w, i)
			must(t, put(p, q.Tick(h)))
			must(t, put(p, Trade{Px: Price(w), TradeID: w}.Tick(h)))
		}
	}
	must(t, drain(p))
	r.kill()
	bytes, err := os.ReadFile("/dev/shm/" + r.segment)
	must(t, err)
	path := filepath.Join(t.TempDir(), "segment")
	must(t, os.WriteFile(path, bytes, 0o600))
	return path
}

func openSaved(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Open(path)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestSavedSegmentIsReadLikeALiveOne(t *testing.T) {
	c := openSaved(t, savedSegment(t))
	i, err := c.Lookup("B", "")
	must(t, err)
	tick, ok, err := c.Read(i, KindQuote)
	if err != nil || !ok || checkWave(t, &tick) != 80 {
		t.Errorf("got %+v, %v, %v", tick, ok, err)
	}
	health, err := c.Health()
	if err != nil || !health.File || health.Connected || health.HeartbeatAge < 0 || health.Newest != 320 {
		t.Errorf("got %+v, %v", health, err)
	}

	must(t, c.SubscribeAll())
	// the line of the tick after the newest may be under the writer's pen, so there are 63
	f, n := c.Follow(), uint64(0)
	for f.Next(soon(t)) {
		n++
		if tick := f.Tick(); tick.Seq != 257+n || f.Missed() != 0 {
			t.Fatalf("tick %d is number %d of the last, %d missed", tick.Seq, n, f.Missed())
		}
	}
	if n != 63 || f.Err() != nil {
		t.Errorf("%d ticks, %v", n, f.Err())
	}
	must(t, c.Seek(300))
	changes := 0 // trades, which are the even ones from 300 to 320, and the newest quotes
	for range c.Changes(soon(t)) {
		changes++
	}
	if changes != 11+2 || c.Err() != nil {
		t.Errorf("%d changes, %v", changes, c.Err())
	}
}

// patch writes a word into a file.
func patch(t *testing.T, path string, at uintptr, word uint64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer file.Close()
	var bytes [8]byte
	binary.LittleEndian.PutUint64(bytes[:], word)
	_, err = file.WriteAt(bytes[:], int64(at))
	must(t, err)
}

// A writer that was killed between the two words of a place leaves it BUSY: then the journal has the tick,
// whole.
func TestBusyPlacesAreReadFromTheJournal(t *testing.T) {
	path := savedSegment(t)
	c := openSaved(t, path)
	s := c.stream.segment
	want, _, err := c.Read(0, KindQuote)
	must(t, err)

	line := s.tableLine(0, KindQuote)
	patch(t, path, line+offTickBody, 4711) // half of the next one
	if tick, _, err := c.Read(0, KindQuote); err != nil || tick.Words[0] != 4711 {
		t.Fatalf("the patch does not show: %+v, %v", tick, err)
	}
	patch(t, path, line, want.Seq|seqBusy)
	if tick, ok, err := c.Read(0, KindQuote); err != nil || !ok || tick != want {
		t.Errorf("got %+v, %v, %v, want %+v", tick, ok, err, want)
	}
	if seq := s.tableSeq(0, KindQuote); seq != want.Seq {
		t.Errorf("the place says %d", seq)
	}

	// the journal's line is under the writer's pen, or holds another tick: nobody has this one whole
	patch(t, path, s.journalLine(want.Seq), want.Seq|seqBusy)
	_, _, err = c.Read(0, KindQuote)
	refuses(t, err, ErrDamaged, "quote of instrument 0")
	patch(t, path, s.journalLine(want.Seq), want.Seq+64)
	_, _, err = c.Read(0, KindQuote)
	refuses(t, err, ErrDamaged, "neither whole nor in the journal")
	if _, err := c.ReadMany([]Tick{{Instrument: 0, Kind: KindQuote}}, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoSegmentIsRefused(t *testing.T) {
	path := savedSegment(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	word := func(at int, v uint64) func([]byte) []byte {
		return func(b []byte) []byte {
			binary.LittleEndian.PutUint64(b[at:], v)
			return b
		}
	}
	journal := offHeaderSection
	for binary.LittleEndian.Uint32(whole[journal:]) != sectionJournal {
		journal += sizeofSection
	}
	for name, test := range map[string]struct {
		change func([]byte) []byte
		says   string
	}{
		"empty":       {func(b []byte) []byte { return nil }, "0 bytes"},
		"short":       {func(b []byte) []byte { return b[:layoutPage-1] }, "4095 bytes"},
		"cut":         {func(b []byte) []byte { return b[:layoutPage] }, "and has 4096"},
		"retired":     {word(offHeaderMagic, 0), "retired"},
		"foreign":     {word(offHeaderMagic, 77), "foreign"},
		"newer":       {word(offHeaderMajor, 2), "version 2.0"},
		"fingerprint": {word(offHeaderFingerprint, 1), "fingerprint"},
		"size":        {word(offHeaderSize, 1<<40), "1099511627776 bytes"},
		"far":         {word(journal+offSectionOffset, 1<<40), "journal section"},
		"askew":       {word(journal+offSectionOffset, layoutPage+8), "journal section"},
		"endless":     {word(journal+offSectionCount, 1<<62), "journal section"},
		"none":        {word(journal+offSectionCount, 0), "journal section"},
		"odd":         {word(journal+offSectionCount, 63), "do not go together"},
		"thin":        {word(journal+offSectionStride, 8), "journal section"},
		"missing":     {word(journal, 99), "journal section"},
	} {
		t.Run(name, func(t *testing.T) {
			bytes := test.change(append([]byte(nil), whole...))
			must(t, os.WriteFile(path, bytes, 0o600))
			_, err := Open(path)
			refuses(t, err, ErrDamaged, test.says)
		})
	}
	if _, err := Open(path + ".not"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// readEverything tries each way of reading. What comes out may be nonsense, but it comes out.
func readEverything(t *testing.T, c *Client) {
	c.Feeds()
	c.Counters()
	_, _ = c.Health()
	_, _ = c.Lookup("A", "")
	_, _ = c.Lookup("B", "XNAS")
	for _, i := range c.Instruments() {
		_, _, _ = i.ClosePx.String(), i.Lot.Format(i.SizeExp), i.Flags.String()
		for kind := Kind(0); kind < Places; kind++ {
			if tick, _, err := c.Read(i.Index, kind); err == nil {
				_, _ = tick.Flags.String(), tick.Kind.String()
			} else if !errors.Is(err, ErrDamaged) {
				t.Errorf("got %v", err)
			}
		}
	}
	_ = c.SubscribePattern("*", "")
	_ = c.SubscribeAll()
	begin, n := c.Cursor(), 0
	f := c.Follow()
	for ; n < 1000 && f.Poll(); n++ {
	}
	if n == 1000 {
		t.Errorf("a journal of 64 ticks has more than %d", n)
	}
	if c.Seek(begin) == nil {
		for changes := c.Conflate(); n < 3000 && (changes.Poll() || changes.Err() != nil); n++ {
		}
	}
}

// However the bytes of a segment are damaged, the result is an error or a reading, never a crash.
func TestDamagedSegmentsDoNotCrash(t *testing.T) {
	tries := 2000
	if os.Getenv("MDSHMD_LONG") != "" {
		tries = 50000
	}
	path := savedSegment(t)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer file.Close()
	whole, err := io.ReadAll(file)
	must(t, err)

	random, opened := rand.New(rand.NewSource(6)), 0
	for try := 0; try < tries; try++ {
		var damaged []int64
		for n := 1 + random.Intn(20); n > 0; n-- {
			at := random.Int63n(int64(len(whole)))
			if random.Intn(2) == 0 {
				at = random.Int63n(sizeofHeader) // where it hurts most
			}
			_, err = file.WriteAt([]byte{whole[at] ^ 1<<random.Intn(8)}, at)
			must(t, err)
			damaged = append(damaged, at)
		}
		if c, err := Open(path); err == nil {
			opened++
			readEverything(t, c)
			must(t, c.Close())
		} else if !errors.Is(err, ErrDamaged) {
			t.Errorf("got %v", err)
		}
		for _, at := range damaged {
			_, err = file.WriteAt(whole[at:at+1], at)
			must(t, err)
		}
		if try%500 == 0 {
			runtime.GC() // lets go of mappings
		}
	}
	if opened == 0 || opened == tries {
		t.Errorf("%d of %d could be opened", opened, tries)
	}
}

func TestWhatIsNoFileIsNotWaitedFor(t *testing.T) {
	fifo := t.TempDir() + "/fifo"
	must(t, syscall.Mkfifo(fifo, 0o600))
	for _, path := range []string{fifo, "/dev/zero", t.TempDir()} {
		_, err := Open(path)
		refuses(t, err, ErrInvalid, "no regular file")
	}
}
