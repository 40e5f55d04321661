package mdclient

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type options struct {
	name      string
	timeout   time.Duration
	reconnect bool
	interval  time.Duration
	spin      time.Duration
	high, low uint64
}

// Option is a setting of Dial, Open or DialPublisher.
type Option func(*options)

// WithName sets the name by which `mdctl clients` shows this program: at most 31 printable characters,
// longer ones are cut. Without it, the name of the program.
func WithName(name string) Option {
	return func(o *options) { o.name = name }
}

// WithTimeout sets how long the daemon may take to answer; 5 seconds without it.
func WithTimeout(d time.Duration) Option {
	return func(o *options) { o.timeout = d }
}

// WithReconnect says what happens when the daemon goes away while a client waits for news. True, which is
// also how it is without this option: the client registers again by itself, with growing pauses, and
// carries its subscriptions over. False: waiting ends with ErrGone.
func WithReconnect(on bool) Option {
	return func(o *options) { o.reconnect = on }
}

// WithInterval sets the least time between two rounds of changes, for a program that wants to be told
// only so often. What is merged within it was asked for. 0, as without this option: none.
func WithInterval(d time.Duration) Option {
	return func(o *options) { o.interval = d }
}

// WithSpin says how waiting for news goes: it looks again and again for so long before it sleeps. 0, as
// without this option: it sleeps at once. Negative: it never sleeps, keeps a processor busy, and costs the
// daemon nothing.
func WithSpin(d time.Duration) Option {
	return func(o *options) { o.spin = d }
}

// WithWatermarks says when Client.Lagging warns: from the moment that the client is high ticks behind, until it
// is at most low behind. 0, 0, as without this option: three quarters and half of the journal.
func WithWatermarks(high, low uint64) Option {
	return func(o *options) { o.high, o.low = high, low }
}

func newOptions(opts []Option) options {
	o := options{name: filepath.Base(os.Args[0]), timeout: 5 * time.Second, reconnect: true}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// Client is a reader of the daemon's shared memory. Close it when it is of no more use.
//
// Any goroutine may call its methods at any time, but for one thing: there is one cursor, so only one
// goroutine at a time may use Follow, Conflate, Changes, Cursor, Seek and Lagging.
type Client struct {
	options
	path string // of the socket; "": the usual one
	file bool   // a saved segment: there is no daemon

	closing   context.Context // ends when the client is closed
	close     context.CancelFunc
	current   atomic.Pointer[segment] // nil once it is closed
	mu        sync.Mutex              // over what follows, and over replacing the segment
	control   control
	link      *link  // nil: a file
	id        uint32 // that the daemon has given us
	connected uint64 // times
	patterns  patterns
	err       error // why Changes ended

	stream stream
}

// Dial registers with the daemon whose socket is at that path. "": $MDSHMD_SOCKET, else
// $XDG_RUNTIME_DIR/mdshmd/mdshmd.sock if there is one, else /run/mdshmd/mdshmd.sock.
//
// fs.ErrNotExist, syscall.ECONNREFUSED: nobody listens there. ErrAccess: refused; fs.ErrPermission: no way
// to the socket. ErrTimeout: no answer. ErrTooMany: too many clients. ErrVersion, ErrDamaged: a daemon of
// another version. ErrProtocol: no mdshmd at all.
func Dial(socket string, opts ...Option) (*Client, error) {
	c := newClient(opts)
	c.path = socket
	if err := c.register(context.Background()); err != nil {
		return nil, err
	}
	return c, nil
}

// Open opens a saved segment, or the /dev/shm file of a daemon that is gone. Everything can be read as
// from a daemon; the stream begins at the oldest tick, and ends. ErrInvalid: it is no regular file.
// ErrDamaged: it is no segment, or not one of this version.
func Open(path string, opts ...Option) (*Client, error) {
	// without waiting for whoever may write to a pipe
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, failure(err, "%v", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, failure(ErrInvalid, "%s is no regular file: name a saved segment, or one in /dev/shm", path)
	}
	s, err := attachSegment(int(file.Fd()), path)
	if err != nil {
		return nil, err
	}
	page, err := newMemory(controlSize(s.capacity()))
	if err != nil {
		return nil, failure(err, "no memory for %d instruments: %v", s.capacity(), err)
	}
	c := newClient(opts)
	c.file = true
	c.control = newControl(page)
	c.current.Store(s)
	c.stream.attach(s, c.control, nil)
	c.stream.begin(s.journalOldest(s.newest()))
	return c, nil
}

func newClient(opts []Option) *Client {
	c := &Client{options: newOptions(opts)}
	c.closing, c.close = context.WithCancel(context.Background())
	return c
}

// Close leaves the daemon. Whatever waits in another goroutine ends with ErrClosed.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing.Err() != nil {
		return failure(ErrClosed, "this client is closed already")
	}
	c.close()
	c.current.Store(nil)
	if c.link != nil {
		c.link.close()
	}
	return nil
}

// attached returns the segment, or ErrClosed.
func (c *Client) attached() (*segment, error) {
	if s := c.current.Load(); s != nil {
		return s, nil
	}
	return nil, failure(ErrClosed, "this client is closed")
}

// register connects, for the first time or again, and attaches what the daemon hands over.
func (c *Client) register(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r := registration{path: c.path, role: roleReader, name: c.name, fds: readerFDs}
	conn, welcome, fds, err := r.register(ctx)
	if err != nil {
		return err
	}
	defer syscall.Close(fds[readerSegment])
	defer syscall.Close(fds[readerControl])
	s, page, err := c.mapWelcome(&welcome, fds)
	if err != nil {
		syscall.Close(fds[readerWake])
		conn.Close()
		return err
	}
	return c.attach(s, page, newLink(conn, fds[readerWake]), &welcome)
}

// mapWelcome maps what came with a welcome; the segment is the one that we have if the daemon has taken
// it over.
func (c *Client) mapWelcome(welcome *wireWelcome, fds []int) (*segment, control, error) {
	s := c.stream.segment
	if s == nil || s.identity != welcome.identity {
		var err error
		if s, err = attachSegment(fds[readerSegment], "the daemon's segment"); err != nil {
			return nil, control{}, err
		}
		if s.identity != welcome.identity {
			return nil, control{}, failure(ErrProtocol,
				"the daemon sent another segment than the one it announced")
		}
	}
	page, err := mapControl(fds[readerControl], s.capacity())
	return s, page, err
}

// attach makes the new connection ours, with all that was subscribed to before.
func (c *Client) attach(s *segment, page control, l *link, welcome *wireWelcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing.Err() != nil {
		l.close()
		return failure(ErrClosed, "this client is closed")
	}
	old, oldPage := c.stream.segment, c.control
	c.control, c.link, c.id = page, l, welcome.client
	c.connected++
	c.current.Store(s)
	c.stream.attach(s, page, l)
	switch {
	case old == nil:
		c.stream.begin(welcome.newest + 1)
	case old == s:
		page.copyInterest(oldPage)
	default:
		// all that the new daemon has published so far is news to us
		c.stream.begin(1)
		c.stream.remapped = true
		c.resubscribe(old, oldPage, s)
	}
	return nil
}
