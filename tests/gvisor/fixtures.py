#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What real sandboxes once sent, sent again to a recorder, and the capture compared with what the messages mean.

    fixtures.py SYSFOLD SOURCE-ROOT FIXTURE

The recordings lie beside the source tree, in ../shared/fixtures/gvisor; without them everything is skipped."""

import collections
import difflib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from expect import Expectation, exact, same
from messages import Bad, Protocol
from replay import PATIENCE, connect, moved, read_handshake, read_packets, send

SKIP = 77
SHOWN = 40  # disagreements
LIFECYCLE = {"thread_start", "exec", "thread_exit", "process_exit"}
# Without context: of which thread, and when, nobody knows.
WITHOUT_THREADS = {"nofields", "rawctx"}


class Recorder:
    """sysfold record, until everything has been sent."""

    def __init__(self, sysfold, directory):
        self.sysfold, self.socket = sysfold, os.path.join(directory, "s")
        self.capture, self.errors = os.path.join(directory, "a.sfold"), os.path.join(directory, "errors")
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([sysfold, "record", "-q", "-b", "gvisor", "--socket", self.socket, "-o",
                                             self.capture], stdin=subprocess.DEVNULL, stderr=errors)

    def replay(self, fixtures):
        """All at once, a connection for each, which take turns so that none is done before another begins. Returns what
        each sent."""
        # Moved first: it may take longer than a sandbox may be silent for.
        packets = [moved(read_packets(fixture), time.time_ns()) for fixture in fixtures]
        connections = [connect(self.socket, read_handshake(fixture)) for fixture in fixtures]
        for at in range(0, max(map(len, packets)), 16):
            for connection, these in zip(connections, packets):
                send(connection, these[at:at + 16])
        for connection in connections:
            connection.close()
        return packets

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        with open(self.errors, encoding="utf-8") as errors:
            complaints = errors.read()
        # A shell's status of a command ended by SIGTERM is as good: it is how the recording was ended.
        return [] if status in (0, -signal.SIGTERM, 128 + signal.SIGTERM) else [f"record ended with {status}: {complaints}"]

    def events(self):
        done = subprocess.run([self.sysfold, "read", "--json", self.capture], check=True, stdout=subprocess.PIPE)
        return [json.loads(line) for line in done.stdout.splitlines()]


    def lines(self):
        done = subprocess.run([self.sysfold, "read", self.capture], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines()


    def tree(self):
        done = subprocess.run([self.sysfold, "ps", self.capture], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines()


def judge_trees(lines, events):
    """sysfold ps shows a tree for each sandbox, below its name."""
    names = sorted({(e["evt.source_num"], e["evt.source"]) for e in events})
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    wanted = [f"{name}:" for _, name in names] if len(names) > 1 else []
    return [] if headings == wanted else [f"ps has the headings {headings}, not {wanted}"]


def judge_names(lines, events):
    """As soon as there are several sandboxes, a line says whose it is."""
    told = [event for event in events if not event["evt.type"].startswith("snap_")]
    several = len({event["evt.source_num"] for event in told}) > 1
    beginnings = [line.split(" ")[1] for line in lines]
    named = sum(name == event["evt.source"] for name, event in zip(beginnings, told))
    first = next((i for i, event in enumerate(told) if event["evt.source_num"] != told[0]["evt.source_num"]), len(told))
    wanted = len(told) - first if several else 0
    return [] if named == wanted and len(lines) == len(told) else [f"{named} lines have a source's name, not {wanted}"]


def read_rows(sysfold):
    done = subprocess.run([sysfold, "schema", "--json"], check=True, stdout=subprocess.PIPE)
    return {row["number"]: row for row in json.loads(done.stdout)["events"]}


def read_messages(protocol, packets):
    """The messages that can be read, and how much is lost: what the sandbox dropped, and what cannot be understood."""
    messages, bad = [], 0
    for index, packet in enumerate(packets):
        try:
            messages.append(protocol.read(index, packet))
        except Bad:
            bad += 1
    dropped = most = 0
    for message in messages:
        more = (message.dropped - most + (1 << 31)) % (1 << 32) - (1 << 31)
        if more > 0:
            dropped, most = dropped + more, message.dropped
    nobodys = sum(m.kind == "TaskExit" and not m.tid for m in messages)
    return messages, dropped + bad + nobodys + sum(m.kind.startswith("type ") for m in messages)


def compare_args(expected, event):
    args = event["evt.args"]
    for name, value in expected.args.items():
        found = exact(args, name)
        if name in event.get("evt.truncated", []) and isinstance(value, list):
            cut = "\0".join(value)
            if not cut.startswith("\0".join(found)):
                yield f"{name} is cut to something else"
        elif not same(value, found):
            yield f"{name} is {found!r}, not {value!r}"
    for name in args:
        if name.removesuffix(".raw") not in expected.args and expected.name:
            yield f"{name} is {args[name]!r}, of which nothing was told"


def compare_event(expected, event):
    """What is wrong with it."""
    if expected.res != "none" and event.get("evt.res", "missing") != expected.res:
        yield f"result is {event.get('evt.res')}, not {expected.res}"
    if expected.times and event["evt.time"] not in expected.times:
        yield f"time is {event['evt.time']}, not in {expected.times}"
    if expected.pid and event.get("proc.pid", expected.pid) != expected.pid:
        yield f"its process is {event['proc.pid']}, not {expected.pid}"
    if sorted(event.get("evt.raced", [])) != expected.raced:
        yield f"raced: {event.get('evt.raced', [])}, not {expected.raced}"
    yield from compare_args(expected, event)


def ended_by_the_end(event):
    """Told of what still lived when the connection ended."""
    return event["evt.type"] in ("thread_exit", "process_exit") and "status" not in event["evt.args"]


def name_of(event):
    return event.name or "?"


def align(wanted, found):
    if wanted == found:
        return [("equal", 0, len(wanted), 0, len(found))]
    # Looking for the best alignment takes the square of what is alike.
    return difflib.SequenceMatcher(None, wanted, found, autojunk=len(wanted) > 2000).get_opcodes()


def compare_thread(tid, expected, events):
    """Aligned by their names, so that one that is missing or told twice is named as such."""
    wanted, found = [name_of(e) for e in expected], [e["evt.type"] for e in events]
    for e, event in zip(expected, events):  # a call without a row: its name is not known here
        if not e.name:
            wanted = [event["evt.type"] if w == "?" else w for w in wanted]
    for what, i, i_end, j, j_end in align(wanted, found):
        if what == "equal":
            for e, event in zip(expected[i:i_end], events[j:j_end]):
                for wrong in compare_event(e, event):
                    yield f"thread {tid}: {event['evt.num']}. {event['evt.type']}: {wrong}"
            continue
        for e in expected[i:i_end]:
            if not e.optional:
                yield f"thread {tid}: {name_of(e)} {e.args} is missing"
        for event in events[j:j_end]:
            yield f"thread {tid}: {event['evt.num']}. {event['evt.type']} {event['evt.args']} is one too many"


def compare_threads(expectation, events):
    wanted, found = expectation.by_thread(), collections.defaultdict(list)
    for event in events:
        if not (event["thread.tid"] in expectation.living and ended_by_the_end(event)):
            found[event["thread.tid"]].append(event)
    for tid in sorted(set(wanted) | set(found)):
        yield from compare_thread(tid, wanted.get(tid, []), found[tid])


def compare_counts(expectation, events):
    wanted = {name: count for name, count in expectation.counts().items() if name not in LIFECYCLE}
    found = collections.Counter(e["evt.type"] for e in events if e["evt.type"] not in LIFECYCLE)
    for name in sorted(set(wanted) | set(found)):
        if wanted.get(name, 0) != found[name]:
            yield f"{found[name]} of {name}, not {wanted.get(name, 0)}"


def compare_order(events):
    before = 0
    for event in events:
        if event["evt.time"] < before:
            yield f"{event['evt.num']}. {event['evt.type']} is {before - event['evt.time']} ns before its predecessor"
        before = max(before, event["evt.time"])


def compare_first(events):
    """A thread's start is told before anything else of it, and a parent's before its child's."""
    seen = set()
    for event in events:
        tid = event["thread.tid"]
        if event["evt.type"] == "thread_start":
            if tid in seen:
                yield f"thread {tid} did something before it was born"
            if event["evt.args"].get("parent_tid", 0) not in seen | {0}:
                yield f"thread {tid} was born to {event['evt.args']['parent_tid']}, of which nothing had been told"
        seen.add(tid)


