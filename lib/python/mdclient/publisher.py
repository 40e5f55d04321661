"""Publishing: a program's own ticks, for everybody on this host."""

import ctypes
import time
from typing import Any, Dict, Optional, Tuple, Union

from . import _ffi, _layout
from ._ffi import lib
from .values import KINDS, Error, Number, name_bytes, units

_FLAGS = {name: bit for bit, name in _layout.FLAGS.items()}


class Publisher:
    """Feeds instruments of its own into the daemon, on a [feed NAME] with source = publisher.

    Prices and sizes are numbers (int, float, Decimal, or text), brought to the daemon's units exactly or
    refused with ValueError. A full ring makes a call wait, so nothing is lost."""

    def __init__(self, feed: str, socket: Optional[str] = None, *, name: Optional[str] = None,
                 timeout: float = 5.0) -> None:
        self._open_publisher: Optional[ctypes.c_void_p] = None
        publisher = ctypes.c_void_p()
        if lib.publisher_new(ctypes.byref(publisher)) < 0:
            raise MemoryError
        self._open_publisher = publisher
        self._handles: Dict[Tuple[str, str], int] = {}
        self._exps: Dict[int, int] = {}
        self._volumes: Dict[int, int] = {}
        if name is not None:
            lib.publisher_set_name(self._publisher, name_bytes(name))
        lib.publisher_set_timeout(self._publisher, int(timeout * 1000))
        self._feed, self._socket = feed, socket
        try:
            self.connect()
        except OSError:
            self.close()
            raise

    @property
    def _publisher(self) -> ctypes.c_void_p:
        if self._open_publisher is None:
            raise ValueError('the publisher is closed')
        return self._open_publisher

    def connect(self) -> None:
        """Registers, again where the connection was lost (Error with errno EPIPE): instruments are
        defined again, and what the daemon had not taken goes out first. After an error it can be
        called again."""
        self._check(lib.publisher_connect(self._publisher,
                                          None if self._socket is None else self._socket.encode(),
                                          name_bytes(self._feed)))

    def _check(self, r: int) -> int:
        if r < 0:
            raise Error(-r, lib.publisher_error(self._publisher).decode('utf-8', 'replace'))
        return r

    def close(self) -> None:
        """Leaves; what was put is still taken. After it, calls raise ValueError."""
        publisher, self._open_publisher = getattr(self, '_open_publisher', None), None
        if publisher:
            lib.publisher_free(publisher)

    __del__ = close

    def __enter__(self) -> 'Publisher':
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def define(self, symbol: str, venue: str = '', *, size_exp: int = 0, lot: Number = 0,
               close: Optional[Number] = None) -> int:
        """Defines an instrument, or brings it up to date; its handle. size_exp: sizes are in units of
        10**size_exp."""
        if not -18 <= size_exp <= 18:
            raise ValueError('%s: size_exp is -18 to 18' % symbol)
        struct = _ffi.InstrumentStruct(symbol=name_bytes(symbol), venue=name_bytes(venue),
                                       size_exp=size_exp, lot=units(lot, size_exp),
                                       close_px=units(close))
        handle = ctypes.c_uint32()
        self._check(lib.publisher_define(self._publisher, ctypes.byref(struct),
                                         ctypes.byref(handle)))
        self._handles[symbol, venue] = handle.value
        self._exps[handle.value] = size_exp
        return handle.value

    def handle(self, key: Union[int, str, Tuple[str, str]]) -> int:
        """The handle of an instrument; one that was not defined is, as a share without a venue."""
        if isinstance(key, int):
            return key
        if isinstance(key, str):
            key = (key, '')
        if key not in self._handles:
            self.define(*key)
        return self._handles[key]

    def put(self, kind: str, key: Union[int, str, Tuple[str, str]], *, ts_event: int = 0,
            flags: Tuple[str, ...] = ('last',), **fields: Number) -> None:
        """Puts a tick of any kind: its fields by their names, as Tick shows them. Prices and sizes are
        numbers, None for no price; times ns since 1970 (ts_event 0: now)."""
        self._enter(kind, self.handle(key), ts_event, flags, fields)
        self._check(lib.publisher_flush(self._publisher))

    def _enter(self, kind: str, handle: int, ts_event: int, flags: Tuple[str, ...],
               fields: Dict[str, Any]) -> None:
        """Into the ring; whoever comes back from here has put it."""
        tick = _ffi.TickStruct(instrument=handle, kind=KINDS[kind])
        self._set(tick, 'ts_event', ts_event or time.time_ns())
        tick.flags = sum(_FLAGS[flag] for flag in flags)
        body = getattr(tick.u, kind)
        for name, _, _, _, _, unit, _, _ in _layout.KINDS[KINDS[kind]][2]:
            if name in fields:
                self._set(body, name, self._value(fields.pop(name), unit, handle))
            elif unit == 'PRICE':
                setattr(body, name, _layout.PX_NONE)
        if fields:
            raise TypeError('a tick of kind %s has no %s' % (kind, ', '.join(fields)))
        while True:
            r = lib.publisher_put(self._publisher, ctypes.byref(tick))
            if r != -11:  # EAGAIN: the ring is full
                break
            self._check(lib.publisher_wait(self._publisher, -1))
        self._check(r)

    @staticmethod
    def _set(struct: ctypes.Structure, name: str, value: Any) -> None:
        """ctypes would take the low bits of what does not fit."""
        setattr(struct, name, value)
        if isinstance(value, int) and getattr(struct, name) != value:
            raise ValueError('%s: %d does not fit' % (name, value))

    def _value(self, value: Any, unit: str, handle: int) -> Any:
        if unit == 'PRICE':
            return units(value)
        if unit == 'SIZE':
            return units(value, self._exps[handle])
        if unit == 'MONEY':
            return units(value, -4)
        return value.encode() if isinstance(value, str) else int(value)

    def quote(self, key: Union[int, str, Tuple[str, str]], bid: Optional[Number],
              bid_size: Number, ask: Optional[Number], ask_size: Number, *,
              ts_event: int = 0) -> None:
        """The best bid and offer; None where nobody bids or offers."""
        self.put('quote', key, ts_event=ts_event, bid_px=bid, bid_sz=bid_size, ask_px=ask,
                 ask_sz=ask_size)

    def trade(self, key: Union[int, str, Tuple[str, str]], px: Optional[Number],
              size: Number = 0, *,
              volume: Optional[Number] = None, trade_id: int = 0, ts_event: int = 0) -> None:
        """A trade. volume: of the session, this trade included; without it, what this publisher has
        put so far. px None, volume 0: a session begins, and there was no trade in it yet."""
        handle = self.handle(key)
        exp = self._exps[handle]
        total = units(volume, exp) if volume is not None else \
            self._volumes.get(handle, 0) + units(size, exp)
        self._enter('trade', handle, ts_event, ('last',),
                    {'px': px, 'sz': size, 'volume': '%de%d' % (total, exp), 'trade_id': trade_id})
        self._volumes[handle] = total
        self._check(lib.publisher_flush(self._publisher))

    def drain(self, timeout: Optional[float] = None) -> bool:
        """Waits until the daemon has taken everything; False when the time is over."""
        return bool(self._check(lib.publisher_drain(
            self._publisher, -1 if timeout is None else int(timeout * 1000))))

    @property
    def pending(self) -> int:
        """Ticks that the daemon has not taken yet."""
        return lib.publisher_pending(self._publisher)
