package mdclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// registration is what a program says of itself to the daemon, the same for every role.
type registration struct {
	path string // of the socket; "": the usual one
	role uint32
	name string
	feed string // role publisher
	fds  int    // that come with the welcome
}

// defaultSocket returns where the daemon listens, if nobody says otherwise.
func defaultSocket() string {
	if named := os.Getenv("MDSHMD_SOCKET"); named != "" {
		return named
	}
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		path := filepath.Join(runtime, "mdshmd", "mdshmd.sock")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return "/run/mdshmd/mdshmd.sock"
}

// wireNameOf makes a name that can be sent: printable, without blanks, cut where it is too long.
func wireNameOf(text string) (name [wireName]byte) {
	for i := 0; i < len(text) && i < wireName-1; i++ {
		name[i] = '_'
		if text[i] > ' ' && text[i] < 0x7f {
			name[i] = text[i]
		}
	}
	return name
}

// register connects and is welcomed. The connection and the descriptors are the caller's.
func (r registration) register(ctx context.Context) (*net.UnixConn, wireWelcome, []int, error) {
	if r.path == "" {
		r.path = defaultSocket()
	}
	conn, err := connect(ctx, r.path)
	if err != nil {
		return nil, wireWelcome{}, nil, err
	}
	release := bound(ctx, conn)
	welcome, fds, err := r.introduce(conn)
	release()
	if err != nil {
		conn.Close()
		return nil, wireWelcome{}, nil, err
	}
	return conn, welcome, fds, nil
}

// connect makes the connection. While the listener's queue is full, it tries again.
func connect(ctx context.Context, path string) (*net.UnixConn, error) {
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "unixpacket", path)
		if err == nil {
			return conn.(*net.UnixConn), nil
		}
		if !errors.Is(err, syscall.EAGAIN) {
			return nil, connectFailure(path, err)
		}
		select {
		case <-ctx.Done():
			return nil, failure(ErrTimeout, "%s does not let anybody in: its queue is full", path)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func connectFailure(path string, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return failure(err, "cannot connect to %s: %v", path, err)
	}
	hint := ""
	switch errno {
	case syscall.ENOENT, syscall.ECONNREFUSED:
		hint = "; is mdshmd running?"
	case syscall.EACCES:
		hint = "; the folder or the socket does not let this user in"
	case syscall.EPROTOTYPE:
		hint = "; it is the socket of another program"
	}
	return failure(err, "cannot connect to %s: %v%s", path, errno, hint)
}

// bound ends whatever is read from or written to the connection when ctx ends, until it is released.
func bound(ctx context.Context, conn *net.UnixConn) (release func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-ctx.Done():
			_ = conn.SetDeadline(time.Unix(1, 0))
		case <-stop:
		}
	}()
	return func() {
		close(stop)
		<-stopped
		_ = conn.SetDeadline(time.Time{})
	}
}

// introduce says hello, and takes what the daemon answers.
func (r registration) introduce(conn *net.UnixConn) (wireWelcome, []int, error) {
	hello := wireHello{version: wireVersion, role: r.role, name: wireNameOf(r.name)}
	copy(hello.feed[:wireName-1], r.feed)
	_, err := conn.Write(packet(&hello, wireHelloOp))
	if err != nil {
		return wireWelcome{}, nil, r.silence(err)
	}
	m, fds, err := receive(conn, r.fds)
	if err != nil {
		return wireWelcome{}, nil, r.silence(err)
	}
	if welcome, ok := parse[wireWelcome](m, wireWelcomeOp); ok && len(fds) == r.fds {
		return welcome, fds, nil
	}
	closeFDs(fds)
	if refused, ok := parse[wireRefused](m, wireRefusedOp); ok {
		return wireWelcome{}, nil, failure(refusal(refused.code), "%s refuses: %s", r.path,
			untilNUL(refused.text[:]))
	}
	return wireWelcome{}, nil, r.silence(ErrProtocol)
}

// silence is the error for a daemon that did not answer, or not as it should.
func (r registration) silence(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failure(ErrTimeout, "%s did not answer in time", r.path)
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET):
		return failure(ErrProtocol, "%s hung up without an answer", r.path)
	case err == ErrProtocol:
		return failure(err, "%s does not speak this version of mdshmd's protocol", r.path)
	}
	return failure(err, "cannot talk to %s: %v", r.path, err)
}

// refusal is the error for the code of a refusal.
func refusal(code uint32) error {
	errs := [...]error{
		1: ErrVersion, 2: ErrAccess, 3: ErrTooMany, 4: ErrProtocol, 5: ErrTrouble, 6: ErrNoFeed,
		7: ErrFeedBusy, 8: ErrLiar,
	}
	if int64(code) < int64(len(errs)) && errs[code] != nil {
		return errs[code]
	}
	return fmt.Errorf("refusal %d", code)
}
