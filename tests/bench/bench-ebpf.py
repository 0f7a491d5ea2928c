#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the eBPF backend costs those who are recorded, those who are not, and the recorder.

Everything alternates within one round, because the machine's speed drifts. A call's price is the median of the rounds'
differences from the bare run, and the difference of the best runs; what is quoted against a bar is the median.

    bench-ebpf.py SYSFOLD TOOLS [ROUNDS [BLOCKS]]

TOOLS is where count-events, floor and floor.bpf.o are, separated by colons.
"""

import contextlib
import csv
import json
import os
import re
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 7
BLOCKS = 200_000
REQUESTS = 40_000
PAYLOAD_NS, NO_PAYLOAD_NS, UNINTERESTING_NS, EVENT_US = 400, 260, 110, 0.15  # at most
REDIS_RATIO = 0.8  # at least
DELIVERY_MS = 10  # at most
SKIP = 77
ENVIRONMENT = {**os.environ, "LC_ALL": "C"}


class Tools:
    def __init__(self, sysfold, places):
        self.sysfold = sysfold
        self.record = [sysfold, "record", "-q", "-b", "ebpf", "-o", "/dev/null"]
        self.count, self.floor, self.floor_object = places.split(":")


@contextlib.contextmanager
def attached(tools):
    """The empty program."""
    with subprocess.Popen([tools.floor, tools.floor_object], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield
        process.stdin.close()


@contextlib.contextmanager
def recording(tools, *targets):
    """It records once something is in the file."""
    with tempfile.TemporaryDirectory(prefix="sysfold-bench-") as directory:
        capture = f"{directory}/a.sfold"
        process = subprocess.Popen([tools.sysfold, "record", "-q", "-b", "ebpf", "-o", capture, *targets],
                                   stdin=subprocess.DEVNULL)
        try:
            while process.poll() is None and not (os.path.exists(capture) and os.path.getsize(capture)):
                time.sleep(0.01)
            yield
        finally:
            process.terminate()
            process.wait()


def dd(blocks):
    return ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", f"count={blocks}"]


def dd_ns(blocks, *prefix):
    """What a call of dd's costs, by its own clock. As many reads as writes."""
    done = subprocess.run([*prefix, *dd(blocks)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True,
                          text=True, env=ENVIRONMENT)
    return float(re.search(r"copied, ([\d.e+-]+) s", done.stderr)[1]) / (2 * blocks) * 1e9


def alternate(rounds, runs):
    """Runs every one of `runs` ({label: function}) once a round, and once before. {label: [value of each round]}"""
    samples = {label: [] for label in runs}
    for function in runs.values():
        function()
    for _ in range(rounds):
        for label, function in runs.items():
            samples[label].append(function())
    return samples


def judge(value, bar, at_most=True):
    if bar is None:
        return ""
    return f"   bar {bar}: {'met' if (value <= bar if at_most else value >= bar) else 'MISSED'}"


def report_calls(samples, bars):
    bare = samples.pop("bare")
    print(f"{'bare':<38} {statistics.median(bare):7.1f} ns a call (best {min(bare):.1f})")
    for label, values in samples.items():
        added = statistics.median(value - base for value, base in zip(values, bare))
        print(f"{label:<38} {added:+7.1f} ns (best {min(values) - min(bare):+.1f}){judge(added, bars.get(label))}",
              flush=True)


def bench_calls(tools, rounds, blocks):
    def beside_floor():
        with attached(tools):
            return dd_ns(blocks)

    def beside_idle():
        with subprocess.Popen(["sleep", "600"]) as idle, recording(tools, "-p", str(idle.pid)):
            value = dd_ns(blocks)
            idle.terminate()
            return value

    samples = alternate(rounds, {
        "bare": lambda: dd_ns(blocks),
        "an empty program (the floor)": beside_floor,
        "somebody else is recorded": beside_idle,
        "recorded, but not these calls": lambda: dd_ns(blocks, tools.count, "--no-state", "--only=getppid"),
        "recorded without payload": lambda: dd_ns(blocks, tools.count, "--no-state", "--no-data"),
        "recorded": lambda: dd_ns(blocks, tools.count, "--no-state"),
        "recorded into a compressed file": lambda: dd_ns(blocks, *tools.record, "--"),
    })
    report_calls(samples, {"recorded, but not these calls": UNINTERESTING_NS,
                           "somebody else is recorded": UNINTERESTING_NS,
                           "recorded without payload": NO_PAYLOAD_NS, "recorded": PAYLOAD_NS})


def find(name):
    """A program; Debian's redis-server may be where scripts/test links it to."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("WITNESS_PATH", ""), os.environ["PATH"]]))


@contextlib.contextmanager
def redis_server():
    with tempfile.TemporaryDirectory(prefix="sysfold-bench-") as directory:
        place = f"{directory}/redis.sock"
        server = subprocess.Popen(
            [find("redis-server"), "--port", "0", "--unixsocket", place, "--save", "", "--appendonly", "no",
             "--daemonize", "no", "--dir", directory], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not os.path.exists(place) and server.poll() is None:
                time.sleep(0.01)
            yield server.pid, place
        finally:
            server.terminate()
            server.wait()


@contextlib.contextmanager
def counting_machine(tools):
    with subprocess.Popen([tools.count, "--no-state", "--system-wide"], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield
        process.terminate()
        process.stdout.read()


def requests_a_second(place):
    done = subprocess.run([find("redis-benchmark"), "-s", place, "-t", "set,get", "-n", str(REQUESTS), "--csv"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True)
    rates = [float(row[1]) for row in csv.reader(done.stdout.splitlines()) if row[0] in ("SET", "GET")]
    return len(rates) / sum(1 / rate for rate in rates)


def bench_redis(tools, rounds):
    if not find("redis-server") or not find("redis-benchmark"):
        print("redis: skipped: not installed")
        return
    with redis_server() as (pid, place):
        def recorded(*targets):
            with recording(tools, *targets):
                return requests_a_second(place)

        def counted():
            with counting_machine(tools):
                return requests_a_second(place)

        samples = alternate(rounds, {"bare": lambda: requests_a_second(place),
                                     "counted": counted,
                                     "server": lambda: recorded("-p", str(pid)),
                                     "machine": lambda: recorded("--system-wide")})
    print(f"{'redis, bare':<38} {statistics.median(samples['bare']):7.0f} requests a second")
    for label, what in (("counted", "redis, the whole machine recorded"),
                        ("server", "redis, the server into a file"),
                        ("machine", "redis, the whole machine into a file")):
        ratio = statistics.median(value / bare for value, bare in zip(samples[label], samples["bare"]))
        best = max(samples[label]) / max(samples["bare"])
        print(f"{what:<38} {ratio:7.2f} of bare (best {best:.2f}){judge(ratio, REDIS_RATIO, at_most=False)}",
              flush=True)


def cpu_of(command):
    """Seconds of cpu of a process and of the children that it waits for."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.returncode, usage = os.wait4(process.pid, 0)[1:]
    return usage.ru_utime + usage.ru_stime


def bench_consumers(tools, rounds, blocks):
    def recording():
        """Beyond what a recording of next to nothing takes: loading the programs."""
        command = [*tools.record, "--compress", "0", "--"]
        return (cpu_of(command + dd(blocks)) - cpu_of(command + dd(1))) / (2 * blocks) * 1e6

    def counting(*options):
        done = subprocess.run([tools.count, *options, *dd(blocks)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True)
        said = json.loads(done.stdout)
        return said["cpu_ns"] / (said["events"] + said["lost"]) / 1000

    samples = alternate(rounds, {
        "consumer: counts": lambda: counting("--no-state"),
        "consumer: keeps the state, counts": counting,
        "consumer: sysfold record --compress 0": recording,
    })
    for label, values in samples.items():
        value = statistics.median(values)
        bar = EVENT_US if label == "consumer: counts" else None
        print(f"{label:<38} {value:7.3f} us of cpu an event (best {min(values):.3f}){judge(value, bar)}", flush=True)


def bench_delivery(tools, times=20):
    """How late a reader hears of what comes after a pause."""
    def one(lines):
        time.sleep(0.2)
        start = time.monotonic()
        os.getppid()
        assert "getppid" in lines.readline()
        return (time.monotonic() - start) * 1000

    command = [tools.sysfold, "trace", "-b", "ebpf", "-e", "getppid", "-o", "-", "-p", str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while not select.select([process.stdout], [], [], 0.1)[0]:
            os.getppid()
        while select.select([process.stdout], [], [], 0.5)[0]:
            process.stdout.readline()
        delays = sorted(one(process.stdout) for _ in range(times))
        process.terminate()
    print(f"{'delivery after a pause':<38} {statistics.median(delays):7.2f} ms (longest of {times}: {delays[-1]:.2f})"
          f"{judge(delays[-1], DELIVERY_MS)}", flush=True)


def bench_programs(tools, blocks):
    """Runs are the whole machine's: where it is busy otherwise, many end early. Measuring adds some ns to each."""
    for what, options in (("with payload", ()), ("without", ("--no-data",))):
        done = subprocess.run([tools.count, "--no-state", "--program-stats", *options, *dd(blocks)],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        said = json.loads(done.stdout)
        events = said["events"] + said["lost"]
        for program in said.get("programs", []):
            ns, runs = program["ns"], program["runs"]
            if runs:
                print(f"program {program['name']:<29} {ns / runs:8.1f} ns a run, {runs:,} runs; "
                      f"{ns / events:.1f} ns an event, {events:,} events ({what})", flush=True)


def why_not(tools):
    done = subprocess.run([tools.sysfold, "backends", "--json"], stdout=subprocess.PIPE, check=False)
    for backend in json.loads(done.stdout):
        if backend["name"] == "ebpf":
            return None if backend["usability"] == "usable" else backend["reason"]
    return "not built"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    tools = Tools(*sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else ROUNDS
    blocks = int(sys.argv[4]) if len(sys.argv) > 4 else BLOCKS
    reason = why_not(tools)
    if reason:
        print(f"skipped: ebpf: {reason}")
        sys.exit(SKIP)
    bench_calls(tools, rounds, blocks)
    bench_redis(tools, rounds)
    bench_consumers(tools, rounds, 2 * blocks)
    bench_delivery(tools)
    bench_programs(tools, blocks)


if __name__ == "__main__":
    main()
