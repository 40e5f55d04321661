package mdclient

import (
	"errors"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// Saving a segment that is being written, as it stood at one moment, without asking its writer: lib/save.c
// tells how. The table is copied place by place; then the ticks that came meanwhile are taken from the
// journal and done over again in the copy.

const saveRounds = 8

var errTooFast = errors.New("the writer is faster")

// Save writes the segment to a file as it stood at one moment, from memory and without stopping anybody: the
// table with every tick up to one number, and of the journal what was not overwritten meanwhile. Each book
// of the depth is whole, and no newer than that. An existing file is replaced when the new one is complete.
//
// ErrInvalid: what is there is no regular file, or the segment itself. ErrTimeout: the daemon writes faster
// than this can copy. ErrDamaged: the segment is damaged. Other errors as of package os.
func (c *Client) Save(path string) error {
	s, err := c.attached()
	if err != nil {
		return err
	}
	target, err := s.saveTarget(path)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(target), filepath.Base(target)+".*")
	if err != nil {
		return failure(err, "cannot write beside %s: %v", path, err)
	}
	defer file.Close()
	err = s.saveTo(file, c.file)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(file.Name(), target)
	}
	if err != nil {
		os.Remove(file.Name())
		return failure(err, "cannot save to %s: %v", path, err)
	}
	return nil
}

