package mdclient

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A mapping is memory that another process writes, or reads, at any moment. Its words are moved by
// atomic operations only. Go's are sequentially consistent, so each is at least the acquire or release,
// and each pair of them at least the fence, that the protocols in lib/shm ask for.
//
// Places in it are offsets from its start. Whoever makes one has checked that it lies inside.
//
// The memory is unmapped when nobody refers to the mapping any more, not before: a reader in another
// goroutine may be at work in it while its client is closed or goes over to another segment.
type mapping struct {
	bytes []byte
	base  unsafe.Pointer
}

// mapFile maps size bytes of a file, for reading or for both. The descriptor remains the caller's.
func mapFile(fd int, size int64, prot int) (*mapping, error) {
	if size <= 0 || int64(int(size)) != size {
		return nil, fmt.Errorf("%d bytes cannot be mapped", size)
	}
	return newMapping(fd, int(size), prot, syscall.MAP_SHARED)
}

func fileSize(fd int) (int64, error) {
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	return stat.Size, nil
}

// isSealed says whether a descriptor that came from the daemon is sealed: memory that can be cut off would
// let a mapping of it fault. To be asked before its size is.
func isSealed(fd int) bool {
	const getSeals, sealShrink = 1034, 2 // of <linux/fcntl.h>
	seals, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), getSeals, 0)
	return errno == 0 && seals&sealShrink != 0
}

// newMemory maps memory that nobody else has.
func newMemory(size uintptr) (*mapping, error) {
	return newMapping(-1, int(size), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON)
}

func newMapping(fd, size, prot, flags int) (*mapping, error) {
	bytes, err := syscall.Mmap(fd, 0, size, prot, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	m := &mapping{bytes: bytes, base: unsafe.Pointer(&bytes[0])}
	runtime.SetFinalizer(m, (*mapping).unmap)
	return m, nil
}

// unmap lets go of the memory now. Nobody may be at work in it.
func (m *mapping) unmap() {
	runtime.SetFinalizer(m, nil)
	// it can only fail for memory that was not mapped
	_ = syscall.Munmap(m.bytes)
}

func (m *mapping) size() uint64 {
	return uint64(len(m.bytes))
}

func (m *mapping) at(offset uintptr) unsafe.Pointer {
	return unsafe.Add(m.base, offset)
}

func (m *mapping) load32(at uintptr) uint32 {
	v := atomic.LoadUint32((*uint32)(m.at(at)))
	runtime.KeepAlive(m)
	return v
}

func (m *mapping) load64(at uintptr) uint64 {
	v := atomic.LoadUint64((*uint64)(m.at(at)))
	runtime.KeepAlive(m)
	return v
}

func (m *mapping) store32(at uintptr, v uint32) {
	atomic.StoreUint32((*uint32)(m.at(at)), v)
	runtime.KeepAlive(m)
}

func (m *mapping) store64(at uintptr, v uint64) {
	atomic.StoreUint64((*uint64)(m.at(at)), v)
	runtime.KeepAlive(m)
}

// swap32 stores v and returns what was there.
func (m *mapping) swap32(at uintptr, v uint32) uint32 {
	old := atomic.SwapUint32((*uint32)(m.at(at)), v)
	runtime.KeepAlive(m)
	return old
}

// text copies n bytes, a multiple of 4 and at most 64, and returns those before the first NUL.
func (m *mapping) text(at, n uintptr) string {
	var words [16]uint32
	for i := uintptr(0); i < n/4; i++ {
		words[i] = m.load32(at + i*4)
	}
	return untilNUL((*[64]byte)(unsafe.Pointer(&words))[:n])
}

// untilNUL returns the bytes before the first NUL, or all.
func untilNUL(bytes []byte) string {
	for i, b := range bytes {
		if b == 0 {
			return string(bytes[:i])
		}
	}
	return string(bytes)
}
