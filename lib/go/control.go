package mdclient

import (
	"math"
	"syscall"
)

// A control page is what one client and the daemon say to each other without a system call: what the
// client wants to be woken for, and how far it is. lib/shm/control.h tells the handshake, and why no wake
// is lost.
//
// The interest is written by any goroutine of the client that holds its lock; the rest by the one that
// follows the stream.
type control struct {
	*mapping
}

// controlSize returns the bytes of a page for so many instruments.
func controlSize(instruments uint32) uintptr {
	return sizeofControl + (uintptr(instruments)+63)/64*8
}

func interestWord(instrument uint32) uintptr {
	return sizeofControl + uintptr(instrument)/64*8
}

func (k control) interested(instrument uint32) bool {
	return k.load64(interestWord(instrument))>>(instrument%64)&1 != 0
}

func (k control) setInterest(instrument uint32, on bool) {
	word, bit := interestWord(instrument), uint64(1)<<(instrument%64)
	if on {
		k.store64(word, k.load64(word)|bit)
	} else {
		k.store64(word, k.load64(word)&^bit)
	}
}

func (k control) setGrowth(on bool) {
	v := uint32(0)
	if on {
		v = 1
	}
	k.store32(offControlGrowth, v)
}

// arm asks to be woken. The store and the loads of the look at the journal that follows stand in one
// order for everybody, so the full fence of the handshake is there.
func (k control) arm() {
	k.store32(offControlArmed, 1)
}

func (k control) disarm() {
	k.store32(offControlArmed, 0)
}

// copyInterest takes over all that another page of the same segment says of the interest.
func (k control) copyInterest(from control) {
	for _, at := range []uintptr{offControlAll, offControlKinds, offControlGrowth} {
		k.store32(at, from.load32(at))
	}
	for at := uintptr(sizeofControl); at+8 <= uintptr(len(k.bytes)) && at+8 <= uintptr(len(from.bytes)); at += 8 {
		k.store64(at, from.load64(at))
	}
}

// newControl begins to use a page: nothing is of interest yet, and of that every kind.
func newControl(page *mapping) control {
	k := control{page}
	k.store32(offControlKinds, math.MaxUint32)
	return k
}

// mapControl maps the page that the daemon has made for us. The descriptor remains the caller's.
func mapControl(fd int, instruments uint32) (control, error) {
	if !isSealed(fd) {
		return control{}, failure(ErrProtocol, "the daemon sent a control page that is not sealed: it could be "+
			"cut off under this program")
	}
	wanted := int64(controlSize(instruments))
	size, err := fileSize(fd)
	if err != nil {
		return control{}, failure(err, "the control page cannot be looked at: %v", err)
	}
	if size < wanted {
		return control{}, failure(ErrProtocol, "the daemon sent a control page of the wrong size")
	}
	page, err := mapFile(fd, wanted, syscall.PROT_READ|syscall.PROT_WRITE)
	if err != nil {
		return control{}, failure(err, "cannot map the control page: %v", err)
	}
	return newControl(page), nil
}
