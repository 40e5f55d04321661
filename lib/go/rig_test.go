package mdclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const patience = 60 * time.Second // for what must happen, on a slow machine with the race detector

// rig is a daemon of our own, for one test: config, socket and log in a folder of its own, and a segment
// name that nobody else has.
type rig struct {
	testing.TB
	folder, segment, socket string
	daemon                  *exec.Cmd
}

// newRig runs a daemon with these keys of [segment], and whatever else the config is to say.
func newRig(t testing.TB, segment, rest string) *rig {
	t.Helper()
	if os.Getenv("MDSHMD_DAEMON") == "" {
		t.Skip("MDSHMD_DAEMON does not say where the daemon is")
	}
	folder, err := os.MkdirTemp("", "mdshmd-go")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{TB: t, folder: folder, segment: filepath.Base(folder), socket: folder + "/socket"}
	r.configure(segment, rest)
	t.Cleanup(r.clear)
	r.start()
	return r
}

const demoFeed = "[feed demo]\nsource = publisher\n"

// newDemo runs a daemon with one feed for a publisher.
func newDemo(t testing.TB) *rig {
	return newRig(t, "instruments = 256\njournal = 65536\n", demoFeed)
}

func (r *rig) configure(segment, rest string) {
	text := fmt.Sprintf("[segment]\nname = %s\n%s[listen]\nsocket = %s\n%s", r.segment, segment, r.socket, rest)
	if err := os.WriteFile(r.folder+"/config", []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) clear() {
	if r.daemon != nil {
		r.kill()
	}
	if log, err := os.ReadFile(r.folder + "/log"); err == nil && r.Failed() {
		r.Logf("the daemon's log:\n%s", log)
	}
	os.Remove("/dev/shm/" + r.segment)
	os.Remove("/dev/shm/" + r.segment + ".lock")
	os.RemoveAll(r.folder)
}

// start runs the daemon and waits until clients can connect.
func (r *rig) start() {
	r.Helper()
	log, err := os.OpenFile(r.folder+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.Fatal(err)
	}
	defer log.Close()
	r.daemon = exec.Command(os.Getenv("MDSHMD_DAEMON"), "-c", r.folder+"/config")
	r.daemon.Stdout, r.daemon.Stderr = log, log
	r.daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.daemon.Start(); err != nil {
		r.daemon = nil
		r.Fatal(err)
	}
	await(r, "the daemon answers", func() bool {
		c, err := Dial(r.socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (r *rig) signal(s os.Signal) {
	r.Helper()
	if err := r.daemon.Process.Signal(s); err != nil {
		r.Fatal(err)
	}
}

// kill leaves everything behind.
func (r *rig) kill() {
	r.signal(syscall.SIGKILL)
	_ = r.daemon.Wait() // it was killed, and says so
	r.daemon = nil
}

// stop is a clean end, which leaves nothing behind.
func (r *rig) stop() {
	r.Helper()
	r.signal(syscall.SIGTERM)
	if err := r.daemon.Wait(); err != nil {
		r.Fatalf("the daemon ended with %v", err)
	}
	r.daemon = nil
	if _, err := os.Stat("/dev/shm/" + r.segment); !errors.Is(err, os.ErrNotExist) {
		r.Fatalf("the segment is left: %v", err)
	}
}

func (r *rig) dial(opts ...Option) *Client {
	r.Helper()
	c, err := Dial(r.socket, opts...)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *rig) publisher(opts ...Option) *Publisher {
	r.Helper()
	p, err := DialPublisher(r.socket, "demo", opts...)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = p.Close() })
	return p
}

// define defines instruments; their handles.
func define(t testing.TB, p *Publisher, symbols ...string) []uint32 {
	t.Helper()
	handles := make([]uint32, len(symbols))
	for i, symbol := range symbols {
		h, err := p.Define(symbolAt(symbol))
		must(t, err)
		handles[i] = h
	}
	return handles
}

// put puts a tick, and waits for room where there is none.
func put(p *Publisher, tick Tick) error {
	for {
		err := p.Put(tick)
		if !errors.Is(err, ErrFull) {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err = p.Wait(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
}

// drain waits until the daemon has taken everything.
func drain(p *Publisher) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.Drain(ctx)
}

// beside does something beside the test, which is to receive how it went.
func beside(work func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- work() }()
	return result
}

// soon is a context for what must happen.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refuses checks that an error is of a kind, and has a sentence that says this.
func refuses(t testing.TB, err, kind error, says string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%v: got %v", kind, err)
	} else if !strings.Contains(err.Error(), says) {
		t.Errorf("%q does not say %q", err, says)
	}
}

// openFDs is how many descriptors this process has.
func openFDs(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

// symbolAt is the definition of "SYMBOL@VENUE".
func symbolAt(name string) Instrument {
	symbol, venue, _ := strings.Cut(name, "@")
	return Instrument{Symbol: symbol, Venue: venue, ClosePx: PxNone}
}
