#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does sysfold see what strace sees?

Runs one of programs.py under `strace -f` and under `sysfold record`, each in a directory made afresh at the same path,
with the same environment and without address space randomisation, and compares, thread by thread, the sequences of
(system call, result) and how each thread ended. Threads are matched by their place in the tree of births.

    witness.py SYSFOLD PROGRAM... [--user nobody] [--classes] [--trace] [--keep] [--self]
"""

import argparse
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

import programs
import trace as traces

SKIP = 77
SUBSET = "file,process,network"
TIMEOUT = 300


def child_options(user):
    if not user or os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Bench:
    """A place for runs: every run finds the same paths, the same environment and the same descriptors."""

    def __init__(self, base, options):
        self.base = base
        self.work = f"{base}/work"
        self.options = options

    def run(self, program, tracer):
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        program.setup(self.work)
        self.give_away()
        with program.around(self.work), open(f"{self.base}/out", "w") as out, open(f"{self.base}/err", "w+") as err:
            done = subprocess.run(
                ["/usr/bin/setarch", "-R", *tracer, "--", *program.command(self.work)], cwd=self.work,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False, timeout=TIMEOUT,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC0", "HOME": self.work, "PYTHONHASHSEED": "0",
                     "PYTHONDONTWRITEBYTECODE": "1", "PERL_HASH_SEED": "0", "GIT_OPTIONAL_LOCKS": "0",
                     "GIT_CONFIG_NOSYSTEM": "1"}, **self.options)
            err.seek(0)
            return done.returncode, err.read()

    def give_away(self):
        if "user" not in self.options:
            return
        for directory, _, files in os.walk(self.work):
            for path in [directory, *(os.path.join(directory, file) for file in files)]:
                os.chown(path, self.options["user"], self.options["group"], follow_symlinks=False)


def under_strace(bench, program, calls):
    log = f"{bench.base}/log/strace"
    filters = ["--seccomp-bpf", "-e", f"trace={calls}"] if calls else []
    status, errors = bench.run(program, ["/usr/bin/strace", "-f", "-o", log, *filters])
    return traces.read_strace(log), status, errors


def under_sysfold(bench, program, calls, sysfold, live):
    filters = ["-b", "ptrace", *(["-e", calls] if calls else program.sysfold_options)]
    lines = f"{bench.base}/log/sysfold.json"
    if live:
        status, errors = bench.run(program, [sysfold, "trace", "--json", "-o", lines, *filters])
    else:
        capture = f"{bench.base}/log/sysfold.sfold"
        status, errors = bench.run(program, [sysfold, "record", "-q", "-o", capture, *filters])
        with open(lines, "w", encoding="utf-8") as file:
            subprocess.run([sysfold, "read", "--json", capture], stdout=file, check=True)
    seen, lost = traces.read_sysfold(lines)
    if lost:
        raise ValueError(f"sysfold lost {lost} events")
    return seen, status, errors


def canonical(program, trace):
    """{place: [(call, result as compared, as it was)]}, and {place: (end, signals)}."""
    names = trace.names()
    calls = {}
    for tid, made in trace.calls.items():
        place = names.get(tid, f"stranger {tid}")
        calls[place] = [(call.name, meaning(program, call, names), call) for call in made
                        if call.name not in program.drop and call.result not in program.drop_results]
    ends = {names.get(tid, f"stranger {tid}"): end for tid, end in trace.ends.items()}
    signals = {names.get(tid, f"stranger {tid}"): sorted(set(got)) for tid, got in trace.signals.items()}
    return calls, ends, signals


def meaning(program, call, names):
    if not isinstance(call.result, int):
        return call.result
    if call.name in traces.PIDS and call.result > 0:
        if program.any_child and call.name in traces.WAITS:
            return "a child"
        return f"thread {names[call.result]}" if call.result in names else "a pid from outside"
    if call.name in traces.TIMES:
        return "a time"
    return call.result


def shown(call):
    if call is None:
        return "-"
    name, result, _ = call
    return f"{name} = {'?' if result is None else result}"


def difference(place, left, right):
    """The surroundings of the first difference, side by side; None if there is none."""
    plain = [[(name, result) for name, result, _ in side] for side in (left, right)]
    if plain[0] == plain[1]:
        return None
    first = next((i for i, (a, b) in enumerate(zip(*plain)) if a != b), min(map(len, plain)))
    lines = [f"thread {place}: {len(left)} calls in strace's, {len(right)} in sysfold's; first difference at {first}:",
             f"   {'strace':48} sysfold"]
    for i in range(max(0, first - 6), first + 7):
        pair = [side[i] if i < len(side) else None for side in (left, right)]
        if pair != [None, None]:
            mark = "  " if pair[0] and pair[1] and pair[0][:2] == pair[1][:2] else "! "
            lines.append(f" {mark}{shown(pair[0])[:47]:48} {shown(pair[1])}")
    for side in (left, right):
        if first < len(side):
            lines.append(f"   {side[first][2].name}: {side[first][2].text[:200]}")
    return "\n".join(lines)


def differences(program, strace, sysfold):
    found = []
    left, right = canonical(program, strace), canonical(program, sysfold)
    for place in sorted({*left[0], *right[0]}):
        found.append(difference(place, left[0].get(place, []), right[0].get(place, [])))
    for place in sorted({*left[1], *right[1]}):
        pair = left[1].get(place), right[1].get(place)
        if pair[0] != pair[1]:
            found.append(f"thread {place} ended: strace says {pair[0]}, sysfold says {pair[1]}")
    for place in sorted({*left[2], *right[2]}):
        pair = left[2].get(place), right[2].get(place)
        if pair[0] != pair[1]:
            found.append(f"thread {place}'s signals: strace says {pair[0]}, sysfold says {pair[1]}")
    return [text for text in found if text]


def usable_by(sysfold, options):
    return not options or subprocess.run([sysfold, "--version"], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, check=False, **options).returncode == 0


def subset_of(program, arguments):
    if arguments.classes and (program.calls or not program.by_class):
        return None  # its own subset is compared already, or strace cannot
    return program.calls or (SUBSET if arguments.classes else "")


def compare_once(bench, program, calls, arguments):
    strace, strace_status, errors = under_strace(bench, program, calls)
    if not strace.calls:
        raise ValueError(f"strace saw nothing: {errors}")
    if arguments.self:
        sysfold, status, errors = under_strace(bench, program, calls)
    else:
        sysfold, status, errors = under_sysfold(bench, program, calls, arguments.sysfold, arguments.trace)
    found = differences(program, strace, sysfold)
    if strace_status != status:
        found.insert(0, f"exit status: strace's {strace_status}, sysfold's {status} ({errors.strip()})")
    total = sum(len(made) for made in strace.calls.values())
    return found, f"{total} calls of {len(strace.calls)} threads"


def compare(program, arguments):
    calls = subset_of(program, arguments)
    if calls is None:
        return True
    base = tempfile.mkdtemp(prefix="sysfold-witness-")
    options = child_options(arguments.user)
    os.mkdir(f"{base}/log")
    os.chmod(base, 0o777)
    os.chmod(f"{base}/log", 0o777)
    try:
        for attempt in range(program.tries):
            found, what = compare_once(Bench(base, options), program, calls, arguments)
            if not found:
                print(f"{program.name}: the same: {what}{f' ({calls})' if calls else ''}"
                      f"{f', in pair {attempt + 1}' if attempt else ''}")
                return True
        print(f"{program.name}: strace and sysfold differ{f' ({calls})' if calls else ''}; {program.why}")
        print("\n".join(found[:4]))
        return False
    finally:
        if arguments.keep:
            print(f"kept: {base}")
        else:
            shutil.rmtree(base, ignore_errors=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sysfold", type=os.path.realpath)  # run in other directories
    parser.add_argument("programs", nargs="+", metavar="PROGRAM", help="a name of programs.py, or all")
    parser.add_argument("--user", help="run both tracers as this user, if we are root")
    parser.add_argument("--classes", action="store_true", help=f"only -e {SUBSET}, with strace's --seccomp-bpf")
    parser.add_argument("--trace", action="store_true", help="`sysfold trace --json` instead of record and read")
    parser.add_argument("--self", action="store_true", help="strace against strace: is the program deterministic?")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    wanted = [program for program in programs.PROGRAMS
              if program.name in arguments.programs or "all" in arguments.programs]
    if not os.path.exists("/usr/bin/strace"):
        print("skipped: strace is not installed")
        return SKIP
    if arguments.user and os.geteuid() != 0:
        print("skipped: only root can become another user")
        return SKIP
    try:
        if not usable_by(arguments.sysfold, child_options(arguments.user)):
            raise PermissionError
    except PermissionError:
        print(f"skipped: {arguments.user} cannot run {arguments.sysfold}")
        return SKIP
    failed = done = 0
    for program in wanted:
        try:
            failed += not compare(program, arguments)
            done += 1
        except programs.Missing as reason:
            print(f"{program.name}: skipped: {reason}")
    return 1 if failed else 0 if done else SKIP


if __name__ == "__main__":
    sys.exit(main())
