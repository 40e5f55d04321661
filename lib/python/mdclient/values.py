"""Prices, sizes, ticks: what the numbers mean."""

import ctypes
from decimal import Decimal
from typing import Any, Dict, FrozenSet, NamedTuple, Optional, Tuple, Union

from . import _ffi, _layout
from ._ffi import lib

PX_NONE = _layout.PX_NONE
Number = Union[int, float, Decimal, str]

#: Kinds of ticks by name, and the other way round.
KINDS: Dict[str, int] = {kind[0]: number for number, kind in _layout.KINDS.items()}
KIND_NAMES: Dict[int, str] = {number: name for name, number in KINDS.items()}


class Error(OSError):
    """A call of libmdclient failed: errno, and the library's sentence."""


def decimal(value: int, exp: int = -9) -> Optional[Decimal]:
    """value * 10**exp, exactly; None for PX_NONE. For a price exp is -9, for a size the size_exp of
    its instrument."""
    return None if value == PX_NONE else Decimal(value).scaleb(exp)


def price(px: int) -> float:
    """A price as a float, for arithmetic that may be inexact; nan for PX_NONE."""
    return float('nan') if px == PX_NONE else px / 1e9


def units(value: Optional[Number], exp: int = -9) -> int:
    """The other way round: a number, or its text, in units of 10**exp. None is PX_NONE.

    Raises ValueError where it is no number, or finer than 10**exp, or does not fit. A float is taken
    as it prints."""
    if value is None:
        return PX_NONE
    if isinstance(value, float):
        value = repr(value)
    out = ctypes.c_int64()
    r = lib.parse(format(value, 'f').encode() if isinstance(value, Decimal)
                  else str(value).encode(), exp, ctypes.byref(out))
    if r < 0:
        raise ValueError('%r is no number in units of 1e%d' % (value, exp))
    return out.value


def name_bytes(name: str) -> bytes:
    """A symbol, venue, pattern or name for the library, which would end it at a NUL."""
    if '\0' in name:
        raise ValueError('%r has a NUL in it' % name)
    return name.encode()


class Instrument(NamedTuple):
    """An entry of the directory."""
    symbol: str
    venue: str            #: MIC of ISO 10383 where there is one
    instrument: int       #: its index, for all other calls
    feed: int             #: index of the feed that brings it
    flags: FrozenSet[str]  #: 'test', 'etp', 'when_issued', 'book', 'stale'
    luld: int             #: limit up-limit down tier: 0 none, 1, 2
    size_exp: int         #: its sizes are in units of 10**size_exp
    lot: int              #: round lot, in its sizes; 0 unknown
    close_px: int         #: adjusted close of the previous session, 1e-9; PX_NONE unknown
    bid_levels: int = 0   #: of its book, all there are; 0 where none is kept
    ask_levels: int = 0
    orders: int = 0       #: live ones in its book; 0 where the venue does not speak of orders
    book_ts: int = 0      #: newest change of its book, by the venue's clock; ns since 1970


def flag_names(value: int, names: Dict[int, str]) -> FrozenSet[str]:
    return frozenset(name for bit, name in names.items() if value & bit)


def instrument_of(struct: '_ffi.InstrumentStruct') -> Instrument:
    return Instrument(struct.symbol.decode(), struct.venue.decode(), struct.instrument, struct.feed,
                      flag_names(struct.flags, _layout.INSTRUMENT_FLAGS), struct.luld,
                      struct.size_exp, struct.lot, struct.close_px, struct.bid_levels,
                      struct.ask_levels, struct.orders, struct.book_ts)


class Level(NamedTuple):
    """One price of a book."""
    px: int      #: 1e-9; see decimal() and price()
    sz: int      #: in units of 10**size_exp of the instrument
    orders: int  #: how many make it up; 0: the venue does not say


class Depth(NamedTuple):
    """A book: its best levels on each side, as they stood at one moment."""
    bids: Tuple[Level, ...]  #: from the highest price down
    asks: Tuple[Level, ...]  #: from the lowest price up
    bid_levels: int          #: of the whole book, however many are here
    ask_levels: int
    orders: int              #: on all its levels; 0: the venue does not speak of orders
    ts_event: int            #: its newest change, by the venue's clock; ns since 1970
    seq: int                 #: of the newest tick of all instruments when it was written
    flags: FrozenSet[str]    #: 'maybe_bad_book': messages are missing, it may be wrong


def depth_of(struct: '_ffi.DepthStruct') -> Depth:
    def side(levels: Any, n: int) -> Tuple[Level, ...]:
        return tuple(Level(level.px, level.sz, level.orders) for level in levels[:n])

    return Depth(side(struct.bid, struct.bids), side(struct.ask, struct.asks), struct.bid_levels,
                 struct.ask_levels, struct.orders, struct.ts_event, struct.seq,
                 flag_names(struct.flags, _layout.FLAGS))


class Tick:
    """One tick. Its fields are attributes: seq, instrument (index), kind ('quote', 'trade', ...),
    flags (names), ts_event and ts_recv (ns since 1970), and those of its kind: bid_px, ask_px,
    bid_sz, ask_sz of a quote; px, sz, volume, trade_id of a trade; and so on, as in mdshm(7). Prices
    are integers in units of 1e-9, or PX_NONE; see decimal() and price()."""

    __slots__ = ('_struct', 'kind', '_body')

    def __init__(self, struct: '_ffi.TickStruct') -> None:
        self._struct = struct
        self.kind = KIND_NAMES.get(struct.kind, '?')
        self._body = getattr(struct.u, self.kind, None)

    @property
    def seq(self) -> int:
        return self._struct.seq

    @property
    def instrument(self) -> int:
        return self._struct.instrument

    @property
    def ts_event(self) -> int:
        return self._struct.ts_event

    @property
    def ts_recv(self) -> int:
        return self._struct.ts_recv

    @property
    def flags(self) -> FrozenSet[str]:
        return flag_names(self._struct.flags, _layout.FLAGS)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):
            raise AttributeError(name)
        try:
            value = getattr(self._body, name)
        except AttributeError:
            raise AttributeError('a tick of kind %s has no %s' % (self.kind, name)) from None
        return value.decode('ascii', 'replace') if isinstance(value, bytes) else value

    def __dir__(self):
        return ['seq', 'instrument', 'kind', 'flags', 'ts_event', 'ts_recv'] + self.fields()

    def fields(self):
        """Names of the fields of its kind."""
        return [f[0] for f in _layout.KINDS[self._struct.kind][2] if f[5] != 'NONE']

    def __repr__(self) -> str:
        return 'Tick(seq=%d, instrument=%d, %s: %s)' % (
            self.seq, self.instrument, self.kind,
            ', '.join('%s=%r' % (name, getattr(self, name)) for name in self.fields()))


class Change(NamedTuple):
    """What Client.changes() gives."""
    tick: Tick
    merged: int            #: older ones of the same instrument and kind that it replaces
    missed: int            #: ticks of the stream overwritten before they were looked at
    reason: Optional[str]  #: of merged: 'asked' or 'slow'
