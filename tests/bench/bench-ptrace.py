#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tracing a system call costs: sysfold against strace and the bare run.

Everything alternates within one round, because the machine's speed drifts;
the figure to quote is the median of the rounds' ratios.

    bench-ptrace.py SYSFOLD SYSCALL_LOOP [ROUNDS]
"""

import shutil
import statistics
import subprocess
import sys
import time

ROUNDS = 9


def loop_ns(prefix, loop, what, count, *more):
    """What one call of the loop costs, as the loop itself measures it."""
    run = subprocess.run([*prefix, loop, what, str(count), *more], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=True, text=True)
    return float(run.stdout)


def wall_s(prefix, command):
    start = time.monotonic()
    subprocess.run([*prefix, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def report(name, unit, samples, base, other):
    """samples: {label: [value of each round]}"""
    medians = {label: statistics.median(values) for label, values in samples.items()}
    figures = "  ".join(f"{label} {value:.3f}" for label, value in medians.items())
    ratios = [a / b for a, b in zip(samples[base], samples[other])]
    print(f"{name:<24} {unit}: {figures}   {base}/{other}: median {statistics.median(ratios):.3f}"
          f" (min {min(ratios):.3f}, max {max(ratios):.3f})", flush=True)


def alternate(rounds, runs):
    """Runs every one of `runs` ({label: function}) once a round."""
    samples = {label: [] for label in runs}
    for function in runs.values():
        function()  # warm up
    for _ in range(rounds):
        for label, function in runs.items():
            samples[label].append(function())
    return samples


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sysfold, loop = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else ROUNDS
    if not shutil.which("strace"):
        print("SKIP: strace is not installed")
        sys.exit(77)

    def strace(calls):
        return ["strace", "-f", "--seccomp-bpf", "-e", "trace=" + calls, "-e", "signal=none", "-o", "/dev/null"]

    def record(calls):
        return [sysfold, "record", "-q", "-b", "ptrace", "-e", calls, "-o", "/dev/null", "--"]

    for what, calls, count in (("getppid", "getppid", 20000), ("open-close", "openat,close", 10000)):
        samples = alternate(rounds, {
            "bare": lambda: loop_ns([], loop, what, count) / 1000,
            "strace": lambda: loop_ns(strace(calls), loop, what, count) / 1000,
            "sysfold": lambda: loop_ns(record(calls), loop, what, count) / 1000,
        })
        report("traced " + what, "us", samples, "sysfold", "strace")

    samples = alternate(rounds, {
        "bare": lambda: loop_ns([], loop, "getppid", 1000000),
        "filtered": lambda: loop_ns([], loop, "getppid", 1000000, "--filter"),
        "sysfold": lambda: loop_ns(record("openat"), loop, "getppid", 1000000),
    })
    report("untraced getppid", "ns", samples, "sysfold", "filtered")

    processes = ["sh", "-c", "i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done"]
    samples = alternate(rounds, {
        "bare": lambda: wall_s([], processes),
        "strace": lambda: wall_s(strace("openat,close"), processes),
        "sysfold": lambda: wall_s(record("openat,close"), processes),
    })
    report("300 x /bin/true", "s", samples, "sysfold", "strace")


if __name__ == "__main__":
    main()
