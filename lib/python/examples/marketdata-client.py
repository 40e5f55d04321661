#!/usr/bin/env python3
"""marketdata-client [SOCKET]: prints every instrument that [feed demo] has published"""

import sys

from mdclient import Client, price

try:
    with Client(sys.argv[1] if len(sys.argv) > 1 else None) as client:
        for instrument in client:
            trade = client.trade(instrument.instrument)
            if trade:
                print('Symbol: %s, Price: %.2f, Volume: %d' % (instrument.symbol, price(trade.px),
                                                               trade.volume))
except OSError as error:
    sys.exit('marketdata-client: %s' % error.strerror)
