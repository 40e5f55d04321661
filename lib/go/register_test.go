package mdclient

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listen stands where a daemon should be, and does with each peer what answer does, after its hello.
func listen(t *testing.T, answer func(conn *net.UnixConn, hello []byte)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.AcceptUnix()
			if err != nil {
				return
			}
			buffer := make([]byte, wireSizeMax)
			n, _ := conn.Read(buffer)
			answer(conn, buffer[:n])
		}
	}()
	return path
}

func TestHelloIsAsTheProtocolHasIt(t *testing.T) {
	hellos := make(chan []byte, 1)
	path := listen(t, func(conn *net.UnixConn, hello []byte) {
		hellos <- hello
		conn.Close()
	})
	_, err := DialPublisher(path, "demo", WithName("a name\x01 of "+strings.Repeat("x", 40)))
	refuses(t, err, ErrProtocol, "hung up")
	hello, ok := parse[wireHello](<-hellos, wireHelloOp)
	if !ok || hello.version != wireVersion || hello.role != rolePublisher ||
		untilNUL(hello.name[:]) != "a_name__of_"+strings.Repeat("x", 20) || untilNUL(hello.feed[:]) != "demo" {
		t.Errorf("got %+v", hello)
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	for code, want := range []error{
		1: ErrVersion, 2: ErrAccess, 3: ErrTooMany, 4: ErrProtocol, 5: ErrTrouble, 6: ErrNoFeed, 7: ErrFeedBusy,
		8: ErrLiar,
	} {
		if want == nil {
			continue
		}
		refused := wireRefused{code: uint32(code)}
		path := listen(t, func(conn *net.UnixConn, _ []byte) {
			copy(refused.text[:], "because of the weather")
			_, _ = conn.Write(packet(&refused, wireRefusedOp))
			conn.Close()
		})
		_, err := Dial(path)
		refuses(t, err, want, path+" refuses: because of the weather")
	}
	if err := refusal(1 << 31); err == nil || errors.Is(err, ErrProtocol) {
		t.Errorf("got %v", err)
	}
}

// Whatever stands where the daemon should be: an error in time, and no descriptor left open.
func TestForeignAnswersAreRefused(t *testing.T) {
	null, err := os.Open("/dev/null")
	must(t, err)
	defer null.Close()
	fd := int(null.Fd())
	send := func(message []byte, fds ...int) func(*net.UnixConn, []byte) {
		return func(conn *net.UnixConn, _ []byte) {
			var rights []byte
			if len(fds) > 0 {
				rights = syscall.UnixRights(fds...)
			}
			_, _, _ = conn.WriteMsgUnix(message, rights, nil)
			conn.Close()
		}
	}
	welcome := packet(&wireWelcome{identity: 1}, wireWelcomeOp)
	before := openFDs(t)
	for name, answer := range map[string]func(*net.UnixConn, []byte){
		"short":          send([]byte{1, 2, 3}),
		"wrong size":     send(packet(&wireHeader{}, wireWelcomeOp)),
		"size lies":      send([]byte{1, 0x80, 0, 0, 200, 0, 0, 0}),
		"too large":      send(make([]byte, 4000)),
		"other opcode":   send(packet(&wireHello{}, wireHelloOp)),
		"no descriptors": send(welcome),
		"too few":        send(welcome, fd, fd),
		"too many":       send(welcome, fd, fd, fd, fd, fd, fd, fd, fd),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Dial(listen(t, answer))
			refuses(t, err, ErrProtocol, "mdshmd")
		})
	}
	_, err = Dial(listen(t, send(welcome, fd, fd, fd)))
	refuses(t, err, ErrDamaged, "segment")
	_, err = DialPublisher(listen(t, send(welcome, fd, fd, fd)), "demo")
	refuses(t, err, ErrProtocol, "ring")

	silent := listen(t, func(conn *net.UnixConn, _ []byte) { t.Cleanup(func() { conn.Close() }) })
	begin := time.Now()
	_, err = Dial(silent, WithTimeout(30*time.Millisecond))
	refuses(t, err, ErrTimeout, "did not answer")
	if time.Since(begin) < 30*time.Millisecond {
		t.Error("it did not wait")
	}
	await(t, "all descriptors are closed", func() bool {
		return openFDs(t) <= before+4 // the listeners that are still there, and the silent connection
	})
}

func TestNobodyListens(t *testing.T) {
	folder := t.TempDir()
	_, err := Dial(folder + "/nothing")
	refuses(t, err, fs.ErrNotExist, "is mdshmd running?")
	_, err = Dial(folder + "/" + strings.Repeat("x", 200))
	refuses(t, err, syscall.EINVAL, "cannot connect")
	must(t, os.WriteFile(folder+"/file", nil, 0o600))
	_, err = Dial(folder + "/file")
	refuses(t, err, syscall.ECONNREFUSED, "is mdshmd running?")
	stream, err := net.Listen("unix", folder+"/stream")
	must(t, err)
	defer stream.Close()
	_, err = Dial(folder + "/stream")
	refuses(t, err, syscall.EPROTOTYPE, "another program")
}

func TestSocketIsFoundWithoutAPath(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("MDSHMD_SOCKET", "")
	t.Setenv("XDG_RUNTIME_DIR", folder)
	if path := defaultSocket(); path != "/run/mdshmd/mdshmd.sock" {
		t.Errorf("got %s", path)
	}
	must(t, os.MkdirAll(folder+"/mdshmd", 0o700))
	must(t, os.WriteFile(folder+"/mdshmd/mdshmd.sock", nil, 0o600))
	if path := defaultSocket(); path != folder+"/mdshmd/mdshmd.sock" {
		t.Errorf("got %s", path)
	}
	t.Setenv("MDSHMD_SOCKET", "/elsewhere")
	if path := defaultSocket(); path != "/elsewhere" {
		t.Errorf("got %s", path)
	}
}
