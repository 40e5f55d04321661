"""The table as numpy arrays over the live segment."""

import ctypes
import mmap
import os
from typing import Any, Iterable, Optional

import numpy

from . import _ffi, _layout
from ._ffi import lib
from .values import KINDS, Error


def _dtype(fields: Any, size: int, base: int = 0) -> numpy.dtype:
    return numpy.dtype({'names': [f[0] for f in fields], 'formats': [f[6] for f in fields],
                        'offsets': [f[3] - base for f in fields], 'itemsize': size})


_TICK_SIZE = 64
_HEAD = _layout.STRUCTS['tick'][1]

#: The numpy type of a tick of each kind, by its name: head and body, 64 bytes.
DTYPES = {kind[0]: _dtype(_HEAD + [f for f in kind[2] if f[5] != 'NONE'], _TICK_SIZE)
          for kind in _layout.KINDS.values()}

#: One row of the directory.
DIRECTORY = _dtype([f for f in _layout.STRUCTS['instrument'][1] if f[5] != 'NONE'],
                   _layout.STRUCTS['instrument'][0])


class Table:
    """The newest ticks of all instruments, as arrays without a copy.

    table['quote'] is an array with a row per instrument of the capacity, over the segment itself, read
    only. It changes under your eyes, and a row that is being written may be seen half: its seq then
    has the BUSY bit, or another seq afterwards. snapshot() copies rows that are whole.

    The memory stays mapped as long as any of its arrays lives, whatever becomes of client and
    daemon."""

    def __init__(self, client: Any) -> None:
        self._client = client
        fd = lib.segment_fd(client._client)
        self._map = mmap.mmap(fd, os.fstat(fd).st_size, prot=mmap.PROT_READ)
        self._header = numpy.frombuffer(self._map, _dtype(_layout.STRUCTS['header'][1],
                                                          _layout.STRUCTS['header'][0]), 1)[0]
        self._sections = self._read_sections()

    def _read_sections(self) -> Any:
        size = _layout.STRUCTS['section'][0]
        dtype = _dtype(_layout.STRUCTS['section'][1], size)
        start = _layout.STRUCTS['header'][0] - 16 * size
        rows = numpy.frombuffer(self._map, dtype, 16, start)
        return {int(row['kind']): row for row in rows if row['kind']}

    def _section(self, name: str, dtype: numpy.dtype, offset: int = 0) -> Any:
        section = self._sections[_layout.SECTIONS[name]]
        return numpy.ndarray((int(section['count']),), dtype, self._map,
                             int(section['offset']) + offset, (int(section['stride']),))

    def __getitem__(self, kind: str) -> Any:
        """All places of that kind: an array of DTYPES[kind]."""
        return self._section('table', DTYPES[kind], KINDS[kind] * _TICK_SIZE)

    @property
    def directory(self) -> Any:
        """The instruments, as they are in the segment."""
        return self._section('directory', DIRECTORY)

    def __len__(self) -> int:
        """Instruments known now: so many rows mean something."""
        return int(self._header['instruments'])

    def snapshot(self, kind: str = 'quote', instruments: Optional[Iterable[int]] = None,
                 cut: bool = False) -> Any:
        """A copy of rows, each of them whole; seq is 0 where there has not been a tick. Without
        `instruments`, of all that are known. cut: all of them as they stood at one moment, or
        BlockingIOError."""
        rows = numpy.arange(len(self)) if instruments is None else \
            numpy.fromiter(instruments, 'u4')
        copy = numpy.zeros(len(rows), DTYPES[kind])
        copy['instrument'], copy['kind'] = rows, KINDS[kind]
        if not cut:
            return self._copy_rows(copy)
        moved = lib.read_many(self._client._client, copy.ctypes.data, len(copy), None)
        if moved < 0:
            raise Error(-moved, lib.error(self._client._client).decode())
        if moved:
            raise BlockingIOError('%d of %d instruments moved meanwhile' % (moved, len(copy)))
        return copy

    def _copy_rows(self, copy: Any) -> Any:
        read, client = lib.read, self._client._client
        pointer = ctypes.POINTER(_ffi.TickStruct)
        start = copy.ctypes.data
        for i, (instrument, kind) in enumerate(zip(copy['instrument'].tolist(),
                                                   copy['kind'].tolist())):
            r = read(client, instrument, kind,
                     ctypes.cast(start + i * _TICK_SIZE, pointer))
            if r < 0:
                raise Error(-r, lib.error(client).decode())
        return copy
