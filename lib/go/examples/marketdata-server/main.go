// Marketdata-server [SOCKET]: fills in a hundred instruments, and stays
//
// SYM0000 to SYM0099, price i * 100.0, volume i * 10, published on [feed demo] of the daemon.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"mdshmd/mdclient"
)

const instruments = 100

func publish(ctx context.Context, p *mdclient.Publisher) error {
	for i := 0; i < instruments; i++ {
		handle, err := p.Define(mdclient.Instrument{
			Symbol:  fmt.Sprintf("SYM%04d", i),
			ClosePx: mdclient.PxNone,
		})
		if err != nil {
			return err
		}
		err = p.Trade(handle, mdclient.Trade{
			Px:      mdclient.Price(i*100) * mdclient.PxOne,
			Volume:  mdclient.Size(i * 10),
			TradeID: int64(i),
		})
		if err != nil {
			return err
		}
	}
	return p.Drain(ctx)
}

func run(socket string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	p, err := mdclient.DialPublisher(socket, "demo")
	if err != nil {
		return err
	}
	defer p.Close()
	if err := publish(ctx, p); err != nil {
		return err
	}
	fmt.Printf("published %d instruments\n", instruments)
	<-ctx.Done()
	return nil
}

func main() {
	socket := ""
	if len(os.Args) > 1 {
		socket = os.Args[1]
	}
	if err := run(socket); err != nil {
		fmt.Fprintln(os.Stderr, "marketdata-server:", err)
		os.Exit(1)
	}
}
