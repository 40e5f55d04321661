package mdclient

import (
	"errors"
	"math"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"
)

const liarRing = 64 // slots

// liar is not mdshmd, but speaks its protocol with publishers, and lies. Of the ring, which both have
// mapped, the test tells the lies itself.
type liar struct {
	testing.TB
	socket     string
	instrument atomic.Uint32 // in its answers to definitions
	unsealed   atomic.Bool   // its rings
	conns      chan *net.UnixConn
	bells      chan [2]int // the publishers' doorbells, of which it has both ends
}

func newLiar(t testing.TB) *liar {
	t.Helper()
	l := &liar{TB: t, socket: t.TempDir() + "/socket", conns: make(chan *net.UnixConn, 16),
		bells: make(chan [2]int, 16)}
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: l.socket, Net: "unixpacket"})
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.AcceptUnix()
			if err != nil {
				return
			}
			l.conns <- conn
			go l.serve(conn)
		}
	}()
	return l
}

// serve answers until one of the two hangs up.
func (l *liar) serve(conn *net.UnixConn) {
	defer conn.Close()
	for {
		m, _, err := receive(conn, 0)
		if err != nil {
			return
		}
		if m.opcode() == wireHelloOp {
			err = l.welcome(conn)
		} else {
			answer := wireDefined{instrument: l.instrument.Load()}
			_, err = conn.Write(packet(&answer, wireDefinedOp))
		}
		if err != nil && !errors.Is(err, syscall.EPIPE) {
			l.Error(err)
		}
	}
}

func (l *liar) welcome(conn *net.UnixConn) error {
	ring, err := liarMemory(sizeofRing+liarRing*sizeofTick, !l.unsealed.Load())
	if err != nil {
		return err
	}
	var size [4]byte
	*(*uint32)(unsafe.Pointer(&size)) = liarRing
	if _, err := syscall.Pwrite(ring, size[:], offRingSize); err != nil {
		return err
	}
	doorbell, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	l.Cleanup(func() { closeFDs([]int{ring, doorbell[0], doorbell[1]}) })
	m := wireWelcome{version: wireVersion, client: 1, fds: publisherFDs}
	_, _, err = conn.WriteMsgUnix(packet(&m, wireWelcomeOp),
		syscall.UnixRights(ring, doorbell[1], doorbell[1]), nil)
	l.bells <- doorbell
	return err
}

// liarMemory makes memory to share.
func liarMemory(size int64, sealed bool) (int, error) {
	const allowSealing, addSeals, sealShrink = 2, 1033, 2 // of <linux/memfd.h> and <linux/fcntl.h>
	number := map[string]uintptr{"amd64": 319, "arm64": 279}[runtime.GOARCH]
	name := []byte("liar\x00")
	fd, _, errno := syscall.Syscall(number, uintptr(unsafe.Pointer(&name[0])), allowSealing, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("memfd_create", errno)
	}
	if err := syscall.Ftruncate(int(fd), size); err != nil || !sealed {
		return int(fd), err
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, addSeals, sealShrink); errno != 0 {
		return -1, os.NewSyscallError("fcntl", errno)
	}
	return int(fd), nil
}

// publisher connects one.
func (l *liar) publisher() *Publisher {
	l.Helper()
	p, err := DialPublisher(l.socket, "f")
	must(l, err)
	l.Cleanup(func() { _ = p.Close() })
	return p
}

// again hangs up, and takes the publisher back.
func (l *liar) again(p *Publisher) {
	l.Helper()
	(<-l.conns).Close()
	await(l, "the connection is over", p.link.over)
	must(l, p.Redial())
}

func TestNumbersThatNoInstrumentCanHave(t *testing.T) {
	l := newLiar(t)
	for _, number := range []uint32{instrumentsMax, 1431655766, math.MaxInt32, math.MaxUint32 - 1, math.MaxUint32} {
		p := l.publisher()
		l.instrument.Store(number)
		_, err := p.Define(Instrument{Symbol: "X", ClosePx: PxNone})
		refuses(t, err, ErrGone, "none can have that")
		await(t, "the connection is over", p.link.over)
	}
}

