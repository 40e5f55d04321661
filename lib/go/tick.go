package mdclient

import (
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// Tick is everything that mdshmd takes, keeps and hands on: who and when, and a body by kind. It is laid
// out like a line of the shared memory, a cache line of 64 bytes.
type Tick struct {
	Seq        uint64    // its number; one numbering for all instruments, from 1
	Instrument uint32    // index in the directory (a publisher's handle in Publisher.Put), or InstrumentNone
	Kind       Kind      // says which of the methods Quote, Trade, ... has the body
	Flags      Flags     // FlagLast, ...
	TsEvent    Timestamp // the exchange's own
	TsRecv     Timestamp // arrival on this host, by the network card or the kernel
	Words      [4]uint64 // the body
}

// A tick is a line of the shared memory; another size does not compile.
var _ [sizeofTick]byte = [unsafe.Sizeof(Tick{})]byte{}

// Timestamp is a moment in nanoseconds since 1970-01-01 UTC; 0 where it is not known.
type Timestamp int64

// Now returns the present moment.
func Now() Timestamp {
	return Timestamp(time.Now().UnixNano())
}

// Time returns the moment in UTC; the zero Time where it is not known.
func (t Timestamp) Time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// unknown is the name of a number that this package has no name for.
func unknown(typ string, v uint64) string {
	return typ + "(" + strconv.FormatUint(v, 10) + ")"
}

type flagName struct {
	bit  uint64
	name string
}

func flagNames(typ string, v uint64, names []flagName) string {
	var set []string
	for _, n := range names {
		if v&n.bit != 0 {
			set = append(set, n.name)
			v &^= n.bit
		}
	}
	if v != 0 {
		set = append(set, unknown(typ, v))
	}
	return strings.Join(set, "|")
}
