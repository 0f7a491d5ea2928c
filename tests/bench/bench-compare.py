#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast two captures are compared: of the same program, and of two that have nothing to do with each other.

bench-compare.py SYSFOLD [ROUNDS]
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

SAME = ["find", "/usr/share", "/usr/lib", "-ls"]
OTHER = ["sh", "-c", "for i in $(seq 400); do cat /etc/passwd >/dev/null; done"]


def record(sysfold, path, command):
    subprocess.run([sysfold, "record", "-q", "-b", "ptrace", "-o", path, "--", *command], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def events(sysfold, path):
    text = subprocess.run([sysfold, "stats", path], check=True, capture_output=True, text=True).stdout
    return int(text.split()[1])


def measure(sysfold, rounds, what, a, b):
    times = []
    for _ in range(rounds):
        start = time.monotonic()
        subprocess.run([sysfold, "compare", "-q", a, b], check=False)
        times.append(time.monotonic() - start)
    total = events(sysfold, a) + events(sysfold, b)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"{what}: {total:,} events in {statistics.median(times):.2f} s: "
          f"{total / statistics.median(times) / 1e6:.2f} million a second; at most {peak >> 10} MiB so far")


def main():
    sysfold, rounds = os.path.realpath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory(prefix="sysfold-bench-") as directory:
        paths = [f"{directory}/{name}.sfold" for name in ("a", "b", "other")]
        for path, command in zip(paths, (SAME, SAME, OTHER)):
            record(sysfold, path, command)
        measure(sysfold, rounds, "the same", paths[0], paths[1])
        measure(sysfold, rounds, "nothing alike", paths[0], paths[2])


if __name__ == "__main__":
    main()