// A daemon says that it has taken what never was there, or has given back what it had taken.
func TestTailsThatCannotBe(t *testing.T) {
	l := newLiar(t)
	p := l.publisher()
	h := define(t, p, "X")[0]
	for i, tail := range []uint64{1000, math.MaxUint64 / 2, math.MaxUint64 - 100, 0} {
		p.ring.store64(offRingTail, tail)
		for k := 0; k < 2*liarRing; k++ {
			if err := p.Quote(h, Quote{BidPx: 1, AskPx: 2}); err != nil && !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
		}
		if n := p.Pending(); n > liarRing {
			t.Errorf("%d ticks are pending in a ring of %d", n, liarRing)
		}
		l.instrument.Store(uint32(i))
		l.again(p)
	}
}

// A daemon writes into the ring what is the publisher's to write.
func TestTicksThatNobodyHasPut(t *testing.T) {
	l := newLiar(t)
	p := l.publisher()
	p.ring.store64(offRingTail, math.MaxUint64-4)
	l.again(p) // five ticks of nothing, and nothing is defined
	if p.Pending() != 0 {
		t.Errorf("%d ticks were made of nothing", p.Pending())
	}

	l.instrument.Store(7)
	h := define(t, p, "X")[0]
	must(t, p.Trade(h, Trade{Px: 1, TradeID: 1}))
	must(t, p.Trade(h, Trade{Px: 1, TradeID: 2}))
	p.ring.slot(0).Instrument = 99
	l.instrument.Store(8)
	l.again(p)
	if p.Pending() != 1 {
		t.Fatalf("%d ticks were carried over, not 1", p.Pending())
	}
	if got := p.ring.slot(0); got.Instrument != 8 || got.Trade().TradeID != 2 {
		t.Errorf("carried over: %+v", got)
	}
}

// A daemon has made the doorbell, so how it is read is for it to set as well. One who waits there does so for
// more than will ever come, and nobody can close what he waits on.
func TestADoorbellThatWouldWait(t *testing.T) {
	l := newLiar(t)
	p := l.publisher()
	h := define(t, p, "X")[0]
	bell := <-l.bells
	must(t, syscall.SetsockoptInt(bell[1], syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, 64))
	must(t, syscall.SetNonblock(bell[1], false))
	_, err := syscall.Write(bell[0], []byte{0})
	must(t, err)
	must(t, p.Quote(h, Quote{BidPx: 1, AskPx: 2}))
	await(t, "the byte is taken", func() bool {
		_, _, err := syscall.Recvfrom(bell[1], make([]byte, 1), syscall.MSG_DONTWAIT|syscall.MSG_PEEK)
		return err == syscall.EAGAIN
	})
	must(t, p.Close())
}

// A doorbell that is full stops nobody who rings it.
func TestADoorbellThatNobodyHears(t *testing.T) {
	l := newLiar(t)
	p := l.publisher()
	h := define(t, p, "X")[0]
	bell := <-l.bells
	must(t, syscall.SetNonblock(bell[1], false))
	for i := 0; i < 2000; i++ {
		p.ring.store32(offRingDozing, 1)
		p.ring.store64(offRingTail, p.ring.head)
		must(t, p.Quote(h, Quote{BidPx: 1, AskPx: 2}))
	}
	must(t, p.Close())
}

// What could be cut off later, so that the program dies of a bus error, is not taken.
func TestMemoryThatCouldBeCutOff(t *testing.T) {
	l := newLiar(t)
	l.unsealed.Store(true)
	_, err := DialPublisher(l.socket, "f")
	refuses(t, err, ErrProtocol, "ring that is not sealed")

	page, err := liarMemory(int64(controlSize(1)), false)
	must(t, err)
	defer syscall.Close(page)
	_, err = mapControl(page, 1)
	refuses(t, err, ErrProtocol, "control page that is not sealed")
}
