// Package mdclient reads and publishes market data of mdshmd, at memory speed.
//
// A client registers with the daemon over a Unix socket and is handed a shared memory segment, mapped
// read-only. From then on, reading is a matter of memory: the newest quote, trade or status of any
// instrument (Client.Read), several of them as one consistent cut (Client.ReadMany), everything that
// changed, newest only (Client.Changes, Client.Conflate), or every tick in order (Client.Follow).
//
//	client, err := mdclient.Dial("")
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer client.Close()
//	if _, err := client.SubscribeSymbol("AAPL", ""); err != nil {
//		log.Fatal(err)
//	}
//	for change := range client.Changes(ctx) {
//		if quote := change.Tick.Quote(); quote != nil {
//			fmt.Println(quote.BidPx, quote.AskPx)
//		}
//	}
//
// A program that knows prices publishes them for a [feed NAME] with source = publisher:
//
//	publisher, err := mdclient.DialPublisher("", "demo")
//	...
//	handle, err := publisher.Define(mdclient.Instrument{Symbol: "AAPL", ClosePx: mdclient.PxNone})
//	...
//	err = publisher.Quote(handle, mdclient.Quote{BidPx: 189990000000, BidSz: 100,
//		AskPx: 190 * mdclient.PxOne, AskSz: 200})
//
// # Caveats
//
//   - When the daemon dies, everything can still be read; Client.Health tells how old it is.
//   - In the stream, a tick appears an instant before it appears in the table. Whoever has just taken tick
//     n from Follow may, within that instant, read an older one with Read.
//   - A client that does not read for longer than the journal lasts is lapped: it is told exactly how many
//     ticks it missed, and Changes still ends at the newest state of every instrument.
//   - The segment has a name, and so cannot be sealed: the user who owns it, or a file that is opened, can
//     cut it off, and the next read is a SIGBUS, which ends the program. mdshmd never does that. So read
//     only from a user whom you trust not to end your program. False content can do no more than be false.
//   - A client has one cursor, for one goroutine; everything else may be called from any.
//
// # Units
//
// Prices are integers in units of 1e-9 (Price), sizes in units of 10^SizeExp of their instrument (Size),
// sums of money in units of 1e-4 (Money), moments in nanoseconds since 1970 (Timestamp). There is no
// floating point in the shared memory.
//
// # How it works
//
// The package needs neither cgo nor the C library: it reads the segment itself. Where things are comes
// from the published layout of the segment, mdshm-layout.json, by go generate; how they are read and
// written while others do is told in lib/shm/*.h of the source tree.
//
// The module is used from a folder, without the network: in the go.mod of your program,
//
//	require mdshmd/mdclient v0.0.0
//	replace mdshmd/mdclient => /usr/share/gocode/src/mdshmd/mdclient
package mdclient

//go:generate go run ./internal/genlayout ../shm/mdshm-layout.json .
