#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost: busy programs, the whole machine recorded with the buffers that are the default, and what the
capture holds of them equals what they counted themselves.

    loss.py SYSFOLD TALLY [TEST]...
"""

import collections
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SYSFOLD, TALLY = (os.path.abspath(path) for path in sys.argv[1:3])
DD_BLOCKS = int(os.environ.get("DD_BLOCKS", 500_000))
REDIS_REQUESTS = int(os.environ.get("REDIS_REQUESTS", 200_000))
PATIENCE = 120  # seconds for what takes some
SKIP = 77


def find(name):
    """A program; Debian's redis-server may be where scripts/test links it to."""
    path = os.pathsep.join([os.environ.get("WITNESS_PATH", ""), os.environ["PATH"]])
    return shutil.which(name, path=path)


def why_not():
    done = subprocess.run([SYSFOLD, "backends", "--json"], stdout=subprocess.PIPE, check=False)
    for backend in json.loads(done.stdout):
        if backend["name"] == "ebpf":
            return None if backend["usability"] == "usable" else f"ebpf: {backend['reason']}"
    return "ebpf is not built"


class Recorder:
    """`sysfold record` of the whole machine."""

    def __init__(self, capture):
        self.capture = capture
        self.process = subprocess.Popen([SYSFOLD, "record", "-b", "ebpf", "--system-wide", "-o", capture],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while self.process.poll() is None and not (os.path.exists(capture) and os.path.getsize(capture)):
            time.sleep(0.01)

    def end(self):
        """(events, lost), as it says itself."""
        self.process.terminate()
        said = self.process.stderr.read()
        self.process.stderr.close()
        self.process.returncode, usage = os.wait4(self.process.pid, 0)[1:]
        counts = re.search(r"^sysfold: (\d+) events, (\d+) lost, ", said, re.MULTILINE)
        if not counts:
            raise RuntimeError(said)
        events, lost = (int(count) for count in counts.groups())
        print(f"{events:,} events, {lost:,} lost, {os.path.getsize(self.capture) >> 20} MiB, recorded in "
              f"{usage.ru_utime:.1f} s + {usage.ru_stime:.1f} s of cpu", file=sys.stderr)
        return events, lost


def counts_in(said):
    return tuple(int(count) for count in re.search(r"^events (\d+) lost (\d+)$", said, re.MULTILINE).groups())


def tally(capture, *pids):
    """{(pid, call, fd): (calls, bytes)}, and (events, lost) of the capture."""
    said = subprocess.run([TALLY, capture, *map(str, pids)], stdout=subprocess.PIPE, check=True, text=True,
                          timeout=PATIENCE).stdout
    sums = collections.defaultdict(lambda: (0, 0))
    for line in said.splitlines()[:-1]:
        pid, call, fd, calls, size = line.split()
        sums[int(pid), call, fd] = (int(calls), int(size))
    return sums, counts_in(said)


class Dd:
    def __init__(self):
        self.process = subprocess.Popen(["dd", "if=/dev/zero", "of=/dev/null", "bs=1", f"count={DD_BLOCKS}"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "LC_ALL": "C"})
        self.pid = self.process.pid

    def end(self):
        """How many blocks it read and wrote, as it says itself."""
        said = self.process.communicate(timeout=PATIENCE)[1]
        return tuple(int(re.search(rf"^(\d+)\+0 records {way}$", said, re.MULTILINE)[1]) for way in ("in", "out"))


class Redis:
    """A server, on a socket in `directory`."""

    def __init__(self, directory):
        self.socket = f"{directory}/redis.sock"
        self.process = subprocess.Popen(
            [find("redis-server"), "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no",
             "--daemonize", "no", "--dir", directory, "--loglevel", "warning"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(self.socket):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise TimeoutError("redis-server does not listen")
            time.sleep(0.01)

    def start_benchmark(self):
        return subprocess.Popen([find("redis-benchmark"), "-s", self.socket, "-t", "set,get", "-n", str(REDIS_REQUESTS),
                                 "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def counts(self):
        """Its own figures, and the bytes of the answer, which it could not count yet."""
        with socket.socket(socket.AF_UNIX) as client, client.makefile("rb") as answer:
            client.connect(self.socket)
            client.sendall(b"*2\r\n$4\r\nINFO\r\n$3\r\nall\r\n")
            head = answer.readline()
            text = answer.read(int(head[1:]) + 2)
        figures = dict(line.split(":", 1) for line in text.decode().split("\r\n") if ":" in line)
        return figures, len(head) + len(text)

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Loss(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="sysfold-loss-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.capture = os.path.join(self.directory, "a.sfold")

    @contextlib.contextmanager
    def recording(self):
        recorder = Recorder(self.capture)
        try:
            yield
        finally:
            self.events, lost = recorder.end()
        self.assertEqual(lost, 0)

    def sums_of(self, *pids):
        sums, (events, lost) = tally(self.capture, *pids)
        self.assertEqual((events, lost), (self.events, 0))
        return sums

    def check_dd(self, sums, pid, blocks):
        self.assertEqual(blocks, (DD_BLOCKS, DD_BLOCKS))
        self.assertEqual((sums[pid, "read", "0"], sums[pid, "write", "1"]), ((blocks[0],) * 2, (blocks[1],) * 2))

    def check_redis(self, sums, pid, figures, answer):
        """Each answered request was one read. Bytes are exact; requests may come two at a time, at the start."""
        reads, received = sums[pid, "read", "accepted"]
        sent = sum(sums[pid, call, "accepted"][1] for call in ("write", "writev"))
        for command in ("set", "get"):
            self.assertIn(f"calls={REDIS_REQUESTS},", figures[f"cmdstat_{command}"])
        self.assertEqual((received, sent),
                         (int(figures["total_net_input_bytes"]), int(figures["total_net_output_bytes"]) + answer))
        self.assertGreaterEqual(reads, 2 * REDIS_REQUESTS)

    def test_any_backend_counts_the_same(self):
        blocks, sums = 5000, []
        for backend in ("ebpf", "ptrace"):
            done = subprocess.run([SYSFOLD, "record", "-q", "-b", backend, "-o", self.capture, "--", "sh", "-c",
                                   f"echo $$; exec dd if=/dev/zero of=/dev/null bs=1 count={blocks}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=PATIENCE)
            pid = int(done.stdout)
            told, (_, lost) = tally(self.capture, pid)
            self.assertEqual(lost, 0)
            sums.append({key[1:]: value for key, value in told.items()})
        del sums[0]["write", "2"], sums[1]["write", "2"]  # its report has the time it took, in some digits
        self.assertEqual(sums[0], sums[1])
        self.assertEqual((sums[0]["read", "0"], sums[0]["write", "1"][0]), ((blocks, blocks), blocks + 1))

    def test_two_dds(self):
        with self.recording():
            dds = [Dd(), Dd()]
            blocks = [dd.end() for dd in dds]
        sums = self.sums_of(*(dd.pid for dd in dds))
        for dd, counted in zip(dds, blocks):
            self.check_dd(sums, dd.pid, counted)

    @unittest.skipUnless(find("redis-server") and find("redis-benchmark"), "redis-server is not installed")
    def test_redis(self):
        with self.recording():
            redis = Redis(self.directory)
            self.addCleanup(redis.end)
            self.assertEqual(redis.start_benchmark().wait(PATIENCE), 0)
            figures, answer = redis.counts()
        self.check_redis(self.sums_of(redis.pid), redis.pid, figures, answer)

    @unittest.skipUnless(find("redis-server") and find("redis-benchmark"), "redis-server is not installed")
    def test_all_at_once(self):
        with self.recording():
            redis = Redis(self.directory)
            self.addCleanup(redis.end)
            benchmark, dds = redis.start_benchmark(), [Dd(), Dd()]
            blocks = [dd.end() for dd in dds]
            self.assertEqual(benchmark.wait(PATIENCE), 0)
            figures, answer = redis.counts()
        sums = self.sums_of(redis.pid, *(dd.pid for dd in dds))
        self.check_redis(sums, redis.pid, figures, answer)
        for dd, counted in zip(dds, blocks):
            self.check_dd(sums, dd.pid, counted)


if __name__ == "__main__":
    del sys.argv[1:3]
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIP)
    unittest.main(verbosity=2)
