package mdclient

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"os"
	"syscall"
)

// A segment is the daemon's memory, mapped read-only and looked over: every number in its header that
// says where something is has been held against the size of the mapping. What stands in it is copied
// before it is judged, and never trusted as an index.
type segment struct {
	*mapping
	identity  uint64
	feeds     section
	directory section
	index     section
	table     section
	journal   section
	counters  section

	device, inode uint64 // of the file that it is
}

// A section is count records, each stride bytes after the last.
type section struct {
	offset, stride uintptr
	count          uint64
}

func (s *section) record(i uint64) uintptr {
	return s.offset + uintptr(i)*s.stride
}

const instrumentsMax = 1 << 24 // more than that, no segment has room for

// attachSegment maps what a descriptor refers to, and checks it. The descriptor remains the caller's; what
// is its name in the sentence of an error, which is ErrDamaged.
func attachSegment(fd int, what string) (*segment, error) {
	s, err := mapSegment(fd)
	if err != nil {
		return nil, failure(ErrDamaged, "%s cannot be used: %v", what, err)
	}
	return s, nil
}

func mapSegment(fd int) (*segment, error) {
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	if stat.Size < layoutPage {
		return nil, fmt.Errorf("it has %d bytes, and the header alone has %d", stat.Size, layoutPage)
	}
	m, err := mapFile(fd, stat.Size, syscall.PROT_READ)
	if err != nil {
		return nil, err
	}
	s := &segment{mapping: m, device: stat.Dev, inode: stat.Ino}
	if err := s.check(); err != nil {
		m.unmap()
		return nil, err
	}
	return s, nil
}

// check looks at all that the header says, and finds the sections.
func (s *segment) check() error {
	magic := s.load64(offHeaderMagic)
	major, minor := s.load32(offHeaderMajor), s.load32(offHeaderMinor)
	fingerprint, size := s.load64(offHeaderFingerprint), s.load64(offHeaderSize)
	switch {
	case magic == 0:
		return errors.New("it is empty, unfinished, or its daemon has retired it")
	case magic != layoutMagic:
		return errors.New("it is not an mdshmd segment (its first bytes are foreign)")
	case major != layoutMajor:
		return fmt.Errorf("it has layout version %d.%d, and this program reads %d.x", major, minor,
			layoutMajor)
	case minor == layoutMinor && fingerprint != layoutFingerprint:
		return fmt.Errorf("its layout fingerprint %016x is not %016x although both are version %d.%d",
			fingerprint, layoutFingerprint, major, minor)
	case size < layoutPage || size > s.size():
		return fmt.Errorf("it says that it has %d bytes, and has %d", size, s.size())
	}
	s.identity = s.load64(offHeaderIdentity)
	return s.findSections(size)
}

func (s *segment) findSections(size uint64) error {
	wanted := []struct {
		section             *section
		kind                uint32
		name                string
		record, align, most uint64
	}{
		{&s.feeds, sectionFeeds, "feeds", sizeofFeed, 64, math.MaxUint32},
		{&s.directory, sectionDirectory, "directory", sizeofInstrument, 64, instrumentsMax},
		{&s.index, sectionIndex, "index", 8, 8, math.MaxUint64},
		{&s.table, sectionTable, "table", Places * sizeofTick, 64, math.MaxUint64},
		{&s.journal, sectionJournal, "journal", sizeofTick, 64, math.MaxUint64},
		{&s.counters, sectionCounters, "counters", sizeofCounter, 64, math.MaxUint32},
	}
	for _, w := range wanted {
		var ok bool
		if *w.section, ok = s.findSection(w.kind, size, w.record, w.align); !ok || w.section.count > w.most {
			return fmt.Errorf("its %s section is missing, or does not lie inside its %d bytes", w.name, size)
		}
	}
	if s.table.count < s.directory.count || s.index.count <= s.directory.count ||
		s.index.stride != 8 || s.journal.stride != sizeofTick ||
		bits.OnesCount64(s.index.count) != 1 || bits.OnesCount64(s.journal.count) != 1 {
		return fmt.Errorf("its sections do not go together (%d instruments, %d places, %d index slots, "+
			"%d journal ticks)", s.directory.count, s.table.count, s.index.count, s.journal.count)
	}
	return nil
}

// findSection returns a section of at least one record, of records that are long enough, inside of size
// bytes.
func (s *segment) findSection(kind uint32, size, record, align uint64) (section, bool) {
	for at := uintptr(offHeaderSection); at < sizeofHeader; at += sizeofSection {
		if s.load32(at+offSectionKind) != kind {
			continue
		}
		offset, count := s.load64(at+offSectionOffset), s.load64(at+offSectionCount)
		stride := s.load64(at + offSectionStride)
		over, bytes := bits.Mul64(count, stride)
		fits := offset >= layoutPage && offset%layoutPage == 0 && count > 0 && stride >= record &&
			stride%align == 0 && over == 0 && bytes <= size && offset <= size-bytes
		return section{uintptr(offset), uintptr(stride), count}, fits
	}
	return section{}, false
}

// newest is the number of the newest tick: a hint, the lines hold the truth.
func (s *segment) newest() uint64 {
	return s.load64(offHeaderNewest)
}

// capacity is how many instruments there is room for.
func (s *segment) capacity() uint32 {
	return uint32(s.directory.count)
}

// known is how many instruments there are: those with the indexes below.
func (s *segment) known() uint32 {
	n := s.load32(offHeaderInstruments)
	if n > s.capacity() {
		return s.capacity()
	}
	return n
}
