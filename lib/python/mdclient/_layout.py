"""Kinds, fields and flags of ticks. Made by generate-layout; not to be edited."""

MAJOR, MINOR = 1, 3
FINGERPRINT = 0xda9a3fad40af5bcd
PLACES = 8
PX_ONE = 1000000000
MONEY_ONE = 10000
INSTRUMENT_NONE = 4294967295
PX_NONE = 0x7fffffffffffffff

# number: name
FLAGS = {
    1: 'last',
    2: 'snapshot',
    4: 'stale',
    8: 'maybe_bad_book',
    16: 'bad_ts_recv',
    256: 'odd_lot',
    512: 'extended',
    1024: 'sweep',
    2048: 'exempt',
    4096: 'cross',
    8192: 'inactive',
    16384: 'pre_post',
}
INSTRUMENT_FLAGS = {
    1: 'test',
    2: 'etp',
    4: 'when_issued',
    8: 'book',
    2147483648: 'stale',
}
FEED_STATES = {
    0: 'none',
    1: 'down',
    2: 'recovering',
    3: 'live',
    4: 'ended',
}
SEGMENT_STATES = {
    0: 'starting',
    1: 'running',
    2: 'stopped',
}

# name of the section: number
SECTIONS = {
    'feeds': 1,
    'directory': 2,
    'index': 3,
    'table': 4,
    'journal': 5,
    'counters': 6,
    'depth': 7,
}

