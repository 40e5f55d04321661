package mdclient

import (
	"errors"
	"fmt"
)

// What errors.Is finds in the errors of this package. The errors themselves say it in a sentence, with
// names and numbers. Where the operating system is the cause, errors.Is finds its error, too (for
// instance fs.ErrNotExist, where nobody listens at the socket).
var (
	ErrNotFound  = errors.New("not known")
	ErrAmbiguous = errors.New("known at several venues")
	ErrInvalid   = errors.New("not possible")
	ErrNoBook    = errors.New("the instrument has no book, or the daemon keeps no depth")
	ErrDamaged   = errors.New("the segment is damaged, or of another version")
	ErrClosed    = errors.New("closed")
	ErrGone      = errors.New("the daemon has closed the connection")
	ErrTimeout   = errors.New("no answer in time")
	ErrProtocol  = errors.New("no mdshmd, or one that speaks another language")

	// What the daemon may say instead of a welcome.
	ErrVersion  = errors.New("another version of the protocol")
	ErrAccess   = errors.New("not permitted")
	ErrTooMany  = errors.New("too many clients")
	ErrNoFeed   = errors.New("no such feed, or none that takes a publisher")
	ErrFeedBusy = errors.New("the feed has a publisher")
	ErrTrouble  = errors.New("the daemon is in trouble")

	// What happens to publishers.
	ErrFull      = errors.New("the ring is full")
	ErrNoRoom    = errors.New("no room for more instruments")
	ErrOtherFeed = errors.New("an instrument of another feed")
	ErrSizeExp   = errors.New("it has another size_exp, which cannot change")
	ErrLiar      = errors.New("the daemon refuses what was sent")
)

// sentence is an error in words of its own, with one of those above, or of the system, as its cause.
type sentence struct {
	cause error
	text  string
}

func (s *sentence) Error() string {
	return "mdclient: " + s.text
}

func (s *sentence) Unwrap() error {
	return s.cause
}

func failure(cause error, format string, args ...any) error {
	return &sentence{cause, fmt.Sprintf(format, args...)}
}
