"""The Python package against the real daemon and the published layout.

The environment says where things are; meson sets it: MDSHMD_DAEMON, MDCLIENT_LIBRARY, MDSHM_LAYOUT (of
this build), MDCLIENT_SIZES (a program that prints the sizes of the public structs), PYTHONPATH.
"""

import asyncio
import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from decimal import Decimal

sys.dont_write_bytecode = True
import mdclient  # noqa: E402
from mdclient import (Client, Error, PX_NONE, Publisher, REMAPPED, _ffi, _layout,  # noqa: E402
                      decimal, price, units)

try:
    import numpy
except ImportError:
    numpy = None

PATIENCE = 60
HERE = os.path.dirname(os.path.abspath(__file__))


def wait_for(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError('%s: not within %d s' % (what, PATIENCE))


class Daemon:
    """A daemon of our own with a feed `demo` for publishers, and those of `feeds`; `segment` has
    further keys of that section."""

    def __init__(self, segment='', feeds='', instruments=1024, journal=65536):
        self.folder = tempfile.TemporaryDirectory(prefix='mdpy.')
        self.socket = os.path.join(self.folder.name, 'socket')
        self.segment = os.path.basename(self.folder.name)
        self.config = os.path.join(self.folder.name, 'conf')
        with open(self.config, 'w', encoding='ascii') as config:
            config.write('[segment]\nname = %s\ninstruments = %d\njournal = %d\n%s[listen]\n'
                         'socket = %s\n[feed demo]\nsource = publisher\n%s'
                         % (self.segment, instruments, journal, segment, self.socket, feeds))
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([os.environ['MDSHMD_DAEMON'], '-c', self.config],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for('the daemon', self.answers)

    def answers(self):
        try:
            Client(self.socket).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def close(self):
        self.kill()
        for name in self.segment, self.segment + '.lock':
            if os.path.exists('/dev/shm/' + name):
                os.unlink('/dev/shm/' + name)
        self.folder.cleanup()

    def client(self, **options):
        return Client(self.socket, **options)

    def publisher(self):
        return Publisher('demo', self.socket)


class Layout(unittest.TestCase):
    def test_the_generated_layout_is_that_of_the_build(self):
        generate = os.path.join(HERE, '../../lib/python/generate-layout')
        fresh = subprocess.run([sys.executable, generate, os.environ['MDSHM_LAYOUT']],
                               capture_output=True, text=True, check=True).stdout
        with open(_layout.__file__, encoding='utf-8') as file:
            self.assertEqual(file.read(), fresh, 'run lib/python/generate-layout again')

    def test_ctypes_offsets_are_those_of_the_layout(self):
        with open(os.environ['MDSHM_LAYOUT'], encoding='utf-8') as file:
            layout = json.load(file)
        self.assertEqual(ctypes.sizeof(_ffi.TickStruct), layout['structs']['tick']['size'])
        for kind in layout['kinds']:
            body = _ffi.BODIES[kind['number']]
            start = _ffi.TickStruct.u.offset
            for field in kind['fields']:
                place = getattr(body, field['name'])
                self.assertEqual((place.offset + start, place.size),
                                 (field['offset'], field['size']), field['name'])

    def test_public_structs_are_those_of_a_c_compiler(self):
        printed = subprocess.run([os.environ['MDCLIENT_SIZES']], capture_output=True, text=True,
                                 check=True).stdout.split()
        sizes = dict(zip(printed[::2], map(int, printed[1::2])))
        for name, struct in _ffi.MIRRORS.items():
            self.assertEqual(ctypes.sizeof(struct), sizes.pop(name), name)
            for field, *_ in struct._fields_:
                self.assertEqual(getattr(struct, field).offset, sizes.pop(name + '.' + field),
                                 name + '.' + field)
        self.assertEqual(sizes, {}, 'members that Python does not have')


class Values(unittest.TestCase):
    def test_numbers_are_exact_or_refused(self):
        self.assertEqual(units('1.123456789'), 1123456789)
        self.assertEqual(units(0.1), 100000000)
        self.assertEqual(units(Decimal('1E-9')), 1)
        self.assertEqual(units(-3, -8), -300000000)
        self.assertEqual(units(None), PX_NONE)
        self.assertEqual(units('9223372036.854775806'), 2**63 - 2)
        self.assertEqual(units('-9223372036.854775807'), -2**63 + 1)
        for wrong in float('nan'), float('inf'), 'abc', '', '1e-10', 1e300, '9223372036.854775807', \
                '-9223372036.854775808':
            with self.assertRaises(ValueError, msg=wrong):
                units(wrong)
        self.assertEqual(decimal(1123456789), Decimal('1.123456789'))
        self.assertIsNone(decimal(PX_NONE))
        self.assertNotEqual(price(PX_NONE), price(PX_NONE))


class Reading(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def test_no_daemon_is_said_with_the_socket(self):
        with self.assertRaises(FileNotFoundError.__mro__[1]) as caught:
            Client('/nonexistent/socket')
        self.assertIn('/nonexistent/socket', str(caught.exception))
        self.assertIsInstance(caught.exception, Error)

    def test_what_is_published_is_read(self):
        with self.daemon.publisher() as publisher, self.daemon.client() as client:
            publisher.define('BTC', 'KRKN', size_exp=-8, close=50000)
            publisher.quote(('BTC', 'KRKN'), 60000.5, '0.00000001', None, 0)
            publisher.trade(('BTC', 'KRKN'), '60000.25', 2)
            publisher.trade(('BTC', 'KRKN'), 60001, 1, trade_id=9)
            self.assertTrue(publisher.drain(PATIENCE))
            quote = wait_for('quote', lambda: client.quote('BTC'))
            self.assertEqual((decimal(quote.bid_px), quote.bid_sz, quote.ask_px),
                             (Decimal('60000.5'), 1, PX_NONE))
            trade = client.trade(('BTC', 'KRKN'))
            self.assertEqual((trade.trade_id, decimal(trade.volume, -8)), (9, 3))
            self.assertEqual(client.instrument('BTC').venue, 'KRKN')
            self.assertEqual(decimal(client.instrument('BTC').close_px), 50000)
            self.assertIsNone(client.read('BTC', 'bar'))
            with self.assertRaises(KeyError):
                client.quote('NONE')
            with self.assertRaises(AttributeError):
                trade.bid_px
            self.assertIn('last', trade.flags)

    def test_changes_and_ticks_come_in_order(self):
        with self.daemon.client() as changes, self.daemon.client() as ticks, \
                self.daemon.publisher() as publisher:
            changes.subscribe_pattern('A*')
            ticks.subscribe_all()
            for i in range(1, 101):
                publisher.quote('AB', i, 1, i + 1, 1)
                publisher.trade('AB', i, 1, trade_id=i)
                publisher.trade('ZZ', i, 1, trade_id=i)
            publisher.drain(PATIENCE)
            seen, last = [], None
            for change in changes.changes(timeout=0.5):
                self.assertEqual(changes.instrument(change.tick.instrument).symbol, 'AB')
                if change.tick.kind == 'trade':
                    seen.append(change.tick.trade_id)
                else:
                    last = change.tick
            self.assertEqual(seen, list(range(1, 101)))
            self.assertEqual(decimal(last.bid_px), 100)
            every = [tick.seq for tick, missed in ticks.ticks(timeout=0.5) if not missed]
            self.assertEqual(every, list(range(1, 301)))

    def test_read_then_follow_goes_on_from_that_very_tick(self):
        with self.daemon.publisher() as publisher, self.daemon.client() as client:
            publisher.trade('A', 1, 1, trade_id=1)
            publisher.drain(PATIENCE)
            client.subscribe('A')
            newest = client.trade('A')
            client.seek(newest.seq + 1)
            for i in range(2, 12):
                publisher.trade('A', 1, 1, trade_id=i)
            publisher.drain(PATIENCE)
            self.assertEqual([tick.trade_id for tick, _ in client.ticks(timeout=0.5)],
                             list(range(newest.trade_id + 1, 12)))

    def test_asyncio(self):
        async def first_trades(client, n):
            seen = []
            async for change in client.stream():
                seen.append(change.tick.trade_id)
                if len(seen) == n:
                    return seen

        async def main():
            with self.daemon.client() as client, self.daemon.publisher() as publisher:
                client.subscribe_all()
                task = asyncio.ensure_future(first_trades(client, 3))
                for i in range(3):
                    await asyncio.sleep(0.05)
                    publisher.trade('A', 1, trade_id=i)
                return await asyncio.wait_for(task, PATIENCE)

        self.assertEqual(asyncio.run(main()), [0, 1, 2])

    def test_a_client_outlives_the_daemon(self):
        with self.daemon.client() as client:
            with self.daemon.publisher() as publisher:
                client.subscribe_pattern('*')
                publisher.trade('A', 1)
                publisher.drain(PATIENCE)
                self.assertEqual(client.dispatch(PATIENCE), 1)
                self.assertIsNotNone(client.next_change())
            self.daemon.kill()
            self.assertEqual(price(client.trade('A').px), 1)
            wait_for('age', lambda: client.health()['heartbeat_age'] > 300e6)
            self.daemon.start()
            wait_for('the next daemon', lambda: client.dispatch(0.1) == 0 and
                     client.health()['reconnects'] == 1)
            self.assertEqual(client.health()['generation'], 2)
            self.daemon.stop()
            self.daemon.start()
            wait_for('another segment', lambda: client.dispatch(0.1) == REMAPPED)
            with self.daemon.publisher() as publisher:
                publisher.trade('A', 2)
                publisher.drain(PATIENCE)
                self.assertEqual(client.dispatch(PATIENCE), 1)
                self.assertEqual(price(client.next_change().tick.px), 2)

    def test_what_is_closed_says_so(self):
        client, publisher = self.daemon.client(), self.daemon.publisher()
        for thing in client, publisher:
            thing.close()
            thing.close()
        for call in (lambda: client.trade('A'), lambda: len(client), lambda: client.dispatch(0),
                     client.next_change, client.next_tick, client.health, client.fileno,
                     client.subscribe_all, lambda: client.cursor, lambda: publisher.trade('A', 1),
                     lambda: publisher.pending, publisher.connect):
            self.assertRaisesRegex(ValueError, 'is closed', call)

    def test_a_saved_segment_reads_like_a_live_one(self):
        with self.daemon.publisher() as publisher, self.daemon.client() as client:
            publisher.trade('A', 1)
            publisher.drain(PATIENCE)
            path = os.path.join(self.daemon.folder.name, 'saved')
            client.save(path)
        with Client.open(path) as saved:
            self.assertEqual(price(saved.trade('A').px), 1)
            self.assertTrue(saved.health()['file'])


class Feeds(unittest.TestCase):
    @staticmethod
    def packet(sequence):
        """MoldUDP64 with one message: the venue says that its day begins."""
        message = struct.pack('>cHH6sc', b'S', 0, 0, bytes(6), b'O')
        return struct.pack('>10sQHH', b'session', sequence, 1, len(message)) + message

    def test_a_publisher_has_no_lines(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        with daemon.client() as client:
            self.assertEqual([feed['lines'] for feed in client.feeds()], [[]])

    def test_two_lines_are_told_apart(self):
        """A is always first, and B brings nothing new."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as a, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as b:
            for line in a, b:
                line.bind(('127.0.0.1', 0))
            ports = [line.getsockname() for line in (a, b)]
        daemon = Daemon(feeds='[feed itch]\nsource = udp\nprotocol = itch50\n'
                              'a = %s:%d\nb = %s:%d\n' % (*ports[0], *ports[1]))
        self.addCleanup(daemon.close)
        with daemon.client() as client, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for sent in range(6):
                sender.sendto(self.packet(1 + sent // 2), ports[sent % 2])
                wait_for('a packet', lambda n=sent + 1: client.feeds()[1]['packets'] == n)
            line_a, line_b = client.feeds()[1]['lines']
        self.assertEqual((line_a['packets'], line_a['won'], line_a['lost']), (3, 3, 0))
        self.assertEqual((line_b['packets'], line_b['won'], line_b['lost']), (3, 0, 3))
        self.assertEqual((line_a['both'], line_b['both']), (2, 2))  # since the first copy of all
        self.assertGreater(line_a['lead'], 0)
        self.assertEqual(line_b['lead'], -line_a['lead'])
        self.assertGreater(line_b['last_recv'], line_a['last_recv'])
        for line in line_a, line_b:
            self.assertEqual((line['filled'], line['dropped']), (0, 0))


class Sessions(unittest.TestCase):
    @staticmethod
    def packet(session, message):
        """MoldUDP64: the first message of a session."""
        return struct.pack('>10sQHH', session, 1, 1, len(message)) + message

    def test_a_new_session_takes_the_trade_back(self):
        traded = struct.pack('>cHH6sQcI8sIQ', b'P', 1, 0, bytes(6), 0, b'B', 30, b'TRADED  ', 1000000, 7)
        begun = struct.pack('>cHH6sc', b'S', 0, 0, bytes(6), b'O')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.bind(('127.0.0.1', 0))
            port = line.getsockname()
        daemon = Daemon(feeds='[feed itch]\nsource = udp\nprotocol = itch50\n'
                              'address = %s\nport = %d\n' % port)
        self.addCleanup(daemon.close)
        with daemon.client() as client, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            client.subscribe_all()
            sender.sendto(self.packet(b'monday    ', traded), port)
            wait_for('a trade', lambda: client.feeds()[1]['messages'] == 1)
            trade = client.trade('TRADED')
            self.assertEqual((price(trade.px), trade.sz, trade.volume), (100, 30, 30))
            sender.sendto(self.packet(b'tuesday   ', begun), port)
            wait_for('a session', lambda: client.feeds()[1]['resets'] == 1)
            trade = client.trade('TRADED')
            self.assertEqual((trade.px, trade.sz, trade.volume, trade.trade_id), (PX_NONE, 0, 0, 0))
            self.assertEqual(trade.flags, {'last', 'snapshot'})
            self.assertIsNone(decimal(trade.px))
            trades = [change.tick.px for change in client.changes(0) if change.tick.kind == 'trade']
            self.assertEqual(trades, [100 * 10**9, PX_NONE])
            if numpy:
                table = client.table()
                self.assertEqual(table['trade']['px'][:len(table)].tolist(), [PX_NONE])
                self.assertEqual(table.snapshot('trade')['volume'].tolist(), [0])

    def test_a_publisher_takes_its_own_back(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        with daemon.publisher() as publisher, daemon.client() as client:
            publisher.trade('A', 5, 10)
            publisher.trade('A', None, volume=0)
            publisher.drain(PATIENCE)
            self.assertEqual((client.trade('A').px, client.trade('A').volume), (PX_NONE, 0))
            publisher.trade('A', 5, 2)
            publisher.drain(PATIENCE)
            self.assertEqual((client.trade('A').sz, client.trade('A').volume), (2, 2))


class Depth(unittest.TestCase):
    RECORDING = os.path.join(os.environ.get('MDSHMD_TEST_DATA') or
                             os.path.join(HERE, '../../../shared/data'),
                             'nasdaq/aapl-2019-12-30.itch50')

    def test_an_instrument_without_a_book_is_said(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        with daemon.publisher() as publisher, daemon.client() as client:
            publisher.trade('A', 1)
            publisher.drain(PATIENCE)
            with self.assertRaises(Error) as caught:
                client.depth('A')
            self.assertEqual(caught.exception.errno, errno.ENODATA)
            self.assertIn('A has no book', str(caught.exception))

    @unittest.skipUnless(os.path.exists(RECORDING), 'no recorded market data')
    def test_a_recorded_book(self):
        """Best prices, counts of levels and orders are those that others computed."""
        daemon = Daemon('depth = 4\n', '[feed itch]\nsource = file\nprotocol = itch50\nspeed = max\n'
                        'messages = 10000\nfile = %s\n' % self.RECORDING)
        self.addCleanup(daemon.close)
        with daemon.client() as client:
            wait_for('the end', lambda: client.feeds()[1]['state'] == 'ended')
            about, depth = client.instrument('AAPL'), client.depth('AAPL')
            self.assertIn('book', about.flags)
            self.assertEqual((depth.bid_levels, depth.ask_levels, depth.orders), (43, 72, 236))
            self.assertEqual((about.bid_levels, about.ask_levels, about.orders), (43, 72, 236))
            self.assertEqual((len(depth.bids), len(depth.asks)), (4, 4))
            self.assertEqual((decimal(depth.bids[0].px), depth.bids[0].sz), (Decimal('288.18'), 5))
            self.assertEqual((decimal(depth.asks[0].px), depth.asks[0].sz),
                             (Decimal('288.21'), 500))
            self.assertEqual(depth.bids, tuple(sorted(depth.bids, reverse=True)))
            self.assertEqual(depth.asks, tuple(sorted(depth.asks)))
            self.assertEqual(depth.flags, {'maybe_bad_book'})  # joined in mid-session


class Publishing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def test_what_cannot_be_is_refused_before_it_is_sent(self):
        with self.daemon.publisher() as publisher:
            for wrong in (lambda: publisher.quote('A', float('nan'), 1, 2, 1),
                          lambda: publisher.trade('A', '1.0000000001'),
                          lambda: publisher.trade('A', 1, 0.5)):
                self.assertRaises(ValueError, wrong)
            self.assertRaises(TypeError, lambda: publisher.put('trade', 'A', bid_px=1))
            self.assertRaises(OSError, lambda: publisher.quote('A', None, 1, 2, 1))
            self.assertRaises(OSError, lambda: publisher.define('x' * 32))
            self.assertRaises(OSError, lambda: publisher.define('\n'))
            publisher.trade('A', 1)
            self.assertTrue(publisher.drain(PATIENCE))

    def test_what_does_not_fit_is_refused_and_not_cut(self):
        with self.daemon.publisher() as publisher, self.daemon.client() as client:
            for wrong in (lambda: publisher.trade('F', 1, trade_id=2**64 + 5),
                          lambda: publisher.trade('F', 1, trade_id=2**63),
                          lambda: publisher.trade('F', 1, ts_event=2**63),
                          lambda: publisher.define('F', size_exp=2**40),
                          lambda: publisher.define('F\0G'),
                          lambda: publisher.define('F', 'X\0Y'),
                          lambda: client.lookup('F\0G'),
                          lambda: client.subscribe_pattern('F\0G'),
                          lambda: Client('F\0G')):
                self.assertRaises(ValueError, wrong)
            publisher.trade('F', 1, trade_id=2**63 - 1)
            publisher.drain(PATIENCE)
            self.assertEqual(client.trade('F').trade_id, 2**63 - 1)
            self.assertRaises(KeyError, lambda: client.read(2**32, 'trade'))

    def test_an_instrument_is_found_by_what_the_directory_says(self):
        with self.daemon.publisher() as publisher, self.daemon.client() as client:
            publisher.trade('D', 1)
            publisher.trade(('D2', 'XNAS'), 2)
            publisher.drain(PATIENCE)
            for symbol in 'D', 'D2':
                found = client.instrument(symbol)
                self.assertEqual(client.lookup((found.symbol, found.venue)), found.instrument)

    def test_one_publisher_at_a_time(self):
        with self.daemon.publisher():
            with self.assertRaises(OSError) as caught:
                self.daemon.publisher()
        self.assertIn('has a publisher already', str(caught.exception))
        with self.assertRaises(OSError) as caught:
            Publisher('none', self.daemon.socket)
        self.assertIn('no [feed none]', str(caught.exception))

    def test_a_refused_trade_does_not_count(self):
        with self.daemon.publisher() as publisher, self.daemon.client() as client:
            publisher.trade('V', 1, 5)
            for px, size in (('nan', 7), (None, 7), (1, -7), ('1e-10', 7)):
                with self.assertRaises((ValueError, OSError)):
                    publisher.trade('V', px, size)
            with self.assertRaises(ValueError):
                publisher.trade('V', 1, 7, trade_id=1 << 64)
            publisher.trade('V', 1, 1)
            self.assertTrue(publisher.drain(PATIENCE))
            self.assertEqual(client.trade('V').volume, 6)

    def test_more_than_a_ring(self):
        with self.daemon.publisher() as publisher, self.daemon.client() as client:
            for i in range(150000):
                publisher.trade('R', 1, 1)
            self.assertTrue(publisher.drain(PATIENCE))
            self.assertEqual(publisher.pending, 0)
            self.assertEqual(client.trade('R').volume, 150000)


@unittest.skipIf(numpy is None, 'numpy is not installed')
class Table(unittest.TestCase):
    def test_a_large_table_costs_nothing_and_stays(self):
        daemon = Daemon(instruments=100000)
        try:
            with daemon.publisher() as publisher:
                for i in range(10):
                    publisher.quote('Q%d' % i, i + 1, 100, i + 2, 100)
                publisher.drain(PATIENCE)
            client = daemon.client()
            before = self.private_memory()
            table = client.table()
            quotes = table['quote']
            self.assertLess(self.private_memory() - before, 4 << 20)  # the table has 51 MB
            self.assertEqual((quotes.shape, quotes.flags.writeable, quotes.flags.owndata),
                             ((100000,), False, False))
            self.assertEqual(quotes['bid_px'][:10].tolist(),
                             [(i + 1) * 10 ** 9 for i in range(10)])
            self.assertEqual(table.directory['symbol'][3], b'Q3')
            copy = table.snapshot('quote', cut=True)
            self.assertEqual((len(copy), copy['ask_px'][9]), (10, 11 * 10 ** 9))
            self.assertEqual(table.snapshot('trade', [1, 2])['seq'].tolist(), [0, 0])
            with self.assertRaises(ValueError):
                quotes['bid_px'][0] = 1

            daemon.kill()
            client.close()
            self.assertEqual(int(quotes['bid_px'][9]), 10 * 10 ** 9)
        finally:
            daemon.close()

    @staticmethod
    def private_memory():
        with open('/proc/self/smaps_rollup', encoding='ascii') as file:
            return sum(int(line.split()[1]) << 10 for line in file
                       if line.startswith(('Private_Dirty:', 'Private_Clean:')))


if __name__ == '__main__':
    unittest.main()
