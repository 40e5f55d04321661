package mdclient

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// Publisher feeds its own instruments into the daemon. Ticks go through a ring of memory that it shares
// with the daemon, without a system call while the daemon is awake, and from there through the journal to
// every reader. Close it when it is of no more use.
//
// A publisher belongs to one goroutine at a time. Nothing is dropped silently: a full ring is ErrFull, and
// what the daemon has not taken when a connection ends goes out first after Redial.
//
// Handles are the publisher's own, 0, 1, 2, ...; the daemon's indexes stand beside them and may be others
// after Redial. The ring holds the daemon's indexes.
type Publisher struct {
	options
	socket, feed string

	link        *link // nil: closed
	doorbell    int   // a byte to it wakes the daemon
	ring        *ring // outlives the connection, for what it holds
	definitions []definition
	handles     map[uint32]uint32 // by the daemon's index
}

type definition struct {
	wireDefine
	instrument uint32 // the daemon's index
}

// DialPublisher registers as the publisher of that feed; socket as in Dial.
//
// Errors as Dial. ErrNoFeed: no such feed, or none that takes a publisher. ErrFeedBusy: it has one.
func DialPublisher(socket, feed string, opts ...Option) (*Publisher, error) {
	p := &Publisher{options: newOptions(opts), socket: socket, feed: feed, doorbell: -1,
		handles: map[uint32]uint32{}}
	if err := p.register(); err != nil {
		return nil, err
	}
	return p, nil
}

// Redial registers again, after ErrGone. The instruments that were defined are defined again, with the same
// handles, and ticks that the daemon had not taken go out first. After an error it can be called
// again.
func (p *Publisher) Redial() error {
	if p.link != nil && !p.link.over() {
		return failure(ErrInvalid, "this publisher is connected already")
	}
	p.hangUp()
	return p.register()
}

// Close leaves the daemon. What it has not taken is lost; Drain waits for it.
func (p *Publisher) Close() error {
	if p.link == nil {
		return failure(ErrClosed, "this publisher is closed already")
	}
	p.hangUp()
	return nil
}

func (p *Publisher) hangUp() {
	if p.link != nil {
		p.link.close()
		syscall.Close(p.doorbell)
	}
	p.link, p.doorbell = nil, -1
}

func (p *Publisher) register() error {
	if len(p.feed) >= wireName {
		return failure(ErrNoFeed, "there is no feed with so long a name")
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.timeout)
	defer cancel()
	r := registration{path: p.socket, role: rolePublisher, name: p.name, feed: p.feed, fds: publisherFDs}
	conn, _, fds, err := r.register(ctx)
	if err != nil {
		return err
	}
	defer syscall.Close(fds[publisherRing])
	p.link, p.doorbell = newLink(conn, fds[publisherRoom]), fds[publisherDoorbell]
	if err = p.takeRing(fds[publisherRing]); err == nil {
		err = p.Flush()
	}
	if err != nil {
		p.hangUp()
	}
	return err
}

// takeRing makes the new connection's ring ours, with everything that was before.
func (p *Publisher) takeRing(fd int) error {
	fresh, err := mapRing(fd)
	if err != nil {
		return err
	}
	if p.ring != nil {
		p.ring.learn(fresh)
	}
	if p.Pending() > fresh.slots {
		return failure(ErrFull, "%d ticks wait to be sent, and the feed's ring now has room for %d",
			p.Pending(), fresh.slots)
	}
	handles := make(map[uint32]uint32, len(p.definitions))
	instruments := make([]uint32, len(p.definitions))
	for handle := range p.definitions {
		instruments[handle], err = p.ask(&p.definitions[handle].wireDefine)
		if err != nil {
			return err
		}
		handles[instruments[handle]] = uint32(handle)
	}
	if p.ring != nil {
		p.ring.eachPending(fresh.slots, func(t Tick) {
			handle, known := p.handles[t.Instrument]
			if !known {
				return // nobody has put this
			}
			t.Instrument = instruments[handle]
			fresh.put(&t)
		})
	}
	for handle := range p.definitions {
		p.definitions[handle].instrument = instruments[handle]
	}
	p.ring, p.handles = fresh, handles
	return nil
}

