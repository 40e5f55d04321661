"""Captures: the UDP payloads of one that is there, and the writing of one with packets of our own

Messages are those of IEX TOPS 1.6, packets are segments of IEX-TP.
"""

import gzip
import struct

ETHERNET, IPV4, UDP = 14, 0x0800, 17
PCAPNG_SECTION, PCAPNG_PACKET = 0x0a0d0d0a, 6
PCAP_NANOSECONDS = 0xa1b23c4d


def udp_payload(frame):
    """Of an Ethernet frame with IPv4 in it."""
    kind, = struct.unpack_from('>H', frame, 12)
    assert kind == IPV4 and frame[ETHERNET + 9] == UDP, 'a frame of another kind'
    udp = ETHERNET + (frame[ETHERNET] & 15) * 4
    length, = struct.unpack_from('>H', frame, udp + 4)
    return frame[udp + 8:udp + length]


def payloads(path):
    """The UDP payloads of a pcapng file, little endian, in gzip."""
    with gzip.open(path) as file:
        while header := file.read(8):
            kind, length = struct.unpack('<II', header)
            block = file.read(length - 8)
            if kind == PCAPNG_PACKET:
                captured, = struct.unpack_from('<I', block, 12)
                yield udp_payload(block[20:20 + captured])


def datagrams(path):
    """Of a classic pcap file with stamps in nanoseconds: time, port and payload of each."""
    with open(path, 'rb') as file:
        magic, = struct.unpack_from('<I', file.read(24))
        assert magic == PCAP_NANOSECONDS, 'a capture of another kind'
        while record := file.read(16):
            seconds, fraction, captured, length = struct.unpack('<IIII', record)
            assert captured == length, 'a frame that was cut'
            frame = file.read(captured)
            port, = struct.unpack_from('>H', frame, ETHERNET + 20 + 2)
            yield seconds * 10 ** 9 + fraction, port, udp_payload(frame)


# ---- messages ----

def begin(kind, symbol, time=0):
    return struct.pack('<cBq8s', kind, 0, time, symbol.encode('ascii').ljust(8))


def quote(symbol, bid_px, bid_sz, ask_px, ask_sz):
    """Prices in 1e-4."""
    return begin(b'Q', symbol) + struct.pack('<IqqI', bid_sz, bid_px, ask_px, ask_sz)


def trade(symbol, px, sz, trade_id):
    return begin(b'T', symbol) + struct.pack('<Iqq', sz, px, trade_id)


def segment(sequence, messages, *, session=1, version=1, protocol=0x8003, length=None, count=None,
            sent=0):
    """A packet of these messages; length and count may lie."""
    body = b''.join(struct.pack('<H', len(message)) + message for message in messages)
    return struct.pack('<BBHIIHHqqq', version, 0, protocol, 1, session,
                       len(body) if length is None else length,
                       len(messages) if count is None else count, 0, sequence, sent) + body


# ---- a capture of our own ----

def frame_of(payload):
    udp = struct.pack('>HHHH', 1, 2, 8 + len(payload), 0) + payload
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, UDP, 0, bytes(4), bytes(4))
    return bytes(12) + struct.pack('>H', IPV4) + ip + udp


def pcap(packets):
    """A classic pcap file with these payloads, one each millisecond."""
    file = struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    for number, payload in enumerate(packets):
        frame = frame_of(payload)
        file += struct.pack('<IIII', number // 1000, number % 1000 * 1000, len(frame), len(frame))
        file += frame
    return file
