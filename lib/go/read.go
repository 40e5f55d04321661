package mdclient

const readManyRounds = 64

// Read copies the newest tick of a kind that has a place, one below Places; false where there has not been
// one yet. It never waits, and makes no system call. ErrInvalid: no such instrument, or a kind without
// a place. ErrDamaged: the segment is damaged.
//
// When a venue's session begins afresh, the ticks of the one before are taken back: by ticks with
// FlagSnapshot, whose prices are PxNone and whose sums are 0. So the newest Trade may say that there has
// been none in its session yet.
func (c *Client) Read(instrument uint32, kind Kind) (Tick, bool, error) {
	var t Tick
	s, err := c.place(instrument, kind)
	if err != nil {
		return t, false, err
	}
	if s.tableRead(instrument, kind, &t) != nil {
		return Tick{}, false, damaged(instrument, kind)
	}
	return t, t.Seq != 0, nil
}

// place returns the segment, in which there is a place of that instrument and kind.
func (c *Client) place(instrument uint32, kind Kind) (*segment, error) {
	s, err := c.attached()
	if err != nil {
		return nil, err
	}
	return s, s.checkPlace(instrument, kind)
}

func (s *segment) checkPlace(instrument uint32, kind Kind) error {
	if instrument >= s.known() {
		return failure(ErrInvalid, "there is no instrument %d", instrument)
	}
	if kind >= Places {
		return failure(ErrInvalid, "ticks of kind %s have no place to read from", kind)
	}
	return nil
}

func damaged(instrument uint32, kind Kind) error {
	return failure(ErrDamaged, "the segment is damaged: %s of instrument %d is neither whole nor in the "+
		"journal", kind, instrument)
}

// ReadMany copies several at once, as they all stood at one moment. The caller sets Instrument and Kind of
// each; the rest is filled in (Seq is 0 where there has not been one). It returns 0 for a true cut. Where
// the market moves too fast for that, it gives up after some rounds and returns how many of the places
// moved meanwhile; moved (nil, or as long as ticks) is true for each of those. Every tick by itself is
// whole in any case. Errors as Read.
func (c *Client) ReadMany(ticks []Tick, moved []bool) (int, error) {
	s, err := c.attached()
	if err != nil {
		return 0, err
	}
	for i := range ticks {
		if err := s.checkPlace(ticks[i].Instrument, ticks[i].Kind); err != nil {
			return 0, err
		}
	}
	moving := 0
	for round := 0; round < readManyRounds; round++ {
		if err := s.copyAll(ticks); err != nil {
			return 0, err
		}
		if moving = s.countMoved(ticks, moved); moving == 0 {
			break
		}
	}
	return moving, nil
}

func (s *segment) copyAll(ticks []Tick) error {
	for i := range ticks {
		instrument, kind := ticks[i].Instrument, ticks[i].Kind
		if s.tableRead(instrument, kind, &ticks[i]) != nil {
			return damaged(instrument, kind)
		}
		// a place that was never written knows nothing of itself
		ticks[i].Instrument, ticks[i].Kind = instrument, kind
	}
	return nil
}

// countMoved says which places no longer hold the tick that was copied from them. Numbers only grow, so if
// there is none, all of them stood like this at one moment: the one at which the last was copied.
func (s *segment) countMoved(ticks []Tick, moved []bool) (n int) {
	for i := range ticks {
		is := s.tableSeq(ticks[i].Instrument, ticks[i].Kind) != ticks[i].Seq
		if is {
			n++
		}
		if moved != nil {
			moved[i] = is
		}
	}
	return n
}