# number: (name, meaning, fields); a field is
# (name, ctypes type, count, offset, size, unit, numpy type, meaning)
KINDS = {
    0: ('quote', 'best bid and offer', [
        ('bid_px', 'c_int64', 1, 32, 8, 'PRICE', '<i8', 'best bid; MD_PX_NONE: nobody bids'),
        ('ask_px', 'c_int64', 1, 40, 8, 'PRICE', '<i8', 'best offer; MD_PX_NONE: nobody offers'),
        ('bid_sz', 'c_int64', 1, 48, 8, 'SIZE', '<i8', 'size at bid_px; 0 without a bid'),
        ('ask_sz', 'c_int64', 1, 56, 8, 'SIZE', '<i8', 'size at ask_px; 0 without an offer'),
    ]),
    1: ('trade', 'a trade', [
        ('px', 'c_int64', 1, 32, 8, 'PRICE', '<i8', 'price of the trade; MD_PX_NONE: none in the session yet'),
        ('sz', 'c_int64', 1, 40, 8, 'SIZE', '<i8', 'size of the trade'),
        ('volume', 'c_int64', 1, 48, 8, 'SIZE', '<i8', 'sum of sz in the session, this trade included, gross of breaks'),
        ('trade_id', 'c_int64', 1, 56, 8, 'ID', '<i8', "the venue's number of the trade"),
    ]),
    2: ('bar', 'prices of the session', [
        ('open', 'c_int64', 1, 32, 8, 'PRICE', '<i8', 'first eligible trade of the session'),
        ('high', 'c_int64', 1, 40, 8, 'PRICE', '<i8', 'highest eligible trade'),
        ('low', 'c_int64', 1, 48, 8, 'PRICE', '<i8', 'lowest eligible trade'),
        ('close', 'c_int64', 1, 56, 8, 'PRICE', '<i8', 'last eligible trade so far'),
    ]),
    3: ('totals', 'sums of the session', [
        ('notional', 'c_int64', 1, 32, 8, 'MONEY', '<i8', 'sum of price times size, gross of breaks'),
        ('trades', 'c_int64', 1, 40, 8, 'COUNT', '<i8', 'trades, gross of breaks'),
        ('breaks', 'c_int64', 1, 48, 8, 'COUNT', '<i8', 'trades taken back'),
        ('broken_volume', 'c_int64', 1, 56, 8, 'SIZE', '<i8', 'sum of the sizes taken back'),
    ]),
    4: ('status', 'trading status', [
        ('trading', 'c_char', 1, 32, 1, 'CHAR', 'S1', 'T trading, H halted, P paused, O order acceptance period, Q quotation only'),
        ('reason', 'c_char', 4, 33, 4, 'TEXT', 'S4', "why halted or paused, in the venue's code"),
        ('operational', 'c_char', 1, 37, 1, 'CHAR', 'S1', 'halted by this venue alone: O halted, N not'),
        ('short_sale', 'c_char', 1, 38, 1, 'CHAR', 'S1', 'short sale price test: 1 in effect, 0 not'),
        ('short_detail', 'c_char', 1, 39, 1, 'CHAR', 'S1', 'its cause: A activated, C continued, D deactivated, N not available, space none'),
        ('retail', 'c_char', 1, 40, 1, 'CHAR', 'S1', 'retail interest: A buy, B sell, C both, space none'),
        ('security', 'c_char', 1, 41, 1, 'CHAR', 'S1', 'last security event: O opening process, C closing process complete'),
        ('unused', 'c_char', 22, 42, 22, 'NONE', 'S22', 'zero'),
    ]),
    5: ('auction', 'state of an auction', [
        ('ref_px', 'c_int64', 1, 32, 8, 'PRICE', '<i8', 'reference price'),
        ('paired', 'c_int64', 1, 40, 8, 'SIZE', '<i8', 'size matched at the reference price'),
        ('imbalance', 'c_int64', 1, 48, 8, 'SIZE', '<i8', 'size left over at the reference price'),
        ('scheduled', 'c_uint32', 1, 56, 4, 'COUNT', '<u4', 'planned time of the match, seconds since the epoch; 0 unknown'),
        ('type', 'c_char', 1, 60, 1, 'CHAR', 'S1', 'O opening, C closing, I IPO, H halt, V volatility, A extended closing'),
        ('side', 'c_char', 1, 61, 1, 'CHAR', 'S1', 'side of the imbalance: B buy, S sell, N none, O too few orders to tell, P paused'),
        ('extension', 'c_uint8', 1, 62, 1, 'COUNT', 'u1', 'times that the auction was extended'),
        ('variation', 'c_char', 1, 63, 1, 'CHAR', 'S1', 'price variation indicator of the venue; 0 where it has none'),
    ]),
    6: ('clearing', 'clearing prices of an auction', [
        ('clearing_px', 'c_int64', 1, 32, 8, 'PRICE', '<i8', 'indicative clearing price, all interest'),
        ('book_px', 'c_int64', 1, 40, 8, 'PRICE', '<i8', 'clearing price of auction-only orders'),
        ('collar_lo', 'c_int64', 1, 48, 8, 'PRICE', '<i8', 'lowest price allowed'),
        ('collar_hi', 'c_int64', 1, 56, 8, 'PRICE', '<i8', 'highest price allowed'),
    ]),
    7: ('official', 'official prices of the session', [
        ('open_px', 'c_int64', 1, 32, 8, 'PRICE', '<i8', 'official opening price'),
        ('close_px', 'c_int64', 1, 40, 8, 'PRICE', '<i8', 'official closing price'),
        ('open_ts', 'c_int64', 1, 48, 8, 'TIME', '<i8', 'when open_px was set'),
        ('close_ts', 'c_int64', 1, 56, 8, 'TIME', '<i8', 'when close_px was set'),
    ]),
    8: ('broken', 'a trade taken back by the venue', [
        ('px', 'c_int64', 1, 32, 8, 'PRICE', '<i8', 'price of the broken trade; MD_PX_NONE: the venue does not say'),
        ('sz', 'c_int64', 1, 40, 8, 'SIZE', '<i8', 'its size; 0: the venue does not say'),
        ('volume', 'c_int64', 1, 48, 8, 'SIZE', '<i8', 'broken_volume of the session, this break included'),
        ('trade_id', 'c_int64', 1, 56, 8, 'ID', '<i8', "the venue's number of the trade"),
    ]),
    9: ('system', 'an event of a whole feed', [
        ('feed', 'c_uint32', 1, 32, 4, 'FEED', '<u4', 'the feed that it concerns'),
        ('event', 'c_char', 1, 36, 1, 'CHAR', 'S1', 'O start of messages, S start of system hours, R start of market hours, M end of market hours, E end of system hours, C end of messages, 1, 2, 3 market-wide circuit breaker of that level, Z session afresh, D the feed has passed to another daemon, L it is live again after that'),
        ('unused', 'c_char', 27, 37, 27, 'NONE', 'S27', 'zero'),
    ]),
}