// ---- instruments ----

// Define defines an instrument, or brings it up to date: Symbol, Venue ("" for none), SizeExp, Lot, Flags
// and ClosePx (PxNone where it is not known). The handle is for the ticks of this publisher; the same symbol
// and venue get the same handle again. It waits for the daemon's answer.
//
// ErrInvalid: no name for a symbol or venue, or a SizeExp that is not -18 to 18. ErrOtherFeed: an
// instrument of another feed. ErrNoRoom: no room for more. ErrSizeExp: it has another one, which cannot
// change. ErrAccess: this user may not publish any more; the connection has ended. ErrGone: the daemon is gone.
func (p *Publisher) Define(i Instrument) (handle uint32, err error) {
	if err := p.check(); err != nil {
		return 0, err
	}
	if i.Symbol == "" || wrongName(i.Symbol, symbolMax) {
		return 0, failure(ErrInvalid, "%.64q is no symbol: 1 to %d printable characters, without spaces at "+
			"the ends", i.Symbol, symbolMax)
	}
	if wrongName(i.Venue, sizeInstrumentVenue) {
		return 0, failure(ErrInvalid, "%.64q is no venue: at most %d printable characters", i.Venue,
			sizeInstrumentVenue)
	}
	d := definition{wireDefine: wireDefine{sizeExp: i.SizeExp, flags: i.Flags, lot: i.Lot, closePx: i.ClosePx}}
	copy(d.symbol[:], i.Symbol)
	copy(d.venue[:], i.Venue)
	if d.instrument, err = p.ask(&d.wireDefine); err != nil {
		return 0, err
	}
	handle, known := p.handles[d.instrument]
	if known {
		p.definitions[handle] = d
		return handle, nil
	}
	handle = uint32(len(p.definitions))
	p.definitions = append(p.definitions, d)
	p.handles[d.instrument] = handle
	return handle, nil
}

// ask has the daemon define an instrument; its index.
func (p *Publisher) ask(d *wireDefine) (uint32, error) {
	if _, err := p.link.conn.Write(packet(d, wireDefineOp)); err != nil {
		return 0, p.lost()
	}
	timer := time.NewTimer(p.timeout)
	defer timer.Stop()
	select {
	case answer := <-p.link.answers:
		if answer.result < 0 {
			return 0, failure(definitionError(-answer.result), "%s", untilNUL(answer.text[:]))
		}
		if answer.instrument >= instrumentsMax {
			p.link.close()
			return 0, failure(ErrGone, "the daemon gave number %d to an instrument, and none can have that; "+
				"the connection is closed", answer.instrument)
		}
		return answer.instrument, nil
	case <-p.link.gone:
		return 0, p.lost()
	case <-timer.C:
		p.link.close() // a late answer would be taken for another's
		return 0, failure(ErrGone, "the daemon did not answer within %v", p.timeout)
	}
}

// definitionError is the error for an errno with which the daemon refuses a definition.
func definitionError(errno int32) error {
	switch err := syscall.Errno(errno); err {
	case syscall.EINVAL:
		return ErrInvalid
	case syscall.ENOSPC:
		return ErrNoRoom
	case syscall.EEXIST:
		return ErrOtherFeed
	case syscall.EPERM:
		return ErrSizeExp
	default:
		return err
	}
}

// ---- ticks ----

// check returns an error where there is no connection any more.
func (p *Publisher) check() error {
	if p.link == nil {
		return failure(ErrClosed, "this publisher is closed")
	}
	if p.link.over() {
		return p.lost()
	}
	return nil
}

// lost is the error for the end of the connection. If the daemon has said why, that is the sentence.
func (p *Publisher) lost() error {
	select {
	case <-p.link.gone:
	case <-time.After(p.timeout):
		p.link.close()
		<-p.link.gone
	}
	if p.link.lastWords != nil {
		return p.link.lastWords
	}
	return failure(ErrGone, "the daemon has closed the connection; %d ticks were not taken", p.Pending())
}

