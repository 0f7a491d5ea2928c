#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What recording by seccomp notification costs: against ptrace, strace and the bare run, and what is lost.

Everything alternates within one round, because the machine's speed drifts. Printed are the median and, after a slash,
the lower quartile of the rounds; then of the bars the median of the rounds' ratios (or differences). Where we are root
the cheaper half is also done as nobody, whose perf events are others.

    bench-notify.py SYSFOLD SYSCALL_LOOP [ROUNDS] [PART]...
"""

import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 7
THREADS = (1, 2, 4)
BUSY_THREADS, BUSY_CALLS = 4, 250000
SKIP = 77


class User:
    """Who runs it all."""

    def __init__(self, name=None):
        account = pwd.getpwnam(name) if name else None
        self.ids = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        self.home = tempfile.mkdtemp(prefix="sysfold-bench-")
        if account:
            os.chown(self.home, account.pw_uid, account.pw_gid)
        self.environment = {**os.environ, "HOME": self.home, "XDG_CACHE_HOME": self.home}

    def run(self, command, **options):
        return subprocess.run(command, check=True, env=self.environment, cwd=self.home, **self.ids, **options)

    def loop(self, prefix, *arguments):
        """µs a call, as the loop itself measures it."""
        done = self.run([*prefix, LOOP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return float(done.stdout) / 1000

    def wall(self, prefix, command):
        start = time.monotonic()
        self.run([*prefix, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.monotonic() - start

    def finish(self):
        shutil.rmtree(self.home, ignore_errors=True)


def strace(calls):
    return ["strace", "-f", "--seccomp-bpf", "-e", "trace=" + calls, "-e", "signal=none", "-o", "/dev/null"]


def ptrace(calls):
    return [SYSFOLD, "record", "-q", "-b", "ptrace", "-e", calls, "-o", "/dev/null", "--"]


def notify(calls, results):
    return [SYSFOLD, "record", "-q", "-b", "notify", "--results", results, "-e", calls, "-o", "/dev/null", "--"]


def can(user, calls, results):
    """Is that to be had for this user?"""
    try:
        user.run([*notify(calls, results), "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return True
    except subprocess.CalledProcessError:
        return False


def alternate(runs):
    """Runs every one of `runs` ({label: function}) once a round."""
    samples = {label: [] for label in runs}
    for function in runs.values():
        function()  # warm up
    for _ in range(ROUNDS_WANTED):
        for label, function in runs.items():
            samples[label].append(function())
    return samples


def quartile(values):
    return statistics.quantiles(values, n=4)[0] if len(values) > 1 else values[0]


def report(name, unit, samples):
    figures = "  ".join(f"{label} {statistics.median(values):.3f}/{quartile(values):.3f}"
                        for label, values in samples.items())
    print(f"{name} ({unit}): {figures}", flush=True)


def bar(name, samples, label, other, most, subtract=False):
    """Against another one: a ratio, or a difference; of each round, then the median. -1: it was not to be had."""
    if label not in samples:
        print(f"    {name}: not to be had here", flush=True)
        return
    pairs = list(zip(samples[label], samples[other]))
    values = [a - b if subtract else a / b for a, b in pairs]
    figure = statistics.median(values)
    print(f"    {name}: {figure:.3f} ({min(values):.3f} to {max(values):.3f}), at most {most}: "
          f"{'met' if figure <= most else 'MISSED'}", flush=True)


def each(user, calls, ways, function):
    """The runs of bare, strace, ptrace and the ways of notify that are to be had; `function` takes a prefix."""
    runs = {"bare": lambda: function([]), "strace": lambda: function(strace(calls)),
            "ptrace": lambda: function(ptrace(calls))}
    for way in ways:
        if can(user, calls, way):
            runs[way] = lambda way=way: function(notify(calls, way))
    return runs


def bench_scalar(user):
    samples = alternate(each(user, "getppid", ("none", "perf", "auto"),
                             lambda prefix: user.loop(prefix, "getppid", "20000")))
    report("getppid", "us a call", samples)
    bar("notified and continued / strace", samples, "none", "strace", 0.5)
    runs = {"bare": lambda: user.loop([], "getppid", "300000", "--cpu")}
    if can(user, "getppid", "perf"):
        runs["perf"] = lambda: user.loop(notify("getppid", "perf"), "getppid", "300000", "--cpu")
    samples = alternate(runs)
    report("getppid, own cpu time", "us a call", samples)
    bar("perf alone, over bare, us", samples, "perf", "bare", 1, subtract=True)


def bench_open(user):
    samples = alternate(each(user, "openat,close", ("none", "perf", "emulate", "auto"),
                             lambda prefix: user.loop(prefix, "open-close", "5000")))
    report("open and close", "us a pair", samples)
    bar("notified, perf's result / strace", samples, "perf", "strace", 0.6)
    bar("performed (auto) / strace", samples, "auto", "strace", 0.6)


def bench_connect(user):
    samples = alternate(each(user, "connect", ("none", "perf", "emulate"),
                             lambda prefix: user.loop(prefix, "connect", "3000")))
    report("connect", "us a connection", samples)


def bench_untraced(user):
    samples = alternate({
        "bare": lambda: user.loop([], "getppid", "500000"),
        "filter": lambda: user.loop([], "getppid", "500000", "--filter"),
        "notify": lambda: user.loop(notify("openat", "emulate"), "getppid", "500000"),
        "notify+perf": lambda: user.loop(notify("openat", "auto"), "getppid", "500000")})
    report("getppid, not chosen", "us a call", samples)


def bench_threads(user):
    for threads in THREADS:
        samples = alternate(each(user, "getppid", ("none", "perf"), lambda prefix, threads=threads: user.loop(
            prefix, "getppid", str(20000 // threads), f"--threads={threads}")))
        report(f"getppid, {threads} threads", "us a call of all", samples)


def bench_find(user):
    samples = alternate(each(user, "openat", ("none", "perf", "emulate", "auto"),
                             lambda prefix: user.wall(prefix, ["sh", "-c", "find /usr -size 1 | wc -l"])))
    report("find /usr", "s", samples)


def bench_processes(user):
    processes = ["sh", "-c", "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done"]
    samples = alternate(each(user, "openat,close", ("none", "perf", "auto"),
                             lambda prefix: user.wall(prefix, processes)))
    report("500 x /bin/true", "s", samples)


def bench_loss(user):
    """Busy threads that nobody stops: what was told and what is said to be lost is what was made."""
    if not can(user, "getppid", "perf"):
        print("losses: perf tells nothing here")
        return
    capture = os.path.join(user.home, "capture")
    made = BUSY_THREADS * BUSY_CALLS
    for _ in range(3):
        user.run([SYSFOLD, "record", "-q", "-b", "notify", "--results", "perf", "-e", "getppid", "-o", capture, "--", LOOP,
                  "getppid", str(BUSY_CALLS), f"--threads={BUSY_THREADS}"], stdout=subprocess.DEVNULL)
        told, lost = count(capture)
        print(f"{BUSY_THREADS} busy threads: {made} calls, {told} told, {lost} lost: "
              f"{'met' if told == made and not lost else 'MISSED'}", flush=True)


def count(capture):
    told = lost = 0
    with subprocess.Popen([SYSFOLD, "read", "--json", capture], stdout=subprocess.PIPE) as reader:
        for line in reader.stdout:
            if b'"evt.type":"getppid"' in line:
                told += 1
            elif b'"evt.type":"lost"' in line:
                lost += json.loads(line)["evt.args"]["count"]
    return told, lost


PARTS = {"scalar": bench_scalar, "open": bench_open, "connect": bench_connect, "untraced": bench_untraced,
         "threads": bench_threads, "find": bench_find, "processes": bench_processes, "loss": bench_loss}
OF_NOBODY = ("scalar", "open", "connect", "processes", "loss")


def bench(user, parts):
    print(f"load {os.getloadavg()[0]:.2f}", flush=True)
    for part in parts:
        PARTS[part](user)
    print(f"load {os.getloadavg()[0]:.2f}", flush=True)
    user.finish()


def main():
    parts = sys.argv[4:] or list(PARTS)
    if not shutil.which("strace"):
        print("SKIP: strace is not installed")
        sys.exit(SKIP)
    bench(User(), parts)
    if os.geteuid() == 0:
        print("as nobody:")
        bench(User("nobody"), [part for part in parts if part in OF_NOBODY])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    SYSFOLD, LOOP = (os.path.abspath(path) for path in sys.argv[1:3])
    ROUNDS_WANTED = int(sys.argv[3]) if len(sys.argv) > 3 else ROUNDS
    main()