# name: (size, fields)
STRUCTS = {
    'tick': (64, [
        ('seq', 'c_uint64', 1, 0, 8, 'COUNT', '<u8', 'number in the journal, with busy set while the line is being written'),
        ('instrument', 'c_uint32', 1, 8, 4, 'ID', '<u4', 'index in the directory; instrument_none: the whole feed'),
        ('kind', 'c_uint16', 1, 12, 2, 'ID', '<u2', 'which of the kinds: what the body means'),
        ('flags', 'c_uint16', 1, 14, 2, 'FLAGS', '<u2', 'see flags'),
        ('ts_event', 'c_int64', 1, 16, 8, 'TIME', '<i8', "the exchange's own"),
        ('ts_recv', 'c_int64', 1, 24, 8, 'TIME', '<i8', 'arrival on this host, by the network card or the kernel'),
    ]),
    'header': (832, [
        ('magic', 'c_uint64', 1, 0, 8, 'ID', '<u8', 'magic of the constants; stored last at birth, cleared first at death'),
        ('major', 'c_uint32', 1, 8, 4, 'COUNT', '<u4', 'version of the layout: a reader of another one would misread'),
        ('minor', 'c_uint32', 1, 12, 4, 'COUNT', '<u4', 'version of the layout: what was added, an older reader may ignore'),
        ('fingerprint', 'c_uint64', 1, 16, 8, 'ID', '<u8', 'fingerprint of the constants, in the same major and minor'),
        ('size', 'c_uint64', 1, 24, 8, 'COUNT', '<u8', 'bytes of the whole segment'),
        ('identity', 'c_uint64', 1, 32, 8, 'ID', '<u8', 'random, not 0: tells one segment from the next of the same name'),
        ('born', 'c_int64', 1, 40, 8, 'TIME', '<i8', 'when it was built'),
        ('unused0', 'c_char', 16, 48, 16, 'NONE', 'S16', 'zero'),
        ('generation', 'c_uint64', 1, 64, 8, 'COUNT', '<u8', '1 for the daemon that built it, one more for each that adopts it'),
        ('state', 'c_uint32', 1, 72, 4, 'ID', '<u4', 'see segment_states'),
        ('pid', 'c_uint32', 1, 76, 4, 'ID', '<u4', 'of the daemon, in its own pid namespace'),
        ('started', 'c_int64', 1, 80, 8, 'TIME', '<i8', 'when that daemon began'),
        ('version', 'c_char', 24, 88, 24, 'TEXT', 'S24', 'of that daemon'),
        ('unused1', 'c_char', 16, 112, 16, 'NONE', 'S16', 'zero'),
        ('heartbeat', 'c_int64', 1, 128, 8, 'COUNT', '<i8', 'ns of CLOCK_MONOTONIC, every 100 ms while a daemon lives'),
        ('heartbeat_time', 'c_int64', 1, 136, 8, 'TIME', '<i8', 'the same moment'),
        ('unused2', 'c_char', 48, 144, 48, 'NONE', 'S48', 'zero'),
        ('newest', 'c_uint64', 1, 192, 8, 'COUNT', '<u8', 'number of the newest tick that stands in journal and table'),
        ('unused3', 'c_char', 56, 200, 56, 'NONE', 'S56', 'zero'),
        ('instruments', 'c_uint32', 1, 256, 4, 'COUNT', '<u4', 'in the directory; they are never taken back'),
        ('unused4', 'c_char', 60, 260, 60, 'NONE', 'S60', 'zero'),
    ]),
    'section': (32, [
        ('kind', 'c_uint32', 1, 0, 4, 'ID', '<u4', 'see sections; 0 at the end of the table'),
        ('items', 'c_uint32', 1, 4, 4, 'COUNT', '<u4', 'depth: levels a side; else zero'),
        ('offset', 'c_uint64', 1, 8, 8, 'COUNT', '<u8', 'bytes from the start of the segment'),
        ('count', 'c_uint64', 1, 16, 8, 'COUNT', '<u8', 'records'),
        ('stride', 'c_uint64', 1, 24, 8, 'COUNT', '<u8', 'bytes from one record to the next'),
    ]),
    'instrument': (128, [
        ('symbol', 'c_char', 32, 0, 32, 'TEXT', 'S32', 'printable, at least one NUL'),
        ('venue', 'c_char', 8, 32, 8, 'TEXT', 'S8', 'MIC of ISO 10383 where there is one'),
        ('feed', 'c_uint32', 1, 40, 4, 'FEED', '<u4', 'the feed that brings it'),
        ('size_exp', 'c_int32', 1, 44, 4, 'COUNT', '<i4', 'its sizes are in units of 10^size_exp'),
        ('unused0', 'c_char', 16, 48, 16, 'NONE', 'S16', 'zero'),
        ('lot', 'c_int64', 1, 64, 8, 'SIZE', '<i8', 'round lot; 0 unknown'),
        ('close_px', 'c_int64', 1, 72, 8, 'PRICE', '<i8', 'adjusted closing price of the previous session'),
        ('flags', 'c_uint32', 1, 80, 4, 'FLAGS', '<u4', 'see instrument_flags'),
        ('luld', 'c_uint32', 1, 84, 4, 'COUNT', '<u4', 'limit up-limit down tier: 0 none, 1, 2'),
        ('bid_levels', 'c_uint32', 1, 88, 4, 'COUNT', '<u4', 'of its book; 0 where none is kept'),
        ('ask_levels', 'c_uint32', 1, 92, 4, 'COUNT', '<u4', 'of its book; 0 where none is kept'),
        ('orders', 'c_uint32', 1, 96, 4, 'COUNT', '<u4', 'live ones; 0 where the venue does not speak of orders'),
        ('unused1', 'c_char', 4, 100, 4, 'NONE', 'S4', 'zero'),
        ('book_ts', 'c_int64', 1, 104, 8, 'TIME', '<i8', "newest change of its book, by the venue's clock"),
        ('unused2', 'c_char', 16, 112, 16, 'NONE', 'S16', 'zero'),
    ]),
}
