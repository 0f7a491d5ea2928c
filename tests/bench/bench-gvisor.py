#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What recording costs in a gVisor sandbox, whether anything is dropped, and what a recorder that stands still does.

Everything alternates within one round, because the machine's speed drifts; a ratio is the median of the rounds'
ratios. Every run is a sandbox of its own with the configuration that sysfold generates; "untraced" is the same sandbox
without one.

    bench-gvisor.py SYSFOLD SYSCALL_LOOP STALL_LOOP [ROUNDS [CALLS]]

runsc is what SYSFOLD_RUNSC names, or the one in PATH; status 77 without.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
CALLS = 10_000
PATIENCE = 120
SKIP = 77
DROPPED = "dropped by the sandbox"
RUNSC = shutil.which(os.environ.get("SYSFOLD_RUNSC") or "runsc")
# What a loop does: the events of a turn, and of which calls. Nothing here calls `chmod`.
LOOPS = {"getppid": ["getppid"], "open-close": ["openat", "close"]}
UNTRACED = """#!/bin/sh
for word; do
    shift
    case $word in --pod-init-config=*) ;; *) set -- "$@" "$word" ;; esac
done
exec '{}' "$@"
"""


class Bench:
    def __init__(self, sysfold, loop, stall_loop, directory):
        self.sysfold, self.loop, self.stall_loop = (os.path.abspath(path) for path in (sysfold, loop, stall_loop))
        self.capture = os.path.join(directory, "a.sfold")
        self.untraced = os.path.join(directory, "runsc")
        with open(self.untraced, "w", encoding="utf-8") as file:
            file.write(UNTRACED.format(RUNSC))
        os.chmod(self.untraced, 0o755)

    def record(self, calls, *command):
        """How to record these calls; None: a sandbox of which nothing is told."""
        runsc = self.untraced if calls is None else RUNSC
        return [self.sysfold, "record", "-q", "-b", "gvisor", "-o", self.capture, "--runsc", runsc,
                "-e", calls or "chmod", "--", *command]

    def counts(self):
        """Events by their names; what was lost by its cause."""
        done = subprocess.run([self.sysfold, "stats", "--json", self.capture], check=True, stdout=subprocess.PIPE)
        stats = json.loads(done.stdout)
        lost = {}
        if stats["lost"]:
            done = subprocess.run([self.sysfold, "read", "--json", self.capture], check=True, stdout=subprocess.PIPE)
            for line in done.stdout.splitlines():
                if b'"lost"' in line:
                    event = json.loads(line)
                    cause = event["evt.args"]["cause"]
                    lost[cause] = lost.get(cause, 0) + event["evt.args"]["count"]
        return {row["event"]: row["events"] for row in stats["by_event"]}, lost


def loop_us(bench, calls, what, count, processes):
    """What a turn of the loop costs, by its own clock: the mean of the processes."""
    script = f"for i in {' '.join(map(str, range(processes)))}; do {bench.loop} {what} {count} & done; wait"
    done = subprocess.run(bench.record(calls, "/bin/sh", "-c", script), check=True, stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE, text=True)
    said = [float(line) / 1000 for line in done.stdout.split()]
    assert len(said) == processes, done.stdout
    return statistics.mean(said)


def judge_drops(lost, rounds):
    dropped = lost.get(DROPPED, 0)
    others = "".join(f", {count} {cause}" for cause, count in lost.items() if cause != DROPPED)
    return f"{dropped} packets dropped in {rounds} runs{others}: bar {'met' if not lost else 'MISSED'}"


def bench_loop(bench, rounds, what, count, processes):
    events = LOOPS[what]
    ways = {"untraced": None, "other calls": "chmod", "these calls": ",".join(events), "all calls": "all"}
    samples, lost = {way: [] for way in ways}, {"these calls": {}, "all calls": {}}
    for turn in range(rounds + 1):  # the first one warms up
        for way, calls in ways.items():
            value = loop_us(bench, calls, what, count, processes)
            if not turn:
                continue
            samples[way].append(value)
            if way not in lost:
                continue
            found, missed = bench.counts()
            for cause, more in missed.items():
                lost[way][cause] = lost[way].get(cause, 0) + more
            if not missed:
                for event in events:
                    assert found[event] >= count * processes, f"{found[event]} of {event}"
    print(f"{what}, {processes} process{'es' if processes > 1 else ''}: "
          f"untraced {statistics.median(samples['untraced']):.1f} us a turn")
    for way in list(ways)[1:]:
        ratios = [value / bare for value, bare in zip(samples[way], samples["untraced"])]
        line = (f"  {way:<12} {statistics.median(samples[way]):7.1f} us, x {statistics.median(ratios):.2f}"
                f" ({min(ratios):.2f}-{max(ratios):.2f})")
        if way in lost:
            rates = [processes * len(events) / value * 1e6 for value in samples[way]]
            line += (f", {statistics.median(rates):.0f} events a second (most {max(rates):.0f}), "
                     f"{judge_drops(lost[way], rounds)}")
        print(line, flush=True)


def stalled(bench, pause, length_ms):
    """What the loop says of itself, and what was recorded, when the recorder stands still for `pause` seconds."""
    with subprocess.Popen(bench.record("getppid", bench.stall_loop, str(length_ms)), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.3)
        if pause:
            process.send_signal(signal.SIGSTOP)
            time.sleep(pause)
            process.send_signal(signal.SIGCONT)
        said = json.loads(process.stdout.read())
        assert process.wait(PATIENCE) == 0
    return said, *bench.counts()


def bench_stalls(bench, rounds):
    print("a recorder that stands still, one process that calls getppid for two seconds, the median run:")
    for pause in (0, 0.2, 1):
        rows = []
        for _ in range(rounds):
            said, found, lost = stalled(bench, pause, 2000)
            told, dropped = found.get("getppid", 0), sum(lost.values())
            # A call is two packets, and an event as long as the second one arrives.
            assert told <= said["calls"] <= told + dropped, (said, told, lost)
            rows.append((said["calls"], told, dropped, said["longest_ns"] / 1e6))
        calls, told, dropped, longest = sorted(rows)[len(rows) // 2]
        print(f"  {pause:>4} s: {calls} calls, longest {longest:.1f} ms, {told} told, "
              f"{dropped} packets dropped, all of them counted", flush=True)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else ROUNDS
    calls = int(sys.argv[5]) if len(sys.argv) > 5 else CALLS
    if not RUNSC:
        print("SKIP: there is no runsc (SYSFOLD_RUNSC)")
        sys.exit(SKIP)
    with tempfile.TemporaryDirectory(prefix="sysfold-bench-") as directory:
        bench = Bench(*sys.argv[1:4], directory)
        for what in LOOPS:
            for processes in (1, 4):
                bench_loop(bench, rounds, what, calls // len(LOOPS[what]), processes)
        bench_stalls(bench, rounds)


if __name__ == "__main__":
    main()
