"""The price levels of a DEEP recording, by a slow reader of its own: a dict of dicts, no more."""

import gzip
import struct

UDP_HEADERS = 14 + 20 + 8  # Ethernet, IPv4 without options, UDP
SIDES = {b'8': 'bid', b'5': 'ask'}


def payloads(path):
    """What each UDP packet holds; a last packet that is cut short is left out."""
    with gzip.open(path) as file:
        file.read(24)
        while len(header := file.read(16)) == 16:
            captured, = struct.unpack_from('<I', header, 8)
            frame = file.read(captured)
            if len(frame) < captured:
                return
            yield frame[UDP_HEADERS:]


def messages(payload):
    """The messages of an IEX-TP packet."""
    at = 40
    for _ in range(struct.unpack_from('<H', payload, 14)[0]):
        size, = struct.unpack_from('<H', payload, at)
        yield payload[at + 2:at + 2 + size]
        at += 2 + size


def books_after(path, packets=None):
    """{symbol: {'bid': [(px, sz)], 'ask': [(px, sz)]}} after so many packets, or all: prices in 1e-4, the
    best first, all levels."""
    books, expected = {}, 1
    for n, payload in enumerate(payloads(path), 1):
        count, = struct.unpack_from('<H', payload, 14)
        first, = struct.unpack_from('<Q', payload, 24)
        if first < expected:  # the venue begins afresh
            books.clear()
        expected = first + count
        for message in messages(payload):
            if message[:1] not in SIDES:
                continue
            symbol, size, px = struct.unpack_from('<8sIq', message, 10)
            side = books.setdefault(symbol.decode().strip(), {'bid': {}, 'ask': {}})[
                SIDES[message[:1]]]
            side[px] = size
            if not size:
                del side[px]
        if n == packets:
            break
    return {symbol: {side: sorted(levels.items(), reverse=side == 'bid')
                     for side, levels in book.items()} for symbol, book in books.items()}
