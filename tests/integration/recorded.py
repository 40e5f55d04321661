"""The recorded days of IEX, and what others computed from them."""

import csv
import io
import os
import sys
from decimal import Decimal

DATA = os.path.join(os.environ.get('MDSHMD_TEST_DATA') or os.environ['TEST_DATA'], 'iex')
RECORDING = os.path.join(DATA, 'tops-1.6-2018-01-27.pcap.gz')

# Of the recording: after so many packets, 0 for all, stands what these files say.
CHECKPOINTS = {
    20000: 'tops-1.6-2018-01-27.first20000pkts',
    35000: 'tops-1.6-2018-01-27.first35000pkts',
    0: 'tops-1.6-2018-01-27',
}

# Ours, and in the expected files, where prices are in units of 1e-4 and 0 is none.
PRICES = {'bid_px': 'bid_px_e4', 'ask_px': 'ask_px_e4', 'last_px': 'last_px_e4'}
NUMBERS = {'bid_sz': 'bid_sz', 'ask_sz': 'ask_sz', 'last_sz': 'last_sz',
           'last_trade_id': 'last_trade_id'}
SUMS = {'trades': 'n_trades', 'volume': 'volume', 'breaks': 'n_breaks',
        'broken_volume': 'broken_volume'}


def skip_without(*paths):
    """Ends the program where a recording is missing; without an argument, that of TOPS."""
    for path in paths or (RECORDING,):
        if not os.path.exists(path):
            print(f'skipped: there is no {path} here')
            sys.exit(77)


def read_csv(name):
    with open(os.path.join(DATA, name), encoding='ascii', newline='') as file:
        return list(csv.DictReader(file))


def decimal_of(number, divisor=1):
    """As mdctl writes it: all its digits, none too many, nothing for none."""
    if number == '0':
        return ''
    return format((Decimal(number) / divisor).normalize(), 'f')


def expected_row(row):
    return {
        'symbol': row['symbol'],
        'venue': 'IEXG',
        **{ours: decimal_of(row[theirs], 10000) for ours, theirs in PRICES.items()},
        **{ours: decimal_of(row[theirs]) for ours, theirs in NUMBERS.items()},
        **{ours: row[theirs] for ours, theirs in SUMS.items()},
        'status': row['trading_status'],
    }


def check_counts(test, rig, checkpoint):
    """The messages by type, and no trouble."""
    name = CHECKPOINTS[checkpoint]
    expected = {row['type']: int(row['count']) for row in read_csv(name + '.counts.csv')}
    feed, = rig.json('feeds')
    types = {type: n for type, n in feed['types'].items() if n}
    test.assertEqual(types, {type: n for type, n in expected.items() if len(type) == 1})
    test.assertEqual(feed['messages'], expected['TOTAL'])
    test.assertEqual(feed['packets'], expected['SEGMENTS'])
    test.assertEqual(feed['instruments'], expected['SYMBOLS'])
    for trouble in ('gaps', 'missed', 'duplicates', 'bad', 'resets', 'dropped'):
        test.assertEqual(feed[trouble], 0, trouble)


def check_state(test, rig, checkpoint):
    """Every instrument: bid, ask, last trade, sums, status."""
    expected = sorted(map(expected_row, read_csv(CHECKPOINTS[checkpoint] + '.expected.csv')),
                      key=lambda row: row['symbol'])
    rows = list(csv.DictReader(io.StringIO(rig.output('dump', '--format=csv'))))
    test.assertEqual(len(rows), len(expected))
    for row, wanted in zip(rows, expected):
        test.assertEqual({column: row[column] for column in wanted}, wanted)
