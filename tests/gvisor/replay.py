#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends recorded packets to a socket as a sandbox does.

    replay.py [-n PACKETS] [-r TIMES] SOCKET FIXTURE...

FIXTURE is a directory with packets.bin or packets.bin.gz ({u32 little-endian length; packet}...) and, perhaps, the
handshake that was recorded with them. Each fixture has a connection of its own, all of them at the same time."""

import argparse
import gzip
import os
import socket
import struct
import sys
import threading
import time

HANDSHAKE = b"\x08\x01"
PATIENCE = float(os.environ.get("PATIENCE", 60))


class Refused(Exception):
    """The consumer did not shake hands."""


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


def replay(path, fixture, limit=None, times=1):
    connection = connect(path, read_handshake(fixture))
    with connection:
        for _ in range(times):
            send(connection, read_packets(fixture)[:limit])


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
