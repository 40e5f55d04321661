package mdclient

const symbolMax = sizeInstrumentSymbol - 1 // characters

// hashSymbol is FNV-1a, 64 bits, of the symbol alone: all venues of a symbol stand in one run of the
// index.
func hashSymbol(symbol string) uint64 {
	hash := uint64(0xcbf29ce484222325)
	for i := 0; i < len(symbol); i++ {
		hash = (hash ^ uint64(symbol[i])) * 0x100000001b3
	}
	return hash
}

// candidates calls visit for each instrument of that symbol, until it returns false.
func (s *segment) candidates(symbol string, visit func(instrument uint32) bool) {
	hash := hashSymbol(symbol)
	// an index without an empty slot is damaged, but must not hold us
	for i := uint64(0); i < s.index.count; i++ {
		slot := s.load64(s.index.record((hash + i) & (s.index.count - 1)))
		if slot == 0 {
			return
		}
		instrument := uint32(slot) - 1
		if slot>>32 != hash>>32 || instrument >= s.capacity() || s.symbol(instrument) != symbol {
			continue
		}
		if !visit(instrument) {
			return
		}
	}
}

// findExactly returns the index of an instrument; venue "" is the one without a name.
func (s *segment) findExactly(symbol, venue string) (found uint32, ok bool) {
	s.candidates(symbol, func(instrument uint32) bool {
		found, ok = instrument, s.venue(instrument) == venue
		return !ok
	})
	return found, ok
}

// find returns the index of an instrument; venue "" means any. ErrNotFound, ErrAmbiguous.
func (s *segment) find(symbol, venue string) (uint32, error) {
	if venue != "" {
		if found, ok := s.findExactly(symbol, venue); ok {
			return found, nil
		}
		return 0, failure(ErrNotFound, "%s at %s is not known (yet)", symbol, venue)
	}
	found, n := uint32(0), 0
	s.candidates(symbol, func(instrument uint32) bool {
		found = instrument
		n++
		return n < 2
	})
	switch n {
	case 0:
		return 0, failure(ErrNotFound, "%s is not known (yet)", symbol)
	case 1:
		return found, nil
	}
	return 0, failure(ErrAmbiguous, "%s is traded at several venues: say which", symbol)
}

func (s *segment) symbol(instrument uint32) string {
	return s.text(s.directory.record(uint64(instrument))+offInstrumentSymbol, sizeInstrumentSymbol)
}

func (s *segment) venue(instrument uint32) string {
	return s.text(s.directory.record(uint64(instrument))+offInstrumentVenue, sizeInstrumentVenue)
}

func (s *segment) instrument(i uint32) Instrument {
	return loadInstrument(s.mapping, s.directory.record(uint64(i)), i)
}

// checkNames refuses what can be no symbol or venue.
func checkNames(symbol, venue string) error {
	if symbol == "" || len(symbol) > symbolMax {
		return failure(ErrInvalid, "%.64q is no symbol: it has 1 to %d characters", symbol, symbolMax)
	}
	if len(venue) > sizeInstrumentVenue {
		return failure(ErrInvalid, "%.64q is no venue: it has at most %d characters", venue, sizeInstrumentVenue)
	}
	return nil
}

// Lookup returns the index of a symbol; venue "" means any. ErrNotFound: it is not known (yet).
// ErrAmbiguous: several venues have it. ErrInvalid: no name for a symbol or a venue.
func (c *Client) Lookup(symbol, venue string) (uint32, error) {
	s, err := c.attached()
	if err != nil {
		return 0, err
	}
	if err := checkNames(symbol, venue); err != nil {
		return 0, err
	}
	return s.find(symbol, venue)
}

// InstrumentCount returns how many instruments are known; their indexes are those below it. More may
// come, none goes.
func (c *Client) InstrumentCount() uint32 {
	s, err := c.attached()
	if err != nil {
		return 0
	}
	return s.known()
}

// Instrument returns what is known of an instrument. ErrInvalid: there is no such index.
func (c *Client) Instrument(index uint32) (Instrument, error) {
	s, err := c.attached()
	if err != nil {
		return Instrument{}, err
	}
	if index >= s.known() {
		return Instrument{}, failure(ErrInvalid, "there is no instrument %d", index)
	}
	return s.instrument(index), nil
}

// Instruments returns all that are known.
func (c *Client) Instruments() []Instrument {
	s, err := c.attached()
	if err != nil {
		return nil
	}
	instruments := make([]Instrument, s.known())
	for i := range instruments {
		instruments[i] = s.instrument(uint32(i))
	}
	return instruments
}
