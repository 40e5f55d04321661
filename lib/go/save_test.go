package mdclient

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"sync/atomic"
	"syscall"
	"testing"
)

// expectOneMoment checks that the table of a saved segment is as its own journal leaves it. False: of the
// journal, something was overwritten while it was copied.
func expectOneMoment(t *testing.T, c *Client) bool {
	t.Helper()
	health, err := c.Health()
	must(t, err)
	must(t, c.SubscribeAll())
	last, followed, n := map[uint32]uint64{}, uint64(0), health.Newest
	for f := c.Follow(); f.Next(soon(t)); {
		tick := f.Tick()
		if tick.Seq > n {
			t.Fatalf("tick %d is newer than the newest, %d", tick.Seq, n)
		}
		checkWave(t, &tick)
		last[tick.Instrument], followed = tick.Seq, tick.Seq
	}
	for i := range c.Instruments() {
		tick, ok, err := c.Read(uint32(i), KindQuote)
		must(t, err)
		if !ok {
			continue
		}
		checkWave(t, &tick)
		if seq, there := last[uint32(i)]; tick.Seq > n || there && followed == n && tick.Seq != seq {
			t.Errorf("tick %d stands where the journal, up to %d, has %d", tick.Seq, n, seq)
		}
	}
	return followed == n
}

func TestSavedSegmentsAreOfOneMoment(t *testing.T) {
	const instruments = 8
	r := newRig(t, "instruments = 64\njournal = 16384\n", demoFeed)
	p, c := r.publisher(), r.dial()
	define(t, p, "A", "B", "C", "D", "E", "F", "G", "H@X")
	var stop atomic.Bool
	published := beside(func() error {
		for w := int64(1); !stop.Load(); w++ {
			for i := 0; i < instruments; i++ {
				q := waveQuote(w, i)
				if err := put(p, q.Tick(uint32(i))); err != nil {
					return err
				}
			}
			if w%16 == 0 {
				if err := drain(p); err != nil { // so that a lap takes a while
					return err
				}
			}
		}
		return drain(p)
	})
	folder := t.TempDir()
	path := folder + "/saved"
	for saved, newest := 0, uint64(0); saved < 5; {
		if err := c.Save(path); errors.Is(err, ErrTimeout) {
			continue // it may be that fast, and says so
		} else if err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		must(t, err)
		whole := expectOneMoment(t, s)
		if h, err := s.Health(); err != nil || h.Newest < newest || h.Instruments != instruments {
			t.Fatalf("got %+v, %v", h, err)
		} else if whole && newest != h.Newest {
			newest = h.Newest
			saved++
		}
		if i, err := s.Lookup("H", "X"); err != nil || i != 7 {
			t.Errorf("got %d, %v", i, err)
		}
		must(t, s.Close())
	}
	stop.Store(true)
	must(t, <-published)
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What was saved can be saved again, and says the same.
func TestSavedBooksAreWhole(t *testing.T) {
	c := recordedBook(t, "4")
	var want, got Depth
	_, err := c.ReadDepth(0, &want)
	must(t, err)
	for _, path := range []string{t.TempDir() + "/once", t.TempDir() + "/twice"} {
		must(t, c.Save(path))
		c = openSaved(t, path)
		if ok, err := c.ReadDepth(0, &got); err != nil || !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestNothingElseIsSavedOver(t *testing.T) {
	r := newDemo(t)
	c, folder := r.dial(), t.TempDir()
	fifo, link, file := folder+"/fifo", folder+"/link", folder+"/file"
	must(t, syscall.Mkfifo(fifo, 0o600))
	for _, path := range []string{fifo, folder, "/dev/null"} {
		refuses(t, c.Save(path), ErrInvalid, "no regular file")
	}
	must(t, os.Symlink("/dev/shm/"+r.segment, link))
	for _, path := range []string{link, "/dev/shm/" + r.segment} {
		refuses(t, c.Save(path), ErrInvalid, "very segment")
	}
	refuses(t, c.Save(folder+"/none/file"), fs.ErrNotExist, "none")
	must(t, os.Remove(link))
	must(t, os.WriteFile(file, []byte("old"), 0o600))
	must(t, os.Symlink(file, link))
	must(t, c.Save(link))
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
	openSaved(t, file)
	must(t, c.Close())
	refuses(t, c.Save(file), ErrClosed, "closed")
}
