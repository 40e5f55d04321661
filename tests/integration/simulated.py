"""mdsim's invented markets: what was sent, what was lost, and how it has to end

mdsim keeps the state of its market apart from all that reads messages, and says which messages it let all
lines lose. Its messages depend on the seed alone, so a second run, into a capture and without faults, says
what stood in those that were lost.
"""

import csv
import io
import os
import struct
import subprocess

from capture import datagrams
from rig import MDSIM

CLOSING = 3  # messages that end a session, on top of --count

# Rows of `mdctl dump` and of mdsim --state are compared in these.
COLUMNS = ('venue', 'bid_px', 'bid_sz', 'ask_px', 'ask_sz', 'last_px', 'last_sz', 'last_trade_id',
           'trades', 'volume', 'breaks', 'broken_volume', 'status')
BOOK_COLUMNS = ('bid_levels', 'ask_levels')  # where the dump has them

# By protocol: where the messages begin, how the lengths in front of them are written, where the header
# says which one is the first.
HEADERS = {'iex-tops': (40, '<H', (24, '<q')), 'iex-deep': (40, '<H', (24, '<q')),
           'itch50': (20, '>H', (10, '>q'))}

# What says how much there is in a packet: from where on, and how many bytes.
COUNTS = {'iex-tops': (12, 4), 'iex-deep': (12, 4), 'itch50': (18, 2)}


def by_symbol(text):
    return {row['symbol']: row for row in csv.DictReader(io.StringIO(text))}


class Market:
    """One market of so many messages, in a folder for its files."""

    def __init__(self, folder, protocol, count, *, instruments=50, seed=1, options=()):
        self.folder = folder
        self.protocol = protocol
        self.count = count
        self.options = ['--protocol', protocol, '--count', str(count), '--instruments',
                        str(instruments), '--seed', str(seed), *options]

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding='ascii') as file:
            return file.read()

    def begin(self, *options):
        """Starts a run that sends; it leaves its state and what it let all lines lose."""
        return subprocess.Popen([MDSIM, *self.options, '--state', self.path('state'), '--lost',
                                 self.path('lost'), *options],
                                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def record(self, *options):
        """A run into a capture, without faults."""
        subprocess.run([MDSIM, *self.options, '--pcap', self.path('pcap'), '--state',
                        self.path('state'), *options],
                       check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def packets(self):
        """The payloads of the capture."""
        for _, _, payload in datagrams(self.path('pcap')):
            yield payload

    def sequence(self, packet):
        """Of a packet's first message."""
        at, how = HEADERS[self.protocol][2]
        return struct.unpack_from(how, packet, at)[0]

    def heartbeat(self, packet):
        """The packet without its messages: the first of them is the next to come."""
        at, size = COUNTS[self.protocol]
        header = bytearray(packet[:HEADERS[self.protocol][0]])
        header[at:at + size] = bytes(size)
        return header

    def messages(self):
        """All messages of the capture in order, as (session from 0 on, number, message)."""
        header, length, _ = HEADERS[self.protocol]
        session, number = 0, 1
        for packet in self.packets():
            if len(packet) > header and self.sequence(packet) < number:
                session, number = session + 1, 1
            at = header
            while at < len(packet):
                size, = struct.unpack_from(length, packet, at)
                yield session, number, packet[at + 2:at + 2 + size]
                number += 1
                at += 2 + size

    def lost(self):
        """What all lines lost, as (session from 0 on, first, messages)."""
        return [(int(row['session']) - 1, int(row['first']), int(row['messages']))
                for row in csv.DictReader(io.StringIO(self.read('lost')))]

    def check(self, test, rig):
        """That the daemon's state is the market's, for every instrument."""
        rows, wanted = by_symbol(rig.output('dump', '--format=csv')), by_symbol(self.read('state'))
        test.assertEqual(rows.keys(), wanted.keys())
        for symbol, row in rows.items():
            columns = COLUMNS
            if self.protocol != 'iex-tops' and BOOK_COLUMNS[0] in row:
                columns += BOOK_COLUMNS
            test.assertEqual({column: row[column] for column in columns},
                             {column: wanted[symbol][column] for column in columns}, symbol)
        return rows
