"""libmdclient as Python sees it: its structs and its functions (mdclient.h), by ctypes."""

import ctypes
import os
from ctypes import (POINTER, c_char, c_char_p, c_int, c_int32, c_int64, c_size_t, c_ubyte, c_uint,
                    c_uint32, c_uint64, c_void_p)

from . import _layout

_TYPES = {name: getattr(ctypes, name) for name in
          ('c_int64', 'c_uint64', 'c_int32', 'c_uint32', 'c_uint16', 'c_uint8', 'c_char')}


def _field(name, ctype, count):
    return (name, _TYPES[ctype] if count == 1 else _TYPES[ctype] * count)


def _body(number):
    name, text, fields = _layout.KINDS[number]
    return type(name.capitalize(), (ctypes.Structure,),
                {'__doc__': text, '_fields_': [_field(f[0], f[1], f[2]) for f in fields]})


#: The body of each kind, by its number.
BODIES = {number: _body(number) for number in _layout.KINDS}


class Body(ctypes.Union):
    _fields_ = [(_layout.KINDS[n][0], body) for n, body in BODIES.items()] + \
               [('word', c_int64 * 4)]


class TickStruct(ctypes.Structure):
    _fields_ = [_field(f[0], f[1], f[2]) for f in _layout.STRUCTS['tick'][1]] + [('u', Body)]


class InstrumentStruct(ctypes.Structure):
    _fields_ = [('symbol', c_char * 33), ('venue', c_char * 9), ('instrument', c_uint32),
                ('feed', c_uint32), ('flags', c_uint32), ('luld', c_uint32), ('size_exp', c_int32),
                ('lot', c_int64), ('close_px', c_int64), ('bid_levels', c_uint32),
                ('ask_levels', c_uint32), ('orders', c_uint32), ('book_ts', c_int64)]


DEPTH_MAX = 64  # MD_DEPTH_MAX


class LevelStruct(ctypes.Structure):
    _fields_ = [('px', c_int64), ('sz', c_int64), ('orders', c_uint64)]


class DepthStruct(ctypes.Structure):
    _fields_ = [('seq', c_uint64), ('ts_event', c_int64), ('bid_levels', c_uint64),
                ('ask_levels', c_uint64), ('orders', c_uint64), ('flags', c_uint32),
                ('bids', c_uint32), ('asks', c_uint32), ('capacity', c_uint32),
                ('bid', LevelStruct * DEPTH_MAX), ('ask', LevelStruct * DEPTH_MAX)]


class ChangeStruct(ctypes.Structure):
    _fields_ = [('tick', TickStruct), ('merged', c_uint64), ('missed', c_uint64),
                ('reason', c_uint32)]


class HealthStruct(ctypes.Structure):
    _fields_ = [('connected', c_int), ('file', c_int), ('state', c_uint32), ('client', c_uint32),
                ('pid', c_uint32), ('reconnects', c_uint64), ('generation', c_uint64),
                ('started', c_int64), ('heartbeat_age', c_int64), ('newest', c_uint64),
                ('cursor', c_uint64), ('ticks', c_uint64), ('merged', c_uint64),
                ('missed', c_uint64), ('recovered', c_uint64), ('laps', c_uint64),
                ('journal', c_uint64), ('instruments', c_uint32), ('capacity', c_uint32),
                ('version', c_char * 25)]


class FeedStruct(ctypes.Structure):
    _fields_ = [('name', c_char * 33), ('source', c_char * 17), ('protocol', c_char * 17),
                ('feed', c_uint32), ('state', c_uint32), ('session', c_uint32),
                ('next', c_uint64), ('packets', c_uint64), ('bytes', c_uint64),
                ('heartbeats', c_uint64), ('messages', c_uint64), ('ticks', c_uint64),
                ('bad', c_uint64), ('gaps', c_uint64), ('missed', c_uint64),
                ('duplicates', c_uint64), ('resets', c_uint64), ('dropped', c_uint64),
                ('last_recv', c_int64), ('last_event', c_int64), ('instruments', c_uint64),
                ('lines', c_uint32)]


class FeedLineStruct(ctypes.Structure):
    _fields_ = [('packets', c_uint64), ('won', c_uint64), ('lost', c_uint64),
                ('filled', c_uint64), ('dropped', c_uint64), ('both', c_uint64),
                ('lead', c_int64), ('last_recv', c_int64)]


class CounterStruct(ctypes.Structure):
    _fields_ = [('value', c_uint64), ('id', c_uint32), ('feed', c_uint32), ('label', c_char * 45)]