// Put puts a tick: Instrument (a handle), Kind, Flags, TsEvent, TsRecv (0: the daemon's clock) and body. Seq
// is ignored. A trade's Volume is the publisher's own sum; one of PxNone and zeros says that its session
// has had none yet. Until Flush, a sleeping daemon may not notice.
//
// ErrFull: the ring is full; Wait waits for room. ErrInvalid: not a tick that can be. ErrGone, ErrLiar:
// the daemon is gone, or has refused an earlier tick.
func (p *Publisher) Put(t Tick) error {
	if err := p.check(); err != nil {
		return err
	}
	if wrong := t.wrong(); wrong != "" {
		return failure(ErrInvalid, "%s", wrong)
	}
	if int64(t.Instrument) >= int64(len(p.definitions)) {
		return failure(ErrInvalid, "there is no handle %d: define the instrument first", t.Instrument)
	}
	if p.ring.full() {
		if err := p.Flush(); err != nil {
			return err
		}
		return failure(ErrFull, "the ring of %d ticks is full", p.ring.slots)
	}
	t.Instrument = p.definitions[t.Instrument].instrument
	p.ring.put(&t)
	return nil
}

// Flush wakes the daemon where it sleeps. Once per burst is enough.
func (p *Publisher) Flush() error {
	if err := p.check(); err != nil {
		return err
	}
	if !p.ring.mustKnock() {
		return nil
	}
	// a socket that is full has enough in it to wake anybody; and its flags are the daemon's, too
	const flags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	_, err := syscall.SendmsgN(p.doorbell, []byte{0}, nil, nil, flags)
	if err != nil && !errors.Is(err, syscall.EAGAIN) {
		return p.lost()
	}
	return nil
}

// Quote puts a quote of this moment by itself, and flushes.
func (p *Publisher) Quote(handle uint32, q Quote) error {
	return p.putNow(q.Tick(handle))
}

// Trade puts a trade of this moment by itself, and flushes.
func (p *Publisher) Trade(handle uint32, t Trade) error {
	return p.putNow(t.Tick(handle))
}

func (p *Publisher) putNow(t Tick) error {
	t.Flags = FlagLast
	t.TsEvent = Now()
	if err := p.Put(t); err != nil {
		return err
	}
	return p.Flush()
}

// Pending returns how many ticks the daemon has not taken yet.
func (p *Publisher) Pending() uint64 {
	if p.ring == nil {
		return 0
	}
	return p.ring.pending()
}

// ---- waiting ----

// Wait waits until there is room for one tick at least. An error of ctx, ErrGone, ErrLiar.
func (p *Publisher) Wait(ctx context.Context) error {
	if err := p.check(); err != nil {
		return err
	}
	return p.waitPending(ctx, p.ring.slots-1)
}

// Drain waits until the daemon has taken everything. Errors as Wait.
func (p *Publisher) Drain(ctx context.Context) error {
	return p.waitPending(ctx, 0)
}

// waitPending waits until at most so many ticks are pending.
func (p *Publisher) waitPending(ctx context.Context, most uint64) error {
	for {
		if err := p.Flush(); err != nil {
			return err
		}
		if p.Pending() <= most {
			return nil
		}
		p.ring.wait()
		if p.Pending() <= most {
			return nil
		}
		if err := p.sleep(ctx, most < p.ring.slots/2); err != nil {
			return err
		}
	}
}

// sleep waits until half of the ring is free; with briefly, the last few ticks are looked for.
func (p *Publisher) sleep(ctx context.Context, briefly bool) error {
	var tick <-chan time.Time
	if briefly {
		timer := time.NewTimer(time.Millisecond)
		defer timer.Stop()
		tick = timer.C
	}
	select {
	case <-p.link.woken:
	case <-tick:
	case <-p.link.gone:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
