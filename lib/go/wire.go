package mdclient

import (
	"net"
	"syscall"
	"unsafe"
)

// The messages on the socket, as lib/wire/wire.h has them: one packet each, in the byte order of the
// host.

const (
	wireVersion = 1
	wireName    = 32  // bytes of a client's name
	wireText    = 240 // bytes of a sentence
	wireSizeMax = 512 // no message is larger
)

const (
	wireHelloOp   = 1
	wireDefineOp  = 5
	wireWelcomeOp = 0x8001
	wireRefusedOp = 0x8002
	wireDefinedOp = 0x8006
)

const (
	roleReader    = 1
	rolePublisher = 2
)

// The descriptors that come with a welcome.
const (
	readerSegment, readerWake, readerControl, readerFDs           = 0, 1, 2, 3
	publisherRing, publisherDoorbell, publisherRoom, publisherFDs = 0, 1, 2, 3
)

type wireHeader struct {
	opcode uint32
	size   uint32 // of the whole message
}

type wireHello struct {
	wireHeader
	version uint32
	role    uint32
	name    [wireName]byte
	feed    [wireName]byte // role publisher
}

type wireWelcome struct {
	wireHeader
	version     uint32
	client      uint32
	fds         uint32
	_           uint32
	identity    uint64 // of the segment
	generation  uint64 // of the daemon
	segmentSize uint64
	controlSize uint64
	newest      uint64
}

type wireRefused struct {
	wireHeader
	code uint32
	_    uint32
	text [wireText]byte
}

type wireDefine struct {
	wireHeader
	symbol  [sizeInstrumentSymbol]byte
	venue   [sizeInstrumentVenue]byte
	sizeExp int32
	flags   InstrumentFlags
	lot     Size
	closePx Price
}

type wireDefined struct {
	wireHeader
	result     int32 // 0, or a negative errno
	instrument uint32
	text       [wireText]byte // why not
}

// packet returns the bytes of a message; v begins with its header, which is filled in.
func packet[T any](v *T, opcode uint32) []byte {
	*(*wireHeader)(unsafe.Pointer(v)) = wireHeader{opcode, uint32(unsafe.Sizeof(*v))}
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// message is a packet that came, with what its header says held against its length.
type message []byte

func (m message) opcode() uint32 {
	return *(*uint32)(unsafe.Pointer(&m[0]))
}

// parse copies a message out of its packet, if it is one of that kind.
func parse[T any](m message, opcode uint32) (v T, ok bool) {
	if m.opcode() != opcode || uintptr(len(m)) != unsafe.Sizeof(v) {
		return v, false
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v)), m)
	return v, true
}

// receive returns the next message and the descriptors that came with it, at most so many. io.EOF: the
// peer has closed the connection. ErrProtocol: it sent what is no message.
func receive(conn *net.UnixConn, fdsMax int) (message, []int, error) {
	var words [wireSizeMax / 8]uint64 // for its alignment
	buffer := unsafe.Slice((*byte)(unsafe.Pointer(&words)), wireSizeMax)
	oob := make([]byte, syscall.CmsgSpace(4*fdsMax))
	n, oobn, flags, _, err := conn.ReadMsgUnix(buffer, oob)
	if err != nil {
		return nil, nil, err
	}
	fds := takeFDs(oob[:oobn])
	m := message(buffer[:n])
	if flags&(syscall.MSG_TRUNC|syscall.MSG_CTRUNC) == 0 && len(fds) <= fdsMax &&
		n >= int(unsafe.Sizeof(wireHeader{})) && *(*uint32)(unsafe.Pointer(&m[4])) == uint32(n) {
		return m, fds, nil
	}
	closeFDs(fds)
	return nil, nil, ErrProtocol
}

// takeFDs returns the descriptors in control messages; they close on exec.
func takeFDs(oob []byte) []int {
	var all []int
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range messages {
		if fds, err := syscall.ParseUnixRights(&messages[i]); err == nil {
			all = append(all, fds...)
		}
	}
	return all
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		syscall.Close(fd)
	}
}
