package mdclient

import (
	"os"
	"testing"
)

// recordedBook runs a daemon that has read so much of recorded ITCH, and keeps that depth.
func recordedBook(t *testing.T, depth string) *Client {
	data := os.Getenv("MDSHMD_TEST_DATA")
	if data == "" {
		data = "../../../shared/data"
	}
	file := data + "/nasdaq/aapl-2019-12-30.itch50"
	if _, err := os.Stat(file); err != nil {
		t.Skip("no recorded market data: ", err)
	}
	wd, err := os.Getwd()
	must(t, err)
	if file[0] != '/' {
		file = wd + "/" + file
	}
	r := newRig(t, "depth = "+depth+"\n", "[feed itch]\nsource = file\nprotocol = itch50\nspeed = max\n"+
		"messages = 10000\nfile = "+file+"\n")
	c := r.dial()
	await(t, "the end", func() bool {
		i, err := c.Instrument(0)
		return err == nil && i.BidLevels == 43 && i.AskLevels == 72
	})
	return c
}

// Best prices, counts of levels and orders are those that others computed.
func TestRecordedBookIsRead(t *testing.T) {
	c := recordedBook(t, "4")
	var d Depth
	ok, err := c.ReadDepth(0, &d)
	must(t, err)
	if !ok || d.BidLevels != 43 || d.AskLevels != 72 || d.Orders != 236 || d.Flags != FlagMaybeBadBook {
		t.Fatal("not the known book: ", ok, d)
	}
	if len(d.Bids) != 4 || len(d.Asks) != 4 || d.Bids[0].Px != 288180000000 || d.Bids[0].Sz != 5 ||
		d.Asks[0].Px != 288210000000 || d.Asks[0].Sz != 500 {
		t.Fatal("not the known levels: ", d.Bids, d.Asks)
	}
	for i := 1; i < 4; i++ {
		if d.Bids[i].Px >= d.Bids[i-1].Px || d.Asks[i].Px <= d.Asks[i-1].Px {
			t.Error("levels are not in order: ", d.Bids, d.Asks)
		}
	}
	_, err = c.ReadDepth(1, &d)
	refuses(t, err, ErrInvalid, "no instrument 1")
}

func TestNoDepthIsSaid(t *testing.T) {
	var d Depth
	_, err := recordedBook(t, "0").ReadDepth(0, &d)
	refuses(t, err, ErrNoBook, "[segment] depth")

	r := newDemo(t)
	p := r.publisher()
	define(t, p, "A")
	c := r.dial()
	await(t, "A", func() bool { return c.InstrumentCount() == 1 })
	_, err = c.ReadDepth(0, &d)
	refuses(t, err, ErrNoBook, "A has no book")
}
