package mdclient

import (
	"encoding/binary"
	"fmt"
	"net"
	"testing"
)

// A packet of MoldUDP64 with one message: the venue says that its day begins.
func systemEvent(sequence uint64) []byte {
	packet := []byte("session   ")
	packet = binary.BigEndian.AppendUint64(packet, sequence)
	packet = append(packet, 0, 1, 0, 12)
	return append(packet, 'S', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'O')
}

// A is always first, and B brings nothing new.
func TestLinesAreToldApart(t *testing.T) {
	var line [2]*net.UDPConn
	for i := range line {
		free, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		must(t, err)
		defer free.Close()
		line[i] = free
	}
	for i := range line {
		at := line[i].LocalAddr().(*net.UDPAddr)
		line[i].Close()
		to, err := net.DialUDP("udp4", nil, at)
		must(t, err)
		defer to.Close()
		line[i] = to
	}
	r := newRig(t, "instruments = 16\njournal = 256\n", fmt.Sprintf(
		"[feed itch]\nsource = udp\nprotocol = itch50\na = %v\nb = %v\n%s",
		line[0].RemoteAddr(), line[1].RemoteAddr(), demoFeed))
	c := r.dial()
	for sent := uint64(0); sent < 6; sent++ {
		_, err := line[sent%2].Write(systemEvent(1 + sent/2))
		must(t, err)
		await(t, "a packet", func() bool { return c.Feeds()[0].Packets == sent+1 })
	}

	feeds := c.Feeds()
	f := &feeds[0]
	if f.Lines != 2 || feeds[1].Lines != 0 {
		t.Fatalf("%d and %d lines", f.Lines, feeds[1].Lines)
	}
	a, b := f.Line[0], f.Line[1]
	if a.Packets != 3 || a.Won != 3 || a.Lost != 0 || b.Packets != 3 || b.Won != 0 || b.Lost != 3 {
		t.Errorf("got %+v and %+v", a, b)
	}
	if a.Filled != 0 || b.Filled != 0 || a.LastRecv >= b.LastRecv {
		t.Errorf("got %+v and %+v", a, b)
	}
	leadA, n := f.Lead(0)
	leadB, m := f.Lead(1)
	if n != 2 || m != 2 || leadA <= 0 || leadB != -leadA { // since the first copy of all
		t.Errorf("A leads by %v (%d), B by %v (%d)", leadA, n, leadB, m)
	}
	if lead, n := feeds[1].Lead(0); lead != 0 || n != 0 {
		t.Errorf("a publisher leads by %v (%d)", lead, n)
	}
}
