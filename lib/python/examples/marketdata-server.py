#!/usr/bin/env python3
"""marketdata-server [SOCKET]: fills in a hundred instruments, and stays

SYM0000 to SYM0099, price i * 100.0, volume i * 10, published on [feed demo] of the daemon.
"""

import signal
import sys

from mdclient import Publisher

INSTRUMENTS = 100

try:
    publisher = Publisher('demo', sys.argv[1] if len(sys.argv) > 1 else None)
    for i in range(INSTRUMENTS):
        publisher.trade('SYM%04d' % i, i * 100.0, volume=i * 10, trade_id=i)
    publisher.drain()
except OSError as error:
    sys.exit('marketdata-server: %s' % error.strerror)
print('published %d instruments' % INSTRUMENTS, flush=True)
signal.pause()
