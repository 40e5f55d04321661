"""Market data from mdshmd, at memory speed.

    from mdclient import Client, decimal

    with Client() as client:
        client.subscribe_pattern('A*')
        for change in client.changes():
            if change.tick.kind == 'quote':
                print(client.instrument(change.tick.instrument).symbol, decimal(change.tick.bid_px))

Prices are integers in units of 1e-9, sizes in units of 10**size_exp of their instrument; decimal() and
price() turn them into numbers. Client.table() shows the whole market as numpy arrays without a copy.
Publisher puts ticks of your own in. Everything is done by libmdclient; its manual is mdclient(3).
"""

from ._layout import PX_NONE
from .client import NEWS, REMAPPED, Client
from .publisher import Publisher
from .values import (KINDS, Change, Depth, Error, Instrument, Level, Tick, decimal, price,
                     units)

__all__ = ['Change', 'Client', 'Depth', 'Error', 'Instrument', 'KINDS', 'Level', 'NEWS', 'PX_NONE',
           'Publisher', 'REMAPPED', 'Tick', 'decimal', 'price', 'units']
