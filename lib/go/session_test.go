package mdclient

import (
	"encoding/binary"
	"fmt"
	"net"
	"testing"
)

// firstMessage is a packet of MoldUDP64 with the first message of a session.
func firstMessage(session string, message []byte) []byte {
	packet := binary.BigEndian.AppendUint64([]byte(session), 1)
	packet = append(packet, 0, 1, 0, byte(len(message)))
	return append(packet, message...)
}

// A non-displayed order of TRADED was executed: 30 at 100.
func tradeMessage() []byte {
	message := append([]byte{'P'}, make([]byte, 18)...)
	message = append(message, 'B', 0, 0, 0, 30)
	message = append(message, "TRADED  "...)
	message = binary.BigEndian.AppendUint32(message, 1000000)
	return binary.BigEndian.AppendUint64(message, 7)
}

func TestANewSessionTakesTheTradeBack(t *testing.T) {
	free, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	at := free.LocalAddr().(*net.UDPAddr)
	free.Close()
	line, err := net.DialUDP("udp4", nil, at)
	must(t, err)
	defer line.Close()
	r := newRig(t, "instruments = 16\njournal = 256\n", fmt.Sprintf(
		"[feed itch]\nsource = udp\nprotocol = itch50\naddress = %v\nport = %d\n", at.IP, at.Port))
	c := r.dial()
	must(t, c.SubscribeAll())

	_, err = line.Write(firstMessage("monday    ", tradeMessage()))
	must(t, err)
	await(t, "a trade", func() bool { return c.Feeds()[0].Messages == 1 })
	tick, ok, err := c.Read(0, KindTrade)
	if want := (Trade{Px: 100 * PxOne, Sz: 30, Volume: 30, TradeID: 7}); err != nil || !ok || *tick.Trade() != want {
		t.Fatalf("got %+v, %v", tick, err)
	}

	_, err = line.Write(firstMessage("tuesday   ", append([]byte{'S', 10: 0}, 'O')))
	must(t, err)
	await(t, "a session", func() bool { return c.Feeds()[0].Resets == 1 })
	tick, ok, err = c.Read(0, KindTrade)
	if want := (Trade{Px: PxNone}); err != nil || !ok || *tick.Trade() != want {
		t.Fatalf("got %+v, %v", tick, err)
	}
	if tick.Flags != FlagLast|FlagSnapshot {
		t.Errorf("it has the flags %x", tick.Flags)
	}

	var got []Price
	for f := c.Follow(); len(got) < 2 && f.Next(soon(t)); {
		tick := f.Tick()
		if trade := tick.Trade(); trade != nil {
			got = append(got, trade.Px)
		}
	}
	if len(got) != 2 || got[0] != 100*PxOne || got[1] != PxNone {
		t.Errorf("follows %v", got)
	}
}
