"""Reading: the newest state, what changed, every tick."""

import asyncio
import ctypes
import errno
import os
from typing import Any, AsyncIterator, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from . import _ffi, _layout
from ._ffi import lib
from .values import (KINDS, Change, Depth, Error, Instrument, Tick, depth_of, instrument_of,
                     name_bytes)

Key = Union[int, str, Tuple[str, str]]
_REASONS = {0: None, 1: 'asked', 2: 'slow'}
NEWS, REMAPPED = 1, 2


def _text(value: Optional[str]) -> Optional[bytes]:
    if value is not None and '\0' in value:
        raise ValueError('%r has a NUL in it' % value)
    return None if value is None else os.fsencode(value)


def _venue(value: Optional[str]) -> Optional[bytes]:
    return None if value is None else name_bytes(value)


class Client:
    """A connection to a daemon, or a saved segment (Client.open()).

    An instrument is named by its index, its symbol, or (symbol, venue). A client belongs to one
    thread at a time; after close(), calls raise ValueError."""

    def __init__(self, socket: Optional[str] = None, *, name: Optional[str] = None,
                 timeout: float = 5.0, reconnect: bool = True) -> None:
        """Connects to the daemon at that socket, or the usual one. Raises Error (an OSError) with
        the library's sentence."""
        self._start()
        if name is not None:
            lib.set_name(self._client, _text(name))
        lib.set_timeout(self._client, int(timeout * 1000))
        lib.set_reconnect(self._client, reconnect)
        self._open(lib.connect(self._client, _text(socket)))

    @classmethod
    def open(cls, path: str) -> 'Client':
        """A segment saved by save() or mdctl, or the /dev/shm file of a daemon that is gone."""
        self = cls.__new__(cls)
        self._start()
        self._open(lib.open_file(self._client, _text(path)))
        return self

    def _start(self) -> None:
        self._open_client: Optional[ctypes.c_void_p] = None
        client = ctypes.c_void_p()
        if lib.new(ctypes.byref(client)) < 0:
            raise MemoryError
        self._open_client = client

    @property
    def _client(self) -> ctypes.c_void_p:
        if self._open_client is None:
            raise ValueError('the client is closed')
        return self._open_client

    def _open(self, r: int) -> None:
        if r < 0:
            try:
                self._check(r)
            finally:
                self.close()

    def _check(self, r: int) -> int:
        if r < 0:
            raise Error(-r, lib.error(self._client).decode('utf-8', 'replace'))
        return r

    def close(self) -> None:
        """Leaves. Arrays of table() stay what they are."""
        client, self._open_client = getattr(self, '_open_client', None), None
        if client:
            lib.free(client)

    __del__ = close

    def __enter__(self) -> 'Client':
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # ---- instruments ----

    def __len__(self) -> int:
        """Instruments known now; their indexes are 0 to that number less one."""
        return lib.instruments(self._client)

    def instrument(self, key: Key) -> Instrument:
        """An entry of the directory. KeyError: not known (yet)."""
        struct = _ffi.InstrumentStruct()
        self._check(lib.instrument(self._client, self.lookup(key), ctypes.byref(struct)))
        return instrument_of(struct)

    def __iter__(self) -> Iterator[Instrument]:
        return (self.instrument(i) for i in range(len(self)))

    def lookup(self, key: Key, venue: Optional[str] = None) -> int:
        """The index of an instrument. KeyError: not known (yet), or several venues have it."""
        if isinstance(key, int):
            if not 0 <= key < 1 << 32:
                raise KeyError('there is no instrument %d' % key)
            return key
        symbol, venue = (key, venue) if isinstance(key, str) else key
        index = ctypes.c_uint32()
        if lib.lookup(self._client, name_bytes(symbol), _venue(venue),
                      ctypes.byref(index)) < 0:
            raise KeyError(lib.error(self._client).decode())
        return index.value

    # ---- the newest state ----

    def read(self, key: Key, kind: str = 'quote') -> Optional[Tick]:
        """The newest tick of that kind, or None where there has not been one. Never waits."""
        struct = _ffi.TickStruct()
        r = self._check(lib.read(self._client, self.lookup(key), KINDS[kind],
                                 ctypes.byref(struct)))
        return Tick(struct) if r else None

    def quote(self, key: Key) -> Optional[Tick]:
        return self.read(key, 'quote')

    def trade(self, key: Key) -> Optional[Tick]:
        """The newest trade; its px is PX_NONE where its session has had none yet."""
        return self.read(key, 'trade')

    def read_many(self, keys: Iterable[Key], kind: str = 'quote') -> List[Optional[Tick]]:
        """Several at once, as they all stood at one moment. BlockingIOError where the market moves
        too fast for that."""
        indexes = [self.lookup(key) for key in keys]
        structs = (_ffi.TickStruct * len(indexes))()
        for struct, index in zip(structs, indexes):
            struct.instrument, struct.kind = index, KINDS[kind]
        moved = self._check(lib.read_many(self._client, structs, len(indexes), None))
        if moved:
            raise BlockingIOError('%d of %d instruments moved meanwhile' % (moved, len(indexes)))
        return [Tick(struct) if struct.seq else None for struct in structs]

    def depth(self, key: Key) -> Optional[Depth]:
        """The best levels of an instrument's book, or None where none has been written yet. Prices
        are in units of 1e-9, sizes in units of 10**size_exp of the instrument. Never waits.

        Raises Error: ENODATA where the instrument's feed brings neither levels nor orders (its flags
        lack 'book'), EOPNOTSUPP where the daemon keeps no depth. BlockingIOError: the book was
        written faster than it could be copied."""
        struct = _ffi.DepthStruct()
        r = lib.read_depth(self._client, self.lookup(key), ctypes.byref(struct))
        if r == -errno.EAGAIN:
            raise BlockingIOError(-r, lib.error(self._client).decode('utf-8', 'replace'))
        return depth_of(struct) if self._check(r) else None

    def table(self) -> 'Any':
        """The whole table as numpy arrays over the live memory; see mdclient.table.Table."""
        from .table import Table
        return Table(self)

    # ---- what is of interest ----

    def subscribe(self, *keys: Key) -> None:
        for key in keys:
            self._check(lib.subscribe(self._client, self.lookup(key)))

    def unsubscribe(self, *keys: Key) -> None:
        for key in keys:
            self._check(lib.unsubscribe(self._client, self.lookup(key)))

    def subscribe_pattern(self, symbol: str, venue: Optional[str] = None) -> None:
        """All that fit, those that appear later included: '*', '?', '[abc]'."""
        self._check(lib.subscribe_pattern(self._client, name_bytes(symbol), _venue(venue)))

    def subscribe_all(self) -> None:
        self._check(lib.subscribe_all(self._client))

    def subscribe_kinds(self, *kinds: str) -> None:
        """Only these kinds; without any, all."""
        mask = sum(1 << KINDS[kind] for kind in kinds) if kinds else 0xffffffff
        self._check(lib.subscribe_kinds(self._client, mask))

    # ---- the stream ----

    @property
    def cursor(self) -> int:
        """The number of the next tick that will be looked at."""
        return lib.cursor(self._client)

    def seek(self, seq: int) -> None:
        """Goes to tick number seq; tick.seq + 1 goes on from that very tick."""
        self._check(lib.seek(self._client, seq))

    def dispatch(self, timeout: Optional[float] = None) -> int:
        """Waits until there is something to read: NEWS, REMAPPED, or 0 when the time (seconds) is
        over. REMAPPED: indexes and numbers are others now."""
        return self._check(lib.dispatch(self._client,
                                        -1 if timeout is None else int(timeout * 1000)))

    def next_change(self) -> Optional[Change]:
        """What changed, newest only; None when there is nothing more now."""
        struct = _ffi.ChangeStruct()
        if not self._check(lib.next(self._client, ctypes.byref(struct))):
            return None
        return Change(Tick(struct.tick), struct.merged, struct.missed, _REASONS[struct.reason])

    def next_tick(self) -> Tuple[Optional[Tick], int]:
        """The next tick in order, or None; and how many were overwritten just before it."""
        struct, missed = _ffi.TickStruct(), ctypes.c_uint64()
        r = self._check(lib.follow(self._client, ctypes.byref(struct), ctypes.byref(missed)))
        return Tick(struct) if r else None, missed.value

    def changes(self, timeout: Optional[float] = None) -> Iterator[Change]:
        """Changes as they come; ends when nothing has come for `timeout` seconds."""
        while self.dispatch(timeout):
            change = self.next_change()
            while change is not None:
                yield change
                change = self.next_change()

    def ticks(self, timeout: Optional[float] = None) -> Iterator[Tuple[Tick, int]]:
        """Every tick as it comes, with the number that was missed before it; ends as changes()."""
        while self.dispatch(timeout):
            tick, missed = self.next_tick()
            while tick is not None:
                yield tick, missed
                tick, missed = self.next_tick()

    def fileno(self) -> int:
        """For select and event loops: readable when dispatch(0) has something to say."""
        return lib.fd(self._client)

    async def stream(self) -> AsyncIterator[Change]:
        """changes(), for asyncio."""
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        fd = self.fileno()
        loop.add_reader(fd, readable.set)
        try:
            while True:
                while self.dispatch(0):
                    change = self.next_change()
                    while change is not None:
                        yield change
                        change = self.next_change()
                readable.clear()
                await readable.wait()
        finally:
            loop.remove_reader(fd)

    # ---- settings ----

    def set_interval(self, seconds: float) -> None:
        """The least time between two rounds of changes."""
        lib.set_interval(self._client, int(seconds * 1000))

    def set_spin(self, seconds: float) -> None:
        """How long dispatch() looks again and again before it sleeps; negative: for ever."""
        lib.set_spin(self._client, int(seconds * 1e9))

    def set_watermarks(self, high: int, low: int) -> None:
        lib.set_watermarks(self._client, high, low)

    @property
    def lagging(self) -> bool:
        """True while we are so far behind that we may be lapped soon."""
        return bool(lib.lagging(self._client))

    # ---- how things are ----

    @staticmethod
    def _dict(struct: ctypes.Structure) -> Dict[str, Any]:
        values = ((name, getattr(struct, name)) for name, *_ in struct._fields_)
        return {name: v.decode('ascii', 'replace') if isinstance(v, bytes) else v
                for name, v in values}

    def health(self) -> Dict[str, Any]:
        """struct md_health as a dict; heartbeat_age in ns, state by name."""
        struct = _ffi.HealthStruct()
        self._check(lib.health(self._client, ctypes.byref(struct)))
        health = self._dict(struct)
        health['state'] = _layout.SEGMENT_STATES.get(struct.state, '?')
        return health

    def feeds(self) -> List[Dict[str, Any]]:
        """struct md_feed of each feed as a dict, state by name; lines is a list with a dict of
        struct md_feed_line for each, A before B."""
        feeds, struct = [], _ffi.FeedStruct()
        for i in range(lib.feeds(self._client)):
            self._check(lib.feed(self._client, i, ctypes.byref(struct)))
            feeds.append(dict(self._dict(struct),
                              state=_layout.FEED_STATES.get(struct.state, '?'),
                              lines=[self._feed_line(i, line) for line in range(struct.lines)]))
        return feeds

    def _feed_line(self, feed: int, line: int) -> Dict[str, Any]:
        struct = _ffi.FeedLineStruct()
        self._check(lib.feed_line(self._client, feed, line, ctypes.byref(struct)))
        return self._dict(struct)

    def counters(self) -> List[Dict[str, Any]]:
        counters, struct = [], _ffi.CounterStruct()
        for i in range(lib.counters(self._client)):
            self._check(lib.counter(self._client, i, ctypes.byref(struct)))
            counters.append(self._dict(struct))
        return counters

    def save(self, path: str) -> None:
        """Writes the segment to a file as it stood at one moment."""
        self._check(lib.save(self._client, _text(path)))


