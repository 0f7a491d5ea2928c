#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends recorded packets to a socket as a sandbox does.

    replay.py [-n PACKETS] [-r TIMES] SOCKET FIXTURE...

FIXTURE is a directory with packets.bin or packets.bin.gz ({u32 little-endian length; packet}...) and, perhaps, the
handshake that was recorded with them. Each fixture has a connection of its own, all of them at the same time; the times
within are moved to the present."""

import argparse
import gzip
import os
import socket
import struct
import sys
import threading
import time

HANDSHAKE = b"\x08\x01"
CLONE_INFO = 2
PATIENCE = float(os.environ.get("PATIENCE", 60))


class Refused(Exception):
    """The consumer did not shake hands."""


def varint_end(data, at):
    while data[at] & 0x80:
        at += 1
    return at + 1


def read_varint(data, at, end):
    return sum((byte & 0x7f) << 7 * i for i, byte in enumerate(data[at:end]))


def fields(data, at, end):
    """Where each field of a message lies: (number, wire type, where its value begins, where it ends)."""
    while at < end:
        key_end = varint_end(data, at)
        key, at = read_varint(data, at, key_end), key_end
        if key & 7 == 2:
            begin = varint_end(data, at)
            yield key >> 3, 2, begin, begin + read_varint(data, at, begin)
            at = begin + read_varint(data, at, begin)
        else:
            begin, at = at, {0: lambda at: varint_end(data, at), 1: lambda at: at + 8}.get(key & 7, lambda at: at + 4)(at)
            yield key >> 3, key & 7, begin, at


def times(packet):
    """Where a packet has times. Those of our days are nine bytes."""
    if len(packet) < 8 or not 8 <= packet[0] | packet[1] << 8 <= len(packet):
        return
    for number, wire, begin, end in fields(packet, packet[0] | packet[1] << 8, len(packet)):
        if number == 1 and wire == 2:  # the context: now, the thread's start, the process's
            for inner, kind, at, to in fields(packet, begin, min(end, len(packet))):
                if inner in (1, 3, 5) and kind == 0 and to - at == 9:
                    yield inner, at
        elif number == 5 and wire == 0 and packet[2] == CLONE_INFO and end - begin == 9:
            yield number, begin


def moved(packets, until):
    """The same, as if they had been sent so that the last one was sent then: a consumer believes no clock that is hours
    behind its own."""
    places = []
    for packet in packets:
        try:
            places.append(list(times(packet)))
        except IndexError:  # of a packet that is none
            places.append([])
    sent = [read_varint(packet, at, at + 9) for packet, those in zip(packets, places) for inner, at in those if inner == 1]
    if not sent:
        return packets
    by, result = until - max(sent), []
    for packet, those in zip(packets, places):
        changed = bytearray(packet)
        for _, at in those:
            value = read_varint(packet, at, at + 9) + by
            changed[at:at + 9] = bytes(value >> 7 * i & 0x7f | (0x80 if i < 8 else 0) for i in range(9))
        result.append(bytes(changed))
    return result


def read_packets(fixture):
    """The packets of a fixture, in their order."""
    path = os.path.join(fixture, "packets.bin")
    opened = open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz")
    with opened as file:
        data = file.read()
    packets, at = [], 0
    while at < len(data):
        size = struct.unpack_from("<I", data, at)[0]
        packets.append(data[at + 4:at + 4 + size])
        at += 4 + size
    return packets


def read_handshake(fixture):
    path = os.path.join(fixture, "packets.bin.handshake")
    if not os.path.exists(path):
        return HANDSHAKE
    with open(path, "rb") as file:
        return file.read()


def connect(path, handshake=HANDSHAKE):
    """A connection with hands shaken. Waits until somebody listens there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(path)
            break
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.settimeout(PATIENCE)
    connection.send(handshake)
    answer = connection.recv(64)
    if answer != HANDSHAKE:
        connection.close()
        raise Refused(f"answered with {answer!r}")
    return connection


def send(connection, packets):
    """Waits while the consumer's queue is full; so nothing is lost here."""
    for packet in packets:
        connection.send(packet)


def replay(path, fixture, limit=None, repeat=1):
    packets = read_packets(fixture)[:limit]
    first = moved(packets, time.time_ns())  # it may take longer than a sandbox may be silent for
    with connect(path, read_handshake(fixture)) as connection:
        send(connection, first)
        for _ in range(repeat - 1):
            send(connection, moved(packets, time.time_ns()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, metavar="PACKETS", help="at most so many packets of each")
    parser.add_argument("-r", type=int, metavar="TIMES", default=1, help="each fixture's packets so many times")
    parser.add_argument("socket")
    parser.add_argument("fixtures", nargs="+", metavar="FIXTURE")
    arguments = parser.parse_args()
    failures = []

    def run(fixture):
        try:
            replay(arguments.socket, fixture, arguments.n, arguments.r)
        except (OSError, Refused) as error:
            failures.append(f"{fixture}: {error}")

    threads = [threading.Thread(target=run, args=[fixture]) for fixture in arguments.fixtures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        print(f"replay.py: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