// saveTarget returns the file whose place the new one is to take: of a symbolic link, what it stands for.
func (s *segment) saveTarget(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", failure(err, "%v", err)
	}
	if !info.Mode().IsRegular() {
		return "", failure(ErrInvalid, "%s is no regular file: name one, or a new one", path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Dev == s.device && stat.Ino == s.inode {
		return "", failure(ErrInvalid, "%s is the very segment that is to be saved: name another file", path)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", failure(err, "%v", err)
	}
	return target, nil
}

func (s *segment) saveTo(file *os.File, dead bool) error {
	// taken at once: a full disk is an error here, not a fault while writing
	if err := syscall.Fallocate(int(file.Fd()), 0, 0, int64(s.size())); err != nil {
		return os.NewSyscallError("fallocate", err)
	}
	m, err := mapFile(int(file.Fd()), int64(s.size()), syscall.PROT_READ|syscall.PROT_WRITE)
	if err != nil {
		return err
	}
	defer m.unmap()
	copied := *s
	copied.mapping = m
	depth, hasDepth, err := s.findDepth()
	if err != nil {
		return err
	}
	if !hasDepth {
		depth.count = 0
	}
	for round := 0; round < saveRounds; round++ {
		if err = s.copyTo(&copied, &depth); err == nil {
			return nil
		}
		if !errors.Is(err, errTooFast) {
			return err
		}
	}
	if dead {
		return failure(ErrDamaged, "the segment is damaged") // nobody writes it
	}
	return failure(ErrTimeout, "the daemon writes faster than this can copy: make [segment] journal larger, "+
		"or try again")
}

// copyTo copies everything, once. errTooFast: it does not go together.
func (s *segment) copyTo(to *segment, depth *depthSection) error {
	n, before := s.known(), s.newest()
	if err := s.copyFigures(to); err != nil {
		return err
	}
	s.copyDirectory(to, n)
	newest, err := s.copyTable(to, n, before)
	if err != nil {
		return err
	}
	for i := uint64(0); i < depth.count && i < uint64(n); i++ {
		if !s.copyBook(to, depth, i) {
			return errTooFast
		}
	}
	if now := s.newest(); newest < now {
		newest = now
	}
	if !s.redo(to, n, before+1, newest) || s.known() != n {
		return errTooFast
	}
	s.copyJournal(to, newest)
	to.store64(offHeaderNewest, newest)
	return nil
}

// copyWords copies words that may be changing: each by itself is whole.
func (s *segment) copyWords(to *segment, at uintptr, bytes uint64) {
	for end := at + uintptr(bytes); at < end; at += 8 {
		to.store64(at, s.load64(at))
	}
}

// copyFigures copies header and small sections: everything but what has a protocol of its own. Sections of a
// later version are copied as they stand; nobody has looked at their numbers yet.
func (s *segment) copyFigures(to *segment) error {
	s.copyWords(to, 0, layoutPage)
	for at := uintptr(offHeaderSection); at < sizeofHeader; at += sizeofSection {
		switch to.load32(at + offSectionKind) {
		case 0, sectionTable, sectionJournal, sectionDirectory, sectionDepth:
			continue
		}
		offset := to.load64(at + offSectionOffset)
		over, bytes := bits.Mul64(to.load64(at+offSectionCount), to.load64(at+offSectionStride))
		if over != 0 || offset%8 != 0 || bytes%8 != 0 || bytes > s.size() || offset > s.size()-bytes {
			return failure(ErrDamaged, "the segment is damaged: a section does not lie inside it")
		}
		s.copyWords(to, uintptr(offset), bytes)
	}
	return nil
}

// copyDirectory copies the first n instruments, and the index without any later ones: a later one was never
// in the way of an earlier one's search, so its slot can simply be emptied. The last one may not be in the
// index yet.
func (s *segment) copyDirectory(to *segment, n uint32) {
	s.copyWords(to, s.directory.offset, uint64(n)*uint64(s.directory.stride))
	for i := uint64(0); i < s.index.count; i++ {
		if slot := to.load64(s.index.record(i)); slot != 0 && uint32(slot)-1 >= n {
			to.store64(s.index.record(i), 0)
		}
	}
	to.store32(offHeaderInstruments, n)
	if n == 0 {
		return
	}
	symbol, venue := to.symbol(n-1), to.venue(n-1)
	if found, ok := to.findExactly(symbol, venue); ok && found == n-1 {
		return
	}
	hash := hashSymbol(symbol)
	for i := uint64(0); i < s.index.count; i++ {
		if at := s.index.record((hash + i) & (s.index.count - 1)); to.load64(at) == 0 {
			to.store64(at, hash>>32<<32|uint64(n))
			return
		}
	}
}

func (s *segment) storeTick(line uintptr, t *Tick) {
	s.store64(line, t.Seq)
	words := (*[lineWords]uint64)(unsafe.Pointer(t))
	for i := 1; i < lineWords; i++ {
		s.store64(line+uintptr(i)*8, words[i])
	}
}

// copyTable copies the places of n instruments; the newest tick of all, if it is newer than newest.
func (s *segment) copyTable(to *segment, n uint32, newest uint64) (uint64, error) {
	var t Tick
	for i := uint32(0); i < n; i++ {
		for kind := Kind(0); kind < Places; kind++ {
			if s.tableRead(i, kind, &t) != nil {
				return 0, damaged(i, kind)
			}
			to.storeTick(s.tableLine(i, kind), &t)
			if t.Seq > newest {
				newest = t.Seq
			}
		}
	}
	return newest, nil
}

// copyBook copies the newest whole copy of a book. False: it was written faster than that.
func (s *segment) copyBook(to *segment, d *depthSection, i uint64) bool {
	record := d.record(i)
	latch := s.load64(record + offDepthLatch)
	for round := 0; round < depthRounds; round++ {
		if latch != 0 {
			s.copyWords(to, record+sizeofDepth+uintptr(latch&1)*d.copySize(), uint64(d.copySize()))
		}
		before := latch
		if latch = s.load64(record + offDepthLatch); latch == before {
			to.store64(record+offDepthLatch, latch)
			return true
		}
	}
	return false
}

// redo does the ticks from first to last over again. False where one of them is lost.
func (s *segment) redo(to *segment, n uint32, first, last uint64) bool {
	var t Tick
	for seq := first; seq <= last; seq++ {
		if s.journalRead(seq, &t) != journalOK {
			return false
		}
		if t.Kind < Places && t.Instrument < n && to.tableSeq(t.Instrument, t.Kind) < seq {
			to.storeTick(s.tableLine(t.Instrument, t.Kind), &t)
		}
	}
	return true
}

// copyJournal copies the stream up to newest, as far as it still stands.
func (s *segment) copyJournal(to *segment, newest uint64) {
	for seq := s.journalOldest(newest); seq <= newest; seq++ {
		var t Tick
		if s.journalRead(seq, &t) != journalOK {
			t = Tick{}
		}
		to.storeTick(s.journalLine(seq), &t)
	}
}
