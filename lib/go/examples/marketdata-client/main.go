// Marketdata-client [SOCKET]: prints every instrument that [feed demo] has published
package main

import (
	"fmt"
	"os"

	"mdshmd/mdclient"
)

func run(socket string) error {
	client, err := mdclient.Dial(socket)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, instrument := range client.Instruments() {
		tick, ok, err := client.Read(instrument.Index, mdclient.KindTrade)
		if err != nil {
			return err
		}
		if ok {
			trade := tick.Trade()
			fmt.Printf("Symbol: %s, Price: %.2f, Volume: %d\n", instrument.Symbol, trade.Px.Float64(),
				trade.Volume)
		}
	}
	return nil
}

func main() {
	socket := ""
	if len(os.Args) > 1 {
		socket = os.Args[1]
	}
	if err := run(socket); err != nil {
		fmt.Fprintln(os.Stderr, "marketdata-client:", err)
		os.Exit(1)
	}
}
