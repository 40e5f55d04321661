package mdclient

const (
	depthMax    = 64 // levels a side
	depthRounds = 64 // in which a reader tries for a whole copy
)

// Level is one price of a book.
type Level struct {
	Px     Price
	Sz     Size   // in units of 10^SizeExp of the instrument
	Orders uint64 // how many make it up; 0: the venue does not say
}

// Depth is a book: its best levels on each side, as they stood at one moment.
type Depth struct {
	Seq                  uint64    // of the newest tick of all instruments when the book was written
	TsEvent              Timestamp // newest change of the book, by the venue's clock
	BidLevels, AskLevels uint64    // of the whole book, however many are here
	Orders               uint64    // on all its levels; 0: the venue does not speak of orders
	Flags                Flags     // FlagMaybeBadBook: messages are missing, it may be wrong
	Bids                 []Level   // from the highest price down
	Asks                 []Level   // from the lowest price up
}

// depthSection is the section, and how many levels a side each of its books has room for.
type depthSection struct {
	section
	levels uint64
}

// findDepth looks the depth section over. False: there is none. ErrDamaged where it is there and wrong.
func (s *segment) findDepth() (d depthSection, ok bool, err error) {
	for at := uintptr(offHeaderSection); at < sizeofHeader; at += sizeofSection {
		if s.load32(at+offSectionKind) == sectionDepth {
			d.levels, ok = uint64(s.load32(at+offSectionItems)), true
			break
		}
	}
	if !ok {
		return d, false, nil
	}
	if d.levels >= 1 && d.levels <= depthMax {
		var fits bool
		d.section, fits = s.findSection(sectionDepth, s.size(), uint64(sizeofDepth+2*d.copySize()), 64)
		if fits && d.count >= s.directory.count {
			return d, true, nil
		}
	}
	return d, false, failure(ErrDamaged, "the segment's depth section does not go together with the rest")
}

// copySize is the bytes of one copy, whole cache lines.
func (d *depthSection) copySize() uintptr {
	return (sizeofDepthCopy + 2*uintptr(d.levels)*sizeofDepthLevel + 63) / 64 * 64
}

// ReadDepth copies the newest book of an instrument, into the slices of *depth where they are long enough;
// false where no book has been written yet. It never waits, and makes no system call. ErrInvalid: no such
// instrument. ErrNoBook: its feed brings neither levels nor orders, or the daemon keeps no depth.
// ErrTimeout: the book was written faster than it could be copied. ErrDamaged: the segment is damaged.
func (c *Client) ReadDepth(instrument uint32, depth *Depth) (bool, error) {
	about, err := c.Instrument(instrument)
	if err != nil {
		return false, err
	}
	if about.Flags&InstrumentBook == 0 {
		return false, failure(ErrNoBook, "%s has no book: its feed brings neither levels nor orders",
			about.Symbol)
	}
	s, err := c.attached()
	if err != nil {
		return false, err
	}
	d, ok, err := s.findDepth()
	if err != nil {
		return false, err
	}
	if !ok {
		return false, failure(ErrNoBook, "this segment has no depth: set [segment] depth in the config of "+
			"mdshmd")
	}
	return s.depthRead(&d, instrument, depth)
}

// depthRead follows the protocol of lib/shm/depth.h: the copy at latch mod 2 is whole as long as the latch
// stays what it was.
func (s *segment) depthRead(d *depthSection, instrument uint32, depth *Depth) (bool, error) {
	record := d.record(uint64(instrument))
	latch := s.load64(record + offDepthLatch)
	if latch == 0 {
		*depth = Depth{Bids: depth.Bids[:0], Asks: depth.Asks[:0]}
		return false, nil
	}
	for round := 0; round < depthRounds; round++ {
		before := latch
		s.depthCopy(d, record+sizeofDepth+uintptr(latch&1)*d.copySize(), depth)
		if latch = s.load64(record + offDepthLatch); latch == before {
			return true, nil
		}
	}
	return false, failure(ErrTimeout, "the book of instrument %d changes faster than it can be read",
		instrument)
}

func (s *segment) depthCopy(d *depthSection, at uintptr, depth *Depth) {
	depth.Seq = s.load64(at + offDepthCopySeq)
	depth.TsEvent = Timestamp(s.load64(at + offDepthCopyTsEvent))
	depth.Flags = Flags(s.load64(at + offDepthCopyFlags))
	depth.BidLevels = s.load64(at + offDepthCopyBidLevels)
	depth.AskLevels = s.load64(at + offDepthCopyAskLevels)
	depth.Orders = s.load64(at + offDepthCopyOrders)
	bids := at + sizeofDepthCopy
	depth.Bids = s.depthLevels(depth.Bids[:0], bids, d.shown(depth.BidLevels))
	depth.Asks = s.depthLevels(depth.Asks[:0], bids+uintptr(d.levels)*sizeofDepthLevel,
		d.shown(depth.AskLevels))
}

// shown is how many of a side's levels are in a copy.
func (d *depthSection) shown(levels uint64) uint64 {
	if levels < d.levels {
		return levels
	}
	return d.levels
}

func (s *segment) depthLevels(levels []Level, at uintptr, n uint64) []Level {
	for ; n > 0; n, at = n-1, at+sizeofDepthLevel {
		levels = append(levels, Level{
			Px:     Price(s.load64(at + offDepthLevelPx)),
			Sz:     Size(s.load64(at + offDepthLevelSz)),
			Orders: s.load64(at + offDepthLevelOrders),
		})
	}
	return levels
}