#: What the binding's own tests compare with the sizes that a C compiler finds.
MIRRORS = {'md_tick': TickStruct, 'md_instrument': InstrumentStruct, 'md_change': ChangeStruct,
           'md_level': LevelStruct, 'md_depth': DepthStruct,
           'md_health': HealthStruct, 'md_feed': FeedStruct, 'md_feed_line': FeedLineStruct,
           'md_counter': CounterStruct}

# name: (result, arguments)
_FUNCTIONS = {
    'new': (c_int, [POINTER(c_void_p)]),
    'free': (c_void_p, [c_void_p]),
    'set_name': (None, [c_void_p, c_char_p]),
    'set_timeout': (None, [c_void_p, c_int]),
    'set_reconnect': (None, [c_void_p, c_int]),
    'set_spin': (None, [c_void_p, c_int64]),
    'set_interval': (None, [c_void_p, c_int]),
    'set_watermarks': (None, [c_void_p, c_uint64, c_uint64]),
    'lagging': (c_int, [c_void_p]),
    'connect': (c_int, [c_void_p, c_char_p]),
    'open_file': (c_int, [c_void_p, c_char_p]),
    'save': (c_int, [c_void_p, c_char_p]),
    'error': (c_char_p, [c_void_p]),
    'instruments': (c_uint32, [c_void_p]),
    'instrument': (c_int, [c_void_p, c_uint32, POINTER(InstrumentStruct)]),
    'lookup': (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_uint32)]),
    'read': (c_int, [c_void_p, c_uint32, c_uint, POINTER(TickStruct)]),
    'read_depth': (c_int, [c_void_p, c_uint32, POINTER(DepthStruct)]),
    'read_many': (c_int, [c_void_p, c_void_p, c_size_t, POINTER(c_ubyte)]),
    'segment_fd': (c_int, [c_void_p]),
    'subscribe': (c_int, [c_void_p, c_uint32]),
    'unsubscribe': (c_int, [c_void_p, c_uint32]),
    'subscribe_pattern': (c_int, [c_void_p, c_char_p, c_char_p]),
    'subscribe_all': (c_int, [c_void_p]),
    'subscribe_kinds': (c_int, [c_void_p, c_uint32]),
    'cursor': (c_uint64, [c_void_p]),
    'seek': (c_int, [c_void_p, c_uint64]),
    'follow': (c_int, [c_void_p, POINTER(TickStruct), POINTER(c_uint64)]),
    'next': (c_int, [c_void_p, POINTER(ChangeStruct)]),
    'dispatch': (c_int, [c_void_p, c_int]),
    'fd': (c_int, [c_void_p]),
    'health': (c_int, [c_void_p, POINTER(HealthStruct)]),
    'feeds': (c_uint32, [c_void_p]),
    'feed': (c_int, [c_void_p, c_uint32, POINTER(FeedStruct)]),
    'feed_line': (c_int, [c_void_p, c_uint32, c_uint32, POINTER(FeedLineStruct)]),
    'counters': (c_uint32, [c_void_p]),
    'counter': (c_int, [c_void_p, c_uint32, POINTER(CounterStruct)]),
    'format': (c_char_p, [c_char_p, c_int64, c_int]),
    'parse': (c_int, [c_char_p, c_int, POINTER(c_int64)]),
    'publisher_new': (c_int, [POINTER(c_void_p)]),
    'publisher_free': (c_void_p, [c_void_p]),
    'publisher_set_name': (None, [c_void_p, c_char_p]),
    'publisher_set_timeout': (None, [c_void_p, c_int]),
    'publisher_error': (c_char_p, [c_void_p]),
    'publisher_connect': (c_int, [c_void_p, c_char_p, c_char_p]),
    'publisher_define': (c_int, [c_void_p, POINTER(InstrumentStruct), POINTER(c_uint32)]),
    'publisher_put': (c_int, [c_void_p, POINTER(TickStruct)]),
    'publisher_flush': (c_int, [c_void_p]),
    'publisher_wait': (c_int, [c_void_p, c_int]),
    'publisher_drain': (c_int, [c_void_p, c_int]),
    'publisher_pending': (c_uint64, [c_void_p]),
}


class Library:
    """The functions of libmdclient without their prefix. $MDCLIENT_LIBRARY names another file."""

    def __init__(self) -> None:
        library = ctypes.CDLL(os.environ.get('MDCLIENT_LIBRARY', 'libmdclient.so.0'))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, 'md_' + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)


lib = Library()
