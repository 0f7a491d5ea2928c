#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A storm of calls, recorded: nobody who watches changes how it ends, nothing that was made is missing, and a sanitizer
in sysfold has nothing to say. Where we are root the storm is nobody's, and so is sysfold in every other run.

    storm.py SYSFOLD STORM SECONDS [SEED]...

SECONDS is each storm's. Every seed is recorded in another way.
"""

import glob
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
PATIENCE = 300  # seconds for what takes SECONDS and some
STATUS = 42  # the storm's own
MARK = 7777
THREADS = 4
MARKS_PER_THREAD = 10 ** 7  # as in storm.c; children's numbers are higher
SANITIZER_OPTIONS = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
SANITIZERS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error")
# Nothing is lost for want of room, whatever the machine is doing.
WAYS = (
    ["--results=auto", "-e", "all"],
    ["--results=none", "-e", "all", "--timed"],
    ["--results=auto", "-e", "file,network,getpriority", "--timed"],
    ["--results=emulate", "-e", "all", "-s", "0"],
    ["--results=none", "-e", "process,getpriority"],
)


def why_not(sysfold):
    done = subprocess.run([sysfold, "backends", "--json"], stdout=subprocess.PIPE, check=False)
    for backend in json.loads(done.stdout):
        if backend["name"] == "notify":
            return None if backend["usability"] == "usable" else backend["reason"]
    return "notify is not built"


def nobody():
    """Who a storm is; None: we are nobody special ourselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def environment(reports=None):
    """Nobody hears what sysfold's processes of its own say: a sanitizer in them writes into files."""
    options = {name: f"{os.environ.get(name, '')}:log_path={reports}" for name in SANITIZER_OPTIONS if reports}
    return {**os.environ, "LC_ALL": "C", **options}


def reported(reports):
    found = []
    for path in glob.glob(reports + "*"):
        with open(path, encoding="utf-8", errors="replace") as report:
            found.append(report.read())
    return "".join(found)


def check_end(done, reports):
    """What is wrong with how it ended."""
    said = done.stderr.decode(errors="replace") + reported(reports)
    if any(word in said for word in SANITIZERS):
        return said
    if done.returncode != STATUS:
        return f"it ended with {done.returncode}, not {STATUS}: {done.stdout.decode()}{said}"
    return None


def count_marks(sysfold, capture):
    """(different marks, marks, events lost) of the capture."""
    done = subprocess.run([sysfold, "read", "--json", capture], stdout=subprocess.PIPE, check=True,
                          env=environment(), timeout=PATIENCE)
    seen, marks, lost = set(), 0, 0
    for line in done.stdout.splitlines():
        event = json.loads(line)
        name, arguments = event["evt.type"], event["evt.args"]
        if name == "lost":
            lost += arguments["count"]
        elif name == "getpriority" and arguments["which.raw"] == MARK and arguments["who"] < THREADS * MARKS_PER_THREAD:
            seen.add(arguments["who"])
            marks += 1
    return len(seen), marks, lost


def check_marks(sysfold, capture, said):
    made = int(said.split()[-1])
    seen, told, lost = count_marks(sysfold, capture)
    if lost:
        return f"{lost} events lost, of {made} marks {seen} seen"
    if seen != made or told != made:
        return f"{made} marks made, {seen} of them seen, {told} times"
    return None


def blow(sysfold, storm, seconds, seed):
    """What is wrong with this one; None: nothing."""
    user = nobody()
    way = WAYS[seed // 2 % len(WAYS)]
    drop = []  # it is sysfold that is dropped
    if user and seed % 2:
        drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    outside = tempfile.mkdtemp(prefix="sysfold-storm-")
    directory = os.path.join(outside, "d")
    os.mkdir(directory)
    if user:
        os.chown(directory, user.pw_uid, user.pw_gid)
        os.chown(outside, user.pw_uid, user.pw_gid)
    capture, reports = os.path.join(outside, "capture"), os.path.join(outside, "report")
    ids = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user and not drop else {}
    try:
        done = subprocess.run(
            [sysfold, "record", "-q", "-b", "notify", "--buffer=134217728", *way, "-o", capture, "--", *drop, storm,
             str(seed), seconds, str(THREADS)],
            cwd=directory, input=b"", stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            env=environment(reports), timeout=PATIENCE, **ids)
        print(f"seed {seed}, {' '.join(way)}{', root' if drop else ''}: {done.stdout.decode().strip()}, {os.path.getsize(capture)} bytes", flush=True)
        return check_end(done, reports) or check_marks(sysfold, capture, done.stdout.decode())
    except subprocess.TimeoutExpired as hung:
        return f"it hangs: {hung}"
    finally:
        subprocess.run(["chmod", "-R", "u+rwx", outside], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(outside, ignore_errors=True)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sysfold, storm, seconds = sys.argv[1:4]
    reason = why_not(sysfold)
    if reason:
        print(f"SKIP: {reason}")
        sys.exit(SKIP)
    failed = 0
    for seed in [int(word) for word in sys.argv[4:]] or range(2 * len(WAYS)):
        problem = blow(os.path.abspath(sysfold), os.path.abspath(storm), seconds, seed)
        if problem:
            print(f"seed {seed}: {problem}", flush=True)
            failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
