package mdclient

import (
	"net"
	"os"
	"syscall"
)

// A link is a connection to the daemon, with the socket through which the daemon wakes this program. Two
// goroutines wait on them, so that everybody else waits on channels.
type link struct {
	conn *net.UnixConn
	wake *os.File // its bytes are hints: the numbers in the shared memory are the truth

	woken     chan struct{}    // a hint has come, or several
	gone      chan struct{}    // closed when the connection is over
	answers   chan wireDefined // to a publisher's definitions
	lastWords error            // what the daemon said in the end, or nil; to be read when gone is closed
}

// newLink takes over the connection and the wake socket.
func newLink(conn *net.UnixConn, wake int) *link {
	// for the runtime to wait on it; whether a call waits is then for the call to say, because the flags of
	// what the daemon has made are the daemon's, too
	_ = syscall.SetNonblock(wake, true)
	l := &link{
		conn:    conn,
		wake:    os.NewFile(uintptr(wake), "wake socket"),
		woken:   make(chan struct{}, 1),
		gone:    make(chan struct{}),
		answers: make(chan wireDefined, 1),
	}
	go l.watchWake()
	go l.watchConn()
	return l
}

func (l *link) watchWake() {
	wake, err := l.wake.SyscallConn()
	for err == nil {
		var bytes [64]byte
		n := 0
		closed := wake.Read(func(fd uintptr) bool {
			n, _, err = syscall.Recvfrom(int(fd), bytes[:], syscall.MSG_DONTWAIT)
			return err != syscall.EAGAIN && err != syscall.EINTR
		})
		if closed != nil || err != nil || n == 0 {
			return
		}
		select {
		case l.woken <- struct{}{}:
		default:
		}
	}
}

// watchConn waits for the end. Before it, the daemon says nothing but the answers to definitions.
func (l *link) watchConn() {
	defer close(l.gone)
	for {
		m, fds, err := receive(l.conn, 0)
		if err != nil {
			return
		}
		closeFDs(fds)
		if refused, ok := parse[wireRefused](m, wireRefusedOp); ok {
			l.lastWords = failure(refusal(refused.code), "the daemon refuses: %s", untilNUL(refused.text[:]))
			return
		}
		defined, ok := parse[wireDefined](m, wireDefinedOp)
		if !ok {
			return
		}
		select {
		case l.answers <- defined:
		default:
			return // nobody has asked
		}
	}
}

// close ends the connection and both goroutines.
func (l *link) close() {
	l.conn.Close()
	l.wake.Close()
}

// over says whether the connection has ended.
func (l *link) over() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}