def judge(name, expectation, missed, events):
    """Everything that is wrong with a source's events."""
    told = [e for e in events if not e["evt.type"].startswith("snap_") and e["evt.type"] not in ("lost", "marker")]
    lost = sum(e.get("evt.lost", 0) for e in events)
    if lost != missed:
        yield f"{lost} counted as lost, not {missed}"
    if name in WITHOUT_THREADS:
        yield from compare_counts(expectation, told)
        return
    yield from compare_threads(expectation, told)
    yield from compare_order(told)
    yield from compare_first(events)


def run(sysfold, shared, names):
    """The disagreements about fixtures that are sent at the same time."""
    folders = [os.path.join(shared, "fixtures", "gvisor", name) for name in names]
    protocol, rows, wrong = Protocol(os.path.join(shared, "facts", "gvisor-messages.tsv")), read_rows(sysfold), []
    with tempfile.TemporaryDirectory(prefix="sysfold-gvisor-") as directory:
        recorder = Recorder(sysfold, directory)
        try:
            sent = recorder.replay(folders)
            wrong += recorder.end()
        finally:
            recorder.process.kill()
            recorder.process.wait()
        events = recorder.events()
        wrong += judge_names(recorder.lines(), events) + judge_trees(recorder.tree(), events)
    sources = sorted({e["evt.source_num"] for e in events})
    if len(sources) != len(names):
        wrong.append(f"{len(sources)} sources, not {len(names)}")
    for number, name, packets in zip(sources, names, sent):
        messages, missed = read_messages(protocol, packets)
        mine = [e for e in events if e["evt.source_num"] == number]
        wrong += [f"{name}: {line}" for line in judge(name, Expectation(rows, messages), missed, mine)]
        print(f"{name}: {len(packets)} packets, {missed} lost: {len(mine)} events")
    return wrong


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sysfold, shared = os.path.abspath(sys.argv[1]), os.path.join(sys.argv[2], os.pardir, "shared")
    if not os.path.isdir(os.path.join(shared, "fixtures", "gvisor")):
        print(f"skipped: no recordings in {os.path.normpath(shared)}/fixtures/gvisor")
        return SKIP
    wrong = run(sysfold, shared, sys.argv[3:])
    for line in wrong[:SHOWN]:
        print(line)
    if len(wrong) > SHOWN:
        print(f"... and {len(wrong) - SHOWN} more")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
